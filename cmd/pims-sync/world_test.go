package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/api"
	"github.com/pims-sync/pims-sync/internal/api/apitest"
	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/logtest"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/idexxneo"
	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/seal"
	"github.com/pims-sync/pims-sync/internal/secret"
	"github.com/pims-sync/pims-sync/internal/timetest"
)

// A world is one database, the replicas that share it, and the practices of its
// clinics. Its replicas are made of the very parts that serve is made of.
type world struct {
	t      *testing.T
	config cli.Config
	store  *app.Store // for what an engineer does: clinics, credentials, keys
	ring   *seal.Keyring
	zone   *time.Location
	log    *logBook

	mu       sync.Mutex
	replicas []*replica // the first answers the practices' calls
	secrets  []string   // that no log may hold (R40)
}

// A replica is one server of a world, which ends with the test or before.
type replica struct {
	*app.Server
	end func()
}

// newWorld makes a world with one replica.
func newWorld(t *testing.T, change ...func(*cli.Config, *app.ServerOptions)) *world {
	t.Helper()
	w := &world{t: t, zone: timetest.ZoneAtNoon(t), log: &logBook{}}
	w.config = cli.Config{
		DatabaseURL:   secret.New(pgtest.URL(t)),
		EncryptionKey: secret.New(seal.NewKey()),
		AllowedHosts:  []string{"127.0.0.1", "localhost"},
		SyncTimeoutMS: (4 * time.Minute).Milliseconds(),
		Headless:      true,
		LogLevel:      &cli.LogLevel{Level: slog.LevelDebug},
		LogFormat:     new("json"),
	}
	w.store = w.open()
	var err error
	w.ring, err = w.store.Keyring(t.Context(), w.config.EncryptionKey)
	require.NoError(t, err)
	w.replica(change...)
	w.secrets = []string{neosim.DefaultPassword, neosim.DefaultUsername, w.config.EncryptionKey.Reveal()}
	t.Cleanup(func() { w.log.requireClean(t, w.secrets...) })
	return w
}

// open opens the world's database, as each process does.
func (w *world) open() *app.Store {
	w.t.Helper()
	s, err := cli.OpenStore(w.t.Context(), &w.config, w.logger(), 0)
	require.NoError(w.t, err)
	w.t.Cleanup(s.Close)
	return s
}

func (w *world) logger() *slog.Logger { return cli.NewLogger(w.log, &w.config) }

// replica starts one more server on the world's database.
func (w *world) replica(change ...func(*cli.Config, *app.ServerOptions)) *replica {
	w.t.Helper()
	settings := w.config
	listener, err := cli.Listen(w.t.Context(), "127.0.0.1:0", "PORT")
	require.NoError(w.t, err)
	options := app.ServerOptions{
		Listener: listener,
		Wait:     4 * time.Minute,
		Engine:   app.EngineOptions{Browser: chromium.get()},
	}
	for _, c := range change {
		c(&settings, &options)
	}
	running, err := cli.StartServer(context.WithoutCancel(w.t.Context()), &settings, w.open(), w.logger(), options)
	require.NoError(w.t, err)
	r := &replica{running, sync.OnceFunc(running.Close)}
	w.t.Cleanup(r.end)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.replicas = append(w.replicas, r)
	return r
}

// A practice is a clinic with its simulated Neo, its credentials and its key.
type practice struct {
	*neosim.Sim
	world *world
	id    uuid.UUID
	key   string
	neo   *httptest.Server
	via   interface{ URL() string } // the server that it calls
}

// practice adds a clinic whose Neo has these habits.
func (w *world) practice(t *testing.T, o neosim.Options) *practice {
	t.Helper()
	o.Location, o.StandsAt, o.Day = w.zone, neosim.AsNow, theDay
	p := &practice{Sim: neosim.New(o), world: w, via: w.replicas[0]}
	p.neo = httptest.NewServer(w.recordCookies(p.Sim))
	t.Cleanup(p.neo.Close)
	t.Cleanup(func() { p.ClearFaults() }) // what hangs would hold up the server's end
	added, err := w.store.Clinics().Add(t.Context(), clinic.Clinic{Name: "Harbor Lights", Timezone: w.zone.String(), Active: true})
	require.NoError(t, err)
	p.id = added.ID
	p.setCredentials(t, pims.Credentials{
		pims.FieldBaseURL: p.neo.URL, pims.FieldUsername: neosim.DefaultUsername, pims.FieldPassword: neosim.DefaultPassword, pims.FieldPracticeID: o.CompanyID,
	})
	p.key = p.newKey(t, nil, time.Time{})
	return p
}

// recordCookies notes the values of all cookies that a Neo sets as secrets.
func (w *world) recordCookies(neo http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		neo.ServeHTTP(rw, r)
		for _, line := range rw.Header().Values("Set-Cookie") {
			if cookie, err := http.ParseSetCookie(line); err == nil && len(cookie.Value) > 8 {
				w.mu.Lock()
				w.secrets = append(w.secrets, cookie.Value)
				w.mu.Unlock()
			}
		}
	})
}

func (p *practice) setCredentials(t *testing.T, c pims.Credentials) {
	t.Helper()
	sealed, err := clinic.SealCredential(p.world.ring, p.id, idexxneo.Name, c)
	require.NoError(t, err)
	require.NoError(t, p.world.store.Credentials().ReplaceCredential(t.Context(), sealed))
}

