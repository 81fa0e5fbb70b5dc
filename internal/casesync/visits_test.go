package casesync_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimstest"
	"github.com/pims-sync/pims-sync/internal/postgres/casestore"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/timetest"
)

// sayings are the ways in which the PIMS says that consultation 51, which the calendar
// names for visit 1, is visit 2's.
var sayings = map[string]func(p *practice, changes ...func(*pims.Consultation)){
	"the search and the consultation": func(p *practice, changes ...func(*pims.Consultation)) {
		p.record(p.held("51", "2", "2026-03-02 08:30", changes...))
	},
	"the search alone": func(p *practice, changes ...func(*pims.Consultation)) {
		p.record(p.held("51", "", "2026-03-02 08:30", changes...))
		p.fake.ListFor("51", "2")
	},
	"the consultation alone": func(p *practice, changes ...func(*pims.Consultation)) {
		p.record(p.held("51", "2", "2026-03-02 08:30", changes...))
		p.fake.ListFor("51", "")
	},
}

// failsAs demands that a case is listed as a failure of a code.
func (o *outcome) failsAs(t testing.TB, c cases.Case, code syncs.ItemCode) {
	t.Helper()
	failures := o.audit.Result.Failures
	if o.audit.Type == syncs.TypeFull {
		failures = o.phase(t, syncs.TypeCases).Result.Failures
	}
	i := slices.IndexFunc(failures, func(f syncs.ItemFailure) bool { return f.CaseID == c.ID })
	require.GreaterOrEqual(t, i, 0, "case %s is not listed", c.PIMSID)
	require.Equal(t, code, failures[i].Code)
	require.Contains(t, failures[i].Error, "sync inbound --clinic ")
}

// mistaken is a practice whose calendar names 51 for visit 1, of Otto. It is Pip's, of
// visit 2.
func mistaken(t *testing.T) *practice {
	t.Helper()
	p := newPracticeOn(t, "2026-03-06 09:00")
	p.seen(p.visit("1", "2026-03-02 08:00", of("otto"), belongsTo("51")), p.visit("2", "2026-03-02 08:30", of("pip"), none))
	return p
}

func TestAConsultationOfAnotherPatientsVisitIsNotShown(t *testing.T) { // R7, R9
	t.Parallel()
	for name, say := range sayings {
		for kind, run := range map[string]func(*practice) outcome{
			"cases": func(p *practice) outcome { return p.sync(syncs.TypeCases) },
			"full":  func(p *practice) outcome { return p.sync(syncs.TypeFull) },
			"force": func(p *practice) outcome { return p.sync(syncs.TypeCases, syncs.Options{Force: true}) },
			"one at a time": func(p *practice) outcome {
				return p.sync(syncs.TypeCases, syncs.Options{ParallelBatchSize: new(1)})
			},
			"dry run": func(p *practice) outcome { return p.sync(syncs.TypeCases, syncs.Options{DryRun: true}) },
		} {
			t.Run(name+" says so, "+kind, func(t *testing.T) {
				t.Parallel()
				p := mistaken(t)
				say(p, says("pip limps"))
				o := run(p)
				o.failsAs(t, p.stored("1"), syncs.ItemAnotherVisit)
				require.Empty(t, p.notes("1"))
				if name != "the consultation alone" && kind != "dry run" {
					require.Equal(t, "Zzpip limps", p.notes("2"))
				}
				p.sync(syncs.TypeInbound)
				o = p.sync(syncs.TypeCases, syncs.Options{Force: true})
				o.failsAs(t, p.stored("1"), syncs.ItemAnotherVisit)
				require.Empty(t, p.notes("1"), "whatever is read again")

				p.record(p.held("52", "1", "2026-03-02 08:10", says("otto itches")))
				p.change("1", belongsTo("52"))
				p.sync(syncs.TypeInbound, syncs.Options{StartDate: timetest.Date(t, "2026-03-02"), EndDate: timetest.Date(t, "2026-03-02")})
				p.sync(syncs.TypeCases)
				require.Equal(t, "Zzotto itches", p.notes("1"), "what the failure says to do helps at once")
			})
		}
	}
}

