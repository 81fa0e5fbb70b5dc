package idexxneo_test

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/browser"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
)

func TestARealBrowserKnowsEveryLoginPageOfNeo(t *testing.T) { // NEO.md §Hosts and login
	t.Parallel()
	chromium := browser.New(browser.Options{TempDir: t.TempDir(), LoginTimeout: 20 * time.Second})
	t.Cleanup(chromium.Close)
	for name, c := range map[string]struct {
		page    neosim.Login
		company string // what the page asks for
		account func(*pims.Account)
		awkward bool // the session's cookie
		want    error
	}{
		"the plain one":                              {},
		"an e-mail address instead of a name":        {page: neosim.Login{EmailField: true}},
		"the token in a meta element":                {page: neosim.Login{MetaToken: true}},
		"an error element from the start":            {page: neosim.Login{ErrorPlaceholder: true}},
		"a worthless cookie from the start":          {page: neosim.Login{EarlyCookie: true}},
		"a cookie that net/http would change":        {awkward: true},
		"a company id":                               {company: "4711", account: func(a *pims.Account) { a.Credentials[pims.FieldPracticeID] = "4711" }},
		"a company id that it does not ask for":      {account: func(a *pims.Account) { a.Credentials[pims.FieldPracticeID] = "4711" }},
		"a wrong company id":                         {company: "4711", account: func(a *pims.Account) { a.Credentials[pims.FieldPracticeID] = "4712" }, want: pims.ErrAuthRejected},
		"a refusal":                                  {account: wrongPassword, want: pims.ErrAuthRejected},
		"a refusal as an alert":                      {page: neosim.Login{AlertDanger: true}, account: wrongPassword, want: pims.ErrAuthRejected},
		"a refusal with a cookie from the start":     {page: neosim.Login{EarlyCookie: true}, account: wrongPassword, want: pims.ErrAuthRejected},
		"a refusal in an element from the start":     {page: neosim.Login{ErrorPlaceholder: true}, account: wrongPassword, want: pims.ErrAuthRejected},
		"decoys, and an id that it does not ask for": {page: neosim.Login{Decoys: true}, account: func(a *pims.Account) { a.Credentials[pims.FieldPracticeID] = "4711" }},
		"decoys, and a refusal":                      {page: neosim.Login{Decoys: true}, account: wrongPassword, want: pims.ErrAuthRejected},
		"the badge of an invisible captcha":          {page: neosim.Login{InvisibleCaptcha: true}},
		"a page that goes on by a script":            {page: neosim.Login{Steps: []neosim.Step{{After: 300 * time.Millisecond}}}},
		"a page that goes on by itself, late":        {page: neosim.Login{Steps: []neosim.Step{{After: 5 * time.Second}}}},
		"a page that refreshes itself at once":       {page: neosim.Login{Steps: []neosim.Step{{Refresh: true}}}},
		"several pages that go on by themselves": {page: neosim.Login{Steps: []neosim.Step{
			{After: time.Second, Refresh: true}, {After: 700 * time.Millisecond}, {}, {After: 2 * time.Second, Refresh: true}, {After: 300 * time.Millisecond},
		}}},
		"a session in use elsewhere":               {page: neosim.Login{InUse: true}, want: pims.ErrAuthChallenge},
		"a captcha":                                {page: neosim.Login{Captcha: true}, want: pims.ErrAuthChallenge},
		"a one-time code":                          {page: neosim.Login{MFA: true}, want: pims.ErrAuthChallenge},
		"a one-time code with an e-mail address":   {page: neosim.Login{MFA: true, EmailField: true}, want: pims.ErrAuthChallenge},
		"a wrong password where a code would come": {page: neosim.Login{MFA: true}, account: wrongPassword, want: pims.ErrAuthRejected},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRemote(t, options{
				sim:         neosim.Options{Login: c.page, CompanyID: c.company, AwkwardCookies: c.awkward},
				environment: pims.Environment{Browser: chromium},
			})
			if c.account != nil {
				c.account(&r.account)
			}
			state, err := r.provider.Login(t.Context(), r.account)
			if c.want != nil {
				require.ErrorIs(t, err, c.want)
				require.Empty(t, state)
				return
			}
			require.NoError(t, err)
			session, err := r.provider.Open(r.account, state)
			require.NoError(t, err)
			require.NoError(t, session.Prove(t.Context()))
			require.Equal(t, 1, r.sim.Logins().Accepted, "one login, not two")
		})
	}
}