// newKey issues an API key; no scopes are the default ones.
func (p *practice) newKey(t *testing.T, scopes []clinic.Scope, expires time.Time) string {
	t.Helper()
	row, key := clinic.IssueKey(p.id, "test", scopes, expires, time.Now())
	_, err := p.world.store.Keys().AddKey(t.Context(), row)
	require.NoError(t, err)
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	p.world.secrets = append(p.world.secrets, key[9:]) // without the prefix, which may be told
	return key
}

// An answer is what the API said.
type answer struct {
	status int
	header http.Header
	body   map[string]any
}

// get is the value under a path such as stats.casesCreated; nil where there is
// none.
func (a answer) get(path string) any {
	var value any = a.body
	for step := range strings.SplitSeq(path, ".") {
		object, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = object[step]
	}
	return value
}

// count is a number under a path.
func (a answer) count(path string) int {
	n, _ := a.get(path).(float64)
	return int(n)
}

func (a answer) text(path string) string {
	s, _ := a.get(path).(string)
	return s
}

// sync calls one of the four sync endpoints and waits for its answer.
func (p *practice) sync(t testing.TB, kind, body string, headers ...string) answer {
	t.Helper()
	return p.call(t, http.MethodPost, "/api/sync/"+kind, body, headers...)
}

// get reads an address of the API.
func (p *practice) get(t testing.TB, path string) answer {
	t.Helper()
	return p.call(t, http.MethodGet, path, "")
}

// call sends a request with the practice's key; headers are names and values.
func (p *practice) call(t testing.TB, method, path, body string, headers ...string) answer {
	t.Helper()
	a, err := p.try(t.Context(), method, path, body, headers...)
	require.NoError(t, err)
	return a
}

// try is call for goroutines, which must not end the test.
func (p *practice) try(ctx context.Context, method, path, body string, headers ...string) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, method, p.via.URL()+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("X-API-Key", p.key)
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := described().Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	a := answer{status: response.StatusCode, header: response.Header}
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return a, err
	}
	return a, json.Unmarshal(content, &a.body)
}

// contract is the API's description.
var contract = sync.OnceValues(func() (*apitest.Contract, error) { return apitest.Read(api.OpenAPI()) })

// described is a client for the API: an answer that the API's description does not allow
// is an error.
func described() *http.Client {
	c, err := contract()
	if err != nil {
		panic(err)
	}
	return &http.Client{Transport: c.Transport(&http.Transport{DisableKeepAlives: true})}
}

// start calls a sync endpoint in the background; the answer comes over the
// channel.
func (p *practice) start(t *testing.T, kind, body string) <-chan answer {
	t.Helper()
	done := make(chan answer, 1)
	go func() {
		defer close(done)
		if a, err := p.try(context.WithoutCancel(t.Context()), http.MethodPost, "/api/sync/"+kind, body); err == nil {
			done <- a
		}
	}()
	return done
}

// asked waits until the Neo has been asked for its calendar, since hang.
func (p *practice) asked(t *testing.T) {
	t.Helper()
	eventually(t, func() bool { return p.Count(neosim.OpCalendar) > 0 }, "the PIMS was not asked for its calendar")
}

// ended waits until a sync is over and answers it.
func (p *practice) ended(t *testing.T, id string) answer {
	t.Helper()
	var a answer
	eventually(t, func() bool {
		a = p.get(t, "/api/syncs/"+id)
		status := a.text("status")
		return status != "queued" && status != "in_progress"
	}, "sync %s does not end", id)
	return a
}

func eventually(t *testing.T, condition func() bool, message string, args ...any) {
	t.Helper()
	require.Eventuallyf(t, condition, 45*time.Second, 5*time.Millisecond, message, args...)
}

// A row is a case as the database has it. Two rows are equal only where nothing
// wrote the case in between.
type row struct {
	ID, PIMSID, Version             string
	Patient, Client, Phone          *string
	Scheduled, UpdatedAt            time.Time
	Status, CaseType                string
	SyncStatus                      *string
	Metadata                        string
	appointment, consultation, gone map[string]any // of the metadata
}

// rows are the practice's cases by their PIMS ids.
func (p *practice) rows(t *testing.T) map[string]row {
	t.Helper()
	result, err := p.world.store.Pool().Query(t.Context(), `
		select id::text, pims_id, xmin::text, patient_name, client_name, phone_number, scheduled_date, updated_at,
		       status, case_type, sync_status, metadata::text
		from cases where clinic_id = $1`, p.id)
	require.NoError(t, err)
	defer result.Close()
	all := make(map[string]row)
	for result.Next() {
		var r row
		require.NoError(t, result.Scan(&r.ID, &r.PIMSID, &r.Version, &r.Patient, &r.Client, &r.Phone, &r.Scheduled, &r.UpdatedAt,
			&r.Status, &r.CaseType, &r.SyncStatus, &r.Metadata))
		var keys struct{ Appointment, Consultation, Reconciliation map[string]any }
		require.NoError(t, json.Unmarshal([]byte(r.Metadata), &keys))
		r.appointment, r.consultation, r.gone = keys.Appointment, keys.Consultation, keys.Reconciliation
		all[r.PIMSID] = r
	}
	require.NoError(t, result.Err())
	return all
}

// A logBook keeps what the replicas log.
type logBook struct{ logtest.Book }

// requireClean fails where a secret or a person's data was logged (R40).
func (l *logBook) requireClean(t *testing.T, secrets ...string) {
	t.Helper()
	for line := range strings.Lines(l.String()) {
		for _, secret := range secrets {
			if strings.Contains(line, secret) {
				t.Errorf("the log holds %q: %s", secret, line)
			}
		}
	}
}
