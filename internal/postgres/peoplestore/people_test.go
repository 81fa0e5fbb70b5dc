package peoplestore_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/argon2"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/people"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/oplog"
	"github.com/pims-sync/pims-sync/internal/postgres/peoplestore"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/secret"
	"github.com/pims-sync/pims-sync/internal/timetest"
)

const password = "a long enough password"

// cheapHash is the password's hash at the lowest cost.
var cheapHash = "$argon2id$v=19$m=64,t=1,p=1$" + base64.RawStdEncoding.EncodeToString(make([]byte, 16)) + "$" +
	base64.RawStdEncoding.EncodeToString(argon2.IDKey([]byte(password), make([]byte, 16), 1, 64, 1, 32))

var (
	here = netip.MustParseAddr("192.0.2.7")
	root = access.By{Caller: access.Caller{Kind: access.KindOSUser, Name: "root"}, Origin: "command line"}
)

// A house is a Service on a database of its own.
type house struct {
	*people.Service
	clock *timetest.Clock
	db    *postgres.DB
	log   *oplog.Log
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{clock: timetest.At(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)), db: pgtest.New(t)}
	h.log = oplog.New(h.db, nil)
	h.Service = people.New(people.Options{Store: peoplestore.New(h.db), Log: h.log, Now: h.clock.Now})
	return h
}

// invite adds a person with a password.
func (h *house) invite(t *testing.T, email string, role access.Role) people.Person {
	t.Helper()
	p, err := h.Invite(t.Context(), root, people.Person{Email: email, Role: role, Password: secret.New(cheapHash)})
	require.NoError(t, err)
	return p
}

// signIn signs in with the right password.
func (h *house) signIn(t *testing.T, email string) string {
	t.Helper()
	token, err := h.SignIn(t.Context(), email, password, here)
	require.NoError(t, err)
	return token
}

func (h *house) requireEnded(t *testing.T, token string) {
	t.Helper()
	_, err := h.Session(t.Context(), token)
	require.ErrorIs(t, err, people.ErrNoSession)
}

// events are what was recorded, the oldest first (R44).
func (h *house) events(t *testing.T) []access.Event {
	t.Helper()
	list, err := h.log.Events(t.Context(), access.Filter{})
	require.NoError(t, err)
	slices.Reverse(list.Items)
	return list.Items
}

func TestAnInvitedPersonSignsInWithAPassword(t *testing.T) { // R43
	t.Parallel()
	h := newHouse(t)
	p := h.invite(t, "Ada@Example.com", access.RoleOperator)
	require.Equal(t, people.StateInvited, p.State())
	token := h.signIn(t, "ada@EXAMPLE.com")
	session, err := h.Session(t.Context(), token)
	require.NoError(t, err)
	require.Equal(t, p.ID, session.Person.ID)
	caller := session.Caller()
	require.Equal(t, access.RoleOperator, caller.Role)
	require.Equal(t, "person:"+p.ID.String(), caller.Actor())
	require.Equal(t, people.StateActive, session.Person.State())

	var stored int
	require.NoError(t, h.db.Pool().QueryRow(t.Context(), `select count(*) from people_sessions s where s::text like '%' || $1 || '%'`, token).Scan(&stored))
	require.Zero(t, stored, "only the hash of a token is stored")
	require.NoError(t, h.SignOut(t.Context(), token, here))
	h.requireEnded(t, token)
	require.NoError(t, h.SignOut(t.Context(), token, here))
	_, err = h.SignIn(t.Context(), "ada@example.com", "wrong password here", here)
	require.ErrorIs(t, err, people.ErrRefused)
	var told []string
	for _, e := range h.events(t) {
		told = append(told, fmt.Sprintf("%s %s by %s from %s: %s %s", e.Action, e.Record.Kind, e.Who.Kind, e.Origin, e.Outcome, e.Code))
	}
	require.Equal(t, []string{
		"person.add person by os_user from command line: done ",
		"person.sign_in person by person from 192.0.2.7: done ",
		"person.sign_out person by person from 192.0.2.7: done ",
		"person.sign_in person by person from 192.0.2.7: failed unauthorized",
	}, told)
}

func TestOneEmailAddressIsOnePerson(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.invite(t, "ada@example.com", access.RoleViewer)
	_, err := h.Invite(t.Context(), root, people.Person{Email: "ADA@example.com", Role: access.RoleAdmin})
	require.Equal(t, people.ErrExists, err)
	_, err = h.Invite(t.Context(), root, people.Person{Email: "nobody", Role: access.RoleAdmin})
	require.ErrorContains(t, err, "name@example.com")
	for _, name := range []string{p.ID.String(), "Ada@example.com"} {
		found, err := h.Find(t.Context(), name)
		require.NoError(t, err)
		require.Equal(t, p.ID, found.ID)
	}
	_, err = h.Find(t.Context(), uuid.NewString())
	require.Equal(t, people.ErrNotFound, err)
}

