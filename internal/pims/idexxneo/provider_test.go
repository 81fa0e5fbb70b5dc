package idexxneo_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/idexxneo"
	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
)

func TestCredentialsAreCheckedFieldByField(t *testing.T) { // R37
	t.Parallel()
	good := pims.Credentials{pims.FieldBaseURL: idexxneo.DefaultBaseURL, pims.FieldUsername: "u", pims.FieldPassword: "p"}
	declared := idexxneo.New(pims.Environment{}).Declaration()
	require.NoError(t, declared.Check(declared.Complete(pims.Credentials{pims.FieldUsername: "u", pims.FieldPassword: "p"})), "the address has a default")
	for _, base := range []string{idexxneo.DefaultBaseURL, "https://us.idexxneo.com/", "http://127.0.0.1:8080", "https://[::1]:1"} {
		c := good
		c[pims.FieldBaseURL] = base
		require.NoError(t, declared.Check(c), base)
	}
	for _, base := range []string{
		"", " ", "us.idexxneo.com", "ftp://us.idexxneo.com", "https://", "https:///login", "https://us.idexxneo.com/login",
		"https://us.idexxneo.com?x=1", "https://us.idexxneo.com?", "https://us.idexxneo.com#x", "https://us.idexxneo.com#",
		"https://user:secret@us.idexxneo.com", "https://us.idexxneo.com:port", "\x00",
	} {
		c := good
		c[pims.FieldBaseURL] = base
		var wrong *pims.FieldError
		require.ErrorAs(t, declared.Check(c), &wrong, base)
		require.Equal(t, "baseUrl", wrong.Field)
		require.NotContains(t, wrong.Error(), "secret")
	}
}

func TestKnownHostsNeedNoPermission(t *testing.T) {
	t.Parallel()
	let := &recordingBrowser{err: pims.ErrAuthRejected}
	provider := idexxneo.New(pims.Environment{Browser: let})
	account := pims.Account{
		Credentials: pims.Credentials{pims.FieldUsername: "u", pims.FieldPassword: "p", pims.FieldPracticeID: "4711"},
		Location:    time.UTC,
	}
	for base, allowed := range map[string]bool{
		"https://us.idexxneo.com": true, "https://NEO.idexxpetlabs.com/": true,
		"http://us.idexxneo.com": false, "https://idexxneo.com.example.org": false, "https://127.0.0.1": false,
	} {
		account.Credentials[pims.FieldBaseURL] = base
		_, err := provider.Login(t.Context(), account)
		if allowed {
			require.ErrorIs(t, err, pims.ErrAuthRejected, base)
		} else {
			require.ErrorIs(t, err, pims.ErrHostNotAllowed, base)
		}
	}
}

// recordingBrowser answers every login alike.
type recordingBrowser struct {
	form    pims.LoginForm
	session pims.BrowserSession
	err     error
}

func (b *recordingBrowser) Login(_ context.Context, form pims.LoginForm) (pims.BrowserSession, error) {
	b.form = form
	return b.session, b.err
}

func TestTheFormIsTheOneThatIsKnown(t *testing.T) { // NEO.md §Hosts and login
	t.Parallel()
	browser := &recordingBrowser{err: pims.ErrAuthChallenge}
	provider := idexxneo.New(pims.Environment{Browser: browser})
	account := pims.Account{
		Credentials: pims.Credentials{pims.FieldBaseURL: "https://us.idexxneo.com/", pims.FieldUsername: "u", pims.FieldPassword: "p"},
		Location:    time.UTC,
	}
	_, err := provider.Login(t.Context(), account)
	require.ErrorIs(t, err, pims.ErrAuthChallenge)
	require.Equal(t, "https://us.idexxneo.com/login", browser.form.URL)
	require.Len(t, browser.form.Fields, 3)
	require.Empty(t, browser.form.Fields[2].Value)
	require.Equal(t, "u", browser.form.Fields[0].Value)
	require.Equal(t, "p", browser.form.Fields[1].Value)

	account.Credentials[pims.FieldPracticeID] = "4711"
	_, err = provider.Login(t.Context(), account)
	require.ErrorIs(t, err, pims.ErrAuthChallenge)
	require.Len(t, browser.form.Fields, 3)
	require.Equal(t, pims.LoginField{Name: "practiceId", Selectors: []string{`input[name="company_id"]`}, Value: "4711", Optional: true}, browser.form.Fields[2])
}

