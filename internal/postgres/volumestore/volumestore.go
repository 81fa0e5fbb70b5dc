// Package volumestore judges completed syncs by what the audits of their clinic say (R49),
// and keeps the unusual ones, in PostgreSQL.
package volumestore

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/feed"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/clinicstore"
	"github.com/pims-sync/pims-sync/internal/postgres/feedstore"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/null"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/volume"
)

// A Store judges the syncs of one database. It is safe for concurrent use.
type Store struct{ db *postgres.DB }

// New returns the store of a database.
func New(db *postgres.DB) *Store { return &Store{db} }

const syncsAtOnce = 20

// Judge implements volume.Store. It reads the feed, so that a sync is judged after its end
// is visible to others, and once: the position moves in the same transaction.
func (s *Store) Judge(ctx context.Context) (unusual []volume.Unusual, more bool, err error) {
	news, err := s.db.Holds(ctx, "look for syncs to judge", "select v.position < f.position from pims_sync_volume_state v, pims_sync_feed_state f")
	if err != nil || !news {
		return nil, false, err
	}
	err = s.db.System(ctx, "judge the counts of syncs", func(tx pgx.Tx) error {
		unusual, more = nil, false
		var position, last int64
		err := tx.QueryRow(ctx, `select v.position, f.position from pims_sync_volume_state v, pims_sync_feed_state f
			for update of v skip locked`).Scan(&position, &last)
		if errors.Is(err, pgx.ErrNoRows) || err == nil && position >= last { // another replica judges; there is nothing new
			return nil
		}
		if err != nil {
			return err
		}
		ended, err := completed(ctx, tx, position, last)
		if err != nil {
			return err
		}
		for _, x := range ended {
			found, err := judgeSync(ctx, tx, x)
			if err != nil {
				return err
			}
			unusual = append(unusual, found...)
		}
		if more = len(ended) == syncsAtOnce; more {
			last = ended[len(ended)-1].Position
		}
		_, err = tx.Exec(ctx, "update pims_sync_volume_state set position = $1", last)
		return err
	})
	return unusual, more, err
}

// An ending is a sync of the feed that completed.
type ending struct {
	Position int64
	ClinicID uuid.UUID
	SyncID   uuid.UUID
}

func completed(ctx context.Context, tx pgx.Tx, after, last int64) ([]ending, error) {
	rows, err := tx.Query(ctx, `select position, clinic_id, (data ->> 'syncId')::uuid from pims_sync_feed
		where position > $1 and position <= $2 and type = $3 and clinic_id is not null order by position limit $4`,
		after, last, feed.SyncCompleted, syncsAtOnce)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[ending])
}

// judgeSync judges the phases of a sync.
func judgeSync(ctx context.Context, tx pgx.Tx, x ending) (all []volume.Unusual, err error) {
	var zone string
	err = tx.QueryRow(ctx, "select coalesce(timezone, '') from clinics where id = $1", x.ClinicID).Scan(&zone)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	loc, zoneErr := time.LoadLocation(zone)
	if zoneErr != nil {
		return nil, nil //nolint:nilerr // it has no days to compare
	}
	phases, err := readRuns(ctx, tx, "(a.id = $1 or a.parent_id = $1) and a.sync_type <> 'full'", loc, x.SyncID)
	if err != nil {
		return nil, err
	}
	for i := range phases {
		u, err := judge(ctx, tx, &phases[i], loc)
		if err != nil {
			return nil, err
		}
		if len(u.Findings) > 0 {
			all = append(all, u)
		}
	}
	return all, nil
}

// judge judges one phase, stores it where it is unusual, and emits what is news.
func judge(ctx context.Context, tx pgx.Tx, run *volume.Run, loc *time.Location) (u volume.Unusual, err error) {
	earlier, err := readRuns(ctx, tx, `a.clinic_id = $1 and a.sync_type = $2 and a.status = 'completed' and a.completed_at > $3
		and coalesce(a.started_at, a.created_at) < $4
		and extract(isodow from coalesce(a.started_at, a.created_at) at time zone $5) = extract(isodow from $4 at time zone $5)`,
		loc, run.ClinicID, run.Type, run.Began.Add(-volume.Lookback-24*time.Hour), run.Began, loc.String())
	if err != nil {
		return u, err
	}
	u = volume.Unusual{Run: *run, Findings: volume.Judge(run, earlier, loc)}
	if len(u.Findings) == 0 {
		return u, nil
	}
	if u.Field, err = fieldOf(ctx, tx, run); err != nil {
		return u, err
	}
	told, err := clinicstore.UnusualSince(ctx, tx, run.ClinicID, run.Began.AddDate(0, 0, -8))
	if err != nil {
		return u, err
	}
	if err := keep(ctx, tx, &u); err != nil {
		return u, err
	}
	if news := u.News(told); len(news) > 0 {
		err = feedstore.Emit(ctx, tx, u.ClinicID, feed.VolumeUnusual, event{u.SyncID, u.Type, clinicstore.EncodeFindings(news), u.Field})
	}
	return u, err
}

