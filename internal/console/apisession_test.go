package console

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/people"
)

func TestAPersonsSessionAuthenticatesRequestsToTheAPI(t *testing.T) { // R42, R43
	t.Parallel()
	var o Options
	s := newSite(t, func(made *Options) { o = *made })
	ada := s.invite(t, people.Person{Email: "ada@example.com", Role: access.RoleOperator})
	sessionOf := SessionOf(o)
	set := cookies(s.visitor(t).still().send(t, "/console/sign-in", url.Values{"email": {"ada@example.com"}, "password": {password}}))
	cookie := set["pims_sync_"+mustURL(t, s.URL).Port()]
	require.NotNil(t, cookie)

	ask := func(method string, headers ...string) (access.Caller, error) {
		r := httptest.NewRequestWithContext(t.Context(), method, s.URL+"/api/clinics", nil)
		r.AddCookie(cookie)
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		return sessionOf(r)
	}
	caller, err := ask(http.MethodGet)
	require.NoError(t, err)
	require.Equal(t, access.KindPerson, caller.Kind)
	require.Equal(t, ada.ID, caller.ID)
	require.Equal(t, access.RoleOperator, caller.Role)

	token := people.CSRFToken(cookie.Value)
	for name, headers := range map[string][]string{
		"nothing": nil, "no token": {"Origin", s.URL}, "no origin": {page.CSRFHeader, token},
		"another site": {"Origin", "https://evil.example", page.CSRFHeader, token}, "another session": {"Origin", s.URL, page.CSRFHeader, people.CSRFToken("x")},
	} {
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
			_, err := ask(method, headers...)
			require.ErrorContains(t, err, "needs the server's own Origin", "%s %s", method, name)
		}
	}
	_, err = ask(http.MethodPost, "Origin", s.URL, page.CSRFHeader, token)
	require.NoError(t, err)

	_, err = sessionOf(httptest.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/api/clinics", nil))
	require.ErrorIs(t, err, clinic.ErrUnauthorized)
	_, err = s.people.Change(t.Context(), root, ada.ID, func(p *people.Person) error { p.Role = access.RoleViewer; return nil })
	require.NoError(t, err)
	_, err = ask(http.MethodGet)
	require.ErrorIs(t, err, clinic.ErrUnauthorized, "another role ends the session")
}
