package casesync_test

import (
	"context"
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

// of names whose a visit is, or a consultation.
func of(patient string) func(*pims.Appointment) {
	return func(a *pims.Appointment) { a.PatientID, a.PatientName = patient, "Zz"+patient }
}

func ofPatient(patient string) func(*pims.Consultation) {
	return func(c *pims.Consultation) { c.PatientID = patient }
}

func says(text string) func(*pims.Consultation) {
	return func(c *pims.Consultation) { c.RawNotes, c.SOAP.Subjective = "S: Zz"+text, "Zz"+text }
}

// unnamed names the patient without an id; called gives the name.
func unnamed(a *pims.Appointment) { a.PatientID = "" }

func called(name string) func(*pims.Appointment) {
	return func(a *pims.Appointment) { a.PatientID, a.PatientName = "", name }
}

// none says that no consultation belongs to the visit; unsaid says nothing of it.
func none(a *pims.Appointment)   { a.ConsultationID, a.NoConsultation = "", true }
func unsaid(a *pims.Appointment) { a.ConsultationID, a.NoConsultation = "", false }

// notes are the subjective section that a case shows; empty: it shows no consultation.
func (p *practice) notes(pimsID string) string {
	p.Helper()
	c := p.stored(pimsID)
	if c.Consultation == nil {
		return ""
	}
	return c.Consultation.SOAP.Subjective
}

// pip is a practice whose visit 1, of Pip, has notes stored from consultation 51.
func pip(t *testing.T) *practice {
	t.Helper()
	p := newPractice(t)
	p.seen(p.visit("1", "2026-03-02 08:00", of("pip"), belongsTo("51")))
	p.record(p.held("51", "1", "2026-03-02 08:00", ofPatient("pip"), says("pip limps"), unfinished))
	p.sync(syncs.TypeCases)
	require.Equal(t, "Zzpip limps", p.notes("1"))
	require.Equal(t, "pip", p.stored("1").Consultation.PatientID)
	return p
}

// vanished soft-deletes the case of visit 1.
func (p *practice) vanished() {
	p.Helper()
	p.enter(p.visit("7", "2026-03-02 08:45", isCancelled)) // an empty calendar deletes nothing
	p.remove("1")
	p.sync(syncs.TypeReconciliation)
	c := p.stored("1")
	require.True(p, c.SoftDeleted())
	p.again = nil
}

func TestAnIDThatIsGivenOutAgainBringsNoNotesOfBefore(t *testing.T) { // R7, R16
	t.Parallel()
	p := pip(t)
	p.vanished()
	p.at("2026-03-03 07:00")
	otto := p.visit("1", "2026-03-03 08:00", of("otto"), none, func(a *pims.Appointment) {
		a.ClientID, a.ClientName, a.ClientPhone, a.ClientEmail, a.Title, a.Reason = "c9", "", "", "", "", ""
	})
	p.enter(otto)
	o := p.sync(syncs.TypeInbound)
	require.Equal(t, 1, o.Stats.CasesRestored)
	require.Equal(t, 1, o.audit.Result.Warnings.ConsultationsHidden)
	c := p.stored("1")
	require.Nil(t, c.Consultation)
	require.Equal(t, cases.Appointment{
		PatientID: "otto", ClientID: "c9", Status: "Scheduled", Meaning: pims.StatusScheduled, Type: "Exam", Start: pims.WallText(otto.StartText), End: pims.WallText(otto.EndText),
	}, c.Appointment, "nothing but the id is the same")
	require.Equal(t, []string{"Zzotto", "", ""}, []string{c.PatientName, c.ClientName, c.PhoneNumber})
	require.Contains(t, scan[string](p, "select before::text from case_events where clinic_id = $1 and field = 'metadata.consultation' order by id desc limit 1"), "Zzpip limps", "the history keeps them")

	p.at("2026-03-03 09:00")
	p.record(p.held("52", "1", "2026-03-03 08:00", ofPatient("otto"), says("otto itches")))
	p.sync(syncs.TypeCases)
	require.Equal(t, "Zzotto itches", p.notes("1"))
}

func TestASoftDeletedCaseKeepsItsNotesOnlyWhereBothSidesNameThePatient(t *testing.T) { // R7
	t.Parallel()
	for name, tc := range map[string]struct {
		before, after string
		keeps         bool
	}{
		"the same":             {"pip", "pip", true},
		"another":              {"pip", "otto", false},
		"not named now":        {"pip", "", false},
		"not named before":     {"", "pip", false},
		"named by neither":     {"", "", false},
		"named by white space": {" ", " ", false},
	} {
		for _, restored := range []bool{false, true} { // by a person, before the PIMS shows it again
			t.Run(name+map[bool]string{true: ", restored by hand"}[restored], func(t *testing.T) {
				t.Parallel()
				p := newPractice(t)
				p.seen(p.visit("1", "2026-03-02 08:00", of(tc.before), belongsTo("51")))
				p.record(p.held("51", "1", "2026-03-02 08:00", says("pip limps")))
				p.sync(syncs.TypeCases)
				p.vanished()
				id := p.stored("1").ID
				if restored {
					restorations, err := casestore.NewCases(p.db).Restore(p.background(), p.clinic.ID, []uuid.UUID{id}, "key:z", p.clock.Now())
					require.NoError(t, err)
					require.Equal(t, cases.RestoreDone, restorations[0].Outcome)
					require.Equal(t, "Zzpip limps", p.notes("1"), "equal by value")
				}
				p.enter(p.visit("1", "2026-03-02 08:00", of(tc.after), belongsTo("51")))
				p.sync(syncs.TypeInbound)
				require.Equal(t, tc.keeps, p.notes("1") != "")
				require.Nil(t, p.stored("1").Deletion)
				p.sync(syncs.TypeInbound) // and only once
				p.sync(syncs.TypeCases)
				if tc.before == "pip" && tc.after != "pip" {
					require.Empty(t, p.notes("1"), "it was Pip's and names nobody, or nobody says that the visit is Pip's")
				} else {
					require.Equal(t, "Zzpip limps", p.notes("1"), "read again, by its id")
				}
			})
		}
	}
}

func TestACorrectedPatientHidesTheNotesAtOnceUntilTheConsultationNamesTheNewOne(t *testing.T) { // R7, R19
	t.Parallel()
	p := pip(t)
	p.change("1", of("otto"))
	o := p.sync(syncs.TypeInbound)
	require.Equal(t, 1, o.Stats.CasesUpdated)
	require.Nil(t, p.stored("1").Consultation)

	o = p.sync(syncs.TypeCases)
	require.Equal(t, [5]int{1, 0, 0, 0, 1}, found(o), "it still names Pip")
	require.Equal(t, syncs.ItemAnotherPatient, o.audit.Result.Failures[0].Code)
	require.Nil(t, p.stored("1").Consultation)
	require.Equal(t, [5]int{}, found(p.sync(syncs.TypeCases)), "it waits")

	p.record(p.held("51", "1", "2026-03-02 08:00", says("pip limps"), unfinished))
	require.Equal(t, [5]int{1, 0, 0, 0, 1}, found(p.sync(syncs.TypeCases, syncs.Options{Force: true})), "it names nobody, and was Pip's")
	require.Nil(t, p.stored("1").Consultation)
	p.again = nil // forced again, it waits longer

	p.record(p.held("51", "1", "2026-03-02 08:00", ofPatient("otto"), says("otto limps"), unfinished))
	p.at("2026-03-02 16:00")
	require.Equal(t, [5]int{1, 1, 0, 0, 0}, found(p.sync(syncs.TypeCases)))
	require.Equal(t, "Zzotto limps", p.notes("1"))
}

func TestACorrectionThatIsTakenBackBringsTheNotesBack(t *testing.T) { // R7
	t.Parallel()
	p := pip(t)
	p.record(p.held("51", "1", "2026-03-02 08:00", says("pip limps"), unfinished)) // names nobody
	p.change("1", of("otto"))
	p.sync(syncs.TypeInbound)
	p.change("1", of("pip"), belongsTo("51"))
	p.sync(syncs.TypeInbound)
	p.sync(syncs.TypeCases)
	require.Equal(t, "Zzpip limps", p.notes("1"))
}

func TestAMergedPatientsNotesAreReadAgainWhateverTheWindow(t *testing.T) { // R7, R19
	t.Parallel()
	p := newPractice(t)
	p.seen(p.visit("1", "2026-02-12 08:00", of("pip")))
	p.record(p.held("51", "1", "2026-02-12 08:00", ofPatient("pip"), says("pip limps")))
	p.sync(syncs.TypeCases, syncs.Options{StartDate: timetest.Date(t, "2026-02-10")})
	require.Equal(t, "Zzpip limps", p.notes("1"))
	require.Equal(t, [5]int{}, found(p.sync(syncs.TypeCases)))

	p.change("1", of("pip-and-pippa"))
	p.record(p.held("51", "1", "2026-02-12 08:00", ofPatient("pip-and-pippa"), says("pip limps")))
	p.sync(syncs.TypeInbound, syncs.Options{StartDate: timetest.Date(t, "2026-02-10"), DaysAhead: new(2)})
	require.Empty(t, p.notes("1"))
	require.Equal(t, [5]int{1, 1, 0, 0, 0}, found(p.sync(syncs.TypeCases)), "the window of the run is another one")
	require.Equal(t, "Zzpip limps", p.notes("1"))
	require.Equal(t, [5]int{}, found(p.sync(syncs.TypeCases)), "once")
}

func TestAPatientThatBecomesKnownIsNoChange(t *testing.T) { // R7
	t.Parallel()
	p := newPractice(t)
	p.seen(p.visit("1", "2026-03-02 08:00", of(""), belongsTo("51")))
	p.record(p.held("51", "1", "2026-03-02 08:00", says("pip limps")))
	p.sync(syncs.TypeCases)
	p.change("1", of("pip"))
	p.sync(syncs.TypeInbound)
	require.Equal(t, "Zzpip limps", p.notes("1"))
	p.record(p.held("51", "1", "2026-03-02 08:00", says("pip limps"), ofPatient("pip")))
	require.Equal(t, [5]int{1, 0, 1, 0, 0}, found(p.sync(syncs.TypeCases, syncs.Options{Force: true})))
	p.change("1", unnamed)
	p.sync(syncs.TypeInbound)
	require.Equal(t, "pip", p.stored("1").Appointment.PatientID)
	require.Equal(t, "Zzpip limps", p.notes("1"))
}

func TestAConsultationOfAnotherPatientIsNeverStored(t *testing.T) { // R7
	t.Parallel()
	p := newPractice(t)
	p.seen(p.visit("1", "2026-03-02 08:00", of("pip"), belongsTo("51")))
	p.record(p.held("51", "1", "2026-03-02 08:00", ofPatient("otto")))
	o := p.sync(syncs.TypeCases)
	require.Equal(t, [5]int{1, 0, 0, 0, 1}, found(o))
	require.Equal(t, syncs.ItemAnotherPatient, o.audit.Result.Failures[0].Code)
	require.Nil(t, p.stored("1").Consultation)

	q := pip(t) // an earlier version has stored it without asking whose it is
	q.edit("1", "metadata = metadata #- '{consultation,patientId}'")
	q.record(q.held("51", "1", "2026-03-02 08:00", ofPatient("otto"), says("otto itches"), unfinished))
	o = q.sync(syncs.TypeCases)
	require.Equal(t, [5]int{1, 0, 0, 0, 1}, found(o))
	require.Equal(t, 1, o.audit.Result.Warnings.ConsultationsHidden)
	require.Nil(t, q.stored("1").Consultation, "what is stored of it is hidden")
}

func TestAnotherConsultationReplacesTheStoredOneWhole(t *testing.T) { // R7
	t.Parallel()
	p := pip(t)
	p.change("1", belongsTo("52"))
	p.sync(syncs.TypeInbound)
	require.Nil(t, p.stored("1").Consultation, "it is not the visit's any more")
	p.record(p.held("52", "1", "2026-03-02 08:10", ofPatient("pip"), blank, unfinished, func(c *pims.Consultation) { c.Diagnoses = nil }))
	require.Equal(t, [5]int{1, 1, 0, 0, 0}, found(p.sync(syncs.TypeCases)))
	c := p.stored("1").Consultation
	require.Equal(t, "52", c.ID)
	require.Empty(t, c.SOAP.Subjective, "one without notes keeps no other's")
	require.Empty(t, c.Diagnoses)
}

func TestANullClearsTheConsultationAndAnAbsentFieldSaysNothing(t *testing.T) { // R7
	t.Parallel()
	p := pip(t)
	p.change("1", unsaid)
	p.sync(syncs.TypeInbound)
	require.Equal(t, "Zzpip limps", p.notes("1"))
	require.Equal(t, "51", p.stored("1").Appointment.ConsultationID)

	p.change("1", belongsTo("51"))
	p.sync(syncs.TypeInbound)
	p.record(p.held("51", "", "2026-03-02 08:00", ofPatient("pip"), says("pip limps"), unfinished)) // discarded
	p.change("1", none)
	p.sync(syncs.TypeInbound)
	require.Empty(t, p.stored("1").Appointment.ConsultationID)
	require.Empty(t, p.notes("1"))
	require.Equal(t, [5]int{1, 0, 0, 1, 0}, found(p.sync(syncs.TypeCases)))
	require.Empty(t, p.notes("1"))
}

func TestANullWithAConsultationThatTheSearchNamesKeepsIt(t *testing.T) { // R7, R9
	t.Parallel()
	p := newPractice(t)
	p.seen(p.visit("1", "2026-03-02 08:00", of("pip"), none))
	p.record(p.held("51", "1", "2026-03-02 08:00", ofPatient("pip"), says("pip limps")))
	p.sync(syncs.TypeFull)
	require.Equal(t, "Zzpip limps", p.notes("1"))
	p.sync(syncs.TypeInbound)
	require.Equal(t, "Zzpip limps", p.notes("1"))
}

func TestTheIDStoredEarlierDecidesNothingAgainstTheSearch(t *testing.T) { // R9
	t.Parallel()
	p := pip(t)
	p.change("1", unsaid)
	p.record(
		p.held("51", "9", "2026-03-02 08:00", ofPatient("pip"), says("pip limps"), unfinished),
		p.held("52", "1", "2026-03-02 08:05", ofPatient("pip"), says("pip sneezes")),
	)
	p.sync(syncs.TypeInbound)
	p.sync(syncs.TypeCases)
	require.Equal(t, "Zzpip sneezes", p.notes("1"))
	require.Equal(t, "52", p.stored("1").Consultation.ID)
}

func TestConsultationsThatTheSearchAloneNamesAreSwapped(t *testing.T) { // R9
	t.Parallel()
	p := newPractice(t)
	p.seen(p.visit("1", "2026-03-02 08:00", of("pip")), p.visit("2", "2026-03-02 08:30", of("otto")))
	p.record(p.held("51", "1", "2026-03-02 08:00", says("pip limps"), unfinished), p.held("52", "2", "2026-03-02 08:30", says("otto itches"), unfinished))
	p.sync(syncs.TypeCases)
	p.record(p.held("51", "2", "2026-03-02 08:00", says("pip limps"), unfinished), p.held("52", "1", "2026-03-02 08:30", says("otto itches"), unfinished))
	p.sync(syncs.TypeCases)
	require.Equal(t, []string{"52", "51"}, []string{p.stored("1").Consultation.ID, p.stored("2").Consultation.ID})

	p.record(p.held("51", "2", "2026-03-02 08:00", says("pip limps"), unfinished), p.held("52", "9", "2026-03-02 08:30", says("otto itches"), unfinished))
	o := p.sync(syncs.TypeCases)
	require.Equal(t, [5]int{2, 0, 1, 1, 0}, found(o))
	require.Equal(t, 1, o.audit.Result.Warnings.ConsultationsHidden)
	require.Empty(t, p.notes("1"), "the search lists it for another visit")
	require.Equal(t, "Zzpip limps", p.notes("2"))
}

func TestAStoredConsultationThatNobodyNamesAnyMoreIsReadToSeeWhoseItIs(t *testing.T) { // R9
	t.Parallel()
	for name, tc := range map[string]struct {
		record func(*practice)
		notes  string
	}{
		"discarded": {func(p *practice) { p.fake.SetConsultations() }, ""},
		"another visit's": {func(p *practice) {
			p.record(p.held("51", "9", "2026-01-02 08:00", ofPatient("pip"), says("pip limps"), unfinished))
		}, ""},
		"the visit's, on another day": {func(p *practice) {
			p.record(p.held("51", "1", "2026-01-02 08:00", ofPatient("pip"), says("pip walks"), unfinished))
		}, "Zzpip walks"},
		"nobody's": {func(p *practice) {
			p.record(p.held("51", "", "2026-01-02 08:00", ofPatient("pip"), says("pip walks"), unfinished))
		}, "Zzpip limps"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPractice(t)
			p.seen(p.visit("1", "2026-03-02 08:00", of("pip")))
			p.record(p.held("51", "1", "2026-03-02 08:00", ofPatient("pip"), says("pip limps"), unfinished))
			p.sync(syncs.TypeCases)
			tc.record(p)
			p.sync(syncs.TypeCases)
			require.Equal(t, tc.notes, p.notes("1"))
		})
	}
}

