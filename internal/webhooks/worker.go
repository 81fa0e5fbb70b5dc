package webhooks

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/secret"
)

// A Claimed is an endpoint that one replica sends to for a while, with its valid secrets.
type Claimed struct {
	Endpoint

	Secrets []secret.Text
}

// A Lease is one claim of an endpoint. Its holder is drawn anew for each claim: a replica
// whose lease has ended and that claims the endpoint again does not have the old one back.
type Lease struct {
	EndpointID uuid.UUID
	Holder     string
}

// A Store keeps endpoints and deliveries. All methods cross clinics (R41).
type Store interface {
	// Any reports whether any endpoint is enabled. Without one there is nothing to do, and
	// this takes the least to find that out.
	Any(ctx context.Context) (bool, error)

	// Plan makes deliveries of what is new in the feed, for each enabled endpoint, and
	// returns how many there are. It does some of the work at a time; more says that there
	// is more. Several replicas may call it at once.
	Plan(ctx context.Context, now time.Time) (made int, more bool, err error)

	// Claim leases up to limit enabled endpoints that have something due at a moment.
	Claim(ctx context.Context, holder string, limit int, lease time.Duration, now time.Time) ([]Claimed, error)

	// Renew extends those of the leases that have not ended.
	Renew(ctx context.Context, leases []Lease, length time.Duration) error

	// Due returns the next delivery of an endpoint that is due at a moment, or false. Where
	// the holder's lease on the endpoint has ended, it returns false.
	Due(ctx context.Context, holder string, e *Endpoint, now time.Time) (Delivery, bool, error)

	// Record stores the outcome of a try and what it does to delivery and endpoint, and
	// updates e. A failure is not stored where the delivery has ended meanwhile, or where
	// the holder's lease has: whoever has it now tries as well.
	Record(ctx context.Context, holder string, e *Endpoint, d *Delivery, a Attempt, v Verdict) error

	// Release gives an endpoint back, unless it was claimed again since; nobody claims it
	// before a moment.
	Release(ctx context.Context, lease Lease, notBefore time.Time) error

	// Backlog counts what is to be sent at a moment, and the endpoints by state.
	Backlog(ctx context.Context, now time.Time) (Backlog, error)

	// Forget removes deliveries that ended before a moment.
	Forget(ctx context.Context, before time.Time) error
}

// A Backlog is what is to be sent at a moment.
type Backlog struct {
	Pending   int
	OldestDue time.Duration  // of endpoints that take what is sent to them
	Endpoints map[string]int // by state, of EndpointStates
}

// EndpointStates are the states of endpoints: enabled, failing since a while, disabled by
// us, disabled by a person.
func EndpointStates() []string { return []string{"enabled", "failing", "given_up", "disabled"} }

const (
	turnEvery   = 500 * time.Millisecond
	atOnce      = 64  // endpoints that a replica sends to at the same time
	slowAtOnce  = 512 // endpoints besides these that let it wait
	slowAfter   = time.Second
	turnLimit   = 45 * time.Second    // how long one claim of an endpoint is used
	renewals    = 4                   // of a lease, in its time
	keepEnded   = 30 * 24 * time.Hour // how long deliveries that ended are kept
	forgetEvery = time.Hour
	countEvery  = time.Minute
)

// Options configure a Worker.
type Options struct {
	Store   Store
	Send    func(ctx context.Context, e *Endpoint, d *Delivery, secrets []secret.Text) Attempt
	Logger  *slog.Logger
	Lease   time.Duration                             // how long a replica may be silent before others send to its endpoints; 0: 15 s
	Now     func() time.Time                          // nil: time.Now
	Count   func(Backlog)                             // each minute; nil: nobody
	Observe func(outcome string, delay time.Duration) // of each try: Delivered, "retry", Failed; delay since the event, of Delivered
}

