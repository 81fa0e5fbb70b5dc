// Package fleetstore keeps fleet keys in the database (R42). It decides nothing: package
// access does.
package fleetstore

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/fleetstore/internal/fleetsql"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/lookup"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/null"
)

// A Store is an access.FleetKeyStore. Its statements belong to no clinic (R41).
type Store struct {
	db        *postgres.DB
	presented *lookup.Desk[access.FleetKey]
}

// New returns the store of a database.
func New(db *postgres.DB) *Store {
	s := &Store{db: db}
	s.presented = lookup.NewDesk(s.byHash)
	return s
}

var _ access.FleetKeyStore = (*Store)(nil)

// do runs statements in one transaction.
func (s *Store) do(ctx context.Context, operation string, fn func(*fleetsql.Queries) error) error {
	return s.db.System(ctx, operation, func(tx pgx.Tx) error { return fn(fleetsql.New(tx)) })
}

// FleetKeys lists all fleet keys, the oldest first.
func (s *Store) FleetKeys(ctx context.Context) (keys []access.FleetKey, err error) {
	err = s.do(ctx, "list the fleet keys", func(q *fleetsql.Queries) error {
		rows, err := q.FleetKeys(ctx)
		keys = make([]access.FleetKey, len(rows))
		for i, row := range rows {
			keys[i] = keyOf(row)
		}
		return err
	})
	return keys, err
}

// FleetKeyByHash implements access.FleetKeyStore.
func (s *Store) FleetKeyByHash(ctx context.Context, hash string) (key access.FleetKey, err error) {
	found, err := s.presented.Of(ctx, hash)
	switch {
	case err != nil:
		return key, s.db.Translate(ctx, "look the fleet key up", err)
	case len(found) == 0:
		return key, access.ErrNoFleetKey
	}
	return found[0], nil
}

// byHash finds presented keys.
func (s *Store) byHash(ctx context.Context, hashes []string) (found map[string][]access.FleetKey, err error) {
	err = s.do(ctx, "look fleet keys up", func(q *fleetsql.Queries) error {
		rows, err := q.FleetKeysByHash(ctx, hashes)
		found = make(map[string][]access.FleetKey, len(rows))
		for _, row := range rows {
			found[row.KeyHash] = append(found[row.KeyHash], keyOf(row))
		}
		return err
	})
	return found, err
}

// TouchFleetKey implements access.FleetKeyStore.
func (s *Store) TouchFleetKey(ctx context.Context, id uuid.UUID, at time.Time) error {
	return s.do(ctx, "note the fleet key's use", func(q *fleetsql.Queries) error { return q.TouchFleetKey(ctx, &at, id) })
}

// AddFleetKey stores a new key and returns it as it is stored.
func (s *Store) AddFleetKey(ctx context.Context, key access.FleetKey) (added access.FleetKey, err error) {
	p := fleetsql.InsertFleetKeyParams{
		ID: key.ID, Name: key.Name, KeyPrefix: key.Prefix, KeyHash: key.Hash, Scope: string(key.Scope),
		IsActive: key.Active, CreatedBy: key.CreatedBy, CreatedAt: key.CreatedAt,
	}
	if key.Limited {
		p.Clinics = append([]uuid.UUID{}, key.Clinics...) // empty: no clinic; null would be every one
	}
	if !key.ExpiresAt.IsZero() {
		p.ExpiresAt = &key.ExpiresAt
	}
	err = s.do(ctx, "store the fleet key", func(q *fleetsql.Queries) error {
		row, err := q.InsertFleetKey(ctx, p)
		added = keyOf(row)
		return err
	})
	return added, err
}

// RevokeFleetKey makes a key invalid from now on and returns it. A revoked key stays
// revoked. The error is access.ErrNoFleetKey where there is none.
func (s *Store) RevokeFleetKey(ctx context.Context, id uuid.UUID) (revoked access.FleetKey, err error) {
	err = s.do(ctx, "revoke the fleet key", func(q *fleetsql.Queries) error {
		row, err := q.RevokeFleetKey(ctx, id)
		revoked = keyOf(row)
		return null.Found(err, access.ErrNoFleetKey)
	})
	return revoked, err
}

func keyOf(row fleetsql.FleetKey) access.FleetKey {
	key := access.FleetKey{
		ID: row.ID, Name: row.Name, Prefix: row.KeyPrefix, Hash: row.KeyHash, Scope: access.FleetScope(row.Scope),
		Limited: row.Clinics != nil, Clinics: row.Clinics, Active: row.IsActive, CreatedBy: row.CreatedBy, CreatedAt: row.CreatedAt,
	}
	if row.ExpiresAt != nil {
		key.ExpiresAt = *row.ExpiresAt
	}
	if row.LastUsedAt != nil {
		key.LastUsedAt = *row.LastUsedAt
	}
	return key
}
