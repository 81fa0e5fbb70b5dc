// Package memory bounds what the rows of PIMS take of the process's memory (R57): the rows
// that a fetch of a calendar or a search collects, and those that a sync keeps until it ends.
//
// Every run may hold Small bytes at any time. A run that needs more needs the process's one
// turn, keeps it until it ends, and may hold Large bytes. So a process holds at most Small
// bytes for each of its runs, and Large bytes once. Runs get their turn in the order in which
// they asked for it.
//
// Nobody waits in a circle. A run waits for the turn only between two fetches, when it has
// no request under way, and so none of the places in which pimshttp reads large rows. While a
// request is under way, the run takes the turn only if it is free. Whoever waits for a place
// may have the turn; whoever has a place never waits for the turn.
//
// The package counts. It knows no PIMS and no sync.
package memory

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// What the rows of one run may take together, in bytes. Small are 6,000 appointments with
// 700 bytes each; Large are 100,000 of them.
const (
	Small = 4 << 20
	Large = 80 << 20
)

var (
	// errLarge is final: two fetches of half the days would together keep as much.
	errLarge = fmt.Errorf("%w (%d MiB, such as 70,000 appointments with as many consultations); sync fewer days at a time", pims.ErrTooManyRows, Large>>20)

	// errBusy ends a fetch that has to wait for its turn.
	errBusy = fmt.Errorf("%w while another sync has a large calendar (%d MiB)", pims.ErrTooManyRows, Small>>20)
)

// turn is held by the run that may hold Large bytes.
var turn = make(chan struct{}, 1)

// A run counts what a sync holds.
type run struct {
	held    atomic.Int64
	limit   atomic.Int64
	growing sync.Mutex
}

type (
	runKey     struct{}
	waitingKey struct{}
)

// Begin returns a context whose fetches and kept rows count together, and a function that
// ends the run and gives everything back.
func Begin(ctx context.Context) (_ context.Context, end func()) {
	r := new(run)
	r.limit.Store(Small)
	return context.WithValue(ctx, runKey{}, r), sync.OnceFunc(r.end)
}

// Telling returns a context in which waiting is called when a run has to wait for its turn.
// The function that waiting returns is called when the wait is over.
func Telling(ctx context.Context, waiting func(context.Context) (done func())) context.Context {
	return context.WithValue(ctx, waitingKey{}, waiting)
}

func (r *run) end() {
	if r.large() {
		<-turn
	}
}

func (r *run) large() bool { return r.limit.Load() == Large }

// Fetch calls a function that collects rows and counts them by Shares of the Fetching. If
// they are too many and it is another run's turn, Fetch drops them, waits, and calls the
// function again. What the function has counted is given back when Fetch returns: see Keep.
// In a context without a run, the fetch is a run of its own.
//
// Errors: those of the function; pims.ErrTooManyRows; the context's.
func Fetch[T any](ctx context.Context, fetch func(*Fetching) (T, error)) (T, error) {
	r, ok := ctx.Value(runKey{}).(*run)
	if !ok {
		begun, end := Begin(ctx)
		defer end()
		return Fetch(begun, fetch)
	}
	fetched, err := once(r, fetch)
	if !errors.Is(err, errBusy) {
		return fetched, err
	}
	if err := r.wait(ctx); err != nil {
		var none T
		return none, err
	}
	return once(r, fetch)
}

func once[T any](r *run, fetch func(*Fetching) (T, error)) (T, error) {
	f := &Fetching{run: r}
	defer func() { r.held.Add(-f.held.Load()) }()
	return fetch(f)
}

// wait returns when it is the run's turn.
func (r *run) wait(ctx context.Context) error {
	if r.tryLarge() {
		return nil
	}
	if waiting, ok := ctx.Value(waitingKey{}).(func(context.Context) func()); ok {
		defer waiting(ctx)()
	}
	select {
	case turn <- struct{}{}:
		r.limit.Store(Large)
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for another sync's large calendar: %w", ctx.Err())
	}
}

// tryLarge reports whether it is the run's turn, and takes the turn if it is free.
func (r *run) tryLarge() bool {
	r.growing.Lock()
	defer r.growing.Unlock()
	if r.large() {
		return true
	}
	select {
	case turn <- struct{}{}:
		r.limit.Store(Large)
		return true
	default:
		return false
	}
}

// take counts bytes that the run holds.
func (r *run) take(bytes int64) error {
	held := r.held.Add(bytes)
	switch {
	case held <= r.limit.Load():
		return nil
	case !r.tryLarge():
		return errBusy
	case held > Large:
		return errLarge
	default:
		return nil
	}
}

// Keep counts rows that stay after their fetch, until drop is called or the run ends. If they
// are too many and it is another run's turn, it waits with them: a fetch that counts its rows
// has waited before. In a context without a run it does nothing.
//
// Errors: pims.ErrTooManyRows; the context's.
func Keep(ctx context.Context, bytes int) (drop func(), err error) {
	r, ok := ctx.Value(runKey{}).(*run)
	if !ok {
		return func() {}, nil
	}
	drop = sync.OnceFunc(func() { r.held.Add(-int64(bytes)) })
	err = r.take(int64(bytes))
	if errors.Is(err, errBusy) {
		if err = r.wait(ctx); err == nil && r.held.Load() > Large {
			err = errLarge
		}
	}
	if err != nil {
		drop()
	}
	return drop, err
}

// A Fetching counts the rows of one call of a fetch's function. It is safe for concurrent
// use.
type Fetching struct {
	run  *run
	held atomic.Int64
}

// Share returns what one answer holds of the fetch, at first nothing.
func (f *Fetching) Share() *Share { return &Share{of: f} }

// A Share is what one answer holds of a Fetching. The zero Share has no limit.
type Share struct {
	of    *Fetching
	taken int64
}

// Take counts bytes that the answer holds. An error ends the fetch: its function returns it.
func (s *Share) Take(bytes int) error {
	if s.of == nil {
		return nil
	}
	s.taken += int64(bytes)
	s.of.held.Add(int64(bytes))
	return s.of.run.take(int64(bytes))
}

// GiveBack returns the share of an answer that is not kept.
func (s *Share) GiveBack() {
	if s.of != nil {
		s.of.held.Add(-s.taken)
		s.of.run.held.Add(-s.taken)
	}
	s.taken = 0
}
