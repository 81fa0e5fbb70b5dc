package syncstore

import (
	"context"
	"time"

	"github.com/pims-sync/pims-sync/internal/postgres"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// Schedules stores the running entries of all schedules, and the outcomes of their ticks
// (R33, R34). All methods cross clinics (R41).
type Schedules struct{ db *postgres.DB }

// NewSchedules returns the store of the schedules' entries.
func NewSchedules(db *postgres.DB) *Schedules { return &Schedules{db} }

// scheduleLock is the advisory lock of ReplaceOf, so that one replica at a time replaces the
// entries.
const scheduleLock = 0x7073_7363_6864 // "pschd"

// ReplaceOf makes these the entries of some clinics that run. New entries begin with their
// Next, entries that already run keep theirs, and all other entries of these clinics end.
func (s *Schedules) ReplaceOf(ctx context.Context, clinicIDs []uuid.UUID, entries []scheduler.Entry) error {
	if len(clinicIDs) == 0 {
		return nil
	}
	columns, err := columnsOfEntries(entries)
	if err != nil {
		return err
	}
	return s.db.System(ctx, "load the schedules", func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "select pg_advisory_xact_lock($1)", scheduleLock); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `
			with wanted as (
				select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::timestamptz[])
					as w (clinic_id, entry_key, sync_type, cron, timezone, request, next_tick_at, next_run_at)
			), ended as (
				delete from schedule_entries e
				where e.clinic_id = any($9::uuid[]) and not exists (select from wanted w where w.clinic_id = e.clinic_id and w.entry_key = e.entry_key)
			)
			insert into schedule_entries (clinic_id, entry_key, sync_type, cron, timezone, request, next_tick_at, next_run_at)
			select clinic_id, entry_key, sync_type, cron, timezone, request::jsonb, next_tick_at, next_run_at
			from wanted where clinic_id in (select id from clinics)
			on conflict (clinic_id, entry_key) do nothing`, append(columns.args(), clinicIDs)...)
		return err
	})
}

// Due takes up to limit entries whose time has come and locks them against other replicas.
// decide returns for each entry its ticks (the last one is enqueued unless it is missed)
// and its next time. The audits, their jobs (made by call, with the time at which each was
// due), the outcomes and the next times are written in one transaction, so that a tick is
// enqueued exactly once over all replicas (R34). Due returns how many entries there were,
// and the outcomes by kind.
func (s *Schedules) Due(ctx context.Context, at time.Time, limit int,
	decide func(scheduler.Entry) (ticks []scheduler.Tick, next time.Time),
	call func(tx pgx.Tx, syncIDs []uuid.UUID, due []time.Time) error,
) (taken int, outcomes map[scheduler.Outcome]int, err error) {
	some, err := s.db.Holds(ctx, "look what is due", "select exists (select from schedule_entries where next_run_at <= $1)", at)
	if err != nil || !some {
		return 0, nil, err
	}
	err = s.db.System(ctx, "enqueue what is due", func(tx pgx.Tx) error {
		outcomes = make(map[scheduler.Outcome]int)
		entries, err := postgres.Query(ctx, tx, `
			select clinic_id, entry_key, sync_type, cron, timezone, request, next_tick_at, next_run_at - next_tick_at
			from schedule_entries where next_run_at <= $1
			order by next_run_at, clinic_id, entry_key limit $2
			for update skip locked`, []any{at, limit}, scanEntry)
		taken = len(entries)
		if err != nil || taken == 0 {
			return err
		}
		round := newRound(at, entries, decide)
		if err := round.enqueue(ctx, tx, call); err != nil {
			return err
		}
		for _, outcome := range round.outcomes {
			outcomes[scheduler.Outcome(outcome)]++
		}
		return round.record(ctx, tx)
	})
	return taken, outcomes, err
}

func scanEntry(row pgx.CollectableRow) (e scheduler.Entry, err error) {
	var request []byte
	err = row.Scan(&e.ClinicID, &e.Key, &e.Type, &e.Cron, &e.Timezone, &request, &e.Next, &e.Jitter)
	if err != nil {
		return e, err
	}
	e.Options, _, err = decodeRequest(request)
	return e, err
}

// entryColumns are the columns of entries, as unnest takes them.
type entryColumns struct {
	clinics                             []uuid.UUID
	keys, types, crons, zones, requests []string
	ticks, runs                         []time.Time
}

