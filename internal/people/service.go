package people

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
)

// A Store keeps people, their sessions, links and failed sign-ins.
type Store interface {
	PersonStore
	SessionStore
	LinkStore
	TryStore
}

// A PersonStore keeps people.
type PersonStore interface {
	// People lists all people by e-mail address.
	People(ctx context.Context) ([]Person, error)

	// Person returns one person, or ErrNotFound.
	Person(ctx context.Context, id uuid.UUID) (Person, error)

	// PersonByEmail returns the person with an address in lower case, or ErrNotFound.
	PersonByEmail(ctx context.Context, email string) (Person, error)

	// AddPerson stores a new person, or returns ErrExists.
	AddPerson(ctx context.Context, p Person) error

	// ChangePerson replaces a person with what change makes of it. If change says so, the
	// person's sessions and links end in the same transaction. The error is ErrNotFound,
	// ErrExists, or change's.
	ChangePerson(ctx context.Context, id uuid.UUID, change func(*Person) (end bool, err error)) (before, after Person, err error)

	// RemovePerson removes a person with all sessions and links, and returns who it was, or
	// ErrNotFound.
	RemovePerson(ctx context.Context, id uuid.UUID) (Person, error)
}

// A SessionStore keeps sessions by the hashes of their tokens.
type SessionStore interface {
	// AddSession stores a session and removes those that have ended. For a person it first
	// locks and reads the person and asks still, whose error it returns, and then stores when
	// the person signed in.
	AddSession(ctx context.Context, token []byte, s Session, still func(*Person) error) error

	// Session returns a session, or ErrNoSession. It may return one that has ended.
	Session(ctx context.Context, token []byte) (Session, error)

	// TouchSession stores when a session was last used.
	TouchSession(ctx context.Context, token []byte, at time.Time) error

	// SignedInFrom lists the addresses from which a person has signed in since a moment.
	SignedInFrom(ctx context.Context, id uuid.UUID, since time.Time) ([]netip.Addr, error)

	// EndSession removes a session. To remove none is no error.
	EndSession(ctx context.Context, token []byte) error

	// SessionsOf lists the sessions of whom a session belongs to that have not ended at a
	// moment, the newest first, and says which of them has the token.
	SessionsOf(ctx context.Context, s Session, token []byte, now time.Time) ([]OwnSession, error)

	// EndOtherSessions removes the sessions of whom a session belongs to, except that with the
	// token, and returns how many it removed.
	EndOtherSessions(ctx context.Context, s Session, token []byte) (int, error)
}

// A LinkStore keeps one-time links by the hashes of their tokens.
type LinkStore interface {
	// AddLink stores a link and removes those that were made long ago.
	AddLink(ctx context.Context, token []byte, l Link) error

	// Link returns a link, or ErrLink. It may return one that was used or has expired, which
	// is not live.
	Link(ctx context.Context, token []byte) (Link, error)

	// UseLink returns a live link, which has then expired, or returns ErrLink. Of several
	// calls at once, one gets it.
	UseLink(ctx context.Context, token []byte, now time.Time) (Link, error)

	// NoteLink notes that a link was presented in vain, and reports whether it was not noted
	// since a moment.
	NoteLink(ctx context.Context, token []byte, now, before time.Time) (bool, error)
}

// A TryStore counts failed sign-ins.
type TryStore interface {
	// Try reads the counts under two keys and writes them back as step returns them, in one
	// transaction that others wait for.
	Try(ctx context.Context, account, address []byte, step func(account, address Tries) (Tries, Tries)) error
}

// Options are what a Service needs.
type Options struct {
	Store Store
	Log   access.Log
	Now   func() time.Time // nil: time.Now

	// Tell sends a mail soon, and returns at once; nil: there is no mail server. What cannot
	// be sent changes nothing.
	Tell func(context.Context, Notice)
}

// A Service signs people in and keeps their list.
type Service struct{ o Options }

// New makes a Service.
func New(o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Service{o}
}

// eventOf begins the record of an action on a person; a zero id: on nobody who is known.
func eventOf(by access.By, action access.Action, id uuid.UUID) access.Event {
	var record access.Record
	if id != uuid.Nil {
		record = access.RecordOf("person", id)
	}
	return by.Event(action, uuid.Nil, record)
}

// People lists all people by e-mail address.
func (s *Service) People(ctx context.Context) ([]Person, error) { return s.o.Store.People(ctx) }

