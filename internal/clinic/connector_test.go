package clinic_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimstest"
	"github.com/pims-sync/pims-sync/internal/seal"
	"github.com/pims-sync/pims-sync/internal/timetest"
)

const password = "correct horse"

// office is a clinic with credentials, its PIMS, and the connector between them.
type office struct {
	*clinic.Connector
	id     uuid.UUID
	fake   *pimstest.Fake
	db     *memory
	ring   *seal.Keyring
	clock  *timetest.Clock
	log    *bytes.Buffer
	logins *[]string // provider and outcome of each
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{
		id:     uuid.New(),
		fake:   &pimstest.Fake{MaxAge: 8 * time.Hour, MaxIdle: 20 * time.Minute},
		ring:   ring(t),
		clock:  timetest.At(noon),
		log:    &bytes.Buffer{},
		logins: &[]string{},
	}
	o.fake.Now = o.clock.Now
	o.fake.SetPassword(password)
	o.db = &memory{clinic: &clinic.Clinic{ID: o.id, Timezone: "America/Chicago", Active: true}}
	var mu sync.Mutex
	o.Connector = clinic.NewConnector(clinic.ConnectorOptions{
		Providers:   map[string]pims.Provider{"some_pims": o.fake},
		Clinics:     o.db,
		Credentials: o.db,
		Sessions:    o.db,
		Keyring:     o.ring,
		Logger:      slog.New(slog.NewJSONHandler(o.log, nil)),
		Now:         o.clock.Now,
		ObserveLogin: func(provider, outcome string) {
			mu.Lock()
			defer mu.Unlock()
			*o.logins = append(*o.logins, provider+" "+outcome)
		},
	})
	o.setPassword(t, password)
	return o
}

// setPassword replaces the stored credential.
func (o *office) setPassword(t *testing.T, password string) {
	t.Helper()
	stored, err := o.NewCredential(o.id, "Some", pims.Credentials{pims.FieldUsername: "anna@example.com", pims.FieldPassword: password})
	require.NoError(t, err)
	o.db.change(func(m *memory) { m.credential, m.session = &stored, nil })
}

func (o *office) connect(t *testing.T) *clinic.Connection {
	t.Helper()
	connection, err := o.Connect(t.Context(), o.id)
	require.NoError(t, err)
	return connection
}

func TestTheFirstConnectionLogsInAndTheNextOnesReuseItsSession(t *testing.T) {
	t.Parallel()
	o := newOffice(t)

	first := o.connect(t)
	require.True(t, first.Fresh())
	require.Equal(t, "some_pims", first.Provider())
	require.Equal(t, o.id, first.Clinic().ID)
	require.Equal(t, "America/Chicago", first.Location().String())
	require.Zero(t, o.fake.Count(pimstest.OpProve), "Login proves the session itself")
	first.Close(t.Context())

	for range 3 {
		o.clock.Advance(19 * time.Minute)
		next := o.connect(t)
		require.False(t, next.Fresh())
		next.Close(t.Context())
	}
	require.Equal(t, 1, o.fake.Count(pimstest.OpLogin))
	require.Equal(t, 3, o.fake.Count(pimstest.OpProve))
	require.Equal(t, []string{"some_pims ok"}, *o.logins)
	require.NotContains(t, string(o.db.keptSession().Sealed), "fake session", "sessions are kept sealed")
}

func TestALoginIsKnownByATimeThatTheDatabaseCanKeep(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.clock.Advance(1234567 * time.Nanosecond)
	o.connect(t)
	require.Equal(t, noon.Add(1234*time.Microsecond), o.db.keptSession().LoggedInAt)
}

