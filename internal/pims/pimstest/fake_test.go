package pimstest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimstest"
)

var noon = time.Date(2026, time.January, 17, 12, 0, 0, 0, time.UTC)

func day(t *testing.T, n int) pims.Window {
	t.Helper()
	date := pims.Date{Year: 2026, Month: time.January, Day: n}
	window, err := pims.NewWindow(date, date, time.UTC)
	require.NoError(t, err)
	return window
}

func TestAFakeHoldsWhatItIsTold(t *testing.T) {
	t.Parallel()
	fake := &pimstest.Fake{Now: func() time.Time { return noon }}
	stay := pims.Appointment{ID: "1", Start: noon, End: noon.Add(24 * time.Hour)}
	hidden := pims.Appointment{ID: "2", Start: noon}
	fake.SetAppointments(stay, hidden, pims.Appointment{ID: "3", Start: noon.AddDate(0, 0, 5)})
	fake.Hide("2")
	fake.SetFlaws([]pims.RecordError{{ID: "4", Field: "start"}}, 1, 2)
	session := fake.Session()

	for _, n := range []int{17, 18} {
		snapshot, err := session.Appointments(t.Context(), day(t, n))
		require.NoError(t, err)
		require.Equal(t, pims.Snapshot{
			Window: day(t, n), FetchedAt: noon, Appointments: []pims.Appointment{stay},
			Unusable: []pims.RecordError{{ID: "4", Field: "start"}}, Unidentified: 1, Duplicates: 2,
		}, snapshot)
	}
	finder, ok := session.(pims.AppointmentFinder)
	require.True(t, ok)
	found, err := finder.FindAppointment(t.Context(), "2")
	require.NoError(t, err)
	require.Equal(t, hidden, found)
	_, err = finder.FindAppointment(t.Context(), "9")
	require.ErrorIs(t, err, pims.ErrNotFound)

	first := pims.Consultation{ID: "5", AppointmentID: "1", At: noon, RawNotes: "S: itchy"}
	fake.SetConsultations(first)
	before, err := session.SearchConsultations(t.Context(), day(t, 17))
	require.NoError(t, err)
	require.Len(t, before, 1)
	require.Equal(t, "1", before[0].AppointmentID)
	read, err := session.Consultation(t.Context(), "5")
	require.NoError(t, err)
	require.Equal(t, first, read)
	first.RawNotes = "S: itchy. P: drops"
	fake.SetConsultations(first)
	after, err := session.SearchConsultations(t.Context(), day(t, 17))
	require.NoError(t, err)
	require.NotEqual(t, before[0].Fingerprint, after[0].Fingerprint)
	none, err := session.SearchConsultations(t.Context(), day(t, 18))
	require.NoError(t, err)
	require.Empty(t, none)
}

func TestAFakeFailsWhenItIsTold(t *testing.T) {
	t.Parallel()
	fake := &pimstest.Fake{}
	fake.SetConsultations(pims.Consultation{ID: "1"}, pims.Consultation{ID: "2"})
	session := fake.Session()

	fake.FailNext(pimstest.OpProve, pims.ErrUnreachable, nil, pims.ErrRemote)
	require.ErrorIs(t, session.Prove(t.Context()), pims.ErrUnreachable)
	require.NoError(t, session.Prove(t.Context()))
	require.ErrorIs(t, session.Prove(t.Context()), pims.ErrRemote)
	require.NoError(t, session.Prove(t.Context()))

	fake.FailAlways(pimstest.OpSearch, pims.ErrRateLimited)
	for range 3 {
		_, err := session.SearchConsultations(t.Context(), day(t, 17))
		require.ErrorIs(t, err, pims.ErrRateLimited)
	}
	fake.FailAlways(pimstest.OpSearch, nil)
	_, err := session.SearchConsultations(t.Context(), day(t, 17))
	require.NoError(t, err)

	fake.FailConsultation("1", pims.ErrNotFound)
	_, err = session.Consultation(t.Context(), "1")
	require.ErrorIs(t, err, pims.ErrNotFound)
	_, err = session.Consultation(t.Context(), "2")
	require.NoError(t, err)

	broken := errors.New("broken")
	fake.OnCall(func(_ context.Context, call pimstest.Call) error {
		if call.Op == pimstest.OpConsultation && call.ID == "2" {
			return broken
		}
		return nil
	})
	_, err = session.Consultation(t.Context(), "2")
	require.ErrorIs(t, err, broken)
}

func TestAFakesSessionsExpireForGood(t *testing.T) {
	t.Parallel()
	fake := &pimstest.Fake{}
	fake.SetPassword("right")
	_, err := fake.Login(t.Context(), pims.Account{Credentials: pims.Credentials{pims.FieldPassword: "wrong"}})
	require.ErrorIs(t, err, pims.ErrAuthRejected)

	account := pims.Account{Credentials: pims.Credentials{pims.FieldPassword: "right"}}
	state, err := fake.Login(t.Context(), account)
	require.NoError(t, err)
	old, err := fake.Open(account, state)
	require.NoError(t, err)
	require.NoError(t, old.Prove(t.Context()))
	fake.ExpireSessions()
	require.ErrorIs(t, old.Prove(t.Context()), pims.ErrSessionExpired)

	state, err = fake.Login(t.Context(), account)
	require.NoError(t, err)
	renewed, err := fake.Open(account, state)
	require.NoError(t, err)
	require.NoError(t, renewed.Prove(t.Context()))
	require.ErrorIs(t, old.Prove(t.Context()), pims.ErrSessionExpired, "another login revives no session")
	saved, err := renewed.State()
	require.NoError(t, err)
	require.Equal(t, state, saved)

	_, err = fake.Open(account, pims.State{Data: []byte("nonsense")})
	require.Error(t, err)
}

func TestAFakeCountsWhatRunsAtOnce(t *testing.T) {
	t.Parallel()
	fake := &pimstest.Fake{}
	session := fake.Session()
	running, release := make(chan struct{}), make(chan struct{})
	fake.OnCall(func(context.Context, pimstest.Call) error {
		running <- struct{}{}
		<-release
		return nil
	})
	failures := make(chan error)
	for range 3 {
		go func() { failures <- session.Prove(context.Background()) }()
	}
	for range 3 {
		<-running
	}
	close(release)
	for range 3 {
		require.NoError(t, <-failures)
	}
	require.Equal(t, 3, fake.HighWater(pimstest.OpProve))
	require.Equal(t, 3, fake.Count(pimstest.OpProve))
	fake.ForgetCalls()
	require.Zero(t, fake.Count(pimstest.OpProve))
	require.Zero(t, fake.HighWater(pimstest.OpProve))
	require.Empty(t, fake.Calls())
}

func TestAFakeNeedNotBeAFinder(t *testing.T) {
	t.Parallel()
	fake := &pimstest.Fake{NoFinder: true}
	_, ok := fake.Session().(pims.AppointmentFinder)
	require.False(t, ok)
	require.NoError(t, fake.Declaration().Check(pims.Credentials{}))
}

func TestACancelledCallOfAFakeSaysSo(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, (&pimstest.Fake{}).Session().Prove(ctx), context.Canceled)
}
