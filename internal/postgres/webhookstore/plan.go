package webhookstore

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/feed"
	"github.com/pims-sync/pims-sync/internal/postgres/feedstore"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/null"
	"github.com/pims-sync/pims-sync/internal/webhooks"
)

const (
	endpointsAtOnce = 50
	positionsAtOnce = 500
)

// Endpoints that have something new in the feed. The others move to its end from time to
// time, so that a type that seldom comes is not looked for again and again.
const (
	newsSQL = `
		select id, clinic_id, types, ordered, position from webhook_endpoints e
		where enabled and exists (
			select from pims_sync_feed f
			where f.position > e.position and (e.clinic_id is null or f.clinic_id = e.clinic_id) and f.type = any(e.types))
		order by position limit $1 for update skip locked`

	advanceSQL = `
		update webhook_endpoints e set position = s.position
		from pims_sync_feed_state s
		where e.enabled and e.position < s.position - 1000 and not exists (
			select from pims_sync_feed f
			where f.position > e.position and f.position <= s.position
				and (e.clinic_id is null or f.clinic_id = e.clinic_id) and f.type = any(e.types))`
)

// A reader is an endpoint that reads the feed.
type reader struct {
	ID       uuid.UUID
	ClinicID *uuid.UUID
	Types    []string
	Ordered  bool
	Position int64
}

// Plan implements webhooks.Store.
func (s *Store) Plan(ctx context.Context, now time.Time) (made int, more bool, err error) {
	err = s.db.System(ctx, "make deliveries of webhooks", func(tx pgx.Tx) error {
		made, more = 0, false
		rows, err := tx.Query(ctx, newsSQL, endpointsAtOnce)
		if err != nil {
			return err
		}
		readers, err := pgx.CollectRows(rows, pgx.RowToStructByPos[reader])
		if err != nil {
			return err
		}
		more = len(readers) == endpointsAtOnce
		for i := range readers {
			n, rest, err := plan(ctx, tx, &readers[i], now)
			if err != nil {
				return err
			}
			made, more = made+n, more || rest
		}
		if len(readers) == 0 {
			_, err = tx.Exec(ctx, advanceSQL)
		}
		return err
	})
	return made, more, err
}

// Any implements webhooks.Store.
func (s *Store) Any(ctx context.Context) (bool, error) {
	return s.db.Holds(ctx, "look for webhook endpoints", "select exists (select from webhook_endpoints where enabled)")
}

// An item is a position of the feed.
type item struct {
	Position int64
	ClinicID *uuid.UUID
	Type     string
	Data     []byte
	At       time.Time
}

// plan makes the deliveries of one endpoint, up to some positions further.
func plan(ctx context.Context, tx pgx.Tx, r *reader, now time.Time) (made int, more bool, err error) {
	rows, err := tx.Query(ctx, `
		select position, clinic_id, type, data, at from pims_sync_feed
		where position > $1 and ($2::uuid is null or clinic_id = $2) and type = any($3)
		order by position limit $4`, r.Position, r.ClinicID, r.Types, positionsAtOnce)
	if err != nil {
		return 0, false, err
	}
	items, err := pgx.CollectRows(rows, pgx.RowToStructByPos[item])
	if err != nil || len(items) == 0 {
		return 0, false, err
	}
	b := batch{tx: tx, reader: r, now: now, open: make(map[uuid.UUID][]int64), waits: make(map[uuid.UUID]string)}
	for i := range items {
		if err := b.add(ctx, &items[i]); err != nil {
			return 0, false, err
		}
	}
	if err := b.flushAll(ctx); err != nil {
		return 0, false, err
	}
	_, err = tx.Exec(ctx, "update webhook_endpoints set position = $2 where id = $1", r.ID, items[len(items)-1].Position)
	return b.made, len(items) == positionsAtOnce, err
}

// A batch gathers changes of each clinic into deliveries of many.
type batch struct {
	tx     pgx.Tx
	reader *reader
	now    time.Time
	made   int
	order  []uuid.UUID // the clinics with open positions, in the order of their first
	open   map[uuid.UUID][]int64
	waits  map[uuid.UUID]string // until when what is new of a clinic waits, as PostgreSQL writes it
}

// add takes the next position. An event of a clinic comes after all changes before it.
func (b *batch) add(ctx context.Context, x *item) error {
	clinicID := null.Value(x.ClinicID)
	if x.Type == feed.CaseChanged {
		if len(b.open[clinicID]) == 0 {
			b.order = append(b.order, clinicID)
		}
		b.open[clinicID] = append(b.open[clinicID], x.Position)
		return nil
	}
	if err := b.flush(ctx, clinicID); err != nil {
		return err
	}
	body, err := webhooks.EventBody(x.Type, clinicID, x.At, x.Data)
	if err != nil {
		return err
	}
	return b.put(ctx, clinicID, x.Type, body, x.At)
}

func (b *batch) flushAll(ctx context.Context) error {
	for _, clinicID := range b.order {
		if err := b.flush(ctx, clinicID); err != nil {
			return err
		}
	}
	return nil
}

// flush makes deliveries of a clinic's open positions.
func (b *batch) flush(ctx context.Context, clinicID uuid.UUID) error {
	positions := b.open[clinicID]
	if len(positions) == 0 {
		return nil
	}
	delete(b.open, clinicID)
	changes, err := feedstore.ChangesAt(ctx, b.tx, clinicID, positions)
	if err != nil {
		return err
	}
	for len(changes) > 0 {
		n := min(len(changes), webhooks.MaxChanges)
		body, err := webhooks.ChangesBody(changes[:n])
		if err != nil {
			return err
		}
		if err := b.put(ctx, clinicID, feed.CaseChanged, body, changes[n-1].At); err != nil {
			return err
		}
		changes = changes[n:]
	}
	return nil
}

// put stores a delivery. With ordered it waits for the clinic's earlier ones: for their next
// try, and for ever behind one that has failed for good.
func (b *batch) put(ctx context.Context, clinicID uuid.UUID, kind string, body []byte, at time.Time) error {
	b.made++
	wait, known := b.waits[clinicID]
	if !known && b.reader.Ordered {
		// The endpoint is locked, so it does not change while the batch is made.
		err := b.tx.QueryRow(ctx, `
			select coalesce(max(case state when 'failed' then 'infinity' else next_try_at end), '-infinity')::text from webhook_deliveries
			where endpoint_id = $1 and clinic_id is not distinct from $2 and state in ('pending', 'failed')`, b.reader.ID, null.ID(clinicID)).Scan(&wait)
		if err != nil {
			return err
		}
		b.waits[clinicID] = wait
	}
	_, err := b.tx.Exec(ctx, `
		insert into webhook_deliveries (endpoint_id, clinic_id, type, body, event_at, created_at, next_try_at)
		values ($1, $2, $3, $4, $5, $6, greatest($6, nullif($7, '')::timestamptz))`,
		b.reader.ID, null.ID(clinicID), kind, string(body), at, b.now, wait)
	return err
}
