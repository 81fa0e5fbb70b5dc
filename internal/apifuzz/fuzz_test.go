// Package apifuzz sends the API whatever strangers and tenants could send: operations of its
// own description with valid, wrong and forged values, ids and cursors of two tenants, every
// kind of caller, and requests that are broken on the wire. The package is for tests only.
package apifuzz

import (
	"bytes"
	"context"
	"flag"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/api"
	"github.com/pims-sync/pims-sync/internal/api/apitest"
	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/seal"
	"github.com/pims-sync/pims-sync/internal/secret"
)

var (
	requests = flag.Int("requests", 400, "how many requests are sent")
	seed     = flag.Uint64("seed", 1, "of the requests; the same seed sends the same, but for ids")
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(pgtest.Main(m))
}

// A tenant is a clinic with rows of every kind, all of which hold its word.
type tenant struct {
	id   uuid.UUID
	word string              // in all of its names and notes, and nowhere else
	ids  []string            // of its records
	of   map[string][]string // the same, by the part of an address that stands before an id
}

func (one *tenant) has(part string, id uuid.UUID) {
	one.ids, one.of[part] = append(one.ids, id.String()), append(one.of[part], id.String())
}

// A world is a server with two tenants and callers of each kind.
type world struct {
	t        *testing.T
	url      string
	contract *apitest.Contract
	client   *http.Client
	tenants  [2]*tenant
	callers  []caller
}

func newWorld(t *testing.T) *world {
	t.Helper()
	settings := app.Settings{
		DatabaseURL: secret.New(pgtest.URL(t)), EncryptionKey: secret.New(seal.NewKey()), SingleRole: true, SyncTimeout: time.Minute, Headless: true, Version: "1.2.3",
	}
	log := slog.New(slog.DiscardHandler)
	store, err := app.OpenStore(t.Context(), settings, log, 0)
	require.NoError(t, err)
	t.Cleanup(store.Close)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	running, err := app.StartServer(context.WithoutCancel(t.Context()), settings, store, log, app.ServerOptions{Listener: listener, Wait: time.Second, Console: &app.ConsoleOptions{}})
	require.NoError(t, err)
	t.Cleanup(running.Close)

	contract, err := apitest.Read(api.OpenAPI())
	require.NoError(t, err)
	w := &world{
		t: t, url: running.URL(), contract: contract,
		client: &http.Client{Transport: contract.Transport(http.DefaultTransport), Timeout: 30 * time.Second},
	}
	w.tenants = [2]*tenant{newTenant(t, store, "Zanzibar"), newTenant(t, store, "Quagga")}
	w.addCallers(store)
	return w
}

// newTenant adds a clinic as another program would.
func newTenant(t *testing.T, store *app.Store, word string) *tenant {
	t.Helper()
	one := &tenant{word: word, of: map[string][]string{}}
	insert := func(sql string, args ...any) (id uuid.UUID) {
		require.NoError(t, store.Pool().QueryRow(t.Context(), sql, args...).Scan(&id), sql)
		return id
	}
	one.id = insert("insert into clinics (name, timezone) values ($1, 'America/New_York') returning id", word+" Vets")
	for i := range 5 {
		id := insert(`insert into cases (clinic_id, pims_id, patient_name, client_name, status, scheduled_date, metadata)
			values ($1, $2, $3, $3, 'draft', now() - make_interval(days => $4), jsonb_build_object('notes', $3::text)) returning id`,
			one.id, word+string(rune('a'+i)), word, i)
		one.has("cases", id)
		_, err := store.Pool().Exec(t.Context(), "update cases set patient_name = $2 where id = $1", id, word+" II")
		require.NoError(t, err)
		id = insert(`insert into case_sync_audits (clinic_id, sync_type, status, error_message, started_at, completed_at)
			values ($1, 'inbound', 'failed', $2, now(), now()) returning id`, one.id, word)
		one.has("syncs", id)
		one.has("plans", insert(`insert into deletion_plans (clinic_id, sync_id, sync_type, status, code, reason, window_start, window_end, expires_at)
			values ($1, $2, 'reconciliation', 'superseded', 'deletion_guard', $3, now(), now(), now() + interval '1 day') returning id`, one.id, id, word))
	}
	endpoint := insert("insert into webhook_endpoints (clinic_id, url, description, types) values ($1, $2, $3, '{case.changed}') returning id",
		one.id, "https://127.0.0.1/"+word, word) // no packet leaves for it
	one.has("webhooks", endpoint)
	for _, state := range []string{"pending", "failed", "skipped"} {
		one.has("deliveries", insert(`insert into webhook_deliveries (endpoint_id, clinic_id, type, body, state, tries, next_try_at, event_at, created_at, ended_at, last_error, response)
			values ($1, $2, 'case.changed', jsonb_build_object('word', $3::text)::text, $4, 1, now() + interval '1 day', now(), now(), case when $4 <> 'pending' then now() end, $3, $3) returning id`,
			endpoint, one.id, word, state))
	}
	one.has("status-links", insert("insert into pims_sync_status_links (clinic_id, name, token_hash) values ($1, $2, encode(sha256($2::text::bytea), 'hex')) returning id", one.id, word))
	row, _ := clinic.IssueKey(one.id, word, nil, time.Time{}, time.Now())
	_, err := store.Keys().AddKey(t.Context(), row)
	require.NoError(t, err)
	one.has("keys", row.ID)
	return one
}

