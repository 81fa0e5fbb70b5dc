package casesync

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/guards"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

const (
	maxUnseen    = 200 // more orphans are refused without looking them up (R22)
	lookupMargin = 60  // days to either side of the window, where there is no lookup by id (R22)
)

// A reconciliationPhase soft-deletes the cases that vanished from the PIMS, and updates and
// restores those that it shows (W9).
type reconciliationPhase struct {
	calendarPhase
	store   ReconciliationStore
	session pims.Session
	finder  pims.AppointmentFinder // nil: the PIMS cannot look up by id
	until   time.Time              // candidates are scheduled before it
	limits  clinic.DeletionLimits
	refused func(reason string) // called for every refusal (docs/interface.md §Metrics)
}

// candidates reads the stored cases before the PIMS is read, so that a case created after
// the PIMS was read is never an orphan (R21).
func (p *reconciliationPhase) candidates(ctx context.Context) ([]cases.Case, error) {
	cases, err := p.store.DeletionCandidates(ctx, p.lease.ClinicID, p.provider, p.window, p.until)
	if err != nil {
		return nil, fmt.Errorf("reading the candidates: %w", err)
	}
	return p.named(cases), nil
}

// named limits the run of an approved plan to the cases that the plan names (R23).
func (p *reconciliationPhase) named(candidates []cases.Case) []cases.Case {
	if !p.lifted(syncs.CodeDeletionGuard) {
		return candidates
	}
	named := p.approved.Names()
	return slices.DeleteFunc(candidates, func(c cases.Case) bool { return !named[c.ID] })
}

// run compares candidates, read before the snapshot was fetched, with a snapshot of exactly
// the same window (R21). The result counts what was done, even where an error is returned.
func (p *reconciliationPhase) run(ctx context.Context, candidates []cases.Case, snapshot *pims.Snapshot) (syncs.Result, error) {
	result := syncs.Result{Stats: syncs.Stats{CasesChecked: len(candidates)}}
	result.Warnings = syncs.Warnings{
		UnusableRows:     len(snapshot.Unusable),
		UnidentifiedRows: snapshot.Unidentified,
		DuplicateRows:    snapshot.Duplicates,
	}
	present, err := snapshot.Present()
	if err != nil {
		return result, err // R6: absence from an incomplete snapshot proves nothing
	}
	err = p.guard(ctx, snapshot)
	result.Warnings.VisitsAsBlocks = p.blocked
	if err != nil {
		return result, err
	}
	orphans := missing(candidates, present)
	confirmed, err := p.confirmOrphans(ctx, snapshot, candidates, orphans)
	result.Warnings.RefusedLookups = confirmed.kept[lookupRefused]
	result.Warnings.UnusableLookups = confirmed.kept[lookupUnusable]
	if err != nil {
		return result, err
	}
	if err := p.holdDrift(ctx, confirmed.evidence); err != nil {
		return result, err
	}
	if err := p.update(ctx, snapshot, confirmed.moved, &result); err != nil {
		return result, err
	}
	if confirmed.refusal != "" {
		confirmed.evidence.Refusal = confirmed.refusal
		if p.dryRun {
			p.rehearse(syncs.ActionHeldBack, confirmed.toDelete, &result)
		} else {
			p.refused(confirmed.refusal)
		}
		return result, p.hold(ctx, syncs.CodeDeletionGuard, p.window, planned(confirmed.toDelete), confirmed.evidence, confirmed.reason)
	}
	if err := p.supersede(ctx, p.window, syncs.CodeDeletionGuard); err != nil {
		return result, err
	}
	err = p.delete(ctx, confirmed.toDelete, &result)
	return result, err
}

