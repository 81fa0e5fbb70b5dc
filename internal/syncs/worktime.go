package syncs

import (
	"context"
	"sync"
	"time"

	"github.com/pims-sync/pims-sync/internal/panics"
)

// WithWorkLimit returns a context that is cancelled with ErrTimeout once a sync has worked
// for the limit (R28). Time between PauseWork and its resume does not count (R32). A limit
// of 0 means none.
func WithWorkLimit(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	if limit <= 0 {
		return ctx, func() { cancel(nil) }
	}
	w := &workClock{left: limit, since: time.Now()}
	w.timer = panics.AfterFunc(limit, func() { cancel(ErrTimeout) }, func(e *panics.Error) { cancel(e) })
	return context.WithValue(ctx, workClockKey{}, w), func() {
		w.timer.Stop()
		cancel(nil)
	}
}

// PauseWork stops the clock of the context's work limit until resume is called. Pauses may
// overlap: the clock runs again when the last one has ended.
func PauseWork(ctx context.Context) (resume func()) {
	w, ok := ctx.Value(workClockKey{}).(*workClock)
	if !ok {
		return func() {}
	}
	w.pause()
	return sync.OnceFunc(w.resume)
}

type workClockKey struct{}

// A workClock is a timer that can be paused and resumed.
type workClock struct {
	mu     sync.Mutex
	timer  *time.Timer
	left   time.Duration // when the clock last started
	since  time.Time     // when that was
	pauses int
}

func (w *workClock) pause() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pauses++
	if w.pauses == 1 && w.timer.Stop() {
		w.left -= time.Since(w.since)
	}
}

func (w *workClock) resume() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pauses--
	if w.pauses == 0 {
		w.since = time.Now()
		w.timer.Reset(max(w.left, 0))
	}
}
