package queue_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pims-sync/pims-sync/internal/postgres/casestore"
	"github.com/pims-sync/pims-sync/internal/postgres/syncstore"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/logtest"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimstest"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/queue"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// secret is what the panics hold and no log, audit or error may (R40).
const secret = "Pip Thistle"

// A connection is a session of a scripted PIMS.
type connection struct {
	pims.Session
	id uuid.UUID
}

func (c connection) Finder() (pims.AppointmentFinder, bool) {
	finder, ok := c.Session.(pims.AppointmentFinder)
	return finder, ok
}
func (c connection) Provider() string         { return "idexx_neo" }
func (c connection) Clinic() clinic.Clinic    { return clinic.Clinic{ID: c.id, Active: true} }
func (c connection) Location() *time.Location { return time.UTC }
func (c connection) Close(context.Context)    {}

// recorder is what the real binary gives its runner.
type recorder struct {
	*syncstore.Audits
	*syncstore.Plans
}

// A scene is a replica with real syncs of a scripted PIMS, in a real database.
type scene struct {
	*replica
	fake *pimstest.Fake
	log  *logtest.Book
	db   *postgres.DB
	now  time.Time
}

// newScene has a case with a consultation that is due, and one that vanished from the
// PIMS, so that every phase asks for everything.
func newScene(t *testing.T, url string, clinicIDs []uuid.UUID, change func(*queue.Options)) *scene {
	t.Helper()
	s := &scene{fake: &pimstest.Fake{}, log: &logtest.Book{}, db: pgtest.Open(t, url), now: time.Now()}
	visit := s.now.Add(-3 * time.Hour)
	var appointments []pims.Appointment
	var consultations []pims.Consultation
	for _, id := range []string{"1", "2", "3", "4", "5", "6"} {
		appointments = append(appointments, pims.Appointment{ID: id, Start: visit, PatientName: "Juniper", Status: pims.StatusCompleted})
		consultations = append(consultations, pims.Consultation{ID: "c" + id, AppointmentID: id, At: visit, SOAP: pims.SOAP{Subjective: "well"}})
	}
	s.fake.SetAppointments(appointments...)
	s.fake.SetConsultations(consultations...)
	for _, id := range clinicIDs {
		_, err := s.db.Pool().Exec(t.Context(), `insert into cases (clinic_id, pims_id, scheduled_date, status, sync_status)
			select $1, unnest(array['1', '2', '3', '4', '5', '6', '7']), $2, 'pending', 'pending'`, id, visit)
		require.NoError(t, err)
	}
	logger := slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	record := recorder{syncstore.NewAudits(s.db), syncstore.NewPlans(s.db)}
	runner := casesync.NewRunner(casesync.RunnerOptions{
		Connect: func(ctx context.Context, id uuid.UUID) (casesync.Connection, error) {
			state, err := s.fake.Login(context.WithValue(ctx, clinicKey{}, id), pims.Account{Location: time.UTC})
			if err != nil {
				return nil, err
			}
			session, err := s.fake.Open(pims.Account{Location: time.UTC}, state)
			return connection{session, id}, err
		},
		Plan: record.Plan, Cases: casestore.NewCases(s.db), Recorder: record, Logger: logger,
	})
	s.replica = working(t, url, runner.Run, func(o *queue.Options) {
		o.Logger = logger
		if change != nil {
			change(o)
		}
	})
	return s
}

type clinicKey struct{}

// panicAt makes the PIMS panic at an operation, once it is asked the nth time.
func (s *scene) panicAt(op pimstest.Op, nth int) {
	var mu sync.Mutex
	calls := 0
	s.fake.OnCall(func(_ context.Context, call pimstest.Call) error {
		if call.Op != op {
			return nil
		}
		mu.Lock()
		calls++
		now := calls == nth
		mu.Unlock()
		if now {
			panic("patient " + secret)
		}
		return nil
	})
}