func TestAConsultationReadForTheEarlierPatientDoesNotLand(t *testing.T) { // R7, R12
	t.Parallel()
	for name, set := range map[string]string{
		"the patient":      `metadata = jsonb_set(metadata, '{appointment,patientId}', '"otto"')`,
		"the consultation": `metadata = jsonb_set(metadata, '{appointment,consultationId}', '"52"')`,
	} {
		for moment, during := range map[string]func(*practice, func()){
			"while it is read": func(p *practice, do func()) {
				p.fake.OnCall(func(_ context.Context, c pimstest.Call) error {
					if c.Op == pimstest.OpConsultation {
						do()
					}
					return nil
				})
			},
			"before it is written": func(p *practice, do func()) { p.store.beforeWrite = once(do) },
		} {
			t.Run(name+" changes "+moment, func(t *testing.T) {
				t.Parallel()
				p := newPractice(t)
				p.seen(p.visit("1", "2026-03-02 08:00", of("pip"), belongsTo("51")))
				p.record(p.held("51", "1", "2026-03-02 08:00", says("pip limps"))) // it does not say whose it is
				during(p, func() { p.edit("1", set) })
				require.Equal(t, [5]int{1, 0, 0, 1, 0}, found(p.sync(syncs.TypeCases)))
				require.Nil(t, p.stored("1").Consultation)
				p.again = nil
			})
		}
	}
}

