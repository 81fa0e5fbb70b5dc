package feedstore_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/feed"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
)

var (
	transactions = flag.Int("feed.transactions", 6, "how many transactions each of the 50 writers makes")
	seed         = flag.Uint64("feed.seed", 1, "of what the writers do")
)

const (
	writers = 50
	readers = 5
)

func TestEachReaderGetsEachChangeOnceInOneOrderHoweverTransactionsOverlap(t *testing.T) { // R46
	t.Parallel()
	url := pgtest.URL(t)
	db := pgtest.Open(t, url)
	w := &crowd{t: t, pool: crowdPool(t, url), clinics: []uuid.UUID{newClinic(t, db), newClinic(t, db)}}
	for _, clinicID := range w.clinics {
		for i := range 60 {
			exec(t, db, "insert into cases (clinic_id, pims_id, status) values ($1, $2, 'draft')", clinicID, fmt.Sprint(i))
		}
	}

	var reading, writing sync.WaitGroup
	read := make([][]feed.Change, readers*len(w.clinics))
	for i := range read {
		f := newFeed(t, db)
		reading.Go(func() { read[i] = w.follow(f, w.clinics[i%len(w.clinics)], 1+i*37) })
	}
	for i := range writers {
		writing.Go(func() { w.write(i) })
	}
	writing.Wait()
	w.written.Store(true)
	reading.Wait()
	t.Logf("%d committed, %d rolled back, %d died, %d failed", w.committed.Load(), w.rolledBack.Load(), w.died.Load(), w.failed.Load())
	require.NotZero(t, w.committed.Load())
	require.NotZero(t, w.died.Load())

	for i, clinicID := range w.clinics {
		want := column[string](t, db, "select distinct case_id || ' ' || actor from case_events where clinic_id = $1", clinicID)
		first := read[i]
		var got []string
		for _, c := range first {
			got = append(got, c.CaseID.String()+" "+c.Actor)
		}
		slices.Sort(want)
		slices.Sort(got)
		require.Equal(t, want, got, "every committed change is read, and once")
		for j := i; j < len(read); j += len(w.clinics) {
			require.Equal(t, first, read[j], "reader %d has another order", j)
		}
		inOrder(t, first)
	}
	require.Zero(t, scan[int](t, db, "select count(*) from pims_sync_feed_pending"))
}

// inOrder checks that the changes of one case come in the order in which they took effect.
func inOrder(t *testing.T, changes []feed.Change) {
	t.Helper()
	last := make(map[uuid.UUID]int64)
	for _, c := range changes {
		require.Greater(t, c.ID, last[c.CaseID], "a change of the case comes after a later one")
		last[c.CaseID] = c.ID
	}
}

// A crowd writes to the cases of two clinics.
type crowd struct {
	t       *testing.T
	pool    *pgxpool.Pool
	clinics []uuid.UUID

	written                             atomic.Bool
	committed, rolledBack, died, failed atomic.Int64
}

func crowdPool(t *testing.T, url string) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(url)
	require.NoError(t, err)
	config.MaxConns = writers
	config.ConnConfig.RuntimeParams["deadlock_timeout"] = "20ms"
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

// write makes the transactions of one writer. Every third writer keeps its transactions
// open until others have committed several.
func (w *crowd) write(writer int) {
	random := rand.New(rand.NewPCG(*seed, uint64(writer)))
	for i := range *transactions {
		ending := random.IntN(10)
		patience := 0
		if writer%3 == 0 {
			patience = random.IntN(12)
		}
		err := w.transact(fmt.Sprintf("key:%d-%d", writer, i), random, ending, patience)
		switch {
		case err != nil: // a deadlock: nothing of it may be seen
			w.failed.Add(1)
		case ending == 0:
			w.died.Add(1)
		case ending == 1:
			w.rolledBack.Add(1)
		default:
			w.committed.Add(1)
		}
	}
}

// transact makes one transaction: a few statements in both clinics, then its end.
func (w *crowd) transact(actor string, random *rand.Rand, ending, patience int) error {
	ctx := w.t.Context()
	conn, err := w.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	tx, err := conn.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback(ctx) //nolint:errcheck // after a commit there is nothing to do
	if _, err := tx.Exec(ctx, "select set_config('app.actor', $1, true)", actor); err != nil {
		return err
	}
	for range 1 + random.IntN(4) {
		clinicID := w.clinics[random.IntN(len(w.clinics))]
		var err error
		if random.IntN(4) == 0 {
			_, err = tx.Exec(ctx, "insert into cases (clinic_id, status) select $1, 'draft' from generate_series(1, $2)", clinicID, 1+random.IntN(5))
		} else {
			_, err = tx.Exec(ctx, `update cases set status = $2, phone_number = $2
				where clinic_id = $1 and pims_id::int between $3 and $3 + 2`, clinicID, actor, random.IntN(60))
		}
		if err != nil {
			return err
		}
		w.await(ctx, tx, patience)
	}
	switch ending {
	case 0: // the connection breaks off
		return conn.Conn().PgConn().Conn().Close()
	case 1:
		return tx.Rollback(ctx)
	default:
		return tx.Commit(ctx)
	}
}

// await keeps a transaction open until others have committed some more, or nobody can.
func (w *crowd) await(ctx context.Context, tx pgx.Tx, more int) {
	goal := w.committed.Load() + int64(more)
	for turn := 0; turn < 50 && w.committed.Load() < goal; turn++ {
		_, _ = tx.Exec(ctx, "select pg_sleep(0.001)")
	}
}

// follow reads a clinic's changes until nobody writes and there are no more.
func (w *crowd) follow(f *feed.Feed, clinicID uuid.UUID, limit int) (all []feed.Change) {
	after := ""
	for {
		written := w.written.Load()
		page, err := f.Read(w.t.Context(), feed.Request{ClinicID: clinicID, After: after, Limit: limit, Wait: 20 * time.Millisecond})
		if err != nil {
			w.t.Error(err)
			return all
		}
		all = append(all, page.Changes...)
		after = page.Next.String()
		if written && len(page.Changes) == 0 && !page.More {
			return all
		}
	}
}

// newClinic adds a clinic as another program would.
func newClinic(t *testing.T, db *postgres.DB) uuid.UUID {
	t.Helper()
	return scan[uuid.UUID](t, db, "insert into clinics (name, timezone) values ('Harbour Vets', 'America/New_York') returning id")
}
