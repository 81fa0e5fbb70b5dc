package model_test

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/settings"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// deletable reports whether a case may be a candidate at all (W9, R21, R24).
func deletable(r *row, window pims.Window, until time.Time) bool {
	return window.Contains(r.ScheduledDate) && r.ScheduledDate.Before(until) &&
		r.Status != cases.Reviewed && !r.SoftDeleted() && !r.protected
}

// holds is what must be true at any time.
func (m *machine) holds() {
	ids := map[string]bool{}
	for _, r := range m.rows() {
		require.False(m, ids[r.PIMSID], "R13: %s is two cases", r.PIMSID)
		ids[r.PIMSID] = true
		m.requireOwnNotes(&r)
	}
	require.Equal(m, m.othersRows, m.others(), "R11, R41: a case that is not ours to touch was changed")
	unfinished, err := m.stage.unfinished(context.Background())
	require.NoError(m, err)
	require.Zero(m, unfinished, "R30: an audit stayed open")
}

// judge demands what must hold of a sync that is over.
func (m *machine) judge(p *play) {
	m.requireSums(p)
	phases := p.phases()
	for id, was := range p.before {
		is, there := p.after[id]
		require.True(m, there, "R11: a case is gone")
		require.Equal(m, was.PIMSID, is.PIMSID)
		require.Equal(m, was.foreign, is.foreign, "R11: what is other people's was changed")
		require.True(m, was.CreatedAt.Equal(is.CreatedAt))
		if sameNotes(&was, &is) && !was.Consultation.SOAP.Blank() {
			require.False(m, is.Consultation.SOAP.Blank(), "R7: notes were lost")
		}
		m.judgeStatus(p, &was, &is)
		if is.SoftDeleted() && !was.SoftDeleted() {
			doomed, deleted := p.doomed[id]
			require.True(m, deleted, "R24: it was not the deleting statement")
			m.requireProof(p, &doomed, &is)
			m.deleted[id], m.touched[id] = doomed, false
		}
		if was.Version == is.Version {
			require.Equal(m, row{was.Case, was.foreign, is.protected}, is)
		}
	}
	for id, is := range p.after {
		if _, known := p.before[id]; !known {
			require.Contains(m, []syncs.Type{syncs.TypeInbound, syncs.TypeFull}, p.kind, "R25: only inbound creates")
			require.True(m, p.windows.Inbound.Contains(is.ScheduledDate), "R5: a case of another day was created")
			require.Equal(m, is.Status, is.SyncStatus)
		}
	}
	if inbound, ran := phases[syncs.TypeInbound]; ran && inbound.Status == syncs.StatusCompleted {
		m.requireEveryVisit(p)
	}
	m.requireBelongings(p)
	if p.kind == syncs.TypeCases && p.fault == faultNone && p.audit.Status == syncs.StatusCompleted {
		m.requireDue(p)
	}
	m.requirePlan(p)
}

// judgeStatus demands R10 and R16: a person's status stays, whatever the PIMS says.
func (m *machine) judgeStatus(p *play, was, is *row) {
	switch {
	case is.SoftDeleted(): // R24, or deleted before and not seen
	case was.SoftDeleted():
		if was.Status != was.SyncStatus {
			require.Equal(m, was.Status, is.Status, "R16: a person decided after the delete")
		} else if before := was.Deletion; before.StatusBefore != before.SyncStatusBefore {
			require.Equal(m, before.StatusBefore, is.Status, "R16: a person decided before the delete")
		}
	case was.Status != was.SyncStatus:
		require.Equal(m, was.Status, is.Status, "R10: a person's status was changed")
	case p.kind == syncs.TypeCases:
		require.Equal(m, was.Status, is.Status)
	}
}