func TestADryRunTellsThatNotesWouldBeHidden(t *testing.T) { // R26
	t.Parallel()
	p := pip(t)
	before := p.versions()
	p.change("1", of("otto"))
	o := p.sync(syncs.TypeInbound, syncs.Options{DryRun: true})
	require.Equal(t, before, p.versions())
	require.Len(t, o.audit.Result.Changes, 1)
	require.Contains(t, o.audit.Result.Changes[0].Fields, syncs.FieldChange{Field: "consultation.id", Before: "51"})
	require.Contains(t, o.audit.Result.Changes[0].Fields, syncs.FieldChange{Field: "consultation.patientId", Before: "pip"})
	require.Equal(t, 1, o.audit.Result.Warnings.ConsultationsHidden)

	p.change("1", of("pip"), none)
	p.sync(syncs.TypeInbound)
	p.record(p.held("51", "9", "2026-03-02 08:00", ofPatient("pip"), says("pip limps"), unfinished))
	p.change("1", unsaid)
	p.edit("1", `metadata = metadata || '{"consultation": {"id": "51", "soapNotes": {"subjective": "Zzpip limps"}}}'`)
	o = p.sync(syncs.TypeCases, syncs.Options{DryRun: true})
	require.Contains(t, o.audit.Result.Changes[0].Fields, syncs.FieldChange{Field: "consultation.soapNotes.subjective", Before: "Zzpip limps"})
	require.Equal(t, "Zzpip limps", p.notes("1"))
}

