package queue

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/pims-sync/pims-sync/internal/postgres/casestore"
	"github.com/pims-sync/pims-sync/internal/postgres/syncstore"

	"github.com/pims-sync/pims-sync/internal/panics"
)

const (
	houseEvery = time.Hour
	keepTicks  = 90 * 24 * time.Hour // how long the outcomes of ticks are kept
)

// housekeeperOptions configure a housekeeper.
type housekeeperOptions struct {
	audits     *syncstore.Audits
	schedules  *syncstore.Schedules
	records    *casestore.Records
	more       []func(context.Context, time.Time) error
	keepEvents time.Duration // how long the history of cases is kept (R14); 0: for ever
	now        func() time.Time
	loops      *panics.Loops
	log        *slog.Logger
}

// A housekeeper removes data whose retention is over.
type housekeeper struct{ o housekeeperOptions }

// loop removes old events of cases (R14), idempotency keys (R29) and outcomes of ticks.
func (h *housekeeper) loop(ctx context.Context) {
	h.o.loops.Every(ctx, "housekeeping", houseEvery, func() {
		now := h.o.now()
		err := errors.Join(
			h.o.audits.ForgetIdempotencyKeys(ctx, now),
			h.o.schedules.Forget(ctx, now.Add(-keepTicks)),
		)
		for _, work := range h.o.more {
			err = errors.Join(err, work(ctx, now))
		}
		if h.o.keepEvents > 0 {
			forgotten, eventsErr := h.o.records.ForgetEvents(ctx, now.Add(-h.o.keepEvents))
			if err = errors.Join(err, eventsErr); forgotten > 0 {
				h.o.log.InfoContext(ctx, "Old case events removed", "events", forgotten)
			}
		}
		if err != nil && ctx.Err() == nil {
			h.o.log.WarnContext(ctx, "Housekeeping failed", "error", err.Error())
		}
	})
}