func columnsOfEntries(entries []scheduler.Entry) (c entryColumns, err error) {
	for i := range entries {
		e := &entries[i]
		request, err := encodeRequest(e.Options, uuid.Nil)
		if err != nil {
			return c, err
		}
		c.clinics, c.keys, c.types = append(c.clinics, e.ClinicID), append(c.keys, e.Key), append(c.types, string(e.Type))
		c.crons, c.zones, c.requests = append(c.crons, e.Cron), append(c.zones, e.Timezone), append(c.requests, string(request))
		c.ticks, c.runs = append(c.ticks, e.Next), append(c.runs, e.Next.Add(e.Jitter))
	}
	return c, nil
}

func (c *entryColumns) args() []any {
	return []any{c.clinics, c.keys, c.types, c.crons, c.zones, c.requests, c.ticks, c.runs}
}

// A round collects the ticks of some entries for their writing.
type round struct {
	at      time.Time
	entries []scheduler.Entry // with their next ticks

	// One element for each tick.
	clinics               []uuid.UUID
	keys, types, outcomes []string
	due                   []time.Time
	syncs                 []*uuid.UUID
	options               []syncs.Options
	jitters               []time.Duration
}

func newRound(at time.Time, entries []scheduler.Entry, decide func(scheduler.Entry) ([]scheduler.Tick, time.Time)) *round {
	r := &round{at: at, entries: entries}
	for i := range entries {
		e := &entries[i]
		ticks, next := decide(*e)
		for _, tick := range ticks {
			r.clinics, r.keys, r.types = append(r.clinics, e.ClinicID), append(r.keys, e.Key), append(r.types, string(e.Type))
			r.outcomes, r.due = append(r.outcomes, string(tick.Outcome)), append(r.due, tick.Due)
			r.syncs, r.options, r.jitters = append(r.syncs, nil), append(r.options, e.Options), append(r.jitters, e.Jitter)
		}
		e.Next = next
	}
	return r
}

// enqueue writes the audits of the ticks that are to be enqueued. Where a sync of the
// clinic and type is already queued, also by this round, the tick is coalesced (R29).
func (r *round) enqueue(ctx context.Context, tx pgx.Tx, call func(pgx.Tx, []uuid.UUID, []time.Time) error) error {
	var (
		ids, clinics    []uuid.UUID
		types, requests []string
		due             []time.Time
		line            = make(map[uuid.UUID]int) // audit to its tick
	)
	for i, outcome := range r.outcomes {
		if outcome != string(scheduler.Enqueued) {
			continue
		}
		id, err := uuid.NewV7()
		if err != nil {
			return err
		}
		request, err := encodeRequest(r.options[i], uuid.Nil)
		if err != nil {
			return err
		}
		line[id] = i
		ids, clinics = append(ids, id), append(clinics, r.clinics[i])
		types, requests, due = append(types, r.types[i]), append(requests, string(request)), append(due, r.due[i])
	}
	if len(ids) == 0 {
		return nil
	}
	enqueued, err := postgres.Query(ctx, tx, `
		insert into case_sync_audits (id, clinic_id, sync_type, status, trigger, request, created_at, due_at)
		select s.id, s.clinic_id, s.sync_type, 'queued', 'schedule', s.request::jsonb, $6, s.due_at
		from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::timestamptz[]) as s (id, clinic_id, sync_type, request, due_at)
		on conflict do nothing
		returning id`, []any{ids, clinics, types, requests, due, r.at}, pgx.RowTo[uuid.UUID])
	if err != nil {
		return err
	}
	for _, i := range line {
		r.outcomes[i] = string(scheduler.Coalesced)
	}
	due = due[:0]
	for _, id := range enqueued {
		i := line[id]
		r.outcomes[i], r.syncs[i] = string(scheduler.Enqueued), &id
		due = append(due, r.due[i].Add(r.jitters[i]))
	}
	if len(enqueued) == 0 {
		return nil
	}
	return call(tx, enqueued, due)
}

// record writes the outcomes and the next times.
func (r *round) record(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `
		insert into schedule_ticks (clinic_id, entry_key, sync_type, due_at, outcome, sync_id, recorded_at)
		select t.*, $7 from unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::text[], $6::uuid[]) as t
		on conflict do nothing`, r.clinics, r.keys, r.types, r.due, r.outcomes, r.syncs, r.at)
	if err != nil {
		return err
	}
	columns, err := columnsOfEntries(r.entries)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
		update schedule_entries e set next_tick_at = n.next_tick_at, next_run_at = n.next_run_at
		from unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::timestamptz[]) as n (clinic_id, entry_key, next_tick_at, next_run_at)
		where e.clinic_id = n.clinic_id and e.entry_key = n.entry_key`,
		columns.clinics, columns.keys, columns.ticks, columns.runs)
	return err
}