func TestReconciliationHidesToo(t *testing.T) { // R7, R25
	t.Parallel()
	p := pip(t)
	p.pass(time.Hour)
	p.change("1", of("otto"))
	o := p.sync(syncs.TypeReconciliation)
	require.Equal(t, 1, o.Stats.CasesUpdated)
	require.Equal(t, 1, o.audit.Result.Warnings.ConsultationsHidden)
	require.Empty(t, p.notes("1"))
}

func TestARestoreByHandPutsNoOtherPatientsNotesBack(t *testing.T) { // R7, R24
	t.Parallel()
	for name, set := range map[string]string{
		"another patient's":    `metadata = jsonb_set(metadata, '{consultation,patientId}', '"otto"')`,
		"another consultation": `metadata = jsonb_set(metadata, '{consultation,id}', '"50"')`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := pip(t)
			p.edit("1", set) // as an earlier version may have left it
			p.vanished()
			restorations, err := casestore.NewCases(p.db).Restore(p.background(), p.clinic.ID, []uuid.UUID{p.stored("1").ID}, "key:z", p.clock.Now())
			require.NoError(t, err)
			require.Equal(t, cases.RestoreDone, restorations[0].Outcome)
			require.Nil(t, p.stored("1").Deletion)
			require.Nil(t, p.stored("1").Consultation)
		})
	}
}

