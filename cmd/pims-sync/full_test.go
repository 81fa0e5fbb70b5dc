package main

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
)

const notes = "S: Itching for two weeks\nO: Red ears\nA: Otitis externa\nP: Drops twice a day"

// visited is a practice with three visits of yesterday that have records, one
// without, and one visit of tomorrow.
func visited(t *testing.T, w *world, o neosim.Options) *practice {
	t.Helper()
	p := w.practice(t, o)
	yesterday := p.Today().AddDate(0, 0, -1).Add(9 * time.Hour)
	var rows []neosim.Appointment
	for i := range 4 {
		rows = append(rows, neosim.Appointment{
			ID: strconv.Itoa(101 + i), Start: yesterday.Add(time.Duration(i) * time.Hour), Patient: "Bruno", LastName: "Nakamura", Status: "Completed",
		})
	}
	rows[0].ConsultationID = "501"
	rows = append(rows, neosim.Appointment{ID: "201", Start: yesterday.AddDate(0, 0, 2), Patient: "Mimi", LastName: "O'Hara", Status: "Scheduled"})
	p.SetAppointments(rows...)
	for i := range 3 {
		p.AddConsultation(neosim.Consultation{
			ID: strconv.Itoa(501 + i), AppointmentID: strconv.Itoa(101 + i), Patient: "Bruno", Client: "Nakamura", At: yesterday.Add(time.Duration(i) * time.Hour),
			Status: "completed", Notes: notes, Discharge: "Keep the ears dry.", Diagnoses: []string{"Otitis externa"},
			Vitals: neosim.Vitals{Temperature: "38,5", TemperatureUnit: "C", Weight: 25.3, WeightUnit: "kg", Pulse: 80},
		})
	}
	return p
}

// sinceYesterday is the body of a sync whose inbound window holds all of them.
func (p *practice) sinceYesterday() string {
	return `{"startDate": "` + p.Today().AddDate(0, 0, -1).Format(time.DateOnly) + `", "endDate": "` +
		p.Today().AddDate(0, 0, 3).Format(time.DateOnly) + `"}`
}

func TestAFullSyncReadsConsultationsInBothShapes(t *testing.T) { // W11, R27
	t.Parallel()
	w := newWorld(t)
	for _, views := range []neosim.Views{neosim.ViewsOld, neosim.ViewsPageData} {
		t.Run(string(views), func(t *testing.T) {
			t.Parallel()
			p := visited(t, w, neosim.Options{Views: views})
			a := p.sync(t, "full", p.sinceYesterday())
			require.Equal(t, 200, a.status, a.body)
			require.Equal(t, true, a.get("success"))
			require.Equal(t, 5, a.count("inboundResult.stats.casesCreated"))
			require.Equal(t, 4, a.count("casesResult.stats.casesFound"))
			require.Equal(t, 3, a.count("casesResult.stats.casesEnriched"))
			require.Equal(t, 1, a.count("casesResult.stats.casesSkipped"))
			require.Equal(t, true, a.get("reconciliationResult.success"))
			require.Equal(t, []any{}, a.get("reconciliationResult.stats.deletedIds"))
			require.NotEmpty(t, a.text("timestamp"))

			rows := p.rows(t)
			for _, id := range []string{"101", "102", "103"} {
				require.Equal(t, map[string]any{
					"subjective": "Itching for two weeks", "objective": "Red ears", "assessment": "Otitis externa", "plan": "Drops twice a day",
				}, rows[id].consultation["soapNotes"])
				require.Equal(t, "Keep the ears dry.", rows[id].consultation["dischargeInstructions"])
				require.NotEmpty(t, rows[id].consultation["fetchedAt"])
			}
			if views == neosim.ViewsOld {
				vitals, _ := rows["102"].consultation["vitals"].(map[string]any)
				require.Equal(t, 38.5, vitals["temperature"])
				require.Equal(t, "C", vitals["temperatureUnit"])
				require.Equal(t, 25.3, vitals["weight"])
				require.Equal(t, []any{"Otitis externa"}, rows["102"].consultation["diagnoses"])
			}
			require.Nil(t, rows["104"].consultation)
			require.Equal(t, 1, p.Logins().Accepted)
			require.Equal(t, 1, p.Count(neosim.OpSearch), "one search serves all cases") // R20

			master := p.get(t, "/api/syncs/"+a.text("syncId"))
			phases, _ := master.get("phases").([]any)
			require.Len(t, phases, 3)
			require.Equal(t, 5, master.count("stats.casesCreated"), "the master's counts are the sums")
			require.Equal(t, 3, master.count("stats.casesEnriched"))
			w.log.requireClean(t, "Itching", "Otitis", "Nakamura", "Bruno", "Keep the ears")

			a = p.sync(t, "full", p.sinceYesterday())
			require.Equal(t, 4, a.count("reconciliationResult.stats.casesChecked"), "what was there before the calendar was read") // R21
		})
	}
}

