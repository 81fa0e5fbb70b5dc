package console

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/people"
)

// cookies are what a response sets, by name.
func cookies(r reply) map[string]*http.Cookie {
	set := map[string]*http.Cookie{}
	for _, c := range (&http.Response{Header: r.header}).Cookies() {
		set[c.Name] = c
	}
	return set
}

// still keeps the browser from following redirects.
func (v *visitor) still() *visitor {
	v.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return v
}

func TestASessionsCookieIsBoundToTheHost(t *testing.T) { // R43
	t.Parallel()
	s := newSite(t)
	s.invite(t, people.Person{Email: "ada@example.com", Role: access.RoleViewer})
	form := url.Values{"email": {"ada@example.com"}, "password": {password}}

	v := s.visitor(t).still()
	set := cookies(v.send(t, "/console/sign-in", form))
	require.Len(t, set, 1)
	for name, c := range set {
		require.Equal(t, "pims_sync_"+mustURL(t, s.URL).Port(), name, "on loopback, ports share cookies")
		require.True(t, c.HttpOnly)
		require.False(t, c.Secure)
		require.Equal(t, http.SameSiteLaxMode, c.SameSite)
		require.Equal(t, int(people.SessionLife/time.Second), c.MaxAge)
	}

	// Behind a proxy with a certificate.
	proxied := []string{"X-Forwarded-Proto", "https", "X-Forwarded-Host", "sync.example.com", "Origin", "https://sync.example.com"}
	set = cookies(s.visitor(t).still().send(t, "/console/sign-in", form, proxied...))
	c := set["__Host-pims_sync"]
	require.NotNil(t, c, set)
	require.True(t, c.Secure && c.HttpOnly && c.Path == "/" && c.Domain == "")
}

func mustURL(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	require.NoError(t, err)
	return u
}

func TestNobodySignsInOverPlainHTTPFromElsewhere(t *testing.T) { // R43
	t.Parallel()
	s := newSite(t)
	s.invite(t, people.Person{Email: "ada@example.com", Role: access.RoleViewer})
	link, err := s.people.ConsoleLink(t.Context(), "root")
	require.NoError(t, err)
	elsewhere := []string{"X-Forwarded-Host", "sync.example.com", "Origin", "http://sync.example.com"}
	v := s.visitor(t).still()
	shown := v.get(t, "/console/sign-in", elsewhere...)
	require.Equal(t, 403, shown.status)
	require.Contains(t, shown.body, "plain http")
	require.NotContains(t, shown.body, `type="password"`)
	for path, form := range map[string]url.Values{
		"/console/sign-in": {"email": {"ada@example.com"}, "password": {password}},
		"/console/link":    {"token": {link}},
	} {
		require.Equal(t, 403, v.send(t, path, form, elsewhere...).status, path)
		require.Empty(t, cookies(v.page), path)
	}
	require.Equal(t, 403, v.get(t, "/console/link?token="+link, elsewhere...).status)
	_, err = s.people.Link(t.Context(), link)
	require.NoError(t, err, "the link is not used up")
}

func TestAFormNeedsOurOriginAndTheSessionsToken(t *testing.T) { // R43
	t.Parallel()
	s := newSite(t)
	v := s.as(t, access.RoleAdmin)
	v.get(t, "/console/people")
	people := v.page
	other := s.signedIn(t, s.invite(t, peopleOf("other@example.com", access.RoleAdmin)))
	other.get(t, "/console/people")
	strangers := csrfField.FindStringSubmatch(other.page.body)[1]
	own := csrfField.FindStringSubmatch(people.body)[1]
	require.NotEqual(t, own, strangers)
	invite := func(csrf string) url.Values {
		return url.Values{"act": {"invite"}, "email": {"new@example.com"}, "role": {"viewer"}, "csrf": {csrf}}
	}
	for name, c := range map[string]struct {
		csrf   string
		header []string
	}{
		"no token":            {csrf: ""},
		"another's token":     {csrf: strangers},
		"no origin":           {csrf: own, header: []string{"Origin", ""}},
		"the origin null":     {csrf: own, header: []string{"Origin", "null"}},
		"another site":        {csrf: own, header: []string{"Origin", "https://evil.example"}},
		"another port":        {csrf: own, header: []string{"Origin", "http://127.0.0.1:1"}},
		"ours as a beginning": {csrf: own, header: []string{"Origin", s.URL + ".evil.example"}},
	} {
		require.Equal(t, 403, v.send(t, "/console/people", invite(c.csrf), c.header...).status, name)
	}
	v.send(t, "/console/sign-out", url.Values{"csrf": {"x"}})
	require.Equal(t, 403, v.page.status)
	all, err := s.people.People(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 2)
	v.page = people
	require.Equal(t, 200, v.send(t, "/console/people", invite(own)).status)
	require.Contains(t, v.page.body, "/console/link?token=")
	require.NotContains(t, v.get(t, "/console/people").body, "/console/link?token=", "a link is shown once")
}