// A Worker makes deliveries and sends them. It is safe for concurrent use, and many
// replicas may run on one database.
type Worker struct {
	o     Options
	log   *slog.Logger
	loops panics.Loops
	quick chan struct{} // a place for each endpoint that is sent to
	slow  chan struct{} // for one that lets the replica wait
	busy  sync.WaitGroup

	mu   sync.Mutex
	held map[*place]struct{} // those of the endpoints that are sent to
}

// NewWorker makes a Worker. It does nothing by itself until Begin.
func NewWorker(o Options) *Worker {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Observe == nil {
		o.Observe = func(string, time.Duration) {}
	}
	o.Lease = cmp.Or(o.Lease, 15*time.Second)
	log := o.Logger.With("namespace", "pims-sync:webhooks")
	return &Worker{
		o: o, log: log, loops: panics.Loops{Log: log},
		quick: make(chan struct{}, atOnce), slow: make(chan struct{}, slowAtOnce), held: make(map[*place]struct{}),
	}
}

// Begin starts to send, until the context ends.
func (w *Worker) Begin(ctx context.Context) {
	w.loops.Begin(ctx, "webhooks", func(ctx context.Context) {
		w.loops.Try(ctx, "webhooks", turnEvery, slog.LevelWarn, "Webhooks were not sent; the next turn tries again", func() error {
			return w.Turn(ctx)
		})
	})
	w.loops.Begin(ctx, "webhook leases", func(ctx context.Context) {
		w.loops.Try(ctx, "webhook leases", w.o.Lease/renewals, slog.LevelWarn, "The leases of endpoints were not renewed; another replica may send the same again", func() error {
			return w.renew(ctx)
		})
	})
	if w.o.Count != nil {
		w.loops.Begin(ctx, "webhook backlog", func(ctx context.Context) {
			w.loops.Try(ctx, "webhook backlog", countEvery, slog.LevelWarn, "The backlog of webhooks is not known", func() error {
				backlog, err := w.o.Store.Backlog(ctx, w.o.Now())
				if err == nil {
					w.o.Count(backlog)
				}
				return err
			})
		})
	}
	w.loops.Begin(ctx, "webhook retention", func(ctx context.Context) {
		w.loops.Try(ctx, "webhook retention", forgetEvery, slog.LevelWarn, "Old deliveries were not removed", func() error {
			return w.o.Store.Forget(ctx, w.o.Now().Add(-keepEnded))
		})
	})
}

// Wait returns when everything that Begin and Turn started has ended.
func (w *Worker) Wait() {
	w.loops.Wait()
	w.busy.Wait()
}

// Turn makes deliveries of what is new, and starts to send to endpoints that have something
// due, as far as this replica has room for more.
func (w *Worker) Turn(ctx context.Context) error {
	more, err := w.o.Store.Any(ctx)
	for more && err == nil {
		if _, more, err = w.o.Store.Plan(ctx, w.o.Now()); err == nil {
			err = w.send(ctx)
		}
	}
	return err
}

// send starts to send to endpoints that have something due.
func (w *Worker) send(ctx context.Context) error {
	free := cap(w.quick) - len(w.quick)
	if free == 0 {
		return nil
	}
	holder := uuid.NewString()
	claimed, err := w.o.Store.Claim(ctx, holder, free, w.o.Lease, w.o.Now())
	for i := range claimed {
		c := &claimed[i]
		p := w.enter(Lease{c.ID, holder})
		panics.GoIn(&w.busy, func() {
			defer p.leave()
			w.serve(ctx, c, p)
		}, func(e *panics.Error) {
			panics.Logger(w.log, e).ErrorContext(ctx, "A panic ended the sending to an endpoint; its lease ends by itself", "endpoint_id", c.ID.String())
		})
	}
	return err
}

// A place is what an endpoint takes of a replica's room while it is sent to.
type place struct {
	w     *Worker
	lease Lease

	mu   sync.Mutex
	room chan struct{} // quick or slow; nil: it was left
}

