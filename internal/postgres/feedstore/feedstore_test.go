package feedstore_test

import (
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/feed"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/feedstore"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		*transactions = min(*transactions, 2)
	}
	os.Exit(pgtest.Main(m))
}

func newFeed(t *testing.T, db *postgres.DB) *feed.Feed {
	t.Helper()
	return feed.New(feed.Options{Store: feedstore.New(db), Logger: slog.New(slog.DiscardHandler)})
}

func exec(t *testing.T, db *postgres.DB, sql string, args ...any) {
	t.Helper()
	_, err := db.Pool().Exec(t.Context(), sql, args...)
	require.NoError(t, err, sql)
}

func column[T any](t *testing.T, db *postgres.DB, sql string, args ...any) []T {
	t.Helper()
	rows, err := db.Pool().Query(t.Context(), sql, args...)
	require.NoError(t, err, sql)
	values, err := pgx.CollectRows(rows, pgx.RowTo[T])
	require.NoError(t, err, sql)
	return values
}

func scan[T any](t *testing.T, db *postgres.DB, sql string, args ...any) T {
	t.Helper()
	values := column[T](t, db, sql, args...)
	require.Len(t, values, 1, sql)
	return values[0]
}

// A fixture is a feed with one clinic.
type fixture struct {
	*testing.T

	db     *postgres.DB
	feed   *feed.Feed
	clinic uuid.UUID
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	db := pgtest.New(t)
	return &fixture{t, db, newFeed(t, db), newClinic(t, db)}
}

// insert adds a case.
func (f *fixture) insert(pimsID string) uuid.UUID {
	f.Helper()
	return scan[uuid.UUID](f.T, f.db, "insert into cases (clinic_id, pims_id, status) values ($1, $2, 'draft') returning id", f.clinic, pimsID)
}

// read reads one page after a cursor.
func (f *fixture) read(after string, limit int) feed.Page {
	f.Helper()
	page, err := f.feed.Read(f.Context(), feed.Request{ClinicID: f.clinic, After: after, Limit: limit})
	require.NoError(f.T, err)
	return page
}

// refused checks that a cursor is refused with a code.
func (f *fixture) refused(clinicID uuid.UUID, after string, code syncs.Code) {
	f.Helper()
	_, err := f.feed.Read(f.Context(), feed.Request{ClinicID: clinicID, After: after, Limit: 10})
	var failure *syncs.Failure
	require.ErrorAs(f.T, err, &failure)
	require.Equal(f.T, code, failure.Code)
}

func TestAChangeNamesWhatATransactionDidToACase(t *testing.T) { // R46
	t.Parallel()
	f := newFixture(t)
	c := f.insert("1")
	exec(t, f.db, "update cases set status = 'pending', patient_name = 'Mochi'")
	exec(t, f.db, `begin; set local app.actor = 'key:4711'; update cases set status = 'reviewed';
		update cases set metadata = '{"reconciliation": {"softDeleted": true}}'; commit`)
	exec(t, f.db, `update cases set metadata = '{"reconciliation": {"softDeleted": false}}'`)
	exec(t, f.db, "update cases set metadata = metadata || '{\"billing\": 1}'") // foreign: no event
	exec(t, f.db, "delete from cases")

	var told []string
	for _, x := range f.read("", 10).Changes {
		require.Equal(t, c, x.CaseID)
		told = append(told, fmt.Sprint(x.Actor, " ", x.Action, " ", x.Fields))
	}
	require.Equal(t, []string{
		"person created []",
		"person changed [patient_name status]",
		"key:4711 deleted [metadata.reconciliation status]",
		"person restored [metadata.reconciliation]",
		"person removed []",
	}, told)
}