func TestARealBrowserLogsInWhateverFieldsThePageHas(t *testing.T) {
	t.Parallel()
	chromium := browser.New(browser.Options{TempDir: t.TempDir(), LoginTimeout: 20 * time.Second})
	t.Cleanup(chromium.Close)
	for _, decoys := range []bool{false, true} {
		for _, email := range []bool{false, true} {
			for _, company := range []string{"", "4711"} {
				t.Run(fmt.Sprintf("decoys %t, e-mail %t, company id %q", decoys, email, company), func(t *testing.T) {
					t.Parallel()
					r := newRemote(t, options{
						sim:         neosim.Options{Login: neosim.Login{Decoys: decoys, EmailField: email}, CompanyID: company},
						environment: pims.Environment{Browser: chromium},
					})
					r.account.Credentials[pims.FieldPracticeID] = company
					_, err := r.provider.Login(t.Context(), r.account)
					require.NoError(t, err)
					require.Equal(t, neosim.Logins{Pages: 1, Accepted: 1}, r.sim.Logins())
				})
			}
		}
	}
}

// Without the real fields the browser finds no password field: it would take a decoy that
// is in sight. (The read-only decoy of the user's name is in sight.)
func TestARealBrowserSeesNoDecoyOfThePassword(t *testing.T) {
	t.Parallel()
	chromium := browser.New(browser.Options{TempDir: t.TempDir(), LoginTimeout: 8 * time.Second})
	t.Cleanup(chromium.Close)
	r := newRemote(t, options{
		sim:         neosim.Options{Login: neosim.Login{Decoys: true, Changed: true}},
		environment: pims.Environment{Browser: chromium},
	})
	_, err := r.provider.Login(t.Context(), r.account)
	require.ErrorIs(t, err, pims.ErrLoginFormChanged)
	require.ErrorContains(t, err, `it shows no field input[name="password"]`)
}

func wrongPassword(a *pims.Account) { a.Credentials[pims.FieldPassword] = "wrong" }

func TestARealBrowserFollowsALoginOverAnotherHostThatIsAllowed(t *testing.T) {
	t.Parallel()
	chromium := browser.New(browser.Options{TempDir: t.TempDir(), LoginTimeout: 20 * time.Second})
	t.Cleanup(chromium.Close)
	for allowed, want := range map[string]error{"localhost": nil, "elsewhere.example.com": pims.ErrHostNotAllowed} {
		t.Run(allowed, func(t *testing.T) {
			t.Parallel()
			r := newRemote(t, options{environment: pims.Environment{
				Browser: chromium,
				Hosts:   pims.HostPolicy{Named: []string{allowed}},
			}})
			address, err := url.Parse(r.account.Credentials[pims.FieldBaseURL])
			require.NoError(t, err)
			r.sim.Configure(func(o *neosim.Options) {
				o.Login.Redirects = []string{"http://localhost:" + address.Port()}
			})
			_, err = r.provider.Login(t.Context(), r.account)
			if want != nil {
				require.ErrorIs(t, err, want)
				return
			}
			require.NoError(t, err)
		})
	}
}

// A login without the practice id would look like a wrong password, which suspends
// the credentials (R32).
func TestAPageThatAsksForAPracticeIDThatIsNotStoredIsToldWithoutALogin(t *testing.T) {
	t.Parallel()
	chromium := browser.New(browser.Options{TempDir: t.TempDir(), LoginTimeout: 20 * time.Second})
	t.Cleanup(chromium.Close)
	r := newRemote(t, options{sim: neosim.Options{CompanyID: "4711"}, environment: pims.Environment{Browser: chromium}})
	r.account.Credentials[pims.FieldPracticeID] = ""
	_, err := r.provider.Login(t.Context(), r.account)
	var field *pims.FieldError
	require.ErrorAs(t, err, &field)
	require.Equal(t, "practiceId", field.Field)
	require.Zero(t, r.sim.Logins().Refused)
}

// The page's own words tell the clinic what to do; names do not pass (R40).
func TestASessionInUseElsewhereIsToldInThePagesWordsWithoutNames(t *testing.T) {
	t.Parallel()
	chromium := browser.New(browser.Options{TempDir: t.TempDir(), LoginTimeout: 20 * time.Second})
	t.Cleanup(chromium.Close)
	r := newRemote(t, options{sim: neosim.Options{Login: neosim.Login{InUse: true}}, environment: pims.Environment{Browser: chromium}})
	_, err := r.provider.Login(t.Context(), r.account)
	require.ErrorIs(t, err, pims.ErrAuthChallenge)
	require.Equal(t, "auth_challenge", pims.Kind(err))
	require.ErrorContains(t, err, `its page says "Session in use elsewhere`)
	require.ErrorContains(t, err, `continue?`)
	for _, name := range []string{"Quill", "Fennimore", "Harbor", "Lights", "reception", "example"} {
		require.NotContains(t, err.Error(), name)
	}
	require.Equal(t, 1, r.sim.Logins().Accepted, "nobody else's session was ended")
}