func TestAStoredConsultationOfAnotherPatientsVisitIsHidden(t *testing.T) { // R7, R9, R19
	t.Parallel()
	stored := func(t *testing.T, changes ...func(*pims.Consultation)) *practice {
		t.Helper()
		p := mistaken(t)
		p.record(p.held("51", "1", "2026-03-02 08:00", append(changes, says("pip limps"))...))
		p.sync(syncs.TypeCases)
		require.Equal(t, "Zzpip limps", p.notes("1"))
		return p
	}
	hidden := func(t *testing.T, p *practice, options ...syncs.Options) {
		t.Helper()
		o := p.sync(syncs.TypeCases, options...)
		o.failsAs(t, p.stored("1"), syncs.ItemAnotherVisit)
		require.Equal(t, 1, o.audit.Result.Warnings.ConsultationsHidden)
		require.Empty(t, p.notes("1"))
	}
	for name, say := range sayings {
		t.Run(name+" says so, it is due", func(t *testing.T) {
			t.Parallel()
			p := stored(t, unfinished)
			say(p, says("pip limps"), unfinished)
			hidden(t, p)
		})
		t.Run(name+" says so, forced", func(t *testing.T) {
			t.Parallel()
			p := stored(t)
			say(p, says("pip limps"))
			hidden(t, p, syncs.Options{Force: true})
		})
		t.Run(name+" says so, in the day's look", func(t *testing.T) {
			t.Parallel()
			p := stored(t)
			p.fake.Corrections = 45
			say(p, says("pip limps"))
			hidden(t, p)
		})
		t.Run(name+" says so, restored by hand", func(t *testing.T) {
			t.Parallel()
			p := stored(t, unfinished)
			p.vanished()
			_, err := casestore.NewCases(p.db).Restore(p.background(), p.clinic.ID, []uuid.UUID{p.stored("1").ID}, "key:z", p.clock.Now())
			require.NoError(t, err)
			require.Equal(t, "Zzpip limps", p.notes("1"))
			say(p, says("pip limps"), unfinished)
			hidden(t, p)
		})
		if name == "the consultation alone" { // a case that rests is not read
			continue
		}
		t.Run(name+" says so, it rests while another is due", func(t *testing.T) {
			t.Parallel()
			p := stored(t)
			say(p, says("pip limps"))
			p.fake.ForgetCalls()
			p.pass(2 * time.Hour) // visit 2 is looked for again
			hidden(t, p)
			require.Len(t, p.searches(), 1, "no search but the run's own")
		})
	}
	t.Run("it says so itself since an earlier version stored it, and rests", func(t *testing.T) {
		t.Parallel()
		p := stored(t)
		p.edit("1", `metadata = jsonb_set(metadata, '{consultation,appointmentId}', '"2"')`)
		p.record(p.held("51", "2", "2026-03-02 08:30", says("pip limps")))
		p.fake.ListFor("51", "")
		p.pass(2 * time.Hour) // visit 2 is looked for again
		hidden(t, p)
	})
	t.Run("a dry run tells it", func(t *testing.T) {
		t.Parallel()
		p := stored(t)
		sayings["the search alone"](p, says("pip limps"))
		p.pass(2 * time.Hour)
		before := p.versions()
		o := p.sync(syncs.TypeCases, syncs.Options{DryRun: true})
		o.failsAs(t, p.stored("1"), syncs.ItemAnotherVisit)
		require.Contains(t, o.audit.Result.Changes[0].Fields, syncs.FieldChange{Field: "consultation.id", Before: "51"})
		require.Equal(t, before, p.versions())
	})
	t.Run("and comes back where the PIMS takes it back", func(t *testing.T) {
		t.Parallel()
		p := stored(t)
		sayings["the search alone"](p, says("pip limps"))
		p.pass(2 * time.Hour)
		hidden(t, p)
		p.fake.ListFor("51", "1")
		p.pass(2 * time.Hour)
		p.sync(syncs.TypeCases)
		require.Equal(t, "Zzpip limps", p.notes("1"))
	})
}

