package casesync_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/postgres/casestore"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/timetest"
)

// onDay makes inbound read one day.
func (p *practice) onDay(day string) {
	p.Helper()
	p.sync(syncs.TypeInbound, syncs.Options{StartDate: timetest.Date(p, day), EndDate: timetest.Date(p, day)})
}

// twins are the states of another visit, which has consultation 51 too: the day it is on and
// what makes it so.
var twins = map[string]struct {
	start  string
	become func(p *practice)
}{
	"seen like any other": {"2026-03-02 08:30", func(*practice) {}},
	"cancelled":           {"2026-03-02 08:30", func(p *practice) { p.change("2", isCancelled) }},
	"no show": {"2026-03-02 08:30", func(p *practice) {
		p.change("2", func(a *pims.Appointment) { a.Status, a.StatusText = pims.StatusNoShow, "No Show" })
	}},
	"in the future":      {"2026-03-09 08:30", func(*practice) {}},
	"outside the window": {"2026-02-16 08:30", func(*practice) {}},
	"soft-deleted": {"2026-03-02 08:30", func(p *practice) {
		p.enter(p.visit("7", "2026-03-02 08:45", isCancelled)) // an empty calendar deletes nothing
		p.remove("2")
		p.sync(syncs.TypeReconciliation)
		c := p.stored("2")
		require.True(p, c.SoftDeleted())
		p.again = nil
	}},
}

// shared is a practice whose visit 1, of Otto, has consultation 51, which names nobody.
func shared(t *testing.T, changes ...func(*pims.Consultation)) *practice {
	t.Helper()
	p := newPracticeOn(t, "2026-03-06 09:00")
	p.record(p.held("51", "", "2026-03-02 08:00", append(changes, says("limps"))...))
	return p
}

func TestAConsultationThatAnotherPatientsVisitHasIsShownWithNeither(t *testing.T) { // R9
	t.Parallel()
	for name, twin := range twins {
		day := twin.start[:10]
		for order, begin := range map[string]func(p *practice){
			"the other came first": func(p *practice) {
				p.seen(p.visit("2", twin.start, of("pip"), belongsTo("51")))
				twin.become(p)
				p.onDay(day)
				p.enter(p.visit("1", "2026-03-02 08:00", of("otto"), belongsTo("51")))
				p.onDay("2026-03-02")
			},
			"the other comes later": func(p *practice) {
				p.seen(p.visit("1", "2026-03-02 08:00", of("otto"), belongsTo("51")))
				p.sync(syncs.TypeCases)
				require.Equal(p, "Zzlimps", p.notes("1"))
				p.enter(p.visit("2", twin.start, of("pip"), belongsTo("51")))
				p.onDay(day)
				twin.become(p)
				p.onDay(day)
			},
		} {
			t.Run(name+", "+order, func(t *testing.T) {
				t.Parallel()
				p := shared(t)
				begin(p)
				for _, options := range []syncs.Options{{DryRun: true}, {}, {Force: true}} {
					o := p.sync(syncs.TypeCases, options)
					o.failsAs(t, p.stored("1"), syncs.ItemAnotherVisit)
					require.Equal(t, 1, o.audit.Result.Warnings.SharedConsultations)
					require.Contains(t, o.audit.Result.Failures[0].Error, "another patient's appointment (")
				}
				require.Empty(t, p.notes("1"))
				require.Empty(t, p.notes("2"))
				p.sync(syncs.TypeFull)
				require.Empty(t, p.notes("1"), "whatever runs")

				if name != "soft-deleted" { // the PIMS takes it from the other visit
					p.change("2", none)
					p.onDay(day)
					o := p.sync(syncs.TypeCases)
					require.Equal(t, "Zzlimps", p.notes("1"), "and nobody else has it")
					require.Zero(t, o.audit.Result.Warnings.SharedConsultations)
					return
				}
				p.record(p.held("51", "", "2026-03-02 08:00", ofPatient("otto"), says("limps")))
				p.sync(syncs.TypeCases, syncs.Options{Force: true})
				require.Equal(t, "Zzlimps", p.notes("1"), "it says whose it is")
			})
		}
	}
}

func TestTheSamePatientsVisitsMayShareAConsultation(t *testing.T) { // R9
	t.Parallel()
	for name, twin := range twins {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := shared(t)
			p.seen(p.visit("2", twin.start, of("otto"), belongsTo("51")))
			twin.become(p)
			p.onDay(twin.start[:10])
			p.enter(p.visit("1", "2026-03-02 08:00", of("otto"), belongsTo("51")))
			p.onDay("2026-03-02")
			o := p.sync(syncs.TypeCases)
			require.Equal(t, "Zzlimps", p.notes("1"))
			require.Zero(t, o.audit.Result.Warnings.SharedConsultations)
		})
	}
}