func TestASessionIsNotTriedWhenItIsTooOld(t *testing.T) {
	t.Parallel()
	t.Run("idle", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t)
		o.connect(t).Close(t.Context())
		o.clock.Advance(20*time.Minute + time.Second)

		require.True(t, o.connect(t).Fresh())
		require.Zero(t, o.fake.Count(pimstest.OpProve))
	})
	t.Run("absolute", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t)
		o.connect(t).Close(t.Context())
		for range 24 {
			o.clock.Advance(20 * time.Minute)
			o.connect(t).Close(t.Context())
		}
		require.Equal(t, 1, o.fake.Count(pimstest.OpLogin), "eight hours are allowed")
		o.clock.Advance(time.Second)

		require.True(t, o.connect(t).Fresh())
	})
}

func TestIdleTimeCountsFromTheLastAnswerOfThePIMS(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	connection := o.connect(t)
	o.clock.Advance(10 * time.Minute)
	require.NoError(t, connection.Prove(t.Context()))
	o.clock.Advance(10 * time.Minute) // writing to the database, say
	connection.Close(t.Context())

	require.Equal(t, noon.Add(10*time.Minute), o.db.keptSession().UsedAt)
	require.Equal(t, noon, o.db.keptSession().LoggedInAt)
}

func TestAKeptSessionThatCannotBeUsedIsReplacedByALogin(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*office){
		"expired":                   func(o *office) { o.fake.ExpireSessions() },
		"answers nonsense":          func(o *office) { o.fake.FailNext(pimstest.OpProve, pims.ErrSchemaDrift) },
		"of another format":         func(o *office) { o.fake.FailNext(pimstest.OpOpen, errors.New("no state of mine")) },
		"damaged in the database":   func(o *office) { o.db.session.Sealed[40] ^= 1 },
		"of another credential row": func(o *office) { o.db.session.CredentialID = uuid.New() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			o.connect(t).Close(t.Context())
			spoil(o)
			o.clock.Advance(time.Minute)

			require.True(t, o.connect(t).Fresh())
			require.Equal(t, 2, o.fake.Count(pimstest.OpLogin))
			require.Equal(t, noon.Add(time.Minute), o.db.keptSession().LoggedInAt)
			require.Equal(t, o.db.credential.ID, o.db.keptSession().CredentialID)
		})
	}
}

func TestAPIMSThatCannotBeAskedCostsNoLogin(t *testing.T) {
	t.Parallel()
	for _, failure := range []error{pims.ErrUnreachable, pims.ErrRateLimited} {
		o := newOffice(t)
		o.connect(t).Close(t.Context())
		o.fake.FailNext(pimstest.OpProve, failure)

		_, err := o.Connect(t.Context(), o.id)
		require.ErrorIs(t, err, failure)
		require.Equal(t, 1, o.fake.Count(pimstest.OpLogin))
		require.False(t, o.connect(t).Fresh(), "the session is kept all the same")
	}
}

func TestACancelledConnectLogsInNoMore(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.connect(t).Close(t.Context())
	ctx, cancel := context.WithCancel(t.Context())
	o.fake.OnCall(func(context.Context, pimstest.Call) error { cancel(); return nil })

	_, err := o.Connect(ctx, o.id)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 1, o.fake.Count(pimstest.OpLogin))
}

