package panics

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// restartPause is how long a loop that panicked stands still.
const restartPause = time.Second

// Loops are goroutines that work until their context ends. A panic is logged, of its
// value only the type, and the loop goes on (R58).
type Loops struct {
	Log *slog.Logger

	group sync.WaitGroup
}

// Begin runs work in a goroutine until the context ends. After a panic, work begins again
// after a pause.
func (l *Loops) Begin(ctx context.Context, name string, work func(context.Context)) {
	GoIn(&l.group, func() {
		for ctx.Err() == nil {
			if l.Survive(ctx, name, func() error { work(ctx); return nil }) == nil {
				return
			}
			select {
			case <-ctx.Done():
			case <-time.After(restartPause):
			}
		}
	}, func(e *Error) { Logger(l.Log, e).ErrorContext(ctx, "A panic ended a loop", "loop", name) })
}

// Wait returns when every loop has ended.
func (l *Loops) Wait() { l.group.Wait() }

// Every does something at once and then again and again until the context ends. A
// panic ends that turn only.
func (l *Loops) Every(ctx context.Context, name string, pause time.Duration, do func()) {
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for {
		_ = l.Survive(ctx, name, func() error { do(); return nil }) // it is logged
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Survive calls f, logs a panic of it, and returns it as an error.
func (l *Loops) Survive(ctx context.Context, name string, f func() error) error {
	err := Catch(f)
	Logger(l.Log, err).ErrorContext(ctx, "A panic ended one turn of a loop; it goes on", "loop", name)
	return err
}

// Logger is the log with the attributes of the panic in an error. Where there is none,
// it logs nothing.
func Logger(log *slog.Logger, err error) *slog.Logger {
	if e := In(err); e != nil {
		return log.With(e.Attrs()...)
	}
	return slog.New(slog.DiscardHandler)
}
