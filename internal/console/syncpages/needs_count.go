package syncpages

import (
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/console/screen"
	"github.com/pims-sync/pims-sync/internal/scheduler"
)

// needsKept is how long the navigation shows the same count, where nobody acted and the page
// itself did not read the clinics.
const needsKept = 5 * time.Second

// needCounts are how many things people must look at, by clinic, without those that need
// nobody. It is safe for concurrent use.
type needCounts struct {
	mu   sync.Mutex
	by   map[uuid.UUID]int
	read time.Time // zero: never
}

// countNeeds returns how many needs the page shows to the caller (R42).
func (s *Screens) countNeeds(v *page.Visit) (n int, err error) {
	by := s.counts.latest()
	if by == nil || v.Acted() || s.o.HasRead(v) {
		all, err := s.o.Conditions(v)
		if err != nil {
			return 0, err
		}
		by = s.counts.set(all, v.Now)
	}
	for id, needs := range by {
		if v.Caller.Sees(id) {
			n += needs
		}
	}
	return n, nil
}

// latest returns what was counted lately; nil: nothing was.
func (c *needCounts) latest() map[uuid.UUID]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.read) > needsKept {
		return nil
	}
	return c.by
}

// set counts what all clinics need.
func (c *needCounts) set(all []scheduler.Condition, now time.Time) map[uuid.UUID]int {
	by, problems := make(map[uuid.UUID]int), make(scheduleProblems)
	for i := range all {
		x := &screen.Judged{Condition: all[i], Verdict: all[i].Verdict()}
		if n := x.Plans.Open + len(needsOf(x, now, problems)); n > 0 {
			by[x.Clinic.ID] = n
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.by, c.read = by, time.Now()
	return by
}

// scheduleProblems are what is wrong with schedules, by the documents that have them: most
// clinics have one of a few documents.
type scheduleProblems map[string][]clinic.ScheduleProblem

func (s scheduleProblems) of(document []byte) []clinic.ScheduleProblem {
	if document == nil {
		return nil
	}
	known, ok := s[string(document)]
	if !ok {
		_, known = clinic.ParseSchedules(document, scheduler.CheckEntry)
		s[string(document)] = known
	}
	return known
}
