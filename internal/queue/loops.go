package queue

import (
	"context"
	"log/slog"
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
	}, func(e *panics.Error) { q.panicLog(e).ErrorContext(ctx, "A panic ended a loop", "loop", name) })
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
	q.panicLog(err).ErrorContext(ctx, "A panic ended one turn of a loop; it goes on", "loop", name)
	return err
}

// panicLog is the log with the panic in an error. Where there is none, it logs nothing.
func (q *Queue) panicLog(err error) *slog.Logger {
	if e := panics.In(err); e != nil {
		return q.log.With(e.Attrs()...)
	}
	return slog.New(slog.DiscardHandler)
}
