package queue

import (
	"context"
	"time"

	"github.com/pims-sync/pims-sync/internal/panics"
)

// restartPause is how long a loop that panicked stands still.
const restartPause = time.Second

// loop runs work in a goroutine until the context ends. A panic is logged, and work
// begins again after a pause (R58).
func (q *Queue) loop(ctx context.Context, name string, work func(context.Context)) {
	panics.GoIn(&q.loops, func() {
		for ctx.Err() == nil {
			if q.survive(ctx, name, func() error { work(ctx); return nil }) == nil {
				return
			}
			select {
			case <-ctx.Done():
			case <-time.After(restartPause):
			}
		}
	}, func(e *panics.Error) { q.logPanic(ctx, e, "A panic ended a loop", "loop", name) })
}

// every does something at once and then again and again until the context ends. A
// panic is logged and ends that turn only.
func (q *Queue) every(ctx context.Context, name string, pause time.Duration, do func()) {
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for {
		_ = q.survive(ctx, name, func() error { do(); return nil }) // it is logged
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// survive calls f, logs a panic of it, and returns it as an error.
func (q *Queue) survive(ctx context.Context, name string, f func() error) error {
	err := panics.Catch(f)
	q.logPanic(ctx, err, "A panic ended one turn of a loop; it goes on", "loop", name)
	return err
}

// logPanic logs the panic in an error, if there is one.
func (q *Queue) logPanic(ctx context.Context, err error, message string, attrs ...any) {
	if e := panics.In(err); e != nil {
		q.log.ErrorContext(ctx, message, append(attrs, e.Attrs()...)...)
	}
}
