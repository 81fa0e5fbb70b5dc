package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// joinedKey is the key of the transaction that a context carries.
type joinedKey struct{}

// joined is a transaction that the methods of a DB's stores join.
type joined struct {
	db *DB
	tx pgx.Tx
}

// Together runs fn in one transaction. Whatever fn does by the stores of this database,
// with the context that fn gets, belongs to this transaction: all of it is stored, or
// nothing. Each store's method sets its own scope (R41), so that fn may work for several
// clinics. fn may be called again after a deadlock, like that of InClinic. It must not wait
// for anything but the database.
//
// Within fn a statement that the database refuses ends the transaction: fn must return its
// error.
func (db *DB) Together(ctx context.Context, operation string, fn func(context.Context) error) error {
	if db.joined(ctx) != nil {
		return fn(ctx)
	}
	return db.Transact(ctx, operation, Scope{}, func(tx pgx.Tx) error {
		return fn(context.WithValue(ctx, joinedKey{}, joined{db, tx}))
	})
}

// joined returns the transaction of this database that the context carries, or nil.
func (db *DB) joined(ctx context.Context) pgx.Tx {
	if j, ok := ctx.Value(joinedKey{}).(joined); ok && j.db == db {
		return j.tx
	}
	return nil
}

// nested runs fn within the context's transaction, under its own scope. A failure of fn
// undoes what fn did and leaves the transaction usable.
func (db *DB) nested(ctx context.Context, outer pgx.Tx, s Scope, fn func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, outer, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, db.settings(s, true)); err != nil {
			return err
		}
		return fn(tx)
	})
}