const runSQL = `
	select a.clinic_id, a.id, a.sync_type, coalesce(a.started_at, a.created_at), m.sync_type,
		m.request ->> 'startDate', m.request ->> 'endDate', m.request ->> 'daysAhead',
		m.request ->> 'lookbackDays', m.request ->> 'lookaheadDays',
		a.appointments_found, a.cases_created, a.cases_updated, a.cases_enriched, a.cases_failed, a.cases_deleted
	from case_sync_audits a join case_sync_audits m on m.id = coalesce(a.parent_id, a.id)
	where a.status = 'completed' and m.request ->> 'approval' is null and (m.request ->> 'dryRun') is distinct from 'true' and `

// readRuns reads phases. Runs that carried out a plan are left out: a person has looked at
// their counts.
func readRuns(ctx context.Context, tx pgx.Tx, where string, loc *time.Location, args ...any) ([]volume.Run, error) {
	rows, err := tx.Query(ctx, runSQL+where+" order by a.id", args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (r volume.Run, err error) {
		var master syncs.Type
		var start, end, ahead, lookback, lookahead *string
		err = row.Scan(&r.ClinicID, &r.SyncID, &r.Type, &r.Began, &master, &start, &end, &ahead, &lookback, &lookahead,
			&r.Stats.AppointmentsFound, &r.Stats.CasesCreated, &r.Stats.CasesUpdated, &r.Stats.CasesEnriched, &r.Stats.CasesFailed, &r.Stats.CasesDeleted)
		if err == nil {
			o := syncs.Options{StartDate: dateOf(start), EndDate: dateOf(end), DaysAhead: intOf(ahead), LookbackDays: intOf(lookback), LookaheadDays: intOf(lookahead)}
			r.Window = windowOf(o, master, &r, loc)
		}
		return r, err
	})
}

func dateOf(text *string) *pims.Date {
	d, err := pims.ParseDate(null.Value(text))
	if err != nil {
		return nil
	}
	return &d
}

func intOf(text *string) *int {
	n, err := strconv.Atoi(null.Value(text))
	if err != nil {
		return nil
	}
	return &n
}

// windowOf returns the days of a phase, counted from the day on which it began. A request
// that is not one of ours has no window.
func windowOf(o syncs.Options, master syncs.Type, r *volume.Run, loc *time.Location) volume.Window {
	all, err := o.Windows(master, r.Began, loc)
	if err != nil {
		return volume.Window{}
	}
	w := map[syncs.Type]pims.Window{syncs.TypeInbound: all.Inbound, syncs.TypeCases: all.Cases, syncs.TypeReconciliation: all.Reconciliation}[r.Type]
	today := pims.DateOf(r.Began, loc)
	return volume.Window{From: w.Start.Sub(today), To: w.End.Sub(today)}
}

// fieldOf returns the field in which most of the cases that a run changed have changed. A
// field of the metadata is named with its key.
func fieldOf(ctx context.Context, tx pgx.Tx, run *volume.Run) (string, error) {
	rows, err := tx.Query(ctx, `
		with s as (
			select 'sync:' || id as actor, coalesce(started_at, created_at) - interval '1 hour' as began,
				coalesce(completed_at, now()) + interval '1 hour' as ended
			from case_sync_audits where id = $2
		), e as (
			select e.case_id, e.field, e.before, e.after from case_events e join s on e.actor = s.actor
			where e.clinic_id = $1 and e.action = 'changed' and e.at between (select began from s) and (select ended from s)
				and e.field not in ('sync_status', 'metadata.sync')
		), f as (
			select case_id, field as name from e where jsonb_typeof(coalesce(nullif(before, 'null'), after)) is distinct from 'object'
			union all
			select e.case_id, e.field || '.' || k.key from e
			cross join lateral (
				select coalesce(b.key, a.key) as key
				from jsonb_each(case when jsonb_typeof(e.before) = 'object' then e.before else '{}' end) b
				full join jsonb_each(case when jsonb_typeof(e.after) = 'object' then e.after else '{}' end) a on a.key = b.key
				where a.value is distinct from b.value
			) k
			where jsonb_typeof(coalesce(nullif(e.before, 'null'), e.after)) = 'object'
		)
		select name, count(distinct case_id) from f group by name
		union all
		select '', count(distinct case_id) from e`, run.ClinicID, run.SyncID)
	if err != nil {
		return "", err
	}
	fields, changed := make(map[string]int), 0
	var name string
	var cases int
	_, err = pgx.ForEachRow(rows, []any{&name, &cases}, func() error {
		if name == "" {
			changed = cases
		} else {
			fields[name] = cases
		}
		return nil
	})
	most, _ := volume.MostlyOf(fields, changed)
	return most, err
}

// event is the data of volume.unusual.
type event struct {
	SyncID   uuid.UUID                 `json:"syncId"`
	Type     syncs.Type                `json:"type"`
	Findings []clinicstore.FindingJSON `json:"findings"`
	Field    string                    `json:"field,omitempty"`
}

func keep(ctx context.Context, tx pgx.Tx, u *volume.Unusual) error {
	document, err := json.Marshal(clinicstore.EncodeFindings(u.Findings))
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `insert into pims_sync_unusual (sync_id, clinic_id, sync_type, began, findings, field)
		values ($1, $2, $3, $4, $5, nullif($6, '')) on conflict do nothing`, u.SyncID, u.ClinicID, u.Type, u.Began, document, u.Field)
	return err
}
