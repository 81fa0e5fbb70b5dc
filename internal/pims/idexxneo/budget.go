package idexxneo

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/pims-sync/pims-sync/internal/pims/pimshttp"
)

// How much memory the rows of one fetch of the calendar, or of one search, may take, in
// bytes (R57). Every fetch may keep smallFetch at any time: 8,000 appointments with a
// thousand bytes each. Only one fetch in the process at a time may keep largeFetch.
const (
	smallFetch = 8 << 20
	largeFetch = 96 << 20
)

// errLarge is final: two fetches of half the days would together keep as much.
var errLarge = fmt.Errorf("the PIMS lists more than %d MiB of rows: %w", largeFetch>>20, pimshttp.ErrOverLimit)

// large is held by the fetch that may keep largeFetch.
var large = make(chan struct{}, 1)

// budgeted runs a fetch with a small budget. A fetch that needs more drops everything,
// waits for its turn, and starts again with a large budget. It waits between requests and
// holds nothing meanwhile, so that no request times out and no two fetches wait for each
// other. Only the context ends the wait.
func budgeted[T any](ctx context.Context, fetch func(*budget) (T, error)) (T, error) {
	fetched, err := fetch(&budget{limit: smallFetch})
	if !errors.Is(err, errLarge) {
		return fetched, err
	}
	var none T
	select {
	case large <- struct{}{}:
		defer func() { <-large }()
	case <-ctx.Done():
		return none, fmt.Errorf("waiting for another clinic's large fetch: %w", ctx.Err())
	}
	fetched, err = fetch(&budget{limit: largeFetch})
	return fetched, err
}

// A budget bounds what the answers of one fetch keep together.
type budget struct {
	limit int64
	held  atomic.Int64
}

// A share is what one answer keeps of a budget. The zero share has no limit.
type share struct {
	of    *budget
	taken int64
}

func (s *share) take(bytes int) error {
	if s.of == nil {
		return nil
	}
	s.taken += int64(bytes)
	if s.of.held.Add(int64(bytes)) > s.of.limit {
		return errLarge
	}
	return nil
}

// giveBack returns the share of an answer that is not kept.
func (s *share) giveBack() {
	if s.of != nil {
		s.of.held.Add(-s.taken)
	}
	s.taken = 0
}