// holdDrift refuses a reconciliation while a field that decides identity, time or presence
// has changed, until a person accepts the new form (R51).
func (p *reconciliationPhase) holdDrift(ctx context.Context, evidence syncs.Evidence) error {
	if p.forms == nil || p.lifted(syncs.CodeDriftGuard) {
		return nil
	}
	changed, err := p.forms.Changed(ctx)
	if err != nil {
		return err
	}
	if len(changed) > 0 {
		return p.hold(ctx, syncs.CodeDriftGuard, p.window, nil, evidence, fmt.Sprintf(
			"the PIMS returns appointments in another form (%s): nothing was deleted; look at the appointments in the PIMS, and approve the plan if they are right", strings.Join(changed, ", ")))
	}
	return p.supersede(ctx, p.window, syncs.CodeDriftGuard)
}

// missing returns the candidates that the PIMS does not show.
func missing(candidates []cases.Case, present map[string]struct{}) []cases.Case {
	var orphans []cases.Case
	for _, c := range candidates {
		if _, ok := present[c.PIMSID]; !ok {
			orphans = append(orphans, c)
		}
	}
	return orphans
}

// A confirmation says which orphans are to be deleted.
type confirmation struct {
	toDelete []cases.SoftDeletion
	moved    []pims.Appointment // found on days outside the window: to be updated (R22)
	evidence syncs.Evidence
	refusal  string         // which guard refused, a closed set; empty: none did
	reason   string         // the refusal in words
	kept     map[string]int // orphans that no lookup confirms, by the reason
}

// confirmOrphans looks up every orphan, reads the days of the missing ones a second time,
// and asks the deletion guard about those that are still missing (R22, R23).
func (p *reconciliationPhase) confirmOrphans(ctx context.Context, snapshot *pims.Snapshot, candidates, orphans []cases.Case) (confirmation, error) {
	v := confirmation{kept: make(map[string]int), evidence: syncs.Evidence{FetchedAt: snapshot.FetchedAt, Found: snapshot.Found(), Known: len(candidates), Shared: len(candidates) - len(orphans), Candidates: len(candidates)}}
	if len(orphans) == 0 {
		return v, nil
	}
	if p.lifted(syncs.CodeDeletionGuard) && snapshot.Found() == 0 && p.approved.Evidence.Found > 0 {
		return v, syncs.Fail(syncs.CodeSnapshotUnsound, "the PIMS shows no appointment at all for %s, and showed %d when the plan was made: nothing was deleted",
			p.window, p.approved.Evidence.Found) // the approval was given for another calendar
	}
	if len(orphans) > maxUnseen && !p.lifted(syncs.CodeDeletionGuard) {
		for _, c := range orphans {
			v.toDelete = append(v.toDelete, cases.SoftDeletion{Case: c, Reason: cases.ReasonRemoved})
		}
		v.evidence.Days = guards.Days(p.window, v.toDelete)
		v.evidence.Limit = maxUnseen
		v.refusal = guards.RefusedUnseen
		v.reason = fmt.Sprintf(
			"%d of %d cases are missing from the PIMS, more than the %d that are looked up without a person's approval: nothing was deleted",
			len(orphans), len(candidates), maxUnseen)
		return v, nil
	}
	answers, lookups, err := p.lookUp(ctx, snapshot, orphans)
	if err != nil {
		return v, err
	}
	v.evidence.Lookups = lookups
	var left []cases.SoftDeletion
	for _, c := range orphans {
		switch a := answers[c.PIMSID].appointment; {
		case answers[c.PIMSID].unconfirmed != "": // neither found nor known to be gone
			v.kept[answers[c.PIMSID].unconfirmed]++
		case a == nil:
			left = append(left, cases.SoftDeletion{Case: c, Reason: cases.ReasonRemoved})
		case a.Status == pims.StatusCancelled:
			left = append(left, cases.SoftDeletion{Case: c, Reason: cases.ReasonCancelled})
		case p.window.Contains(a.Start):
			return v, syncs.Fail(syncs.CodeSnapshotUnsound, "the PIMS knows appointment %s on %s, but its calendar of %s did not show it: the snapshot cannot be trusted, so nothing was deleted; the next reconciliation tries again",
				c.PIMSID, pims.DateOf(a.Start, p.window.Location), p.window)
		default:
			v.moved = append(v.moved, *a)
		}
	}
	if left, v.evidence.Rereadings, err = p.readAgain(ctx, left); err != nil {
		return v, err
	}
	v.toDelete = left
	v.evidence.Days = guards.Days(p.window, left)
	v.evidence.Limit = guards.Allowed(len(candidates), p.limits)
	if !p.lifted(syncs.CodeDeletionGuard) {
		v.refusal, v.reason = guards.Deletions(p.window, candidates, left, snapshot.Found(), p.limits)
	}
	return v, nil
}