func TestASessionEndsByItselfAndAtOnceWhenItMust(t *testing.T) { // R43
	t.Parallel()
	for name, c := range map[string]struct {
		end  func(*testing.T, *house, people.Person, string)
		ends bool
	}{
		"60 minutes idle":  {func(_ *testing.T, h *house, _ people.Person, _ string) { h.clock.Advance(people.SessionIdle) }, true},
		"59 minutes idle":  {func(_ *testing.T, h *house, _ people.Person, _ string) { h.clock.Advance(59 * time.Minute) }, false},
		"12 hours of use":  {func(t *testing.T, h *house, _ people.Person, token string) { h.use(t, token, 12*time.Hour) }, true},
		"11 hours of use":  {func(t *testing.T, h *house, _ people.Person, token string) { h.use(t, token, 11*time.Hour) }, false},
		"another role":     {change(func(p *people.Person) { p.Role = access.RoleAdmin }), true},
		"fewer clinics":    {change(func(p *people.Person) { p.Limited = true }), true},
		"another password": {change(func(p *people.Person) { p.Password = secret.Text{} }), true},
		"another address":  {change(func(p *people.Person) { p.Email = "grace@example.com" }), true},
		"another name":     {change(func(p *people.Person) { p.Name = "Ada" }), false},
		"the person is taken": {func(t *testing.T, h *house, p people.Person, _ string) {
			_, err := h.Remove(t.Context(), root, p.ID)
			require.NoError(t, err)
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			p := h.invite(t, "ada@example.com", access.RoleOperator)
			h.invite(t, "other@example.com", access.RoleViewer)
			token, other := h.signIn(t, "ada@example.com"), h.signIn(t, "other@example.com")
			c.end(t, h, p, token)
			if !c.ends {
				_, err := h.Session(t.Context(), token)
				require.NoError(t, err)
				return
			}
			h.requireEnded(t, token)
			if h.clock.Now().Hour() == 12 {
				_, err := h.Session(t.Context(), other)
				require.NoError(t, err, "another person stays signed in")
			}
		})
	}
}

// use asks for the session every half hour for some time.
func (h *house) use(t *testing.T, token string, d time.Duration) {
	t.Helper()
	for ; d > 0; d -= 30 * time.Minute {
		_, err := h.Session(t.Context(), token)
		require.NoError(t, err, d)
		h.clock.Advance(30 * time.Minute)
	}
}

func change(how func(*people.Person)) func(*testing.T, *house, people.Person, string) {
	return func(t *testing.T, h *house, p people.Person, _ string) {
		t.Helper()
		_, err := h.Change(t.Context(), root, p.ID, func(p *people.Person) error { how(p); return nil })
		require.NoError(t, err)
	}
}

func TestWrongPasswordsAreOneRefusalAndThenWait(t *testing.T) { // R43
	t.Parallel()
	h := newHouse(t)
	h.invite(t, "ada@example.com", access.RoleAdmin)
	_, err := h.Invite(t.Context(), root, people.Person{Email: "nopassword@example.com", Role: access.RoleAdmin})
	require.NoError(t, err)
	for i, typed := range []string{"ada@example.com", "nobody@example.com", "nopassword@example.com", "no address", ""} {
		_, err := h.SignIn(t.Context(), typed, "wrong password here", netip.MustParseAddr("198.51.100.1").Next())
		require.ErrorIs(t, err, people.ErrRefused, i)
	}
	// The account waits, wherever the tries come from.
	from := here
	for range 9 { // with the one above
		from = from.Next()
		_, err := h.SignIn(t.Context(), "ada@example.com", "wrong password here", from)
		require.ErrorIs(t, err, people.ErrRefused)
	}
	_, err = h.SignIn(t.Context(), "ada@example.com", password, from.Next())
	var wait people.TooManyError
	require.ErrorAs(t, err, &wait)
	require.Equal(t, 30*time.Second, wait.Wait)
	h.clock.Advance(wait.Wait)
	_, err = h.SignIn(t.Context(), "ada@example.com", password, from.Next())
	require.NoError(t, err)
	_, err = h.SignIn(t.Context(), "ada@example.com", "wrong password here", from.Next())
	require.ErrorIs(t, err, people.ErrRefused, "a success makes the tries free again")

	// The address waits, whatever account is tried.
	for i := range 10 {
		_, err := h.SignIn(t.Context(), string(rune('a'+i))+"@example.com", "wrong password here", here)
		require.ErrorIs(t, err, people.ErrRefused)
	}
	_, err = h.SignIn(t.Context(), "ada@example.com", password, here)
	require.ErrorAs(t, err, &wait)
}

