package casesync

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// hideLost hides the stored consultations that the search lists for another appointment
// (R7, R9). Their cases are due at once, in later runs too.
func (p *enrichmentPhase) hideLost(ctx context.Context, due []*cases.Candidate, result *syncs.Result) error {
	pending := make(map[uuid.UUID]*cases.Candidate)
	for _, c := range due {
		if p.found.Lost(c) {
			pending[c.CaseID] = c
		}
	}
	for range mergeAttempts {
		if len(pending) == 0 {
			return nil
		}
		if err := p.hide(ctx, pending, result); err != nil {
			return err
		}
	}
	return errContended
}

// hide tries once to hide the consultations of the pending cases, and removes the settled
// cases from pending.
func (p *enrichmentPhase) hide(ctx context.Context, pending map[uuid.UUID]*cases.Candidate, result *syncs.Result) error {
	stored, err := p.cases(ctx, sortedIDs(pending))
	if err != nil {
		return err
	}
	var writes []cases.Write
	byPIMSID, actions := make(map[string]*cases.Candidate), make(map[string]syncs.Action)
	for id, c := range pending {
		before, ok := stored[id]
		if !ok || before.SoftDeleted() || !describes(c, &before) || !before.Holds(c.StoredID) {
			delete(pending, id) // it has changed meanwhile: the next run decides again
			continue
		}
		w := cases.Write{Before: &before, After: before.WithoutNotes()}
		w.Reading = cases.LookAgain(&w, p.now())
		writes = append(writes, w)
		byPIMSID[before.PIMSID], actions[before.PIMSID] = c, syncs.ActionUpdated
	}
	written, err := p.commit(ctx, p.store, writes, actions, result)
	for i := range writes {
		w := &writes[i]
		if c := byPIMSID[w.After.PIMSID]; written[w.After.PIMSID] {
			c.Stored, c.StoredID, c.StoredAppointmentID, c.StoredPatientID, c.StoredClientID, c.HasNotes, c.Final = false, "", "", "", "", false, false
			c.Since = w.Reading.Since
			delete(pending, c.CaseID)
		}
	}
	return err
}

// describes reports whether the candidate still agrees with the case in everything that
// decides whose a consultation is (R7, R9).
func describes(c *cases.Candidate, now *cases.Case) bool {
	a := &now.Appointment
	return a.PatientID == c.PatientID && a.ClientID == c.ClientID && a.ConsultationID == c.ConsultationID && a.Earlier == c.Earlier
}