// Whatever is sent, the response is one that the description has, none is a 5xx, and none
// has a byte of another tenant (R38, R42, R45).
func TestWhateverIsSentTheAnswerIsDescribedAndTheCallersOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	g := newGenerator(rand.New(rand.NewPCG(*seed, *seed)), w)
	statuses, memory := map[int]int{}, &memory{}
	for i := range *requests {
		memory.look(t, i)
		if g.oneIn(8) {
			w.sendBroken(i, g.broken())
			continue
		}
		r := g.request()
		statuses[w.send(i, g, r)]++
	}
	t.Logf("statuses: %v; cursors that were given: %d", statuses, len(g.cursors))
	require.Positive(t, statuses[http.StatusOK], "no request was right")
	require.Zero(t, statuses[http.StatusInternalServerError])
	memory.isFlat(t)
}

// send sends one request and returns its status.
func (w *world) send(i int, g *generator, r request) int {
	w.t.Helper()
	httpRequest, err := http.NewRequestWithContext(w.t.Context(), r.method, w.url+r.target, strings.NewReader(r.body))
	if err != nil {
		return 0 // the client refuses to send it; broken sends such requests
	}
	for _, h := range r.header {
		httpRequest.Header.Add(h[0], h[1])
	}
	response, err := w.client.Do(httpRequest)
	require.NoError(w.t, err, "request %d of seed %d: %+v", i, *seed, r)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(w.t, err, "request %d of seed %d: %+v", i, *seed, r)
	if !strings.Contains(r.target, "/operator-events") { // it names the ids that its callers tried
		w.checkIDs(i, r.caller, body, r)
	}
	w.check(i, r.caller, response, body, r)
	g.learn(body)
	return response.StatusCode
}

// check holds a response against what no response may be.
func (w *world) check(i int, by caller, response *http.Response, body []byte, what any) {
	w.t.Helper()
	if busy(response.StatusCode, body) {
		return
	}
	require.Less(w.t, response.StatusCode, 500, "request %d of seed %d: %+v: %s", i, *seed, what, body)
	if by.never == "" {
		return
	}
	var header bytes.Buffer
	_ = response.Header.Write(&header)
	require.NotContains(w.t, header.String()+string(body), by.never, "request %d of seed %d: %+v", i, *seed, what)
}

// checkIDs looks for ids of the tenant that the caller must not see.
func (w *world) checkIDs(i int, by caller, body []byte, what any) {
	w.t.Helper()
	for _, other := range w.tenants {
		if other.word == by.never {
			for _, id := range append([]string{other.id.String()}, other.ids...) {
				require.NotContains(w.t, string(body), id, "request %d of seed %d: %+v", i, *seed, what)
			}
		}
	}
}

// busy reports whether /ready says that the database takes longer than a probe waits, as on
// a machine that does much else.
func busy(status int, body []byte) bool {
	return status == http.StatusServiceUnavailable && bytes.HasPrefix(body, []byte(`{"status":"not_ready"`))
}
