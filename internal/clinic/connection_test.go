package clinic_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimstest"
)

func (o *office) week(t *testing.T) pims.Window {
	t.Helper()
	zone, err := clinic.LoadZone("America/Chicago")
	require.NoError(t, err)
	day := pims.DateOf(noon, zone)
	window, err := pims.NewWindow(day, day.AddDays(6), zone)
	require.NoError(t, err)
	return window
}

func TestEveryCallRenewsADeadSessionAndIsRepeatedOnce(t *testing.T) {
	t.Parallel()
	for _, op := range []pimstest.Op{
		pimstest.OpProve, pimstest.OpAppointments, pimstest.OpSearch, pimstest.OpConsultation, pimstest.OpFind,
	} {
		t.Run(string(op), func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			o.fake.SetAppointments(pims.Appointment{ID: "7", Start: noon})
			o.fake.SetConsultations(pims.Consultation{ID: "c7", At: noon})
			connection := o.connect(t)
			o.fake.ExpireSessions()
			o.fake.ForgetCalls()

			require.NoError(t, call(t, o, connection, op))

			require.Equal(t, 2, o.fake.Count(op))
			require.Equal(t, 1, o.fake.Count(pimstest.OpLogin))
			require.True(t, connection.Fresh())
		})
	}
}

// call does one call of a connection and checks that it returns what the PIMS
// holds.
func call(t *testing.T, o *office, c *clinic.Connection, op pimstest.Op) error {
	t.Helper()
	switch op {
	case pimstest.OpAppointments:
		snapshot, err := c.Appointments(t.Context(), o.week(t))
		require.Equal(t, 1, snapshot.Found())
		return err
	case pimstest.OpSearch:
		entries, err := c.SearchConsultations(t.Context(), o.week(t))
		require.Len(t, entries, 1)
		return err
	case pimstest.OpConsultation:
		consultation, err := c.Consultation(t.Context(), "c7")
		require.Equal(t, "c7", consultation.ID)
		return err
	case pimstest.OpFind:
		finder, ok := c.Finder()
		require.True(t, ok)
		appointment, err := finder.FindAppointment(t.Context(), "7")
		require.Equal(t, "7", appointment.ID)
		return err
	default:
		return c.Prove(t.Context())
	}
}

func TestALoginThatPanicsIsNotDoneAgainForEachCallThatWaitsForIt(t *testing.T) { // R58
	t.Parallel()
	o := newOffice(t)
	connection := o.connect(t)
	o.fake.ExpireSessions()
	o.fake.ForgetCalls()
	o.fake.OnCall(func(_ context.Context, call pimstest.Call) error {
		if call.Op == pimstest.OpLogin {
			panic("patient Pip Thistle")
		}
		return nil
	})
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() {
			_, err := connection.Consultation(t.Context(), "c7")
			if panics.In(err) == nil {
				t.Errorf("a panic was expected: %v", err)
			}
		})
	}
	group.Wait()
	require.Equal(t, 1, o.fake.Count(pimstest.OpLogin))
}

// loggedOut answers for records as a dead session is answered, while it lives.
func (o *office) loggedOut(op pimstest.Op, ids ...string) {
	o.fake.OnCall(func(_ context.Context, call pimstest.Call) error {
		if call.Op == op && (len(ids) == 0 || slices.Contains(ids, call.ID)) {
			return fmt.Errorf("HTTP 401: %w", pims.ErrSessionExpired)
		}
		return nil
	})
}

func TestTenCallsThatMeetADeadSessionLeadToOneLogin(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.fake.SetConsultations(pims.Consultation{ID: "c7", At: noon})
	connection := o.connect(t)
	o.fake.ExpireSessions()
	o.fake.ForgetCalls()

	// No call gets its answer before all ten have been made with the dead session.
	const callers = 10
	var arrived sync.WaitGroup
	arrived.Add(callers)
	var calls atomic.Int32
	o.fake.OnCall(func(_ context.Context, call pimstest.Call) error {
		if call.Op == pimstest.OpConsultation && calls.Add(1) <= callers {
			arrived.Done()
			arrived.Wait()
		}
		return nil
	})
	errs := make([]error, callers)
	var done sync.WaitGroup
	for i := range callers {
		done.Go(func() { _, errs[i] = connection.Consultation(t.Context(), "c7") })
	}
	done.Wait()

	for _, err := range errs {
		require.NoError(t, err)
	}
	require.Equal(t, 1, o.fake.Count(pimstest.OpLogin))
	require.Equal(t, 2*callers, o.fake.Count(pimstest.OpConsultation))
}