func TestOneConsultationThatCannotBeReadFailsAlone(t *testing.T) { // W17, R20
	t.Parallel()
	p := visited(t, newWorld(t), neosim.Options{})
	require.NoError(t, p.EditConsultation("502", func(c *neosim.Consultation) { c.Unreadable = true }))
	a := p.sync(t, "full", p.sinceYesterday())
	require.Equal(t, 200, a.status, a.body)
	require.Equal(t, true, a.get("success"))
	require.Equal(t, 2, a.count("casesResult.stats.casesEnriched"))
	require.Equal(t, 1, a.count("casesResult.stats.casesFailed"))
	require.Equal(t, []any{map[string]any{
		"caseId": p.rows(t)["102"].ID, "error": "Consultation not found", "code": "not_found",
	}}, a.get("casesResult.failures"))

	require.NoError(t, p.EditConsultation("502", func(c *neosim.Consultation) { c.Unreadable = false }))
	a = p.sync(t, "cases", "")
	require.Equal(t, 1, a.count("stats.casesEnriched"), "it is read as soon as it can be: %v", a.body)
}

func TestNotesThatChangeAreReadAgain(t *testing.T) { // R19
	t.Parallel()
	p := visited(t, newWorld(t), neosim.Options{})
	oneByOne := strings.TrimSuffix(p.sinceYesterday(), "}") + `, "parallelBatchSize": 1}`
	require.Equal(t, 200, p.sync(t, "full", oneByOne).status)
	before := p.rows(t)
	a := p.sync(t, "cases", "")
	require.Equal(t, 200, a.status, a.body)
	require.Zero(t, a.count("stats.casesEnriched"))
	require.Equal(t, before, p.rows(t), "the same notes write no row") // R12

	require.NoError(t, p.EditNotes("501", notes+"\nAddendum: better today"))
	a = p.sync(t, "cases", `{"force": true, "parallelBatchSize": 1}`)
	require.Equal(t, 1, a.count("stats.casesEnriched"), a.body)
	require.Equal(t, 1, p.Peak(neosim.OpView))
	require.Contains(t, p.rows(t)["101"].Metadata, "better today")
}

func TestReconciliationTellsMovedCancelledAndDeletedApart(t *testing.T) { // R22, R24, R25
	t.Parallel()
	w := newWorld(t)
	for _, lookup := range []neosim.Lookup{neosim.LookupWorks, neosim.LookupMissing} {
		t.Run("lookup "+string(lookup), func(t *testing.T) {
			t.Parallel()
			p := seeded(t, w, neosim.Options{Lookup: lookup})
			past := p.Appointments(p.Today().AddDate(0, 0, -4), p.Today())
			require.GreaterOrEqual(t, len(past), 6)
			moved, elsewhere, cancelled, deleted := past[0].ID, past[1].ID, past[2].ID, past[3].ID
			require.NoError(t, p.Move(moved, past[0].Start.Add(2*time.Hour)))
			require.NoError(t, p.Move(elsewhere, p.Today().AddDate(0, 0, 20).Add(10*time.Hour)))
			require.NoError(t, p.Cancel(cancelled))
			require.NoError(t, p.Delete(deleted))
			p.Configure(func(o *neosim.Options) { o.HideCancelled = true })
			before := p.rows(t)

			a := p.sync(t, "reconcile", `{"lookbackDays": 7}`)
			require.Equal(t, 200, a.status, a.body)
			rows := p.rows(t)
			require.True(t, rows[moved].Scheduled.Equal(before[moved].Scheduled.Add(2*time.Hour)))
			require.True(t, rows[elsewhere].Scheduled.Equal(inZone(p.Today().AddDate(0, 0, 20).Add(10*time.Hour), w.zone)))
			require.Empty(t, rows[elsewhere].gone)
			require.Equal(t, "reviewed", rows[deleted].Status)
			require.Equal(t, true, rows[deleted].gone["softDeleted"])
			require.Equal(t, "Removed from PIMS", rows[deleted].gone["reason"])
			require.Equal(t, a.text("syncId"), rows[deleted].gone["syncId"])
			require.Equal(t, true, rows[cancelled].gone["softDeleted"])
			if lookup == neosim.LookupWorks {
				require.Equal(t, "Cancelled in PIMS", rows[cancelled].gone["reason"])
			}
			require.ElementsMatch(t, []any{rows[deleted].ID, rows[cancelled].ID}, a.get("stats.deletedIds"))
			require.Equal(t, 2, a.count("stats.casesDeleted"))
			require.Equal(t, 2, a.count("stats.casesUpdated"))
			for _, r := range past[4:] {
				require.Equal(t, before[r.ID], rows[r.ID], "the others are untouched")
			}

			require.NoError(t, p.Restore(deleted))
			a = p.sync(t, "reconcile", "")
			require.Equal(t, 1, a.count("stats.casesRestored"), a.body)
			back := p.rows(t)[deleted]
			require.Equal(t, before[deleted].Status, back.Status) // R16
			require.Empty(t, back.gone)
		})
	}
}

