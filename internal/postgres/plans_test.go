package postgres_test

import (
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

// heldBack is a plan of the lease's sync.
func heldBack(t *testing.T, lease syncs.Lease, at time.Time) syncs.Plan {
	t.Helper()
	window := week(t)
	return syncs.Plan{
		ID: uuid.New(), ClinicID: lease.ClinicID, SyncID: lease.AuditID, SyncType: syncs.TypeReconciliation,
		Status: syncs.PlanOpen, Code: syncs.CodeDeletionGuard, Reason: "12 of 40 cases would be deleted",
		Window: pims.Window{Start: window.Start, End: window.End},
		Cases:  []syncs.PlannedCase{{CaseID: uuid.New(), PIMSID: "1", ScheduledDate: monday}},
		Evidence: syncs.Evidence{
			FetchedAt: monday, Refusal: "share", Known: 1, Found: 2, Shared: 3, Candidates: 4, Limit: 5, Moved: 6, MovedBy: -90 * time.Minute,
			Days:       map[string]int{"2026-03-02": 7},
			Lookups:    []syncs.Lookup{{PIMSID: "1", Method: "by_id", Found: "gone", At: monday}},
			Rereadings: []syncs.Rereading{{Days: pims.Window{Start: window.Start, End: window.Start}, At: monday, Found: 8, Back: 9}},
		},
		CreatedAt: at, ExpiresAt: at.Add(syncs.PlanLifetime), CoversDefault: true,
	}
}

// The statement says the same as syncs.Plan.SeenBy, whatever the days and hours.
func TestARunSupersedesThePlansWhoseDaysItHasSeen(t *testing.T) { // R18, R23
	t.Parallel()
	db := at(t, pgtest.URL(t), monday)
	lease := running(t, db, newClinic(t, db), syncs.TypeReconciliation)
	auckland, err := time.LoadLocation("Pacific/Auckland")
	require.NoError(t, err)
	plan := heldBack(t, lease, monday)
	plan.CoversDefault = false
	statuses := map[bool]int{}
	for _, hours := range []int{1, 10, 11, 12, 23} { // midnight in Auckland is among them
		now := monday.Add(time.Duration(hours) * time.Hour)
		for start := -2; start <= 2; start++ {
			for end := -1; end <= 2; end++ {
				exec(t, db, "delete from deletion_plans")
				keep(t, syncstore.NewPlans(db), lease, plan)
				seen := pims.Window{Start: plan.Window.Start.AddDays(start), End: plan.Window.End.AddDays(end), Location: auckland}
				require.NoError(t, syncstore.NewPlans(db).SupersedePlans(t.Context(), lease, []syncs.Code{plan.Code}, plan.SyncType, seen, now))
				got, err := syncstore.NewPlans(db).Plan(t.Context(), lease.ClinicID, plan.ID)
				require.NoError(t, err)
				require.Equal(t, plan.SeenBy(seen, now), got.Status == syncs.PlanSuperseded, "%s after %d hours", seen, hours)
				require.False(t, got.CoversDefault)
				statuses[got.Status == syncs.PlanSuperseded]++
			}
		}
	}
	require.Len(t, statuses, 2)

	exec(t, db, "delete from deletion_plans")
	keep(t, syncstore.NewPlans(db), lease, plan)
	seen := pims.Window{Start: plan.Window.Start, End: plan.Window.End, Location: auckland}
	require.NoError(t, syncstore.NewPlans(db).SupersedePlans(t.Context(), lease, []syncs.Code{syncs.CodeShiftGuard}, plan.SyncType, seen, monday))
	require.NoError(t, syncstore.NewPlans(db).SupersedePlans(t.Context(), lease, []syncs.Code{plan.Code}, syncs.TypeInbound, seen, monday))
	got, err := syncstore.NewPlans(db).Plan(t.Context(), lease.ClinicID, plan.ID)
	require.NoError(t, err)
	require.Equal(t, syncs.PlanOpen, got.Status, "of another guard, and of another type")
	require.ErrorIs(t, syncstore.NewPlans(db).SupersedePlans(t.Context(), syncs.Lease{ClinicID: lease.ClinicID, AuditID: lease.AuditID, Attempt: 9},
		[]syncs.Code{plan.Code}, plan.SyncType, seen, monday), syncs.ErrLeaseLost)
}

// at is the test's database as a program sees it at a time.
func at(t *testing.T, url string, now time.Time) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), postgres.Options{URL: url, MaxConns: 4, Now: func() time.Time { return now }})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	return db
}

