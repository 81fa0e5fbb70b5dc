package casesync_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimstest"
	"github.com/pims-sync/pims-sync/internal/postgres/casestore"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/timetest"
)

// fingerprint is the MD5 of all that is in the cases of the practice and of its
// neighbour, row versions included.
func (p *practice) fingerprint() string {
	p.Helper()
	return scan[string](p, "select md5(string_agg(xmin || c::text, e'\\n' order by id)) from cases c where clinic_id in ($1, $2)", p.neighbour)
}

// content is the MD5 of the cases' content: a row version and its time are none.
func (p *practice) content() string {
	p.Helper()
	return scan[string](p, "select md5(string_agg((to_jsonb(c) - 'updated_at')::text, e'\\n' order by id)) from cases c where clinic_id = $1")
}

// aYear fills a practice with 10,000 cases: 120 in the window of reconciliation,
// on eight days; forty in the days to come; the others long ago.
func (p *practice) aYear() (ofTheWeek []pims.Appointment) {
	p.Helper()
	for i := range 120 {
		today := p.instant("2026-03-02 00:00")
		start := today.AddDate(0, 0, -i%8).Add(time.Duration(i/8) * 30 * time.Minute)
		ofTheWeek = append(ofTheWeek, p.visit(fmt.Sprint(1_000+i), start.In(p.location).Format(minute)))
	}
	calendar := append(slices.Clone(ofTheWeek), p.visits("5", 40, "2026-03-03 08:00")...)
	for i := range 9_840 {
		start := p.instant("2026-02-20 18:00").Add(-time.Duration(i) * 30 * time.Minute)
		calendar = append(calendar, p.visit(fmt.Sprint(20_000+i), start.In(p.location).Format(minute)))
	}
	p.know(calendar...)
	p.enter(calendar...)
	require.Equal(p, 10_000, scan[int](p, "select count(*) from cases where clinic_id = $1"))
	return ofTheWeek
}

func TestTheNightOfDisasters(t *testing.T) { // issue 3, R5, R6, R18, R21–R24
	t.Parallel()
	p := newPractice(t)
	week := p.aYear()
	honest := slices.Clone(p.calendar)
	o := p.sync(syncs.TypeFull)
	require.Equal(t, 120, o.Stats.CasesChecked)
	require.Zero(t, o.Stats.CasesCreated+o.Stats.CasesUpdated+o.Stats.CasesDeleted)

	half := make([]string, 0, 60)
	for i := 0; i < len(week); i += 2 {
		half = append(half, week[i].ID)
	}
	html := fmt.Errorf("an answer that begins with '<': %w", pims.ErrSchemaDrift)
	untouched := p.fingerprint()
	for _, disaster := range []struct {
		name    string
		code    syncs.Code
		strikes func()
	}{
		{name: "an empty answer", code: syncs.CodeDeletionGuard, strikes: func() { p.fake.SetAppointments() }},
		{name: "an HTML answer", code: syncs.CodeSchemaDrift, strikes: func() { p.fake.FailAlways(pimstest.OpAppointments, html) }},
		{name: "half a calendar, which the lookup knows", code: syncs.CodeSnapshotUnsound, strikes: func() { p.fake.Hide(half...) }},
		{name: "half a calendar, which nothing knows", code: syncs.CodeDeletionGuard, strikes: func() { p.remove(half...) }},
		{name: "half a calendar, without ids", code: syncs.CodeSnapshotIncomplete, strikes: func() {
			p.remove(half...)
			p.fake.SetFlaws(nil, len(half), 0)
		}},
		{name: "half of the days", code: syncs.CodeDeletionGuard, strikes: func() {
			p.calendar = slices.DeleteFunc(p.calendar, func(a pims.Appointment) bool {
				return !a.Start.Before(p.instant("2026-02-27 00:00"))
			})
			p.fake.SetAppointments(p.calendar...)
		}},
		{name: "another practice", code: syncs.CodeWrongPractice, strikes: func() {
			for i := range p.calendar {
				p.calendar[i].ID = "other" + p.calendar[i].ID
			}
			p.fake.SetAppointments(p.calendar...)
		}},
		{name: "a changed password", code: syncs.CodeAuthRejected, strikes: func() { p.fake.SetPassword("Zzchanged") }},
		{name: "all days shifted by a zone", code: syncs.CodeShiftGuard, strikes: func() {
			p.shift(p.calendar, 0, 6*time.Hour)
			p.fake.SetAppointments(p.calendar...)
		}},
		{name: "all days read in another zone", code: syncs.CodeShiftGuard, strikes: func() {
			p.clinic.Timezone = "Europe/Berlin"
			for i := range p.calendar {
				wall, err := time.Parse(minute, p.calendar[i].StartText[:len(minute)])
				require.NoError(t, err)
				p.calendar[i].Start = pims.Instant(wall, timetest.Zone(t, p.clinic.Timezone))
			}
			p.fake.SetAppointments(p.calendar...)
		}},
		{name: "a session that dies", code: syncs.CodeAuthExpired, strikes: func() {
			p.fake.FailAlways(pimstest.OpAppointments, fmt.Errorf("fetch: %w", pims.ErrSessionExpired))
		}},
	} {
		disaster.strikes()
		for _, kind := range []syncs.Type{syncs.TypeReconciliation, syncs.TypeFull} {
			o := p.try(kind, syncs.Options{LookbackDays: new(7)})
			require.Equal(t, syncs.StatusFailed, o.audit.Status, disaster.name)
			require.Equal(t, disaster.code, o.audit.Result.Code, "%s: %s", disaster.name, o.audit.Result.Error)
			require.Zero(t, o.audit.Result.Stats.CasesDeleted, disaster.name)
			require.Equal(t, untouched, p.fingerprint(), "%s changed a case", disaster.name)
		}
		inbound := p.try(syncs.TypeInbound)
		require.Zero(t, inbound.audit.Result.Stats.CasesCreated+inbound.audit.Result.Stats.CasesUpdated, disaster.name)
		require.Equal(t, untouched, p.fingerprint(), "%s changed a case", disaster.name)

		p.calendar = slices.Clone(honest)
		p.fake.SetAppointments(p.calendar...)
		p.fake.SetFlaws(nil, 0, 0)
		p.fake.Hide()
		p.fake.SetPassword("")
		p.fake.FailAlways(pimstest.OpAppointments, nil)
		p.clinic.Timezone = newYork
	}
	require.Zero(t, p.sync(syncs.TypeFull).Stats.CasesDeleted, "the storm is over")
	require.Equal(t, untouched, p.fingerprint())

	gone := []string{week[3].ID, week[50].ID, week[101].ID}
	p.remove(gone...)
	require.Equal(t, 3, p.sync(syncs.TypeFull).Stats.CasesDeleted, "3 of 120 are deleted honestly")
	require.Equal(t, gone, p.deleted())

	p.restores(p.refuses(week))
}

