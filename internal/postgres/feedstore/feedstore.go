// Package feedstore keeps the feed in PostgreSQL (R46): the rows that transactions leave,
// the positions that the sequencer gives, and the changes that readers get.
package feedstore

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/feed"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/null"
)

// A Store is the feed of one database. It is safe for concurrent use.
type Store struct{ db *postgres.DB }

// New returns the feed of a database.
func New(db *postgres.DB) *Store { return &Store{db} }

// Emit adds an event of a clinic to the feed, in the caller's transaction: it is seen if
// and when that commits. A zero clinic means the installation. data becomes JSON and holds
// ids, names of fields, codes and counts only (R47).
func Emit(ctx context.Context, tx pgx.Tx, clinicID uuid.UUID, kind string, data any) error {
	document, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("event %s: %w", kind, err)
	}
	_, err = tx.Exec(ctx, "insert into pims_sync_feed_pending (clinic_id, type, data) values ($1, $2, $3)",
		null.ID(clinicID), kind, document)
	return err
}

// sequenceSQL gives positions after $1 to all pending rows that are committed, under the
// lock of the state. The rows of one transaction and clinic are one group. Groups come in
// the order of their last rows: a transaction that changes a case after another one has
// waited for that one's end, so its row is later.
const sequenceSQL = `
	with taken as (delete from pims_sync_feed_pending returning id, clinic_id, xid, type, events, size, data, at),
	groups as (
		select clinic_id, type, range_agg(events) as events, sum(size)::int as size, null::jsonb as data, min(at) as at, max(id) as last
		from taken where type = 'case.changed' group by clinic_id, xid, type
		union all
		select clinic_id, type, null, size, data, at, id from taken where type <> 'case.changed'
	),
	given as (
		insert into pims_sync_feed (position, clinic_id, type, events, size, data, at, sequenced_at, mark)
		select $1 + row_number() over (order by last), clinic_id, type, events, size, data, at, clock_timestamp(), gen_random_uuid()
		from groups
		returning position, mark, at, sequenced_at
	),
	moved as (
		update pims_sync_feed_state s set position = g.position, mark = g.mark
		from (select position, mark from given order by position desc limit 1) g
	)
	select extract(epoch from sequenced_at - at)::float8 from given order by position`

// Sequence implements feed.Store.
func (s *Store) Sequence(ctx context.Context) (delays []time.Duration, err error) {
	pending, err := s.db.Holds(ctx, "look for changes without a position", "select exists (select from pims_sync_feed_pending)")
	if err != nil || !pending {
		return nil, err
	}
	err = s.db.System(ctx, "give changes their positions", func(tx pgx.Tx) error {
		delays = nil
		var last int64
		if err := tx.QueryRow(ctx, "select position from pims_sync_feed_state for update").Scan(&last); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, sequenceSQL, last) // a new snapshot, taken under the lock
		if err != nil {
			return err
		}
		delays, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (time.Duration, error) {
			var seconds float64
			err := row.Scan(&seconds)
			return time.Duration(seconds * float64(time.Second)), err
		})
		if err != nil || len(delays) == 0 {
			return err
		}
		_, err = tx.Exec(ctx, "select pg_notify($1, '')", postgres.ChannelFeed)
		return err
	})
	return delays, err
}

// Head implements feed.Store.
func (s *Store) Head(ctx context.Context, position int64) (head feed.Head, err error) {
	var last, forgotten uuid.UUID
	var at *uuid.UUID
	var sequenced *time.Time
	err = s.db.System(ctx, "read the ends of the change feed", func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `
			select s.position, s.mark, s.forgotten, s.forgotten_mark, s.cursor_key, s.unsigned_until, f.mark, f.sequenced_at
			from pims_sync_feed_state s left join pims_sync_feed f on f.position = $1`, position).
			Scan(&head.Last.Position, &last, &head.Forgotten.Position, &forgotten, &head.CursorKey, &head.UnsignedUntil, &at, &sequenced)
	})
	head.Last.Mark, head.Forgotten.Mark = feed.Mark(last[:8]), feed.Mark(forgotten[:8])
	if at != nil {
		head.At.Mark, head.At.Sequenced = feed.Mark(at[:8]), null.Value(sequenced)
	}
	return head, err
}

// A position may hold many changes, and a page begins within one. maxEvents bounds how many
// events a page reads for each change that it wants: a change of a case has at most a dozen.
const maxEvents = 16

// What the events of one case and transaction amount to.
const (
	actionSQL = `case when bool_or(e.action = 'removed') then 'removed' when bool_or(e.action = 'created') then 'created'
			when bool_or(case when e.field = 'metadata.reconciliation' then e.after ->> 'softDeleted' = 'true' end) then 'deleted'
			when bool_or(case when e.field = 'metadata.reconciliation' then e.before ->> 'softDeleted' = 'true' end) then 'restored'
			else 'changed' end`
	fieldsSQL = `coalesce(array_agg(distinct e.field) filter (where e.field is not null), '{}')`
)

