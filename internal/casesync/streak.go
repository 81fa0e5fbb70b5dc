package casesync

import "sync"

// maxInARow failures of one kind in a row end a phase: they are not of one record (R20).
const maxInARow = 5

// A streak counts failures of one kind in a row, as they arrive. The zero streak is
// ready; it is safe for concurrent use.
type streak struct {
	mu sync.Mutex
	n  int
}

// fifth counts a result. It tells whether it and the maxInARow-1 before it, or more,
// have failed.
func (s *streak) fifth(failed bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	if !failed {
		s.n = 0
	}
	return s.n >= maxInARow
}
