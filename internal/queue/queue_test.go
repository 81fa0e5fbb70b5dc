package queue_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pims-sync/pims-sync/internal/postgres/clinicstore"
	"github.com/pims-sync/pims-sync/internal/postgres/syncstore"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/queue"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// runFunc is what a replica's syncs do.
type runFunc = func(ctx context.Context, run syncs.Run) (syncs.Result, error)

// A replica is a Queue with its own pool and notifier, as one process has them.
type replica struct {
	*queue.Queue
	audits *syncstore.Audits
}

func newReplica(t *testing.T, url string, run runFunc, change func(*queue.Options)) *replica {
	t.Helper()
	return newReplicaOf(t, pgtest.Open(t, url), run, change)
}

// newReplicaOf is newReplica with a pool that the test opened.
func newReplicaOf(t *testing.T, db *postgres.DB, run runFunc, change func(*queue.Options)) *replica {
	t.Helper()
	notifier := postgres.NewNotifier(db)
	t.Cleanup(notifier.Close)
	o := queue.Options{
		DB: db, Audits: syncstore.NewAudits(db), Plans: syncstore.NewPlans(db), Replicas: db.Replicas(),
		Clinics: clinicstore.NewClinics(db), Notifier: notifier, Run: run,
		Precheck: func(context.Context, uuid.UUID) error { return nil },
		Lease:    600 * time.Millisecond,
		Logger:   slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&o)
	}
	q, err := queue.New(o)
	require.NoError(t, err)
	return &replica{q, o.Audits}
}

// working is a replica that works until the test ends.
func working(t *testing.T, url string, run runFunc, change func(*queue.Options)) *replica {
	t.Helper()
	r := newReplica(t, url, run, change)
	require.NoError(t, r.Begin(t.Context()))
	t.Cleanup(func() { require.NoError(t, r.Stop(context.Background())) })
	return r
}

func addClinic(t *testing.T, url string) uuid.UUID {
	t.Helper()
	added, err := clinicstore.NewClinics(pgtest.Open(t, url)).Add(t.Context(), clinic.Clinic{Name: "Test", Timezone: "UTC", Active: true})
	require.NoError(t, err)
	return added.ID
}

func start(t *testing.T, r *replica, clinicID uuid.UUID, kind syncs.Type, trigger syncs.Trigger) syncs.Audit {
	t.Helper()
	audit, err := r.Start(t.Context(), syncs.Request{ClinicID: clinicID, Type: kind, Trigger: trigger}, "")
	require.NoError(t, err)
	return audit
}

// wait waits for the end of a sync, over any number of attempts.
func wait(t *testing.T, r *replica, audit syncs.Audit) syncs.Audit {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		now, err := r.Wait(ctx, audit.ClinicID, audit.ID)
		require.NoError(t, err)
		if now.Status.Final() {
			return now
		}
		require.NoError(t, ctx.Err(), "the sync did not end: %+v", now)
	}
}

func failure(t *testing.T, err error) *syncs.Failure {
	t.Helper()
	var f *syncs.Failure
	require.ErrorAs(t, err, &f)
	return f
}

func created(n int) runFunc {
	return func(context.Context, syncs.Run) (syncs.Result, error) {
		return syncs.Result{Stats: syncs.Stats{CasesCreated: n}}, nil
	}
}

func TestASyncThatIsStartedHereIsWorkedOnThereAndAnsweredHere(t *testing.T) { // R28
	t.Parallel()
	url := pgtest.URL(t)
	clinicID := addClinic(t, url)
	here := newReplica(t, url, nil, nil)
	working(t, url, created(7), nil)

	audit := wait(t, here, start(t, here, clinicID, syncs.TypeInbound, syncs.TriggerAPI))
	require.Equal(t, syncs.StatusCompleted, audit.Status)
	require.Equal(t, 7, audit.Result.Stats.CasesCreated)
	require.Equal(t, 1, audit.Attempt)
	require.False(t, audit.CompletedAt.Before(audit.StartedAt))
}

func TestAFailureEndsInTheAuditWithItsCodeAndOneAttempt(t *testing.T) { // R32
	t.Parallel()
	url := pgtest.URL(t)
	clinicID := addClinic(t, url)
	r := working(t, url, func(context.Context, syncs.Run) (syncs.Result, error) {
		return syncs.Result{}, pims.ErrUnreachable
	}, nil)
	audit := wait(t, r, start(t, r, clinicID, syncs.TypeInbound, syncs.TriggerAPI))
	require.Equal(t, syncs.StatusFailed, audit.Status)
	require.Equal(t, syncs.CodeUnreachable, audit.Result.Code)
	require.Equal(t, 1, audit.Attempt)
}

