package casesync

import "sync"

// maxInARow failures of one kind in a row end a phase: the cause is not one record (R20).
const maxInARow = 5

// A streak counts failures of one kind in a row, in the order of their arrival. The zero
// streak is ready; it is safe for concurrent use.
type streak struct {
	mu sync.Mutex
	n  int
}

// fifth counts a result. It reports whether this one and at least the maxInARow-1 before it
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
