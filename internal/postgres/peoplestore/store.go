// Package peoplestore keeps people, their sessions, links and failed sign-ins in the
// database (R42, R43). It decides nothing: package people does.
package peoplestore

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/people"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/lookup"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/null"
	"github.com/pims-sync/pims-sync/internal/postgres/peoplestore/internal/peoplesql"
	"github.com/pims-sync/pims-sync/internal/secret"
)

// A Store is a people.Store. Its statements belong to no clinic (R41).
type Store struct {
	db        *postgres.DB
	presented *lookup.Desk[people.Session]
}

// New returns the store of a database.
func New(db *postgres.DB) *Store {
	s := &Store{db: db}
	s.presented = lookup.NewDesk(s.byToken)
	return s
}

var _ people.Store = (*Store)(nil)

// do runs statements in one transaction.
func (s *Store) do(ctx context.Context, operation string, fn func(*peoplesql.Queries) error) error {
	return s.db.System(ctx, operation, func(tx pgx.Tx) error { return fn(peoplesql.New(tx)) })
}

// People implements people.PersonStore.
func (s *Store) People(ctx context.Context) (all []people.Person, err error) {
	err = s.do(ctx, "list the people", func(q *peoplesql.Queries) error {
		rows, err := q.People(ctx)
		all = make([]people.Person, len(rows))
		for i, row := range rows {
			all[i] = personOf(row)
		}
		return err
	})
	return all, err
}

// Person implements people.PersonStore.
func (s *Store) Person(ctx context.Context, id uuid.UUID) (p people.Person, err error) {
	err = s.do(ctx, "read the person", func(q *peoplesql.Queries) error {
		row, err := q.Person(ctx, id)
		p = personOf(row)
		return null.Found(err, people.ErrNotFound)
	})
	return p, plain(err)
}

// PersonByEmail implements people.PersonStore.
func (s *Store) PersonByEmail(ctx context.Context, email string) (p people.Person, err error) {
	err = s.do(ctx, "find the person", func(q *peoplesql.Queries) error {
		row, err := q.PersonByEmail(ctx, email)
		p = personOf(row)
		return null.Found(err, people.ErrNotFound)
	})
	return p, plain(err)
}

// AddPerson implements people.PersonStore.
func (s *Store) AddPerson(ctx context.Context, p people.Person) error {
	return plain(s.do(ctx, "add the person", func(q *peoplesql.Queries) error {
		n, err := q.InsertPerson(ctx, peoplesql.InsertPersonParams{
			ID: p.ID, Email: p.Email, Name: p.Name, Role: string(p.Role), Clinics: clinicsOf(&p), PasswordHash: null.Text(p.Password.Reveal()),
			Issuer: p.Issuer, Subject: p.Subject, CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt, LastSignedInAt: null.Time(p.LastSignedIn),
		})
		if err == nil && n == 0 {
			return people.ErrExists
		}
		return err
	}))
}

// ChangePerson implements people.PersonStore.
func (s *Store) ChangePerson(ctx context.Context, id uuid.UUID, change func(*people.Person) (bool, error)) (before, after people.Person, err error) {
	err = s.do(ctx, "change the person", func(q *peoplesql.Queries) error {
		row, err := q.LockPerson(ctx, id)
		if err != nil {
			return null.Found(err, people.ErrNotFound)
		}
		before, after = personOf(row), personOf(row)
		end, err := change(&after)
		if err != nil {
			return err
		}
		if end {
			if err := errors.Join(q.EndSessionsOf(ctx, &id), q.ExpireLinksOf(ctx, &id)); err != nil {
				return err
			}
		}
		return q.UpdatePerson(ctx, peoplesql.UpdatePersonParams{
			ID: id, Email: after.Email, Name: after.Name, Role: string(after.Role), Clinics: clinicsOf(&after), PasswordHash: null.Text(after.Password.Reveal()),
			Issuer: after.Issuer, Subject: after.Subject, UpdatedAt: after.UpdatedAt, LastSignedInAt: null.Time(after.LastSignedIn),
		})
	})
	return before, after, plain(err)
}

// RemovePerson implements people.PersonStore.
func (s *Store) RemovePerson(ctx context.Context, id uuid.UUID) (p people.Person, err error) {
	err = s.do(ctx, "remove the person", func(q *peoplesql.Queries) error {
		row, err := q.DeletePerson(ctx, id)
		p = personOf(row)
		return null.Found(err, people.ErrNotFound)
	})
	return p, plain(err)
}

func personOf(row peoplesql.Person) people.Person {
	return people.Person{
		ID:           row.ID,
		Email:        row.Email,
		Name:         row.Name,
		Role:         access.Role(row.Role),
		Limited:      row.Clinics != nil,
		Clinics:      row.Clinics,
		Password:     secret.New(null.Value(row.PasswordHash)),
		Issuer:       row.Issuer,
		Subject:      row.Subject,
		CreatedAt:    row.CreatedAt,
		UpdatedAt:    row.UpdatedAt,
		LastSignedIn: null.Value(row.LastSignedInAt),
	}
}

// clinicsOf returns the column's value: null for a person who is not limited.
func clinicsOf(p *people.Person) []uuid.UUID {
	if !p.Limited {
		return nil
	}
	return append([]uuid.UUID{}, p.Clinics...)
}

// plain returns an error of package people without the operation in front: it tells its
// reader everything.
func plain(err error) error {
	for _, ours := range []error{people.ErrNotFound, people.ErrExists, people.ErrNoSession, people.ErrLink, people.ErrOtherAccount, people.ErrRefused} {
		if errors.Is(err, ours) {
			return ours
		}
	}
	return err
}