func TestTriesAtTheSameTimeAreCountedOneByOne(t *testing.T) { // R43
	t.Parallel()
	h := newHouse(t)
	var group sync.WaitGroup
	errs := make([]error, 16)
	for i := range errs {
		group.Go(func() { _, errs[i] = h.SignIn(t.Context(), "ada@example.com", "wrong password here", here) })
	}
	group.Wait()
	refused, waited := 0, 0
	for _, err := range errs {
		if errors.Is(err, people.ErrRefused) {
			refused++
		} else if _, ok := errors.AsType[people.TooManyError](err); ok {
			waited++
		}
	}
	require.Equal(t, []int{10, 6}, []int{refused, waited})
}

func TestTheLinkOfTheCommandLineSignsInOnceWithinTenMinutes(t *testing.T) { // R43
	t.Parallel()
	h := newHouse(t)
	link, err := h.ConsoleLink(t.Context(), "root")
	require.NoError(t, err)
	_, err = h.Link(t.Context(), link)
	require.NoError(t, err, "to look at it does not use it")
	var group sync.WaitGroup
	tokens, errs := make([]string, 4), make([]error, 4)
	for i := range tokens {
		group.Go(func() { tokens[i], errs[i] = h.FollowLink(t.Context(), link, here) })
	}
	group.Wait()
	signedIn := 0
	for i, token := range tokens {
		if errs[i] != nil {
			require.ErrorIs(t, errs[i], people.ErrLink)
			continue
		}
		signedIn++
		session, err := h.Session(t.Context(), token)
		require.NoError(t, err)
		caller := session.Caller()
		require.Equal(t, "os:root", caller.Actor())
		require.Equal(t, access.RoleAdmin, caller.Role)
		require.True(t, caller.Sees(uuid.New()))
	}
	require.Equal(t, 1, signedIn)

	late, err := h.ConsoleLink(t.Context(), "root")
	require.NoError(t, err)
	h.clock.Advance(people.LinkLife)
	_, err = h.FollowLink(t.Context(), late, here)
	require.ErrorIs(t, err, people.ErrLink)
	_, err = h.ConsoleLink(t.Context(), "")
	require.Error(t, err)
}

func TestAStrangerWhoTriesLinksLeavesNoRecord(t *testing.T) { // R38, R43
	t.Parallel()
	h := newHouse(t)
	count := func() (n int) {
		require.NoError(t, h.db.Pool().QueryRow(t.Context(), "select count(*) from operator_events").Scan(&n))
		return n
	}
	before := count()
	for range 3 {
		_, err := h.FollowLink(t.Context(), "no such link", here)
		require.ErrorIs(t, err, people.ErrLink)
		_, err = h.AcceptInvitation(t.Context(), "no such link", password, here)
		require.ErrorIs(t, err, people.ErrLink)
	}
	require.Equal(t, before, count())
	p, err := h.Invite(t.Context(), root, people.Person{Email: "ada@example.com", Role: access.RoleViewer})
	require.NoError(t, err)
	link, err := h.InviteLink(t.Context(), p.ID)
	require.NoError(t, err)
	before = count()
	_, err = h.FollowLink(t.Context(), link, here)
	require.ErrorIs(t, err, people.ErrLink)
	require.Equal(t, before+1, count(), "a link of the other kind is a refused sign-in")
}