// requireEveryVisit demands that no visit of a completed inbound window is without
// its case, and that the case says what the PIMS does (W4).
func (m *machine) requireEveryVisit(p *play) {
	stored, known := map[string]row{}, map[string]bool{}
	for _, r := range p.after {
		stored[r.PIMSID] = r
	}
	for _, r := range p.before {
		known[r.PIMSID] = true
	}
	reader := p.settings.Reader()
	for i := range p.heard.snapshots[0].Appointments {
		a := &p.heard.snapshots[0].Appointments[i]
		if !p.windows.Inbound.Contains(a.Start) {
			continue
		}
		r, there := stored[a.ID]
		if reader.Filtered(a) != (settings.Cause{}) && !known[a.ID] {
			require.False(m, there, "R50: a filtered visit became a case")
			m.seen["filtered visits"]++
			continue
		}
		require.True(m, there, "a visit of the window has no case")
		require.Equal(m, reader.Filtered(a), r.Filtered, "R50: the mark of the filter")
		require.True(m, a.Start.Equal(r.ScheduledDate), "R10: the date is the PIMS's")
		require.False(m, r.SoftDeleted(), "R16: it was seen")
		require.False(m, r.protected, "R24: it was seen again")
		if !pims.Blank(a.PatientName) {
			require.Equal(m, a.PatientName, r.PatientName)
		} else {
			m.requireName(p, a, &r)
		}
		require.Equal(m, a.StatusText, r.Appointment.Status)
		require.Equal(m, reader.Status(a.StatusText, a.Status), r.Appointment.Meaning, "R54")
		for _, w := range words {
			if w.word != a.StatusText {
				continue
			}
			if own, ok := p.settings.Statuses[w.word]; ok { // R50
				w.caseStatus, _ = cases.MapStatus(own)
			}
			if w.caseStatus == "" {
				continue
			}
			require.NotEmpty(m, r.SyncStatus, "R10: the first sync sets it")
			if r.Status == r.SyncStatus && r.ID != p.edited {
				require.Equal(m, w.caseStatus, r.Status, "W5")
			}
		}
	}
}

// requireProof demands the complete proof of a soft delete (R21–R24).
func (m *machine) requireProof(p *play, was, is *row) {
	reconciliation, ran := p.phases()[syncs.TypeReconciliation]
	require.True(m, ran, "%s deleted a case", p.kind)
	window := p.windows.Reconciliation
	require.True(m, deletable(was, window, p.windows.CandidatesUntil), "R21: it was no candidate")
	answer, known := p.answers[was.PIMSID]
	if slices.Contains(p.hidden, was.PIMSID) && !slices.Contains(p.heard.lookups, was.PIMSID) {
		known = false // nothing that was asked could show it
		require.True(m, !m.finder || p.plan.ID != uuid.Nil, "R22: the calendar hides %s, and nobody approved", was.PIMSID)
	}
	require.True(m, !known || answer.Status == pims.StatusCancelled, "R22: the PIMS still has %s", was.PIMSID)
	require.True(m, p.heard.lookedUp(was.PIMSID, window), "R22: it was not looked up")
	require.GreaterOrEqual(m, p.heard.missing(was.PIMSID, was.ScheduledDate), 2, "R22: it was not missing twice")
	require.NotEqual(m, faultIncomplete, p.fault, "R6: an incomplete calendar proves nothing")

	reason := cases.ReasonRemoved
	if known {
		reason = cases.ReasonCancelled
	}
	require.Equal(m, cases.Reviewed, is.Status)
	require.Equal(m, cases.Deletion{
		SoftDeleted: true, Reason: reason, DeletedAt: is.Deletion.DeletedAt, SyncID: reconciliation.ID,
		StatusBefore: was.Status, SyncStatusBefore: was.SyncStatus,
	}, *is.Deletion, "R24")
	require.True(m, m.now.Equal(is.Deletion.DeletedAt))

	if p.plan.Code == syncs.CodeDeletionGuard {
		require.True(m, slices.ContainsFunc(p.plan.Cases, func(c syncs.PlannedCase) bool { return c.CaseID == was.ID }),
			"R23: the plan does not name it")
		return
	}
	m.requireGuard(p, window)
}

