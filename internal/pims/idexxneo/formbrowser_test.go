package idexxneo_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// formBrowser logs in to a simulated Neo without a browser: it does by hand what
// the login page's script does. The real browser has a test of its own.
type formBrowser struct{}

var _ pims.Browser = formBrowser{}

const userAgent = "FormBrowser/1.0"

var csrfToken = regexp.MustCompile(`name="_token" value="([^"]+)"`)

func (formBrowser) Login(ctx context.Context, form pims.LoginForm) (pims.BrowserSession, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return pims.BrowserSession{}, err
	}
	client := &http.Client{Jar: jar}
	page, err := fetch(ctx, client, http.MethodGet, form.URL, "")
	if err != nil {
		return pims.BrowserSession{}, err
	}
	switch token := csrfToken.FindStringSubmatch(page); {
	case strings.Contains(page, "g-recaptcha"):
		return pims.BrowserSession{}, pims.ErrAuthChallenge
	case !strings.Contains(page, `name="password"`), token == nil:
		return pims.BrowserSession{}, pims.ErrLoginFormChanged
	default:
		return submit(ctx, client, form, token[1])
	}
}

func submit(ctx context.Context, client *http.Client, form pims.LoginForm, token string) (pims.BrowserSession, error) {
	values := url.Values{"_token": {token}}
	for _, field := range form.Fields {
		name := strings.TrimSuffix(strings.TrimPrefix(field.Selectors[0], `input[name="`), `"]`)
		values.Set(name, field.Value)
	}
	text, err := fetch(ctx, client, http.MethodPost, form.URL, values.Encode())
	if err != nil {
		return pims.BrowserSession{}, err
	}
	var answer struct{ Redirect, Refused string }
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		return pims.BrowserSession{}, err
	}
	if answer.Refused != "" {
		return pims.BrowserSession{}, pims.ErrAuthRejected
	}
	login, err := url.Parse(form.URL)
	if err != nil {
		return pims.BrowserSession{}, err
	}
	landed, err := login.Parse(answer.Redirect)
	if err != nil {
		return pims.BrowserSession{}, err
	}
	session := pims.BrowserSession{URL: landed.String(), UserAgent: userAgent}
	for _, c := range client.Jar.Cookies(login) {
		session.Cookies = append(session.Cookies, pims.Cookie{Name: c.Name, Value: c.Value, Host: login.Hostname(), Path: "/"})
	}
	return session, nil
}

func fetch(ctx context.Context, client *http.Client, method, address, body string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("X-Requested-With", "XMLHttpRequest")
	request.Header.Set("User-Agent", userAgent)
	response, err := client.Do(request)
	if err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return "", fmt.Errorf("the login page: %w", pims.ErrUnreachable)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return string(text), err
}