func TestAPanicEndsItsSyncOnlyAndTellsNoInternals(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	clinicID := addClinic(t, url)
	r := working(t, url, func(context.Context, syncs.Run) (syncs.Result, error) { panic("secret detail") }, nil)
	audit := wait(t, r, start(t, r, clinicID, syncs.TypeInbound, syncs.TriggerAPI))
	require.Equal(t, syncs.CodeInternal, audit.Result.Code)
	require.NotContains(t, audit.Result.Error, "secret")
}

// blocked is a run that says when it begins and ends with its context.
func blocked() (runFunc, <-chan syncs.Run) {
	began := make(chan syncs.Run, 16)
	return func(ctx context.Context, run syncs.Run) (syncs.Result, error) {
		began <- run
		<-ctx.Done()
		return syncs.Result{}, ctx.Err()
	}, began
}

func TestASecondStartWhileOneRunsIsRefusedWithTheFirstOnesID(t *testing.T) { // R29
	t.Parallel()
	url := pgtest.URL(t)
	clinicID, other := addClinic(t, url), addClinic(t, url)
	run, began := blocked()
	r := working(t, url, run, nil)
	first := start(t, r, clinicID, syncs.TypeInbound, syncs.TriggerAPI)
	<-began

	for _, kind := range syncs.Types() {
		_, err := r.Start(t.Context(), syncs.Request{ClinicID: clinicID, Type: kind, Trigger: syncs.TriggerAPI}, "")
		require.Equal(t, syncs.CodeSyncRunning, failure(t, err).Code)
		require.Equal(t, first.ID, failure(t, err).SyncID)
	}
	start(t, r, other, syncs.TypeInbound, syncs.TriggerAPI)
	require.Equal(t, other, (<-began).Lease.ClinicID, "another clinic is not in the way")

	_, err := r.Cancel(t.Context(), clinicID, first.ID, "key:test")
	require.NoError(t, err)
	require.Equal(t, syncs.StatusCancelled, wait(t, r, first).Status)
}

func TestATickWaitsUntilTheClinicIsFree(t *testing.T) { // R29
	t.Parallel()
	url := pgtest.URL(t)
	clinicID := addClinic(t, url)
	release := make(chan struct{})
	var atOnce, most atomic.Int32
	r := working(t, url, func(_ context.Context, run syncs.Run) (syncs.Result, error) {
		most.Store(max(most.Load(), atOnce.Add(1)))
		defer atOnce.Add(-1)
		if run.Type == syncs.TypeInbound {
			<-release
		}
		return syncs.Result{}, nil
	}, nil)
	first := start(t, r, clinicID, syncs.TypeInbound, syncs.TriggerAPI)
	require.Eventually(t, func() bool { return atOnce.Load() == 1 }, 10*time.Second, time.Millisecond)
	tick := start(t, r, clinicID, syncs.TypeCases, syncs.TriggerSchedule)
	close(release)
	require.Equal(t, syncs.StatusCompleted, wait(t, r, first).Status)
	require.Equal(t, syncs.StatusCompleted, wait(t, r, tick).Status)
	require.Equal(t, int32(1), most.Load())
}

func TestASyncThatWaitsItsTurnIsNotOvertaken(t *testing.T) { // R29, R30
	t.Parallel()
	url := pgtest.URL(t)
	clinicID := addClinic(t, url)
	order := make(chan syncs.Type, 2)
	r := newReplica(t, url, func(_ context.Context, run syncs.Run) (syncs.Result, error) {
		order <- run.Type
		return syncs.Result{}, nil
	}, nil)
	older := start(t, r, clinicID, syncs.TypeInbound, syncs.TriggerAPI)
	start(t, r, clinicID, syncs.TypeCases, syncs.TriggerAPI)
	// The older one found the clinic busy a moment ago.
	_, err := pgtest.Open(t, url).Pool().Exec(t.Context(),
		`update river_job set scheduled_at = now() + interval '1 second' where args ->> 'sync_id' = $1`, older.ID.String())
	require.NoError(t, err)
	require.NoError(t, r.Begin(t.Context()))
	t.Cleanup(func() { require.NoError(t, r.Stop(context.Background())) })
	require.Equal(t, syncs.TypeInbound, <-order)
	require.Equal(t, syncs.TypeCases, <-order)
}

