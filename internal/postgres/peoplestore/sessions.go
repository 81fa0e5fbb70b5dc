package peoplestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pims-sync/pims-sync/internal/people"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/null"
	"github.com/pims-sync/pims-sync/internal/postgres/peoplestore/internal/peoplesql"
)

// AddSession implements people.SessionStore.
func (s *Store) AddSession(ctx context.Context, token []byte, session people.Session, still func(*people.Person) error) error {
	return plain(s.do(ctx, "begin the session", func(q *peoplesql.Queries) error {
		if err := q.DeleteEndedSessions(ctx, session.Began, session.Began.Add(-people.SessionIdle)); err != nil {
			return err
		}
		if session.OSUser == "" {
			row, err := q.LockPerson(ctx, session.Person.ID)
			if err != nil {
				return null.Found(err, people.ErrNotFound)
			}
			p := personOf(row)
			if err := still(&p); err != nil {
				return err
			}
			if err := q.SignedIn(ctx, &session.Began, p.ID); err != nil {
				return err
			}
		}
		return q.InsertSession(ctx, peoplesql.InsertSessionParams{
			TokenHash: token, PersonID: null.ID(session.Person.ID), OsUser: null.Text(session.OSUser), Method: string(session.Method),
			BeganAt: session.Began, SeenAt: session.Seen, ExpiresAt: session.Expires,
		})
	}))
}

// Session implements people.SessionStore.
func (s *Store) Session(ctx context.Context, token []byte) (session people.Session, err error) {
	err = s.do(ctx, "read the session", func(q *peoplesql.Queries) error {
		row, err := q.Session(ctx, token)
		if err != nil {
			return null.Found(err, people.ErrNoSession)
		}
		session = people.Session{
			OSUser: null.Value(row.OsUser), Method: people.Method(row.Method), Began: row.BeganAt, Seen: row.SeenAt, Expires: row.ExpiresAt,
		}
		if row.PersonID == nil {
			return nil
		}
		person, err := q.Person(ctx, *row.PersonID)
		session.Person = personOf(person)
		return null.Found(err, people.ErrNoSession) // removed between the two statements
	})
	return session, plain(err)
}

// TouchSession implements people.SessionStore.
func (s *Store) TouchSession(ctx context.Context, token []byte, at time.Time) error {
	return s.do(ctx, "note the session's use", func(q *peoplesql.Queries) error { return q.TouchSession(ctx, at, token) })
}

// EndSession implements people.SessionStore.
func (s *Store) EndSession(ctx context.Context, token []byte) error {
	return s.do(ctx, "end the session", func(q *peoplesql.Queries) error { return q.EndSession(ctx, token) })
}

// AddLink implements people.SessionStore.
func (s *Store) AddLink(ctx context.Context, token []byte, l people.Link) error {
	return s.do(ctx, "make the link", func(q *peoplesql.Queries) error {
		if err := q.DeleteOldLinks(ctx, l.Made); err != nil {
			return err
		}
		return q.InsertLink(ctx, peoplesql.InsertLinkParams{
			TokenHash: token, PersonID: null.ID(l.PersonID), OsUser: null.Text(l.OSUser), MadeAt: l.Made, ExpiresAt: l.Expires,
		})
	})
}

// Link implements people.SessionStore.
func (s *Store) Link(ctx context.Context, token []byte, now time.Time) (l people.Link, err error) {
	err = s.do(ctx, "read the link", func(q *peoplesql.Queries) error {
		row, err := q.Link(ctx, token, now)
		l = linkOf(row)
		return null.Found(err, people.ErrLink)
	})
	return l, plain(err)
}

// UseLink implements people.SessionStore.
func (s *Store) UseLink(ctx context.Context, token []byte, now time.Time) (l people.Link, err error) {
	err = s.do(ctx, "use the link", func(q *peoplesql.Queries) error {
		row, err := q.UseLink(ctx, token, now)
		l = linkOf(row)
		return null.Found(err, people.ErrLink)
	})
	return l, plain(err)
}

func linkOf(row peoplesql.PimsSyncPeopleLink) people.Link {
	return people.Link{PersonID: null.Value(row.PersonID), OSUser: null.Value(row.OsUser), Made: row.MadeAt, Expires: row.ExpiresAt}
}

// triesKept is how long failed sign-ins are kept: longer than they count.
const triesKept = 7 * 24 * time.Hour

// Try implements people.TryStore.
func (s *Store) Try(ctx context.Context, account, address []byte, step func(account, address people.Tries) (people.Tries, people.Tries)) error {
	return s.do(ctx, "count the sign-in", func(q *peoplesql.Queries) error {
		keys := [][]byte{account, address}
		rows, err := q.LockTries(ctx, time.Time{}, keys)
		if err != nil {
			return err
		}
		if len(rows) != len(keys) {
			return fmt.Errorf("%d rows instead of %d", len(rows), len(keys))
		}
		if !bytes.Equal(rows[0].KeyHash, account) {
			rows[0], rows[1] = rows[1], rows[0]
		}
		triesOf := func(row peoplesql.PimsSyncPeopleTry) people.Tries {
			return people.Tries{Failed: int(row.Failed), Last: row.LastAt}
		}
		ofAccount, ofAddress := step(triesOf(rows[0]), triesOf(rows[1]))
		err = errors.Join(
			q.SetTries(ctx, int32(ofAccount.Failed), ofAccount.Last, account), //nolint:gosec // a small count
			q.SetTries(ctx, int32(ofAddress.Failed), ofAddress.Last, address), //nolint:gosec // the same
		)
		if err != nil {
			return err
		}
		return q.DeleteOldTries(ctx, ofAddress.Last.Add(-triesKept))
	})
}
