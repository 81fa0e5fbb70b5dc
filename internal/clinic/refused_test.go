package clinic_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimstest"
)

func TestARecordThatLooksLikeADeadSessionFailsAlone(t *testing.T) { // R20
	t.Parallel()
	for _, op := range []pimstest.Op{pimstest.OpConsultation, pimstest.OpFind} {
		t.Run(string(op), func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			o.fake.SetAppointments(pims.Appointment{ID: "7", Start: noon})
			o.fake.SetConsultations(pims.Consultation{ID: "c7", At: noon})
			connection := o.connect(t)
			o.fake.ForgetCalls()
			o.loggedOut(op, "bad")

			_, err := connection.Consultation(t.Context(), "bad")
			if op == pimstest.OpFind {
				finder, _ := connection.Finder()
				_, err = finder.FindAppointment(t.Context(), "bad")
			}
			require.ErrorIs(t, err, pims.ErrRecordRefused)
			require.ErrorIs(t, err, pims.ErrRemote)
			require.NotErrorIs(t, err, pims.ErrSessionExpired, "it would end the phase")
			require.Equal(t, "record_refused", pims.Kind(err))

			require.NoError(t, call(t, o, connection, op), "the records behind it are read")
			require.Equal(t, 1, o.fake.Count(pimstest.OpProve))
			require.Zero(t, o.fake.Count(pimstest.OpLogin))
			connection.Close(t.Context())
			require.NotNil(t, o.db.session, "the session is kept")
		})
	}
}

func TestAListThatLooksLikeADeadSessionCostsOneLogin(t *testing.T) { // R20, R36
	t.Parallel()
	for _, op := range []pimstest.Op{pimstest.OpAppointments, pimstest.OpSearch} {
		t.Run(string(op), func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			o.fake.SetAppointments(pims.Appointment{ID: "7", Start: noon})
			ask := func(c *clinic.Connection) (err error) {
				if op == pimstest.OpSearch {
					_, err = c.SearchConsultations(t.Context(), o.week(t))
				} else {
					_, err = c.Appointments(t.Context(), o.week(t))
				}
				return err
			}
			first := o.connect(t)
			require.True(t, first.Fresh())
			o.fake.ForgetCalls()
			o.loggedOut(op)
			for range 2 {
				require.ErrorIs(t, ask(first), pims.ErrRecordRefused)
			}
			require.Zero(t, o.fake.Count(pimstest.OpLogin), "this run has just logged in")
			require.Equal(t, 2, o.fake.Count(pimstest.OpProve))
			first.Close(t.Context())

			kept := o.connect(t)
			require.False(t, kept.Fresh())
			o.fake.ForgetCalls()
			err := ask(kept)
			require.ErrorIs(t, err, pims.ErrRecordRefused)
			require.NotErrorIs(t, err, pims.ErrSessionExpired)
			require.Equal(t, 1, o.fake.Count(pimstest.OpLogin), "a kept session may be half dead")
			kept.Close(t.Context())
			require.NotNil(t, o.db.session)

			o.fake.OnCall(nil)
			o.fake.ExpireSessions()
			third := o.connect(t)
			require.NoError(t, ask(third), "a session that is dead is renewed")
		})
	}
}

func TestManyRefusedRecordsCostFewProofs(t *testing.T) { // R20
	t.Parallel()
	t.Run("one after the other", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t)
		connection := o.connect(t)
		o.fake.ForgetCalls()
		o.loggedOut(pimstest.OpConsultation)
		for range 500 {
			_, err := connection.Consultation(t.Context(), "bad")
			require.ErrorIs(t, err, pims.ErrRecordRefused)
		}
		require.Equal(t, 9, o.fake.Count(pimstest.OpProve))
		require.Equal(t, 500, o.fake.Count(pimstest.OpConsultation))
		require.Zero(t, o.fake.Count(pimstest.OpLogin))
	})
	t.Run("at once", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t)
		connection := o.connect(t)
		o.fake.ForgetCalls()
		var together sync.WaitGroup
		together.Add(20)
		o.fake.OnCall(func(_ context.Context, call pimstest.Call) error {
			if call.Op != pimstest.OpConsultation {
				return nil
			}
			together.Done()
			together.Wait()
			return pims.ErrSessionExpired
		})
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() {
				if _, err := connection.Consultation(t.Context(), "bad"); !errors.Is(err, pims.ErrRecordRefused) {
					t.Errorf("refused was expected: %v", err)
				}
			})
		}
		group.Wait()
		require.Equal(t, 1, o.fake.Count(pimstest.OpProve), "one proof stands for all that was asked before it")
	})
}

func TestASessionThatDiesAmongRefusedRecordsIsRenewedOnce(t *testing.T) { // R20, R36
	t.Parallel()
	o := newOffice(t)
	o.fake.SetConsultations(pims.Consultation{ID: "c7", At: noon})
	connection := o.connect(t)
	o.loggedOut(pimstest.OpConsultation, "bad")
	_, err := connection.Consultation(t.Context(), "bad")
	require.ErrorIs(t, err, pims.ErrRecordRefused)

	o.fake.ExpireSessions()
	o.fake.ForgetCalls()
	require.NoError(t, call(t, o, connection, pimstest.OpConsultation))
	require.Equal(t, 1, o.fake.Count(pimstest.OpLogin))
	_, err = connection.Consultation(t.Context(), "bad")
	require.ErrorIs(t, err, pims.ErrRecordRefused, "in the new session, too")

	o.fake.ExpireSessions()
	_, err = connection.Consultation(t.Context(), "c7")
	require.ErrorIs(t, err, pims.ErrSessionExpired)
	require.Equal(t, 1, o.fake.Count(pimstest.OpLogin))
}

