package postgres

import (
	"context"
	"strings"
	"time"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/dbsqlc"
)

// A RateLimiter spaces the requests to each PIMS host evenly over all replicas: a caller
// reserves the host's next free moment in the database and waits for it (R32). A part of a
// host may have a limit of its own, and a request may count more than once there. Unused
// time is not saved up, so there are no bursts.
type RateLimiter struct {
	db       *DB
	interval time.Duration // 0: no limit
	pause    func(context.Context) (resume func())
}

var _ pims.Limiter = (*RateLimiter)(nil)

// RateLimiter makes a limiter of so many requests a second and host; 0 means no limit
// (docs/interface.md §Environment, PIMS_RATE_LIMIT). It calls pause before a wait, and the
// function that pause returned after it, so that waiting does not count against the sync's
// time limit: syncs.PauseWork. pause may be nil.
func (db *DB) RateLimiter(perSecond float64, pause func(context.Context) (resume func())) *RateLimiter {
	l := &RateLimiter{db: db, pause: pause}
	if perSecond > 0 {
		l.interval = time.Duration(float64(time.Second) / perSecond)
	}
	if l.pause == nil {
		l.pause = func(context.Context) func() { return func() {} }
	}
	return l
}

// Wait returns when the caller may make one request, by the limit of the host and by that
// of the charge's bucket. It implements pims.Limiter.
func (l *RateLimiter) Wait(ctx context.Context, charge pims.Charge) error {
	if l.interval == 0 {
		return nil
	}
	host := strings.ToLower(charge.Host)
	wait, err := l.reserve(ctx, host, l.interval, 1)
	if err == nil && charge.Bucket != "" && charge.PerMinute > 0 {
		var own time.Duration
		own, err = l.reserve(ctx, host+" "+charge.Bucket, time.Minute/time.Duration(charge.PerMinute), max(1, charge.Cost))
		wait = max(wait, own)
	}
	if err != nil || wait <= 0 {
		return err
	}
	resume := l.pause(ctx)
	defer resume()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// reserve takes the next free moment of a host, or of a bucket of it, and returns how far
// away it is. It is one round trip. The table holds nothing of any clinic.
func (l *RateLimiter) reserve(ctx context.Context, key string, interval time.Duration, cost int) (time.Duration, error) {
	seconds, err := dbsqlc.New(l.db.pool).ReserveRequest(ctx, key, (time.Duration(cost-1) * interval).Seconds(), interval.Seconds())
	if err != nil {
		return 0, l.db.Translate(ctx, "reserve a request to the PIMS", err)
	}
	return time.Duration(seconds * float64(time.Second)), nil
}
