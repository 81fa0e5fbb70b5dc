package postgres_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/pims-sync/pims-sync/internal/postgres/syncstore"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

func TestOfTwentyWorkersThatClaimASyncOneGetsIt(t *testing.T) { // R28
	t.Parallel()
	db := pgtest.New(t)
	audits, clinicID := syncstore.NewAudits(db), newClinic(t, db)
	id, err := audits.Enqueue(t.Context(), queued(clinicID, syncs.TypeInbound), "", noJob)
	require.NoError(t, err)

	errs := race(20, func() error {
		_, err := audits.Claim(t.Context(), id, "worker", time.Minute, monday)
		return err
	})
	require.Equal(t, 1, count(errs, nil))
	require.Equal(t, 19, count(errs, syncstore.ErrNotQueued))
	audit, err := audits.Audit(t.Context(), clinicID, id)
	require.NoError(t, err)
	require.Equal(t, syncs.StatusInProgress, audit.Status)
	require.Equal(t, 1, audit.Attempt)
	require.Equal(t, monday, audit.StartedAt.UTC())
}

func TestOfAClinicsFourQueuedSyncsOneRuns(t *testing.T) { // R29
	t.Parallel()
	db := pgtest.New(t)
	audits, clinicID := syncstore.NewAudits(db), newClinic(t, db)
	var ids []uuid.UUID
	for _, kind := range syncs.Types() {
		id, err := audits.Enqueue(t.Context(), queued(clinicID, kind), "", noJob)
		require.NoError(t, err)
		ids = append(ids, id)
	}
	next := make(chan uuid.UUID, 20)
	for i := range 20 {
		next <- ids[i%len(ids)]
	}
	errs := race(20, func() error {
		_, err := audits.Claim(t.Context(), <-next, "worker", time.Minute, monday)
		return err
	})
	require.Equal(t, 1, count(errs, nil))
	require.Equal(t, 19, count(errs, syncstore.ErrClinicBusy)+count(errs, syncstore.ErrNotQueued))
	require.Equal(t, 1, scan[int](t, db, "select count(*) from case_sync_audits where status = 'in_progress'"))

	other := newClinic(t, db)
	running(t, db, other, syncs.TypeFull) // another clinic's sync is in nobody's way
}

// race calls f n times at once.
func race(n int, f func() error) []error {
	errs := make([]error, n)
	var group sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		group.Go(func() {
			<-start
			errs[i] = f()
		})
	}
	close(start)
	group.Wait()
	return errs
}

// count tells how many of the errors are target.
func count(errs []error, target error) (n int) {
	for _, err := range errs {
		if errors.Is(err, target) {
			n++
		}
	}
	return n
}

func TestASecondStartNamesTheSyncThatIsInTheWay(t *testing.T) { // R29
	t.Parallel()
	db := pgtest.New(t)
	audits, clinicID := syncstore.NewAudits(db), newClinic(t, db)
	start := func(kind syncs.Type, trigger syncs.Trigger) (uuid.UUID, error) {
		audit := queued(clinicID, kind)
		audit.Trigger = trigger
		return audits.Enqueue(t.Context(), audit, "", noJob)
	}
	requireBusy := func(want uuid.UUID, err error) {
		t.Helper()
		var busy *syncstore.BusyError
		require.ErrorAs(t, err, &busy)
		require.Equal(t, want, busy.SyncID)
	}
	first, err := start(syncs.TypeInbound, syncs.TriggerAPI)
	require.NoError(t, err)
	_, err = start(syncs.TypeInbound, syncs.TriggerCLI)
	requireBusy(first, err)
	_, err = start(syncs.TypeInbound, syncs.TriggerSchedule)
	requireBusy(first, err)
	_, err = start(syncs.TypeCases, syncs.TriggerAPI)
	require.NoError(t, err, "another type may wait beside it")

	claimed(t, db, first)
	_, err = start(syncs.TypeReconciliation, syncs.TriggerAPI)
	requireBusy(first, err)
	tick, err := start(syncs.TypeInbound, syncs.TriggerSchedule)
	require.NoError(t, err, "a tick waits its turn")
	_, err = start(syncs.TypeInbound, syncs.TriggerSchedule)
	requireBusy(tick, err)
}

