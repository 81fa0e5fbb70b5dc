package pimstest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
)

func runCalendar(t *testing.T, h Harness) {
	t.Run("an empty practice is an empty snapshot", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, h, berlin)
		snapshot := b.snapshot(1, 20)
		require.Empty(t, snapshot.Appointments)
		require.True(t, snapshot.Complete())
		require.Equal(t, b.window(1, 20), snapshot.Window)
		require.WithinDuration(t, time.Now(), snapshot.FetchedAt, time.Minute)
	})
	t.Run("the session is proved before the rows are asked for, and after", func(t *testing.T) { // R5
		t.Parallel()
		var mu sync.Mutex
		var operations []string
		b := newWatchedBench(t, h, func(_ context.Context, o pims.Observation) {
			mu.Lock()
			defer mu.Unlock()
			operations = append(operations, o.Operation)
		})
		session := b.login()
		mu.Lock()
		operations = nil
		mu.Unlock()
		_, err := session.Appointments(t.Context(), b.window(1, 20))
		require.NoError(t, err)
		require.Contains(t, operations, pims.OpCalendar)
		require.Equal(t, pims.OpProve, operations[0])
		require.Equal(t, pims.OpProve, operations[len(operations)-1])
	})
	t.Run("a session that ends after the rows came makes no snapshot", func(t *testing.T) { // R5
		t.Parallel()
		var b *bench
		b = newWatchedBench(t, h, func(_ context.Context, o pims.Observation) {
			if o.Operation == pims.OpCalendar {
				b.ExpireSessions()
			}
		})
		_, err := b.login().Appointments(t.Context(), b.window(13, 13))
		b.requireKind(err, pims.ErrSessionExpired)
	})
	t.Run("a visit comes with all that the PIMS tells", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, h, berlin)
		v := visit("101", at(13, 9, 0))
		v.ConsultationID, v.PatientID = "501", "301"
		b.SetVisits(v)
		found := b.snapshot(13, 13).Appointments
		require.Len(t, found, 1)
		a := found[0]
		require.Equal(t, "101", a.ID)
		require.Equal(t, "501", a.ConsultationID)
		require.False(t, a.NoConsultation)
		require.Contains(t, []string{"301", ""}, a.PatientID, "another one, where the calendar names it (R7)")
		require.Equal(t, "Zzpatient", a.PatientName)
		require.Equal(t, "Zzfirst Zzlast", a.ClientName)
		require.Equal(t, "+1 555 0100 999", a.ClientPhone)
		require.Equal(t, []any{pims.TypeCheckup, "Exam"}, []any{a.Type, a.TypeText})
		require.Equal(t, time.Date(2026, time.January, 13, 8, 0, 0, 0, time.UTC), a.Start.UTC())
		require.Equal(t, time.Date(2026, time.January, 13, 8, 30, 0, 0, time.UTC), a.End.UTC())
		require.Equal(t, "2026-01-13T09:00:00", pims.WallText(a.StartText), "R2, R12: the wall clock's text is kept")
	})
	t.Run("a client's name that stands alone is kept as given", func(t *testing.T) { // R7
		t.Parallel()
		b := newBench(t, h, berlin)
		farm, clinic := visit("1", at(13, 9, 0)), visit("2", at(13, 10, 0))
		farm.FirstName, farm.LastName = "", "Zzoakhollow Farms, LLC"
		clinic.FirstName, clinic.LastName = "Zzthistle, Jr.", ""
		b.SetVisits(farm, clinic)
		found := b.snapshot(13, 13).Appointments
		require.Len(t, found, 2)
		require.Equal(t, "Zzoakhollow Farms, LLC", found[0].ClientName)
		require.Equal(t, "Zzthistle, Jr.", found[1].ClientName)
	})
	t.Run("a visit changes hands", func(t *testing.T) { // R7
		t.Parallel()
		b := newBench(t, h, berlin)
		v := visit("101", at(13, 9, 0))
		v.ConsultationID, v.PatientID = "501", "301"
		b.SetVisits(v)
		before := b.snapshot(13, 13).Appointments[0]
		v.ConsultationID, v.PatientID, v.Patient = "502", "302", "Zzother"
		b.SetVisits(v)
		after := b.snapshot(13, 13).Appointments[0]
		require.Equal(t, []string{"101", "502", "Zzother"}, []string{after.ID, after.ConsultationID, after.PatientName})
		require.Equal(t, before.PatientID == "", after.PatientID == "")
		require.True(t, after.PatientID == "" || after.PatientID != before.PatientID, "a PIMS that names patients names another one")
		v.ConsultationID = ""
		b.SetVisits(v)
		require.Empty(t, b.snapshot(13, 13).Appointments[0].ConsultationID, "nothing of an earlier row is kept")
	})
	t.Run("every state is understood", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, h, berlin)
		states := []pims.Status{
			pims.StatusScheduled, pims.StatusCheckedIn, pims.StatusInProgress,
			pims.StatusCompleted, pims.StatusCancelled, pims.StatusNoShow,
		}
		var visits []Visit
		for i, state := range states {
			v := visit(string(rune('1'+i)), at(13, 9+i, 0))
			v.Status = state
			visits = append(visits, v)
		}
		b.SetVisits(visits...)
		found := b.snapshot(13, 13).Appointments
		require.Len(t, found, len(states))
		vocabulary, hasWords := b.Provider().(pims.Vocabulary)
		for i, state := range states {
			require.Equal(t, state, found[i].Status)
			require.NotEmpty(t, found[i].StatusText)
			if hasWords { // R54
				require.Equal(t, state, vocabulary.StatusOf(found[i].StatusText))
				require.Equal(t, found[i].Type, vocabulary.TypeOf(found[i].TypeText))
			}
		}
		if hasWords {
			require.Equal(t, pims.StatusUnknown, vocabulary.StatusOf("Zzteleported"))
			require.Equal(t, pims.TypeUnknown, vocabulary.TypeOf("Zzlevitation"))
		}
	})
	t.Run("a window holds its own days and no others", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, h, berlin)
		b.SetVisits(
			visit("1", at(12, 23, 0)),
			visit("2", at(13, 0, 0)),
			visit("3", at(13, 23, 15)),
			visit("4", at(14, 0, 0)),
		)
		require.Equal(t, []string{"2", "3"}, ids(b.snapshot(13, 13)))
	})
	t.Run("a long window is whole, in order, and holds an overnight stay once", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, h, berlin)
		var visits []Visit
		var want []string
		for day := 1; day <= 31; day++ {
			v := visit(string(rune('A'+day)), at(day, 22, 0))
			v.End = v.Start.Add(5 * time.Hour)
			visits, want = append(visits, v), append(want, v.ID)
		}
		b.SetVisits(visits...)
		snapshot := b.snapshot(1, 31)
		require.Equal(t, want, ids(snapshot))
		require.Zero(t, snapshot.Duplicates)
	})
	t.Run("a stay that began before the window is part of it", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, h, berlin)
		stay := visit("1", at(12, 22, 0))
		stay.End = at(13, 7, 0)
		b.SetVisits(stay)
		require.Equal(t, []string{"1"}, ids(b.snapshot(13, 14)))
	})
	t.Run("blocks are no visits, even without an id", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, h, berlin)
		b.SetVisits(
			Visit{ID: "7", Start: at(13, 8, 0), End: at(13, 9, 0), Block: true},
			Visit{Start: at(13, 9, 0), End: at(13, 10, 0), Block: true},
			visit("1", at(13, 10, 0)),
		)
		snapshot := b.snapshot(13, 13)
		require.Equal(t, []string{"1"}, ids(snapshot))
		require.True(t, snapshot.Complete())
		require.Equal(t, []pims.Block{{ID: "7", Marked: true}}, snapshot.Blocks)
		present, err := snapshot.Present()
		require.NoError(t, err)
		require.Contains(t, present, "7", "it stands in the calendar")
	})
	t.Run("a row without an id makes the snapshot incomplete", func(t *testing.T) { // R6
		t.Parallel()
		b := newBench(t, h, berlin)
		b.SetVisits(visit("1", at(13, 9, 0)), visit("", at(13, 10, 0)), visit("2", at(13, 11, 0)))
		snapshot := b.snapshot(13, 13)
		require.Equal(t, []string{"1", "2"}, ids(snapshot))
		require.Equal(t, 1, snapshot.Unidentified)
		_, err := snapshot.Present()
		b.requireKind(err, pims.ErrIncomplete)
	})
	t.Run("a row without a start is unusable and still present", func(t *testing.T) { // R6
		t.Parallel()
		b := newBench(t, h, berlin)
		v := visit("2", time.Time{})
		v.End = time.Time{}
		b.SetVisits(visit("1", at(13, 9, 0)), v)
		b.requireUnusable(b.snapshot(13, 13))
	})
	t.Run("the earlier of two rows with one id wins, in whatever order they come", func(t *testing.T) { // R6
		t.Parallel()
		b := newBench(t, h, berlin)
		first, second := visit("1", at(13, 9, 0)), visit("1", at(13, 10, 0))
		second.Patient = "Zzother"
		for _, rows := range [][]Visit{{first, second}, {second, first}} {
			b.SetVisits(rows...)
			snapshot := b.snapshot(13, 13)
			require.Equal(t, []string{"1"}, ids(snapshot))
			require.Equal(t, "Zzpatient", snapshot.Appointments[0].PatientName)
			require.Equal(t, 1, snapshot.Duplicates)
		}
	})
	t.Run("an id of zero is none", func(t *testing.T) { // R6
		t.Parallel()
		b := newBench(t, h, berlin)
		b.SetVisits(visit("0", at(13, 9, 0)), visit("10", at(13, 10, 0)))
		snapshot := b.snapshot(13, 13)
		require.Equal(t, []string{"10"}, ids(snapshot))
		require.Equal(t, 1, snapshot.Unidentified)
	})
	t.Run("rows of which not one is usable are no calendar", func(t *testing.T) { // R6
		t.Parallel()
		b := newBench(t, h, berlin)
		block := Visit{ID: "7", Start: at(13, 8, 0), End: at(13, 9, 0), Block: true}
		b.SetVisits(block)
		snapshot := b.snapshot(13, 13)
		require.Zero(t, snapshot.Found(), "blocks alone are an empty day")
		b.SetVisits(block, visit("", at(13, 10, 0)), visit("2", time.Time{}))
		snapshot, err := b.login().Appointments(t.Context(), b.window(13, 13))
		b.requireKind(err, pims.ErrSchemaDrift)
		require.Zero(t, snapshot.Found())
	})
	t.Run("letters survive and NUL does not", func(t *testing.T) { // R7
		t.Parallel()
		b := newBench(t, h, berlin)
		v := visit("1", at(13, 9, 0))
		v.Patient, v.LastName = "Zoë \U0001F415 \u202Eabc", "O'B\x00rien-Ñúñez"
		b.SetVisits(v)
		a := b.snapshot(13, 13).Appointments[0]
		require.Equal(t, "Zoë \U0001F415 \u202Eabc", a.PatientName)
		require.Equal(t, "Zzfirst O'Brien-Ñúñez", a.ClientName)
	})
	t.Run("a finder finds what the calendar holds, and nothing else", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, h, berlin)
		b.SetVisits(visit("101", at(13, 9, 0)))
		session := b.login()
		finder, ok := session.(pims.AppointmentFinder)
		if !ok {
			return
		}
		snapshot, err := session.Appointments(t.Context(), b.window(13, 13))
		require.NoError(t, err)
		found, err := finder.FindAppointment(t.Context(), "101")
		require.NoError(t, err)
		require.Equal(t, snapshot.Appointments[0], found)
		_, err = finder.FindAppointment(t.Context(), "999")
		b.requireKind(err, pims.ErrNotFound)
	})
}