func peopleOf(email string, role access.Role) people.Person {
	return people.Person{Email: email, Role: role}
}

func TestASignInIsRefusedInOneWay(t *testing.T) { // R43
	t.Parallel()
	s := newSite(t)
	s.invite(t, peopleOf("ada@example.com", access.RoleViewer))
	v := s.visitor(t)
	texts := map[string]bool{}
	for _, typed := range []string{"ada@example.com", "nobody@example.com"} {
		v.send(t, "/console/sign-in", url.Values{"email": {typed}, "password": {"wrong password here"}})
		require.Equal(t, 401, v.page.status)
		require.NotContains(t, v.page.body, "wrong password here")
		texts[strings.ReplaceAll(v.page.body, typed, "")] = true
	}
	require.Len(t, texts, 1, "the page does not tell who is invited")
	for range 9 {
		v.send(t, "/console/sign-in", url.Values{"email": {"ada@example.com"}, "password": {"wrong password here"}})
	}
	require.Equal(t, 429, v.page.status)
	require.Contains(t, v.page.body, "Try again in 30 seconds")
	require.NotContains(t, s.log.String(), "ada@example.com")
	require.NotContains(t, s.log.String(), "wrong password")
}

func TestSigningInLeadsBackToAPageOfOurs(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.invite(t, peopleOf("ada@example.com", access.RoleAdmin))
	for next, want := range map[string]string{
		"/console/people":            "/console/people",
		"/console?q=a+b&state=ok":    "/console?q=a+b&state=ok",
		"https://evil.example":       "/console",
		"//evil.example/console":     "/console",
		"/\\evil.example":            "/console",
		"/api/cases":                 "/console",
		"/consolex":                  "/console",
		"javascript:alert(1)":        "/console",
		"/console/../api":            "/console",
		"/console\r\nSet-Cookie: x=": "/console",
	} {
		v := s.visitor(t)
		v.get(t, "/console/sign-in?next="+url.QueryEscape(next))
		found := regexp.MustCompile(`name="next" value="([^"]*)"`).FindStringSubmatch(v.page.body)
		require.NotNil(t, found)
		v.still().send(t, "/console/sign-in", url.Values{"email": {"ada@example.com"}, "password": {password}, "next": {next}})
		require.Equal(t, want, v.page.header.Get("Location"), next)
	}
	v := s.visitor(t)
	require.Equal(t, "/console/sign-in?next=%2Fconsole%2Fpeople%3Fpage%3D2", v.get(t, "/console/people?page=2").path)
	require.Equal(t, "/console/sign-in", v.get(t, "/console").path)
}

func TestAPageThatRefreshesItselfKeepsNoSessionAlive(t *testing.T) { // R43
	t.Parallel()
	s := newSite(t)
	v := s.as(t, access.RoleViewer)
	for range 3 {
		s.clock.Advance(25 * time.Minute)
		if v.get(t, "/console", "X-Background", "1", "HX-Request", "true").status != 200 {
			break
		}
	}
	require.Equal(t, 401, v.page.status)
	require.Equal(t, "/console/sign-in", v.page.header.Get("HX-Redirect"))
	require.NotContains(t, v.page.body, "fleet")
}

func TestSigningOutEndsTheSessionForEveryCopyOfItsCookie(t *testing.T) { // R43
	t.Parallel()
	s := newSite(t)
	v := s.as(t, access.RoleViewer)
	copied := *v
	copied.Jar = v.Jar
	stolen := v.Jar.Cookies(mustURL(t, s.URL))
	require.NotEmpty(t, stolen)
	v.get(t, "/console")
	v.send(t, "/console/sign-out", url.Values{})
	require.Equal(t, "/console/sign-in", v.page.path)
	thief := s.visitor(t)
	thief.Jar.SetCookies(mustURL(t, s.URL), stolen)
	require.Equal(t, "/console/sign-in", thief.get(t, "/console").path)
}

func TestALinkIsUsedByItsFormAlone(t *testing.T) { // R43
	t.Parallel()
	s := newSite(t)
	link, err := s.people.ConsoleLink(t.Context(), "root")
	require.NoError(t, err)
	address := "/console/link?token=" + url.QueryEscape(link)
	for range 3 { // programs that look at links
		require.Equal(t, 200, s.visitor(t).get(t, address).status)
	}
	v := s.visitor(t)
	v.get(t, address)
	require.Contains(t, v.page.body, "root")
	v.send(t, "/console/link", url.Values{"token": {link}})
	require.Equal(t, "/console", v.page.path)
	require.Contains(t, v.page.body, "root")
	require.Equal(t, 410, s.visitor(t).get(t, address).status)
	require.Equal(t, 410, s.visitor(t).send(t, "/console/link", url.Values{"token": {link}}).status)
	require.NotContains(t, s.log.String(), link)
}

