package recordings

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/drift"
	"github.com/pims-sync/pims-sync/internal/driftwatch"
	"github.com/pims-sync/pims-sync/internal/guards"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A store takes up the state that a sync reads before it changes it, and what it writes.
type store struct {
	casesync.Store

	tape    *Tape
	windows syncs.Windows
}

// prepare reads the state of the sync's days before anything is written.
func (s *store) prepare(ctx context.Context, clinicID uuid.UUID, provider string) {
	s.tape.prepared.Do(func() {
		if err := s.read(ctx, clinicID, provider); err != nil {
			defer s.tape.locked()()
			s.tape.cut("the cases before the sync could not be read")
		}
	})
}

func (s *store) read(ctx context.Context, clinicID uuid.UUID, provider string) error {
	s.tape.provider(provider)
	var ids []string
	for _, window := range []pims.Window{s.windows.Inbound, s.windows.Cases, s.windows.Reconciliation} {
		if window.Location == nil {
			continue
		}
		scheduled, err := s.Store.ScheduledIn(ctx, clinicID, provider, window)
		if err != nil {
			return err
		}
		for i := range scheduled {
			ids = append(ids, scheduled[i].PIMSID)
		}
	}
	if err := s.touch(ctx, clinicID, provider, ids); err != nil {
		return err
	}
	if s.windows.Cases.Location == nil {
		return nil
	}
	candidates, err := s.Store.EnrichmentCandidates(ctx, clinicID, provider, s.windows.Cases, s.tape.began)
	if err != nil {
		return err
	}
	return s.note(ctx, clinicID, provider, candidates)
}

// touched is how many cases are read at once.
const touched = 1000

// touch keeps the cases with these ids as they are, unless they are kept already. A case
// that does not exist is kept as absent.
func (s *store) touch(ctx context.Context, clinicID uuid.UUID, provider string, ids []string) error {
	for chunk := range slices.Chunk(s.tape.unknown(ids), touched) {
		found, err := s.Store.CasesByID(ctx, clinicID, provider, chunk)
		if err != nil {
			return err
		}
		rows := make([]uuid.UUID, 0, len(found))
		for _, c := range found {
			rows = append(rows, c.ID)
		}
		whole, err := s.CasesWithConsultations(ctx, clinicID, rows)
		if err != nil {
			return err
		}
		scheduled, err := s.Store.ScheduledByID(ctx, clinicID, provider, chunk)
		if err != nil {
			return err
		}
		s.tape.keep(chunk, whole, scheduled)
	}
	return nil
}

// note keeps the readings of candidates that the sync has not changed.
func (s *store) note(ctx context.Context, clinicID uuid.UUID, provider string, candidates []cases.Candidate) error {
	ids := make([]string, len(candidates))
	for i := range candidates {
		ids[i] = candidates[i].PIMSID
	}
	if err := s.touch(ctx, clinicID, provider, ids); err != nil {
		return err
	}
	defer s.tape.locked()()
	for i := range candidates {
		c := &candidates[i]
		s.tape.pimsIDs[c.CaseID] = c.PIMSID
		kept := s.tape.cases[c.PIMSID]
		if kept == nil || kept.Reading != nil || s.tape.learned[c.PIMSID] {
			continue
		}
		kept.Reading = &Reading{
			Tries: c.Tries, NextTry: c.NextTry, ReadAt: c.ReadAt, Fingerprint: c.Fingerprint, Since: c.Since,
		}
	}
	return nil
}

// try runs what only the recording needs.
func (s *store) try(do func() error) {
	if do() != nil {
		defer s.tape.locked()()
		s.tape.cut("the cases before the sync could not be read")
	}
}

// ScheduledIn implements casesync.InboundStore.
func (s *store) ScheduledIn(ctx context.Context, clinicID uuid.UUID, provider string, window pims.Window) ([]guards.Scheduled, error) {
	s.prepare(ctx, clinicID, provider)
	return s.Store.ScheduledIn(ctx, clinicID, provider, window)
}

