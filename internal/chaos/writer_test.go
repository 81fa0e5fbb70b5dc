package chaos

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

var changes = flag.Int64("changes", 300, "how many changes of cases people and other programs make, besides the syncs")

const (
	writers        = 4
	casesOfAClinic = 200
)

// A desk is a clinic without a PIMS, whose cases people and other programs change.
type desk struct {
	world   *world
	id      string
	cases   []string
	written *atomic.Int64 // of all desks
}

// addDesks adds two desks, and what their writers note of what they did: a row for each case
// and transaction, in the same transaction.
func (w *world) addDesks(t *testing.T) {
	t.Helper()
	_, err := w.database.pool.Exec(t.Context(), `create table chaos_ledger (case_id uuid not null, wrote bigint not null default txid_current())`)
	require.NoError(t, err)
	for range 2 {
		d := &desk{world: w, written: &w.made}
		d.id = w.run(t, "", "clinic", "add", "--allow-duplicate", "--name", "Cedar Lane", "--timezone", w.zone.String())["id"].(string)
		w.desks = append(w.desks, d)
	}
}

// open makes the desk's cases.
func (d *desk) open(t *testing.T) {
	t.Helper()
	d.cases = column[string](t, d.world.database,
		`insert into cases (clinic_id, status) select $1, 'draft' from generate_series(1, $2) returning id::text`, d.id, casesOfAClinic)
	slices.Sort(d.cases) // no deadlocks
}

// write changes cases until the context ends or enough changes were made.
func (d *desk) write(ctx context.Context, random *rand.Rand) {
	for d.written.Load() < *changes && pause(ctx, time.Duration(random.IntN(150))*time.Millisecond) {
		if n, err := d.change(ctx, random); err == nil {
			d.written.Add(n)
		}
	}
}

// change changes some cases in one transaction, which may be long, roll back, or end with
// its connection.
func (d *desk) change(ctx context.Context, random *rand.Rand) (changed int64, err error) {
	conn, err := d.world.database.pool.Acquire(ctx)
	if err != nil {
		return 0, err
	}
	defer conn.Release()
	tx, err := conn.Begin(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	from := random.IntN(len(d.cases))
	chosen := d.cases[from:min(from+1+random.IntN(20), len(d.cases))]
	if changed, err = d.put(ctx, tx, chosen, fmt.Sprint("Bruno ", random.Int64())); err != nil {
		return 0, err
	}
	switch random.IntN(20) {
	case 0:
		return 0, tx.Rollback(ctx)
	case 1:
		return 0, conn.Conn().Close(ctx)
	case 2:
		pause(ctx, time.Duration(random.IntN(2000))*time.Millisecond)
	}
	return changed, tx.Commit(ctx)
}

// put changes the cases and the ledger.
func (d *desk) put(ctx context.Context, tx pgx.Tx, cases []string, name string) (int64, error) {
	tag, err := tx.Exec(ctx, `update cases set patient_name = $3 where clinic_id = $1 and id = any ($2::uuid[])`, d.id, cases, name)
	if err == nil {
		_, err = tx.Exec(ctx, `insert into chaos_ledger (case_id) select unnest($1::uuid[])`, cases)
	}
	return tag.RowsAffected(), err
}
