package main

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
)

func TestEveryKindOfLoginPageLetsUsIn(t *testing.T) { // W2
	t.Parallel()
	w := newWorld(t)
	for name, o := range map[string]neosim.Options{
		"an e-mail field":                {Login: neosim.Login{EmailField: true}},
		"a practice id":                  {CompanyID: "4711"},
		"the token in a meta tag":        {Login: neosim.Login{MetaToken: true}},
		"a cookie before the login":      {Login: neosim.Login{EarlyCookie: true, ErrorPlaceholder: true}},
		"a session bound to its browser": {BindUserAgent: true},
		"a cookie by another usual name": {CookieName: "PHPSESSID_auth"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := w.practice(t, o)
			a := p.sync(t, "inbound", "")
			require.Equal(t, 200, a.status, a.body)
			require.Positive(t, a.count("stats.casesCreated"))
			require.Equal(t, neosim.Logins{Pages: 1, Accepted: 1}, p.Logins())
		})
	}

	t.Run("redirects through another host", func(t *testing.T) {
		t.Parallel()
		p := w.practice(t, neosim.Options{})
		elsewhere := httptest.NewServer(p.Sim)
		t.Cleanup(elsewhere.Close)
		through := strings.Replace(elsewhere.URL, "127.0.0.1", "localhost", 1)
		p.Configure(func(o *neosim.Options) { o.Login.Redirects = []string{through} })
		a := p.sync(t, "inbound", "")
		require.Equal(t, 200, a.status, a.body)
		require.Equal(t, 1, p.Logins().Accepted)
	})
}

func TestAWrongPasswordIsTriedOnceAndNeverAgain(t *testing.T) { // R32
	t.Parallel()
	w := newWorld(t)
	for name, login := range map[string]neosim.Login{
		"shown in error-message": {},
		"shown in alert-danger":  {AlertDanger: true, ErrorText: "These credentials do not match our records."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := w.practice(t, neosim.Options{Login: login})
			p.setCredentials(t, pims.Credentials{pims.FieldBaseURL: p.neo.URL, pims.FieldUsername: neosim.DefaultUsername, pims.FieldPassword: "mistyped-secret"})

			a := p.sync(t, "inbound", "")
			require.Equal(t, 502, a.status, a.body)
			require.Equal(t, "pims_auth_rejected", a.text("code"))
			require.Equal(t, "PIMS authentication failed: Invalid credentials", a.text("error"))
			require.Equal(t, false, a.get("success"))
			require.Empty(t, p.rows(t))
			audit := p.get(t, "/api/syncs/"+a.text("syncId"))
			require.Equal(t, "failed", audit.text("status"))
			require.Equal(t, "PIMS authentication failed: Invalid credentials", audit.text("error"))

			for _, kind := range []string{"inbound", "cases", "reconcile", "full"} {
				a = p.sync(t, kind, "")
				require.Equal(t, 409, a.status)
				require.Equal(t, "credentials_suspended", a.text("code"))
			}
			require.Equal(t, neosim.Logins{Pages: 1, Refused: 1}, p.Logins(), "one login only")
			w.log.requireClean(t, "mistyped-secret")

			p.setCredentials(t, pims.Credentials{pims.FieldBaseURL: p.neo.URL, pims.FieldUsername: neosim.DefaultUsername, pims.FieldPassword: neosim.DefaultPassword})
			require.Equal(t, 200, p.sync(t, "inbound", "").status, "new credentials are not suspended")
		})
	}
}

func TestAFullSyncThatIsNotLetInRunsNoPhase(t *testing.T) { // R27
	t.Parallel()
	p := newWorld(t).practice(t, neosim.Options{})
	p.SetPassword("changed-by-the-practice")
	a := p.sync(t, "full", "")
	require.Equal(t, 502, a.status)
	require.Equal(t, "pims_auth_rejected", a.text("code"))
	for _, phase := range []string{"inboundResult", "casesResult", "reconciliationResult"} {
		require.Equal(t, false, a.get(phase+".success"))
		require.Equal(t, true, a.get(phase+".skipped"))
		require.NotEmpty(t, a.text(phase+".reason"))
	}
	require.Empty(t, p.rows(t))
}

func TestALoginThatAMachineCannotDoIsNeitherRefusedNorDone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, c := range map[string]struct {
		login neosim.Login
		code  string
	}{
		"a captcha":     {neosim.Login{Captcha: true}, "pims_auth_challenge"},
		"a second step": {neosim.Login{MFA: true}, "pims_auth_challenge"},
		"another form":  {neosim.Login{Changed: true}, "login_form_changed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := w.practice(t, neosim.Options{Login: c.login})
			a := p.sync(t, "inbound", "")
			require.Equal(t, 502, a.status, a.body)
			require.Equal(t, c.code, a.text("code"))
			require.NotEmpty(t, a.text("error"))
			require.Empty(t, p.rows(t))
			require.Zero(t, p.Logins().Refused)

			p.Configure(func(o *neosim.Options) { o.Login = neosim.Login{} })
			require.Equal(t, 200, p.sync(t, "inbound", "").status, "the credentials are not suspended")
		})
	}
}
