package attacks

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/syncs"
)

const (
	large  = 20      // rows of each list
	size   = 1 << 20 // of what each row holds
	spread = 4       // how much longer JSON is than what is stored, at most
	memory = 256 << 20
)

// A clinic fills its rows with the longest texts that a PIMS may send, and asks for eight
// lists at the same time.
func TestEightListsOfTheLargestRowsAreShortPagesAndLittleMemory(t *testing.T) { // R38, R57
	t.Parallel()
	w := newWorld(t)
	w.exec(`insert into cases (clinic_id, pims_id, patient_name, status, scheduled_date, metadata)
		select $1, i::text, 'Bella', 'draft', now() - make_interval(mins => i), jsonb_build_object('consultation', jsonb_build_object('rawNotes', repeat('n', $3 - i)))
		from generate_series(1, $2) i`, w.clinic, large, size)
	var one string
	require.NoError(t, w.store.Pool().QueryRow(t.Context(), "select id from cases where pims_id = '1'").Scan(&one))
	for i := range large {
		w.exec("update cases set metadata = jsonb_build_object('consultation', jsonb_build_object('rawNotes', repeat('m', $2::int))) where id = $1", one, size/2-i)
	}
	w.exec(`insert into case_sync_audits (clinic_id, sync_type, status, result, started_at, completed_at)
		select $1, 'cases', 'completed', jsonb_build_object('failures', jsonb_build_array(jsonb_build_object('caseId', gen_random_uuid(), 'error', repeat('e', $3)))), now(), now()
		from generate_series(1, $2) i`, w.clinic, large, size)
	w.exec(`insert into deletion_plans (clinic_id, sync_id, sync_type, code, reason, window_start, window_end, status, cases, evidence, created_at, expires_at)
		select $1, (select id from case_sync_audits limit 1), 'reconciliation', 'deletion_guard', repeat('r', $3), '2026-01-17', '2026-01-18', 'superseded', '[]', '{}', now() - make_interval(mins => i), now()
		from generate_series(1, $2) i`, w.clinic, large, size)
	w.exec(`insert into operator_events (at, who_kind, who_name, origin, action, clinic_id, record_kind, record_id, after, outcome, code)
		select now(), 'os_user', 'root', 'command line', 'clinic.set', $1, '', '', jsonb_build_object('name', repeat('v', $3)), 'done', ''
		from generate_series(1, $2) i`, w.clinic, large, size)

	lists := []struct {
		path, cursor, key string
		rows              int
	}{
		{"/api/cases?limit=200", "cursor", w.key, large},
		{"/api/cases/" + one + "/history?limit=200", "cursor", w.key, large + 1},
		{"/api/changes?limit=1000&include=case", "after", w.key, 2 * large},
		{"/api/syncs?limit=200", "cursor", w.key, large},
		{"/api/syncs?limit=200", "cursor", w.fleet, large},
		{"/api/plans?limit=200", "cursor", w.key, large},
		{"/api/plans?limit=200", "cursor", w.fleet, large},
		{"/api/operator-events?limit=200", "cursor", w.fleet, large},
	}
	most := watchMemory(t)
	var all sync.WaitGroup
	type walked struct {
		ids     []any
		largest int
	}
	walks := make([]walked, len(lists))
	for i, list := range lists {
		all.Go(func() { walks[i].ids, walks[i].largest = w.walk(list.path, list.cursor, list.key) })
	}
	all.Wait()
	for i, list := range lists {
		ids, largest := walks[i].ids, walks[i].largest
		seen := make(map[any]bool, len(ids))
		for _, id := range ids {
			seen[id] = true
		}
		require.Len(t, ids, list.rows, list.path)
		require.Len(t, seen, list.rows, "%s: each row comes once", list.path)
		require.Less(t, largest, spread*syncs.MaxPageBytes, list.path)
		t.Logf("%-60s %3d rows, largest page %d KiB", list.path, len(ids), largest>>10)
	}
	grown := most()
	t.Logf("grew by %d MiB", grown>>20)
	require.Less(t, grown, int64(memory))
}

// watchMemory returns what tells by how much the process grew at most since then.
func watchMemory(t *testing.T) func() int64 {
	t.Helper()
	began := resident(t)
	var most atomic.Int64
	ended := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			most.Store(max(most.Load(), resident(t)))
			select {
			case <-ended:
				return
			case <-tick.C:
			}
		}
	})
	return func() int64 {
		close(ended)
		watching.Wait()
		return most.Load() - began
	}
}

func resident(t *testing.T) int64 {
	t.Helper()
	statm, err := os.ReadFile("/proc/self/statm")
	require.NoError(t, err)
	pages, err := strconv.ParseInt(strings.Fields(string(statm))[1], 10, 64)
	require.NoError(t, err)
	return pages * int64(os.Getpagesize())
}

// letters are so many as are read. They take no memory, which the test beside measures.
type letters struct{}

func (letters) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'n'
	}
	return len(p), nil
}

func TestATextOf60MiBIsRefusedAndOneOverItsLimitNamesItsField(t *testing.T) { // R38
	t.Parallel()
	w := newWorld(t)
	text := io.MultiReader(strings.NewReader(`{"name":"`), io.LimitReader(letters{}, 60<<20), strings.NewReader(`","timezone":"UTC"}`))
	status, body := w.sendFrom(http.MethodPost, "/api/clinics", w.fleet, text)
	require.Equal(t, http.StatusRequestEntityTooLarge, status, "%.300s", body)

	clinicPath := "/api/clinics/" + w.clinic.String()
	for _, sent := range []struct{ method, path, body, field string }{
		{http.MethodPost, "/api/clinics", `{"name":%q,"timezone":"UTC"}`, "name"},
		{http.MethodPatch, clinicPath, `{"name":%q}`, "name"},
		{http.MethodPost, clinicPath + "/keys", `{"name":%q}`, "name"},
		{http.MethodPost, clinicPath + "/status-links", `{"name":%q}`, "name"},
		{http.MethodPost, "/api/fleet-keys", `{"name":%q,"scope":"fleet:read"}`, "name"},
		{http.MethodPost, "/api/people", `{"email":"ada@example.com","name":%q}`, "name"},
		{http.MethodPost, "/api/people", `{"email":%q}`, "email"},
		{http.MethodPost, "/api/webhooks", `{"url":"https://example.com/hooks","description":%q}`, "description"},
		{http.MethodPost, "/api/webhooks", `{"url":%q}`, "url"},
		{http.MethodPost, "/api/notifications", `{"type":"slack","url":"https://example.com/hooks","name":%q}`, "name"},
		{http.MethodPost, "/api/notifications", `{"type":"email","email":%q}`, "email"},
		{http.MethodPut, clinicPath + "/settings", `{"statuses":{%q:"completed"}}`, "statuses"},
		{http.MethodPut, clinicPath + "/credentials", `{"provider":"idexx_neo","fields":{"username":"u","password":%q}}`, "password"},
	} {
		status, body := w.send(sent.method, sent.path, w.fleet, fmt.Sprintf(sent.body, strings.Repeat("n", 3000)))
		require.Equal(t, http.StatusBadRequest, status, "%s: %s", sent.path, body)
		require.Contains(t, string(body), `"field":"`+sent.field, "%s %s", sent.path, sent.field)
		require.Less(t, len(body), 1000, "%s: the value is not repeated", sent.path)
	}
}
