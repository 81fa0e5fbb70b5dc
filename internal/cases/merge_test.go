package cases_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// evening is when the tests happen.
var evening = time.Date(2026, 1, 18, 2, 30, 0, 0, time.UTC)

func TestStatusesMapAsSpecified(t *testing.T) { // W5
	t.Parallel()
	for status, want := range map[pims.Status]string{
		"scheduled": "draft", "checked_in": "draft", "in_progress": "draft",
		"completed": "pending", "cancelled": "reviewed", "no_show": "reviewed",
	} {
		got, known := cases.MapStatus(status)
		require.True(t, known, status)
		require.Equal(t, want, got, status)
	}
	_, known := cases.MapStatus(pims.StatusUnknown)
	require.False(t, known)
}

func TestTypesMapAsSpecified(t *testing.T) { // R8, R54, W6
	t.Parallel()
	for _, c := range []struct {
		meaning         pims.Type
		word            string
		fresh, existing string // the case type of a new case, and of one that was a surgery
	}{
		{pims.TypeCheckup, "Exam", "checkup", "checkup"},
		{pims.TypeSurgery, "Surgery", "surgery", "surgery"},
		{pims.TypeOther, "Emergency", "other", "other"},
		{pims.TypeUnknown, "Grooming", "other", "other"},
		{pims.TypeUnknown, " ", "other", "surgery"}, // R7
		{pims.TypeCheckup, "", "checkup", "checkup"},
	} {
		a := appointment(func(a *pims.Appointment) { a.Type, a.TypeText = c.meaning, c.word })
		fresh, _ := cases.MergeAppointment(nil, a, nil)
		require.Equal(t, c.fresh, fresh.CaseType, c)
		merged, _ := cases.MergeAppointment(stored(func(s *cases.Case) { s.CaseType = cases.Surgery }), a, nil)
		require.Equal(t, c.existing, merged.CaseType, c)
	}
}

func TestTheMeaningOfAStatusFollowsItsWord(t *testing.T) { // R54, R7, R12
	t.Parallel()
	for _, c := range []struct {
		status pims.Status
		word   string
		want   pims.Status
	}{
		{pims.StatusCancelled, "Cancelled", pims.StatusCancelled},
		{pims.StatusUnknown, "Teleported", pims.StatusUnknown},
		{pims.StatusUnknown, " ", pims.StatusScheduled},     // the row says nothing
		{pims.StatusNoShow, "", pims.StatusNoShow},          // a PIMS without words
		{pims.StatusNoShow, "Scheduled", pims.StatusNoShow}, // the clinic's meaning of the same word
	} {
		merged, action := cases.MergeAppointment(stored(nil), appointment(func(a *pims.Appointment) { a.Status, a.StatusText = c.status, c.word }), nil)
		require.Equal(t, c.want, merged.Appointment.Meaning, c)
		require.Equal(t, c.want == pims.StatusScheduled, action == "", c)
	}
}

func appointment(change func(*pims.Appointment)) *pims.Appointment {
	a := &pims.Appointment{
		ID: "4711", Start: evening, StartText: "2026-01-17 21:30:00", PatientName: "Mochi", ClientName: "Ada Winterbourne",
		ClientPhone: "555-0100", Type: pims.TypeCheckup, TypeText: "Exam", Status: pims.StatusScheduled, StatusText: "Scheduled", ConsultationID: "9",
	}
	if change != nil {
		change(a)
	}
	return a
}

// stored is the case that inbound makes of the appointment, as read again.
func stored(change func(*cases.Case)) *cases.Case {
	c, _ := cases.MergeAppointment(nil, appointment(nil), nil)
	c.ID = uuid.MustParse("00000000-0000-4000-8000-000000000001")
	if change != nil {
		change(&c)
	}
	return &c
}

func TestANewAppointmentBecomesACase(t *testing.T) { // W4
	t.Parallel()
	c, action := cases.MergeAppointment(nil, appointment(nil), nil)
	require.Equal(t, syncs.ActionCreated, action)
	require.Equal(t, cases.Case{
		PIMSID: "4711", PatientName: "Mochi", ClientName: "Ada Winterbourne", PhoneNumber: "555-0100",
		ScheduledDate: evening, Status: "draft", SyncStatus: "draft", CaseType: "checkup",
		Appointment: cases.Appointment{ConsultationID: "9", Status: "Scheduled", Meaning: pims.StatusScheduled, Type: "Exam", Start: "2026-01-17T21:30:00"},
	}, c)
}

