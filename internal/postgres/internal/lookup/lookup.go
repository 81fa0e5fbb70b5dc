// Package lookup finds API keys, sessions and links by what a caller presents. Any number of
// wrong ones costs few statements and delays nobody (R38, R39). It knows no table: an
// Ask reads the rows.
package lookup

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

const (
	// mostAtOnce is how many presented values one statement looks up.
	mostAtOnce = 1000

	// gap is the least time from a statement that did not find everything to the next one of
	// strangers.
	gap = 10 * time.Millisecond

	// mostFound is how many of the values that were found lately are kept in mind.
	mostFound = 10_000

	timeout = 10 * time.Second
)

// Ask finds the rows of presented values, by their hashes. Hashes without a row are absent.
type Ask[V any] func(ctx context.Context, hashes []string) (map[string][]V, error)

// A Desk looks up what is presented, always in the database, so that what was revoked is not
// found from then on. One statement looks up all that came while the one before ran. What was
// found lately does not wait with what was not. It is safe for concurrent use.
type Desk[V any] struct {
	ask   Ask[V]
	known *lane[V] // what was found lately
	rest  *lane[V]

	mu    sync.Mutex
	found map[string]struct{}
}

// NewDesk makes a desk.
func NewDesk[V any](ask Ask[V]) *Desk[V] {
	d := &Desk[V]{ask: ask, found: map[string]struct{}{}}
	d.known, d.rest = &lane[V]{desk: d}, &lane[V]{desk: d, gap: gap}
	return d
}

// Of returns the rows of a presented value by its hash; none where there are none. The error
// is that of Ask or of the context.
func (d *Desk[V]) Of(ctx context.Context, hash string) ([]V, error) {
	d.mu.Lock()
	lane := d.rest
	if _, ok := d.found[hash]; ok {
		lane = d.known
	}
	d.mu.Unlock()
	return lane.of(ctx, hash)
}

// note keeps in mind which of the hashes were found.
func (d *Desk[V]) note(hashes []string, found map[string][]V) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, hash := range hashes {
		delete(d.found, hash)
		if len(found[hash]) > 0 {
			if len(d.found) >= mostFound {
				clear(d.found)
			}
			d.found[hash] = struct{}{}
		}
	}
}

// A lane runs one statement at a time.
type lane[V any] struct {
	desk *Desk[V]
	gap  time.Duration

	mu      sync.Mutex
	waiting []*presented[V]
	running bool
}

// A presented value waits to be looked up.
type presented[V any] struct {
	hash string
	rows []V
	err  error
	done chan struct{} // closed when rows or err is set
}

func (l *lane[V]) of(ctx context.Context, hash string) ([]V, error) {
	p := &presented[V]{hash: hash, done: make(chan struct{})}
	l.mu.Lock()
	l.waiting = append(l.waiting, p)
	start := !l.running
	l.running = true
	l.mu.Unlock()
	if start {
		panics.Go(l.run, l.abandon)
	}
	select {
	case <-p.done:
		return p.rows, p.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// run looks up until nothing waits.
func (l *lane[V]) run() {
	for {
		batch := l.take()
		if len(batch) == 0 {
			return
		}
		if !l.lookUp(batch) {
			<-time.After(l.gap)
		}
	}
}

// lookUp looks a batch up, and reports whether all of it was found.
func (l *lane[V]) lookUp(batch []*presented[V]) (all bool) {
	err := errors.New("the lookup broke off") // unless it is replaced
	var found map[string][]V
	defer func() {
		for _, p := range batch {
			p.rows, p.err = found[p.hash], err
			close(p.done)
		}
	}()
	hashes, seen := make([]string, 0, len(batch)), make(map[string]struct{}, len(batch))
	for _, p := range batch {
		if _, again := seen[p.hash]; !again {
			hashes, seen[p.hash] = append(hashes, p.hash), struct{}{}
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	found, err = l.desk.ask(ctx, hashes)
	if ctx.Err() != nil {
		err = fmt.Errorf("%w: it does not respond within %s", syncs.ErrDatabase, timeout)
	}
	if err == nil {
		l.desk.note(hashes, found)
	}
	return len(found) == len(hashes)
}

// take returns what waits, and notes that nobody looks up where nothing does.
func (l *lane[V]) take() []*presented[V] {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := min(len(l.waiting), mostAtOnce)
	batch := l.waiting[:n:n]
	l.waiting = l.waiting[n:]
	l.running = n > 0
	return batch
}

// abandon ends what waits after a panic (R58).
func (l *lane[V]) abandon(e *panics.Error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.waiting {
		p.err = e
		close(p.done)
	}
	l.waiting, l.running = nil, false
}
