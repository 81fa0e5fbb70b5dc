package people

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/secret"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// The codes of refused sign-ins (docs/interface.md §Codes).
const (
	codeUnauthorized syncs.Code = "unauthorized"
	codeRateLimited  syncs.Code = "rate_limited"
)

// Why a sign-in is refused.
var (
	// ErrRefused is the error for every wrong e-mail address and password, whatever is
	// wrong, so that nobody learns who is invited.
	ErrRefused = syncs.Fail(codeUnauthorized, "the e-mail address or the password is wrong")

	// ErrNotInvited: the OpenID Connect account is sound, and nobody invited its address.
	ErrNotInvited = syncs.Fail(syncs.CodeForbidden, "nobody with this e-mail address is invited")

	// ErrUnverified: the provider does not say that the address belongs to the account.
	ErrUnverified = syncs.Fail(syncs.CodeForbidden, "the sign-in provider has not verified the e-mail address")

	// ErrOtherAccount: the person signed in before with another account.
	ErrOtherAccount = syncs.Fail(syncs.CodeForbidden, "this person has signed in with another account before; an admin can reset the person's sign-in")
)

// SignIn signs a person in with a password and returns the token of the new session. The
// error is ErrRefused, or a TooManyError before the password is looked at. Every try counts
// as a failure until it has succeeded, so that tries at the same time are no way around the
// limit.
func (s *Service) SignIn(ctx context.Context, email, password string, from netip.Addr) (token string, err error) {
	typed := email
	if email, err = ParseEmail(typed); err != nil {
		email = typed // of nobody; it counts and costs as any other
	}
	account, address := tryKeys(email, from)
	if err := s.takeTry(ctx, account, address); err != nil {
		return "", s.refused(ctx, from, uuid.Nil, err)
	}
	p, err := s.o.Store.PersonByEmail(ctx, email)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return "", err
	}
	right, err := matches(ctx, p.Password.Reveal(), password)
	if err != nil {
		return "", err
	}
	if !right {
		return "", s.refused(ctx, from, p.ID, ErrRefused)
	}
	err = s.o.Store.Try(ctx, account, address, func(_, address Tries) (Tries, Tries) { return Tries{}, address.Less() })
	if err != nil {
		return "", err
	}
	return s.begin(ctx, p, ByPassword, from)
}

// takeTry counts a try, or refuses it with a TooManyError.
func (s *Service) takeTry(ctx context.Context, account, address []byte) error {
	var wait time.Duration
	now := s.o.Now()
	err := s.o.Store.Try(ctx, account, address, func(ofAccount, ofAddress Tries) (Tries, Tries) {
		if wait = max(ofAccount.Wait(now), ofAddress.Wait(now)); wait > 0 {
			return ofAccount, ofAddress
		}
		return ofAccount.More(now), ofAddress.More(now)
	})
	if err == nil && wait > 0 {
		err = TooManyError{wait}
	}
	return err
}

// refused records a refused sign-in, of nobody if the id is zero, and returns why.
func (s *Service) refused(ctx context.Context, from netip.Addr, id uuid.UUID, why error) error {
	by := access.By{Caller: access.Caller{Kind: access.KindPerson, ID: id}, Origin: from.String()}
	return errors.Join(why, s.o.Log.Note(ctx, eventOf(by, access.PersonSignIn, id), why))
}

// An Identity is what an OpenID Connect provider says of an account.
type Identity struct {
	Issuer   string
	Subject  string
	Email    string
	Verified bool // the address belongs to the account
	Name     string
}

// SignInWithIdentity signs a person in whose provider has confirmed the identity. The first
// sign-in binds the person to the account, so that the next owner of an address is not
// taken for the person who was invited.
func (s *Service) SignInWithIdentity(ctx context.Context, who Identity, from netip.Addr) (token string, err error) {
	if !who.Verified {
		return "", s.refused(ctx, from, uuid.Nil, ErrUnverified)
	}
	email, err := ParseEmail(who.Email)
	if err != nil {
		return "", s.refused(ctx, from, uuid.Nil, ErrNotInvited)
	}
	p, err := s.o.Store.PersonByEmail(ctx, email)
	if errors.Is(err, ErrNotFound) {
		return "", s.refused(ctx, from, uuid.Nil, ErrNotInvited)
	}
	if err != nil {
		return "", err
	}
	_, p, err = s.o.Store.ChangePerson(ctx, p.ID, func(p *Person) (bool, error) {
		if p.Issuer != "" && (p.Issuer != who.Issuer || p.Subject != who.Subject) {
			return false, ErrOtherAccount
		}
		p.Issuer, p.Subject = who.Issuer, who.Subject
		if named := (Person{Email: p.Email, Name: who.Name, Role: p.Role}); p.Name == "" && named.check() == nil {
			p.Name = who.Name
		}
		return false, nil
	})
	if errors.Is(err, ErrOtherAccount) {
		return "", s.refused(ctx, from, p.ID, err)
	}
	if err != nil {
		return "", err
	}
	return s.begin(ctx, p, ByOpenID, from)
}

