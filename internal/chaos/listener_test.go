package chaos

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// The faults of a listener, besides those of its network.
var listenerFaults = []string{"unavailable", "halved", "hanging"}

// A listener is an endpoint of webhooks (R47), behind a network of its own. It notes what
// arrives, and what it took.
type listener struct {
	endpoint string
	clinic   string // empty: it hears of all
	ordered  bool
	network  *network

	mu       sync.Mutex
	fault    string        // of listenerFaults
	mended   chan struct{} // it is closed when the fault ends
	messages map[string]*heard
	changes  map[int64]string    // the message that each change came in first
	began    map[string][]string // the messages of each clinic, by their first arrival
	taken    map[string][]int64  // the changes of each clinic, by the first arrival of their message
	again    int                 // arrivals of what had arrived before
	wrong    []string            // what must not be
}

// A heard is a message that has arrived.
type heard struct {
	body  string
	taken bool // it was or will be answered with 2xx
	sync  string
}

// A told is the body of a message.
type told struct {
	Type string
	Data struct {
		ClinicID, SyncID string
		Changes          []struct{ ID, CaseID string }
	}
}

// listen adds a listener and its endpoint.
func (w *world) listen(t *testing.T, clinic string, ordered bool) {
	t.Helper()
	l := &listener{
		clinic: clinic, ordered: ordered, messages: make(map[string]*heard), changes: make(map[int64]string),
		began: make(map[string][]string), taken: make(map[string][]int64),
	}
	server := httptest.NewServer(l)
	t.Cleanup(server.Close)
	t.Cleanup(l.mend)
	l.network = newNetwork(t, server.Listener.Addr())
	args := []string{"webhooks", "add", l.network.url() + "/hook", "--type", "case.changed", "--type", "sync.completed", "--type", "sync.failed"}
	if ordered {
		args = append(args, "--ordered")
	}
	if clinic != "" {
		args = append(args, "--clinic", clinic)
	}
	l.endpoint = w.run(t, "", args...)["id"].(string)
	w.listeners = append(w.listeners, l)
}

// fail begins a fault of the listener itself.
func (l *listener) fail(fault string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mended == nil {
		l.mended = make(chan struct{})
	}
	l.fault = fault
}

// mend ends the fault.
func (l *listener) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mended != nil {
		close(l.mended)
	}
	l.fault, l.mended = "", nil
}

// ServeHTTP takes a message, unless a fault is in the way. Under "halved" and "hanging" it
// takes the message, and nobody learns it.
func (l *listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // torn on the way
	}
	l.mu.Lock()
	fault, mended := l.fault, l.mended
	l.hear(r.Header.Get("webhook-id"), string(body), fault != "unavailable")
	l.mu.Unlock()
	switch fault {
	case "unavailable":
		w.WriteHeader(http.StatusServiceUnavailable)
	case "hanging":
		<-mended
		panic(http.ErrAbortHandler)
	case "halved":
		panic(http.ErrAbortHandler)
	}
}

// hear notes a message.
func (l *listener) hear(id, body string, taken bool) {
	m, known := l.messages[id]
	if known {
		l.again++
		m.taken = m.taken || taken
		if m.body != body {
			l.wrong = append(l.wrong, "message "+id+" came with another body")
		}
		return
	}
	var content told
	if err := json.Unmarshal([]byte(body), &content); err != nil {
		l.wrong = append(l.wrong, "message "+id+": "+err.Error())
		return
	}
	m = &heard{body: body, taken: taken, sync: content.Data.SyncID}
	l.messages[id] = m
	clinic := content.Data.ClinicID
	if before := l.began[clinic]; l.ordered && len(before) > 0 && !l.messages[before[len(before)-1]].taken {
		l.wrong = append(l.wrong, "message "+id+" came before "+before[len(before)-1]+" of the same clinic was taken")
	}
	l.began[clinic] = append(l.began[clinic], id)
	for _, c := range content.Data.Changes {
		change, _ := strconv.ParseInt(c.ID, 10, 64)
		if first, twice := l.changes[change]; twice {
			l.wrong = append(l.wrong, "change "+c.ID+" came in the messages "+first+" and "+id)
		}
		l.changes[change] = id
		l.taken[clinic] = append(l.taken[clinic], change)
	}
}

// A change is one of the feed.
type change struct {
	Clinic string
	ID     int64
}

