package scratch

import (
	"cmp"
	"context"
	"maps"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/guards"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

func (s *Store) scheduled(wanted func(*Row) bool) []guards.Scheduled {
	defer s.locked()()
	var scheduled []guards.Scheduled
	for _, r := range s.find(wanted) {
		scheduled = append(scheduled, guards.Scheduled{
			PIMSID: r.PIMSID, ScheduledDate: r.ScheduledDate, Start: r.Appointment.Start,
			SoftDeleted: r.SoftDeleted(), Protected: r.Protected,
		})
	}
	return scheduled
}

// ScheduledIn implements casesync.InboundStore.
func (s *Store) ScheduledIn(ctx context.Context, _ uuid.UUID, _ string, window pims.Window) ([]guards.Scheduled, error) {
	return s.scheduled(func(r *Row) bool { return window.Contains(r.ScheduledDate) }), ctx.Err()
}

// ScheduledByID implements casesync.InboundStore.
func (s *Store) ScheduledByID(ctx context.Context, _ uuid.UUID, _ string, ids []string) ([]guards.Scheduled, error) {
	return s.scheduled(named(ids)), ctx.Err()
}

// CasesByID implements casesync.InboundStore.
func (s *Store) CasesByID(ctx context.Context, _ uuid.UUID, _ string, ids []string) (map[string]cases.Case, error) {
	defer s.locked()()
	found := map[string]cases.Case{}
	for _, r := range s.find(named(ids)) {
		c := r.Case
		c.Consulted, c.Consultation, c.Shown = c.Owner(), nil, nil // of the consultation only whose it is
		found[c.PIMSID] = c
	}
	return found, ctx.Err()
}

// CasesWithConsultations implements casesync.EnrichmentStore.
func (s *Store) CasesWithConsultations(ctx context.Context, _ uuid.UUID, ids []uuid.UUID) (map[uuid.UUID]cases.Case, error) {
	defer s.locked()()
	found := map[uuid.UUID]cases.Case{}
	for _, id := range ids {
		if r := s.cases[id]; r != nil {
			found[id] = r.Case
		}
	}
	return found, ctx.Err()
}

// WriteCases implements casesync.InboundStore.
func (s *Store) WriteCases(ctx context.Context, lease syncs.Lease, _ uuid.UUID, _ string, writes []cases.Write, at time.Time) (written []string, err error) {
	defer s.locked()()
	if err := s.fence(ctx, lease); err != nil {
		return nil, err
	}
	for i := range writes {
		if !s.write(&writes[i], at) {
			continue
		}
		written = append(written, writes[i].After.PIMSID)
		if r := writes[i].Reading; r != nil {
			s.note(*r)
		}
	}
	return written, nil
}

func (s *Store) write(w *cases.Write, at time.Time) bool {
	after := w.After
	if w.Before == nil {
		if len(s.find(func(r *Row) bool { return r.PIMSID == after.PIMSID })) > 0 {
			return false // on conflict do nothing
		}
		after.ID, after.CreatedAt = uuid.New(), at
		s.keep(&Row{Case: after}, at)
		s.doubt(&cases.Case{}, &after, at)
		return true
	}
	r := s.cases[w.Before.ID]
	if r == nil || r.Version != w.Before.Version {
		return false
	}
	if w.Before.SoftDeleted() == after.SoftDeleted() && r.Status != r.SyncStatus {
		after.Status = r.Status // R10
	}
	if after.Consultation == nil && !w.Hides() {
		after.Consultation = r.Consultation
	}
	if after.Consulted, after.Hidden = nil, false; w.Hides() {
		after.Consultation = nil
	}
	after.Shown = shownBy(r, after.Consultation)
	changed := *r
	changed.Case = after
	s.keep(&changed, at)
	s.doubt(&r.Case, &after, at)
	return true
}

// shownBy adds the consultation that leaves a case to those that it showed (R7).
func shownBy(r *Row, next *cases.Consultation) map[string]cases.Whose {
	left := r.Consultation
	if left == nil || left.ID == "" || next != nil && next.ID == left.ID {
		return r.Shown
	}
	shown := maps.Clone(r.Shown)
	if shown == nil {
		shown = make(map[string]cases.Whose)
	}
	shown[left.ID] = cases.Whose{
		PatientID: cmp.Or(left.PatientID, r.Appointment.PatientID), ClientID: cmp.Or(left.ClientID, r.Appointment.ClientID), PatientName: r.PatientName,
	}
	return shown
}

// SeenAgain implements casesync.InboundStore.
func (s *Store) SeenAgain(ctx context.Context, lease syncs.Lease, _ string, ids []string) error {
	defer s.locked()()
	if err := s.fence(ctx, lease); err != nil {
		return err
	}
	for _, r := range s.find(named(ids)) {
		r.Protected = false
	}
	return nil
}

// EnrichmentCandidates implements casesync.EnrichmentStore.
func (s *Store) EnrichmentCandidates(ctx context.Context, _ uuid.UUID, _ string, window pims.Window, until time.Time) ([]cases.Candidate, error) {
	defer s.locked()()
	var candidates []cases.Candidate
	for _, r := range s.find(func(r *Row) bool {
		changed := !s.notes[r.ID].Since.IsZero()
		return (window.Contains(r.ScheduledDate) || changed) && !r.SoftDeleted() && (!closed(r, until) || changed && r.Consultation != nil)
	}) {
		c := candidate(r, s.notes[r.ID])
		c.Closed = closed(r, until)
		candidates = append(candidates, c)
	}
	return candidates, ctx.Err()
}

// closed reports whether nothing is read for a case: its visit is cancelled or still to come.
func closed(r *Row, until time.Time) bool {
	return r.ScheduledDate.After(until) || r.Appointment.Meaning == pims.StatusCancelled
}

func candidate(r *Row, reading cases.Reading) cases.Candidate {
	c := cases.Candidate{
		CaseID: r.ID, PIMSID: r.PIMSID, ScheduledDate: r.ScheduledDate,
		ConsultationID: r.Appointment.ConsultationID, Earlier: r.Appointment.Earlier,
		PatientID: r.Appointment.PatientID, ClientID: r.Appointment.ClientID,
		Since: reading.Since,
		Tries: reading.Tries, NextTry: reading.NextTry, ReadAt: reading.ReadAt, Fingerprint: reading.Fingerprint,
	}
	if r.Consultation != nil {
		c.Stored, c.StoredID = true, r.Consultation.ID
		c.StoredAppointmentID, c.StoredPatientID = r.Consultation.AppointmentID, r.Consultation.PatientID
		c.StoredClientID = r.Consultation.ClientID
		c.HasNotes, c.Final = !r.Consultation.SOAP.Blank(), r.Consultation.Status.Final()
	}
	return c
}

// KeepReadings implements casesync.EnrichmentStore.
func (s *Store) KeepReadings(ctx context.Context, lease syncs.Lease, readings []cases.Reading) error {
	defer s.locked()()
	if err := s.fence(ctx, lease); err != nil {
		return err
	}
	for _, r := range readings {
		s.note(r)
	}
	return nil
}

func (s *Store) note(r cases.Reading) {
	if r.ReadAt.IsZero() {
		r.ReadAt = s.notes[r.CaseID].ReadAt
		if r.Outcome != "adopted" { // R19
			r.Fingerprint = s.notes[r.CaseID].Fingerprint
		}
	}
	s.notes[r.CaseID] = r
}

// LookedOn implements casesync.EnrichmentStore.
func (s *Store) LookedOn(ctx context.Context, _ uuid.UUID, _ string) (pims.Date, error) {
	defer s.locked()()
	return s.looked, ctx.Err()
}

// KeepLook implements casesync.EnrichmentStore.
func (s *Store) KeepLook(ctx context.Context, lease syncs.Lease, _ string, day pims.Date) error {
	defer s.locked()()
	s.looked = day
	return s.fence(ctx, lease)
}

// Deletable reports whether a case may be a candidate for deletion at all (W9, R21, R24).
func Deletable(r *Row, window pims.Window, until time.Time) bool {
	return window.Contains(r.ScheduledDate) && r.ScheduledDate.Before(until) &&
		r.Status != cases.Reviewed && !r.SoftDeleted() && !r.Protected
}

// DeletionCandidates implements casesync.ReconciliationStore.
func (s *Store) DeletionCandidates(ctx context.Context, _ uuid.UUID, _ string, window pims.Window, until time.Time) ([]cases.Case, error) {
	defer s.locked()()
	var candidates []cases.Case
	for _, r := range s.find(func(r *Row) bool { return Deletable(r, window, until) }) {
		c := r.Case
		c.Consultation = nil
		candidates = append(candidates, c)
	}
	return candidates, ctx.Err()
}

// SoftDelete implements casesync.ReconciliationStore.
func (s *Store) SoftDelete(ctx context.Context, lease syncs.Lease, syncID uuid.UUID, _ string, window pims.Window, until time.Time, deletions []cases.SoftDeletion, at time.Time) (deleted []uuid.UUID, err error) {
	defer s.locked()()
	if err := s.fence(ctx, lease); err != nil {
		return nil, err
	}
	for i := range deletions {
		d := &deletions[i]
		r := s.cases[d.Case.ID]
		if r == nil || r.Version != d.Case.Version || !Deletable(r, window, until) {
			continue
		}
		gone := *r
		gone.Case = cases.Deleted(r.Case, d.Reason, syncID, at)
		s.keep(&gone, at)
		deleted = append(deleted, r.ID)
	}
	return deleted, nil
}