// enter takes a place for a claimed endpoint, whose lease is renewed until it is left. Only
// Turn takes places, as many as are free.
func (w *Worker) enter(lease Lease) *place {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.quick <- struct{}{}
	p := &place{w: w, lease: lease, room: w.quick}
	w.held[p] = struct{}{}
	return p
}

func (p *place) leave() {
	p.w.mu.Lock()
	delete(p.w.held, p)
	p.w.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	<-p.room
	p.room = nil
}

// waits makes room for another endpoint while this one lets the replica wait.
func (p *place) waits() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.room != p.w.quick {
		return
	}
	select {
	case p.w.slow <- struct{}{}:
		<-p.room
		p.room = p.w.slow
	default: // so many do that it keeps its place
	}
}

// renew extends the leases on all endpoints that are sent to now.
func (w *Worker) renew(ctx context.Context) error {
	w.mu.Lock()
	leases := make([]Lease, 0, len(w.held))
	for p := range w.held {
		leases = append(leases, p.lease)
	}
	w.mu.Unlock()
	if len(leases) == 0 {
		return nil
	}
	return w.o.Store.Renew(ctx, leases, w.o.Lease)
}

// serve sends to one endpoint, one delivery after the other, until there is none, one
// fails, or the turn is over. An endpoint that fails rests, so that one that hangs takes
// little of the replica's time.
func (w *Worker) serve(ctx context.Context, c *Claimed, p *place) {
	pause := time.Duration(0)
	for began := time.Now(); time.Since(began) < turnLimit && ctx.Err() == nil && pause == 0; {
		d, due, err := w.o.Store.Due(ctx, p.lease.Holder, &c.Endpoint, w.o.Now())
		if err == nil && due {
			pause, err = w.deliver(ctx, c, &d, p)
		}
		if err != nil && ctx.Err() == nil {
			w.log.WarnContext(ctx, "A delivery was not recorded; it is sent again", "endpoint_id", c.ID.String(), "error", err.Error())
		}
		if err != nil || !due || !c.Enabled {
			break
		}
	}
	release, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := w.o.Store.Release(release, p.lease, w.o.Now().Add(pause)); err != nil {
		w.log.WarnContext(ctx, "An endpoint was not given back; its lease ends by itself", "endpoint_id", c.ID.String(), "error", err.Error())
	}
}

// deliver makes one try and records it. It returns how long the endpoint rests.
func (w *Worker) deliver(ctx context.Context, c *Claimed, d *Delivery, p *place) (time.Duration, error) {
	late := panics.AfterFunc(slowAfter, p.waits, func(e *panics.Error) {
		panics.Logger(w.log, e).ErrorContext(ctx, "A panic ended the watch over an endpoint", "endpoint_id", c.ID.String())
	})
	attempt := w.o.Send(ctx, &c.Endpoint, d, c.Secrets)
	late.Stop()
	if ctx.Err() != nil {
		return 0, nil //nolint:nilerr // the replica ends; it is no failure of the endpoint
	}
	verdict := Judge(&c.Endpoint, d, attempt)
	if err := w.o.Store.Record(ctx, p.lease.Holder, &c.Endpoint, d, attempt, verdict); err != nil {
		return 0, err
	}
	switch verdict.State {
	case Delivered:
		w.o.Observe(Delivered, w.o.Now().Sub(d.EventAt))
	case Failed:
		w.o.Observe(Failed, 0)
		w.log.WarnContext(ctx, "A delivery failed for good; `pims-sync webhooks resend` sends it again",
			"endpoint_id", c.ID.String(), "delivery_id", d.ID.String(), "status", attempt.Status, "reason", attempt.Error)
	default:
		w.o.Observe("retry", 0)
	}
	if verdict.Disable != "" {
		w.log.ErrorContext(ctx, "An endpoint is disabled; `pims-sync webhooks enable` enables it", "endpoint_id", c.ID.String(), "reason", verdict.Disable)
	}
	return verdict.Pause, nil
}