var sameInstant = cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })

func TestAPlanIsKeptWithItsEvidenceAndSupersededByTheNextOfItsGuard(t *testing.T) { // R23
	t.Parallel()
	db := at(t, pgtest.URL(t), monday)
	plans, clinicID := syncstore.NewPlans(db), newClinic(t, db)
	lease := running(t, db, clinicID, syncs.TypeReconciliation)
	first, second, shift := heldBack(t, lease, monday), heldBack(t, lease, monday.Add(time.Minute)), heldBack(t, lease, monday.Add(2*time.Minute))
	shift.Code, shift.Cases = syncs.CodeShiftGuard, nil
	for _, plan := range []syncs.Plan{first, shift, second} {
		keep(t, plans, lease, plan)
	}

	got, err := plans.Plan(t.Context(), clinicID, second.ID)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(second, got, sameInstant))
	got, err = plans.Plan(t.Context(), clinicID, first.ID)
	require.NoError(t, err)
	require.Equal(t, syncs.PlanSuperseded, got.Status)
	require.True(t, second.CreatedAt.Equal(got.DecidedAt))
	got, err = plans.Plan(t.Context(), clinicID, shift.ID)
	require.NoError(t, err)
	require.Equal(t, syncs.PlanOpen, got.Status, "another guard's plan stays open")
	require.Equal(t, "[]", scan[string](t, db, "select cases::text from deletion_plans where id = $1", shift.ID))

	_, err = plans.Plan(t.Context(), newClinic(t, db), first.ID)
	requireCode(t, syncs.CodeNotFound, err)
	owner, err := plans.ClinicOf(t.Context(), first.ID)
	require.NoError(t, err)
	require.Equal(t, clinicID, owner)

	lease.Attempt++
	_, err = plans.KeepPlan(t.Context(), lease, heldBack(t, lease, monday))
	require.ErrorIs(t, err, syncs.ErrLeaseLost)
}

func TestAnOpenPlanIsExpiredAfterADay(t *testing.T) { // R23
	t.Parallel()
	url := pgtest.URL(t)
	db := at(t, url, monday)
	clinicID := newClinic(t, db)
	lease := running(t, db, clinicID, syncs.TypeReconciliation)
	plan := heldBack(t, lease, monday)
	keep(t, syncstore.NewPlans(db), lease, plan)

	for now, want := range map[time.Time]syncs.PlanStatus{
		monday.Add(syncs.PlanLifetime - time.Microsecond): syncs.PlanOpen,
		monday.Add(syncs.PlanLifetime):                    syncs.PlanExpired,
	} {
		plans := syncstore.NewPlans(at(t, url, now))
		got, err := plans.Plan(t.Context(), clinicID, plan.ID)
		require.NoError(t, err)
		require.Equal(t, want, got.Status)
		for _, status := range []syncs.PlanStatus{"", syncs.PlanOpen, syncs.PlanExpired} {
			list, err := plans.Plans(t.Context(), clinicID, syncs.PlanFilter{Status: status})
			require.NoError(t, err)
			require.Equal(t, status == "" || status == want, len(list.Items) == 1, "%s at %s", status, now)
		}
	}
}

func TestAPlanIsDecidedOnceAndWithinItsDay(t *testing.T) { // R18, R23
	t.Parallel()
	db := at(t, pgtest.URL(t), monday)
	plans, clinicID := syncstore.NewPlans(db), newClinic(t, db)
	lease := running(t, db, clinicID, syncs.TypeReconciliation)
	keep := func() syncs.Plan {
		plan := heldBack(t, lease, monday)
		_, err := plans.KeepPlan(t.Context(), lease, plan)
		require.NoError(t, err)
		return plan
	}
	decide := func(clinicID, id uuid.UUID, status syncs.PlanStatus, at time.Time) error {
		return db.InClinic(t.Context(), "decide", clinicID, func(tx pgx.Tx) error {
			return plans.Decide(t.Context(), tx, clinicID, id, status, "os:operator", at)
		})
	}
	plan := keep()
	requireCode(t, syncs.CodeNotFound, decide(newClinic(t, db), plan.ID, syncs.PlanApproved, monday))
	require.NoError(t, decide(clinicID, plan.ID, syncs.PlanApproved, monday.Add(time.Hour)))
	got, err := plans.Plan(t.Context(), clinicID, plan.ID)
	require.NoError(t, err)
	require.Equal(t, syncs.PlanApproved, got.Status)
	require.Equal(t, "os:operator", got.DecidedBy)
	require.True(t, monday.Add(time.Hour).Equal(got.DecidedAt))
	requireCode(t, syncs.CodeAlreadyDecided, decide(clinicID, plan.ID, syncs.PlanRejected, monday))

	late := keep()
	requireCode(t, syncs.CodeAlreadyDecided, decide(clinicID, late.ID, syncs.PlanApproved, monday.Add(syncs.PlanLifetime)))

	require.NoError(t, plans.SupersedePlans(t.Context(), lease, []syncs.Code{syncs.CodeDeletionGuard}, syncs.TypeReconciliation, week(t), monday))
	requireCode(t, syncs.CodeAlreadyDecided, decide(clinicID, late.ID, syncs.PlanApproved, monday))
	got, err = plans.Plan(t.Context(), clinicID, plan.ID)
	require.NoError(t, err)
	require.Equal(t, syncs.PlanApproved, got.Status, "what was decided is not superseded")
}

