// Package retention removes from the database what is no longer to be kept (R14, R23, R26,
// R29), in small steps with pauses, so that syncs go on beside it.
package retention

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/postgres"
)

// Periods say how long each kind of row is kept.
type Periods struct {
	Events time.Duration // the history of cases; 0: for ever. The owner of the database may ask for more
	Audits time.Duration // syncs and plans; 0: for ever. The owner may ask for more
}

const (
	previews = 24 * time.Hour // what a dry run would change, which has names in it (R26)
	ticks    = 90 * 24 * time.Hour
	keys     = 24 * time.Hour     // idempotency keys (R29)
	recorded = 7 * 24 * time.Hour // recordings (R52)

	atMost   = 200  // syncs or plans, at once
	manyRows = 1000 // of what is small, at once

	// rest is how many times as long as a step took the pause after it is, up to maxRest.
	rest    = 4
	maxRest = 5 * time.Second
)

// Options configure a Retention.
type Options struct {
	DB      *postgres.DB
	Periods Periods
	Logger  *slog.Logger
}

// A Retention removes old rows of one database. All its statements cross clinics (R41).
type Retention struct{ o Options }

// New returns the retention of a database.
func New(o Options) *Retention { return &Retention{o} }

// Run removes what is too old at a moment. It may be interrupted, and may run on several
// replicas at once.
func (r *Retention) Run(ctx context.Context, now time.Time) error {
	err := errors.Join(
		r.rows(ctx, "idempotency keys", `delete from idempotency_keys where ctid in (select ctid from idempotency_keys where created_at <= $1 limit $2)`, now.Add(-keys)),
		r.rows(ctx, "recordings", `delete from recordings where ctid in (select ctid from recordings where recorded_at < $1 limit $2)`, now.Add(-recorded)),
		r.rows(ctx, "outcomes of ticks", `delete from schedule_ticks where ctid in (select ctid from schedule_ticks where due_at < $1 limit $2)`, now.Add(-ticks)),
		r.rows(ctx, "what dry runs would change", `
			update case_sync_audits set result = result - 'changes' where id in (
				select id from case_sync_audits where result ? 'changes' and completed_at < $1 limit least($2, 200) for update skip locked)`, now.Add(-previews)),
	)
	if r.o.Periods.Events > 0 {
		err = errors.Join(err, r.events(ctx, now.Add(-r.o.Periods.Events)))
	}
	if r.o.Periods.Audits > 0 {
		err = errors.Join(err, r.syncs(ctx, now))
	}
	return err
}

// rows repeats a statement that removes a few rows until it removes none.
func (r *Retention) rows(ctx context.Context, what, sql string, before time.Time) error {
	return r.steps(ctx, what, func(tx pgx.Tx) (bool, error) {
		tag, err := tx.Exec(ctx, sql, before, manyRows)
		return tag.RowsAffected() > 0, err
	})
}

// events removes old history.
func (r *Retention) events(ctx context.Context, before time.Time) error {
	var removed, last int64
	err := r.steps(ctx, "old history", func(tx pgx.Tx) (bool, error) {
		var n int64
		var next *int64
		err := tx.QueryRow(ctx, "select forgotten, last_id from pims_sync_forget_events_step($1, $2, $3)", before, last, manyRows).Scan(&n, &next)
		if err != nil || next == nil {
			return false, err
		}
		last, removed = *next, removed+n
		return true, nil
	})
	if removed > 0 {
		r.o.Logger.InfoContext(ctx, "Old case events removed", "events", removed)
	}
	return err
}

// historyBegins returns the moment before which no history is left, an hour early; nil: the
// history is kept for ever. The owner may keep more of it than Periods say.
func (r *Retention) historyBegins(ctx context.Context, now time.Time) (at *time.Time, err error) {
	if r.o.Periods.Events > 0 {
		err = r.o.DB.Pool().QueryRow(ctx, "select least($1, now() - event_retention) - interval '1 hour' from pims_sync_installation",
			now.Add(-r.o.Periods.Events)).Scan(&at)
	}
	return at, r.o.DB.Translate(ctx, "look how long history is kept", err)
}

// syncs removes old plans and syncs, or shortens those that are still named.
func (r *Retention) syncs(ctx context.Context, now time.Time) error {
	events, err := r.historyBegins(ctx, now)
	if err != nil {
		return err
	}
	var seenAt time.Time
	var seenID uuid.UUID
	var plans, audits, shortened int64
	err = r.steps(ctx, "old syncs", func(tx pgx.Tx) (more bool, err error) {
		var p, a, s int64
		err = tx.QueryRow(ctx, "select plans, audits, shorter, seen_at, seen_id, more from pims_sync_forget_syncs($1, $2, $3, $4, $5)",
			now.Add(-r.o.Periods.Audits), events, seenAt, seenID, atMost).Scan(&p, &a, &s, &seenAt, &seenID, &more)
		plans, audits, shortened = plans+p, audits+a, shortened+s
		return more, err
	})
	if plans+audits+shortened > 0 {
		r.o.Logger.InfoContext(ctx, "Old syncs removed", "syncs", audits, "shortened", shortened, "plans", plans)
	}
	return err
}

// steps repeats a step in transactions of their own, with a pause after each.
func (r *Retention) steps(ctx context.Context, what string, step func(pgx.Tx) (more bool, err error)) error {
	for {
		began, more := time.Now(), false
		err := r.o.DB.System(ctx, "remove "+what, func(tx pgx.Tx) (err error) {
			more, err = step(tx)
			return err
		})
		if err != nil || !more {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("remove %s: %w", what, context.Cause(ctx))
		case <-time.After(min(rest*time.Since(began), maxRest)):
		}
	}
}
