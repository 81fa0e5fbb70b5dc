package neosim_test

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
)

const proof = "/users/providers?includeInactive=true"

func TestAnAcceptedLoginOpensTheAPI(t *testing.T) {
	t.Parallel()
	sim, b := serve(t, neosim.Options{})
	status, _ := b.get(proof)
	require.Equal(t, http.StatusUnauthorized, status)

	status, answer := b.login(neosim.DefaultUsername, neosim.DefaultPassword)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, b.base+"/dashboard", answer["redirect"])

	for _, path := range []string{proof, "/schedule/getScheduleConfigs"} {
		status, text := b.get(path)
		require.Equal(t, http.StatusOK, status)
		require.NotEmpty(t, decode[any](t, text))
	}
	status, page := b.open("/dashboard")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, page, "Dashboard")
	require.Equal(t, neosim.Logins{Pages: 1, Accepted: 1}, sim.Logins())
}

func TestARefusedLoginOpensNothing(t *testing.T) {
	t.Parallel()
	sim, b := serve(t, neosim.Options{CompanyID: "4711", Login: neosim.Login{ErrorText: "No.", AlertDanger: true, ErrorPlaceholder: true}})
	for _, wrong := range [][2]string{{neosim.DefaultUsername, "wrong"}, {"wrong", neosim.DefaultPassword}} {
		status, answer := b.login(wrong[0], wrong[1])
		require.Equal(t, http.StatusUnauthorized, status)
		require.Equal(t, map[string]any{"refused": "No."}, answer)
	}
	sim.Configure(func(o *neosim.Options) { o.CompanyID = "4712" })
	status, _ := b.login(neosim.DefaultUsername, neosim.DefaultPassword)
	require.Equal(t, http.StatusUnauthorized, status, "of another practice")

	status, _ = b.get(proof)
	require.Equal(t, http.StatusUnauthorized, status)
	require.Equal(t, neosim.Logins{Pages: 3, Refused: 3}, sim.Logins())
	_, page := b.open("/login")
	require.Contains(t, page, `class="alert alert-danger" hidden`)
}

func TestTheFormHasTheVariantsSeenInProduction(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]neosim.Options{
		"hidden token":  {},
		"meta token":    {Login: neosim.Login{MetaToken: true}},
		"email field":   {Login: neosim.Login{EmailField: true}},
		"company id":    {CompanyID: "4711"},
		"early cookie":  {Login: neosim.Login{EarlyCookie: true}},
		"all at a time": {CompanyID: "4711", Login: neosim.Login{MetaToken: true, EmailField: true, EarlyCookie: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, b := loggedIn(t, o)
			status, _ := b.get(proof)
			require.Equal(t, http.StatusOK, status)
		})
	}
}

func TestAChangedFormHasNoneOfTheKnownFields(t *testing.T) {
	t.Parallel()
	_, b := serve(t, neosim.Options{Login: neosim.Login{Changed: true}})
	_, page := b.open("/login")
	for _, known := range []string{`name="username"`, `type="email"`, `name="password"`, `type="submit"`} {
		require.NotContains(t, page, known)
	}
}

func TestAFilledDecoyMakesTheLoginAWrongOne(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		o      neosim.Options
		fields url.Values // beyond those of the account
		want   int
	}{
		"none":                           {fields: url.Values{"username": {"", "", neosim.DefaultUsername}, "password": {"", neosim.DefaultPassword}}, want: http.StatusOK},
		"beside the name":                {fields: url.Values{"username": {"x", neosim.DefaultUsername}}, want: http.StatusUnauthorized},
		"in the place of the name":       {fields: url.Values{"username": {neosim.DefaultUsername, ""}}, want: http.StatusUnauthorized},
		"in the place of the password":   {fields: url.Values{"password": {neosim.DefaultPassword, ""}}, want: http.StatusUnauthorized},
		"beside the password":            {fields: url.Values{"password": {"x", neosim.DefaultPassword}}, want: http.StatusUnauthorized},
		"the web site":                   {fields: url.Values{"website": {"x"}}, want: http.StatusUnauthorized},
		"a company id":                   {fields: url.Values{"company_id": {"4711"}}, want: http.StatusUnauthorized},
		"the right company id":           {o: neosim.Options{CompanyID: "4711"}, fields: url.Values{"company_id": {"4711"}}, want: http.StatusOK},
		"none, with an e-mail address":   {o: neosim.Options{Login: neosim.Login{EmailField: true}}, fields: url.Values{"username": {"", ""}, "email": {neosim.DefaultUsername}}, want: http.StatusOK},
		"the name beside the e-mail":     {o: neosim.Options{Login: neosim.Login{EmailField: true}}, fields: url.Values{"username": {neosim.DefaultUsername}, "email": {neosim.DefaultUsername}}, want: http.StatusUnauthorized},
		"the name instead of the e-mail": {o: neosim.Options{Login: neosim.Login{EmailField: true}}, fields: url.Values{"email": {""}}, want: http.StatusUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.o.Login.Decoys = true
			_, b := serve(t, c.o)
			_, page := b.open("/login")
			form := url.Values{"username": {neosim.DefaultUsername}, "password": {neosim.DefaultPassword}, "_token": {tokenPattern.FindStringSubmatch(page)[1]}}
			maps.Copy(form, c.fields)
			status, _ := b.postLogin(form, http.Header{"X-Requested-With": {"XMLHttpRequest"}})
			require.Equal(t, c.want, status)
		})
	}
}