func TestAStartWhoseObstacleHasJustEndedIsTriedAgainAndNeverLacksTheDatabase(t *testing.T) { // R29
	t.Parallel()
	db := pgtest.New(t)
	audits, clinicID := syncstore.NewAudits(db), newClinic(t, db)
	// The trigger lets as many inserts fail as the sequence has numbers below zero.
	exec(t, db, `create sequence in_the_way minvalue -100 start -2; grant all on sequence in_the_way to public;
		create function obstruct() returns trigger language plpgsql as $$
		begin return case when nextval('in_the_way') < 0 then null else new end; end $$;
		create trigger obstruct before insert on case_sync_audits for each row execute function obstruct()`)
	_, err := audits.Enqueue(t.Context(), queued(clinicID, syncs.TypeInbound), "", noJob)
	require.NoError(t, err, "two obstacles ended meanwhile")

	exec(t, db, "select setval('in_the_way', -50)")
	_, err = audits.Enqueue(t.Context(), queued(clinicID, syncs.TypeCases), "", noJob)
	require.NotErrorIs(t, err, syncs.ErrDatabase)
	require.Equal(t, &syncstore.BusyError{}, errors.Unwrap(err))
}

func TestOfTwentyStartsAtOnceOneIsQueuedAndTheOthersLearnItsID(t *testing.T) { // R29
	t.Parallel()
	db := pgtest.New(t)
	audits, clinicID := syncstore.NewAudits(db), newClinic(t, db)
	errs := race(20, func() error {
		_, err := audits.Enqueue(t.Context(), queued(clinicID, syncs.TypeInbound), "", noJob)
		return err
	})
	require.Equal(t, 1, count(errs, nil))
	id := scan[uuid.UUID](t, db, "select id from case_sync_audits")
	for _, err := range errs {
		if err != nil {
			require.Equal(t, &syncstore.BusyError{SyncID: id}, errors.Unwrap(err))
		}
	}
}

func TestAnAuditIsNotQueuedWithoutItsJob(t *testing.T) { // R28
	t.Parallel()
	db := pgtest.New(t)
	broken := errors.New("no job")
	_, err := syncstore.NewAudits(db).Enqueue(t.Context(), queued(newClinic(t, db), syncs.TypeInbound), "key", func(pgx.Tx) error { return broken })
	require.ErrorIs(t, err, broken)
	require.Zero(t, scan[int](t, db, "select (select count(*) from case_sync_audits) + (select count(*) from idempotency_keys)"))
}

func TestAnIdempotencyKeyAnswersTheSameSyncForADay(t *testing.T) { // R29
	t.Parallel()
	db := pgtest.New(t)
	audits, clinicID := syncstore.NewAudits(db), newClinic(t, db)
	days := 3
	start := func(at time.Time, clinicID uuid.UUID, kind syncs.Type, options syncs.Options) (uuid.UUID, error) {
		audit := queued(clinicID, kind)
		audit.CreatedAt, audit.Options = at, options
		return audits.Enqueue(t.Context(), audit, "key", noJob)
	}
	first, err := start(monday, clinicID, syncs.TypeInbound, syncs.Options{DaysAhead: &days})
	require.NoError(t, err)
	same, err := start(monday.Add(23*time.Hour), clinicID, syncs.TypeInbound, syncs.Options{DaysAhead: &days})
	require.NoError(t, err)
	require.Equal(t, first, same)
	_, err = start(monday, clinicID, syncs.TypeInbound, syncs.Options{})
	require.ErrorIs(t, err, syncstore.ErrIdempotencyMismatch)
	_, err = start(monday, clinicID, syncs.TypeCases, syncs.Options{DaysAhead: &days})
	require.ErrorIs(t, err, syncstore.ErrIdempotencyMismatch)
	_, err = start(monday, newClinic(t, db), syncs.TypeCases, syncs.Options{})
	require.NoError(t, err, "another clinic's key is another key")

	require.NoError(t, audits.Finish(t.Context(), claimed(t, db, first), syncs.StatusCompleted, syncs.Result{}, monday))
	next, err := start(monday.Add(24*time.Hour), clinicID, syncs.TypeInbound, syncs.Options{})
	require.NoError(t, err)
	require.NotEqual(t, first, next)
}