func TestWhoseTheOtherVisitIsDecides(t *testing.T) { // R7, R9
	t.Parallel()
	ids := func(patient, client string) func(*pims.Appointment) {
		return func(a *pims.Appointment) { a.PatientID, a.ClientID = patient, client }
	}
	for name, tc := range map[string]struct {
		own, other func(*pims.Appointment)
		shown      bool
	}{
		"the same patient":                                  {ids("pip", "c1"), ids("pip", "c1"), true},
		"the same patient of another client":                {ids("pip", "c1"), ids("pip", "c2"), true},
		"another patient":                                   {ids("otto", "c1"), ids("pip", "c1"), false},
		"another patient of nobody":                         {ids("otto", ""), ids("pip", ""), false},
		"patients unknown, of one client":                   {ids("", "c1"), ids("", "c1"), true},
		"patients unknown, of two clients":                  {ids("", "c1"), ids("", "c2"), false},
		"its patient unknown, of two clients":               {ids("", "c1"), ids("pip", "c2"), false},
		"the other's patient unknown, of two clients":       {ids("otto", "c1"), ids(" ", "c2"), false},
		"the other's patient unknown, of one client":        {ids("otto", "c1"), ids("", "c1"), true},
		"patients and clients unknown":                      {ids("", ""), ids("", ""), true},
		"patients unknown, one client unknown":              {ids("", "c1"), ids("", ""), true},
		"another patient, whose visit is cancelled":         {ids("otto", "c1"), func(a *pims.Appointment) { ids("pip", "c2")(a); isCancelled(a) }, false},
		"another patient, whose visit is still to come":     {ids("otto", "c1"), func(a *pims.Appointment) { ids("pip", "c2")(a); a.Start = a.Start.AddDate(0, 0, 6) }, false},
		"of another client, whose visit is still to come":   {ids("", "c1"), func(a *pims.Appointment) { ids("", "c2")(a); a.Start = a.Start.AddDate(0, 0, 6) }, false},
		"the same patient, whose visit is still to come":    {ids("pip", "c1"), func(a *pims.Appointment) { ids("pip", "c1")(a); a.Start = a.Start.AddDate(0, 0, 6) }, true},
		"another patient, but we know nothing of the visit": {ids("otto", "c1"), func(a *pims.Appointment) { a.ID = "9" }, true},
	} {
		for saying, say := range sayings {
			t.Run(name+", "+saying, func(t *testing.T) {
				t.Parallel()
				p := newPracticeOn(t, "2026-03-06 09:00")
				p.seen(p.visit("1", "2026-03-02 08:00", tc.own, belongsTo("51")), p.visit("2", "2026-03-02 08:30", tc.other, none))
				say(p, says("limps"))
				o := p.sync(syncs.TypeCases)
				if tc.shown {
					require.Equal(t, "Zzlimps", p.notes("1"))
				} else {
					require.Empty(t, p.notes("1"))
					o.failsAs(t, p.stored("1"), syncs.ItemAnotherVisit)
				}
			})
		}
	}
}

func TestAVisitThatIsGoneIsKnownStill(t *testing.T) { // R7, R9
	t.Parallel()
	p := pip(t)
	p.vanished()
	p.at("2026-03-02 11:00")
	p.enter(p.visit("2", "2026-03-02 10:00", of("otto"), belongsTo("51")))
	p.sync(syncs.TypeInbound)
	o := p.sync(syncs.TypeCases)
	o.failsAs(t, p.stored("2"), syncs.ItemAnotherVisit)
	require.Empty(t, p.notes("2"))
}