// requireAllTold waits until all that happened was sent, and fails where a listener did not
// hear of something, heard of it under two ids, or in another order than was promised (R47).
func (w *world) requireAllTold(t *testing.T) {
	t.Helper()
	w.requireLedger(t)
	require.Eventually(t, func() bool {
		w.aDayPasses(t)
		return one[bool](t, w.database, `
			select not exists (select from pims_sync_feed_pending)
				and not exists (select from webhook_deliveries where state = 'pending')
				and not exists (
					select from webhook_endpoints e join pims_sync_feed f on f.position > e.position and f.type = any (e.types)
						and (e.clinic_id is null or e.clinic_id = f.clinic_id))`)
	}, recovery, 200*time.Millisecond, "not everything is sent")
	w.requireNone(t, "an endpoint is disabled", `select id::text from webhook_endpoints where not enabled`)
	w.requireNone(t, "a delivery failed for good", `select id::text from webhook_deliveries where state <> 'delivered'`)
	changes := collect(t, w.database, pgx.RowToStructByPos[change], `
		select f.clinic_id::text, min(e.id) from pims_sync_feed f cross join lateral unnest(f.events) r
		join case_events e on e.id >= lower(r) and e.id < upper(r) and e.clinic_id = f.clinic_id
		where f.type = 'case.changed' group by f.clinic_id, f.position, e.case_id order by f.position, min(e.id)`)
	syncs := column[string](t, w.database, `
		select id::text || ' ' || clinic_id from case_sync_audits where parent_id is null and status in ('completed', 'failed') order by 1`)
	for _, l := range w.listeners {
		l.requireHeard(t, changes, syncs)
	}
}

// aDayPasses makes everything due that waits for its next try.
func (w *world) aDayPasses(t *testing.T) {
	t.Helper()
	for _, sql := range []string{
		`update webhook_deliveries set next_try_at = next_try_at - interval '1 day' where state = 'pending' and tries < 9 and isfinite(next_try_at)`,
		`update webhook_endpoints set not_before = '-infinity' where not_before > now()`,
	} {
		_, err := w.database.pool.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
}

// requireLedger fails where the feed has not exactly the changes that the writers made.
func (w *world) requireLedger(t *testing.T) {
	t.Helper()
	w.requireNone(t, "the feed has not the changes of a case that were made, each once", `
		with made as (select case_id, count(*) as n from chaos_ledger group by 1),
		told as (
			select case_id, count(*) as n from (
				select distinct f.position, e.case_id from pims_sync_feed f cross join lateral unnest(f.events) r
				join case_events e on e.id >= lower(r) and e.id < upper(r) and e.clinic_id = f.clinic_id
				where e.action = 'changed' and e.case_id in (select case_id from made)) x group by 1)
		select made.case_id || ': ' || made.n || ' made, ' || coalesce(told.n, 0) || ' told'
		from made left join told using (case_id) where told.n is distinct from made.n`)
	w.requireNone(t, "events are not in the feed, or twice", `
		select 'events' from case_events having count(*) <> (
			select count(*) from pims_sync_feed f cross join lateral unnest(f.events) r
			join case_events e on e.id >= lower(r) and e.id < upper(r) and e.clinic_id = f.clinic_id)`)
}

// requireHeard compares what arrived with what happened.
func (l *listener) requireHeard(t *testing.T, changes []change, syncs []string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	require.Empty(t, l.wrong)
	expected := make(map[string][]int64)
	for _, c := range changes {
		if l.clinic == "" || l.clinic == c.Clinic {
			expected[c.Clinic] = append(expected[c.Clinic], c.ID)
		}
	}
	for clinic, ids := range expected {
		taken := l.taken[clinic]
		if !l.ordered {
			ids, taken = slices.Sorted(slices.Values(ids)), slices.Sorted(slices.Values(taken))
		}
		require.Len(t, taken, len(ids), "changes of clinic %s", clinic)
		require.True(t, slices.Equal(ids, taken), "the changes of clinic %s did not come, or not in their order", clinic)
	}
	require.Len(t, l.taken, len(expected))
	var ended []string
	for clinic, messages := range l.began {
		for _, id := range messages {
			require.True(t, l.messages[id].taken, "message %s was never taken", id)
			if sync := l.messages[id].sync; sync != "" {
				ended = append(ended, sync+" "+clinic)
			}
		}
	}
	slices.Sort(ended)
	syncs = slices.DeleteFunc(slices.Clone(syncs), func(s string) bool { return l.clinic != "" && s[len(s)-len(l.clinic):] != l.clinic })
	require.Len(t, ended, len(syncs), "syncs that ended")
	require.True(t, slices.Equal(syncs, ended), "not each sync that ended was told, once")
}

// heardOf counts what arrived at all listeners: messages, those that came again, and changes.
func (w *world) heardOf() (messages, again, changes int) {
	for _, l := range w.listeners {
		l.mu.Lock()
		messages, again, changes = messages+len(l.messages), again+l.again, changes+len(l.changes)
		l.mu.Unlock()
	}
	return messages, again, changes
}
