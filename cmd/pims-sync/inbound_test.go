package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
)

func TestEveryShapeAndEnvelopeOfACalendarBecomesTheSameCases(t *testing.T) { // W4
	t.Parallel()
	w := newWorld(t)
	for _, shape := range []neosim.Shape{neosim.Snake, neosim.Camel} {
		for _, envelope := range []neosim.Envelope{
			neosim.EnvelopeArray, neosim.EnvelopeAppointments, neosim.EnvelopeData, neosim.EnvelopeEvents,
		} {
			t.Run(fmt.Sprintf("%s in %s", shape, envelope), func(t *testing.T) {
				t.Parallel()
				p := w.practice(t, neosim.Options{
					Shape: shape, Envelope: envelope, IDs: neosim.StringIDs, Bools: neosim.NumberBools,
				})
				at := p.Today().AddDate(0, 0, 1).Add(9*time.Hour + 30*time.Minute)
				p.SetAppointments(
					neosim.Appointment{
						ID: "101", Start: at, Patient: "Bruno", FirstName: "Zoë", LastName: "Nakamura", Phone: "+1 (555) 010-4477",
						Type: "Dental Procedure", Status: "CHECKED-IN",
					},
					neosim.Appointment{ID: "102", Start: at.AddDate(0, 0, 1), Patient: "Mimi 🐈", LastName: "O'Hara", Type: "Well Visit", Status: "No Show"},
					neosim.Appointment{ID: "103", Start: at.AddDate(0, 0, 2), Patient: "Rex", LastName: "Silva", Type: "Emergency exam", Status: "Ready to Pay"},
					neosim.Appointment{ID: "900", Start: at, Block: true},
					neosim.Appointment{ID: "901", Start: at, Roster: true},
				)

				a := p.sync(t, "inbound", `{"daysAhead": 7}`)
				require.Equal(t, 200, a.status, a.body)
				require.Equal(t, true, a.get("success"))
				require.Equal(t, map[string]any{
					"appointmentsFound": 3.0, "casesCreated": 3.0, "casesUpdated": 0.0, "casesUnchanged": 0.0, "casesSkipped": 0.0,
				}, a.get("stats"))
				require.NotEmpty(t, a.text("timestamp"))

				rows := p.rows(t)
				require.Len(t, rows, 3)
				first := rows["101"]
				require.Equal(t, "Bruno", *first.Patient)
				require.Equal(t, "Zoë Nakamura", *first.Client)
				require.Equal(t, "+1 (555) 010-4477", *first.Phone)
				require.True(t, first.Scheduled.Equal(inZone(at, w.zone)), "%s", first.Scheduled)
				require.Equal(t, "draft", first.Status)
				require.Equal(t, "surgery", first.CaseType)
				require.Equal(t, "CHECKED-IN", first.appointment["status"])
				require.Equal(t, "Mimi 🐈", *rows["102"].Patient)
				require.Equal(t, "O'Hara", *rows["102"].Client)
				require.Equal(t, "reviewed", rows["102"].Status)
				require.Equal(t, "pending", rows["103"].Status)
				require.Equal(t, "other", rows["103"].CaseType)

				a = p.sync(t, "inbound", "")
				require.Equal(t, 3, a.count("stats.casesUnchanged"))
				require.Equal(t, rows, p.rows(t), "an identical second sync writes no row") // R12
				w.log.requireClean(t, "Nakamura", "Bruno", "010-4477", "Mimi")
			})
		}
	}
}

// inZone is the moment at which a wall clock shows this time there.
func inZone(wall time.Time, loc *time.Location) time.Time {
	return time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), 0, loc)
}

func TestAWholePracticeBecomesCasesOnce(t *testing.T) {
	t.Parallel()
	p := newWorld(t).practice(t, neosim.Options{Seed: 3, PerDay: 40})
	a := p.sync(t, "inbound", `{"daysAhead": 20}`)
	require.Equal(t, 200, a.status, a.body)
	require.Equal(t, a.count("stats.appointmentsFound"), a.count("stats.casesCreated")+a.count("stats.casesSkipped"))
	require.Len(t, p.rows(t), a.count("stats.casesCreated"))
	require.Equal(t, 3, p.Count(neosim.OpCalendar), "21 days are three slices") // R5

	before := p.rows(t)
	a = p.sync(t, "inbound", `{"daysAhead": 20}`)
	require.Equal(t, len(before), a.count("stats.casesUnchanged"))
	require.Equal(t, before, p.rows(t))
	require.Equal(t, neosim.Logins{Pages: 1, Accepted: 1}, p.Logins(), "the second sync uses the kept session") // R36
}

func TestADryRunTellsAndWritesNothing(t *testing.T) { // R26
	t.Parallel()
	p := newWorld(t).practice(t, neosim.Options{})
	at := p.Today().Add(15 * time.Hour)
	p.SetAppointments(neosim.Appointment{ID: "1", Start: at, Patient: "Bruno", LastName: "Nakamura", Status: "Scheduled"})
	a := p.sync(t, "inbound", `{"dryRun": true}`)
	require.Equal(t, 200, a.status, a.body)
	require.Equal(t, 1, a.count("stats.casesCreated"))
	changes, _ := a.get("changes").([]any)
	require.Len(t, changes, 1)
	require.Empty(t, p.rows(t))
	w := p.world
	w.log.requireClean(t, "Bruno", "Nakamura")

	require.Equal(t, 200, p.sync(t, "inbound", "").status)
	require.NoError(t, p.Cancel("1"))
	before := p.rows(t)
	a = p.sync(t, "full", `{"dryRun": true}`)
	require.Equal(t, 200, a.status, a.body)
	require.Equal(t, 1, a.count("inboundResult.stats.casesUpdated"))
	require.Equal(t, before, p.rows(t))
}

func TestWhatIsWrongWithARequestIsNamed(t *testing.T) { // R38
	t.Parallel()
	p := newWorld(t).practice(t, neosim.Options{})
	for body, field := range map[string]string{
		`{"daysAhead": 91}`:                                    "daysAhead",
		`{"startDate": "2026-02-30"}`:                          "startDate",
		`{"clinicId": "somebody else's"}`:                      "clinicId",
		`{"lookbackDays": 7}`:                                  "lookbackDays",
		`{"daysAhead": 1, "daysAhead": 2}`:                     "daysAhead",
		`{"DaysAhead": 1}`:                                     "DaysAhead",
		`{"startDate": "2026-01-01", "endDate": "2026-12-31"}`: "startDate",
	} {
		a := p.sync(t, "inbound", body)
		require.Equal(t, 400, a.status, "%s: %v", body, a.body)
		require.Equal(t, "invalid_request", a.text("code"))
		require.Equal(t, field, a.text("field"), body)
	}
	require.Empty(t, p.Requests(), "nothing was asked of the PIMS")
	require.Empty(t, p.get(t, "/api/syncs").get("items"), "nothing was started")
}