func TestAConsultationThatTheCalendarNamesForTwoPatientsIsNeithers(t *testing.T) { // R7, R9
	t.Parallel()
	begin := func(t *testing.T, changes ...func(*pims.Consultation)) *practice {
		t.Helper()
		p := newPracticeOn(t, "2026-03-06 09:00")
		p.seen(p.visit("1", "2026-03-02 08:00", of("otto"), belongsTo("51")), p.visit("2", "2026-03-02 08:30", of("pip")))
		p.record(p.held("51", "", "2026-03-02 08:00", append(changes, says("limps"))...))
		p.sync(syncs.TypeCases)
		p.change("2", belongsTo("51"))
		p.sync(syncs.TypeInbound, syncs.Options{StartDate: timetest.Date(t, "2026-03-02"), EndDate: timetest.Date(t, "2026-03-02")})
		p.pass(2 * time.Hour)
		return p
	}
	t.Run("where nothing tells whose it is", func(t *testing.T) {
		t.Parallel()
		p := begin(t)
		require.Equal(t, "Zzlimps", p.notes("1"))
		for _, force := range []bool{false, true} {
			o := p.sync(syncs.TypeCases, syncs.Options{Force: force})
			o.failsAs(t, p.stored("1"), syncs.ItemAnotherVisit)
			o.failsAs(t, p.stored("2"), syncs.ItemAnotherVisit)
			require.Equal(t, []string{"", ""}, []string{p.notes("1"), p.notes("2")})
		}
		p.change("1", none)
		p.sync(syncs.TypeInbound, syncs.Options{StartDate: timetest.Date(t, "2026-03-02"), EndDate: timetest.Date(t, "2026-03-02")})
		p.sync(syncs.TypeCases, syncs.Options{Force: true})
		require.Equal(t, []string{"", "Zzlimps"}, []string{p.notes("1"), p.notes("2")})
	})
	t.Run("where it names its patient", func(t *testing.T) {
		t.Parallel()
		p := begin(t, ofPatient("otto"))
		o := p.sync(syncs.TypeCases)
		o.failsAs(t, p.stored("2"), syncs.ItemAnotherPatient)
		require.Equal(t, []string{"Zzlimps", ""}, []string{p.notes("1"), p.notes("2")})
	})
	t.Run("where the search lists it for one of them", func(t *testing.T) {
		t.Parallel()
		p := begin(t)
		p.fake.ListFor("51", "2")
		o := p.sync(syncs.TypeCases)
		o.failsAs(t, p.stored("1"), syncs.ItemAnotherVisit)
		require.Equal(t, []string{"", "Zzlimps"}, []string{p.notes("1"), p.notes("2")})
	})
	t.Run("where it names one of them itself", func(t *testing.T) {
		t.Parallel()
		p := begin(t)
		p.record(p.held("51", "2", "2026-03-02 08:00", says("limps")))
		p.fake.ListFor("51", "")
		o := p.sync(syncs.TypeCases, syncs.Options{Force: true})
		o.failsAs(t, p.stored("1"), syncs.ItemAnotherVisit)
		require.Equal(t, []string{"", "Zzlimps"}, []string{p.notes("1"), p.notes("2")})
	})
	t.Run("where the calendar has ceased to name it for one of them", func(t *testing.T) {
		t.Parallel()
		p := begin(t)
		p.change("1", unsaid)
		p.sync(syncs.TypeInbound, syncs.Options{StartDate: timetest.Date(t, "2026-03-02"), EndDate: timetest.Date(t, "2026-03-02")})
		o := p.sync(syncs.TypeCases)
		o.failsAs(t, p.stored("2"), syncs.ItemAnotherVisit)
		require.Equal(t, []string{"", ""}, []string{p.notes("1"), p.notes("2")})
	})
	for name, tc := range map[string]struct {
		change func(*pims.Consultation)
		listed string
		code   syncs.ItemCode
	}{
		"its patient":              {ofPatient("otto"), "", syncs.ItemAnotherPatient},
		"its visit":                {func(c *pims.Consultation) { c.AppointmentID = "1" }, "", syncs.ItemAnotherVisit},
		"its visit, in the search": {func(*pims.Consultation) {}, "1", syncs.ItemAnotherVisit},
	} {
		t.Run("where it names "+name+", it stays the one's without a break", func(t *testing.T) {
			t.Parallel()
			p := begin(t, tc.change)
			p.fake.ListFor("51", tc.listed)
			o := p.sync(syncs.TypeCases)
			o.failsAs(t, p.stored("2"), tc.code)
			require.Zero(t, o.audit.Result.Warnings.ConsultationsHidden)
			require.Equal(t, []string{"Zzlimps", ""}, []string{p.notes("1"), p.notes("2")})
		})
	}
	t.Run("but that two visits of one patient may share", func(t *testing.T) {
		t.Parallel()
		p := newPracticeOn(t, "2026-03-06 09:00")
		p.seen(p.visit("1", "2026-03-02 08:00", of("pip"), belongsTo("51")), p.visit("2", "2026-03-02 08:30", of("pip"), belongsTo("51")))
		p.record(p.held("51", "", "2026-03-02 08:00", says("limps")))
		p.sync(syncs.TypeCases)
		require.Equal(t, []string{"Zzlimps", "Zzlimps"}, []string{p.notes("1"), p.notes("2")})
	})
}

func TestAMergedPatientsFailureSaysHowToReadThatDayAgain(t *testing.T) { // R7
	t.Parallel()
	p := newPractice(t)
	p.seen(p.visit("1", "2026-02-12 08:00", of("pip"), belongsTo("51")))
	p.record(p.held("51", "1", "2026-02-12 08:00", ofPatient("pip"), says("pip limps")))
	p.sync(syncs.TypeCases, syncs.Options{StartDate: timetest.Date(t, "2026-02-10")})
	p.fake.Corrections = 45
	p.change("1", of("pippa"))
	p.record(p.held("51", "1", "2026-02-12 08:00", ofPatient("pippa"), says("pip limps")))
	o := p.sync(syncs.TypeFull) // no run by itself reads the calendar of that day
	o.failsAs(t, p.stored("1"), syncs.ItemAnotherPatient)
	require.Contains(t, o.phase(t, syncs.TypeCases).Result.Failures[0].Error, "--start-date 2026-02-12 --end-date 2026-02-12")
	require.Empty(t, p.notes("1"))

	p.sync(syncs.TypeInbound, syncs.Options{StartDate: timetest.Date(t, "2026-02-12"), EndDate: timetest.Date(t, "2026-02-12")})
	p.sync(syncs.TypeCases)
	require.Equal(t, "Zzpip limps", p.notes("1"))
	require.Equal(t, "pippa", p.stored("1").Appointment.PatientID)
	require.Zero(t, p.fake.Count(pimstest.OpFind))
}