func TestOnlyThePagesScriptCanSubmitTheForm(t *testing.T) {
	t.Parallel()
	sim, b := serve(t, neosim.Options{})
	form := url.Values{"username": {neosim.DefaultUsername}, "password": {neosim.DefaultPassword}}
	status, _ := b.postLogin(form, http.Header{})
	require.Equal(t, http.StatusBadRequest, status, "a form that was submitted without the script")
	status, _ = b.postLogin(form, http.Header{"X-Requested-With": {"XMLHttpRequest"}})
	require.Equal(t, 419, status, "no CSRF token")
	require.Equal(t, neosim.Logins{}, sim.Logins(), "neither accepted nor refused")
}

func TestACaptchaLetsNobodyIn(t *testing.T) {
	t.Parallel()
	_, b := serve(t, neosim.Options{Login: neosim.Login{Captcha: true}})
	_, page := b.open("/login")
	require.Contains(t, page, "g-recaptcha")
	status, answer := b.login(neosim.DefaultUsername, neosim.DefaultPassword)
	require.Equal(t, http.StatusUnprocessableEntity, status)
	require.NotContains(t, answer, "refused")
}

func TestASessionThatWaitsForAOneTimeCodeIsWorthless(t *testing.T) {
	t.Parallel()
	_, b := serve(t, neosim.Options{Login: neosim.Login{MFA: true}})
	status, answer := b.login(neosim.DefaultUsername, neosim.DefaultPassword)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "/mfa", answer["redirect"])
	_, page := b.open("/mfa")
	require.Contains(t, page, "one-time-code")
	status, _ = b.get(proof)
	require.Equal(t, http.StatusUnauthorized, status)
}

func TestALoginMayLeadOverOtherHosts(t *testing.T) {
	t.Parallel()
	sim, b := serve(t, neosim.Options{})
	elsewhere := strings.Replace(b.base, "127.0.0.1", "localhost", 1)
	sim.Configure(func(o *neosim.Options) { o.Login.Redirects = []string{elsewhere, elsewhere + "/"} })
	_, answer := b.login(neosim.DefaultUsername, neosim.DefaultPassword)

	var hosts []string
	next, _ := answer["redirect"].(string)
	for next != "" {
		address, err := url.Parse(next)
		require.NoError(t, err)
		hosts = append(hosts, address.Hostname())
		response, err := b.client.Get(next)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		next = response.Header.Get("Location")
	}
	require.Equal(t, []string{"localhost", "localhost", "127.0.0.1"}, hosts)
	require.Equal(t, []neosim.Op{neosim.OpLoginPage, neosim.OpLogin, neosim.OpRedirect, neosim.OpRedirect, neosim.OpDashboard}, sim.Order())
}

func TestALoginPageMayNeverFinish(t *testing.T) {
	t.Parallel()
	sim, b := serve(t, neosim.Options{Login: neosim.Login{NeverFinishes: true}})
	ctx, cancel := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, b.base+"/login", nil)
	require.NoError(t, err)
	response, err := b.client.Do(request)
	require.NoError(t, err, "the head of the page comes")
	defer response.Body.Close()
	require.Equal(t, 1, sim.Peak(neosim.OpLoginPage))
	cancel()
	_, err = response.Body.Read(make([]byte, 1<<10))
	for err == nil {
		_, err = response.Body.Read(make([]byte, 1<<10))
	}
	require.ErrorIs(t, err, context.Canceled, "and never the end")
}

func TestASessionEndsWhenItIdlesAndAfterEightHours(t *testing.T) {
	t.Parallel()
	now := noon
	sim, b := loggedIn(t, neosim.Options{Now: func() time.Time { return now }})
	for range 24 { // eight hours less one second, never idle for twenty minutes
		now = now.Add(20*time.Minute - time.Second)
		status, _ := b.get(proof)
		require.Equal(t, http.StatusOK, status)
	}
	now = noon.Add(8 * time.Hour)
	status, _ := b.get(proof)
	require.Equal(t, http.StatusUnauthorized, status)

	_, _ = b.login(neosim.DefaultUsername, neosim.DefaultPassword)
	now = now.Add(20 * time.Minute)
	status, _ = b.get(proof)
	require.Equal(t, http.StatusUnauthorized, status)
	require.Equal(t, 2, sim.Logins().Accepted)
}