// refuses lets forty more of the week vanish. They are refused, and on a person's
// approval deleted; it returns what the cases were before, and that sync.
func (p *practice) refuses(week []pims.Appointment) (before string, approved outcome) {
	p.Helper()
	before = p.content()
	untouched := p.fingerprint()
	var forty []string
	for i := range week {
		if p.find(week[i].ID) >= 0 && i%8 != 0 && len(forty) < 40 {
			forty = append(forty, week[i].ID)
		}
	}
	p.remove(forty...)
	o := p.fail(syncs.CodeDeletionGuard, syncs.TypeFull)
	require.Equal(p, untouched, p.fingerprint(), "40 of 117 are refused")
	require.Len(p, p.plan(o.audit.Result.PlanID).Cases, 40)

	approved = p.approve(o.audit.Result.PlanID)
	require.NoError(p, approved.err)
	require.Equal(p, 40, approved.Stats.CasesDeleted)
	require.Len(p, p.deleted(), 43)
	return before, approved
}

// restores undoes the deletions of a sync: every case is again what it was (R24).
func (p *practice) restores(before string, deletion outcome) {
	p.Helper()
	store := casestore.NewCases(p.db)
	ids, err := store.DeletedBy(p.Context(), p.clinic.ID, deletion.audit.ID)
	require.NoError(p, err)
	require.Len(p, ids, 40)
	restorations, err := store.Restore(p.Context(), p.clinic.ID, ids, "os:Zzoperator", p.clock.Now())
	require.NoError(p, err)
	for i := range restorations {
		require.Equal(p, cases.RestoreDone, restorations[i].Outcome)
	}
	require.Equal(p, before, p.content(), "equal by value")
	require.Len(p, p.deleted(), 3)

	p.again = nil
	require.Zero(p, p.sync(syncs.TypeReconciliation).Stats.CasesDeleted, "what a person restored is no candidate until it has been seen again")
	require.Equal(p, before, p.content())
}