// An answer is what the PIMS returned for one orphan, and when. Without an appointment the
// orphan is gone, unless the answer is unconfirmed.
type answer struct {
	appointment *pims.Appointment
	at          time.Time
	unconfirmed string // why the answer confirms nothing: lookupRefused, lookupUnusable; empty: it confirms
}

// Why an answer confirms nothing, in the words of a plan's evidence.
const (
	lookupRefused  = "refused"  // as if the session were dead, while it lives
	lookupUnusable = "unusable" // an error, or in no known form
)

// lookUp asks the PIMS about every orphan. It asks by id where the PIMS can do that and
// canFind has just proved it, else it fetches sixty days to either side (R22).
func (p *reconciliationPhase) lookUp(ctx context.Context, snapshot *pims.Snapshot, orphans []cases.Case) (answers map[string]answer, lookups []syncs.Lookup, err error) {
	p.report(ctx, "look up", 0, len(orphans))
	method := "wide_fetch"
	if p.canFind(ctx, snapshot) {
		method = "by_id"
		answers, err = p.findByID(ctx, orphans)
	} else {
		answers, err = p.findWide(ctx, orphans)
	}
	if err != nil {
		return nil, nil, err
	}
	for _, c := range orphans {
		a := answers[c.PIMSID]
		lookups = append(lookups, syncs.Lookup{PIMSID: c.PIMSID, Method: method, Found: p.whereabouts(a), At: a.at})
	}
	return answers, lookups, nil
}

func (p *reconciliationPhase) whereabouts(a answer) string {
	switch {
	case a.unconfirmed != "":
		return a.unconfirmed
	case a.appointment == nil:
		return "gone"
	case a.appointment.Status == pims.StatusCancelled:
		return "cancelled"
	case p.window.Contains(a.appointment.Start):
		return "in_window"
	default:
		return "moved"
	}
}

// canFind trusts the lookup by id only after the lookup has found, in this run, an
// appointment of the calendar at the same time as the calendar shows it (R22).
func (p *reconciliationPhase) canFind(ctx context.Context, snapshot *pims.Snapshot) bool {
	if p.finder == nil || len(snapshot.Appointments) == 0 {
		return false
	}
	probe := &snapshot.Appointments[0]
	a, err := p.finder.FindAppointment(ctx, probe.ID)
	return err == nil && a.ID == probe.ID && a.Start.Equal(probe.Start)
}

// findByID asks the PIMS about each orphan. An orphan that the answer does not confirm is
// kept, and the lookups go on, until five answers in a row are unusable (R20).
func (p *reconciliationPhase) findByID(ctx context.Context, orphans []cases.Case) (map[string]answer, error) {
	answers := make(map[string]answer, len(orphans))
	var unusable streak
	for i, c := range orphans {
		a, err := p.ask(ctx, c.PIMSID)
		switch {
		case unusable.fifth(a.unconfirmed == lookupUnusable):
			return nil, fmt.Errorf("%d lookups in a row brought no usable answer: %w", maxInARow, err)
		case a.unconfirmed != "":
			p.log.WarnContext(ctx, "Lookup confirms nothing; the case is kept", "case_id", c.ID.String(), "kind", pims.Kind(err))
		case err != nil:
			return nil, err
		}
		answers[c.PIMSID] = a
		p.report(ctx, "look up", i+1, len(orphans))
	}
	return answers, nil
}

