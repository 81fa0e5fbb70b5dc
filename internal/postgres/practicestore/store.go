// Package practicestore keeps the links to practices' pages in the database, and reads what
// the pages show of the syncs (R61). It decides nothing: package practice does.
package practicestore

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/lookup"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/null"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/values"
	"github.com/pims-sync/pims-sync/internal/postgres/practicestore/internal/practicesql"
	"github.com/pims-sync/pims-sync/internal/practice"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// touchEvery is how often the use of a link is stored.
const touchEvery = time.Minute

// A Store is a practice.Store.
type Store struct {
	db        *postgres.DB
	presented *lookup.Desk[practice.Link]
}

// New returns the store of a database.
func New(db *postgres.DB) *Store {
	s := &Store{db: db}
	s.presented = lookup.NewDesk(s.byHash)
	return s
}

var _ practice.Store = (*Store)(nil)

func (s *Store) inClinic(ctx context.Context, operation string, clinicID uuid.UUID, fn func(*practicesql.Queries) error) error {
	return s.db.InClinic(ctx, operation, clinicID, func(tx pgx.Tx) error { return fn(practicesql.New(tx)) })
}

func (s *Store) across(ctx context.Context, operation string, fn func(*practicesql.Queries) error) error {
	return s.db.System(ctx, operation, func(tx pgx.Tx) error { return fn(practicesql.New(tx)) })
}

// Links implements practice.Store.
func (s *Store) Links(ctx context.Context, clinicID uuid.UUID) (links []practice.Link, err error) {
	err = s.inClinic(ctx, "list the links to the practice's page", clinicID, func(q *practicesql.Queries) error {
		rows, err := q.StatusLinks(ctx, clinicID)
		links = make([]practice.Link, len(rows))
		for i := range rows {
			links[i] = linkOf(rows[i])
		}
		return err
	})
	return links, err
}

// ByHash implements practice.Store.
func (s *Store) ByHash(ctx context.Context, hash string) (link practice.Link, err error) {
	found, err := s.presented.Of(ctx, hash)
	switch {
	case err != nil:
		return link, s.db.Translate(ctx, "look a practice's link up", err)
	case len(found) == 0:
		return link, practice.ErrNoLink
	}
	return found[0], nil
}

// byHash finds presented links.
func (s *Store) byHash(ctx context.Context, hashes []string) (found map[string][]practice.Link, err error) {
	err = s.across(ctx, "look practices' links up", func(q *practicesql.Queries) error {
		rows, err := q.StatusLinksByHash(ctx, hashes)
		found = make(map[string][]practice.Link, len(rows))
		for _, row := range rows {
			found[row.TokenHash] = append(found[row.TokenHash], linkOf(row))
		}
		return err
	})
	return found, err
}

// ClinicOf implements practice.Store.
func (s *Store) ClinicOf(ctx context.Context, id uuid.UUID) (clinicID uuid.UUID, err error) {
	err = s.across(ctx, "find the clinic of a link", func(q *practicesql.Queries) error {
		clinicID, err = q.StatusLinkClinic(ctx, id)
		return null.Found(err, practice.ErrNoLink)
	})
	return clinicID, err
}

// Add implements practice.Store.
func (s *Store) Add(ctx context.Context, link practice.Link) (added practice.Link, err error) {
	err = s.inClinic(ctx, "store a link to the practice's page", link.ClinicID, func(q *practicesql.Queries) error {
		row, err := q.InsertStatusLink(ctx, practicesql.InsertStatusLinkParams{
			ID: link.ID, ClinicID: link.ClinicID, Name: link.Name, TokenHash: link.Hash, CreatedBy: link.CreatedBy, CreatedAt: link.CreatedAt,
		})
		added = linkOf(row)
		return err
	})
	return added, err
}

// Revoke implements practice.Store.
func (s *Store) Revoke(ctx context.Context, clinicID, id uuid.UUID) (revoked practice.Link, err error) {
	err = s.inClinic(ctx, "revoke a link to the practice's page", clinicID, func(q *practicesql.Queries) error {
		row, err := q.RevokeStatusLink(ctx, id, clinicID)
		revoked = linkOf(row)
		return null.Found(err, practice.ErrNoLink)
	})
	return revoked, err
}

// Touch implements practice.Store. It stores one use a minute.
func (s *Store) Touch(ctx context.Context, link practice.Link, at time.Time) error {
	if at.Sub(link.LastUsedAt) < touchEvery {
		return nil
	}
	return s.across(ctx, "note the use of a practice's link", func(q *practicesql.Queries) error {
		before := at.Add(-touchEvery)
		return q.TouchStatusLink(ctx, &at, link.ID, &before)
	})
}

// Outcomes implements practice.Store.
func (s *Store) Outcomes(ctx context.Context, clinicID uuid.UUID, since time.Time) (outcomes []practice.Outcome, err error) {
	err = s.inClinic(ctx, "read how a practice's syncs ended", clinicID, func(q *practicesql.Queries) error {
		rows, err := q.PracticeOutcomes(ctx, clinicID, since, values.Convert(syncs.RefusedHere(), func(c syncs.Code) string { return string(c) }))
		outcomes = make([]practice.Outcome, len(rows))
		for i, row := range rows {
			outcomes[i] = practice.Outcome{At: row.At, Completed: row.Completed}
		}
		return err
	})
	return outcomes, err
}

func linkOf(row practicesql.PimsSyncStatusLink) practice.Link {
	return practice.Link{
		ID: row.ID, ClinicID: row.ClinicID, Name: row.Name, Hash: row.TokenHash, Active: row.IsActive,
		CreatedBy: row.CreatedBy, CreatedAt: row.CreatedAt, LastUsedAt: null.Value(row.LastUsedAt),
	}
}