func sortedIDs[T any](of map[uuid.UUID]T) []uuid.UUID {
	return slices.SortedFunc(maps.Keys(of), func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
}

// storeBatch merges the consultations of a batch into their cases, counts them, and stores
// the readings. The reading of a case that is written is stored together with it.
func (p *enrichmentPhase) storeBatch(ctx context.Context, batch []visited, result *syncs.Result) error {
	pending := make(map[uuid.UUID]*served)
	var readings []cases.Reading
	var named []string // the visits that the consultations themselves name
	for i := range batch {
		v := &batch[i]
		named = append(named, v.consultation.AppointmentID)
		p.warn(ctx, v, result)
		for _, c := range v.cases {
			switch {
			case v.err == nil, p.unlisted[c.CaseID] && errors.Is(v.err, pims.ErrNotFound):
				pending[c.CaseID] = &served{candidate: c, visited: v}
			case v.cutOff && endsSync(v.err): // interrupted by the end of the phase: the next sync reads it
				result.Stats.CasesSkipped++
			default:
				readings = append(readings, p.failed(ctx, c, v, result))
			}
		}
	}
	if err := p.learn(ctx, named); err != nil {
		result.Stats.CasesSkipped += len(pending)
		return err
	}
	for range mergeAttempts {
		if len(pending) == 0 {
			return errors.Join(p.keep(ctx, readings), p.present.endsPhase())
		}
		unchanged, err := p.writePending(ctx, pending, result)
		if err != nil {
			result.Stats.CasesSkipped += len(pending)
			return err
		}
		readings = append(readings, unchanged...)
	}
	result.Stats.CasesSkipped += len(pending)
	return errContended
}

// warn counts the parts of a consultation that cannot be parsed, once for the consultation,
// however many cases it serves. The log names the parts, never their content.
func (p *enrichmentPhase) warn(ctx context.Context, v *visited, result *syncs.Result) {
	unusable := v.consultation.Unusable
	if len(unusable) == 0 {
		return
	}
	result.Warnings.UnusableParts += len(unusable)
	p.log.WarnContext(ctx, "Parts of a consultation skipped",
		"case_id", v.cases[0].CaseID.String(), "parts", slices.Compact(slices.Sorted(slices.Values(unusable))))
}

// A served is a case and the visit that serves it.
type served struct {
	candidate *cases.Candidate
	visited   *visited
}

// A decision is what happens to a served case.
type decision struct {
	after   cases.Case
	changed bool
	action  syncs.Action
	reading cases.Reading
	err     error // it failed
	waits   bool  // it has no consultation that it may show now
}

// decide returns what a read means for the case as it is now (R7, R9).
func (p *enrichmentPhase) decide(ctx context.Context, s *served, before *cases.Case) decision {
	v := s.visited
	if p.unlisted[before.ID] {
		switch {
		case v.err != nil, cases.Differ(v.consultation.AppointmentID, before.PIMSID): // discarded, or of another visit now
			return s.lost(before)
		case pims.Blank(v.consultation.AppointmentID): // it is unknown whose it is: what is stored stays
			return decision{after: *before, reading: s.reading(before, "unchanged")}
		}
	}
	after, changed, err := p.take(s, before)
	if err == nil && !p.found.Proved(&v.consultation, before) {
		if d := p.compare(ctx, s, before); d != nil {
			return *d
		}
		after, changed, err = p.take(s, before) // the calendar may name other visits that have it
	}
	d := decision{after: after, changed: changed, err: err}
	switch {
	case err != nil:
		d.action, d.reading = syncs.ActionUpdated, waiting(s.candidate, v.readAt, "")
		code, _ := p.explainItem(err, s.candidate)
		d.reading.Outcome = string(code)
	case changed:
		d.action, d.reading = syncs.ActionEnriched, s.reading(&after, "enriched")
	default:
		d.reading = s.reading(&after, "unchanged")
	}
	return d
}

// take calls Take, unless the visits show that the case may not have the consultation.
func (p *enrichmentPhase) take(s *served, before *cases.Case) (after cases.Case, changed bool, err error) {
	if why := p.found.Refusal(&s.visited.consultation, before); why != nil {
		return before.Without(s.visited.consultation.ID, why)
	}
	return cases.Take(*before, s.visited.consultation, s.visited.readAt)
}

// lost decides about a consultation that no longer belongs to the case.
func (s *served) lost(before *cases.Case) decision {
	d := decision{after: *before, waits: true, action: syncs.ActionUpdated, reading: waiting(s.candidate, s.visited.readAt, "")}
	if before.Holds(s.candidate.StoredID) {
		d.after, d.changed = before.WithoutNotes(), true
	}
	return d
}

// reading returns when the case is looked at again.
func (s *served) reading(after *cases.Case, outcome string) cases.Reading {
	r := cases.Reading{CaseID: s.candidate.CaseID}
	if after.Consultation == nil || after.Consultation.SOAP.Blank() { // it waits like one without a consultation (R19)
		r = waiting(s.candidate, s.visited.readAt, "")
	}
	r.Outcome, r.ReadAt, r.Fingerprint = outcome, s.visited.readAt, s.visited.entry.Fingerprint
	return r
}

// tryAgain returns the reading of a case that failed. The next run tries it again.
func tryAgain(c *cases.Candidate, code syncs.ItemCode) cases.Reading {
	return cases.Reading{CaseID: c.CaseID, Tries: c.Tries, NextTry: c.NextTry, Fingerprint: c.Fingerprint, Outcome: string(code), Since: c.Since}
}

// writePending tries once to merge and write the pending cases, removes the settled ones
// from pending, and returns the readings of those that need no write.
func (p *enrichmentPhase) writePending(ctx context.Context, pending map[uuid.UUID]*served, result *syncs.Result) ([]cases.Reading, error) {
	ids := sortedIDs(pending)
	stored, err := p.cases(ctx, ids)
	if err != nil {
		return nil, err
	}
	var unchanged []cases.Reading
	var writes []cases.Write
	decisions, actions := make(map[string]*decision), make(map[string]syncs.Action)
	for _, id := range ids {
		s := pending[id]
		before, ok := stored[id]
		if !ok || before.SoftDeleted() || !describes(s.candidate, &before) { // the read was for another patient or visit
			result.Stats.CasesSkipped++
			delete(pending, id)
			continue
		}
		d := p.decide(ctx, s, &before)
		if d.err != nil && endsSync(d.err) {
			return unchanged, d.err
		}
		if !d.changed {
			unchanged = append(unchanged, d.reading)
			p.settle(ctx, s, &d, result)
			delete(pending, id)
			continue
		}
		writes = append(writes, cases.Write{Before: &before, After: d.after, Reading: &d.reading})
		decisions[before.PIMSID], actions[before.PIMSID] = &d, d.action
	}
	written, err := p.commit(ctx, p.store, writes, actions, result)
	for i := range writes {
		if pimsID := writes[i].After.PIMSID; written[pimsID] {
			id := writes[i].Before.ID
			p.settle(ctx, pending[id], decisions[pimsID], result)
			delete(pending, id)
		}
	}
	return unchanged, err
}

// settle counts a settled case, except for what commit has already counted.
func (p *enrichmentPhase) settle(ctx context.Context, s *served, d *decision, result *syncs.Result) {
	switch {
	case d.err != nil:
		p.fail(ctx, s.candidate, d.err, s.visited.cutOff, result)
	case d.waits:
		result.Stats.CasesSkipped++
	case !d.changed:
		result.Stats.CasesUnchanged++
	}
}

// failed counts a case that could not be served (W17).
func (p *enrichmentPhase) failed(ctx context.Context, c *cases.Candidate, v *visited, result *syncs.Result) cases.Reading {
	return tryAgain(c, p.fail(ctx, c, v.err, v.cutOff, result))
}

// fail counts a failure. Where the end of the phase interrupted several reads, the log
// names that end once and not each read.
func (p *enrichmentPhase) fail(ctx context.Context, c *cases.Candidate, err error, cutOff bool, result *syncs.Result) syncs.ItemCode {
	code, text := p.explainItem(err, c)
	result.Stats.CasesFailed++
	if len(result.Failures) < syncs.MaxChanges {
		result.Failures = append(result.Failures, syncs.ItemFailure{CaseID: c.CaseID, Error: text, Code: code})
	}
	if !cutOff {
		p.log.WarnContext(ctx, "Consultation not read", "case_id", c.CaseID.String(), "code", string(code), "error", err.Error())
	}
	return code
}