func TestARenewedSessionIsKeptAtTheEnd(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	connection := o.connect(t)
	o.fake.ExpireSessions()
	o.clock.Advance(time.Minute)
	require.NoError(t, connection.Prove(t.Context()))
	o.clock.Advance(time.Minute)
	require.NoError(t, connection.Prove(t.Context()))

	connection.Close(t.Context())

	require.Equal(t, noon.Add(time.Minute), o.db.keptSession().LoggedInAt)
	require.Equal(t, noon.Add(2*time.Minute), o.db.keptSession().UsedAt)
}

func TestASecondDeathEndsTheRunWithoutASecondLogin(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	connection := o.connect(t)
	o.fake.ExpireSessions()
	require.NoError(t, connection.Prove(t.Context()))
	o.fake.ExpireSessions()
	o.fake.ForgetCalls()

	for range 2 {
		require.ErrorIs(t, connection.Prove(t.Context()), pims.ErrSessionExpired)
	}
	require.Zero(t, o.fake.Count(pimstest.OpLogin))

	connection.Close(t.Context())
	require.Nil(t, o.db.keptSession(), "a dead session is dropped")
}

func TestASessionThatDiesAtOnceAgainIsNotRenewedForEver(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	connection := o.connect(t)
	o.fake.FailAlways(pimstest.OpProve, pims.ErrSessionExpired)
	o.fake.ForgetCalls()

	require.ErrorIs(t, connection.Prove(t.Context()), pims.ErrSessionExpired)

	require.Equal(t, 2, o.fake.Count(pimstest.OpProve))
	require.Equal(t, 1, o.fake.Count(pimstest.OpLogin))
}

func TestARenewalThatFailsIsTheAnswerOfEveryCallAndIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	for _, failure := range []error{pims.ErrAuthRejected, pims.ErrUnreachable} {
		o := newOffice(t)
		connection := o.connect(t)
		o.fake.ExpireSessions()
		o.fake.FailNext(pimstest.OpLogin, failure)
		o.fake.ForgetCalls()

		for range 3 {
			require.ErrorIs(t, connection.Prove(t.Context()), failure)
		}
		require.Equal(t, 1, o.fake.Count(pimstest.OpLogin))
		require.Equal(t, errors.Is(failure, pims.ErrAuthRejected), o.db.suspended())

		connection.Close(t.Context())
		require.Nil(t, o.db.keptSession())
	}
}

func TestACallerThatGivesUpDoesNotSpendTheRenewal(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	connection := o.connect(t)
	o.fake.ExpireSessions()
	ctx, cancel := context.WithCancel(t.Context())
	o.fake.OnCall(func(_ context.Context, call pimstest.Call) error {
		if call.Op == pimstest.OpLogin {
			cancel()
		}
		return nil
	})
	require.ErrorIs(t, connection.Prove(ctx), context.Canceled)

	o.fake.OnCall(nil)
	require.NoError(t, connection.Prove(t.Context()))
}

func TestACallerThatWaitsForARenewalCanGiveUp(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	connection := o.connect(t)
	o.fake.ExpireSessions()
	loggingIn, goOn := make(chan struct{}), make(chan struct{})
	waiting, cancel := context.WithCancel(t.Context())
	o.fake.OnCall(func(ctx context.Context, call pimstest.Call) error {
		switch {
		case call.Op == pimstest.OpLogin:
			close(loggingIn)
			<-goOn
		case call.Op == pimstest.OpProve && ctx == waiting:
			return pims.ErrSessionExpired
		}
		return nil
	})
	first, second := make(chan error, 1), make(chan error, 1)
	go func() { first <- connection.Prove(t.Context()) }()
	<-loggingIn
	go func() { second <- connection.Prove(waiting) }()
	cancel()

	require.ErrorIs(t, <-second, context.Canceled)
	close(goOn)
	require.NoError(t, <-first)
}

func TestOtherErrorsAreNotRepeated(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	connection := o.connect(t)
	o.fake.ForgetCalls()

	_, err := connection.Consultation(t.Context(), "none")

	require.ErrorIs(t, err, pims.ErrNotFound)
	require.Equal(t, 1, o.fake.Count(pimstest.OpConsultation))
	require.Zero(t, o.fake.Count(pimstest.OpLogin))
}

