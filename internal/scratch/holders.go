package scratch

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/cases"
)

// Holders implements casesync.EnrichmentStore.
func (s *Store) Holders(ctx context.Context, _ uuid.UUID, _ string, consultationIDs []string) (map[string][]cases.Holder, error) {
	defer s.locked()()
	found := map[string][]cases.Holder{}
	for _, id := range consultationIDs {
		if rows := s.holding(id); len(rows) > 1 && found[id] == nil {
			for _, r := range rows {
				found[id] = append(found[id], cases.Holder{CaseID: r.ID, PIMSID: r.PIMSID, Whose: r.WhoseByIDs()})
			}
		}
	}
	return found, ctx.Err()
}

// holding lists the cases that have a consultation.
func (s *Store) holding(id string) []*Row {
	return s.find(func(r *Row) bool { return slices.Contains(r.ConsultationIDs(), id) })
}

// doubt makes the cases due that share a consultation with a written case of another patient
// (R9), as the database's triggers do.
func (s *Store) doubt(before, after *cases.Case, at time.Time) {
	had, has := before.ConsultationIDs(), after.ConsultationIDs()
	if slices.Equal(had, has) && before.WhoseByIDs() == after.WhoseByIDs() {
		return
	}
	for _, id := range had {
		s.doubtOthers(id, before, at)
	}
	for _, id := range has {
		if s.doubtOthers(id, after, at) {
			s.mark(after.ID, at)
		}
	}
}

func (s *Store) doubtOthers(consultationID string, c *cases.Case, at time.Time) (some bool) {
	for _, r := range s.holding(consultationID) {
		if r.ID != c.ID && r.WhoseByIDs().Another(c.WhoseByIDs()) {
			s.mark(r.ID, at)
			some = true
		}
	}
	return some
}

func (s *Store) mark(id uuid.UUID, at time.Time) {
	known := s.notes[id]
	s.notes[id] = cases.Reading{CaseID: id, ReadAt: known.ReadAt, Fingerprint: known.Fingerprint, Outcome: "changed", Since: at}
}

// Hide takes the consultation from a case, as a restore does where another patient's case has
// it too (R9), and returns the case.
func (s *Store) Hide(id uuid.UUID, at time.Time) Row {
	defer s.locked()()
	before := s.cases[id]
	hidden := *before
	hidden.Shown, hidden.Consultation = shownBy(before, nil), nil
	s.keep(&hidden, at)
	s.doubt(&before.Case, &hidden.Case, at)
	return hidden
}
