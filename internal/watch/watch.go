// Package watch lets any number of callers follow syncs with one reader for each sync, so
// that what they cost the database does not grow with their number (R38).
//
// It knows no database and no HTTP: the caller passes in what reads the state of a sync,
// and what reports changes.
package watch

import (
	"context"
	"iter"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// Options configure a Watcher.
type Options struct {
	// Read returns the present state of a sync of a clinic.
	Read func(ctx context.Context, clinicID, syncID uuid.UUID) (syncs.Audit, error)

	// Told returns the ids of syncs that ended or went back to the queue, until the function
	// that it returns is called. An empty id means that some may have been missed.
	Told func() (<-chan string, func())

	Live   time.Duration // how often to read while somebody follows the progress
	Idle   time.Duration // how often to read else, in case nothing is told
	Logger *slog.Logger
}

// A Watcher reads syncs for those who follow them. It is safe for concurrent use.
type Watcher struct {
	o Options

	mu      sync.Mutex
	readers map[subject]*reader
}

// New makes a Watcher.
func New(o Options) *Watcher { return &Watcher{o: o, readers: map[subject]*reader{}} }

// A subject is a sync as a clinic sees it: for another clinic it does not exist.
type subject struct{ clinicID, syncID uuid.UUID }

// A reader reads one sync. The watcher's lock guards all but its channels.
type reader struct {
	about     subject
	followers int
	live      int // followers of the progress
	end       context.CancelFunc
	hurry     chan struct{} // somebody follows the progress now

	read    int // how often; zero: nothing is known yet
	audit   syncs.Audit
	err     error
	changed chan struct{} // closed at the next read
}

// Follow yields the state of a sync at each reading, and last its final state or the error
// of a reading. It ends with the context, which may be before the first reading. With
// progress it reads often.
func (w *Watcher) Follow(ctx context.Context, clinicID, syncID uuid.UUID, progress bool) iter.Seq2[syncs.Audit, error] {
	return func(yield func(syncs.Audit, error) bool) {
		r := w.join(subject{clinicID, syncID}, progress)
		defer w.leave(r, progress)
		for seen := 0; ; {
			audit, read, changed, err := w.state(r)
			if read > seen {
				seen = read
				if !yield(audit, err) || err != nil || audit.Status.Final() {
					return
				}
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		}
	}
}

// join returns the reader of a sync, which begins with its first follower.
func (w *Watcher) join(about subject, progress bool) *reader {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.readers[about]
	if r == nil {
		ctx, end := context.WithCancel(context.Background())
		r = &reader{about: about, end: end, hurry: make(chan struct{}, 1), changed: make(chan struct{})}
		w.readers[about] = r
		panics.Go(func() { w.keepReading(ctx, r) }, func(e *panics.Error) {
			panics.Logger(w.o.Logger, e).Error("A panic ended the watch over a sync", "sync_id", about.syncID.String())
			w.publish(r, syncs.Audit{}, e)
		})
	}
	r.followers++
	if progress {
		r.live++
		select {
		case r.hurry <- struct{}{}:
		default:
		}
	}
	return r
}

// leave ends a reader with its last follower.
func (w *Watcher) leave(r *reader, progress bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r.followers--
	if progress {
		r.live--
	}
	if r.followers == 0 {
		w.forget(r)
	}
}

// forget lets the next follower begin a new reader.
func (w *Watcher) forget(r *reader) {
	if w.readers[r.about] == r {
		delete(w.readers, r.about)
	}
	r.end()
}

func (w *Watcher) state(r *reader) (syncs.Audit, int, <-chan struct{}, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return r.audit, r.read, r.changed, r.err
}

// publish tells the followers what was read. After the last state or an error nothing is
// read any more.
func (w *Watcher) publish(r *reader, audit syncs.Audit, err error) (last bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r.audit, r.err = audit, err
	r.read++
	close(r.changed)
	r.changed = make(chan struct{})
	last = err != nil || audit.Status.Final()
	if last {
		w.forget(r)
	}
	return last
}

// keepReading reads a sync until it is over or nobody follows it.
func (w *Watcher) keepReading(ctx context.Context, r *reader) {
	told, unsubscribe := w.o.Told()
	defer unsubscribe()
	for {
		audit, err := w.o.Read(ctx, r.about.clinicID, r.about.syncID)
		if ctx.Err() != nil || w.publish(r, audit, err) {
			return
		}
		if w.await(ctx, r, told); ctx.Err() != nil {
			return
		}
	}
}

// await waits until the sync is to be read again.
func (w *Watcher) await(ctx context.Context, r *reader, told <-chan string) {
	began := time.Now()
	timer := time.NewTimer(w.pause(r))
	defer timer.Stop()
	for {
		select {
		case id := <-told:
			if id == "" || id == r.about.syncID.String() {
				return
			}
		case <-r.hurry:
			timer.Reset(w.pause(r) - time.Since(began))
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

func (w *Watcher) pause(r *reader) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r.live > 0 {
		return w.o.Live
	}
	return w.o.Idle
}