func TestAnInvitationAsksForAPasswordTwice(t *testing.T) { // R43
	t.Parallel()
	s := newSite(t)
	p, err := s.people.Invite(t.Context(), root, peopleOf("ada@example.com", access.RoleViewer))
	require.NoError(t, err)
	token, err := s.people.InviteLink(t.Context(), p.ID)
	require.NoError(t, err)
	v := s.visitor(t)
	require.Contains(t, v.get(t, "/console/link?token="+token).body, "ada@example.com")
	for text, form := range map[string]url.Values{
		"needs 12 or more": {"token": {token}, "password": {"short"}, "again": {"short"}},
		"differ":           {"token": {token}, "password": {password}, "again": {password + "!"}},
	} {
		require.Equal(t, 422, v.send(t, "/console/link", form).status)
		require.Contains(t, v.page.body, text)
		require.NotContains(t, v.page.body, password)
	}
	v.send(t, "/console/link", url.Values{"token": {token}, "password": {password}, "again": {password}})
	require.Equal(t, "/console", v.page.path)
	s.signedIn(t, p)
}

func TestEveryPageIsForItsRoles(t *testing.T) { // R42
	t.Parallel()
	s := newSite(t)
	for role, open := range map[access.Role][]string{
		access.RoleViewer:   {"/console", "/console/fleet.csv"},
		access.RoleOperator: {"/console", "/console/fleet.csv"},
		access.RoleAdmin:    {"/console", "/console/fleet.csv", "/console/people"},
	} {
		v := s.as(t, role)
		for _, path := range []string{"/console", "/console/fleet.csv", "/console/people"} {
			want := 403
			for _, o := range open {
				if o == path {
					want = 200
				}
			}
			require.Equal(t, want, v.get(t, path).status, "%s, %s", role, path)
		}
		if role != access.RoleAdmin {
			require.NotContains(t, v.get(t, "/console").body, `href="/console/people"`, "what is not allowed is not offered")
			require.Equal(t, 403, v.send(t, "/console/people", url.Values{"act": {"invite"}, "email": {"x@example.com"}}).status)
		}
	}
	limited := s.signedIn(t, s.invite(t, people.Person{Email: "limited@example.com", Role: access.RoleAdmin, Limited: true}))
	require.Equal(t, 403, limited.get(t, "/console/people").status, "an admin of some clinics does not rule over people")
}

func TestWhatIsNotThereSaysSo(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	v := s.as(t, access.RoleViewer)
	for _, path := range []string{"/console/nothing", "/console/static/nothing.css", "/console/openid", "/console/openid/callback?state=x"} {
		require.Equal(t, 404, v.get(t, path).status, path)
		require.Contains(t, v.page.body, "There is no such page")
	}
	require.Equal(t, 404, v.send(t, "/console", url.Values{}).status, "a page without forms")
	require.Equal(t, "/console", v.get(t, "/console/").path)
	require.Equal(t, "/console?state=failing", v.get(t, "/console/?state=failing").path)
	require.Equal(t, 404, s.visitor(t).get(t, "/console/nothing").status)
}

func TestEveryPageHasTheStrictHeaders(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.fleet(t, 0)
	v := s.as(t, access.RoleAdmin)
	inline := regexp.MustCompile(`(?i)<style|<script(?: [^>]*)?>[^<]|\sstyle=|\son\w+=|javascript:`)
	for _, path := range []string{"/console", "/console/people", "/console/sign-in", "/console/nothing"} {
		page := v.get(t, path)
		require.NotContains(t, page.header.Get("Content-Security-Policy"), "unsafe")
		require.Contains(t, page.header.Get("Content-Security-Policy"), "default-src 'none'; script-src 'self'")
		require.Equal(t, "same-origin", page.header.Get("Referrer-Policy"))
		require.Equal(t, "no-store", page.header.Get("Cache-Control"))
		require.Empty(t, inline.FindString(page.body), path)
		require.Less(t, len(page.body), 100<<10, path)
	}
	files := regexp.MustCompile(`/console/static/[^"]+`).FindAllString(v.get(t, "/console").body, -1)
	require.GreaterOrEqual(t, len(files), 4)
	for _, file := range files {
		require.Contains(t, v.get(t, file).header.Get("Cache-Control"), "immutable", file)
		require.Equal(t, 200, v.page.status)
	}
}

