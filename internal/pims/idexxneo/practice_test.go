package idexxneo_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
)

// around is so many days before today to so many after it.
func around(t testing.TB, r *remote, before, after int) pims.Window {
	t.Helper()
	today := pims.DateOf(r.sim.Today(), time.UTC)
	window, err := pims.NewWindow(today.AddDays(-before), today.AddDays(after), r.account.Location)
	require.NoError(t, err)
	return window
}

func TestARealisticPracticeIsReadInEveryHabitOfNeo(t *testing.T) {
	t.Parallel()
	for s, shape := range []neosim.Shape{neosim.Snake, neosim.Camel} {
		for e, envelope := range []neosim.Envelope{
			neosim.EnvelopeArray, neosim.EnvelopeAppointments, neosim.EnvelopeData, neosim.EnvelopeEvents,
		} {
			for i, ids := range []neosim.IDStyle{neosim.NumberIDs, neosim.StringIDs} {
				for b, bools := range []neosim.BoolStyle{neosim.WordBools, neosim.NumberBools, neosim.StringBools} {
					// Twelve of the 48 have every pair of habits. make dates plays them
					// at thousands of moments.
					if testing.Short() && (s != (e/2+b)%2 || i != (e+b)%2) {
						continue
					}
					t.Run(fmt.Sprint(shape, " ", envelope, " ", ids, " ", bools), func(t *testing.T) {
						t.Parallel()
						practiceIsRead(t, neosim.Options{Seed: 7, Shape: shape, Envelope: envelope, IDs: ids, Bools: bools})
					})
				}
			}
		}
	}
}

func TestAPracticeIsReadInEveryCharset(t *testing.T) { // R7
	t.Parallel()
	for _, charset := range []neosim.Charset{neosim.UTF8, neosim.Latin1, neosim.UTF16} {
		t.Run(string(charset), func(t *testing.T) {
			t.Parallel()
			practiceIsRead(t, neosim.Options{Seed: 7, Charset: charset})
			r := newRemote(t, options{sim: neosim.Options{Charset: charset}})
			noon := r.sim.Today().Add(12 * time.Hour)
			r.sim.SetAppointments(neosim.Appointment{ID: "7", Start: noon, Patient: "Zoë \U0001F415", FirstName: "Łucja", LastName: "Ñúñez\uFFFD"})
			snapshot, err := r.open(t).Appointments(t.Context(), around(t, r, 0, 0))
			require.NoError(t, err)
			require.Equal(t, "Zoë \U0001F415", snapshot.Appointments[0].PatientName)
			require.Equal(t, "Łucja Ñúñez\uFFFD", snapshot.Appointments[0].ClientName)
		})
	}
}

func practiceIsRead(t *testing.T, o neosim.Options) {
	r := startRemote(t, options{sim: o})
	window := around(t, r, 7, 7)
	snapshot, err := r.open(t).Appointments(t.Context(), window)
	require.NoError(t, err)
	require.True(t, snapshot.Complete())
	require.Empty(t, snapshot.Unusable)
	require.Zero(t, snapshot.Duplicates)

	got := make(map[string]pims.Appointment)
	for _, a := range snapshot.Appointments {
		got[a.ID] = a
	}
	visits := 0
	for _, want := range r.sim.Appointments(window.From(), window.Until()) {
		if want.Block || want.Roster || want.Hidden {
			require.NotContains(t, got, want.ID)
			continue
		}
		visits++
		a := got[want.ID]
		require.Equal(t, want.ID, a.ID)
		require.Equal(t, want.Start, a.Start.UTC())
		require.Equal(t, want.Patient, a.PatientName)
		require.Equal(t, strings.TrimSpace(want.FirstName+" "+want.LastName), a.ClientName)
		require.Equal(t, want.Phone, a.ClientPhone)
		require.Equal(t, want.Type, a.TypeText)
		if o.Shape == neosim.Snake {
			require.Equal(t, want.ConsultationID, a.ConsultationID)
		}
		require.Equal(t, a.StatusText == "", a.Status == pims.StatusUnknown, "every word is known: %q", a.StatusText)
	}
	require.Equal(t, visits, snapshot.Found())
	require.Greater(t, visits, 100)
}