func TestALinkThatComesAgainIsRecordedOnceAMinute(t *testing.T) { // R43, R44
	t.Parallel()
	h := newHouse(t)
	refusals := func() (n int) {
		for _, e := range h.events(t) {
			if e.Action == access.PersonSignIn && e.Outcome == access.Failed {
				n++
			}
		}
		return n
	}
	link, err := h.ConsoleLink(t.Context(), "root")
	require.NoError(t, err)
	_, err = h.FollowLink(t.Context(), link, here)
	require.NoError(t, err)
	p, err := h.Invite(t.Context(), root, people.Person{Email: "ada@example.com", Role: access.RoleViewer})
	require.NoError(t, err)
	invitation, err := h.InviteLink(t.Context(), p.ID)
	require.NoError(t, err)
	_, err = h.AcceptInvitation(t.Context(), invitation, password, here)
	require.NoError(t, err)
	again := func() {
		_, err := h.FollowLink(t.Context(), link, here)
		require.ErrorIs(t, err, people.ErrLink, "used")
		_, err = h.AcceptInvitation(t.Context(), invitation, password, here)
		require.ErrorIs(t, err, people.ErrLink, "used")
		_, err = h.Link(t.Context(), link)
		require.ErrorIs(t, err, people.ErrLink, "to look at it is no try")
	}
	again()
	again()
	require.Equal(t, 2, refusals())
	h.clock.Advance(time.Minute)
	again()
	require.Equal(t, 4, refusals())
	late, err := h.ConsoleLink(t.Context(), "root")
	require.NoError(t, err)
	h.clock.Advance(people.LinkLife)
	_, err = h.FollowLink(t.Context(), late, here)
	require.ErrorIs(t, err, people.ErrLink)
	require.Equal(t, 5, refusals(), "too old")
}

func TestAPersonIsToldWhatHappensToTheSignIn(t *testing.T) { // R43
	t.Parallel()
	h := newHouse(t)
	var told []people.Notice
	h.Service = people.New(people.Options{Store: peoplestore.New(h.db), Log: oplog.New(h.db, nil), Now: h.clock.Now, Tell: func(_ context.Context, n people.Notice) { told = append(told, n) }})
	requireTold := func(words string, to ...string) {
		t.Helper()
		require.Len(t, told, len(to))
		for i, n := range told {
			require.Equal(t, to[i], n.To)
			require.Equal(t, "Your sign-in to PIMS Sync: "+words, n.Subject)
			require.Contains(t, n.Text, words)
			require.NotContains(t, n.Text, password)
		}
		told = nil
	}
	const ada = "ada@example.com"
	p, err := h.Invite(t.Context(), root, people.Person{Email: ada, Role: access.RoleViewer})
	require.NoError(t, err)
	link, err := h.InviteLink(t.Context(), p.ID)
	require.NoError(t, err)
	requireTold("")
	_, err = h.AcceptInvitation(t.Context(), link, password, here)
	require.NoError(t, err)
	requireTold("the password changed", ada)
	signIn := func(from string) {
		_, err := h.SignIn(t.Context(), ada, password, netip.MustParseAddr(from))
		require.NoError(t, err)
	}
	signIn("192.0.2.99")
	requireTold("")
	signIn("198.51.100.1")
	requireTold("somebody signed in from a new place", ada)
	signIn("198.51.100.77")
	requireTold("")
	signIn("2001:db8::1")
	requireTold("somebody signed in from a new place", ada)
	signIn("2001:db8::2:3")
	requireTold("")
	h.clock.Advance(91 * 24 * time.Hour)
	_, err = h.Change(t.Context(), root, p.ID, func(p *people.Person) error {
		p.Email, p.Role = "lovelace@example.com", access.RoleAdmin
		return nil
	})
	require.NoError(t, err)
	requireTold("the e-mail address and the role changed", ada, "lovelace@example.com")
	_, err = h.Change(t.Context(), root, p.ID, func(p *people.Person) error { p.Name = "Ada"; return nil })
	require.NoError(t, err)
	requireTold("")
	_, err = h.Change(t.Context(), root, p.ID, func(p *people.Person) error { p.ResetSignIn(); return nil })
	require.NoError(t, err)
	requireTold("the password changed", "lovelace@example.com")
	_, err = h.Remove(t.Context(), root, p.ID)
	require.NoError(t, err)
	requireTold("it was removed", "lovelace@example.com")
}