// begin begins a session of a person as it was read before, and tells the person where it
// comes from a new place. A change since then that ends sessions refuses this one, too.
func (s *Service) begin(ctx context.Context, p Person, method Method, from netip.Addr) (string, error) {
	unknown, err := s.fromNewPlace(ctx, p.ID, from)
	if err != nil {
		return "", err
	}
	token, err := s.addSession(ctx, Session{Person: p, Method: method}, from)
	if err == nil && unknown {
		by := access.By{Caller: p.Caller(), Origin: from.String()}
		by.Name = p.Email
		s.tell(ctx, p.Email, "somebody signed in from a new place", by)
	}
	return token, err
}

func (s *Service) addSession(ctx context.Context, session Session, from netip.Addr) (string, error) {
	token, now := newToken(), s.o.Now()
	session.Began, session.Seen, session.Expires = now, now, now.Add(SessionLife)
	if from.IsValid() {
		session.From = from.Unmap().String()
	}
	event := eventOf(session.by(from), access.PersonSignIn, session.Person.ID)
	event.After = access.Values{"method": string(session.Method)}
	return token, s.o.Log.Act(ctx, event, func(ctx context.Context, _ *access.Event) error {
		return s.o.Store.AddSession(ctx, hashToken(token), session, func(current *Person) error {
			if endsSessions(&session.Person, current) {
				return ErrRefused
			}
			return nil
		})
	})
}

// by names who acts in a session.
func (s *Session) by(from netip.Addr) access.By {
	return access.By{Caller: s.Caller(), Origin: from.String()}
}

// Link returns an unused link, or ErrLink. It does not use it.
func (s *Service) Link(ctx context.Context, token string) (Link, error) {
	link, err := s.o.Store.Link(ctx, hashToken(token))
	if err == nil && !link.live(s.o.Now()) {
		err = ErrLink
	}
	return link, err
}

// FollowLink signs an OS user in with the command line's link, once.
func (s *Service) FollowLink(ctx context.Context, token string, from netip.Addr) (string, error) {
	if _, err := s.findLink(ctx, token, from, func(l *Link) bool { return l.OSUser != "" }); err != nil {
		return "", err // an invitation signs nobody in without a password
	}
	link, err := s.useLink(ctx, token, from)
	if err != nil {
		return "", err
	}
	return s.addSession(ctx, Session{OSUser: link.OSUser, Method: ByLink}, from)
}

// notedEvery is how often further tries with the same link are recorded.
const notedEvery = time.Minute

// findLink returns an unused link of the right kind. A link that was used, has expired or is
// of another kind is a refused sign-in: one record a minute. What never was a link is refused
// without a record, as a wrong key is (R38): a stranger who tries many costs one statement
// each.
func (s *Service) findLink(ctx context.Context, token string, from netip.Addr, right func(*Link) bool) (Link, error) {
	now := s.o.Now()
	link, err := s.o.Store.Link(ctx, hashToken(token))
	if err != nil || link.live(now) && right(&link) {
		return link, err
	}
	noted, err := s.o.Store.NoteLink(ctx, hashToken(token), now, now.Add(-notedEvery))
	if err == nil && noted {
		return link, s.refused(ctx, from, link.PersonID, ErrLink)
	}
	return link, errors.Join(ErrLink, err)
}

// useLink uses up a link that was found. Somebody else may have been first.
func (s *Service) useLink(ctx context.Context, token string, from netip.Addr) (Link, error) {
	link, err := s.o.Store.UseLink(ctx, hashToken(token), s.o.Now())
	if errors.Is(err, ErrLink) {
		err = s.refused(ctx, from, uuid.Nil, err)
	}
	return link, err
}