func TestASyncThatRiverHasNotMadeAvailableYetIsInNobodysWay(t *testing.T) { // R30
	t.Parallel()
	url := pgtest.URL(t)
	clinicID := addClinic(t, url)
	r := newReplica(t, url, created(1), nil)
	older := start(t, r, clinicID, syncs.TypeInbound, syncs.TriggerAPI)
	newer := start(t, r, clinicID, syncs.TypeCases, syncs.TriggerAPI)
	// The older one is due again, and River's leader is dead.
	_, err := pgtest.Open(t, url).Pool().Exec(t.Context(),
		`update river_job set state = 'scheduled', scheduled_at = now() where args ->> 'sync_id' = $1`, older.ID.String())
	require.NoError(t, err)
	overtakes, err := r.Overtakes(t.Context(), newer.ID)
	require.NoError(t, err)
	require.False(t, overtakes)
}

func TestACancelFromAnotherReplicaEndsARunningSync(t *testing.T) { // R29
	t.Parallel()
	url := pgtest.URL(t)
	clinicID := addClinic(t, url)
	run, began := blocked()
	working(t, url, run, func(o *queue.Options) { o.Lease = time.Hour }) // no heartbeat helps
	other := newReplica(t, url, nil, nil)
	audit := start(t, other, clinicID, syncs.TypeFull, syncs.TriggerAPI)
	<-began
	_, err := other.Cancel(t.Context(), clinicID, audit.ID, "key:test")
	require.NoError(t, err)
	audit = wait(t, other, audit)
	require.Equal(t, syncs.StatusCancelled, audit.Status)
	require.Equal(t, syncs.CodeCancelled, audit.Result.Code)
}

// The connection that is told of cancellations breaks just before one.
func TestACancelThatNoReplicaIsToldOfIsFoundAtOnce(t *testing.T) { // R29, R30
	t.Parallel()
	url := pgtest.URL(t)
	clinicID := addClinic(t, url)
	run, began := blocked()
	working(t, url, run, func(o *queue.Options) { o.Lease = time.Hour })
	other := newReplica(t, url, nil, nil)
	audit := start(t, other, clinicID, syncs.TypeFull, syncs.TriggerAPI)
	<-began
	database := pgtest.Open(t, url).Pool()
	for ended := 0; ended == 0; { // it may not be there yet
		require.NoError(t, database.QueryRow(t.Context(), `
			select count(pg_terminate_backend(pid)) from pg_stat_activity
			where datname = current_database() and query like 'listen %'`).Scan(&ended))
	}
	_, err := other.Cancel(t.Context(), clinicID, audit.ID, "key:test")
	require.NoError(t, err)
	require.Equal(t, syncs.StatusCancelled, wait(t, other, audit).Status)
}

func TestASyncOverItsTimeLimitFailsWithATimeout(t *testing.T) { // R28
	t.Parallel()
	url := pgtest.URL(t)
	clinicID := addClinic(t, url)
	run, _ := blocked()
	r := working(t, url, run, func(o *queue.Options) { o.TimeLimit = 50 * time.Millisecond })
	audit := wait(t, r, start(t, r, clinicID, syncs.TypeInbound, syncs.TriggerAPI))
	require.Equal(t, syncs.StatusFailed, audit.Status)
	require.Equal(t, syncs.CodeTimeout, audit.Result.Code)
}

func TestAScheduledSyncIsTriedAgainLater(t *testing.T) { // R32
	t.Parallel()
	url := pgtest.URL(t)
	clinicID := addClinic(t, url)
	ended := make(chan struct{}, 1)
	r := working(t, url, func(context.Context, syncs.Run) (syncs.Result, error) {
		ended <- struct{}{}
		return syncs.Result{}, pims.ErrUnreachable
	}, nil)
	audit := start(t, r, clinicID, syncs.TypeInbound, syncs.TriggerSchedule)
	<-ended
	now, err := r.Wait(t.Context(), clinicID, audit.ID)
	require.NoError(t, err)
	require.Equal(t, syncs.StatusQueued, now.Status, "between attempts it is queued")
	require.Equal(t, 1, now.Attempt)

	db := pgtest.Open(t, url)
	var scheduled time.Time
	require.NoError(t, db.Pool().QueryRow(t.Context(),
		`select scheduled_at from river_job where state = 'scheduled' and args ->> 'sync_id' = $1`, audit.ID.String()).Scan(&scheduled))
	require.WithinDuration(t, time.Now().Add(time.Minute), scheduled, 15*time.Second)
}

