package api

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/api/apitest"
	"github.com/pims-sync/pims-sync/internal/api/fleetapi"
	"github.com/pims-sync/pims-sync/internal/api/sample"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/fleet"
	"github.com/pims-sync/pims-sync/internal/practice"
	"github.com/pims-sync/pims-sync/internal/recordings/shelf"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/web"
)

var testTime = time.Date(2026, 1, 17, 12, 0, 0, 123456789, time.UTC)

// A bench is an API with fakes beneath it. Every answer that passes through it is
// held against /openapi.json.
type bench struct {
	t       *testing.T
	handler http.Handler
	keys    *fakeKeys
	syncs   *fakeSyncs
	reads   *fakeReads
	changes *fakeChanges
	arrived *fakeArrivals
	ready   *fakeReady

	decisions *fakeDecisions
	restores  *fakeRestores
	fleetKeys *fakeFleetKeys
	outgoing  *fakeOutgoing
	people    *fakePeople
	events    *fakeLog

	recordings *fakeRecordings

	credentials *fakeCredentials
	condition   *fakeConditions

	log   *lockedBuffer
	now   time.Time
	key   string
	keyID uuid.UUID
}

// benchSettings are those of a bench: of the API, and of the chain before it.
type benchSettings struct {
	Options

	Chain web.Options
}

func newBench(t *testing.T, changes ...func(*benchSettings)) *bench {
	t.Helper()
	b := &bench{
		t: t, keys: &fakeKeys{}, syncs: newFakeSyncs(), ready: &fakeReady{}, log: &lockedBuffer{}, now: testTime,
		fleetKeys: &fakeFleetKeys{}, outgoing: &fakeOutgoing{}, people: &fakePeople{}, events: &fakeLog{}, credentials: &fakeCredentials{}, recordings: &fakeRecordings{},
		decisions: &fakeDecisions{}, restores: &fakeRestores{}, condition: &fakeConditions{}, changes: &fakeChanges{}, arrived: &fakeArrivals{},
		reads: &fakeReads{owner: clinic.Clinic{ID: uuid.New(), Timezone: "America/Chicago"}},
	}
	b.key, b.keyID = b.keys.add(b.reads.owner.ID, nil)
	o := benchSettings{Options: Options{
		Keys: b.keys, Syncs: b.syncs, Cases: b.reads, CasesByID: b.reads, Changes: b.changes, Arrivals: b.arrived, Plans: b.reads, Clinics: b.reads, Ready: b.ready,
		Conditions: b.condition, Recordings: shelf.New(b.recordings, b.events),
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain; version=0.0.4")
			_, _ = io.WriteString(w, "sync_in_progress 0\n")
		}),
		Fleet: fleetapi.Options{
			Service: newFleet(b), Events: b.events, People: b.people, Trends: fakeTotals{},
			LinkOf:   func(_ *http.Request, token string) string { return "https://sync.example.com/" + token },
			System:   func(context.Context) (fleet.System, error) { return *sample.System(), nil },
			Practice: practice.New(practice.Options{Log: b.events, Store: &fakeLinks{lenient: true}, Now: func() time.Time { return b.now }}),
		},
		FleetKeys: b.fleetKeys, Record: b.events, Outgoing: newOutgoing(b),
		Wait:    time.Minute,
		Version: "1.2.3",
		Now:     func() time.Time { return b.now },
	}, Chain: web.Options{
		Logger: slog.New(slog.NewJSONHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Now:    func() time.Time { return b.now },
	}}
	for _, change := range changes {
		change(&o)
	}
	b.handler = web.New(o.Chain, New(o.Options)...)
	return b
}

// endsAtOnce lets every new sync end before its start returns.
func (b *bench) endsAtOnce(change func(*syncs.Audit)) {
	b.syncs.onStart = func(audit *syncs.Audit) error {
		complete(audit)
		change(audit)
		return nil
	}
}

func complete(audit *syncs.Audit) {
	audit.Status = syncs.StatusCompleted
	audit.StartedAt = testTime
	audit.CompletedAt = testTime.Add(4532 * time.Millisecond)
}

// An answer is a response that was read.
type answer struct {
	*httptest.ResponseRecorder
	t    *testing.T
	body map[string]any // of a JSON object, else nil

	target  string
	options []requestOption
}