func TestTooManyMissingAppointmentsAreAPlanAndNotDeleted(t *testing.T) { // R23
	t.Parallel()
	w := newWorld(t)
	for _, kind := range []string{"reconcile", "full"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			p := seeded(t, w, neosim.Options{})
			missing := p.Appointments(p.Today().AddDate(0, 0, -4), p.Today().AddDate(0, 0, -1))
			for _, row := range missing {
				require.NoError(t, p.Delete(row.ID))
			}
			before := p.rows(t)

			a := p.sync(t, kind, "")
			require.Equal(t, 422, a.status, a.body)
			require.Equal(t, "deletion_guard", a.text("code"))
			require.Equal(t, false, a.get("success"))
			require.NotEmpty(t, a.text("planId"))
			require.Equal(t, before, p.rows(t))
			if kind == "full" {
				require.Equal(t, true, a.get("inboundResult.success"))
				require.Equal(t, "deletion_guard", a.text("reconciliationResult.code"))
				require.Equal(t, a.text("planId"), a.text("reconciliationResult.planId"))
			}

			plan := p.get(t, "/api/plans/"+a.text("planId"))
			require.Equal(t, 200, plan.status, plan.body)
			require.Equal(t, "open", plan.text("status"))
			require.Equal(t, "deletion_guard", plan.text("code"))
			held, _ := plan.get("cases").([]any)
			require.Len(t, held, len(missing))
			lookups, _ := plan.get("evidence.lookups").([]any)
			require.Len(t, lookups, len(missing), "each was looked up")
			require.Equal(t, 404, w.practice(t, neosim.Options{}).get(t, "/api/plans/"+a.text("planId")).status)
			items, _ := p.get(t, "/api/plans").get("items").([]any)
			require.Len(t, items, 1)
		})
	}
}

func TestHalfACalendarAndAnEmptyOneDeleteNothing(t *testing.T) { // R22, R23
	t.Parallel()
	w := newWorld(t)
	for kind, code := range map[neosim.Kind]string{neosim.FaultHalf: "snapshot_unsound", neosim.FaultEmpty: "deletion_guard"} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			p := seeded(t, w, neosim.Options{})
			before := p.rows(t)
			p.Fail(neosim.Fault{Op: neosim.OpCalendar, Kind: kind, Count: neosim.Forever})
			a := p.sync(t, "reconcile", "")
			require.Equal(t, 422, a.status, a.body)
			require.Equal(t, code, a.text("code"))
			require.Equal(t, before, p.rows(t))
		})
	}
}

func TestACalendarThatMovedAsAWholeIsNotBelieved(t *testing.T) { // R18
	t.Parallel()
	p := seeded(t, newWorld(t), neosim.Options{})
	before := p.rows(t)
	p.Shift(2 * time.Hour)
	a := p.sync(t, "inbound", `{"startDate": "`+p.Today().AddDate(0, 0, -4).Format(time.DateOnly)+`", "daysAhead": 8}`)
	require.Equal(t, 422, a.status, a.body)
	require.Equal(t, "schedule_shift_guard", a.text("code"))
	require.Equal(t, 200, p.get(t, "/api/plans/"+a.text("planId")).status)
	require.Equal(t, before, p.rows(t))
}

func TestWhatAPersonChangedStays(t *testing.T) { // R10, R11
	t.Parallel()
	w := newWorld(t)
	p := seeded(t, w, neosim.Options{})
	first := p.Appointments(p.Today(), p.Today().AddDate(0, 0, 1))[0]
	_, err := w.store.Pool().Exec(t.Context(),
		`update cases set status = 'on_hold', metadata = metadata || '{"billing": {"paid": true}}' where clinic_id = $1 and pims_id = $2`, p.id, first.ID)
	require.NoError(t, err)
	require.NoError(t, p.SetStatus(first.ID, "Completed"))
	require.Equal(t, 200, p.sync(t, "full", "").status)
	r := p.rows(t)[first.ID]
	require.Equal(t, "on_hold", r.Status)
	require.Equal(t, "Completed", r.appointment["status"])
	require.Contains(t, r.Metadata, `"billing"`)
}