func TestABlankNeverErasesWhatIsKnown(t *testing.T) { // R7
	t.Parallel()
	blank := &pims.Appointment{ID: "4711", Start: evening, PatientName: " ", ClientName: "\t"}
	merged, action := cases.MergeAppointment(stored(nil), blank, nil)
	require.Equal(t, syncs.ActionUpdated, action)
	require.Equal(t, *stored(func(c *cases.Case) { c.Appointment.Earlier = true }), merged, "the id stays, and decides nothing any more")
	_, action = cases.MergeAppointment(&merged, blank, nil)
	require.Empty(t, action)
}

func TestAnEndThatCannotBeReadReplacesNone(t *testing.T) { // R7, R12
	t.Parallel()
	a := appointment(func(a *pims.Appointment) { a.StartText, a.EndText = "2026-11-21 08:15:00", "2026-11-21 08:45:00" })
	before, _ := cases.MergeAppointment(nil, a, nil)
	for _, end := range []string{
		"2026-11-21T08:45:00Z", "2026-11-21T08:45:00+01:00", "2026-11-21 24:00:00", "0000-00-00 00:00:00", "soon", "2026-11-21", "2026-11-21 08:45:00.250", "",
	} {
		a.EndText = end
		merged, action := cases.MergeAppointment(&before, a, nil)
		require.Empty(t, action, end)
		require.Equal(t, "2026-11-21T08:45:00", merged.Appointment.End, end)
	}

	a.StartText, a.EndText = "2026-11-21 10:15:00", "soon"
	merged, _ := cases.MergeAppointment(&before, a, nil)
	require.Equal(t, "soon", merged.Appointment.End, "the visit moved, so its former end is none")
	a.EndText = "2026-11-21 10:45"
	merged, _ = cases.MergeAppointment(&merged, a, nil)
	require.Equal(t, "2026-11-21T10:45:00", merged.Appointment.End)
}

func TestAnUnknownStatusIsDraftForANewCaseAndNoChangeForAnOldOne(t *testing.T) { // R7
	t.Parallel()
	odd := appointment(func(a *pims.Appointment) { a.Status, a.StatusText = pims.StatusUnknown, "Teleported" })
	c, _ := cases.MergeAppointment(nil, odd, nil)
	require.Equal(t, "draft", c.Status)

	old := stored(func(c *cases.Case) { c.Status, c.SyncStatus = "pending", "pending" })
	c, action := cases.MergeAppointment(old, odd, nil)
	require.Equal(t, syncs.ActionUpdated, action)
	require.Equal(t, "pending", c.Status)
	require.Equal(t, "Teleported", c.Appointment.Status, "the PIMS's own word is kept")
}

func TestSyncChangesAStatusOnlyWhereItIsStillWhatSyncWrote(t *testing.T) { // R10
	t.Parallel()
	done := appointment(func(a *pims.Appointment) { a.Status, a.StatusText = pims.StatusCompleted, "Completed" })
	for _, tc := range []struct{ status, syncStatus, wantStatus, wantSync string }{
		{"draft", "draft", "pending", "pending"},
		{"reviewed", "draft", "reviewed", "draft"}, // a person was here
		{"draft", "", "draft", "pending"},          // made by hand: the first sync sets it and leaves status
		{"pending", "draft", "pending", "draft"},
	} {
		c, _ := cases.MergeAppointment(stored(func(c *cases.Case) { c.Status, c.SyncStatus = tc.status, tc.syncStatus }), done, nil)
		require.Equal(t, []string{tc.wantStatus, tc.wantSync}, []string{c.Status, c.SyncStatus}, "%+v", tc)
	}
}

func TestASoftDeletedCaseThatIsSeenAgainIsRestored(t *testing.T) { // R16
	t.Parallel()
	deleted := cases.Deleted(*stored(nil), cases.ReasonRemoved, uuid.New(), evening)
	require.Equal(t, "reviewed", deleted.Status)
	require.True(t, deleted.SoftDeleted())

	back, action := cases.MergeAppointment(&deleted, appointment(nil), nil)
	require.Equal(t, syncs.ActionRestored, action)
	require.Equal(t, *stored(nil), back, "equal by value to what it was")

	byPerson := deleted
	byPerson.Status = "pending"
	back, _ = cases.MergeAppointment(&byPerson, appointment(nil), nil)
	require.Equal(t, "pending", back.Status, "what a person changed since stays")
	require.Equal(t, "draft", back.SyncStatus)
}