func TestADeadSessionIsAnsweredInThreeWays(t *testing.T) {
	t.Parallel()
	sim, b := loggedIn(t, neosim.Options{})
	sim.ExpireSessions()

	status, text := b.get(proof)
	require.Equal(t, http.StatusUnauthorized, status)
	require.JSONEq(t, `{"message":"Unauthenticated."}`, text)

	sim.Configure(func(o *neosim.Options) { o.Expired = neosim.ExpiredRedirect })
	response, err := b.client.Do(b.request(proof))
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusFound, response.StatusCode)
	require.Equal(t, "/login", response.Header.Get("Location"))

	sim.Configure(func(o *neosim.Options) { o.Expired = neosim.ExpiredHTML })
	status, text = b.get(proof)
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, text, `name="password"`)
}

func TestASessionMayBeBoundToTheBrowser(t *testing.T) {
	t.Parallel()
	_, b := loggedIn(t, neosim.Options{BindUserAgent: true})
	request := b.request(proof)
	request.Header.Set("User-Agent", "another")
	status, _ := b.do(request)
	require.Equal(t, http.StatusUnauthorized, status)
	status, _ = b.get(proof)
	require.Equal(t, http.StatusOK, status)
}

func TestWithoutTheHeadersOfAScriptTheAPIAnswersAPage(t *testing.T) {
	t.Parallel()
	_, b := loggedIn(t, neosim.Options{})
	status, text := b.open(proof)
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, text, "<!doctype html>")
}

func TestLogoutEndsTheSession(t *testing.T) {
	t.Parallel()
	sim, b := loggedIn(t, neosim.Options{})
	before := b.request(proof)
	for _, cookie := range b.client.Jar.Cookies(before.URL) {
		before.AddCookie(cookie)
	}
	status, _ := b.open("/logout")
	require.Equal(t, http.StatusFound, status)
	status, _ = newBrowser(t, b.base).do(before)
	require.Equal(t, http.StatusUnauthorized, status, "also for one who kept the cookie")
	require.Equal(t, 1, sim.Count(neosim.OpLogout))
}

func TestAnotherPasswordCountsFromTheNextLogin(t *testing.T) {
	t.Parallel()
	sim, b := loggedIn(t, neosim.Options{})
	sim.SetPassword("changed")
	status, _ := b.get(proof)
	require.Equal(t, http.StatusOK, status, "the session lives on")
	status, _ = b.login(neosim.DefaultUsername, neosim.DefaultPassword)
	require.Equal(t, http.StatusUnauthorized, status)
	status, _ = b.login(neosim.DefaultUsername, "changed")
	require.Equal(t, http.StatusOK, status)
}

func TestCookiesAreHttpOnlyAndSecureOverTLS(t *testing.T) {
	t.Parallel()
	sim := neosim.New(neosim.Options{Login: neosim.Login{EarlyCookie: true}, CookieName: "auth_token"})
	for scheme, secure := range map[string]bool{"http": false, "https": true} {
		recorder := httptest.NewRecorder()
		sim.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, scheme+"://neo.example.com/login", nil))
		cookies := recorder.Result().Cookies()
		require.Len(t, cookies, 2)
		for _, cookie := range cookies {
			require.True(t, cookie.HttpOnly)
			require.Equal(t, secure, cookie.Secure)
		}
		require.Equal(t, "auth_token", cookies[1].Name)
	}
}

func TestLatenciesPassBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sim := neosim.New(neosim.Options{
			Latency: 900 * time.Millisecond, LoginLatency: 7500 * time.Millisecond,
			Latencies: map[neosim.Op]time.Duration{neosim.OpView: 250 * time.Millisecond},
		})
		for target, want := range map[*http.Request]time.Duration{
			httptest.NewRequest(http.MethodPost, "/login", nil):                7500 * time.Millisecond,
			httptest.NewRequest(http.MethodGet, calendarPath(noon, noon), nil): 900 * time.Millisecond,
			httptest.NewRequest(http.MethodGet, "/consultations/view/1", nil):  250 * time.Millisecond,
			httptest.NewRequest(http.MethodGet, "/login", nil):                 0,
		} {
			begin := time.Now()
			sim.ServeHTTP(httptest.NewRecorder(), target)
			require.Equal(t, want, time.Since(begin), target.URL.Path)
		}
	})
}