func TestAPanicAnywhereInASyncEndsItAlone(t *testing.T) { // R58
	t.Parallel()
	for name, test := range map[string]struct {
		kind  syncs.Type
		op    pimstest.Op
		nth   int
		frame string // of the stack in the log
		ends  syncs.Type
	}{
		"logging in":                      {syncs.TypeFull, pimstest.OpLogin, 1, "pimstest.(*Fake).Login", ""},
		"opening the session":             {syncs.TypeInbound, pimstest.OpOpen, 1, "pimstest.(*Fake).Open", ""},
		"the calendar":                    {syncs.TypeInbound, pimstest.OpAppointments, 1, "Appointments", ""},
		"the calendar of a full sync":     {syncs.TypeFull, pimstest.OpAppointments, 1, "Appointments", ""},
		"the search":                      {syncs.TypeCases, pimstest.OpSearch, 1, "SearchConsultations", ""},
		"the search of a full sync":       {syncs.TypeFull, pimstest.OpSearch, 1, "SearchConsultations", syncs.TypeCases},
		"a consultation":                  {syncs.TypeCases, pimstest.OpConsultation, 2, "Consultation", ""},
		"a consultation of a full sync":   {syncs.TypeFull, pimstest.OpConsultation, 1, "Consultation", syncs.TypeCases},
		"a lookup":                        {syncs.TypeReconciliation, pimstest.OpFind, 1, "FindAppointment", ""},
		"the second lookup":               {syncs.TypeReconciliation, pimstest.OpFind, 2, "FindAppointment", ""},
		"a lookup of a full sync":         {syncs.TypeFull, pimstest.OpFind, 2, "FindAppointment", syncs.TypeReconciliation},
		"reading the orphans' days again": {syncs.TypeReconciliation, pimstest.OpAppointments, 2, "Appointments", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := pgtest.URL(t)
			clinicID := addClinic(t, url)
			s := newScene(t, url, []uuid.UUID{clinicID}, nil)
			s.panicAt(test.op, test.nth)

			audit := wait(t, s.replica, start(t, s.replica, clinicID, test.kind, syncs.TriggerSchedule))
			require.Equal(t, syncs.StatusFailed, audit.Status)
			require.Equal(t, syncs.CodeInternal, audit.Result.Code)
			require.Equal(t, 1, audit.Attempt, "a schedule's sync is tried again, but not after a panic")
			if test.kind == syncs.TypeFull {
				require.Len(t, audit.Children, 3-len(audit.Result.Skipped))
			}
			if test.ends != "" {
				last := audit.Children[len(audit.Children)-1]
				require.Equal(t, test.ends, last.Type, "nothing runs after the phase that panicked")
				require.Equal(t, syncs.CodeInternal, last.Result.Code)
			}

			lines := s.log.Panics(t)
			require.NotEmpty(t, lines, "a panic leaves a trace")
			for _, line := range lines {
				require.Equal(t, "string", line["panic"])
				require.Contains(t, line["stack"], test.frame)
			}
			require.True(t, slices.ContainsFunc(lines, func(line map[string]any) bool { return line["sync_id"] == audit.ID.String() }),
				"the log of this sync id tells more")
			require.NotContains(t, s.log.String(), secret)
			encoded, err := json.Marshal(audit)
			require.NoError(t, err)
			require.NotContains(t, string(encoded), secret)

			s.fake.OnCall(nil)
			next := wait(t, s.replica, start(t, s.replica, clinicID, test.kind, syncs.TriggerAPI))
			require.Equal(t, syncs.StatusCompleted, next.Status, "%+v", next.Result)
		})
	}
}

func TestAPanicLeavesTheSyncsOfOtherClinicsAlone(t *testing.T) { // R58
	t.Parallel()
	url := pgtest.URL(t)
	unlucky, other := addClinic(t, url), addClinic(t, url)
	s := newScene(t, url, []uuid.UUID{unlucky, other}, nil)
	entered, panicked := make(chan struct{}), make(chan struct{})
	s.fake.OnCall(func(ctx context.Context, call pimstest.Call) error {
		if call.Op != pimstest.OpLogin {
			return nil
		}
		if ctx.Value(clinicKey{}) == other {
			close(entered)
			<-panicked
			return nil
		}
		<-entered
		panic(secret)
	})
	running := start(t, s.replica, other, syncs.TypeFull, syncs.TriggerAPI)
	ended := wait(t, s.replica, start(t, s.replica, unlucky, syncs.TypeFull, syncs.TriggerAPI))
	close(panicked)
	require.Equal(t, syncs.CodeInternal, ended.Result.Code)
	require.Equal(t, syncs.StatusCompleted, wait(t, s.replica, running).Status)
}

func TestAPanicThatMeetsTheEndOfTheReplicaIsNotTriedAgain(t *testing.T) { // R31, R58
	t.Parallel()
	url := pgtest.URL(t)
	clinicID := addClinic(t, url)
	begun := make(chan struct{})
	r := newReplica(t, url, func(ctx context.Context, _ syncs.Run) (syncs.Result, error) {
		close(begun)
		<-ctx.Done()
		panic(secret)
	}, func(o *queue.Options) { o.SoftStop = time.Millisecond })
	require.NoError(t, r.Begin(t.Context()))
	audit := start(t, r, clinicID, syncs.TypeInbound, syncs.TriggerSchedule)
	<-begun
	require.NoError(t, r.Stop(context.Background()))
	ended, err := r.Audit(t.Context(), clinicID, audit.ID)
	require.NoError(t, err)
	require.Equal(t, syncs.StatusFailed, ended.Status)
	require.Equal(t, syncs.CodeInternal, ended.Result.Code)
}

// A breaking observer panics where it is told of an end.
type breaking struct{}

func (breaking) SyncEnded(syncs.Type, syncs.Status, time.Duration) { panic(secret) }
func (breaking) SyncStarted(syncs.Type)                            {}
func (breaking) SyncGivenBack(syncs.Type)                          {}
func (breaking) SyncLate(time.Duration)                            {}

func TestAWorkerWorksOnAfterItsObserverPanics(t *testing.T) { // R58
	t.Parallel()
	url := pgtest.URL(t)
	clinicID := addClinic(t, url)
	log := &logtest.Book{}
	r := working(t, url, created(1), func(o *queue.Options) {
		o.Observe = breaking{}
		o.Logger = slog.New(slog.NewJSONHandler(log, nil))
	})
	for range 2 {
		require.Equal(t, syncs.StatusCompleted, wait(t, r, start(t, r, clinicID, syncs.TypeInbound, syncs.TriggerAPI)).Status)
	}
	require.NotEmpty(t, log.Panics(t))
	require.NotContains(t, log.String(), secret)
}