func TestADefiniteRefusalIsNotTriedAgain(t *testing.T) { // W15
	t.Parallel()
	url := pgtest.URL(t)
	clinicID := addClinic(t, url)
	r := working(t, url, func(context.Context, syncs.Run) (syncs.Result, error) {
		return syncs.Result{}, pims.ErrAuthRejected
	}, nil)
	audit := wait(t, r, start(t, r, clinicID, syncs.TypeInbound, syncs.TriggerSchedule))
	require.Equal(t, syncs.CodeAuthRejected, audit.Result.Code)
	require.Equal(t, "PIMS authentication failed: Invalid credentials", audit.Result.Error)
}

func TestASyncOfADeadReplicaIsTakenUpAgain(t *testing.T) { // R30
	t.Parallel()
	url := pgtest.URL(t)
	clinicID := addClinic(t, url)
	starter := newReplica(t, url, nil, nil)
	audit := start(t, starter, clinicID, syncs.TypeInbound, syncs.TriggerAPI)
	// A replica claims it, opens a phase, and is never heard of again.
	run, err := starter.audits.Claim(t.Context(), audit.ID, "dead", 50*time.Millisecond, time.Now())
	require.NoError(t, err)

	working(t, url, created(1), nil)
	ended := wait(t, starter, audit)
	require.Equal(t, syncs.StatusCompleted, ended.Status)
	require.Equal(t, 2, ended.Attempt)

	err = starter.audits.Finish(t.Context(), run.Lease, syncs.StatusCompleted, syncs.Result{}, time.Now())
	require.ErrorIs(t, err, syncs.ErrLeaseLost, "the first attempt wakes up and may write nothing")
}

func TestARescueThatCannotBeDoneNowHoldsUpNoOther(t *testing.T) { // R30
	t.Parallel()
	url := pgtest.URL(t)
	starter := newReplica(t, url, nil, nil)
	var audits [2]syncs.Audit
	for i := range audits {
		audits[i] = start(t, starter, addClinic(t, url), syncs.TypeInbound, syncs.TriggerAPI)
		_, err := starter.audits.Claim(t.Context(), audits[i].ID, "dead", time.Millisecond, time.Now())
		require.NoError(t, err)
	}
	// A process that stands still in the middle of a write holds the first one's row.
	db, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close(context.Background())) }()
	tx, err := db.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "select from case_sync_audits where id = $1 for share", audits[0].ID)
	require.NoError(t, err)

	working(t, url, created(1), nil)
	require.Equal(t, syncs.StatusCompleted, wait(t, starter, audits[1]).Status)
	require.NoError(t, tx.Rollback(t.Context()))
	require.Equal(t, syncs.StatusCompleted, wait(t, starter, audits[0]).Status)
}

func TestAnAttemptWhoseLeaseWasTakenIsEnded(t *testing.T) { // R30
	t.Parallel()
	url := pgtest.URL(t)
	clinicID := addClinic(t, url)
	run, began := blocked()
	var ended atomic.Value
	r := working(t, url, func(ctx context.Context, x syncs.Run) (syncs.Result, error) {
		result, err := run(ctx, x)
		ended.Store(context.Cause(ctx))
		return result, err
	}, nil)
	audit := start(t, r, clinicID, syncs.TypeInbound, syncs.TriggerAPI)
	first := <-began
	// Another replica believed this one dead.
	require.NoError(t, r.audits.GiveBack(t.Context(), first.Lease, time.Now(), func(pgx.Tx) error { return nil }))
	second, err := r.audits.Claim(t.Context(), audit.ID, "other", time.Hour, time.Now())
	require.NoError(t, err)
	require.Equal(t, 2, second.Lease.Attempt)
	require.Eventually(t, func() bool {
		cause, _ := ended.Load().(error)
		return errors.Is(cause, syncs.ErrLeaseLost)
	}, 10*time.Second, 5*time.Millisecond)
	now, err := r.Audit(t.Context(), clinicID, audit.ID)
	require.NoError(t, err)
	require.Equal(t, syncs.StatusInProgress, now.Status, "the first attempt wrote nothing")
}