// ScheduledByID implements casesync.InboundStore.
func (s *store) ScheduledByID(ctx context.Context, clinicID uuid.UUID, provider string, ids []string) ([]guards.Scheduled, error) {
	s.prepare(ctx, clinicID, provider)
	s.try(func() error { return s.touch(ctx, clinicID, provider, ids) })
	return s.Store.ScheduledByID(ctx, clinicID, provider, ids)
}

// CasesByID implements casesync.InboundStore.
func (s *store) CasesByID(ctx context.Context, clinicID uuid.UUID, provider string, ids []string) (map[string]cases.Case, error) {
	s.prepare(ctx, clinicID, provider)
	s.try(func() error { return s.touch(ctx, clinicID, provider, ids) })
	found, err := s.Store.CasesByID(ctx, clinicID, provider, ids)
	s.tape.name(found)
	return found, err
}

// EnrichmentCandidates implements casesync.EnrichmentStore.
func (s *store) EnrichmentCandidates(ctx context.Context, clinicID uuid.UUID, provider string, window pims.Window, until time.Time) ([]cases.Candidate, error) {
	s.prepare(ctx, clinicID, provider)
	candidates, err := s.Store.EnrichmentCandidates(ctx, clinicID, provider, window, until)
	s.try(func() error { return s.note(ctx, clinicID, provider, candidates) })
	return candidates, err
}

// Holders implements casesync.EnrichmentStore.
func (s *store) Holders(ctx context.Context, clinicID uuid.UUID, provider string, consultationIDs []string) (map[string][]cases.Holder, error) {
	found, err := s.Store.Holders(ctx, clinicID, provider, consultationIDs)
	var ids []string
	for _, holders := range found {
		for i := range holders {
			ids = append(ids, holders[i].PIMSID)
		}
	}
	s.try(func() error { return s.touch(ctx, clinicID, provider, ids) })
	return found, err
}

// DeletionCandidates implements casesync.ReconciliationStore.
func (s *store) DeletionCandidates(ctx context.Context, clinicID uuid.UUID, provider string, window pims.Window, until time.Time) ([]cases.Case, error) {
	s.prepare(ctx, clinicID, provider)
	candidates, err := s.Store.DeletionCandidates(ctx, clinicID, provider, window, until)
	ids := make([]string, len(candidates))
	for i := range candidates {
		ids[i] = candidates[i].PIMSID
	}
	s.try(func() error { return s.touch(ctx, clinicID, provider, ids) })
	return candidates, err
}

// LookedOn implements casesync.EnrichmentStore.
func (s *store) LookedOn(ctx context.Context, clinicID uuid.UUID, provider string) (pims.Date, error) {
	day, err := s.Store.LookedOn(ctx, clinicID, provider)
	if err == nil && day != (pims.Date{}) {
		defer s.tape.locked()()
		s.tape.r.Before.LookedOn = day.String()
	}
	return day, err
}

// WriteCases implements casesync.InboundStore.
func (s *store) WriteCases(ctx context.Context, lease syncs.Lease, syncID uuid.UUID, provider string, writes []cases.Write, at time.Time) ([]string, error) {
	written, err := s.Store.WriteCases(ctx, lease, syncID, provider, writes, at)
	done := make(map[string]bool, len(written))
	for _, id := range written {
		done[id] = true
	}
	defer s.tape.locked()()
	for i := range writes {
		if w := &writes[i]; done[w.After.PIMSID] {
			s.tape.decide(syncID, decisionOf(w))
			s.tape.learned[w.After.PIMSID] = s.tape.learned[w.After.PIMSID] || w.Reading != nil
		}
	}
	return written, err
}

// SeenAgain implements casesync.InboundStore.
func (s *store) SeenAgain(ctx context.Context, lease syncs.Lease, provider string, ids []string) error {
	err := s.Store.SeenAgain(ctx, lease, provider, ids)
	defer s.tape.locked()()
	for _, id := range ids {
		if err == nil {
			s.tape.decide(uuid.Nil, Decision{Do: "see_again", PIMSID: id})
		}
	}
	return err
}

