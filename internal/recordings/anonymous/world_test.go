package anonymous_test

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/drift"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/idexxneo"
	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
	"github.com/pims-sync/pims-sync/internal/recordings"
	"github.com/pims-sync/pims-sync/internal/recordings/replay"
	"github.com/pims-sync/pims-sync/internal/scratch"
	"github.com/pims-sync/pims-sync/internal/seal"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

const zone = "America/New_York"

// options are those of the program.
var options = replay.Options{Providers: []pims.Constructor{idexxneo.New}}

// noon is the day of every world: a Wednesday.
var noon = time.Date(2026, time.March, 18, 16, 0, 0, 0, time.UTC)

// A world is a practice with its Neo, and a clinic that is synced with it, in memory.
type world struct {
	sim       *neosim.Sim
	store     *scratch.Store
	practice  *scratch.Practice
	connector *clinic.Connector
	forms     forms
	now       time.Time
	page      *page
}

// newWorld starts a practice. change may change its habits.
func newWorld(t *testing.T, change func(*neosim.Options)) *world {
	t.Helper()
	location, err := time.LoadLocation(zone)
	require.NoError(t, err)
	w := &world{store: scratch.New(), now: noon, forms: forms{}, page: &page{}}
	o := neosim.Options{Seed: 7, PerDay: 4, Location: location, Now: func() time.Time { return w.now }, CompanyID: "4711"}
	if change != nil {
		change(&o)
	}
	w.sim = neosim.New(o)
	server := httptest.NewServer(w.sim)
	t.Cleanup(server.Close)
	t.Cleanup(func() { w.sim.ClearFaults() })
	address, err := url.Parse(server.URL)
	require.NoError(t, err)
	ring, err := seal.ParseKeyring(seal.NewKey())
	require.NoError(t, err)
	w.practice = scratch.NewPractice(clinic.Clinic{ID: uuid.New(), Name: "Harbor Lights", Timezone: zone, Active: true})
	provider := idexxneo.New(pims.Environment{
		Browser: recordings.Browser{Browser: w.page},
		Hosts:   pims.HostPolicy{Named: []string{address.Host}},
		Now:     w.time,
		Wrap: func(next http.RoundTripper) http.RoundTripper {
			return drift.Transport{Next: recordings.Transport{Next: next}}
		},
		Timeout: time.Second,
		Backoff: time.Millisecond,
	})
	credential, err := clinic.SealCredential(ring, w.practice.Owner().ID, idexxneo.Name, pims.Credentials{
		pims.FieldBaseURL: server.URL, pims.FieldUsername: neosim.DefaultUsername, pims.FieldPassword: neosim.DefaultPassword, pims.FieldPracticeID: "4711",
	})
	require.NoError(t, err)
	w.practice.SetCredential(credential)
	w.connector = clinic.NewConnector(clinic.ConnectorOptions{
		Providers: map[string]pims.Provider{idexxneo.Name: provider},
		Clinics:   w.practice, Credentials: w.practice, Sessions: w.practice, Keyring: ring, Now: w.time,
	})
	return w
}

func (w *world) time() time.Time { return w.now }

// sync runs a sync and returns its recording, as it comes back from where it was stored.
func (w *world) sync(t *testing.T, kind syncs.Type, o syncs.Options) *recordings.Recording {
	t.Helper()
	return w.syncIn(t.Context(), t, kind, o)
}

