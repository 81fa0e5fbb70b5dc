package neosim_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
)

func TestAppointmentsAreAddedChangedAndRestored(t *testing.T) {
	t.Parallel()
	sim, b := loggedIn(t, neosim.Options{})
	sim.SetAppointments()
	id := sim.AddAppointment(neosim.Appointment{Start: noon, Patient: "Luna", Status: "Scheduled"})
	status := func() any { return b.rows(noon, noon)[0]["current_status"] }

	require.NoError(t, sim.SetStatus(id, "Confirmed"))
	require.Equal(t, "Confirmed", status())
	require.NoError(t, sim.Cancel(id))
	require.NoError(t, sim.Cancel(id), "twice is once")
	require.Equal(t, "Cancelled", status())
	require.NoError(t, sim.Restore(id))
	require.Equal(t, "Confirmed", status())

	require.NoError(t, sim.EditAppointment(id, func(a *neosim.Appointment) { a.Patient, a.ID = "Milo", "another" }))
	require.Equal(t, "Milo", b.rows(noon, noon)[0]["patient_name"])
	require.NoError(t, sim.Move(id, noon.Add(time.Hour)))
	row := b.rows(noon, noon)[0]
	require.Equal(t, []any{"2026-01-21 13:00:00", "2026-01-21 13:30:00"}, []any{row["start"], row["end"]})

	require.NoError(t, sim.Delete(id))
	require.Empty(t, b.rows(noon, noon))
	require.NoError(t, sim.Restore(id))
	require.Equal(t, "Confirmed", status())
	require.ErrorContains(t, sim.Restore(id), "neither deleted nor cancelled")
}

func TestWhatIsNotThereCannotBeChanged(t *testing.T) {
	t.Parallel()
	sim := neosim.New(neosim.Options{})
	_, start := sim.StartVisit("1")
	_, finish := sim.FinishVisit("1")
	for _, err := range []error{
		sim.Move("1", noon), sim.SetStatus("1", "x"), sim.Cancel("1"), sim.Delete("1"), sim.Restore("1"), start, finish,
		sim.EditNotes("1", ""), sim.EditAppointment("1", func(*neosim.Appointment) {}),
	} {
		require.ErrorContains(t, err, "1")
	}
	_, ok := sim.Appointment("1")
	require.False(t, ok)
	_, ok = sim.Consultation("1")
	require.False(t, ok)
	_, ok = sim.ConsultationOf("1")
	require.False(t, ok)
}

func TestGeneratedAppointmentsChangeLikeOthers(t *testing.T) {
	t.Parallel()
	sim := neosim.New(neosim.Options{Seed: 7, Now: fixed(noon)})
	before := around(sim)
	moved, deleted := before[50], before[60]
	require.NoError(t, sim.Move(moved.ID, noon.AddDate(0, 0, 5)))
	require.NoError(t, sim.Delete(deleted.ID))
	after := around(sim)
	require.Len(t, after, len(before)-1)
	for _, a := range after {
		require.NotEqual(t, deleted.ID, a.ID)
		if a.ID == moved.ID {
			require.Equal(t, noon.AddDate(0, 0, 5), a.Start)
		}
	}
	require.NoError(t, sim.Restore(deleted.ID))
	require.Len(t, around(sim), len(before))
}

func TestAVisitIsBegunAndFinished(t *testing.T) {
	t.Parallel()
	sim, b := loggedIn(t, neosim.Options{})
	sim.SetAppointments(neosim.Appointment{ID: "101", Start: noon, Patient: "Luna", Status: "Checked In"})
	begun, err := sim.StartVisit("101")
	require.NoError(t, err)
	c, ok := sim.Consultation(begun)
	require.True(t, ok)
	require.Equal(t, "in_progress", c.Status)
	require.Regexp(t, `^S: \w`, c.Notes)
	require.NoError(t, sim.EditNotes(begun, "S: my own words"))

	finished, err := sim.FinishVisit("101")
	require.NoError(t, err)
	require.Equal(t, begun, finished)
	row := b.rows(noon, noon)[0]
	require.Equal(t, "Completed", row["current_status"])
	require.Equal(t, begun, fmt.Sprintf("%.0f", row["consultation_id"]))
	_, text := b.get("/consultations/view/" + begun)
	view := decode[map[string]any](t, text)
	require.Equal(t, "completed", view["status"])
	notes, _ := view["clinicalNotes"].(string)
	require.True(t, strings.HasPrefix(notes, "S: my own words\nO: "), notes)
	require.Contains(t, notes, "\nA: ")
	require.Contains(t, notes, "\nP: ")
	require.NotEmpty(t, view["dischargeInstructions"])

	direct := sim.AddAppointment(neosim.Appointment{Start: noon.Add(time.Hour)})
	id, err := sim.FinishVisit(direct)
	require.NoError(t, err)
	require.NotEqual(t, begun, id)
	c, _ = sim.ConsultationOf(direct)
	require.Regexp(t, "^S: ", c.Notes)
}

