package app

import (
	"context"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/oplog"
)

// withOwner runs fn with the database as the login of the tables' owner sees it (R45).
func (s *Store) withOwner(ctx context.Context, fn func(*postgres.DB) error) error {
	db, err := postgres.Open(ctx, postgres.Options{URL: s.owner, Logger: s.log, Walls: s.walls, MaxConns: ownerConns})
	if err != nil {
		return err
	}
	defer db.Close()
	return fn(db)
}

// Seal lets nobody but the owner's login act as the owner of the tables, see
// postgres.DB.Seal, and records that (R44).
func (s *Store) Seal(ctx context.Context, by access.By) (revoked []string, err error) {
	service := "" // the owner is the service, too
	if logins := s.walls.Logins; len(logins) > 0 {
		service = logins[0]
	}
	err = s.withOwner(ctx, func(db *postgres.DB) error {
		event := by.Event(access.DatabaseSeal, uuid.Nil, access.Record{Kind: "database login", ID: service})
		return oplog.New(db, s.log).Act(ctx, event, func(ctx context.Context, e *access.Event) error {
			revoked, err = db.Seal(ctx, service)
			e.After = access.Values{"revoked": revoked}
			return err
		})
	})
	return revoked, err
}

// Maintain rebuilds indexes, see postgres.DB.Maintain.
func (s *Store) Maintain(ctx context.Context) (rebuilt []postgres.Index, err error) {
	err = s.withOwner(ctx, func(db *postgres.DB) error {
		rebuilt, err = db.Maintain(ctx)
		return err
	})
	return rebuilt, err
}
