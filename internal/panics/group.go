package panics

import (
	"context"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// A Group is an errgroup.Group whose functions may panic. It belongs to one piece of work:
// a panic ends the group as an error does, and Wait returns it rather than any other error.
type Group struct {
	group    *errgroup.Group
	panicked atomic.Pointer[Error]
}

// NewGroup makes a Group that runs at most limit functions at a time. An error of one does
// not end the others.
func NewGroup(limit int) *Group {
	g := &Group{group: new(errgroup.Group)}
	g.group.SetLimit(limit)
	return g
}

// NewGroupWith is NewGroup with a context that ends with the first error, and when Wait
// returns.
func NewGroupWith(ctx context.Context, limit int) (*Group, context.Context) {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(limit)
	return &Group{group: group}, ctx
}

// Do calls f in a new goroutine, as soon as the limit allows.
func (g *Group) Do(f func() error) {
	g.group.Go(func() error {
		err := Catch(f)
		if e := In(err); e != nil {
			g.panicked.CompareAndSwap(nil, e)
		}
		return err
	})
}

// Wait returns when all functions have returned. Its error is the first panic, else the
// first error.
func (g *Group) Wait() error {
	err := g.group.Wait()
	if e := g.panicked.Load(); e != nil {
		return e
	}
	return err
}