// changesSQL reads the changes of clinic $1 after event $3 of position $2 up to position $4:
// $5 changes at most. It looks at what is left of position $2, at the next position, and at
// further ones until it has looked at $6 events.
const changesSQL = `
	with next as (
		select position, events, size, mark from pims_sync_feed
		where clinic_id = $1 and type = 'case.changed' and position >= $2 and position <= $4
		order by position limit $5 + 1
	),
	chosen as (
		select position, events, mark from (
			select *, sum(case when position > $2 then size else 0 end) over (order by position) - size as before from next
		) n where before < $6
	),
	changes as (
		select c.position, c.mark, min(e.id) as id, e.case_id, min(e.at) as at,
			(array_agg(e.actor order by e.id))[1] as actor,
			` + actionSQL + ` as action, ` + fieldsSQL + ` as fields
		from chosen c
		cross join lateral unnest(c.events) r
		join case_events e on e.id >= lower(r) and e.id < upper(r)
		where e.clinic_id = $1
		group by c.position, c.mark, e.case_id
	)
	select position, mark, id, case_id, at, actor, action, fields
	from changes
	where position > $2 or id > $3
	order by position, id
	limit $5`

// Changes implements feed.Store.
func (s *Store) Changes(ctx context.Context, clinicID uuid.UUID, after feed.Cursor, last feed.Point, limit int) (page feed.Page, err error) {
	err = s.db.InClinic(ctx, "read the changes of cases", clinicID, func(tx pgx.Tx) error {
		page = feed.Page{}
		rows, err := tx.Query(ctx, changesSQL, clinicID, after.Position, after.Event, last.Position, limit, maxEvents*limit)
		if err != nil {
			return err
		}
		var mark uuid.UUID
		page.Changes, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (feed.Change, error) {
			c := feed.Change{ClinicID: clinicID}
			err := row.Scan(&c.Position, &mark, &c.ID, &c.CaseID, &c.At, &c.Actor, &c.Action, &c.Fields)
			c.Mark = feed.Mark(mark[:8])
			return c, err
		})
		if err != nil {
			return err
		}
		page.Next = feed.Cursor{Point: last, Event: feed.End, ClinicID: clinicID}
		if n := len(page.Changes); n > 0 {
			c := &page.Changes[n-1]
			next := feed.Cursor{Point: feed.Point{Position: c.Position, Mark: c.Mark}, Event: c.ID, ClinicID: clinicID}
			err = tx.QueryRow(ctx, moreSQL, clinicID, c.Position, c.ID, last.Position).Scan(&page.More)
			if page.More {
				page.Next = next
			}
		}
		return err
	})
	return page, err
}

// changesAtSQL reads all changes of clinic $1 at the positions $2.
const changesAtSQL = `
	select c.position, min(e.id) as id, e.case_id, min(e.at), (array_agg(e.actor order by e.id))[1],
		` + actionSQL + `, ` + fieldsSQL + `
	from pims_sync_feed c
	cross join lateral unnest(c.events) r
	join case_events e on e.id >= lower(r) and e.id < upper(r)
	where c.position = any($2) and c.clinic_id = $1 and e.clinic_id = $1
	group by c.position, e.case_id
	order by c.position, min(e.id)`

// ChangesAt reads all changes of a clinic at some positions, in the order of the feed.
func ChangesAt(ctx context.Context, tx pgx.Tx, clinicID uuid.UUID, positions []int64) ([]feed.Change, error) {
	rows, err := tx.Query(ctx, changesAtSQL, clinicID, positions)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (feed.Change, error) {
		c := feed.Change{ClinicID: clinicID}
		err := row.Scan(&c.Position, &c.ID, &c.CaseID, &c.At, &c.Actor, &c.Action, &c.Fields)
		return c, err
	})
}

// moreSQL tells whether clinic $1 has changes after event $3 of position $2 up to $4.
const moreSQL = `
	select exists (
		select from pims_sync_feed
		where clinic_id = $1 and type = 'case.changed' and position > $2 and position <= $4
	) or exists (
		select from pims_sync_feed f
		cross join lateral unnest(f.events) r
		join case_events e on e.id >= lower(r) and e.id < upper(r) and e.id > $3
		where f.position = $2 and f.clinic_id = $1 and e.clinic_id = $1
			and not exists (
				select from unnest(f.events) r
				join case_events o on o.id >= lower(r) and o.id < upper(r)
				where o.id <= $3 and o.case_id = e.case_id and o.clinic_id = $1)
	)`

// Forget implements feed.Store.
func (s *Store) Forget(ctx context.Context, before time.Time) (removed int64, err error) {
	err = s.db.System(ctx, "forget old positions of the change feed", func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, "select pims_sync_feed_forget($1)", before).Scan(&removed)
	})
	return removed, err
}
