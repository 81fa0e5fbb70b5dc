package postgres

import (
	"context"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A gathered holds the commands of a sync that wait for its next fenced ones.
type gathered struct {
	mu      sync.Mutex
	waiting []func(*pgx.Batch) error
}

type gatheredKey struct{}

// Gathering returns the context of an attempt, in which Later's commands travel with the
// next fenced ones. The context with which the attempt's audit is closed must be one of it,
// too, or what waits is lost.
func Gathering(ctx context.Context) context.Context {
	return context.WithValue(ctx, gatheredKey{}, new(gathered))
}

// Later is Fenced for commands on which nothing depends until the sync's next fenced ones,
// with which they travel, before them and in their transaction, so that they cost no round
// trip of their own. The call that sends them returns their errors. Outside a context of
// Gathering they travel at once.
func (db *DB) Later(ctx context.Context, operation string, lease syncs.Lease, queue func(*pgx.Batch) error) error {
	g, ok := ctx.Value(gatheredKey{}).(*gathered)
	if !ok {
		return db.Fenced(ctx, operation, lease, "", queue)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = append(g.waiting, queue)
	return nil
}

// takeWaiting returns what has waited in a context. It waits no more.
func takeWaiting(ctx context.Context) []func(*pgx.Batch) error {
	g, ok := ctx.Value(gatheredKey{}).(*gathered)
	if !ok {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	waited := g.waiting
	g.waiting = nil
	return waited
}