// isUnfinishedRecord reports whether an enrichment has read a note that is not final (R19).
func isUnfinishedRecord(sim *neosim.Sim, id string) bool {
	c, ok := sim.ConsultationOf(id)
	return ok && c.Status == "in_progress" && strings.HasPrefix(c.Notes, "S: ")
}

func TestADayBringsExactlyFourDifferencesAtAnyHourAndWeekday(t *testing.T) {
	t.Parallel()
	for hour := range 7 * 24 {
		now := noon.Add(time.Duration(hour) * time.Hour)
		sim := neosim.New(neosim.Options{Seed: uint64(hour), Now: fixed(now), StandsAt: neosim.AsNow})
		today := sim.Today()
		window := func() map[string]neosim.Appointment {
			rows := map[string]neosim.Appointment{}
			for _, a := range sim.Appointments(today.AddDate(0, 0, -7), today.AddDate(0, 0, 8)) {
				rows[a.ID] = a
			}
			return rows
		}
		before := window()
		unfinished := map[string]bool{}
		for id := range before {
			unfinished[id] = isUnfinishedRecord(sim, id)
		}
		changes, err := sim.ChangeDay()
		require.NoError(t, err, now)
		after := window()

		require.True(t, unfinished[changes.Finished])
		require.True(t, before[changes.Finished].End.Before(today), "a case of the past")
		require.Equal(t, "Completed", after[changes.Finished].Status)
		require.Equal(t, 2*time.Hour, after[changes.Moved].Start.Sub(before[changes.Moved].Start))
		require.True(t, after[changes.Moved].Start.After(today))
		require.Equal(t, "Cancelled", after[changes.Cancelled].Status)
		require.NotEqual(t, "cancelled", plain(before[changes.Cancelled].Status))
		require.NotContains(t, after, changes.Deleted)
		require.True(t, before[changes.Deleted].Start.Before(today))
		require.True(t, before[changes.Deleted].Start.After(today.AddDate(0, 0, -7)), "where reconciliation looks")

		touched := map[string]bool{changes.Finished: true, changes.Moved: true, changes.Cancelled: true, changes.Deleted: true}
		require.Len(t, touched, 4)
		for id, was := range before {
			if !touched[id] {
				require.Equal(t, was, after[id])
				require.Equal(t, unfinished[id], isUnfinishedRecord(sim, id))
			}
		}
		again := neosim.New(neosim.Options{Seed: uint64(hour), Now: fixed(now), StandsAt: neosim.AsNow})
		same, err := again.ChangeDay()
		require.NoError(t, err)
		require.Equal(t, changes, same, "the choice depends on nothing but the calendar")
	}
}

func TestSeveralDaysCanBeChangedInTurn(t *testing.T) {
	t.Parallel()
	sim := neosim.New(neosim.Options{Seed: 7, Now: fixed(noon)})
	finished := map[string]bool{}
	for range 5 {
		changes, err := sim.ChangeDay()
		require.NoError(t, err)
		finished[changes.Finished] = true
	}
	require.Len(t, finished, 5)
}

func TestAnEmptyPracticeHasNoDayToChange(t *testing.T) {
	t.Parallel()
	sim := neosim.New(neosim.Options{Now: fixed(noon)})
	sim.SetAppointments()
	_, err := sim.ChangeDay()
	require.ErrorContains(t, err, "an open visit to finish, a coming visit to move, a coming visit to cancel, a past visit to delete")
}

func TestRequestsAreLoggedAndCounted(t *testing.T) {
	t.Parallel()
	sim, b := loggedIn(t, neosim.Options{})
	_, _ = b.get(proof)
	_, _ = b.get(calendarPath(noon, noon))
	_, _ = b.get("/nowhere")
	require.Equal(t, []neosim.Op{neosim.OpLoginPage, neosim.OpLogin, neosim.OpProviders, neosim.OpCalendar, neosim.OpUnknown}, sim.Order())
	requests := sim.Requests(neosim.OpCalendar, neosim.OpUnknown)
	require.Len(t, requests, 2)
	require.Equal(t, "/appointments/getCalendarEventData", requests[0].Path)
	require.Contains(t, requests[0].Query, "start=2026-01-21+00%3A00%3A00")
	require.Equal(t, []int{http.StatusOK, http.StatusNotFound}, []int{requests[0].Status, requests[1].Status})
	require.Equal(t, noon, requests[0].At)
	sim.ResetRequests()
	require.Zero(t, sim.Count(neosim.OpCalendar))
	require.Empty(t, sim.Order())
}