func (b *bench) snapshot(first, last int) pims.Snapshot {
	b.t.Helper()
	snapshot, err := b.login().Appointments(b.t.Context(), b.window(first, last))
	require.NoError(b.t, err)
	return snapshot
}

func (b *bench) requireUnusable(snapshot pims.Snapshot) {
	b.t.Helper()
	require.Equal(b.t, []string{"1"}, ids(snapshot))
	require.Len(b.t, snapshot.Unusable, 1)
	require.Equal(b.t, "2", snapshot.Unusable[0].ID)
	require.Equal(b.t, "start", snapshot.Unusable[0].Field)
	require.NotEmpty(b.t, snapshot.Unusable[0].Reason)
	present, err := snapshot.Present()
	require.NoError(b.t, err)
	require.Contains(b.t, present, "2")
}

func ids(snapshot pims.Snapshot) []string {
	var ids []string
	for _, a := range snapshot.Appointments {
		ids = append(ids, a.ID)
	}
	return ids
}

// runTime is about wall clocks that jump (R2).
func runTime(t *testing.T, h Harness) {
	for _, c := range []struct {
		name, zone string
		wall, want string // the reading, and its instant in UTC
	}{
		{"an ordinary time", berlin, "2026-01-17 10:00", "2026-01-17 09:00"},
		{"a time before the spring change", berlin, "2026-03-29 01:59", "2026-03-29 00:59"},
		{"a time in the spring gap", berlin, "2026-03-29 02:30", "2026-03-29 01:30"},
		{"a time after the spring change", berlin, "2026-03-29 03:00", "2026-03-29 01:00"},
		{"a time in the autumn overlap", berlin, "2026-10-25 02:30", "2026-10-25 00:30"},
		{"a time after the autumn overlap", berlin, "2026-10-25 03:00", "2026-10-25 02:00"},
		{"a spring gap in the west", "America/New_York", "2026-03-08 02:30", "2026-03-08 07:30"},
		{"an autumn overlap in the west", "America/New_York", "2026-11-01 01:30", "2026-11-01 05:30"},
		{"a midnight that does not exist", "America/Santiago", "2026-09-06 00:00", "2026-09-06 04:00"},
		{"a half hour's change", "Australia/Lord_Howe", "2026-10-04 02:15", "2026-10-03 15:45"},
		{"a zone without changes", "Asia/Kolkata", "2026-01-17 10:00", "2026-01-17 04:30"},
	} {
		t.Run(sentence(c.name, "becomes the right instant"), func(t *testing.T) {
			t.Parallel()
			b := newBench(t, h, c.zone)
			const layout = "2006-01-02 15:04"
			wall, err := time.Parse(layout, c.wall)
			require.NoError(t, err)
			b.SetVisits(visit("1", wall))
			day := pims.DateOf(wall, time.UTC)
			window, err := pims.NewWindow(day, day, b.location)
			require.NoError(t, err)
			snapshot, err := b.login().Appointments(t.Context(), window)
			require.NoError(t, err)
			require.Len(t, snapshot.Appointments, 1)
			require.Equal(t, c.want, snapshot.Appointments[0].Start.UTC().Format(layout))
		})
	}
}