func TestARunKeepsItsAccount(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		meanwhile func(*memory)
		want      error
	}{
		"credentials replaced":  {func(m *memory) { other := *m.credential; other.ID = uuid.New(); m.credential = &other }, pims.ErrSessionExpired},
		"credentials suspended": {func(m *memory) { m.credential.SuspendedAt = noon }, clinic.ErrCredentialsSuspended},
		"credentials removed":   {func(m *memory) { m.credential = nil }, clinic.ErrCredentialsMissing},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			connection := o.connect(t)
			o.fake.ExpireSessions()
			o.fake.ForgetCalls()
			o.db.change(c.meanwhile)

			err := connection.Prove(t.Context())
			require.ErrorIs(t, err, c.want)
			require.ErrorIs(t, err, clinic.ErrNotRenewed)
			require.Zero(t, o.fake.Count(pimstest.OpLogin))
		})
	}
}

func TestARenewalTakesTheSessionThatAnotherConnectionMade(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	one, two, three := o.connect(t), o.connect(t), o.connect(t)
	o.fake.ExpireSessions()
	o.clock.Advance(time.Minute)

	require.NoError(t, two.Prove(t.Context()))
	require.NoError(t, one.Prove(t.Context()))
	require.NoError(t, three.Prove(t.Context()))

	require.Equal(t, 2, o.fake.Count(pimstest.OpLogin), "the first, and one for all")
	require.True(t, one.Fresh(), "it made the first login")
	require.True(t, two.Fresh(), "it made the second")
	require.False(t, three.Fresh())
}

func TestClosingNeverHarmsTheSessionOfALaterLogin(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*testing.T, *office, *clinic.Connection){
		"alive": func(*testing.T, *office, *clinic.Connection) {},
		"dead": func(t *testing.T, o *office, old *clinic.Connection) {
			o.fake.FailAlways(pimstest.OpProve, pims.ErrSessionExpired)
			o.fake.FailAlways(pimstest.OpLogin, pims.ErrUnreachable)
			require.Error(t, old.Prove(t.Context()))
			o.fake.FailAlways(pimstest.OpProve, nil)
			o.fake.FailAlways(pimstest.OpLogin, nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			old := o.connect(t)
			end(t, o, old)
			o.clock.Advance(time.Minute)
			_, err := o.Test(t.Context(), o.id) // a login of its own
			require.NoError(t, err)
			later := *o.db.keptSession()

			old.Close(t.Context())

			require.Equal(t, later, *o.db.keptSession())
			require.False(t, o.connect(t).Fresh())
		})
	}
}

func TestClosingDoesNotBringTheSessionOfASuspendedCredentialBack(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	connection := o.connect(t)
	require.NoError(t, o.db.SuspendCredential(t.Context(), o.id, o.db.credential.ID, "refused", noon))

	connection.Close(t.Context())

	require.Nil(t, o.db.keptSession())
}

func TestManyConnectionsOfAClinicAtOnceLeaveAUsableSession(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			connection, err := o.Connect(t.Context(), o.id)
			if err != nil {
				t.Errorf("connect: %v", err)
				return
			}
			defer connection.Close(t.Context())
			if i%2 == 0 {
				o.clock.Advance(time.Second)
			}
			if err := connection.Prove(t.Context()); err != nil {
				t.Errorf("prove: %v", err)
			}
		})
	}
	all.Wait()

	require.False(t, o.connect(t).Fresh())
}

func TestAPIMSWithoutPointLookupHasNoFinder(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.fake.NoFinder = true
	_, ok := o.connect(t).Finder()
	require.False(t, ok)
}

func TestALookupThatTheRenewedSessionLacksIsAnError(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	finder, ok := o.connect(t).Finder()
	require.True(t, ok)
	o.fake.ExpireSessions()
	o.fake.NoFinder = true

	_, err := finder.FindAppointment(t.Context(), "7")

	require.ErrorContains(t, err, "cannot look an appointment up")
	require.NotErrorIs(t, err, pims.ErrNotFound, "which would let a case be deleted")
}

func TestADeadSessionThatCannotBeDroppedIsFoundOutByTheNextProof(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	connection := o.connect(t)
	o.fake.ExpireSessions()
	o.db.dropErr = errors.New("the database is down")

	require.NoError(t, connection.Prove(t.Context()))

	require.Equal(t, 2, o.fake.Count(pimstest.OpLogin))
	require.Contains(t, o.log.String(), "could not be dropped")
}

func TestTheStateIsThePresentSessions(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	connection := o.connect(t)
	before, err := connection.State()
	require.NoError(t, err)
	o.fake.ExpireSessions()
	require.NoError(t, connection.Prove(t.Context()))

	after, err := connection.State()

	require.NoError(t, err)
	require.NotEqual(t, before, after)
}
