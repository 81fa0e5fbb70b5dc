package panics

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	restartPause = time.Second // how long a loop pauses after a panic
	tellEvery    = time.Minute // how often a loop says that it goes on failing
)

// Loops are goroutines that work until their context ends. A panic is logged with the type
// of its value only, and the loop continues (R58).
type Loops struct {
	Log *slog.Logger

	group sync.WaitGroup
}

// Begin runs work in a goroutine until the context ends. After a panic it pauses and runs
// work again.
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

// Every runs a function at once, and again after each pause, until the context ends. A
// panic ends only that run.
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

// Try is Every for a function that may fail. An error is logged with a message, at first and
// then once a minute while each turn fails, and the first turn that succeeds again is logged,
// too. So a loop that looks for work four times a second does not fill the log while the
// database is away.
func (l *Loops) Try(ctx context.Context, name string, pause time.Duration, level slog.Level, message string, do func() error) {
	var began, told time.Time
	failed := 0
	l.Every(ctx, name, pause, func() {
		err := do()
		now := time.Now()
		switch {
		case ctx.Err() != nil: // an error is of the end
		case err == nil && failed > 0:
			l.Log.InfoContext(ctx, "A loop works again", "loop", name, "failed_turns", failed, "seconds", int(now.Sub(began).Seconds()))
			failed = 0
		case err != nil:
			if failed++; failed == 1 {
				began, told = now, time.Time{}
			}
			if now.Sub(told) >= tellEvery {
				told = now
				l.Log.Log(ctx, level, message, "error", err.Error()) //nolint:sloglint // the callers have literals
			}
		}
	})
}

// Survive calls f. It logs a panic of f and returns it as an error.
func (l *Loops) Survive(ctx context.Context, name string, f func() error) error {
	err := Catch(f)
	Logger(l.Log, err).ErrorContext(ctx, "A panic ended one turn of a loop; it goes on", "loop", name)
	return err
}

// Logger returns the log with the attributes of the panic in an error, or a log that writes
// nothing where there is none.
func Logger(log *slog.Logger, err error) *slog.Logger {
	if e := In(err); e != nil {
		return log.With(e.Attrs()...)
	}
	return slog.New(slog.DiscardHandler)
}
