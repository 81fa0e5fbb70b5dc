package casesync_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/settings"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// settle gives the practice its settings.
func (p *practice) settle(document string) {
	p.Helper()
	set, err := settings.Parse([]byte(document))
	require.NoError(p, err)
	p.clinic.Settings = set
}

func grooming(a *pims.Appointment) {
	a.TypeText, a.Type, a.Room = "Bath & Trim", pims.TypeUnknown, "Grooming"
}

func TestAFilteredAppointmentBecomesNoCaseAndCountsAsPresent(t *testing.T) { // R50
	t.Parallel()
	p := newPractice(t)
	p.enter(p.visit("1", "2026-03-02 10:00"), p.visit("2", "2026-03-02 11:00", grooming), p.visit("3", "2026-03-02 12:00"))
	p.settle(`{"filters":{"rooms":["grooming"],"statuses":["on hold"]}}`)
	p.change("3", func(a *pims.Appointment) { a.StatusText, a.Status = "On-Hold", pims.StatusUnknown })
	o := p.sync(syncs.TypeInbound)
	require.Equal(t, syncs.Stats{AppointmentsFound: 3, CasesCreated: 1, CasesSkipped: 2}, o.Stats)
	require.Equal(t, syncs.Warnings{UnknownStatuses: 1, Filtered: 2}, o.audit.Result.Warnings)
	require.Equal(t, []string{"1"}, column[string](p, "select pims_id from cases where clinic_id = $1"))

	p.settle(`{}`)
	require.Equal(t, 2, p.sync(syncs.TypeInbound).Stats.CasesCreated, "a filter that is removed lets them in")
}

func TestAFilterKeepsMarksAndUpdatesAnExistingCase(t *testing.T) { // R50
	t.Parallel()
	p := newPractice(t)
	p.enter(p.visit("1", "2026-03-01 10:00", grooming), p.visit("2", "2026-03-02 11:00", grooming))
	p.sync(syncs.TypeInbound, syncs.Options{StartDate: &pims.Date{Year: 2026, Month: 3, Day: 1}})
	p.settle(`{"filters":{"types":["Bath & Trim"]}}`)
	mark := settings.Cause{By: "type", Word: "Bath & Trim"}

	p.change("2", func(a *pims.Appointment) { a.PatientName = "Zzbiscuit" })
	full := p.sync(syncs.TypeFull)
	require.Zero(t, full.Stats.CasesDeleted)
	require.Equal(t, mark, p.stored("2").Filtered)
	require.Equal(t, "Zzbiscuit", p.stored("2").PatientName, "it is updated as before")
	require.Equal(t, mark, p.stored("1").Filtered, "reconciliation marks the past")
	require.Equal(t, []string{`{"filtered": {"by": "type", "word": "Bath & Trim"}}`},
		column[string](p, "select after::text from case_events where field = 'metadata.sync' and clinic_id = $1 and case_id = (select id from cases where pims_id = '1' and clinic_id = $1)"))

	p.remove("1") // gone from the PIMS: its case is deleted as any other's
	require.Equal(t, 1, p.sync(syncs.TypeReconciliation).Stats.CasesDeleted)
	p.settle(`{"filters":{"types":["Bath & Trim"],"rooms":["Grooming"]}}`)
	p.enter(p.visit("1", "2026-03-01 10:00", grooming))
	require.Equal(t, 1, p.sync(syncs.TypeReconciliation).Stats.CasesRestored, "a restore ignores filters")
	require.Equal(t, mark, p.stored("1").Filtered)

	p.settle(`{}`)
	p.sync(syncs.TypeFull)
	require.Zero(t, p.stored("2").Filtered, "the mark goes with the filter")
}

func TestAWordOfThePracticeDecidesTheStatusButNoLookup(t *testing.T) { // R22, R50
	t.Parallel()
	p := newPractice(t)
	p.enter(p.visit("1", "2026-03-02 08:00"), p.visit("2", "2026-03-02 08:30"))
	strange := func(a *pims.Appointment) {
		a.StatusText, a.Status, a.TypeText, a.Type = "Gone home", pims.StatusUnknown, "Dental", pims.TypeUnknown
	}
	p.change("1", strange)
	p.settle(`{"statuses":{"gone-home":"cancelled"},"types":{"dental":"surgery"}}`)
	o := p.sync(syncs.TypeInbound)
	require.Zero(t, o.audit.Result.Warnings.UnknownStatuses)
	require.Equal(t, []string{"reviewed", "surgery"}, []string{p.stored("1").Status, p.stored("1").CaseType})

	p.settle(`{"statuses":{"gone-home":"completed"}}`)
	p.sync(syncs.TypeInbound)
	require.Equal(t, []string{"pending", "other"}, []string{p.stored("1").Status, p.stored("1").CaseType})

	p.settle(`{"statuses":{"gone-home":"cancelled"}}`)
	p.fake.Hide("1") // the calendar does not show it, a lookup by id does
	p.fail(syncs.CodeSnapshotUnsound, syncs.TypeReconciliation)
	require.Nil(t, p.stored("1").Deletion, "what cancelled means in a lookup is the provider's to say")
}

func TestADryRunTriesSettings(t *testing.T) { // R26, R50
	t.Parallel()
	p := newPractice(t)
	p.enter(p.visit("1", "2026-03-02 10:00", grooming), p.visit("2", "2026-03-02 11:00"))
	p.sync(syncs.TypeInbound)
	before := p.cases(p.clinic.ID)
	tried, err := settings.Parse([]byte(`{"types":{"bath":"surgery"},"filters":{"rooms":["Grooming"]}}`))
	require.NoError(t, err)
	p.enter(p.visit("3", "2026-03-02 12:00", grooming))
	o := p.sync(syncs.TypeFull, syncs.Options{DryRun: true, Settings: &tried})
	require.Equal(t, before, p.cases(p.clinic.ID))
	inbound := o.phase(t, syncs.TypeInbound)
	require.Equal(t, 1, inbound.Result.Warnings.Filtered)
	require.Len(t, inbound.Result.Changes, 1)
	require.Equal(t, []syncs.FieldChange{
		{Field: "caseType", Before: "other", After: "surgery"},
		{Field: "sync.filtered", After: `the room "Grooming"`},
	}, inbound.Result.Changes[0].Fields)
	require.Equal(t, &tried, o.audit.Options.Settings, "the audit says which settings were tried")
	require.ErrorContains(t, syncs.Options{Settings: &tried}.Check(syncs.TypeFull), "only in a dry run")
}

func TestTheWrongPracticeGuardSaysWhatFiltersHide(t *testing.T) { // R18, R50
	t.Parallel()
	p := newPractice(t)
	for i := range 5 {
		p.enter(p.visit(string(rune('1'+i)), "2026-03-02 10:00"))
	}
	p.sync(syncs.TypeInbound)
	for i := range 5 {
		p.remove(string(rune('1' + i)))
		p.enter(p.visit("1"+string(rune('1'+i)), "2026-03-02 15:00", grooming))
	}
	p.settle(`{"filters":{"rooms":["Grooming"]}}`)
	o := p.fail(syncs.CodeWrongPractice, syncs.TypeInbound)
	require.Contains(t, o.audit.Result.Error, "(5 of them filtered by the clinic's settings)")
	require.Equal(t, 5, p.plan(o.audit.Result.PlanID).Evidence.Filtered)
}