// AcceptInvitation sets the password of the person whose link this is, and signs the person
// in. A password that is refused leaves the link usable.
func (s *Service) AcceptInvitation(ctx context.Context, token, password string, from netip.Addr) (string, error) {
	link, err := s.findLink(ctx, token, from, func(l *Link) bool { return l.PersonID != uuid.Nil })
	if err != nil {
		return "", err // before the costly hash
	}
	p, err := s.o.Store.Person(ctx, link.PersonID)
	if err != nil {
		return "", err
	}
	if err := CheckPassword(password, p.Email); err != nil {
		return "", err
	}
	hash, err := HashPassword(ctx, password)
	if err != nil {
		return "", err
	}
	if link, err = s.useLink(ctx, token, from); err != nil {
		return "", err
	}
	return s.setPassword(ctx, link.PersonID, hash, from)
}

// ChangePassword replaces the password of the person who is signed in. It ends all sessions
// of the person and begins a new one. A wrong old password counts as a failed sign-in.
func (s *Service) ChangePassword(ctx context.Context, session Session, old, replacement string, from netip.Addr) (string, error) {
	if session.OSUser != "" {
		return "", errors.New("a session of the command line's link has no password")
	}
	if err := CheckPassword(replacement, session.Person.Email); err != nil {
		return "", err
	}
	account, address := tryKeys(session.Person.Email, from)
	if err := s.takeTry(ctx, account, address); err != nil {
		return "", s.refused(ctx, from, session.Person.ID, err)
	}
	right, err := matches(ctx, session.Person.Password.Reveal(), old)
	if err != nil {
		return "", err
	}
	if !right {
		return "", s.refused(ctx, from, session.Person.ID, ErrRefused)
	}
	err = s.o.Store.Try(ctx, account, address, func(_, address Tries) (Tries, Tries) { return Tries{}, address.Less() })
	if err != nil {
		return "", err
	}
	hash, err := HashPassword(ctx, replacement)
	if err != nil {
		return "", err
	}
	return s.setPassword(ctx, session.Person.ID, hash, from)
}

// setPassword stores a new password of a person and begins a session.
func (s *Service) setPassword(ctx context.Context, id uuid.UUID, hash string, from netip.Addr) (string, error) {
	by := access.By{Caller: access.Caller{Kind: access.KindPerson, ID: id}, Origin: from.String()}
	var before, p Person
	err := s.o.Log.Act(ctx, eventOf(by, access.PersonPassword, id), func(ctx context.Context, e *access.Event) (err error) {
		before, p, err = s.change(ctx, e, id, func(p *Person) error { p.Password = secret.New(hash); return nil })
		e.Who.Name = p.Label()
		return err
	})
	if err != nil {
		return "", err
	}
	by.Name = p.Email
	s.tellOfChange(ctx, &before, &p, by)
	return s.addSession(ctx, Session{Person: p, Method: ByPassword}, from)
}

// Peek returns who is signed in with a token, or ErrNoSession. The session becomes idle as
// if nobody had asked: for what a page does by itself.
func (s *Service) Peek(ctx context.Context, token string) (Session, error) {
	session, err := s.o.Store.Session(ctx, hashToken(token))
	if err != nil {
		return Session{}, err
	}
	if !session.live(s.o.Now()) {
		return Session{}, errors.Join(ErrNoSession, s.o.Store.EndSession(ctx, hashToken(token)))
	}
	return session, nil
}

// Session returns who is signed in with a token, or ErrNoSession.
func (s *Service) Session(ctx context.Context, token string) (Session, error) {
	hash, now := hashToken(token), s.o.Now()
	session, err := s.Peek(ctx, token)
	if err != nil {
		return Session{}, err
	}
	if now.Sub(session.Seen) >= touchEvery {
		if err := s.o.Store.TouchSession(ctx, hash, now); err != nil {
			return Session{}, err
		}
		session.Seen = now
	}
	return session, nil
}

// SignOut ends a session. To end one that has ended already is no error.
func (s *Service) SignOut(ctx context.Context, token string, from netip.Addr) error {
	session, err := s.Session(ctx, token)
	if errors.Is(err, ErrNoSession) {
		return nil
	}
	if err != nil {
		return err
	}
	event := eventOf(session.by(from), access.PersonSignOut, session.Person.ID)
	return s.o.Log.Act(ctx, event, func(ctx context.Context, _ *access.Event) error {
		return s.o.Store.EndSession(ctx, hashToken(token))
	})
}
