package queue

import (
	"context"
	"errors"
	"time"
)

const (
	houseEvery = time.Hour
	keepTicks  = 90 * 24 * time.Hour // how long the outcomes of ticks are kept
)

// keepHouse removes data whose retention is over: old events of cases (R14), idempotency
// keys (R29), outcomes of ticks.
func (q *Queue) keepHouse(ctx context.Context) {
	q.loops.Every(ctx, "housekeeping", houseEvery, func() {
		now := q.o.Now()
		err := errors.Join(
			q.o.Audits.ForgetIdempotencyKeys(ctx, now),
			q.o.Schedules.Forget(ctx, now.Add(-keepTicks)),
		)
		if q.o.EventRetention > 0 {
			forgotten, eventsErr := q.o.Records.ForgetEvents(ctx, now.Add(-q.o.EventRetention))
			if err = errors.Join(err, eventsErr); forgotten > 0 {
				q.log.InfoContext(ctx, "Old case events removed", "events", forgotten)
			}
		}
		if err != nil && ctx.Err() == nil {
			q.log.WarnContext(ctx, "Housekeeping failed", "error", err.Error())
		}
	})
}