// requireGuard demands that what was deleted without an approval is little (R23).
func (m *machine) requireGuard(p *play, window pims.Window) {
	deleted, candidates := map[string]int{}, map[string]int{}
	n, all := 0, 0
	for id, was := range p.before {
		is := p.after[id]
		if !deletable(&was, window, p.windows.CandidatesUntil) {
			continue
		}
		day := pims.DateOf(was.ScheduledDate, m.location).String()
		all++
		candidates[day]++
		if is.SoftDeleted() {
			n++
			deleted[day]++
		}
	}
	require.NotZero(m, p.heard.snapshots[0].Found(), "R23: an empty PIMS deleted cases")
	require.LessOrEqual(m, n, min(100, max(5, all/10)), "R23: more than the share")
	if p.kind == syncs.TypeFull || p.fault == faultPerson { // then others may have ceased to be candidates before
		return
	}
	require.False(m, n >= 3 && 2*n > all, "R23: over half, %d of %d", n, all)
	for day, n := range deleted {
		require.False(m, n >= 4 && n == candidates[day], "R23: a whole day")
	}
}

// requirePlan demands that a guard that holds something back keeps a plan (R18, R23).
func (m *machine) requirePlan(p *play) {
	for kind, a := range p.phases() {
		switch a.Result.Code { //nolint:exhaustive // the others change nothing here
		case syncs.CodeWrongPractice, syncs.CodeShiftGuard, syncs.CodeDeletionGuard:
			require.NotEqual(m, a.Result.Code, p.plan.Code, "the approved guard refused again")
			plan, err := m.stage.plan(context.Background(), a.Result.PlanID)
			require.NoError(m, err)
			require.Equal(m, a.Result.Code, plan.Code)
			require.Equal(m, kind, plan.SyncType)
			require.Zero(m, a.Result.Stats.CasesDeleted)
		}
	}
}

// requireSums demands that the counts add up (R12, R27).
func (m *machine) requireSums(p *play) {
	for kind, a := range p.phases() {
		s, completed := a.Result.Stats, a.Status == syncs.StatusCompleted
		require.True(m, a.Status.Final(), "R30")
		switch kind { //nolint:exhaustive // the others change nothing here
		case syncs.TypeInbound:
			accounted := s.CasesCreated + s.CasesUpdated + s.CasesUnchanged + s.CasesSkipped
			require.LessOrEqual(m, accounted, s.AppointmentsFound)
			require.True(m, !completed || accounted == s.AppointmentsFound, "R12: %+v", s)
		case syncs.TypeCases:
			accounted := s.CasesEnriched + s.CasesUnchanged + s.CasesSkipped + s.CasesFailed
			require.LessOrEqual(m, accounted, s.CasesFound)
			require.True(m, !completed || accounted == s.CasesFound, "R12: %+v", s)
		case syncs.TypeReconciliation:
			require.LessOrEqual(m, s.CasesDeleted, s.CasesChecked)
			require.Len(m, s.DeletedIDs, s.CasesDeleted)
			for _, id := range s.DeletedIDs {
				require.True(m, p.after[id].gone())
			}
		}
	}
	if p.kind == syncs.TypeFull {
		total, master := sum(p.audit.Children), p.audit.Result.Stats
		require.ElementsMatch(m, total.DeletedIDs, master.DeletedIDs)
		total.DeletedIDs, master.DeletedIDs = nil, nil
		require.Equal(m, total, master, "R27")
	}
	require.ElementsMatch(m, p.deletions(), p.audit.Result.Stats.DeletedIDs)
}

// deletions are the cases that became soft-deleted.
func (p *play) deletions() []uuid.UUID {
	return slices.DeleteFunc(slices.Collect(maps.Keys(p.after)), func(id uuid.UUID) bool {
		was, is := p.before[id], p.after[id]
		return !is.SoftDeleted() || was.SoftDeleted()
	})
}