func TestAnAttemptThatSucceedsWithoutItsLeaseEndsNothing(t *testing.T) { // R30
	t.Parallel()
	url := pgtest.URL(t)
	clinicID := addClinic(t, url)
	counted, audits := &counting{}, syncstore.NewAudits(pgtest.Open(t, url))
	r := working(t, url, func(ctx context.Context, run syncs.Run) (syncs.Result, error) {
		// Another replica believed this one dead.
		err := audits.GiveBack(ctx, run.Lease, time.Now(), func(pgx.Tx) error { return nil })
		if err == nil {
			_, err = audits.Claim(ctx, run.Lease.AuditID, "other", time.Hour, time.Now())
		}
		return syncs.Result{}, err
	}, func(o *queue.Options) { o.Observe = counted })
	audit := start(t, r, clinicID, syncs.TypeInbound, syncs.TriggerAPI)
	require.Eventually(t, func() bool { return counted.givenBack.Load() == 1 }, 10*time.Second, 5*time.Millisecond)
	require.Zero(t, counted.ended.Load())
	now, err := r.Audit(t.Context(), clinicID, audit.ID)
	require.NoError(t, err)
	require.Equal(t, syncs.StatusInProgress, now.Status)
	require.Equal(t, 2, now.Attempt)
}

// Neither the end of a sync can be written, nor that it is given back.
func TestASyncThatTheDatabaseForgetsIsNoLongerInProgress(t *testing.T) { // R30, docs/interface.md §Metrics
	t.Parallel()
	for _, trigger := range []syncs.Trigger{syncs.TriggerAPI, syncs.TriggerSchedule} {
		t.Run(string(trigger), func(t *testing.T) {
			t.Parallel()
			url := pgtest.URL(t)
			clinicID, db, counted := addClinic(t, url), pgtest.Open(t, url), &counting{}
			r := working(t, url, func(ctx context.Context, _ syncs.Run) (syncs.Result, error) {
				_, err := db.Pool().Exec(ctx, `
					create function away() returns trigger language plpgsql as $$ begin raise 'the database is away'; end $$;
					create trigger away before update on case_sync_audits for each row execute function away();`)
				return syncs.Result{}, errors.Join(err, syncs.Fail(syncs.CodeUnreachable, "the PIMS is away, too"))
			}, func(o *queue.Options) { o.Observe = counted })
			start(t, r, clinicID, syncs.TypeInbound, trigger)
			require.Eventually(t, func() bool { return counted.givenBack.Load() == 1 }, 10*time.Second, 5*time.Millisecond)
			require.Zero(t, counted.ended.Load())
		})
	}
}

func TestAShutdownGivesTheSyncBackAndAnotherReplicaGoesOn(t *testing.T) { // R31
	t.Parallel()
	url := pgtest.URL(t)
	clinicID := addClinic(t, url)
	run, began := blocked()
	first := newReplica(t, url, run, func(o *queue.Options) { o.SoftStop = 100 * time.Millisecond })
	require.NoError(t, first.Begin(t.Context()))
	audit := start(t, first, clinicID, syncs.TypeInbound, syncs.TriggerAPI)
	<-began
	require.NoError(t, first.Stop(t.Context()))

	now, err := first.Wait(t.Context(), clinicID, audit.ID)
	require.NoError(t, err)
	require.Equal(t, syncs.StatusQueued, now.Status, "who waits is told to look elsewhere")
	_, err = first.Start(t.Context(), syncs.Request{ClinicID: clinicID, Type: syncs.TypeFull, Trigger: syncs.TriggerAPI}, "")
	require.Equal(t, syncs.CodeDraining, failure(t, err).Code)

	second := working(t, url, created(3), nil)
	ended := wait(t, second, audit)
	require.Equal(t, syncs.StatusCompleted, ended.Status)
	require.Equal(t, 2, ended.Attempt)
}

func TestAWaitEndsWithItsReplicaThoughTheSyncGoesOn(t *testing.T) { // R31
	t.Parallel()
	url := pgtest.URL(t)
	clinicID := addClinic(t, url)
	run, began := blocked()
	working(t, url, run, nil)
	waiting := newReplica(t, url, nil, nil)
	audit := start(t, waiting, clinicID, syncs.TypeInbound, syncs.TriggerAPI)
	<-began

	ended := make(chan syncs.Status, 1)
	go func() {
		now, err := waiting.Wait(context.Background(), clinicID, audit.ID)
		if err != nil {
			t.Error(err)
		}
		ended <- now.Status
	}()
	require.NoError(t, waiting.Stop(t.Context()))
	require.Equal(t, syncs.StatusInProgress, <-ended)
}

