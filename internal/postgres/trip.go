package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pims-sync/pims-sync/internal/postgres/internal/dbsqlc"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/page"
)

// Statements that are known beforehand travel in one round trip: a batch is one transaction
// and begins with its scope. Over a network, most of a sync's time that is not spent on the
// PIMS is spent on round trips to the database.

// AskInClinic runs fn's statements for one clinic (R41), each in its own transaction and
// round trip. For several that belong together use InClinic.
func (db *DB) AskInClinic(ctx context.Context, operation string, clinicID uuid.UUID, fn func(*dbsqlc.Queries) error) error {
	if clinicID == uuid.Nil { // a zero id would mean all clinics
		return fmt.Errorf("%s: no clinic is named", operation)
	}
	return db.Translate(ctx, operation, fn(dbsqlc.New(oneTrip{db, Scope{ClinicID: clinicID}})))
}

// AskSystem is AskInClinic across clinics (R41).
func (db *DB) AskSystem(ctx context.Context, operation string, fn func(*dbsqlc.Queries) error) error {
	return db.Translate(ctx, operation, fn(dbsqlc.New(oneTrip{db, Scope{}})))
}

// AskByKey is AskSystem for statements that are keyed (Scope).
func (db *DB) AskByKey(ctx context.Context, operation string, fn func(*dbsqlc.Queries) error) error {
	return db.Translate(ctx, operation, fn(dbsqlc.New(oneTrip{db, Scope{Keyed: true}})))
}

// AskPage runs one statement of fn in a scope, whose rows are a page of a list: no more of
// them than the bytes have room for.
func (db *DB) AskPage(ctx context.Context, operation string, s Scope, bytes *page.Bytes, fn func(*dbsqlc.Queries) error) error {
	return db.Translate(ctx, operation, fn(dbsqlc.New(bytes.In(oneTrip{db, s}))))
}

// SystemTrips runs statements that cross clinics (R41), each in its own transaction and round
// trip, for the statements of a subject that has a package of its own. Translate their errors.
func (db *DB) SystemTrips() dbsqlc.DBTX { return oneTrip{db, Scope{}} }

// ReadSystem runs one statement that crosses clinics (R41) in one round trip, and scans its
// rows. operation says what is done, for the error.
func ReadSystem[T any](ctx context.Context, db *DB, operation, sql string, args []any, scan pgx.RowToFunc[T]) ([]T, error) {
	items, err := Query(ctx, oneTrip{db, Scope{}}, sql, args, scan)
	return items, db.Translate(ctx, operation, err)
}

// Holds asks a question that crosses clinics (R41) in one round trip: the statement returns
// one boolean, or no row for false. What looks for work often asks so before it begins a
// transaction, which takes three.
func (db *DB) Holds(ctx context.Context, operation, sql string, args ...any) (bool, error) {
	answers, err := ReadSystem(ctx, db, operation, sql, args, pgx.RowTo[bool])
	return len(answers) > 0 && answers[0], err
}

// ExecSystem runs one command that crosses clinics (R41) in one round trip, and returns how
// many rows it changed.
func (db *DB) ExecSystem(ctx context.Context, operation, sql string, args ...any) (int64, error) {
	tag, err := oneTrip{db, Scope{}}.Exec(ctx, sql, args...)
	return tag.RowsAffected(), db.Translate(ctx, operation, err)
}

// queue adds the statement that sets the scope to a batch. In a transaction that had
// another scope before, all of it is set.
func (db *DB) queue(batch *pgx.Batch, s Scope, all bool) {
	settings, args := []string{"set_config('plan_cache_mode', '" + s.planCacheMode() + "', true)"}, []any(nil)
	set := func(name, value string) {
		args = append(args, value)
		settings = append(settings, fmt.Sprintf("set_config('%s', $%d, true)", name, len(args)))
	}
	if all || s.ClinicID != uuid.Nil {
		set("app.clinic_id", s.clinic())
	}
	if all || s.Actor != "" {
		set("app.actor", s.Actor)
	}
	if all || s.Ordered {
		settings = append(settings, fmt.Sprintf("set_config('enable_sort', '%t', true)", !s.Ordered))
	}
	if all || s.Keyed {
		settings = append(settings, fmt.Sprintf("set_config('enable_seqscan', '%t', true)", !s.Keyed))
	}
	if role := db.role(s); role != "" {
		settings = append(settings, "set_config('role', "+literal(role)+", true)")
	}
	if s.Relaxed && !all {
		settings = append(settings, "set_config('synchronous_commit', 'off', true)")
	}
	batch.Queue("select "+strings.Join(settings, ", "), args...)
}