func TestSwappedConsultationsShowNothingUntilTheCalendarIsReadAgain(t *testing.T) { // R7, R9
	t.Parallel()
	p := newPractice(t)
	p.seen(p.visit("1", "2026-03-02 08:00", of("pip"), belongsTo("51")), p.visit("2", "2026-03-02 08:30", of("otto"), belongsTo("52")))
	p.record(p.held("51", "1", "2026-03-02 08:00", says("pip limps"), unfinished), p.held("52", "2", "2026-03-02 08:30", says("otto itches"), unfinished))
	p.sync(syncs.TypeCases)
	p.change("1", belongsTo("52"))
	p.change("2", belongsTo("51"))
	p.record(p.held("52", "1", "2026-03-02 08:30", says("pip limps"), unfinished), p.held("51", "2", "2026-03-02 08:00", says("otto itches"), unfinished))
	o := p.sync(syncs.TypeCases)
	require.Equal(t, [5]int{2, 0, 0, 0, 2}, found(o))
	require.Equal(t, syncs.ItemAnotherVisit, o.audit.Result.Failures[0].Code)
	require.Contains(t, o.audit.Result.Failures[0].Error, "sync inbound --clinic "+p.clinic.ID.String()+" --start-date 2026-03-02 --end-date 2026-03-02")
	require.Equal(t, 2, o.audit.Result.Warnings.ConsultationsHidden)
	require.Equal(t, []string{"", ""}, []string{p.notes("1"), p.notes("2")})
	p.sync(syncs.TypeInbound)
	require.Equal(t, [5]int{2, 2, 0, 0, 0}, found(p.sync(syncs.TypeCases)), "due at once")
	require.Equal(t, []string{"Zzpip limps", "Zzotto itches"}, []string{p.notes("1"), p.notes("2")})
}