func TestPagesSplitATransactionAndLeaveNothingOut(t *testing.T) { // R46
	t.Parallel()
	f := newFixture(t)
	exec(t, f.db, "insert into cases (clinic_id, pims_id) select $1, n from generate_series(1, 25) n", f.clinic)
	exec(t, f.db, "update cases set status = 'pending', phone_number = 'x', client_name = 'y' where pims_id::int <= 7")
	other := newClinic(t, f.db)
	exec(t, f.db, "insert into cases (clinic_id, pims_id) values ($1, '1')", other)
	for limit := 1; limit <= 33; limit += 4 {
		seen := make(map[int64]bool)
		after := ""
		for {
			page := f.read(after, limit)
			require.LessOrEqual(t, len(page.Changes), limit)
			for _, c := range page.Changes {
				require.False(t, seen[c.ID])
				seen[c.ID] = true
			}
			after = page.Next.String()
			if !page.More {
				break
			}
		}
		require.Len(t, seen, 32, "with pages of %d", limit)
		require.Empty(t, f.read(after, limit).Changes)
	}
}

func TestALongTransactionDelaysOnlyItsOwnChanges(t *testing.T) { // R46
	t.Parallel()
	f := newFixture(t)
	long, err := f.db.Pool().Begin(t.Context())
	require.NoError(t, err)
	_, err = long.Exec(t.Context(), "insert into cases (clinic_id, pims_id) values ($1, 'long')", f.clinic)
	require.NoError(t, err)
	short := f.insert("short")
	first := f.read("", 10)
	require.Len(t, first.Changes, 1)
	require.Equal(t, short, first.Changes[0].CaseID)

	require.NoError(t, long.Commit(t.Context()))
	second := f.read(first.Next.String(), 10)
	require.Len(t, second.Changes, 1)
	require.Less(t, second.Changes[0].ID, first.Changes[0].ID, "it began before")
}

func TestAWaitingReaderGetsTheNextChange(t *testing.T) { // R46
	t.Parallel()
	f := newFixture(t)
	start := f.read(feed.FromNow, 10)
	got := make(chan feed.Page, 1)
	go func() {
		page, _ := f.feed.Read(t.Context(), feed.Request{ClinicID: f.clinic, After: start.Next.String(), Limit: 10, Wait: time.Minute})
		got <- page
	}()
	c := f.insert("1")
	require.NoError(t, newFeed(t, f.db).Sequence(t.Context())) // another replica
	page := <-got
	require.Len(t, page.Changes, 1)
	require.Equal(t, c, page.Changes[0].CaseID)
}

func TestACursorIsRefusedWhereItCannotBeKept(t *testing.T) { // R46
	t.Parallel()
	f := newFixture(t)
	f.insert("1")
	exec(t, f.db, "update cases set status = 'a'")
	old, latest := f.read("", 1), f.read("", 9)
	require.True(t, old.More)
	require.False(t, latest.More)

	f.refused(f.clinic, "nonsense", syncs.CodeInvalidRequest)
	f.refused(newClinic(t, f.db), latest.Next.String(), syncs.CodeInvalidRequest) // of another clinic

	removed, err := feedstore.New(f.db).Forget(t.Context(), time.Now().Add(time.Hour))
	require.NoError(t, err)
	require.EqualValues(t, 2, removed)
	f.refused(f.clinic, old.Next.String(), syncs.CodeCursorExpired)
	require.Empty(t, f.read(latest.Next.String(), 9).Changes, "nothing that it lacks is forgotten")
	exec(t, f.db, "update cases set status = 'b'")
	require.Len(t, f.read(latest.Next.String(), 9).Changes, 1)
	require.Len(t, f.read("", 9).Changes, 1, "from the oldest that is kept")
}

