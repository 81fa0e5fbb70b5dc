package idexxneo

import (
	"fmt"
	"sync/atomic"

	"github.com/pims-sync/pims-sync/internal/pims/pimshttp"
)

// maxHeld is how much one fetch of the calendar, or one search, may keep, in bytes
// (R57): 100,000 appointments with a thousand bytes each.
const maxHeld = 96 << 20

// errHeld is refused at once: to ask in halves would keep as much.
var errHeld = fmt.Errorf("the PIMS lists more than %d MiB of rows: %w", maxHeld>>20, pimshttp.ErrOverLimit)

// A budget is what the answers of one fetch keep together.
type budget struct{ held atomic.Int64 }

// A share is what one answer keeps of it. The zero share has no limit.
type share struct {
	of    *budget
	taken int64
}

func (s *share) take(bytes int) error {
	if s.of == nil {
		return nil
	}
	s.taken += int64(bytes)
	if s.of.held.Add(int64(bytes)) > maxHeld {
		return errHeld
	}
	return nil
}

// giveBack is for an answer that is not kept.
func (s *share) giveBack() {
	if s.of != nil {
		s.of.held.Add(-s.taken)
	}
	s.taken = 0
}
