package scheduler

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
)

const (
	readAtOnce = 500 // clinics that one read takes, so that memory does not grow with their number

	// Each sliceEvery, one of slicesOf slices of the clinics is read, whatever their rows say
	// about their last change.
	sliceEvery = 50 * time.Second
	slicesOf   = 10

	// changeOverlap covers what commits late, and clocks that differ.
	changeOverlap = 2 * time.Minute
)

// A roster keeps the little that is told of every clinic each minute: it reads the clinics
// that changed, those whose next tick has had its hour, and a tenth of the others, so that
// a change that no time of a row tells is known after ten minutes. It is safe for
// concurrent use.
type roster struct {
	clinics ClinicStore
	report  func(error) // of panics

	mu      sync.Mutex
	members map[uuid.UUID]member
	looked  time.Time // when changes were last read; zero: never
	sliced  time.Time // when the latest slice was read
	last    uuid.UUID // of that slice
}

// A member is what is kept of a clinic.
type member struct {
	name    string
	verdict Verdict
	phases  [3]freshness // in the order of phases
	again   time.Time    // when it must be read again; zero: a change or its turn decides
}

// freshness is what is kept of a phase.
type freshness struct {
	scheduled, stale bool
	success          int64 // of the latest, in nanoseconds since 1970; 0: none
}

// A Standing is a clinic's state.
type Standing struct {
	ClinicID uuid.UUID
	Name     string
	Verdict
}

// Standings returns the state of every clinic now, ordered by id.
func (s *Scheduler) Standings(ctx context.Context) ([]Standing, error) {
	if err := s.roster.look(ctx, s.o.Now()); err != nil {
		return nil, err
	}
	return s.roster.standings(), nil
}

// look reads what may have changed. After an error the next look reads the same again.
func (r *roster) look(ctx context.Context, now time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.looked.IsZero() || now.Before(r.looked) {
		return r.lookAtAll(ctx, now)
	}
	changed, err := r.clinics.Changed(ctx, r.looked.Add(-changeOverlap))
	if err != nil {
		return err
	}
	for id, m := range r.members {
		if !m.again.IsZero() && !m.again.After(now) {
			changed = append(changed, id)
		}
	}
	if err := r.read(ctx, changed, now); err != nil {
		return err
	}
	if now.Sub(r.sliced) >= sliceEvery {
		if err := r.lookAtSlice(ctx, now); err != nil {
			return err
		}
	}
	r.looked = now
	return nil
}

// lookAtAll reads every clinic.
func (r *roster) lookAtAll(ctx context.Context, now time.Time) error {
	r.last = uuid.Nil
	for {
		if _, err := r.readNext(ctx, readAtOnce, now); err != nil {
			return err
		}
		if r.last == uuid.Nil {
			r.looked = now
			return nil
		}
	}
}

// lookAtSlice reads the clinics whose turn it is.
func (r *roster) lookAtSlice(ctx context.Context, now time.Time) error {
	for rest := len(r.members)/slicesOf + 1; rest > 0; {
		n, err := r.readNext(ctx, min(rest, readAtOnce), now)
		if err != nil {
			return err
		}
		if rest -= n; n == 0 && len(r.members) == 0 {
			break
		}
	}
	return nil
}

// readNext reads the clinics that follow the last slice, and drops those between them that
// are no longer there. After the end it begins again. It returns how many it read.
func (r *roster) readNext(ctx context.Context, limit int, now time.Time) (int, error) {
	ids, err := r.clinics.ClinicsAfter(ctx, r.last, limit)
	if err != nil {
		return 0, err
	}
	end := uuid.Max
	if len(ids) == limit {
		end = ids[limit-1]
	}
	for id := range r.members {
		if compareIDs(id, r.last) > 0 && compareIDs(id, end) <= 0 {
			if _, there := slices.BinarySearchFunc(ids, id, compareIDs); !there {
				delete(r.members, id)
			}
		}
	}
	if err := r.read(ctx, ids, now); err != nil {
		return 0, err
	}
	r.sliced, r.last = now, end
	if end == uuid.Max {
		r.last = uuid.Nil
	}
	return len(ids), nil
}

// read reads some clinics.
func (r *roster) read(ctx context.Context, ids []uuid.UUID, now time.Time) error {
	for some := range slices.Chunk(ids, readAtOnce) {
		found, err := r.clinics.ConditionsOf(ctx, some, now)
		if err != nil {
			return err
		}
		expectEach(found, now, r.report)
		for _, id := range some {
			delete(r.members, id)
		}
		for i := range found {
			r.members[found[i].Clinic.ID] = memberOf(&found[i], now)
		}
	}
	return nil
}

// memberOf returns what is kept of a clinic.
func memberOf(c *Condition, now time.Time) member {
	m := member{name: c.Clinic.Name, verdict: c.Verdict(), again: c.until}
	if c.Plans.Open > 0 { // a plan is decided, or expires
		m.again = now
	}
	for i := range c.Phases[:min(len(c.Phases), len(m.phases))] {
		p := &c.Phases[i]
		m.phases[i] = freshness{scheduled: p.Scheduled, stale: p.Scheduled && p.Stale()}
		if !p.LastSuccess.IsZero() {
			m.phases[i].success = p.LastSuccess.UnixNano()
		}
	}
	return m
}

// A freshSummary says how many scheduled clinics are stale in one phase, and the age of the
// oldest data among the clinics that have data.
type freshSummary struct {
	stale  int
	oldest time.Duration
}

// summary returns how many clinics are in each state, and how fresh their phases are.
func (r *roster) summary(now time.Time) (counts map[ClinicState]int, fresh [3]freshSummary) {
	r.mu.Lock()
	defer r.mu.Unlock()
	counts = make(map[ClinicState]int)
	for _, m := range r.members {
		counts[m.verdict.State]++
		for place, p := range m.phases {
			if !p.scheduled {
				continue
			}
			if p.stale {
				fresh[place].stale++
			}
			if p.success != 0 {
				fresh[place].oldest = max(fresh[place].oldest, time.Duration(now.UnixNano()-p.success))
			}
		}
	}
	return counts, fresh
}

func (r *roster) standings() []Standing {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]Standing, 0, len(r.members))
	for id, m := range r.members {
		all = append(all, Standing{id, m.name, m.verdict})
	}
	slices.SortFunc(all, func(a, b Standing) int { return compareIDs(a.ClinicID, b.ClinicID) })
	return all
}

// compareIDs compares two ids as the database does.
func compareIDs(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) }
