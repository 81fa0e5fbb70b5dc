// Package attacks plays what a hostile tenant, PIMS or network does to a whole server, and
// measures what it costs the others. The package is for tests only.
package attacks

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/postgres/fleetstore"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/seal"
	"github.com/pims-sync/pims-sync/internal/secret"
)

func TestMain(m *testing.M) {
	if os.Getenv(rotateDatabase) != "" {
		os.Exit(runRotation())
	}
	os.Exit(pgtest.Main(m))
}

// A world is a server with one clinic, its key, and a fleet key that may do everything.
type world struct {
	*testing.T

	url    string
	store  *app.Store
	clinic uuid.UUID
	key    string
	fleet  string
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
	running, err := app.StartServer(context.WithoutCancel(t.Context()), settings, store, log, app.ServerOptions{Listener: listener, Wait: time.Second})
	require.NoError(t, err)
	t.Cleanup(running.Close)
	w := &world{T: t, url: running.URL(), store: store}
	require.NoError(t, store.Pool().QueryRow(t.Context(), "insert into clinics (name, timezone) values ('Harbor Lights', 'UTC') returning id").Scan(&w.clinic))
	row, key := clinic.IssueKey(w.clinic, "test", []clinic.Scope{clinic.ScopeAll}, time.Time{}, time.Now())
	_, err = store.Keys().AddKey(t.Context(), row)
	require.NoError(t, err)
	fleetRow, fleetKey := access.IssueFleetKey(access.FleetKey{Name: "test", Scope: access.FleetAdmin}, time.Now())
	_, err = fleetstore.New(store.DB).AddFleetKey(t.Context(), fleetRow)
	require.NoError(t, err)
	w.key, w.fleet = key, fleetKey
	return w
}

func (w *world) exec(sql string, args ...any) {
	w.Helper()
	_, err := w.store.Pool().Exec(w.Context(), sql, args...)
	require.NoError(w, err, sql)
}

// send sends a request and returns status and body.
func (w *world) send(method, path, key, body string) (int, []byte) {
	w.Helper()
	if body == "" {
		return w.sendFrom(method, path, key, nil)
	}
	return w.sendFrom(method, path, key, strings.NewReader(body))
}

// sendFrom is send with a body that is read as it is sent, or without one.
func (w *world) sendFrom(method, path, key string, body io.Reader) (int, []byte) {
	w.Helper()
	r, err := http.NewRequestWithContext(w.Context(), method, w.url+path, body)
	require.NoError(w, err)
	r.Header.Set("X-API-Key", key)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	response, err := http.DefaultClient.Do(r)
	require.NoError(w, err)
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	require.NoError(w, err)
	return response.StatusCode, answer
}

// A part is a page of a list or of the feed.
type part struct {
	Items      []json.RawMessage
	NextCursor *string
	Cursor     string
	More       bool
}

// walk reads a list to its end and returns the ids of its items and the size of the largest
// page.
func (w *world) walk(path, cursor, key string) (ids []any, largest int) {
	w.Helper()
	for next := ""; ; {
		status, body := w.send(http.MethodGet, path+next, key, "")
		require.Equal(w, http.StatusOK, status, "%s: %.300s", path, body)
		largest = max(largest, len(body))
		var page part
		require.NoError(w, json.Unmarshal(body, &page))
		for _, item := range page.Items {
			var of struct{ ID any }
			require.NoError(w, json.Unmarshal(item, &of))
			if of.ID == nil { // an event of a case's history: its text is its own
				of.ID = sha256.Sum256(item)
			}
			ids = append(ids, of.ID)
		}
		switch {
		case page.NextCursor != nil:
			next = "&" + cursor + "=" + *page.NextCursor
		case page.More:
			next = "&" + cursor + "=" + page.Cursor
		default:
			return ids, largest
		}
		require.NotEmpty(w, page.Items, "%s: a page is empty with more to come", path)
	}
}