func TestTheSameRequestThatComesTwentyTimesAtOnceIsOneSync(t *testing.T) { // R29
	t.Parallel()
	db := pgtest.New(t)
	clinicID := newClinic(t, db)
	var mu sync.Mutex
	answers := map[uuid.UUID]bool{}
	errs := race(20, func() error {
		id, err := syncstore.NewAudits(db).Enqueue(t.Context(), queued(clinicID, syncs.TypeInbound), "key", noJob)
		mu.Lock()
		defer mu.Unlock()
		answers[id] = true
		return err
	})
	require.Equal(t, 20, count(errs, nil))
	require.Len(t, answers, 1)
}

func TestARunGetsTheOptionsOfItsRequest(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	date, n := pims.Date{Year: 2026, Month: 3, Day: 2}, 4
	options := syncs.Options{
		StartDate: &date, EndDate: &date, DaysAhead: &n, LookbackDays: &n, LookaheadDays: &n, ParallelBatchSize: &n, Force: true, DryRun: true,
	}
	audit := queued(newClinic(t, db), syncs.TypeFull)
	audit.Options, audit.Trigger = options, syncs.TriggerSchedule
	id, err := syncstore.NewAudits(db).Enqueue(t.Context(), audit, "", noJob)
	require.NoError(t, err)
	run, err := syncstore.NewAudits(db).Claim(t.Context(), id, "worker", time.Minute, monday)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(syncs.Run{
		Lease: syncs.Lease{ClinicID: audit.ClinicID, AuditID: id, Attempt: 1},
		Type:  syncs.TypeFull, Trigger: syncs.TriggerSchedule, Options: options,
	}, run))
}

func TestAFinishedAuditTellsHowItEnded(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	audits, clinicID := syncstore.NewAudits(db), newClinic(t, db)
	lease := running(t, db, clinicID, syncs.TypeReconciliation)
	result := syncs.Result{
		Code: syncs.CodeDeletionGuard, Error: "too many cases would be deleted", PlanID: uuid.New(),
		Stats: syncs.Stats{
			AppointmentsFound: 1, CasesFound: 2, CasesCreated: 3, CasesUpdated: 4, CasesUnchanged: 5, CasesSkipped: 6,
			CasesEnriched: 7, CasesFailed: 8, CasesChecked: 9, CasesDeleted: 10, CasesRestored: 11, DeletedIDs: []uuid.UUID{uuid.New()},
		},
		Failures: []syncs.ItemFailure{{CaseID: uuid.New(), Error: "Consultation not found", Code: syncs.ItemNotFound}},
		Warnings: syncs.Warnings{UnknownStatuses: 1, UnusableRows: 2, UnidentifiedRows: 3, DuplicateRows: 4, UnusableParts: 5, RefusedLookups: 6, UnusableLookups: 7},
		Changes: []syncs.Change{{
			Action: syncs.ActionUpdated, CaseID: uuid.New(), PIMSID: "1", ScheduledDate: monday, PatientName: "Biscuit",
			Fields: []syncs.FieldChange{{Field: "status", Before: "draft", After: "pending"}},
		}},
		Skipped: map[syncs.Type]string{syncs.TypeCases: "the session ended"},
	}
	require.NoError(t, audits.Finish(t.Context(), lease, syncs.StatusFailed, result, monday.Add(time.Minute)))

	audit, err := audits.Audit(t.Context(), clinicID, lease.AuditID)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(result, audit.Result))
	require.Equal(t, syncs.StatusFailed, audit.Status)
	require.Equal(t, 59*time.Second, audit.Duration())
	require.Zero(t, scan[int](t, db, "select count(*) from sync_leases"))
	require.ErrorIs(t, audits.Finish(t.Context(), lease, syncs.StatusCompleted, syncs.Result{}, monday), syncs.ErrLeaseLost, "an end is final")

	_, err = audits.Audit(t.Context(), newClinic(t, db), lease.AuditID)
	requireCode(t, syncs.CodeNotFound, err)
	owner, err := audits.ClinicOf(t.Context(), lease.AuditID)
	require.NoError(t, err)
	require.Equal(t, clinicID, owner)
	_, err = audits.ClinicOf(t.Context(), uuid.New())
	requireCode(t, syncs.CodeNotFound, err)
}