// Person returns one person, or ErrNotFound.
func (s *Service) Person(ctx context.Context, id uuid.UUID) (Person, error) {
	return s.o.Store.Person(ctx, id)
}

// Find returns the person with an id or an e-mail address, or ErrNotFound, also where the text is
// neither.
func (s *Service) Find(ctx context.Context, idOrEmail string) (Person, error) {
	if id, err := uuid.Parse(idOrEmail); err == nil {
		return s.o.Store.Person(ctx, id)
	}
	email, err := ParseEmail(idOrEmail)
	if err != nil {
		return Person{}, ErrNotFound
	}
	return s.o.Store.PersonByEmail(ctx, email)
}

// Invite adds a person, who has signed in nowhere yet. The error is ErrExists where the
// e-mail address is taken.
func (s *Service) Invite(ctx context.Context, by access.By, p Person) (Person, error) {
	email, err := ParseEmail(p.Email)
	if err != nil {
		return Person{}, err
	}
	now := s.o.Now()
	p.Email, p.ID, p.CreatedAt, p.UpdatedAt, p.LastSignedIn = email, uuid.New(), now, now, time.Time{}
	p.limit()
	if err := p.check(); err != nil {
		return Person{}, err
	}
	return p, s.o.Log.Act(ctx, eventOf(by, access.PersonAdd, p.ID), func(ctx context.Context, e *access.Event) error {
		e.After = p.recorded()
		return s.o.Store.AddPerson(ctx, p)
	})
}

// Change changes a person. Another role, other clinics or another password end the person's
// sessions and links at once (R43).
func (s *Service) Change(ctx context.Context, by access.By, id uuid.UUID, change func(*Person) error) (after Person, err error) {
	var before Person
	err = s.o.Log.Act(ctx, eventOf(by, access.PersonSet, id), func(ctx context.Context, e *access.Event) (err error) {
		before, after, err = s.change(ctx, e, id, change)
		return err
	})
	if err == nil {
		s.tellOfChange(ctx, &before, &after, by)
	}
	return after, err
}

// change changes a person within the transaction of an action, and adds to its record.
func (s *Service) change(ctx context.Context, e *access.Event, id uuid.UUID, change func(*Person) error) (before, after Person, err error) {
	before, after, err = s.o.Store.ChangePerson(ctx, id, func(p *Person) (bool, error) {
		old := *p
		if err := change(p); err != nil {
			return false, err
		}
		p.limit()
		p.UpdatedAt = s.o.Now()
		return endsSessions(&old, p), p.check()
	})
	e.Before, e.After = before.recorded(), after.recorded()
	return before, after, err
}

// Remove removes a person and ends all sessions of this person. What the person did stays
// recorded.
func (s *Service) Remove(ctx context.Context, by access.By, id uuid.UUID) (removed Person, err error) {
	err = s.o.Log.Act(ctx, eventOf(by, access.PersonRemove, id), func(ctx context.Context, e *access.Event) (err error) {
		removed, err = s.o.Store.RemovePerson(ctx, id)
		e.Before = removed.recorded()
		return err
	})
	if err == nil {
		s.tell(ctx, removed.Email, "it was removed", by)
	}
	return removed, err
}

// InviteLink makes a link with which a person sets a password and signs in, once, within
// InviteLife. It returns the link's token.
func (s *Service) InviteLink(ctx context.Context, id uuid.UUID) (token string, err error) {
	return s.addLink(ctx, Link{PersonID: id}, InviteLife)
}

// ConsoleLink makes a link that signs the user of an operating system in, once, within
// LinkLife. Only who can run the command line on the service's own data may call it.
func (s *Service) ConsoleLink(ctx context.Context, osUser string) (token string, err error) {
	if osUser == "" {
		return "", errors.New("no user of the operating system is named")
	}
	by := access.By{Caller: access.Caller{Kind: access.KindOSUser, Name: osUser}, Origin: commandLine}
	err = s.o.Log.Act(ctx, eventOf(by, access.ConsoleLink, uuid.Nil), func(ctx context.Context, _ *access.Event) (err error) {
		token, err = s.addLink(ctx, Link{OSUser: osUser}, LinkLife)
		return err
	})
	return token, err
}

// commandLine is the origin of what commands do (R44).
const commandLine = "command line"

func (s *Service) addLink(ctx context.Context, l Link, life time.Duration) (string, error) {
	token := newToken()
	l.Made = s.o.Now()
	l.Expires = l.Made.Add(life)
	return token, s.o.Store.AddLink(ctx, hashToken(token), l)
}