func TestWithoutABrowserNobodyLogsIn(t *testing.T) {
	t.Parallel()
	account := pims.Account{
		Credentials: pims.Credentials{pims.FieldBaseURL: idexxneo.DefaultBaseURL, pims.FieldUsername: "u", pims.FieldPassword: "p"},
		Location:    time.UTC,
	}
	_, err := idexxneo.New(pims.Environment{}).Login(t.Context(), account)
	require.ErrorIs(t, err, pims.ErrBrowserUnavailable)
}

func TestALoginIsNoLoginUntilItIsProved(t *testing.T) { // R36, NEO.md §Hosts and login
	t.Parallel()
	browser := &recordingBrowser{session: pims.BrowserSession{
		URL:     "http://example.com/dashboard",
		Cookies: []pims.Cookie{{Name: "neo_session", Value: "worthless", Host: "127.0.0.1", Path: "/"}},
	}}
	for _, expired := range []neosim.Expired{neosim.Expired401, neosim.ExpiredRedirect, neosim.ExpiredHTML} {
		r := newRemote(t, options{sim: neosim.Options{Expired: expired}, environment: pims.Environment{Browser: browser}})
		state, err := r.provider.Login(t.Context(), r.account)
		require.ErrorIs(t, err, pims.ErrRemote)
		require.NotErrorIs(t, err, pims.ErrSessionExpired, "to log in again would change nothing")
		require.NotErrorIs(t, err, pims.ErrAuthRejected)
		require.Empty(t, state)
		require.NotContains(t, err.Error(), "worthless")
	}
}

// elsewhere is a login page that lets in at another host than its own.
type elsewhere struct{ url string }

func (e elsewhere) Login(ctx context.Context, form pims.LoginForm) (pims.BrowserSession, error) {
	form.URL = e.url + "/login"
	return formBrowser{}.Login(ctx, form)
}

func TestASessionIsGoodWhereTheBrowserEnded(t *testing.T) {
	t.Parallel()
	home := newRemote(t, options{})
	away := newRemote(t, options{environment: pims.Environment{
		Browser: elsewhere{home.account.Credentials[pims.FieldBaseURL]},
		Hosts:   pims.HostPolicy{Named: []string{"127.0.0.1"}},
	}})
	home.sim.SetAppointments(neosim.Appointment{ID: "7001", Start: time.Date(2026, 1, 17, 9, 0, 0, 0, time.UTC), Patient: "Bella"})
	session := away.open(t)
	window, err := pims.NewWindow(pims.Date{Year: 2026, Month: 1, Day: 17}, pims.Date{Year: 2026, Month: 1, Day: 17}, time.UTC)
	require.NoError(t, err)
	snapshot, err := session.Appointments(t.Context(), window)
	require.NoError(t, err)
	require.Equal(t, 1, snapshot.Found())
	require.Equal(t, 1, away.sim.Count(neosim.OpProviders), "asked where it was asked for first")
}

func TestThreeWaysToSayExpiredMeanTheSame(t *testing.T) {
	t.Parallel()
	for _, expired := range []neosim.Expired{neosim.Expired401, neosim.ExpiredRedirect, neosim.ExpiredHTML} {
		r := newRemote(t, options{sim: neosim.Options{Expired: expired}})
		session := r.open(t)
		require.NoError(t, session.Prove(t.Context()))
		r.sim.ExpireSessions()
		require.ErrorIs(t, session.Prove(t.Context()), pims.ErrSessionExpired, string(expired))
	}
}

func TestTheSessionKeepsTheBrowsersName(t *testing.T) { // R36
	t.Parallel()
	r := newRemote(t, options{sim: neosim.Options{BindUserAgent: true}})
	require.NoError(t, r.open(t).Prove(t.Context()))
}

