package lookup_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/postgres/internal/lookup"
)

// A table has rows by hash, and remembers what it was asked. Each statement takes a
// millisecond.
type table struct {
	mu    sync.Mutex
	rows  map[string][]int
	asked [][]string
	err   error
}

func (t *table) ask(_ context.Context, hashes []string) (map[string][]int, error) {
	time.Sleep(time.Millisecond)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asked = append(t.asked, slices.Clone(hashes))
	found := map[string][]int{}
	for _, hash := range hashes {
		if rows, ok := t.rows[hash]; ok {
			found[hash] = rows
		}
	}
	return found, t.err
}

// settle waits until no desk of the bubble works.
func settle() {
	time.Sleep(time.Second)
	synctest.Wait()
}

func TestStrangersCostFewStatementsAndKeepNobodyWaiting(t *testing.T) { // R38, R39
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shelf := &table{rows: map[string][]int{"right": {7}}}
		desk := lookup.NewDesk(shelf.ask)
		rows, err := desk.Of(t.Context(), "right")
		require.NoError(t, err)
		require.Equal(t, []int{7}, rows)

		var strangers sync.WaitGroup
		for i := range 1000 { // in one second
			strangers.Go(func() {
				time.Sleep(time.Duration(i) * time.Millisecond)
				rows, err := desk.Of(t.Context(), fmt.Sprint("wrong ", i))
				if err != nil || len(rows) > 0 {
					t.Errorf("a wrong one found %v, %v", rows, err)
				}
			})
		}
		for range 9 {
			time.Sleep(100 * time.Millisecond)
			begun := time.Now()
			rows, err := desk.Of(t.Context(), "right")
			require.NoError(t, err)
			require.Equal(t, []int{7}, rows)
			require.LessOrEqual(t, time.Since(begun), 2*time.Millisecond)
		}
		strangers.Wait()
		settle()
		require.Less(t, len(shelf.asked), 120, "a statement looks up all that came meanwhile")
	})
}

func TestWhatIsRevokedIsNotFoundAnyMore(t *testing.T) { // R39
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shelf := &table{rows: map[string][]int{"key": {1}}}
		desk := lookup.NewDesk(shelf.ask)
		for _, want := range []int{1, 1, 0, 0, 1} {
			if want == 0 {
				delete(shelf.rows, "key")
			} else {
				shelf.rows["key"] = []int{1}
			}
			rows, err := desk.Of(t.Context(), "key")
			require.NoError(t, err)
			require.Len(t, rows, want)
		}
		settle()
		require.Len(t, shelf.asked, 5, "each is looked up")
	})
}

func TestOneThatManyPresentAtOnceIsAskedForOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shelf := &table{}
		desk := lookup.NewDesk(shelf.ask)
		var callers sync.WaitGroup
		for range 2500 {
			callers.Go(func() { _, _ = desk.Of(t.Context(), "wrong") })
		}
		callers.Wait()
		settle()
		for _, hashes := range shelf.asked {
			require.Equal(t, []string{"wrong"}, hashes)
		}
		require.LessOrEqual(t, len(shelf.asked), 4)
	})
}

func TestTheErrorOfALookupIsEverybodysWhoWaitedForIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		down := errors.New("the database is down")
		shelf := &table{err: down}
		desk := lookup.NewDesk(shelf.ask)
		_, err := desk.Of(t.Context(), "key")
		require.ErrorIs(t, err, down)
		ctx, gone := context.WithCancel(t.Context())
		gone()
		_, err = desk.Of(ctx, "key")
		require.ErrorIs(t, err, context.Canceled)
		settle()
	})
}