func TestAnInvitationSetsAPasswordOnce(t *testing.T) { // R43
	t.Parallel()
	h := newHouse(t)
	p, err := h.Invite(t.Context(), root, people.Person{Email: "ada@example.com", Role: access.RoleViewer})
	require.NoError(t, err)
	link, err := h.InviteLink(t.Context(), p.ID)
	require.NoError(t, err)
	_, err = h.FollowLink(t.Context(), link, here)
	require.ErrorIs(t, err, people.ErrLink, "it signs nobody in without a password")
	_, err = h.AcceptInvitation(t.Context(), link, "short", here)
	require.ErrorContains(t, err, "12 or more")
	token, err := h.AcceptInvitation(t.Context(), link, password, here)
	require.NoError(t, err)
	session, err := h.Session(t.Context(), token)
	require.NoError(t, err)
	require.Equal(t, p.ID, session.Person.ID)
	_, err = h.AcceptInvitation(t.Context(), link, "another long password", here)
	require.ErrorIs(t, err, people.ErrLink)

	console, err := h.ConsoleLink(t.Context(), "root")
	require.NoError(t, err)
	_, err = h.AcceptInvitation(t.Context(), console, password, here)
	require.ErrorIs(t, err, people.ErrLink)

	second := h.signIn(t, "ada@example.com")
	_, err = h.ChangePassword(t.Context(), session, "not the old one", "another long password", here)
	require.ErrorIs(t, err, people.ErrRefused)
	third, err := h.ChangePassword(t.Context(), session, password, "another long password", here)
	require.NoError(t, err)
	h.requireEnded(t, token)
	h.requireEnded(t, second)
	_, err = h.Session(t.Context(), third)
	require.NoError(t, err)
	_, err = h.SignIn(t.Context(), "ada@example.com", password, here)
	require.ErrorIs(t, err, people.ErrRefused)
}

func TestAnIdentityMustBeInvitedVerifiedAndTheSame(t *testing.T) { // R43
	t.Parallel()
	h := newHouse(t)
	p, err := h.Invite(t.Context(), root, people.Person{Email: "ada@example.com", Role: access.RoleViewer})
	require.NoError(t, err)
	who := people.Identity{Issuer: "https://id.example", Subject: "1", Email: "Ada@Example.com", Verified: true, Name: "Ada L."}
	with := func(change func(*people.Identity)) people.Identity {
		other := who
		change(&other)
		return other
	}
	_, err = h.SignInWithIdentity(t.Context(), with(func(i *people.Identity) { i.Verified = false }), here)
	require.ErrorIs(t, err, people.ErrUnverified)
	_, err = h.SignInWithIdentity(t.Context(), with(func(i *people.Identity) { i.Email = "eve@example.com" }), here)
	require.ErrorIs(t, err, people.ErrNotInvited)
	token, err := h.SignInWithIdentity(t.Context(), who, here)
	require.NoError(t, err)
	session, err := h.Session(t.Context(), token)
	require.NoError(t, err)
	require.Equal(t, "Ada L.", session.Person.Label())
	_, err = h.SignInWithIdentity(t.Context(), with(func(i *people.Identity) { i.Subject = "2" }), here)
	require.ErrorIs(t, err, people.ErrOtherAccount, "the address has another owner now")
	_, err = h.Session(t.Context(), token)
	require.NoError(t, err)
	_, err = h.Change(t.Context(), root, p.ID, func(p *people.Person) error { p.Issuer, p.Subject = "", ""; return nil })
	require.NoError(t, err)
	h.requireEnded(t, token)
	_, err = h.SignInWithIdentity(t.Context(), with(func(i *people.Identity) { i.Subject = "2" }), here)
	require.NoError(t, err)
}

func TestLimitedPeopleKeepTheirClinics(t *testing.T) { // R42
	t.Parallel()
	h := newHouse(t)
	one, two := uuid.New(), uuid.New()
	for name, clinics := range map[string][]uuid.UUID{"none": {}, "two": {two, one, two}} {
		p, err := h.Invite(t.Context(), root, people.Person{Email: name + "@example.com", Role: access.RoleViewer, Limited: true, Clinics: clinics})
		require.NoError(t, err)
		stored, err := h.Person(t.Context(), p.ID)
		require.NoError(t, err)
		require.True(t, stored.Limited)
		caller := stored.Caller()
		require.Equal(t, len(clinics) > 0, caller.Sees(one))
		require.False(t, caller.Sees(uuid.New()))
	}
	all, err := h.People(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.Len(t, all[1].Clinics, 2)
}

func TestASignInThatAPasswordChangeOvertakesIsRefused(t *testing.T) { // R43
	t.Parallel()
	h := newHouse(t)
	p := h.invite(t, "ada@example.com", access.RoleOperator)
	store := peoplestore.New(h.db)
	_, err := h.Change(t.Context(), root, p.ID, func(p *people.Person) error { p.Password = secret.New("other"); return nil })
	require.NoError(t, err)
	raced := people.New(people.Options{Store: stale{store, p}, Log: h.log, Now: h.clock.Now})
	_, err = raced.SignIn(t.Context(), "ada@example.com", password, here)
	require.ErrorIs(t, err, people.ErrRefused)
}

// stale reads a person as it was.
type stale struct {
	people.Store
	was people.Person
}

func (s stale) PersonByEmail(context.Context, string) (people.Person, error) { return s.was, nil }
