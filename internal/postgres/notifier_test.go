package postgres_test

import (
	"testing"
	"time"

	"github.com/pims-sync/pims-sync/internal/postgres/syncstore"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// patience bounds how long a test waits for what must come.
const patience = 20 * time.Second

// awaitPayload waits for a payload and returns what came before it.
func awaitPayload(t *testing.T, payloads <-chan string, want string) (before []string) {
	t.Helper()
	limit := time.After(patience)
	for {
		select {
		case got := <-payloads:
			if got == want {
				return before
			}
			before = append(before, got)
		case <-limit:
			require.Failf(t, "not heard", "%q; heard were %q", want, before)
		}
	}
}

func newNotifier(t *testing.T, db *postgres.DB) *postgres.Notifier {
	t.Helper()
	notifier := postgres.NewNotifier(db)
	t.Cleanup(notifier.Close)
	return notifier
}

func TestWaitersHearOfSyncsCancellationsAndSchedules(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	notifier := newNotifier(t, db)
	audits, stopAudits := notifier.Subscribe(postgres.ChannelAudits)
	defer stopAudits()
	cancels, stopCancels := notifier.Subscribe(postgres.ChannelCancels)
	defer stopCancels()
	schedules, stopSchedules := notifier.Subscribe(postgres.ChannelSchedules)
	defer stopSchedules()
	awaitPayload(t, audits, "") // it listens
	awaitPayload(t, cancels, "")
	awaitPayload(t, schedules, "")

	clinicID := newClinic(t, db)
	lease := running(t, db, clinicID, syncs.TypeFull)
	phase, err := syncstore.NewAudits(db).BeginPhase(t.Context(), lease, syncs.TypeInbound, monday)
	require.NoError(t, err)
	require.NoError(t, syncstore.NewAudits(db).EndPhase(t.Context(), lease, phase, syncs.StatusCompleted, syncs.Result{}, monday))
	require.NoError(t, syncstore.NewAudits(db).Cancel(t.Context(), clinicID, lease.AuditID, monday))
	require.Empty(t, awaitPayload(t, cancels, lease.AuditID.String()))
	require.NoError(t, syncstore.NewAudits(db).Cancel(t.Context(), clinicID, lease.AuditID, monday))
	require.NoError(t, syncstore.NewAudits(db).Finish(t.Context(), lease, syncs.StatusCancelled, syncs.Result{}, monday))
	require.Empty(t, awaitPayload(t, audits, lease.AuditID.String()), "its start and its phases wake nobody")
	exec(t, db, "insert into clinic_schedule_configs (clinic_id) values ($1)", clinicID)
	awaitPayload(t, schedules, clinicID.String())
	require.Empty(t, cancels, "asked once, told once")
}

func TestAfterAReconnectionWaitersAreToldToLookForThemselves(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	notifier := newNotifier(t, db)
	payloads, stop := notifier.Subscribe(postgres.ChannelAudits)
	defer stop()
	awaitPayload(t, payloads, "")
	require.True(t, scan[bool](t, db, "select bool_and(pg_terminate_backend(pid)) from pg_stat_activity where datname = current_database() and query like 'listen%'"))
	require.Empty(t, awaitPayload(t, payloads, ""))
	id := uuid.NewString()
	exec(t, db, "select pg_notify('pims_sync_audit', $1)", id)
	awaitPayload(t, payloads, id)
}

func TestAWaiterThatLagsIsToldToLookForItselfAndHoldsUpNobody(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	notifier := newNotifier(t, db)
	lagging, stopLagging := notifier.Subscribe(postgres.ChannelAudits)
	defer stopLagging()
	quick, stopQuick := notifier.Subscribe(postgres.ChannelAudits)
	defer stopQuick()
	awaitPayload(t, quick, "")
	for i := range 200 {
		id := uuid.NewString()
		exec(t, db, "select pg_notify('pims_sync_audit', $1)", id)
		if i%10 == 0 {
			awaitPayload(t, quick, id)
		}
	}
	exec(t, db, "select pg_notify('pims_sync_audit', 'last')")
	awaitPayload(t, quick, "last")
	heard := awaitPayload(t, lagging, "last")
	require.Contains(t, heard, "", "what was missed is not missed silently")
	require.Less(t, len(heard), 200)
}

func TestAWaiterThatLeftHearsNothing(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	notifier := newNotifier(t, db)
	left, stop := notifier.Subscribe(postgres.ChannelAudits)
	stays, stopStays := notifier.Subscribe(postgres.ChannelAudits)
	defer stopStays()
	awaitPayload(t, stays, "")
	awaitPayload(t, left, "")
	stop()
	exec(t, db, "select pg_notify('pims_sync_audit', 'x')")
	awaitPayload(t, stays, "x")
	require.Empty(t, left)
}

func TestBehindATransactionPoolerNobodyListensAndNothingBreaks(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t, pgtest.URL(t)+"&pgbouncer=true")
	notifier := newNotifier(t, db)
	payloads, stop := notifier.Subscribe(postgres.ChannelAudits)
	defer stop()
	exec(t, db, "select pg_notify('pims_sync_audit', 'x')")
	require.Zero(t, scan[int](t, db, "select count(*) from pg_stat_activity where datname = current_database() and query like 'listen%'"))
	require.Empty(t, payloads)
}