func TestAQueuedSyncWithoutAJobIsCalledForAgain(t *testing.T) { // R30
	t.Parallel()
	url := pgtest.URL(t)
	clinicID := addClinic(t, url)
	r := newReplica(t, url, created(1), nil)
	audit := start(t, r, clinicID, syncs.TypeInbound, syncs.TriggerAPI)
	_, err := pgtest.Open(t, url).Pool().Exec(t.Context(), `delete from river_job`)
	require.NoError(t, err)
	require.NoError(t, r.Begin(t.Context()))
	t.Cleanup(func() { require.NoError(t, r.Stop(context.Background())) })
	require.Equal(t, syncs.StatusCompleted, wait(t, r, audit).Status)
}

func TestTheSameIdempotencyKeyAnswersTheSameSync(t *testing.T) { // R29
	t.Parallel()
	url := pgtest.URL(t)
	clinicID := addClinic(t, url)
	r := newReplica(t, url, nil, nil)
	request := syncs.Request{ClinicID: clinicID, Type: syncs.TypeInbound, Trigger: syncs.TriggerAPI}
	first, err := r.Start(t.Context(), request, "k1")
	require.NoError(t, err)
	again, err := r.Start(t.Context(), request, "k1")
	require.NoError(t, err)
	require.Equal(t, first.ID, again.ID)

	days := 3
	request.Options.DaysAhead = &days
	_, err = r.Start(t.Context(), request, "k1")
	require.Equal(t, syncs.CodeIdempotencyMismatch, failure(t, err).Code)
}

func TestAnIdempotencyKeyReturnsItsSyncWhateverHasChangedSince(t *testing.T) { // R29
	t.Parallel()
	url := pgtest.URL(t)
	clinicID := addClinic(t, url)
	now := time.Date(2026, 1, 17, 23, 30, 0, 0, time.UTC)
	refused := error(nil)
	r := newReplica(t, url, nil, func(o *queue.Options) {
		o.Now = func() time.Time { return now }
		o.Precheck = func(context.Context, uuid.UUID) error { return refused }
	})
	request := syncs.Request{ClinicID: clinicID, Type: syncs.TypeInbound, Trigger: syncs.TriggerAPI}
	request.Options.EndDate = &pims.Date{Year: 2026, Month: 1, Day: 17}
	first, err := r.Start(t.Context(), request, "k1")
	require.NoError(t, err)

	now = now.Add(time.Hour)
	refused = clinic.ErrCredentialsMissing
	again, err := r.Start(t.Context(), request, "k1")
	require.NoError(t, err, "the window has passed, and the credentials are gone")
	require.Equal(t, first.ID, again.ID)
	_, err = r.Start(t.Context(), request, "k2")
	require.Equal(t, "endDate", failure(t, err).Field, "a new request has to be right today")
	request.Options.EndDate = nil
	_, err = r.Start(t.Context(), request, "k1")
	require.Equal(t, syncs.CodeIdempotencyMismatch, failure(t, err).Code)
	now = now.Add(24 * time.Hour)
	_, err = r.Start(t.Context(), request, "k1")
	require.Equal(t, syncs.CodeCredentialsMissing, failure(t, err).Code, "the key is forgotten after a day")
}

func TestAPrivateQueueWorksOnItsOwnSyncsOnly(t *testing.T) { // docs/interface.md §Commands
	t.Parallel()
	url := pgtest.URL(t)
	mine, theirs := addClinic(t, url), addClinic(t, url)
	replica := newReplica(t, url, nil, nil)
	waiting := start(t, replica, theirs, syncs.TypeInbound, syncs.TriggerAPI)
	private := working(t, url, created(1), func(o *queue.Options) { o.Private = true })
	require.Equal(t, syncs.StatusCompleted, wait(t, private, start(t, private, mine, syncs.TypeInbound, syncs.TriggerCLI)).Status)
	now, err := replica.Audit(t.Context(), theirs, waiting.ID)
	require.NoError(t, err)
	require.Equal(t, syncs.StatusQueued, now.Status)
}

// counting is an Observer that remembers.
type counting struct{ ended, givenBack atomic.Int32 } // syncs

func (*counting) SyncStarted(syncs.Type)                              {}
func (c *counting) SyncEnded(syncs.Type, syncs.Status, time.Duration) { c.ended.Add(1) }
func (c *counting) SyncGivenBack(syncs.Type)                          { c.givenBack.Add(1) }
func (*counting) SyncLate(time.Duration)                              {}