func TestWhatKeepsAClinicFromBeingConnectedIsToldBeforeAnyRequest(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(*office)
		want  error
		says  string
	}{
		"no clinic":   {func(o *office) { o.db.clinic = nil }, clinic.ErrNotFound, ""},
		"disabled":    {func(o *office) { o.db.clinic.Active = false }, clinic.ErrDisabled, "disabled"},
		"no zone":     {func(o *office) { o.db.clinic.Timezone = "" }, clinic.ErrTimezoneMissing, ""},
		"wrong zone":  {func(o *office) { o.db.clinic.Timezone = "Mars/Base" }, clinic.ErrTimezoneMissing, "Mars/Base"},
		"server zone": {func(o *office) { o.db.clinic.Timezone = "Local" }, clinic.ErrTimezoneMissing, ""},
		"none stored": {func(o *office) { o.db.credential = nil }, clinic.ErrCredentialsMissing, ""},
		"suspended":   {func(o *office) { o.db.credential.SuspendedAt = noon }, clinic.ErrCredentialsSuspended, ""},
		"damaged":     {func(o *office) { o.db.credential.Sealed[50] ^= 1 }, clinic.ErrCredentialsInvalid, "damaged"},
		"unknown provider": {
			func(o *office) { o.db.credential.Provider = "other_pims" },
			clinic.ErrCredentialsInvalid, `"other_pims"; there is some_pims`,
		},
		"a field lacks": {
			func(o *office) {
				o.fake.Require(pims.FieldPassword, pims.FieldPracticeID)
			},
			clinic.ErrCredentialsInvalid, "practiceId is missing",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			c.spoil(o)
			_, connectErr := o.Connect(t.Context(), o.id)
			_, testErr := o.Test(t.Context(), o.id)

			for _, err := range []error{o.Precheck(t.Context(), o.id), connectErr, testErr} {
				require.ErrorIs(t, err, c.want)
				require.ErrorContains(t, err, c.says)
				require.NotContains(t, err.Error(), password)
			}
			require.Zero(t, o.fake.Count(pimstest.OpLogin))
			require.Zero(t, o.fake.Count(pimstest.OpProve))
		})
	}
}

func TestPrecheckPassesWithoutARequest(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	require.NoError(t, o.Precheck(t.Context(), o.id))
	require.Zero(t, o.fake.Count(pimstest.OpLogin))
	require.Zero(t, o.fake.Count(pimstest.OpOpen))
}

func TestADefiniteWrongPasswordSuspendsTheCredentialAndIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.setPassword(t, "wrong")

	_, err := o.Connect(t.Context(), o.id)
	require.ErrorIs(t, err, pims.ErrAuthRejected)
	require.True(t, o.db.suspended())
	require.Equal(t, "PIMS authentication failed: Invalid credentials", o.db.credential.SuspendedReason)

	_, err = o.Connect(t.Context(), o.id)
	require.ErrorIs(t, err, clinic.ErrCredentialsSuspended)
	require.Equal(t, 1, o.fake.Count(pimstest.OpLogin))
	require.Equal(t, []string{"some_pims auth_rejected"}, *o.logins)
	require.NotContains(t, o.log.String(), "wrong")

	o.setPassword(t, password)
	require.True(t, o.connect(t).Fresh())
}

func TestNothingButAWrongPasswordSuspends(t *testing.T) {
	t.Parallel()
	for _, failure := range []error{
		pims.ErrAuthChallenge, pims.ErrLoginFormChanged, pims.ErrBrowserUnavailable, pims.ErrUnreachable,
		pims.ErrRemote, context.DeadlineExceeded,
	} {
		o := newOffice(t)
		o.fake.FailNext(pimstest.OpLogin, fmt.Errorf("log in: %w", failure))
		_, err := o.Connect(t.Context(), o.id)
		require.ErrorIs(t, err, failure)
		require.False(t, o.db.suspended())
		require.Equal(t, []string{"some_pims " + pims.Kind(failure)}, *o.logins)
	}
}

func TestACredentialThatWasReplacedMeanwhileIsNotSuspended(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.setPassword(t, "wrong")
	o.fake.OnCall(func(_ context.Context, call pimstest.Call) error {
		if call.Op == pimstest.OpLogin {
			o.setPassword(t, password)
		}
		return nil
	})

	_, err := o.Connect(t.Context(), o.id)

	require.ErrorIs(t, err, pims.ErrAuthRejected)
	require.False(t, o.db.suspended())
}

func TestARunThatWasCancelledStillSuspends(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ctx, cancel := context.WithCancel(t.Context())
	o.fake.OnCall(func(_ context.Context, call pimstest.Call) error {
		if call.Op != pimstest.OpLogin {
			return nil
		}
		cancel()
		return pims.ErrAuthRejected
	})

	_, err := o.Connect(ctx, o.id)

	require.ErrorIs(t, err, pims.ErrAuthRejected)
	require.True(t, o.db.suspended())
}