// requireCode requires a failure with a code.
func requireCode(t *testing.T, code syncs.Code, err error) {
	t.Helper()
	var failure *syncs.Failure
	require.ErrorAs(t, err, &failure)
	require.Equal(t, code, failure.Code)
}

func TestAHeartbeatExtendsTheLeaseByTheDatabasesClock(t *testing.T) { // R3, R30
	t.Parallel()
	db := pgtest.New(t)
	audits := syncstore.NewAudits(db)
	lease := running(t, db, newClinic(t, db), syncs.TypeInbound)
	exec(t, db, "update sync_leases set expires_at = clock_timestamp() - interval '1 second'")
	cancelled, err := audits.Heartbeat(t.Context(), lease, time.Hour)
	require.NoError(t, err)
	require.False(t, cancelled)
	left := scan[time.Duration](t, db, "select expires_at - clock_timestamp() from sync_leases")
	require.InDelta(t, time.Hour, left, float64(time.Minute))

	lease.Attempt++
	_, err = audits.Heartbeat(t.Context(), lease, time.Hour)
	require.ErrorIs(t, err, syncs.ErrLeaseLost)
}

func TestASyncWhoseLeaseRanOutIsTakenUpAgainAndItsFirstWorkerIsFenced(t *testing.T) { // R30
	t.Parallel()
	db := pgtest.New(t)
	audits, clinicID := syncstore.NewAudits(db), newClinic(t, db)
	first := running(t, db, clinicID, syncs.TypeFull)
	phase, err := audits.BeginPhase(t.Context(), first, syncs.TypeInbound, monday)
	require.NoError(t, err)

	expired, err := audits.Expired(t.Context())
	require.NoError(t, err)
	require.Empty(t, expired)
	require.ErrorIs(t, audits.Rescue(t.Context(), first, monday, noJob), syncs.ErrLeaseLost, "it lives")

	exec(t, db, "update sync_leases set expires_at = clock_timestamp() - interval '1 second'")
	expired, err = audits.Expired(t.Context())
	require.NoError(t, err)
	require.Equal(t, []syncs.Run{{Lease: first, Type: syncs.TypeFull, Trigger: syncs.TriggerAPI}}, expired)
	calls := 0
	errs := race(5, func() error {
		return audits.Rescue(t.Context(), first, monday, func(pgx.Tx) error { calls++; return nil })
	})
	require.Equal(t, 1, count(errs, nil))
	require.Equal(t, 4, count(errs, syncs.ErrLeaseLost))
	require.Equal(t, 1, calls)

	second := claimed(t, db, first.AuditID)
	require.Equal(t, 2, second.Attempt)
	_, err = audits.Heartbeat(t.Context(), first, time.Minute)
	require.ErrorIs(t, err, syncs.ErrLeaseLost)
	require.ErrorIs(t, audits.EndPhase(t.Context(), first, phase, syncs.StatusCompleted, syncs.Result{}, monday), syncs.ErrLeaseLost)
	require.ErrorIs(t, audits.Finish(t.Context(), first, syncs.StatusCompleted, syncs.Result{}, monday), syncs.ErrLeaseLost)
	require.Equal(t, "failed interrupted", scan[string](t, db, "select status || ' ' || error_code from case_sync_audits where id = $1", phase), "no audit stays open")
}