func TestAPracticesConsultationsAreReadInBothShapes(t *testing.T) {
	t.Parallel()
	for _, views := range []neosim.Views{neosim.ViewsBoth, neosim.ViewsPageData} {
		t.Run(string(views), func(t *testing.T) {
			t.Parallel()
			r := startRemote(t, options{sim: neosim.Options{Seed: 7, Views: views}})
			session := r.open(t)
			entries, err := session.SearchConsultations(t.Context(), around(t, r, 7, 0))
			require.NoError(t, err)
			require.Greater(t, len(entries), 50)
			for _, e := range entries {
				c, err := session.Consultation(t.Context(), e.ID)
				require.NoError(t, err)
				want, ok := r.sim.Consultation(e.ID)
				require.True(t, ok)
				require.Equal(t, e.Status, c.Status)
				require.Equal(t, e.At, c.At)
				require.Equal(t, want.Reason, c.Reason)
				require.Equal(t, views == neosim.ViewsPageData, c.Vitals == nil)
				require.Equal(t, pims.Blank(want.Notes+want.MoreNotes) || views == neosim.ViewsBoth && pims.Blank(want.Notes), c.RawNotes == "")
				require.Equal(t, c.RawNotes == "", c.SOAP.Blank() && c.Notes == "", "no note is lost: %q", c.RawNotes)
			}
		})
	}
}

func TestAHundredThousandVisitsAreOneSnapshot(t *testing.T) {
	t.Parallel()
	const visits = 100_000
	start := time.Date(2026, time.January, 12, 0, 0, 0, 0, time.UTC)
	rows := make([]neosim.Appointment, visits)
	for i := range rows {
		rows[i] = neosim.Appointment{
			ID: fmt.Sprint(1_000_000 + i), Start: start.Add(time.Duration(i) * 6 * time.Second),
			Patient: "Bella", FirstName: "Zoë", LastName: "Quill", Status: "Scheduled", Type: "Exam",
		}
	}
	r := newRemote(t, options{})
	r.sim.SetAppointments(rows...)
	session := r.open(t)
	window, err := pims.NewWindow(pims.DateOf(start, time.UTC), pims.DateOf(start, time.UTC).AddDays(7), time.UTC)
	require.NoError(t, err)
	snapshot, err := session.Appointments(t.Context(), window)
	require.NoError(t, err)
	require.Equal(t, visits, snapshot.Found())
	require.True(t, snapshot.Complete())
	for i, a := range snapshot.Appointments {
		require.Equal(t, rows[i].ID, a.ID)
		require.Equal(t, rows[i].Start, a.Start.UTC())
	}
}

func TestARequestThatIsBusyNowIsAnsweredLater(t *testing.T) { // R32
	t.Parallel()
	r := startRemote(t, options{environment: pims.Environment{Backoff: time.Millisecond}})
	session := r.open(t)
	r.sim.Fail(neosim.Fault{Op: neosim.OpCalendar, Kind: neosim.FaultStatus, Code: http.StatusBadGateway, Count: 2})
	_, err := session.Appointments(t.Context(), around(t, r, 0, 0))
	require.NoError(t, err)
	require.Equal(t, 3, r.sim.Count(neosim.OpCalendar))
}

func TestPointLookupsThatAreMissingOrBrokenSaySo(t *testing.T) { // R22
	t.Parallel()
	for lookup, kind := range map[neosim.Lookup]error{neosim.LookupMissing: pims.ErrNotFound, neosim.LookupBroken: pims.ErrRemote} {
		r := startRemote(t, options{
			sim:         neosim.Options{Lookup: lookup},
			environment: pims.Environment{Backoff: time.Millisecond},
		})
		session := r.open(t)
		snapshot, err := session.Appointments(t.Context(), around(t, r, 7, 7))
		require.NoError(t, err)
		finder, ok := session.(pims.AppointmentFinder)
		require.True(t, ok)
		_, err = finder.FindAppointment(t.Context(), snapshot.Appointments[0].ID)
		require.ErrorIs(t, err, kind)
	}
}
