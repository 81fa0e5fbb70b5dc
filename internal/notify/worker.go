package notify

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/panics"
)

// A Store keeps standings and channels. All methods cross clinics (R41).
type Store interface {
	// Watch stores the present standings of all clinics, and emits an event for each that
	// is another one than before, also where several replicas watch.
	Watch(ctx context.Context, standings []Standing) error

	// Claim leases a channel that nobody else works on and that none of seen is, and returns
	// it with its news; false: there is no further one.
	Claim(ctx context.Context, seen []uuid.UUID, lease time.Duration) (Channel, News, int64, bool, error)

	// Wait stores since when a channel has news; zero: it has none.
	Wait(ctx context.Context, c Channel, since time.Time) error

	// Told stores that a channel told news up to a position of the feed.
	Told(ctx context.Context, c Channel, n News, position int64, at time.Time) error

	// Failed stores why a message was not sent.
	Failed(ctx context.Context, c Channel, reason string, at time.Time) error
}

const (
	lookEvery = time.Minute
	lease     = time.Minute
)

// Options configure a Worker.
type Options struct {
	Store     Store
	Standings func(ctx context.Context) ([]Standing, error) // of all clinics, now
	Send      func(ctx context.Context, c Channel, m Message) error
	Link      string // of the console; empty: none
	Logger    *slog.Logger
	Now       func() time.Time           // nil: time.Now
	Observe   func(kind, outcome string) // of each message: "sent", "failed"; nil: nobody
}

// A Worker looks at the clinics and tells people. Many replicas may run on one database.
type Worker struct {
	o     Options
	log   *slog.Logger
	loops panics.Loops
}

// NewWorker makes a Worker. It does nothing by itself until Begin.
func NewWorker(o Options) *Worker {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Observe == nil {
		o.Observe = func(string, string) {}
	}
	log := o.Logger.With("namespace", "pims-sync:notifications")
	return &Worker{o: o, log: log, loops: panics.Loops{Log: log}}
}

// Begin starts to look, until the context ends.
func (w *Worker) Begin(ctx context.Context) {
	w.loops.Begin(ctx, "notifications", func(ctx context.Context) {
		w.loops.Try(ctx, "notifications", lookEvery, slog.LevelWarn, "People were not told; the next look tries again", func() error {
			return w.Look(ctx)
		})
	})
}

// Wait returns when everything that Begin started has ended.
func (w *Worker) Wait() { w.loops.Wait() }

// Look stores the standings of the clinics and tells each channel what it does not know, if
// the time for it has come. A channel that fails delays no other for long.
func (w *Worker) Look(ctx context.Context) error {
	standings, err := w.o.Standings(ctx)
	if err != nil {
		return err
	}
	if err := w.o.Store.Watch(ctx, standings); err != nil {
		return err
	}
	var seen []uuid.UUID
	for {
		c, news, position, ok, err := w.o.Store.Claim(ctx, seen, lease)
		if err != nil || !ok {
			return err
		}
		seen = append(seen, c.ID)
		if err := w.tell(ctx, c, news, position); err != nil {
			return err
		}
	}
}

// tell sends a channel its news if they are due.
func (w *Worker) tell(ctx context.Context, c Channel, news News, position int64) error {
	now := w.o.Now()
	if news.Empty() {
		return w.o.Store.Wait(ctx, c, time.Time{})
	}
	if c.WaitingSince.IsZero() {
		c.WaitingSince = now
	}
	due, err := c.Due(now)
	if err != nil || !due {
		if err != nil {
			w.log.WarnContext(ctx, "A channel cannot be used", "channel_id", c.ID.String(), "error", err.Error())
		}
		return w.o.Store.Wait(ctx, c, c.WaitingSince)
	}
	loc, _ := time.LoadLocation(c.Timezone) // Due has loaded it
	if err := w.o.Send(ctx, c, Write(news, loc, w.o.Link)); err != nil {
		w.o.Observe(c.Kind, "failed")
		w.log.WarnContext(ctx, "A notification was not sent", "channel_id", c.ID.String(), "error", err.Error())
		return w.o.Store.Failed(ctx, c, err.Error(), now)
	}
	w.o.Observe(c.Kind, "sent")
	return w.o.Store.Told(ctx, c, news, position, now)
}
