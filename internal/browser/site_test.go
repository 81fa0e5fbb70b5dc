package browser

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
)

const (
	username = "dr.quill@example.com"
	password = "correct horse"
)

// A site is the web site of a PIMS as a test wants it. Without overrides, its login
// page is submitted by script, accepts everything and leads to a dashboard.
type site struct {
	*httptest.Server

	mu        sync.Mutex
	submitted []url.Values
	hits      map[string]int // by path
}

// routes are a site's handlers by ServeMux pattern.
type routes map[string]http.HandlerFunc

func newSite(t testing.TB, overrides routes) *site {
	t.Helper()
	s := &site{hits: make(map[string]int)}
	handlers := routes{
		"GET /login":     html(scriptedForm),
		"POST /session":  s.accept,
		"GET /dashboard": html("<h1>Today</h1>"),
	}
	maps.Copy(handlers, overrides)
	mux := http.NewServeMux()
	for pattern, handler := range handlers {
		mux.HandleFunc(pattern, handler)
	}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.hits[r.URL.Path]++
		s.mu.Unlock()
		// A server notices that its client has gone only after it has read the body.
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// Close ends the requests that handlers hold open, too.
func (s *site) Close() {
	s.CloseClientConnections()
	s.Server.Close()
}

// accept notes what was submitted and hands out a session.
func (s *site) accept(w http.ResponseWriter, r *http.Request) {
	s.note(r)
	http.SetCookie(w, &http.Cookie{Name: "neo_session", Value: "s3cr3t", Path: "/", HttpOnly: true})
}

func (s *site) note(r *http.Request) {
	if err := r.ParseForm(); err != nil {
		panic(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.submitted = append(s.submitted, r.PostForm)
}

// logins are the forms that were submitted.
func (s *site) logins() []url.Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]url.Values(nil), s.submitted...)
}

// requests is how often a path was asked for.
func (s *site) requests(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hits[path]
}

// host is the site's host with its port.
func (s *site) host() string { return strings.TrimPrefix(s.URL, "http://") }

// alias is the site's URL under another name of the same machine.
func (s *site) alias() string { return strings.Replace(s.URL, "127.0.0.1", "localhost", 1) }

// form is how the site is logged in to.
func (s *site) form() pims.LoginForm {
	return pims.LoginForm{
		URL: s.URL + "/login",
		Fields: []pims.LoginField{
			{Selectors: []string{"input[name=username]", "input[type=email]"}, Value: username},
			{Selectors: []string{"input[name=password]"}, Value: password},
			{Selectors: []string{"input[name=company_id]"}, Value: "0471", Optional: true},
		},
		Submit:     []string{"button[type=submit]"},
		Refusals:   []string{".error-message", ".alert-danger"},
		Challenges: []string{".captcha", "input[name=otp]"},
		Hosts:      pims.HostPolicy{Named: []string{s.host()}},
	}
}

// html serves a page.
func html(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, "<!DOCTYPE html><title>Clinic</title><body>%s</body>", body)
	}
}

// answer serves a status with a text.
func answer(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}
}

// redirect sends elsewhere.
func redirect(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }
}

// hang serves nothing until the browser gives up.
func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

const (
	fields = `<input name=username autofocus><input name=password type=password>`
	button = `<button type=submit>Log in</button>`

	// submitScript sends the form as fetch does and leaves, or shows what it was
	// answered.
	submitScript = `<div class=error-message hidden></div><script>
		document.forms[0].addEventListener("submit", async (event) => {
			event.preventDefault();
			const body = new URLSearchParams(new FormData(event.target));
			const answer = await fetch("/session", { method: "POST", body });
			if (answer.ok) {
				location.href = "/dashboard";
				return;
			}
			const message = document.querySelector(".error-message");
			message.textContent = await answer.text();
			message.hidden = false;
		});
	</script>`

	scriptedForm = `<form>` + fields + button + `</form>` + submitScript
	plainForm    = `<form method=post action=/session>` + fields + button + `</form>`
)

// only returns the one form that was submitted.
func (s *site) only(t *testing.T) url.Values {
	t.Helper()
	logins := s.logins()
	require.Len(t, logins, 1, "one login must be submitted, once")
	return logins[0]
}