func TestAnApprovedPlanIsToldWithTheSyncThatCarriesItOut(t *testing.T) { // R23
	t.Parallel()
	db := at(t, pgtest.URL(t), monday)
	plans, clinicID := syncstore.NewPlans(db), newClinic(t, db)
	lease := running(t, db, clinicID, syncs.TypeReconciliation)
	plan, other := heldBack(t, lease, monday), heldBack(t, lease, monday)
	other.Code = syncs.CodeShiftGuard
	keep(t, plans, lease, plan)
	keep(t, plans, lease, other)
	exec(t, db, "update case_sync_audits set status = 'completed'")
	var syncIDs []uuid.UUID
	for _, id := range []uuid.UUID{plan.ID, other.ID} { // at one moment
		audit := queued(clinicID, syncs.TypeReconciliation)
		audit.Approval = id
		_, err := syncstore.NewAudits(db).Enqueue(t.Context(), audit, "", func(tx pgx.Tx) error {
			return plans.Decide(t.Context(), tx, clinicID, id, syncs.PlanApproved, "os:operator", audit.CreatedAt)
		})
		require.NoError(t, err)
		exec(t, db, "update case_sync_audits set status = 'failed', error_code = 'timeout' where id = $1", audit.ID)
		syncIDs = append(syncIDs, audit.ID)
	}

	got, err := plans.Plan(t.Context(), clinicID, plan.ID)
	require.NoError(t, err)
	require.Equal(t, syncs.Execution{SyncID: syncIDs[0], Status: syncs.StatusFailed, Code: syncs.CodeTimeout}, got.Execution)
	require.Equal(t, "approved, its sync failed: timeout", got.Standing())
	require.ErrorContains(t, got.Decidable(monday), syncIDs[0].String()+" failed: timeout")
	list, err := plans.Plans(t.Context(), clinicID, syncs.PlanFilter{})
	require.NoError(t, err)
	told := map[uuid.UUID]uuid.UUID{}
	for _, p := range list.Items {
		told[p.ID] = p.Execution.SyncID
	}
	require.Equal(t, map[uuid.UUID]uuid.UUID{plan.ID: syncIDs[0], other.ID: syncIDs[1]}, told)
}

func TestPlansAreListedNewestFirstPageByPage(t *testing.T) {
	t.Parallel()
	db := at(t, pgtest.URL(t), monday)
	clinicID := newClinic(t, db)
	lease := running(t, db, clinicID, syncs.TypeReconciliation)
	var want []uuid.UUID
	for i := range 5 {
		plan := heldBack(t, lease, monday.Add(time.Duration(-i)*time.Hour))
		keep(t, syncstore.NewPlans(db), lease, plan)
		want = append(want, plan.ID)
	}
	var got []uuid.UUID
	page := syncs.Page{Limit: 2}
	for {
		list, err := syncstore.NewPlans(db).Plans(t.Context(), clinicID, syncs.PlanFilter{Page: page})
		require.NoError(t, err)
		for _, plan := range list.Items {
			got = append(got, plan.ID)
		}
		if page.Cursor = list.NextCursor; page.Cursor == "" {
			break
		}
	}
	require.Equal(t, want, got)
}

func keep(t *testing.T, plans *syncstore.Plans, lease syncs.Lease, plan syncs.Plan) (first bool) {
	t.Helper()
	first, err := plans.KeepPlan(t.Context(), lease, plan)
	require.NoError(t, err)
	return first
}