func TestARunningAuditThatWasMadeByHandIsNotForgotten(t *testing.T) { // R30
	t.Parallel()
	db := pgtest.New(t)
	clinicID := newClinic(t, db)
	// W22.
	exec(t, db, "insert into case_sync_audits (clinic_id, sync_type, status) values ($1, 'inbound', 'in_progress')", clinicID)
	expired, err := syncstore.NewAudits(db).Expired(t.Context())
	require.NoError(t, err)
	require.Empty(t, expired, "its program may be about to close it")
	exec(t, db, "update case_sync_audits set created_at = created_at - interval '2 minutes'")
	expired, err = syncstore.NewAudits(db).Expired(t.Context())
	require.NoError(t, err)
	require.Len(t, expired, 1)
	require.NoError(t, syncstore.NewAudits(db).Rescue(t.Context(), expired[0].Lease, monday, noJob))
}

func TestASyncThatIsGivenBackIsQueuedWithItsJob(t *testing.T) { // R31
	t.Parallel()
	db := pgtest.New(t)
	audits, clinicID := syncstore.NewAudits(db), newClinic(t, db)
	lease := running(t, db, clinicID, syncs.TypeInbound)
	broken := errors.New("no job")
	require.ErrorIs(t, audits.GiveBack(t.Context(), lease, monday, func(pgx.Tx) error { return broken }), broken)
	require.Equal(t, syncs.StatusInProgress, statusOf(t, db, lease), "not without its job")
	require.NoError(t, audits.GiveBack(t.Context(), lease, monday, noJob))
	require.Equal(t, syncs.StatusQueued, statusOf(t, db, lease))
	require.ErrorIs(t, audits.GiveBack(t.Context(), lease, monday, noJob), syncs.ErrLeaseLost)

	again := claimed(t, db, lease.AuditID)
	tick := queued(clinicID, syncs.TypeInbound)
	tick.Trigger = syncs.TriggerSchedule
	_, err := audits.Enqueue(t.Context(), tick, "", noJob)
	require.NoError(t, err)
	require.ErrorIs(t, audits.GiveBack(t.Context(), again, monday, noJob), syncstore.ErrAlreadyQueued)
	require.Equal(t, syncs.StatusInProgress, statusOf(t, db, again), "nothing has changed")
}

func statusOf(t *testing.T, db *postgres.DB, lease syncs.Lease) syncs.Status {
	t.Helper()
	audit, err := syncstore.NewAudits(db).Audit(t.Context(), lease.ClinicID, lease.AuditID)
	require.NoError(t, err)
	return audit.Status
}

func TestCancellingEndsAQueuedSyncAtOnceAndAsksARunningOneToEnd(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	audits, clinicID := syncstore.NewAudits(db), newClinic(t, db)
	waiting, err := audits.Enqueue(t.Context(), queued(clinicID, syncs.TypeInbound), "", noJob)
	require.NoError(t, err)
	require.NoError(t, audits.Cancel(t.Context(), clinicID, waiting, monday))
	audit, err := audits.Audit(t.Context(), clinicID, waiting)
	require.NoError(t, err)
	require.Equal(t, syncs.StatusCancelled, audit.Status)
	require.Equal(t, syncs.CodeCancelled, audit.Result.Code)
	require.Equal(t, monday, audit.CompletedAt.UTC())
	_, err = audits.Claim(t.Context(), waiting, "worker", time.Minute, monday)
	require.ErrorIs(t, err, syncstore.ErrNotQueued)

	lease := running(t, db, clinicID, syncs.TypeFull)
	phase, err := audits.BeginPhase(t.Context(), lease, syncs.TypeInbound, monday)
	require.NoError(t, err)
	require.NoError(t, audits.Cancel(t.Context(), clinicID, phase, monday), "a phase stands for its sync")
	require.Equal(t, syncs.StatusInProgress, statusOf(t, db, lease))
	cancelled, err := audits.Heartbeat(t.Context(), lease, time.Minute)
	require.NoError(t, err)
	require.True(t, cancelled)

	require.NoError(t, audits.GiveBack(t.Context(), lease, monday, func(pgx.Tx) error { return errors.New("it needs no job") }))
	require.Equal(t, syncs.StatusCancelled, statusOf(t, db, lease), "it does not come back")
	require.NoError(t, audits.Cancel(t.Context(), clinicID, lease.AuditID, monday), "what is over stays")
	requireCode(t, syncs.CodeNotFound, audits.Cancel(t.Context(), newClinic(t, db), lease.AuditID, monday))
}
