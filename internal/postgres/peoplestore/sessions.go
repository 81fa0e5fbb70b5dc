package peoplestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/google/uuid"

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
			BeganAt: session.Began, BeganFrom: session.From, SeenAt: session.Seen, ExpiresAt: session.Expires,
		})
	}))
}

// Session implements people.SessionStore.
func (s *Store) Session(ctx context.Context, token []byte) (people.Session, error) {
	found, err := s.presented.Of(ctx, string(token))
	switch {
	case err != nil:
		return people.Session{}, s.db.Translate(ctx, "read the session", err)
	case len(found) == 0:
		return people.Session{}, people.ErrNoSession
	}
	return found[0], nil
}

// byToken finds presented sessions with their people.
func (s *Store) byToken(ctx context.Context, tokens []string) (found map[string][]people.Session, err error) {
	hashes := make([][]byte, len(tokens))
	for i, token := range tokens {
		hashes[i] = []byte(token)
	}
	err = s.do(ctx, "read sessions", func(q *peoplesql.Queries) error {
		rows, err := q.SessionsByToken(ctx, hashes)
		if err != nil || len(rows) == 0 {
			return err
		}
		of, err := peopleOf(ctx, q, rows)
		found = make(map[string][]people.Session, len(rows))
		for _, row := range rows {
			session := people.Session{
				OSUser: null.Value(row.OsUser), Method: people.Method(row.Method), Began: row.BeganAt, From: row.BeganFrom, Seen: row.SeenAt, Expires: row.ExpiresAt,
			}
			if row.PersonID != nil {
				person, ok := of[*row.PersonID]
				if !ok {
					continue // removed between the two statements
				}
				session.Person = person
			}
			found[string(row.TokenHash)] = []people.Session{session}
		}
		return err
	})
	return found, err
}

// peopleOf reads whose sessions these are.
func peopleOf(ctx context.Context, q *peoplesql.Queries, sessions []peoplesql.PeopleSession) (map[uuid.UUID]people.Person, error) {
	var ids []uuid.UUID
	for _, session := range sessions {
		if session.PersonID != nil {
			ids = append(ids, *session.PersonID)
		}
	}
	rows, err := q.PeopleByID(ctx, ids)
	of := make(map[uuid.UUID]people.Person, len(rows))
	for _, row := range rows {
		of[row.ID] = personOf(row)
	}
	return of, err
}

// TouchSession implements people.SessionStore.
func (s *Store) TouchSession(ctx context.Context, token []byte, at time.Time) error {
	return s.do(ctx, "note the session's use", func(q *peoplesql.Queries) error { return q.TouchSession(ctx, at, token) })
}

// EndSession implements people.SessionStore.
func (s *Store) EndSession(ctx context.Context, token []byte) error {
	return s.do(ctx, "end the session", func(q *peoplesql.Queries) error { return q.EndSession(ctx, token) })
}

// SessionsOf implements people.SessionStore.
func (s *Store) SessionsOf(ctx context.Context, of people.Session, token []byte, now time.Time) (all []people.OwnSession, err error) {
	err = s.do(ctx, "list the sessions", func(q *peoplesql.Queries) error {
		rows, err := q.SessionsOf(ctx, peoplesql.SessionsOfParams{
			PersonID: null.ID(of.Person.ID), OsUser: null.Text(of.OSUser), Now: now, IdleSince: now.Add(-people.SessionIdle),
		})
		all = make([]people.OwnSession, len(rows))
		for i, row := range rows {
			all[i] = people.OwnSession{Method: people.Method(row.Method), Began: row.BeganAt, From: row.BeganFrom, Seen: row.SeenAt, Present: bytes.Equal(row.TokenHash, token)}
		}
		return err
	})
	return all, err
}

// EndOtherSessions implements people.SessionStore.
func (s *Store) EndOtherSessions(ctx context.Context, of people.Session, token []byte) (ended int, err error) {
	err = s.do(ctx, "end the other sessions", func(q *peoplesql.Queries) error {
		n, err := q.EndOtherSessions(ctx, null.ID(of.Person.ID), null.Text(of.OSUser), token)
		ended = int(n)
		return err
	})
	return ended, err
}

// linksKept is how long a link is kept, so that it is known when it comes again: longer than
// any lives.
const linksKept = 30 * 24 * time.Hour

// AddLink implements people.LinkStore.
func (s *Store) AddLink(ctx context.Context, token []byte, l people.Link) error {
	return s.do(ctx, "make the link", func(q *peoplesql.Queries) error {
		if err := q.DeleteOldLinks(ctx, l.Made, l.Made.Add(-linksKept)); err != nil {
			return err
		}
		return q.InsertLink(ctx, peoplesql.InsertLinkParams{
			TokenHash: token, PersonID: null.ID(l.PersonID), OsUser: null.Text(l.OSUser), MadeAt: l.Made, ExpiresAt: l.Expires,
		})
	})
}

// Link implements people.LinkStore. It takes one round trip: whoever presents wrong links
// opens no transaction.
func (s *Store) Link(ctx context.Context, token []byte) (people.Link, error) {
	row, err := peoplesql.New(s.db.SystemTrips()).Link(ctx, token)
	return linkOf(row), plain(s.db.Translate(ctx, "read the link", null.Found(err, people.ErrLink)))
}

// UseLink implements people.LinkStore.
func (s *Store) UseLink(ctx context.Context, token []byte, now time.Time) (l people.Link, err error) {
	err = s.do(ctx, "use the link", func(q *peoplesql.Queries) error {
		row, err := q.UseLink(ctx, token, now)
		l = linkOf(row)
		return null.Found(err, people.ErrLink)
	})
	return l, plain(err)
}

// NoteLink implements people.LinkStore.
func (s *Store) NoteLink(ctx context.Context, token []byte, now, before time.Time) (noted bool, err error) {
	err = s.do(ctx, "note the link's use", func(q *peoplesql.Queries) error {
		n, err := q.NoteLink(ctx, now, token, before)
		noted = n > 0
		return err
	})
	return noted, err
}

// SignedInFrom implements people.SessionStore.
func (s *Store) SignedInFrom(ctx context.Context, id uuid.UUID, since time.Time) (all []netip.Addr, err error) {
	err = s.do(ctx, "read where a person signed in", func(q *peoplesql.Queries) error {
		origins, err := q.SignedInFrom(ctx, id, since)
		all = all[:0]
		for _, origin := range origins {
			if a, err := netip.ParseAddr(origin); err == nil {
				all = append(all, a)
			}
		}
		return err
	})
	return all, err
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