func TestAStatusThatAPersonSetBackAfterTheDeleteIsNotTakenForSyncs(t *testing.T) { // R10, R16
	t.Parallel()
	deleted := cases.Deleted(*stored(nil), cases.ReasonRemoved, uuid.New(), evening)
	deleted.Status = "draft" // a person's, and by chance what sync had written before
	back, action := cases.MergeAppointment(&deleted, appointment(func(a *pims.Appointment) { a.Status = pims.StatusCompleted }), nil)
	require.Equal(t, syncs.ActionRestored, action)
	require.Equal(t, "draft", back.Status)

	again, action := cases.MergeAppointment(&back, appointment(func(a *pims.Appointment) { a.Status = pims.StatusCancelled }), nil)
	require.Equal(t, syncs.ActionUpdated, action, "what the PIMS says is recorded (R54)")
	require.Equal(t, pims.StatusCancelled, again.Appointment.Meaning)
	require.Equal(t, "draft", again.Status)
	require.Equal(t, back.SyncStatus, again.SyncStatus)
}

func anyAppointment(t *rapid.T) *pims.Appointment {
	text := rapid.SampledFrom([]string{"", " ", "a", "b", "Zoë 🐕"})
	return &pims.Appointment{
		ID: "4711", Start: evening.Add(time.Duration(rapid.IntRange(0, 2).Draw(t, "hours")) * time.Hour),
		StartText: text.Draw(t, "start"), EndText: text.Draw(t, "end"), ConsultationID: text.Draw(t, "consultation"),
		PatientID: text.Draw(t, "patientId"), PatientName: text.Draw(t, "patient"), ClientID: text.Draw(t, "clientId"),
		ClientName: text.Draw(t, "client"), ClientPhone: text.Draw(t, "phone"), ClientEmail: text.Draw(t, "email"),
		Veterinarian: text.Draw(t, "vet"), Room: text.Draw(t, "room"), Title: text.Draw(t, "title"),
		Type:     rapid.SampledFrom([]pims.Type{"", "checkup", "surgery", "other"}).Draw(t, "type"),
		TypeText: text.Draw(t, "type word"), Reason: text.Draw(t, "reason"),
		Status:     rapid.SampledFrom([]pims.Status{"", "scheduled", "completed", "cancelled"}).Draw(t, "status"),
		StatusText: text.Draw(t, "word"),
	}
}

func TestMergingTheSameAppointmentTwiceChangesNothingTheSecondTime(t *testing.T) { // R12
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var c *cases.Case
		for range rapid.IntRange(1, 4).Draw(t, "reads") {
			a := anyAppointment(t)
			merged, _ := cases.MergeAppointment(c, a, nil)
			if rapid.Bool().Draw(t, "person") {
				merged.Status = rapid.SampledFrom([]string{"draft", "pending", "reviewed"}).Draw(t, "status")
			}
			if rapid.Bool().Draw(t, "deleted") {
				merged = cases.Deleted(merged, cases.ReasonRemoved, uuid.New(), evening)
			}
			once, _ := cases.MergeAppointment(&merged, a, nil)
			twice, action := cases.MergeAppointment(&once, a, nil)
			require.Empty(t, action)
			require.Equal(t, once, twice)
			require.False(t, once.SoftDeleted())
			c = &once
		}
	})
}

func TestDiffTellsWhatWouldChange(t *testing.T) { // R26
	t.Parallel()
	moved, _ := cases.MergeAppointment(stored(nil), appointment(func(a *pims.Appointment) {
		a.Start, a.Status, a.StatusText = evening.Add(time.Hour), pims.StatusCompleted, "Completed"
	}), nil)
	require.Equal(t, []syncs.FieldChange{
		{Field: "scheduledDate", Before: "2026-01-18T02:30:00Z", After: "2026-01-18T03:30:00Z"},
		{Field: "status", Before: "draft", After: "pending"},
		{Field: "appointment.status", Before: "Scheduled", After: "Completed"},
	}, cases.Diff(stored(nil), &moved))
}

func TestDiffTellsMeasurementsInOneLine(t *testing.T) { // R26
	t.Parallel()
	before, after := stored(nil), stored(func(c *cases.Case) {
		c.Consultation = &cases.Consultation{Consultation: pims.Consultation{
			ID: "9", Diagnoses: []string{"sprain", "otitis"}, Vitals: &pims.Vitals{
				Temperature: new(101.5), TemperatureUnit: "F", Respiration: new(20.0), Weight: new(25.3), Raw: map[string]string{"pulse": "fast"},
			},
		}}
	})
	require.Equal(t, []syncs.FieldChange{
		{Field: "consultation.id", After: "9"},
		{Field: "consultation.vitals", After: `temperature 101.5 F, pulse "fast", respiration 20, weight 25.3`},
		{Field: "consultation.diagnoses", After: "sprain; otitis"},
	}, cases.Diff(before, after))
	require.Empty(t, cases.Diff(after, before), "what was not read is no change")
}