// KeepReadings implements casesync.EnrichmentStore.
func (s *store) KeepReadings(ctx context.Context, lease syncs.Lease, readings []cases.Reading) error {
	err := s.Store.KeepReadings(ctx, lease, readings)
	defer s.tape.locked()()
	for i := range readings {
		if r := &readings[i]; err == nil {
			id := s.tape.pimsIDs[r.CaseID]
			s.tape.learned[id] = true
			s.tape.decide(uuid.Nil, Decision{Do: "learn", PIMSID: id, Learned: r.Outcome})
		}
	}
	return err
}

// SoftDelete implements casesync.ReconciliationStore.
func (s *store) SoftDelete(ctx context.Context, lease syncs.Lease, syncID uuid.UUID, provider string, window pims.Window, until time.Time, deletions []cases.SoftDeletion, at time.Time) ([]uuid.UUID, error) {
	deleted, err := s.Store.SoftDelete(ctx, lease, syncID, provider, window, until, deletions, at)
	defer s.tape.locked()()
	for i := range deletions {
		if d := &deletions[i]; slices.Contains(deleted, d.Case.ID) {
			s.tape.decide(syncID, Decision{Do: "delete", PIMSID: d.Case.PIMSID, Reason: d.Reason})
		}
	}
	return deleted, err
}

// A recorder takes up how phases end, and what guards hold back.
type recorder struct {
	casesync.Recorder

	tape *Tape
}

// BeginPhase implements casesync.Recorder.
func (r recorder) BeginPhase(ctx context.Context, lease syncs.Lease, kind syncs.Type, at time.Time) (uuid.UUID, error) {
	id, err := r.Recorder.BeginPhase(ctx, lease, kind, at)
	defer r.tape.locked()()
	r.tape.phases[id] = kind
	return id, err
}

// EndPhase implements casesync.Recorder.
func (r recorder) EndPhase(ctx context.Context, lease syncs.Lease, id uuid.UUID, status syncs.Status, result syncs.Result, at time.Time) error {
	r.tape.mu.Lock()
	r.tape.phase(r.tape.phases[id], status, &result)
	r.tape.mu.Unlock()
	return r.Recorder.EndPhase(ctx, lease, id, status, result, at)
}

// KeepPlan implements casesync.Recorder.
func (r recorder) KeepPlan(ctx context.Context, lease syncs.Lease, plan syncs.Plan) (bool, error) {
	r.tape.mu.Lock()
	r.tape.r.After.Plans = append(r.tape.r.After.Plans, planOf(&plan))
	r.tape.mu.Unlock()
	return r.Recorder.KeepPlan(ctx, lease, plan)
}

// shapes takes up the forms of earlier answers, and what is told of their changes.
type shapes struct {
	driftwatch.Store

	tape *Tape
}

// Baselines implements driftwatch.Store.
func (s shapes) Baselines(ctx context.Context, clinicID uuid.UUID, provider string, kind syncs.Type) (map[string]*drift.Baseline, error) {
	found, err := s.Store.Baselines(ctx, clinicID, provider, kind)
	if err == nil && len(found) > 0 {
		defer s.tape.locked()()
		s.tape.r.Before.Forms[kind] = found
	}
	return found, err
}

// KeepBaselines implements driftwatch.Store.
func (s shapes) KeepBaselines(ctx context.Context, lease syncs.Lease, provider string, kind syncs.Type, kept map[string]*drift.Baseline, accepted []string, news []drift.Finding) error {
	s.tape.mu.Lock()
	for _, f := range news {
		s.tape.r.After.Drift = append(s.tape.r.After.Drift, f.Key())
	}
	s.tape.mu.Unlock()
	return s.Store.KeepBaselines(ctx, lease, provider, kind, kept, accepted, news)
}