func TestASuspensionThatCannotBeStoredLeavesTheAnswerAsItIs(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.setPassword(t, "wrong")
	o.db.suspendErr = errors.New("the database is down")

	_, err := o.Connect(t.Context(), o.id)

	require.ErrorIs(t, err, pims.ErrAuthRejected)
	require.NotErrorIs(t, err, o.db.suspendErr, "a retryable error would try the wrong password again")
	require.Contains(t, o.log.String(), "could not be suspended")
}

func TestASessionThatCannotBeKeptCostsOnlyTheNextLogin(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.fake.FailNext(pimstest.OpState, errors.New("no state"))

	connection := o.connect(t)

	require.NoError(t, connection.Prove(t.Context()))
	require.Nil(t, o.db.keptSession())
	require.Contains(t, o.log.String(), "could not be kept")
}

func TestAConnectorNeedsNeitherLoggerNorClockNorObserver(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	plain := clinic.NewConnector(clinic.ConnectorOptions{
		Providers:   map[string]pims.Provider{"some_pims": o.fake},
		Clinics:     o.db,
		Credentials: o.db,
		Sessions:    o.db,
		Keyring:     o.ring,
	})
	before := time.Now()

	connection, err := plain.Connect(t.Context(), o.id)

	require.NoError(t, err)
	require.True(t, connection.Fresh())
	require.WithinRange(t, o.db.keptSession().LoggedInAt, before.Truncate(time.Microsecond), time.Now())
}

func TestProvidersAreKnownByNameAndAlias(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for _, name := range []string{"some_pims", "some", " Some_PIMS ", "SOME"} {
		got, err := o.CanonicalProvider(name)
		require.NoError(t, err, name)
		require.Equal(t, "some_pims", got)
	}
	for _, name := range []string{"", "some-pims", "other"} {
		_, err := o.CanonicalProvider(name)
		require.ErrorContains(t, err, "there is some_pims", name)
	}
}

func TestARowThatNamesAnAliasIsConnectedUnderTheCanonicalName(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	stored, err := clinic.SealCredential(o.ring, o.id, "some", pims.Credentials{pims.FieldPassword: password})
	require.NoError(t, err)
	o.db.credential = &stored

	require.Equal(t, "some_pims", o.connect(t).Provider())
	require.False(t, o.connect(t).Fresh())
}

func TestASessionThatAnEarlierVersionKeptCostsALogin(t *testing.T) { // R36
	t.Parallel()
	o := newOffice(t)
	o.connect(t).Close(t.Context())
	kept := o.db.keptSession()
	sealed, err := o.ring.Seal([]byte(`{"version":2,"base":"https://us.example.com"}`), o.db.credential.SessionSubject())
	require.NoError(t, err)
	kept.Sealed = sealed
	o.db.change(func(m *memory) { m.session = kept })

	require.True(t, o.connect(t).Fresh())
	require.NotContains(t, o.log.String(), "us.example.com")
}

func TestARowOfAnEarlierVersionIsReadOn(t *testing.T) { // R53, R37
	t.Parallel()
	o := newOffice(t)
	row := clinic.StoredCredential{ID: uuid.New(), ClinicID: o.id, Provider: "some_pims"}
	var err error
	row.Sealed, err = o.ring.Seal([]byte(`{"baseUrl":"https://us.example.com","username":"anna@example.com","password":"`+password+`"}`), row.Subject())
	require.NoError(t, err)
	opened, err := row.Open(o.ring)
	require.NoError(t, err)
	require.Equal(t, pims.Credentials{
		pims.FieldBaseURL: "https://us.example.com", pims.FieldUsername: "anna@example.com", pims.FieldPassword: password,
	}, opened)

	o.fake.Require(pims.FieldBaseURL, pims.FieldUsername, pims.FieldPassword)
	o.db.credential = &row
	require.True(t, o.connect(t).Fresh())
}