func TestACursorThatNoResponseHadIsRefused(t *testing.T) { // R46
	t.Parallel()
	f := newFixture(t)
	f.insert("1")
	raw, err := base64.RawURLEncoding.DecodeString(f.read("", 9).Next.String())
	require.NoError(t, err)
	exec(t, f.db, "update cases set status = 'a'")
	forged := func(change func([]byte) []byte) string {
		return base64.RawURLEncoding.EncodeToString(change(slices.Clone(raw)))
	}
	require.Len(t, f.read(forged(func(b []byte) []byte { return b }), 9).Changes, 1)
	for i := range raw {
		f.refused(f.clinic, forged(func(b []byte) []byte { b[i] ^= 1; return b }), syncs.CodeInvalidRequest)
	}
	f.refused(f.clinic, forged(func(b []byte) []byte { return b[:len(b)-1] }), syncs.CodeInvalidRequest)
	f.refused(f.clinic, forged(func(b []byte) []byte { return append(b, 0) }), syncs.CodeInvalidRequest)

	unsigned := forged(func(b []byte) []byte { b[0] = 1; return b[:33] }) // as the version before made them
	require.Len(t, f.read(unsigned, 9).Changes, 1, "a consumer keeps its place over the upgrade")
	exec(t, f.db, "update pims_sync_feed_state set unsigned_until = (select min(sequenced_at) - interval '1 second' from pims_sync_feed)")
	f.refused(f.clinic, unsigned, syncs.CodeInvalidRequest)
	exec(t, f.db, "update pims_sync_feed_state set cursor_key = 'another'")
	f.refused(f.clinic, forged(func(b []byte) []byte { return b }), syncs.CodeInvalidRequest)
}

func TestACursorFromBeforeARestoreIsRefused(t *testing.T) { // R46
	t.Parallel()
	f := newFixture(t)
	f.insert("1")
	kept := f.read("", 9).Next.String() // the backup has this
	exec(t, f.db, "create table backup as select * from pims_sync_feed; create table backup_state as select * from pims_sync_feed_state")
	exec(t, f.db, "update cases set status = 'lost'")
	lost := f.read("", 9).Next.String()
	exec(t, f.db, `delete from pims_sync_feed; insert into pims_sync_feed select * from backup;
		delete from pims_sync_feed_state; insert into pims_sync_feed_state select * from backup_state`)

	f.refused(f.clinic, lost, syncs.CodeCursorExpired) // nothing has its position
	exec(t, f.db, "update cases set status = 'other'")
	require.Len(t, f.read(kept, 9).Changes, 1)
	f.refused(f.clinic, lost, syncs.CodeCursorExpired) // another change has it
}

// age makes everything so old that the database lets it be forgotten.
func age(t *testing.T, db *postgres.DB) {
	t.Helper()
	exec(t, db, `
		set session_replication_role = 'replica';
		update case_events set at = at - interval '31 days';
		update pims_sync_feed_pending set at = at - interval '31 days';
		update pims_sync_feed set at = at - interval '31 days';
		set session_replication_role = 'origin'`)
}

func TestForgottenEventsLeaveTheFeedAtOnce(t *testing.T) { // R14, R46
	t.Parallel()
	f := newFixture(t)
	f.insert("1")
	first := f.read("", 9).Next.String()
	exec(t, f.db, "update cases set status = 'a'") // it never gets a position
	age(t, f.db)
	exec(t, f.db, "select pims_sync_forget_events_step(now(), 0, 1000)")
	f.refused(f.clinic, first, syncs.CodeCursorExpired)
	require.Empty(t, f.read("", 9).Changes)

	f.insert("2")
	now := f.read("", 9)
	require.Len(t, now.Changes, 1)
	age(t, f.db)
	exec(t, f.db, "select pims_sync_forget_events_step(now(), 0, 1000)")
	require.Empty(t, f.read(now.Next.String(), 9).Changes, "it has read all that is forgotten")
}

func TestAnEventIsInTheFeedIfItsTransactionCommits(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	undo := errors.New("undo")
	for _, end := range []error{undo, nil} {
		err := f.db.InClinic(t.Context(), "emit", f.clinic, func(tx pgx.Tx) error {
			return errors.Join(end, feedstore.Emit(t.Context(), tx, f.clinic, feed.PIMSDrift, map[string]any{"field": "reason"}))
		})
		require.ErrorIs(t, err, end)
	}
	require.NoError(t, f.feed.Sequence(t.Context()))
	require.Equal(t, []string{`pims.drift {"field": "reason"}`}, column[string](t, f.db, "select type || ' ' || data from pims_sync_feed"))
	require.Empty(t, f.read("", 9).Changes)
}