// at is the value under a path of names and indices, nil where there is none.
func (a answer) at(path ...any) any {
	var value any = a.body
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, _ := value.(map[string]any)
			value = object[step]
		case int:
			list, _ := value.([]any)
			require.Greater(a.t, len(list), step, "%v", path)
			value = list[step]
		}
	}
	return value
}

type requestOption func(*http.Request)

func withHeader(name, value string) requestOption {
	return func(r *http.Request) { r.Header.Add(name, value) }
}

func withoutKey(r *http.Request) { r.Header.Del(keyHeader) }

func withKey(key string) requestOption {
	return func(r *http.Request) { r.Header.Set(keyHeader, key) }
}

func from(remote string) requestOption { return func(r *http.Request) { r.RemoteAddr = remote } }

func (b *bench) get(target string, options ...requestOption) answer {
	b.t.Helper()
	return b.do(http.MethodGet, target, "", options...)
}

// next asks for the page after a page of a list.
func (b *bench) next(page answer) answer {
	b.t.Helper()
	require.Equal(b.t, http.StatusOK, page.Code, "%s", page.Body)
	a := b.get(withCursor(page.target, page.at("nextCursor").(string)), page.options...)
	require.Equal(b.t, http.StatusOK, a.Code, "%s", a.Body)
	return a
}

func withCursor(target, cursor string) string {
	if strings.Contains(target, "?") {
		return target + "&cursor=" + cursor
	}
	return target + "?cursor=" + cursor
}

// post posts a JSON body; an empty one is no body at all.
func (b *bench) post(target, body string, options ...requestOption) answer {
	b.t.Helper()
	if body != "" {
		options = append([]requestOption{withHeader("Content-Type", "application/json")}, options...)
	}
	return b.do(http.MethodPost, target, body, options...)
}

func (b *bench) do(method, target, body string, options ...requestOption) answer {
	b.t.Helper()
	r := httptest.NewRequestWithContext(b.t.Context(), method, target, strings.NewReader(body))
	r.Header.Set(keyHeader, b.key)
	for _, option := range options {
		option(r)
	}
	a := answer{ResponseRecorder: httptest.NewRecorder(), t: b.t, target: target, options: options}
	b.handler.ServeHTTP(a, r)
	if a.Header().Get("Content-Type") == "application/json" && method != http.MethodHead {
		require.NoError(b.t, json.Unmarshal(a.Body.Bytes(), &a.body), "%s %s answered %q", method, target, a.Body)
	}
	require.NoError(b.t, contract().Check(r, []byte(body), a.Result(), a.Body.Bytes()))
	return a
}

// contract is the API's description, against which the answers of all tests are held.
var contract = sync.OnceValue(func() *apitest.Contract {
	c, err := apitest.Read(OpenAPI())
	if err != nil {
		panic(err)
	}
	return c
})

// checked sends requests over a network and holds the answers against the description.
func checked() *http.Client {
	return &http.Client{Transport: contract().Transport(http.DefaultTransport)}
}

// refused proves that an answer is an error as R38 has it.
func (a answer) refused(status int, code syncs.Code, field string) {
	a.t.Helper()
	require.Equal(a.t, status, a.Code, "%s", a.Body)
	require.Equal(a.t, "application/json", a.Header().Get("Content-Type"))
	require.Equal(a.t, false, a.body["success"])
	require.Equal(a.t, string(code), a.body["code"])
	require.NotEmpty(a.t, a.body["error"])
	require.Equal(a.t, "2026-01-17T12:00:00.123Z", a.body["timestamp"])
	if field == "" {
		require.NotContains(a.t, a.body, "field")
	} else {
		require.Equal(a.t, field, a.body["field"], "%s", a.Body)
	}
}

// lines are the lines of the log.
func (b *bench) lines() []map[string]any {
	b.t.Helper()
	var lines []map[string]any
	for line := range strings.Lines(b.log.String()) {
		var fields map[string]any
		require.NoError(b.t, json.Unmarshal([]byte(line), &fields))
		lines = append(lines, fields)
	}
	return lines
}

type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.String()
}

func trust(list string) func(*benchSettings) {
	return func(o *benchSettings) {
		for item := range strings.SplitSeq(list, ",") {
			o.Chain.TrustedProxies = append(o.Chain.TrustedProxies, netip.MustParsePrefix(item))
		}
	}
}