func TestNewCredentialsAreCheckedBeforeTheyAreStored(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.fake.Require(pims.FieldUsername)
	_, err := o.NewCredential(o.id, "some_pims", pims.Credentials{})
	var field *pims.FieldError
	require.ErrorAs(t, err, &field)
	require.Equal(t, "username", field.Field)
	_, err = o.NewCredential(o.id, "some_pims", pims.Credentials{pims.FieldUsername: "anna@example.com", "clientSecret": "hunter2"})
	require.ErrorAs(t, err, &field)
	require.EqualError(t, field, "clientSecret is no field of Some PIMS; there are baseUrl, username, password, practiceId")

	_, err = o.NewCredential(o.id, "other", pims.Credentials{})
	require.ErrorContains(t, err, `"other"`)
}

func TestATestOfCredentialsLogsInAfreshAndCountsToday(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.connect(t).Close(t.Context())
	o.clock.Advance(18*time.Hour - time.Minute) // 5:59 UTC: the evening before in Chicago
	evening := o.clock.Now()
	o.fake.SetAppointments(
		pims.Appointment{ID: "1", Start: evening.Add(-time.Hour)},
		pims.Appointment{ID: "2", Start: evening},
		pims.Appointment{ID: "3", Start: evening.Add(time.Hour)},
	)
	o.fake.SetFlaws([]pims.RecordError{{ID: "4", Field: "start", Reason: "is missing"}}, 0, 0)

	found, err := o.Test(t.Context(), o.id)

	require.NoError(t, err)
	require.Equal(t, "some_pims", found.Provider)
	require.Equal(t, "2026-03-04", found.Day.String())
	require.Equal(t, 3, found.Appointments, "two of the day and one that cannot be used")
	require.Equal(t, 2, o.fake.Count(pimstest.OpLogin))
	require.False(t, o.connect(t).Fresh(), "the new session is kept")
}

func TestATestThatFailsTellsWhere(t *testing.T) {
	t.Parallel()
	for op, step := range map[pimstest.Op]string{
		pimstest.OpLogin:        "logging in",
		pimstest.OpOpen:         "opening the new session",
		pimstest.OpProve:        "proving the session",
		pimstest.OpAppointments: "fetching the calendar of 2026-03-04",
	} {
		o := newOffice(t)
		o.fake.FailNext(op, pims.ErrRemote)
		_, err := o.Test(t.Context(), o.id)
		require.ErrorIs(t, err, pims.ErrRemote)
		require.ErrorContains(t, err, step)
	}
}

func TestATestWithAWrongPasswordSuspendsToo(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.setPassword(t, "wrong")
	_, err := o.Test(t.Context(), o.id)
	require.ErrorIs(t, err, pims.ErrAuthRejected)
	require.True(t, o.db.suspended())
}

func TestATestOfCredentialsIsKeptWithThem(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	outcome := func() string {
		credential, err := o.db.Credential(t.Context(), o.id)
		require.NoError(t, err)
		return credential.TestOutcome
	}
	require.Empty(t, outcome())
	_, err := o.Test(t.Context(), o.id)
	require.NoError(t, err)
	require.Equal(t, "ok", outcome())

	o.fake.FailNext(pimstest.OpLogin, pims.ErrAuthChallenge)
	_, err = o.Test(t.Context(), o.id)
	require.ErrorIs(t, err, pims.ErrAuthChallenge)
	require.Equal(t, "auth_challenge", outcome())

	for _, ours := range []error{pims.ErrBrowserUnavailable, pims.ErrHostNotAllowed} {
		o.fake.FailNext(pimstest.OpLogin, ours)
		_, err = o.Test(t.Context(), o.id)
		require.ErrorIs(t, err, ours)
		require.Equal(t, "auth_challenge", outcome(), "no word about the credentials")
	}

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = o.Test(ended, o.id)
	require.Error(t, err)
	require.Equal(t, "auth_challenge", outcome(), "a test that was broken off says nothing")
}
