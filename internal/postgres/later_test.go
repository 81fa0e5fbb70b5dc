package postgres_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/postgres/syncstore"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A page is a table in which a sync's commands leave a mark each.
type page struct {
	db    *postgres.DB
	lease syncs.Lease
}

func newPage(t *testing.T) page {
	t.Helper()
	db := at(t, pgtest.URL(t), monday)
	exec(t, db, "create table marks (mark text primary key, xid xid8 default pg_current_xact_id(), number serial)")
	exec(t, db, "grant all on marks, marks_number_seq to public")
	return page{db, running(t, db, newClinic(t, db), syncs.TypeFull)}
}

func (p page) mark(mark string) func(*pgx.Batch) error {
	return func(batch *pgx.Batch) error {
		batch.Queue("insert into marks (mark) values ($1)", mark)
		return nil
	}
}

func (p page) later(ctx context.Context, t *testing.T, mark string) {
	t.Helper()
	require.NoError(t, p.db.Later(ctx, "mark", p.lease, p.mark(mark)))
}

func (p page) marks(t *testing.T) []string {
	t.Helper()
	return column[string](t, p.db, "select mark from marks order by number")
}

func TestWhatMayWaitTravelsWithTheNextCommandsOfItsSync(t *testing.T) { // R30
	t.Parallel()
	p := newPage(t)
	p.later(t.Context(), t, "outside")
	require.Equal(t, []string{"outside"}, p.marks(t), "no context gathers it")

	ctx := postgres.Gathering(t.Context())
	p.later(ctx, t, "one")
	p.later(context.WithoutCancel(ctx), t, "two")
	p.later(postgres.Gathering(t.Context()), t, "of another attempt")
	require.Equal(t, []string{"outside"}, p.marks(t))

	require.NoError(t, p.db.Fenced(ctx, "mark", p.lease, "", p.mark("three")))
	require.Equal(t, []string{"outside", "one", "two", "three"}, p.marks(t))
	require.Equal(t, 1, scan[int](t, p.db, "select count(distinct xid)::int from marks where mark <> 'outside'"))

	require.NoError(t, p.db.Fenced(ctx, "mark", p.lease, "", p.mark("four")))
	require.Len(t, p.marks(t), 5, "nothing is done twice")
}

func TestTheEndOfASyncCarriesOutWhatWaits(t *testing.T) { // R30
	t.Parallel()
	p := newPage(t)
	ctx := postgres.Gathering(t.Context())
	audits := syncstore.NewAudits(p.db)
	phase, err := audits.BeginPhase(ctx, p.lease, syncs.TypeInbound, monday)
	require.NoError(t, err)
	require.NoError(t, audits.EndPhase(ctx, p.lease, phase, syncs.StatusCompleted, syncs.Result{}, monday))
	require.Equal(t, "in_progress", scan[string](t, p.db, "select status from case_sync_audits where id = $1", phase))

	require.NoError(t, audits.Finish(ctx, p.lease, syncs.StatusCompleted, syncs.Result{}, monday))
	require.Equal(t, "completed", scan[string](t, p.db, "select status from case_sync_audits where id = $1", phase))
}

// What fails takes nothing else with it, and is told.
func TestACommandThatWaitedAndFailsHarmsNoOther(t *testing.T) {
	t.Parallel()
	p := newPage(t)
	ctx := postgres.Gathering(t.Context())
	p.later(ctx, t, "one")
	p.later(ctx, t, "one") // there already
	p.later(ctx, t, "two")
	require.ErrorContains(t, p.db.Fenced(ctx, "mark", p.lease, "", p.mark("three")), "mark")
	require.Equal(t, []string{"one", "two", "three"}, p.marks(t))

	p.later(ctx, t, "four")
	require.Error(t, p.db.Fenced(ctx, "mark", p.lease, "", p.mark("one")))
	require.Equal(t, []string{"one", "two", "three", "four"}, p.marks(t))
}

func TestWhatWaitsIsNotCarriedOutWithoutTheLease(t *testing.T) { // R30
	t.Parallel()
	p := newPage(t)
	ctx := postgres.Gathering(t.Context())
	lost := p.lease
	lost.Attempt++
	require.NoError(t, p.db.Later(ctx, "mark", lost, p.mark("one")))
	require.ErrorIs(t, p.db.Fenced(ctx, "mark", lost, "", p.mark("two")), syncs.ErrLeaseLost)
	require.Empty(t, p.marks(t))

	require.NoError(t, p.db.Fenced(ctx, "mark", p.lease, "", p.mark("three")))
	require.Equal(t, []string{"three"}, p.marks(t))
}

// A plan that is kept finds the older ones superseded as they were meant to be.
func TestAPlanIsKeptAfterWhatWaits(t *testing.T) { // R23
	t.Parallel()
	p := newPage(t)
	ctx := postgres.Gathering(t.Context())
	plans := syncstore.NewPlans(p.db)
	p.later(ctx, t, "one")
	first, err := plans.KeepPlan(ctx, p.lease, heldBack(t, p.lease, monday))
	require.NoError(t, err)
	require.True(t, first)
	require.Equal(t, []string{"one"}, p.marks(t))
}