func TestAPersonSeesAndEndsTheOwnSessionsAndChangesThePassword(t *testing.T) { // R43
	t.Parallel()
	s := newSite(t)
	ada := s.invite(t, people.Person{Email: "ada@example.com", Role: access.RoleViewer})
	other := s.as(t, access.RoleOperator)
	here, there := s.signedIn(t, ada), s.signedIn(t, ada)
	require.Contains(t, here.page.body, `href="/console/you"`)
	require.Equal(t, 2, strings.Count(here.get(t, "/console/you").body, `scope="row"`), "not those of others")
	require.Equal(t, 1, strings.Count(here.page.body, "this one"))
	require.Equal(t, 403, here.send(t, "/console/you", url.Values{"act": {"others"}, "csrf": {"wrong"}}).status)
	here.get(t, "/console/you")
	require.Contains(t, here.send(t, "/console/you", url.Values{"act": {"others"}}).body, "Ended 1 other session.")
	require.Contains(t, here.page.body, "signed in nowhere else")
	require.Equal(t, "/console/sign-in?next=%2Fconsole%2Fneeds", there.get(t, "/console/needs").path)
	require.Equal(t, "/console", other.get(t, "/console").path)

	there = s.signedIn(t, ada)
	change := func(old, replacement, again string) reply {
		here.get(t, "/console/you")
		return here.send(t, "/console/you", url.Values{"act": {"password"}, "old": {old}, "password": {replacement}, "again": {again}})
	}
	for problem, typed := range map[string][3]string{
		"present password is wrong": {"not the password", "another long password", "another long password"},
		"passwords differ":          {password, "another long password", "another long passwort"},
		"12 or more":                {password, "short", "short"},
	} {
		require.Equal(t, 422, change(typed[0], typed[1], typed[2]).status, problem)
		require.Contains(t, here.page.body, problem)
	}
	require.Contains(t, change(password, "another long password", "another long password").body, "The password is changed")
	require.Equal(t, "/console/you", here.page.path, "the person stays signed in")
	require.Equal(t, "/console/sign-in", there.get(t, "/console").path)
	require.Subset(t, selected[string](t, s, "select action || ' ' || outcome from operator_events"), []string{"person.sign_out done", "person.password done", "person.sign_in failed"})

	far := s.visitor(t)
	far.get(t, "/console/sign-in")
	far.send(t, "/console/sign-in", url.Values{"email": {ada.Email}, "password": {"another long password"}}, "X-Forwarded-For", "203.0.113.9")
	for _, from := range []string{"203.0.113.9", "127.0.0.1"} {
		require.Equal(t, 1, strings.Count(here.get(t, "/console/you").body, `data-label="From">`+from+`<`), from)
	}

	link, err := s.people.ConsoleLink(t.Context(), "root")
	require.NoError(t, err)
	v := s.visitor(t)
	v.get(t, "/console/link?token="+url.QueryEscape(link))
	v.send(t, "/console/link", url.Values{"token": {link}})
	require.Contains(t, v.get(t, "/console/you").body, "Link of the command line")
	require.NotContains(t, v.page.body, `name="old"`, "it has no password")
	s.requireNoFault(t)
}

func TestTheThemeIsRemembered(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	v := s.visitor(t)
	require.NotContains(t, v.get(t, "/console/sign-in").body, "data-theme")
	v.send(t, "/console/theme", url.Values{"theme": {"dark"}}, "Referer", s.URL+"/console/sign-in?next=%2Fconsole%2Fpeople")
	require.Equal(t, "/console/sign-in?next=%2Fconsole%2Fpeople", v.page.path)
	require.Contains(t, v.page.body, `data-theme="dark"`)
	require.NotContains(t, v.get(t, "/console/link?token=xyz").body, "link?token", "the form repeats nothing of the address")
	v.send(t, "/console/theme", url.Values{"theme": {"auto"}}, "Referer", "https://evil.example/console/people")
	require.Equal(t, "/console/sign-in", v.page.path, "somebody else's page is not led back to")
	require.NotContains(t, v.page.body, "data-theme")
}

// A link that the API makes leads to PUBLIC_URL, except on the server's own machine.
func TestWherePeopleFindTheServerIsNotWhatARequestSays(t *testing.T) {
	t.Parallel()
	public, err := ParsePublicURL("https://sync.example.com/")
	require.NoError(t, err)
	base, link := BaseOf(Options{PublicURL: public}), LinkOf(Options{PublicURL: public})
	for host, want := range map[string]string{"elsewhere.example.com": "https://sync.example.com", "localhost:3001": "http://localhost:3001", "127.0.0.1:3001": "http://127.0.0.1:3001"} {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+host+"/api/people", nil)
		require.Equal(t, want, base(request), host)
		require.True(t, strings.HasPrefix(link(request, "x"), want+"/console/"), host)
	}
}