// trip sends statements with their scope: as a transaction of their own, or within the one
// that the context carries.
func (db *DB) trip(ctx context.Context, s Scope, queue func(*pgx.Batch)) pgx.BatchResults {
	var batch pgx.Batch
	outer := db.joined(ctx)
	db.queue(&batch, s, outer != nil)
	queue(&batch)
	if outer != nil {
		return outer.SendBatch(ctx, &batch)
	}
	return db.pool.SendBatch(ctx, &batch)
}

// A oneTrip runs dbsqlc's statements one by one.
type oneTrip struct {
	db    *DB
	scope Scope
}

// send sends a statement with its scope and returns a reader of its results, which the
// caller must close.
func (t oneTrip) send(ctx context.Context, sql string, args []any) (pgx.BatchResults, error) {
	results := t.db.trip(ctx, t.scope, func(batch *pgx.Batch) { batch.Queue(sql, args...) })
	if _, err := results.Exec(); err != nil {
		return nil, errors.Join(err, results.Close())
	}
	return results, nil
}

func (t oneTrip) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	results, err := t.send(ctx, sql, args)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	tag, err := results.Exec()
	return tag, errors.Join(err, results.Close())
}

func (t oneTrip) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	results, err := t.send(ctx, sql, args)
	if err != nil {
		return nil, err
	}
	rows, err := results.Query()
	if err != nil {
		return nil, errors.Join(err, results.Close())
	}
	return &tripRows{Rows: rows, results: results}, nil
}

func (t oneTrip) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	rows, err := t.Query(ctx, sql, args...)
	return tripRow{rows, err}
}

// tripRows are rows that end their round trip when they are closed.
type tripRows struct {
	pgx.Rows
	results pgx.BatchResults
	err     error // of the transaction's end
}

func (r *tripRows) Next() bool {
	next := r.Rows.Next()
	if !next {
		r.Close()
	}
	return next
}

func (r *tripRows) Close() {
	r.Rows.Close()
	if err := r.results.Close(); r.err == nil {
		r.err = err
	}
}

func (r *tripRows) Err() error {
	if err := r.Rows.Err(); err != nil {
		return err
	}
	return r.err
}

// A tripRow is the first row of a result, like the one of pgx.Conn.QueryRow.
type tripRow struct {
	rows pgx.Rows
	err  error
}

func (r tripRow) Scan(into ...any) error {
	if r.err != nil {
		return r.err
	}
	defer r.rows.Close()
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return pgx.ErrNoRows
	}
	if err := r.rows.Scan(into...); err != nil {
		return err
	}
	r.rows.Close()
	return r.rows.Err()
}

// Queued returns statements that are put into the batch when they are called. They may only
// be commands: a batch returns no rows before it is sent.
func Queued(batch *pgx.Batch) *dbsqlc.Queries { return dbsqlc.New(queued{batch}) }

// queued collects dbsqlc's commands in a batch. Only the errors of their results are read.
type queued struct{ batch *pgx.Batch }

func (q queued) Exec(_ context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	q.batch.Queue(sql, args...)
	return pgconn.CommandTag{}, nil
}

func (q queued) Query(context.Context, string, ...any) (pgx.Rows, error) {
	return nil, errQueued
}

func (q queued) QueryRow(context.Context, string, ...any) pgx.Row {
	return tripRow{err: errQueued}
}

var errQueued = errors.New("a batch of commands returns no rows")