// Many records are read at once, and all of them meet the end of the session. While one of
// them proves it, the others wait.
func TestASessionThatDiesIsProvedDeadOnce(t *testing.T) { // R20, R36
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		o.fake.SetConsultations(pims.Consultation{ID: "c7", At: noon})
		connection := o.connect(t)
		o.fake.ExpireSessions()
		o.fake.ForgetCalls()
		o.fake.OnCall(func(_ context.Context, call pimstest.Call) error {
			if call.Op == pimstest.OpProve {
				synctest.Wait()
			}
			return nil
		})
		const many = 20
		var group sync.WaitGroup
		for range many {
			group.Go(func() {
				if _, err := connection.Consultation(t.Context(), "c7"); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		require.Equal(t, 1, o.fake.Count(pimstest.OpProve))
		require.Equal(t, 1, o.fake.Count(pimstest.OpLogin))
		require.Equal(t, 2*many, o.fake.Count(pimstest.OpConsultation))
	})
}

// credit has two records refused, so that a third one would need no proof.
func (o *office) credit(t *testing.T, connection *clinic.Connection) {
	t.Helper()
	for range 2 {
		_, err := connection.Consultation(t.Context(), "bad")
		require.ErrorIs(t, err, pims.ErrRecordRefused)
	}
}

func TestAProofOfOneSessionSaysNothingAboutTheNext(t *testing.T) { // R20, R36
	t.Parallel()
	o := newOffice(t)
	o.fake.SetConsultations(pims.Consultation{ID: "c7", At: noon})
	connection := o.connect(t)
	o.loggedOut(pimstest.OpConsultation, "bad")
	o.credit(t, connection)
	o.fake.ExpireSessions()
	require.NoError(t, connection.Prove(t.Context()), "it is renewed")

	o.fake.ExpireSessions()
	_, err := connection.Consultation(t.Context(), "c7")
	require.ErrorIs(t, err, pims.ErrSessionExpired)
}

func TestAProofSaysNothingOnceTheSessionIsDead(t *testing.T) { // R20, R36
	t.Parallel()
	o := newOffice(t)
	o.fake.SetConsultations(pims.Consultation{ID: "c7", At: noon})
	connection := o.connect(t)
	o.fake.ExpireSessions()
	require.NoError(t, connection.Prove(t.Context()), "it is renewed, for the only time")
	o.loggedOut(pimstest.OpConsultation, "bad")
	o.credit(t, connection)
	o.fake.ExpireSessions()
	require.ErrorIs(t, connection.Prove(t.Context()), pims.ErrSessionExpired)

	_, err := connection.Consultation(t.Context(), "c7")
	require.ErrorIs(t, err, pims.ErrSessionExpired)
}

func TestARecordThatWasAskedForInADeadSessionIsAskedForAgain(t *testing.T) { // R20, R36
	t.Parallel()
	o := newOffice(t)
	o.fake.SetConsultations(pims.Consultation{ID: "c7", At: noon})
	connection := o.connect(t)
	asked, goOn := make(chan struct{}), make(chan struct{})
	var first sync.Once
	o.fake.OnCall(func(_ context.Context, call pimstest.Call) (err error) {
		switch {
		case call.Op != pimstest.OpConsultation:
		case call.ID == "bad":
			return pims.ErrSessionExpired
		default:
			first.Do(func() {
				close(asked)
				<-goOn
				err = pims.ErrSessionExpired
			})
		}
		return err
	})
	answered := make(chan error, 1)
	go func() {
		_, err := connection.Consultation(t.Context(), "c7")
		answered <- err
	}()
	<-asked
	o.fake.ExpireSessions()
	require.NoError(t, connection.Prove(t.Context()), "it is renewed")
	_, err := connection.Consultation(t.Context(), "bad")
	require.ErrorIs(t, err, pims.ErrRecordRefused)
	close(goOn)
	require.NoError(t, <-answered, "the proof of the new session is none of the old one")
}

func TestWhereTheProofFailsOtherwiseNothingIsConcluded(t *testing.T) { // R20
	t.Parallel()
	o := newOffice(t)
	connection := o.connect(t)
	o.fake.ForgetCalls()
	o.loggedOut(pimstest.OpConsultation, "bad")
	o.fake.FailNext(pimstest.OpProve, fmt.Errorf("prove: %w", pims.ErrUnreachable))
	_, err := connection.Consultation(t.Context(), "bad")
	require.ErrorIs(t, err, pims.ErrUnreachable)
	require.NotErrorIs(t, err, pims.ErrRecordRefused)
	require.Zero(t, o.fake.Count(pimstest.OpLogin))
}