func TestWhatASharedConsultationNamesDecides(t *testing.T) { // R7, R9
	t.Parallel()
	ids := func(patient, client string) func(*pims.Appointment) {
		return func(a *pims.Appointment) { a.PatientID, a.ClientID = patient, client }
	}
	names := func(patient, client, visit string) func(*pims.Consultation) {
		return func(c *pims.Consultation) { c.PatientID, c.ClientID, c.AppointmentID = patient, client, visit }
	}
	for name, tc := range map[string]struct {
		own, other func(*pims.Appointment)
		says       func(*pims.Consultation)
		listed     string
		shown      bool
	}{
		"its patient":                             {ids("otto", "c1"), ids("pip", "c2"), names("otto", "", ""), "", true},
		"its patient, the other's is unknown":     {ids("otto", "c1"), ids("", "c2"), names("otto", "", ""), "", true},
		"the other patient":                       {ids("otto", "c1"), ids("pip", "c2"), names("pip", "", ""), "", false},
		"the other patient, ours is unknown":      {ids("", "c1"), ids("pip", "c2"), names("pip", "", ""), "", false},
		"a patient, and neither visit tells":      {ids("", "c1"), ids("", "c2"), names("pip", "", ""), "", false},
		"its client":                              {ids("", "c1"), ids("", "c2"), names("", "c1", ""), "", true},
		"its client, who has both patients":       {ids("otto", "c1"), ids("pip", "c1"), names("", "c1", ""), "", false},
		"the other client":                        {ids("", "c1"), ids("", "c2"), names("", "c2", ""), "", false},
		"a third client":                          {ids("", "c1"), ids("", "c2"), names("", "c3", ""), "", false},
		"its visit":                               {ids("otto", "c1"), ids("pip", "c2"), names("", "", "1"), "", true},
		"the other visit":                         {ids("otto", "c1"), ids("pip", "c2"), names("", "", "2"), "", false},
		"a visit that nobody knows":               {ids("otto", "c1"), ids("pip", "c2"), names("", "", "9"), "", false},
		"another visit of its patient":            {ids("otto", "c1"), ids("pip", "c2"), names("", "", "3"), "", true},
		"nothing, and the search lists its visit": {ids("otto", "c1"), ids("pip", "c2"), names("", "", ""), "1", true},
		"nothing, and the search lists the other": {ids("otto", "c1"), ids("pip", "c2"), names("", "", ""), "2", false},
		"nothing, of one client":                  {ids("", "c1"), ids("", "c1"), names("", "", ""), "", true},
		"nothing, and nobody names anyone":        {ids("", ""), ids("", ""), names("", "", ""), "", true},
	} {
		for _, seen := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", shown before", false: ""}[seen], func(t *testing.T) {
				t.Parallel()
				p := shared(t, tc.says)
				p.fake.ListFor("51", tc.listed)
				first := []pims.Appointment{p.visit("1", "2026-03-02 08:00", tc.own, belongsTo("51")), p.visit("3", "2026-03-03 08:00", ids("otto", "c1"), none)}
				other := p.visit("2", "2026-03-02 08:30", tc.other, belongsTo("51"), isCancelled)
				if !seen {
					first = append(first, other)
				}
				p.seen(first...)
				if seen {
					p.sync(syncs.TypeCases)
					p.enter(other)
					p.onDay("2026-03-02")
				}
				p.sync(syncs.TypeCases)
				require.Equal(t, tc.shown, p.notes("1") != "")
			})
		}
	}
}

