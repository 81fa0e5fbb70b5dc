package postgres

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

const (
	// maxTries bounds how often a transaction that failed because of another one is run.
	maxTries = 4

	// idleLimit ends a transaction whose process is paused or gone, so that the locks of
	// its fence do not outlive the lease for long (R30).
	idleLimit = 15 * time.Second
)

// A Scope says for which clinic and actor a transaction works (R41).
type Scope struct {
	ClinicID uuid.UUID // zero: across clinics
	Actor    string    // in whose name cases are changed (R14); empty: a person

	// relaxed commits do not wait for the disk. The log is written in order, so that a
	// later commit that is not relaxed also makes them durable. Until then, a crash of the
	// server may lose the latest of them and nothing else.
	Relaxed bool

	// ordered statements take the index that has the order of their "order by", whatever
	// the statistics say: the planner does not know a clinic that was added lately, and
	// takes another index of the clinic to be as good. Use it only where such an index
	// exists.
	Ordered bool

	// keyed statements find each row by the one index that they can use: as a text, a clinic
	// leads to none. Their plans are the same whatever a table holds, and are kept. With few
	// cases, the planner would otherwise read all of them for each row of a chunk.
	Keyed bool
}

// planCacheMode returns whether plans may be kept. One of other statements that was made while
// a table was empty must not: chunks of a thousand keys would each read the whole table after
// it has grown.
func (s Scope) planCacheMode() string {
	if s.Keyed {
		return "auto"
	}
	return "force_custom_plan"
}

// InClinic runs fn in a transaction for one clinic (R41). fn may be called again after a
// deadlock, so it may only change the database and variables that it overwrites. operation
// says what is done, for the error.
//
// Statements also name the clinic themselves. The transaction's setting is for row-level
// security.
func (db *DB) InClinic(ctx context.Context, operation string, clinicID uuid.UUID, fn func(pgx.Tx) error) error {
	return db.InClinicAs(ctx, operation, clinicID, "", fn)
}

// InClinicAs is InClinic in the name of an actor, who becomes the actor of the case events
// (R14): "sync:<id>", "key:<id>" or "os:<user>"; an empty text means a person.
func (db *DB) InClinicAs(ctx context.Context, operation string, clinicID uuid.UUID, actor string, fn func(pgx.Tx) error) error {
	if clinicID == uuid.Nil { // a zero id would mean System
		return fmt.Errorf("%s: no clinic is named", operation)
	}
	return db.Transact(ctx, operation, Scope{ClinicID: clinicID, Actor: actor}, fn)
}

// System runs fn in a transaction that crosses clinics (R41): key lookup, due ticks,
// rescue, rotation, lists. As with InClinic, fn may be called again.
func (db *DB) System(ctx context.Context, operation string, fn func(pgx.Tx) error) error {
	return db.Transact(ctx, operation, Scope{}, fn)
}

// Transact runs fn in a transaction, again where it failed because of another one, and
// translates its error.
func (db *DB) Transact(ctx context.Context, operation string, s Scope, fn func(pgx.Tx) error) error {
	if outer := db.joined(ctx); outer != nil {
		return db.Translate(ctx, operation, db.nested(ctx, outer, s, fn))
	}
	return db.Translate(ctx, operation, again(ctx, func() error { return db.once(ctx, s, fn) }))
}

// again runs a transaction until it does not fail because of another one.
func again(ctx context.Context, transaction func() error) error {
	err := transaction()
	for try := 1; try < maxTries && retryable(err); try++ {
		if Pause(ctx, time.Duration(try)*10*time.Millisecond) != nil {
			break
		}
		err = transaction()
	}
	return err
}

// once runs fn in one transaction. The scope is set in the same round trip as BEGIN.
func (db *DB) once(ctx context.Context, s Scope, fn func(pgx.Tx) error) error {
	tx, err := db.pool.BeginTx(ctx, pgx.TxOptions{BeginQuery: "begin; " + db.settings(s, false)})
	if err != nil {
		return err
	}
	defer func() {
		// After a commit this does nothing. It must work even when ctx has ended.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), connectTimeout)
		defer cancel()
		_ = tx.Rollback(ctx) // a connection that cannot roll back is closed
	}()
	if err := fn(tx); err != nil {
		return err
	}
	return tx.Commit(ctx)
}

// settings returns the statements that set a scope for the rest of a transaction, with the
// role that it works in. In a transaction that had another scope before, all of them are
// set.
func (db *DB) settings(s Scope, all bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "set local plan_cache_mode = %s; set local idle_in_transaction_session_timeout = %d", s.planCacheMode(), idleLimit.Milliseconds())
	if all || s.Ordered {
		fmt.Fprintf(&b, "; set local enable_sort = %t", !s.Ordered)
	}
	if all || s.Keyed {
		fmt.Fprintf(&b, "; set local enable_seqscan = %t", !s.Keyed)
	}
	if all || s.ClinicID != uuid.Nil {
		fmt.Fprintf(&b, "; set local app.clinic_id = %s", literal(s.clinic()))
	}
	if all || s.Actor != "" {
		fmt.Fprintf(&b, "; set local app.actor = %s", literal(s.Actor))
	}
	if role := db.role(s); role != "" {
		fmt.Fprintf(&b, "; set local role %s", literal(role))
	}
	return b.String()
}

// role returns the database role that a scope works in (R41); empty where there is one role
// only.
func (db *DB) role(s Scope) string {
	switch {
	case !db.walled.Load():
		return ""
	case s.ClinicID == uuid.Nil:
		return db.roles.System
	default:
		return db.roles.Tenant
	}
}

// clinic returns the clinic's id as text, empty for a scope across clinics.
func (s Scope) clinic() string {
	if s.ClinicID == uuid.Nil {
		return ""
	}
	return s.ClinicID.String()
}

// literal quotes a text for SQL, whatever standard_conforming_strings is. Backslashes and
// control characters become underscores.
func literal(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == '\\' || r < ' ' || r == 0x7f {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(s, "_"))
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

// Pause waits for about d, or until ctx ends.
func Pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d/2 + rand.N(d)) //nolint:gosec // no secret
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