func (w *world) syncIn(ctx context.Context, t *testing.T, kind syncs.Type, o syncs.Options) *recordings.Recording {
	t.Helper()
	run := w.store.Start(w.practice.Owner().ID, kind, w.now)
	run.Trigger, run.Options = syncs.TriggerCLI, o
	tape := recordings.NewTape(run, w.now)
	tape.Of(w.practice.Owner(), idexxneo.Name)
	result, err := recordings.Record(tape.Recording(ctx), tape, casesync.RunnerOptions{
		Connect: func(ctx context.Context, clinicID uuid.UUID) (casesync.Connection, error) {
			c, err := w.connector.Connect(ctx, clinicID)
			if err != nil {
				return nil, err
			}
			return c, nil
		},
		Plan:  func(_ context.Context, _, id uuid.UUID) (syncs.Plan, error) { return w.store.Plan(id) },
		Cases: w.store, Recorder: w.store, Forms: w.forms, Now: w.time,
	}, run)
	status, concluded := casesync.Conclude(result, err)
	require.NoError(t, w.store.EndPhase(ctx, run.Lease, run.Lease.AuditID, status, concluded, w.now))
	document, err := tape.End(status, concluded).Encode()
	require.NoError(t, err)
	r, err := recordings.Decode(document)
	require.NoError(t, err)
	require.Empty(t, r.Cut)
	return r
}

// forms are the forms of answers, kept from one sync to the next.
type forms map[syncs.Type]map[string]*drift.Baseline

// Baselines implements driftwatch.Store.
func (f forms) Baselines(_ context.Context, _ uuid.UUID, _ string, kind syncs.Type) (map[string]*drift.Baseline, error) {
	return f[kind], nil
}

// KeepBaselines implements driftwatch.Store.
func (f forms) KeepBaselines(_ context.Context, _ syncs.Lease, _ string, kind syncs.Type, kept map[string]*drift.Baseline, _ []string, _ []drift.Finding) error {
	if f[kind] == nil {
		f[kind] = map[string]*drift.Baseline{}
	}
	maps.Copy(f[kind], kept)
	return nil
}

// replayed replays a recording.
func replayed(t *testing.T, r *recordings.Recording) *replay.Result {
	t.Helper()
	played, err := replay.Play(t.Context(), r, options)
	require.NoError(t, err)
	return played
}

// requireSame replays a recording, which must give what was recorded.
func requireSame(t *testing.T, r *recordings.Recording) {
	t.Helper()
	played := replayed(t, r)
	require.Empty(t, played.Differences)
	require.Empty(t, played.Unanswered)
}

// A page signs in to the simulator without a browser.
type page struct {
	failure error // of the next logins; nil: they are let in
}

var csrfToken = regexp.MustCompile(`name="_token" value="([^"]+)"`)

// Login implements pims.Browser.
func (p *page) Login(ctx context.Context, form pims.LoginForm) (session pims.BrowserSession, err error) {
	if p.failure != nil {
		return session, p.failure
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return session, err
	}
	client := &http.Client{Jar: jar}
	html, err := ask(ctx, client, http.MethodGet, form.URL, "")
	if err != nil {
		return session, err
	}
	token := csrfToken.FindStringSubmatch(html)
	if token == nil {
		return session, pims.ErrLoginFormChanged
	}
	values := url.Values{"_token": {token[1]}}
	for _, f := range form.Fields {
		values.Set(strings.TrimSuffix(strings.TrimPrefix(f.Selectors[0], `input[name="`), `"]`), f.Value)
	}
	said, err := ask(ctx, client, http.MethodPost, form.URL, values.Encode())
	if err != nil {
		return session, err
	}
	var answer struct{ Redirect, Refused string }
	if err := json.Unmarshal([]byte(said), &answer); err != nil || answer.Refused != "" {
		return session, pims.ErrAuthRejected
	}
	login, err := url.Parse(form.URL)
	if err != nil {
		return session, err
	}
	session = pims.BrowserSession{URL: "http://" + login.Host + answer.Redirect, UserAgent: "Test/1"}
	for _, c := range jar.Cookies(login) {
		session.Cookies = append(session.Cookies, pims.Cookie{Name: c.Name, Value: c.Value, Host: login.Hostname(), Path: "/"})
	}
	return session, form.Accepted(ctx, session)
}

func ask(ctx context.Context, client *http.Client, method, address, form string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("X-Requested-With", "XMLHttpRequest")
	response, err := client.Do(request)
	if err != nil {
		return "", pims.ErrUnreachable
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return string(text), err
}