// ask looks up one appointment. Only pims.ErrNotFound means that it is gone. The error of
// an unconfirmed answer is what the PIMS returned instead.
func (p *reconciliationPhase) ask(ctx context.Context, pimsID string) (answer, error) {
	found, err := p.finder.FindAppointment(ctx, pimsID)
	a := answer{at: p.now()}
	if errors.Is(err, pims.ErrNotFound) {
		return a, nil
	}
	if row, ok := errors.AsType[*pims.RecordError](err); ok {
		return a, unsound(pimsID, row.Field+" "+row.Reason)
	}
	if err == nil && found.ID != pimsID {
		err = fmt.Errorf("the PIMS returned another one: %w", pims.ErrSchemaDrift)
	}
	if err != nil {
		a.unconfirmed = unconfirmed(err)
		return a, fmt.Errorf("looking up appointment %s: %w", pimsID, err)
	}
	a.appointment = &found
	return a, nil
}

// unconfirmed returns why a failed lookup proves nothing about its orphan. It returns an
// empty text where the error concerns more than this lookup and ends the phase (R20).
func unconfirmed(err error) string {
	switch {
	case endsSession(err):
		return ""
	case errors.Is(err, pims.ErrRecordRefused):
		return lookupRefused
	case errors.Is(err, pims.ErrRemote), errors.Is(err, pims.ErrSchemaDrift):
		return lookupUnusable
	default:
		return ""
	}
}

func (p *reconciliationPhase) findWide(ctx context.Context, orphans []cases.Case) (map[string]answer, error) {
	wide := pims.Window{Start: p.window.Start.AddDays(-lookupMargin), End: p.window.End.AddDays(lookupMargin), Location: p.window.Location}
	snapshot, err := p.session.Appointments(ctx, wide)
	if err != nil {
		return nil, fmt.Errorf("looking for missing appointments in %s: %w", wide, err)
	}
	present, err := snapshot.Present()
	if err != nil {
		return nil, fmt.Errorf("looking for missing appointments in %s: %w", wide, err)
	}
	unusable := make(map[string]*pims.RecordError)
	for i := range snapshot.Unusable {
		unusable[snapshot.Unusable[i].ID] = &snapshot.Unusable[i]
	}
	found := make(map[string]*pims.Appointment)
	for i := range snapshot.Appointments {
		found[snapshot.Appointments[i].ID] = &snapshot.Appointments[i]
	}
	answers := make(map[string]answer, len(orphans))
	for _, c := range orphans {
		if row := unusable[c.PIMSID]; row != nil {
			return nil, unsound(c.PIMSID, row.Field+" "+row.Reason)
		}
		if _, ok := present[c.PIMSID]; ok && found[c.PIMSID] == nil { // it is a block of another day (R5)
			answers[c.PIMSID] = answer{unconfirmed: lookupUnusable, at: snapshot.FetchedAt}
			continue
		}
		answers[c.PIMSID] = answer{appointment: found[c.PIMSID], at: snapshot.FetchedAt}
	}
	return answers, nil
}

// unsound is the error that ends a reconciliation whose orphan is still in the PIMS, in a
// state in which no calendar shows it. The orphan is present (R6), so nothing is deleted.
func unsound(pimsID, why string) *syncs.Failure {
	return syncs.Fail(syncs.CodeSnapshotUnsound, "the PIMS knows appointment %s but cannot show it (%s): nothing was deleted; mend the appointment in the PIMS", pimsID, why)
}