func TestEveryRequestAndEveryLoginIsObserved(t *testing.T) {
	t.Parallel()
	var seen []pims.Observation
	r := newRemote(t, options{environment: pims.Environment{Observe: func(_ context.Context, o pims.Observation) {
		seen = append(seen, o)
	}}})
	session := r.open(t)
	finder, ok := session.(pims.AppointmentFinder)
	require.True(t, ok)
	window, err := pims.NewWindow(pims.Date{Year: 2026, Month: 1, Day: 17}, pims.Date{Year: 2026, Month: 1, Day: 17}, time.UTC)
	require.NoError(t, err)
	_, err = session.Appointments(t.Context(), window)
	require.NoError(t, err)
	_, err = session.SearchConsultations(t.Context(), window)
	require.NoError(t, err)
	_, err = session.Consultation(t.Context(), "1")
	require.ErrorIs(t, err, pims.ErrNotFound)
	_, err = finder.FindAppointment(t.Context(), "1")
	require.ErrorIs(t, err, pims.ErrNotFound)

	var words []string
	for _, o := range seen {
		require.Positive(t, o.Duration)
		words = append(words, o.Operation+" "+o.Outcome)
	}
	require.Equal(t, []string{
		"prove ok", "login ok",
		"prove ok", "calendar ok", "prove ok",
		"search ok",
		"consultation not_found", "consultation not_found",
		"appointment not_found",
	}, words)
}

func TestARefusedLoginIsObservedAsSuch(t *testing.T) {
	t.Parallel()
	var seen []pims.Observation
	r := newRemote(t, options{environment: pims.Environment{Observe: func(_ context.Context, o pims.Observation) { seen = append(seen, o) }}})
	r.account.Credentials[pims.FieldPassword] = "wrong"
	_, err := r.provider.Login(t.Context(), r.account)
	require.ErrorIs(t, err, pims.ErrAuthRejected)
	require.Equal(t, 1, r.sim.Logins().Refused, "no second login with a wrong password")
	require.Len(t, seen, 1)
	require.Equal(t, "login", seen[0].Operation)
	require.Equal(t, "auth_rejected", seen[0].Outcome)
}

func TestASessionNeedsAZone(t *testing.T) {
	t.Parallel()
	r := newRemote(t, options{})
	state, err := r.provider.Login(t.Context(), r.account)
	require.NoError(t, err)
	r.account.Location = nil
	_, err = r.provider.Open(r.account, state)
	require.ErrorContains(t, err, "time zone")
}

// turnstile is a limiter that can be closed.
type turnstile struct{ err error }

func (l turnstile) Wait(context.Context, pims.Charge) error { return l.err }

func TestTheLimiterHoldsForTheProofToo(t *testing.T) { // R32
	t.Parallel()
	closed := errors.New("closed")
	r := newRemote(t, options{environment: pims.Environment{Limiter: turnstile{closed}}})
	_, err := r.provider.Login(t.Context(), r.account)
	require.ErrorIs(t, err, closed)
	require.Zero(t, r.sim.Count(neosim.OpProviders))
}

// What a version saved before sessions kept cookies byte for byte.
func TestASessionThatAnOlderVersionSavedIsStillOpened(t *testing.T) {
	t.Parallel()
	r := newRemote(t, options{sim: neosim.Options{CookieName: "auth"}})
	state, err := r.provider.Login(t.Context(), r.account)
	require.NoError(t, err)
	session, err := r.provider.Open(r.account, state)
	require.NoError(t, err)
	require.NoError(t, session.Prove(t.Context()))

	old := pims.State{Data: []byte(`{"version":1,"base":"` + r.account.Credentials[pims.FieldBaseURL] + `","browser":{"URL":"x","UserAgent":"y","Cookies":[
		{"Name":"auth","Value":"a b","Quoted":true,"Host":"127.0.0.1","Domain":"","Path":"/","Secure":false,"HTTPOnly":true},
		{"Name":"plain","Value":"1","Quoted":false,"Host":"127.0.0.1","Domain":"","Path":"/","Secure":false,"HTTPOnly":true}]}}`)}
	var sent string
	provider := idexxneo.New(pims.Environment{
		Hosts: pims.HostPolicy{Named: []string{"127.0.0.1"}},
		Base: roundTrip(func(r *http.Request) (*http.Response, error) {
			sent = r.Header.Get("Cookie")
			return nil, io.EOF
		}),
		Backoff: time.Nanosecond,
	})
	session, err = provider.Open(r.account, old)
	require.NoError(t, err)
	require.Error(t, session.Prove(t.Context()))
	require.Equal(t, `auth="a b"; plain=1`, sent)

	again, err := session.State()
	require.NoError(t, err)
	session, err = provider.Open(r.account, again)
	require.NoError(t, err)
	require.Error(t, session.Prove(t.Context()))
	require.Equal(t, `auth="a b"; plain=1`, sent)
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