func TestACancelledVisitShowsNoConsultationThatAnotherPatientsHasToo(t *testing.T) { // R9
	t.Parallel()
	for name, closed := range map[string]func(*pims.Appointment){
		"cancelled": isCancelled,
		"put off": func(a *pims.Appointment) {
			a.Start, a.End = a.Start.AddDate(0, 0, 7), a.End.AddDate(0, 0, 7)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := shared(t)
			p.seen(p.visit("1", "2026-03-02 08:00", of("otto"), belongsTo("51")))
			p.sync(syncs.TypeCases)
			require.Equal(t, "Zzlimps", p.notes("1"))
			p.change("1", closed)
			p.sync(syncs.TypeInbound, syncs.Options{StartDate: timetest.Date(t, "2026-03-02"), EndDate: timetest.Date(t, "2026-03-10")})
			require.Equal(t, "Zzlimps", p.notes("1"))
			p.enter(p.visit("2", "2026-03-02 08:30", of("pip"), belongsTo("51"), isCancelled))
			p.onDay("2026-03-02")
			p.sync(syncs.TypeCases, syncs.Options{DryRun: true})
			require.Equal(t, "Zzlimps", p.notes("1"))
			o := p.sync(syncs.TypeCases)
			require.Empty(t, p.notes("1"))
			require.Equal(t, 1, o.audit.Result.Warnings.ConsultationsHidden)
			require.Equal(t, 1, o.audit.Result.Warnings.SharedConsultations)
			require.Zero(t, o.audit.Result.Stats.CasesFound)

			p.change("2", none)
			p.change("1", func(a *pims.Appointment) {
				*a = p.visit("1", "2026-03-02 08:00", of("otto"), belongsTo("51"))
			})
			p.onDay("2026-03-02")
			p.sync(syncs.TypeCases)
			require.Equal(t, "Zzlimps", p.notes("1"), "it was hidden, not lost")
		})
	}
	t.Run("its own is judged once", func(t *testing.T) {
		t.Parallel()
		p := shared(t, ofPatient("otto"))
		p.seen(p.visit("1", "2026-03-02 08:00", of("otto"), belongsTo("51")))
		p.sync(syncs.TypeCases)
		p.change("1", isCancelled)
		p.onDay("2026-03-02")
		p.enter(p.visit("2", "2026-03-02 08:30", of("pip"), belongsTo("51"), isCancelled))
		p.onDay("2026-03-02")
		for _, searches := range []int{1, 0} {
			p.fake.ForgetCalls()
			p.sync(syncs.TypeCases)
			require.Len(t, p.searches(), searches)
			require.Equal(t, "Zzlimps", p.notes("1"))
		}
	})
}

func TestARestoreByHandBringsNoSharedConsultationBack(t *testing.T) { // R9, R24
	t.Parallel()
	for name, tc := range map[string]struct {
		patient string
		says    func(*pims.Consultation)
		shown   bool
	}{
		"of another patient": {"pip", func(*pims.Consultation) {}, false},
		"that names it":      {"pip", ofPatient("otto"), true},
		"of the same one":    {"otto", func(*pims.Consultation) {}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := shared(t, tc.says)
			p.seen(p.visit("1", "2026-03-02 08:00", of("otto"), belongsTo("51")))
			p.sync(syncs.TypeCases)
			p.vanished()
			p.enter(p.visit("2", "2026-03-02 08:30", of(tc.patient), belongsTo("51")))
			p.onDay("2026-03-02")
			require.Equal(t, "Zzlimps", p.notes("1"), "a deleted case keeps what it showed")
			restored, err := casestore.NewCases(p.db).Restore(p.background(), p.clinic.ID, []uuid.UUID{p.stored("1").ID}, "key:z", p.clock.Now())
			require.NoError(t, err)
			require.Equal(t, cases.RestoreDone, restored[0].Outcome)
			require.Equal(t, tc.shown, p.notes("1") != "")
			p.pass(30 * 24 * time.Hour)
			p.sync(syncs.TypeCases)
			require.Equal(t, tc.shown, p.notes("1") != "", "whatever the window")
		})
	}
}

func TestTheDatabaseKnowsWhichCasesShareAConsultation(t *testing.T) { // R9
	t.Parallel()
	p := shared(t)
	p.seen(p.visit("1", "2026-03-02 08:00", of("otto"), belongsTo("51")), p.visit("2", "2026-03-02 08:30", of("pip"), belongsTo("51")),
		p.visit("3", "2026-03-02 09:00", belongsTo("53")))
	holders, err := casestore.NewCases(p.db).Holders(p.background(), p.clinic.ID, provider, []string{"51", "53", "99", "51"})
	require.NoError(t, err)
	require.Len(t, holders, 1)
	require.Len(t, holders["51"], 2)
	other, err := casestore.NewCases(p.db).Holders(p.background(), p.neighbour, provider, []string{"51"})
	require.NoError(t, err)
	require.Empty(t, other, "another clinic has its own")
	p.edit("2", "metadata = metadata #- '{appointment,consultationId}'")
	holders, err = casestore.NewCases(p.db).Holders(p.background(), p.clinic.ID, provider, []string{"51"})
	require.NoError(t, err)
	require.Empty(t, holders)

	p.edit("2", `metadata = jsonb_set(metadata, '{appointment,consultationId}', '"51"')`)
	holders, err = casestore.NewCases(p.db).Holders(p.background(), p.clinic.ID, provider, []string{"51"})
	require.NoError(t, err)
	require.Len(t, holders["51"], 2)
	_, err = p.db.Pool().Exec(p.background(), "delete from cases where pims_id = '2' and clinic_id = $1", p.clinic.ID)
	require.NoError(t, err)
	holders, err = casestore.NewCases(p.db).Holders(p.background(), p.clinic.ID, provider, []string{"51"})
	require.NoError(t, err)
	require.Empty(t, holders, "a case that a person removes has none")
}