// The client is the same, so that only the patient says that the names are another's.
func TestAnIDThatIsGivenOutAgainKeepsNoName(t *testing.T) { // R7, R16
	t.Parallel()
	p := pip(t)
	p.vanished()
	p.at("2026-03-03 07:00")
	p.enter(p.visit("1", "2026-03-03 08:00", of("otto"), none, func(a *pims.Appointment) {
		a.PatientName, a.ClientName, a.ClientPhone = "", "", ""
	}))
	require.Equal(t, 1, p.sync(syncs.TypeInbound).Stats.CasesRestored)
	c := p.stored("1")
	require.Equal(t, []string{"", "", ""}, []string{c.PatientName, c.ClientName, c.PhoneNumber})
}

// Both visits are one patient's, so that only the two answers contradict each other.
func TestSwappedConsultationsShowNothingOfOnePatientEither(t *testing.T) { // R9
	t.Parallel()
	p := newPractice(t)
	p.seen(p.visit("1", "2026-03-02 08:00", of("pip"), belongsTo("51")), p.visit("2", "2026-03-02 08:30", of("pip"), belongsTo("52")))
	p.record(p.held("51", "1", "2026-03-02 08:00", says("limps"), unfinished), p.held("52", "2", "2026-03-02 08:30", says("itches"), unfinished))
	p.sync(syncs.TypeCases)
	p.change("1", belongsTo("52"))
	p.change("2", belongsTo("51"))
	p.record(p.held("52", "1", "2026-03-02 08:30", says("limps"), unfinished), p.held("51", "2", "2026-03-02 08:00", says("itches"), unfinished))
	require.Equal(t, [5]int{2, 0, 0, 0, 2}, found(p.sync(syncs.TypeCases)))
	require.Equal(t, []string{"", ""}, []string{p.notes("1"), p.notes("2")})
	p.sync(syncs.TypeInbound)
	p.sync(syncs.TypeCases)
	require.Equal(t, []string{"Zzlimps", "Zzitches"}, []string{p.notes("1"), p.notes("2")})
}