// readAgain fetches the days of the deletions a second time and keeps only the cases that
// are missing again (R22).
func (p *reconciliationPhase) readAgain(ctx context.Context, deletions []cases.SoftDeletion) (left []cases.SoftDeletion, readings []syncs.Rereading, err error) {
	if len(deletions) == 0 {
		return nil, nil, nil
	}
	var days []pims.Window
	for i := range deletions {
		day := pims.DateOf(deletions[i].Case.ScheduledDate, p.window.Location)
		days = append(days, pims.Window{Start: day, End: day, Location: p.window.Location})
	}
	for _, days := range pims.Cover(days...) {
		p.report(ctx, "read again", 0, len(deletions))
		snapshot, err := p.session.Appointments(ctx, days)
		if err != nil {
			return nil, nil, fmt.Errorf("reading the calendar of %s again: %w", days, err)
		}
		present, err := snapshot.Present()
		if err != nil {
			return nil, nil, fmt.Errorf("reading the calendar of %s again: %w", days, err)
		}
		before := len(deletions)
		deletions = slices.DeleteFunc(deletions, func(d cases.SoftDeletion) bool {
			_, back := present[d.Case.PIMSID]
			return back
		})
		readings = append(readings, syncs.Rereading{Days: days, At: snapshot.FetchedAt, Found: snapshot.Found(), Back: before - len(deletions)})
	}
	return deletions, readings, nil
}

// update writes what the snapshot shows about known cases, and the appointments that were
// found outside the window (R22, R25).
func (p *reconciliationPhase) update(ctx context.Context, snapshot *pims.Snapshot, moved []pims.Appointment, result *syncs.Result) error {
	var inner syncs.Result
	whole := *snapshot
	if len(moved) > 0 { // the calendar may be large
		whole.Appointments = slices.Concat(snapshot.Appointments, moved)
	}
	if err := p.write(ctx, &whole, &inner); err != nil {
		return err
	}
	result.Stats.CasesUpdated = inner.Stats.CasesUpdated
	result.Stats.CasesRestored = inner.Stats.CasesRestored
	result.Warnings.UnknownStatuses = inner.Warnings.UnknownStatuses
	result.Warnings.ConsultationsHidden = inner.Warnings.ConsultationsHidden
	result.Changes = inner.Changes
	return nil
}

// delete soft-deletes the confirmed cases (W10, R24).
func (p *reconciliationPhase) delete(ctx context.Context, deletions []cases.SoftDeletion, result *syncs.Result) error {
	result.Stats.DeletedIDs = []uuid.UUID{}
	if len(deletions) == 0 {
		return nil
	}
	if p.dryRun { // R26
		p.rehearse(syncs.ActionDeleted, deletions, result)
		for i := range deletions {
			result.Stats.DeletedIDs = append(result.Stats.DeletedIDs, deletions[i].Case.ID)
		}
		result.Stats.CasesDeleted = len(deletions)
		return nil
	}
	p.report(ctx, "delete", 0, len(deletions))
	ids, err := p.store.SoftDelete(ctx, p.lease, p.syncID, p.provider, p.window, p.until, deletions, p.now())
	if err != nil {
		return fmt.Errorf("soft-deleting: %w", err)
	}
	result.Stats.CasesDeleted = len(ids)
	result.Stats.DeletedIDs = append(result.Stats.DeletedIDs, ids...)
	p.count(syncs.ActionDeleted, len(ids))
	return nil
}

// rehearse records the deletions that a dry run would do or hold back (R26).
func (p *reconciliationPhase) rehearse(action syncs.Action, deletions []cases.SoftDeletion, result *syncs.Result) {
	for i := range deletions {
		before := deletions[i].Case
		p.noteChange(result, action, &cases.Write{Before: &before, After: cases.Deleted(before, deletions[i].Reason, p.syncID, p.now())})
	}
}

func planned(deletions []cases.SoftDeletion) []syncs.PlannedCase {
	plan := make([]syncs.PlannedCase, len(deletions))
	for i := range deletions {
		c := &deletions[i].Case
		plan[i] = syncs.PlannedCase{CaseID: c.ID, PIMSID: c.PIMSID, ScheduledDate: c.ScheduledDate}
	}
	return plan
}
