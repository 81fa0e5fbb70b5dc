package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/syncs"
)

// observed is one request as Options.Observe was told of it.
type observed struct {
	Route, Method string
	Status        int
}

// newChain makes a chain that others than the API use, and what it observes and logs.
func newChain(t *testing.T) (http.Handler, *[]observed, *bytes.Buffer) {
	t.Helper()
	var seen []observed
	var log bytes.Buffer
	return New(Options{
		Observe: func(route, method string, status int, _ time.Duration) {
			seen = append(seen, observed{route, method, status})
		},
		Logger: slog.New(slog.NewJSONHandler(&log, nil)),
		Now:    func() time.Time { return testTime },
	},
		Mount{"/plain", Get(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "plain") }))},
		Mount{"/rooms/{name}", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { panic("Zanzibar in " + r.PathValue("name")) })},
		Mount{"/console/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			EntryOf(r.Context()).Route = "/console/{page}"
			w.Header().Set("Content-Security-Policy", "default-src 'self'")
		})},
	), &seen, &log
}

func TestWhatACallerWaitsForIsNoPartOfTheWork(t *testing.T) {
	t.Parallel()
	now := testTime
	var took time.Duration
	handler := New(Options{
		Observe: func(_, _ string, _ int, d time.Duration) { took = d },
		Logger:  slog.New(slog.DiscardHandler), Now: func() time.Time { return now },
	}, Mount{"/page", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		now = now.Add(31 * time.Second)
		EntryOf(r.Context()).Waited(30 * time.Second)
	})})
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/page", nil))
	require.Equal(t, time.Second, took)
}

func TestEveryMountIsBehindTheOneChain(t *testing.T) {
	t.Parallel()
	handler, seen, log := newChain(t)
	for _, test := range []struct {
		method, target string
		want           observed
	}{
		{"GET", "/plain", observed{"/plain", "GET", 200}},
		{"HEAD", "/plain", observed{"/plain", "HEAD", 200}},
		{"POST", "/plain", observed{"/plain", "POST", 405}},
		{"GET", "/rooms/Zanzibar", observed{"/rooms/{name}", "GET", 500}},
		{"GET", "/rooms", observed{"unmatched", "GET", 404}},
		{"BREW", "/Zanzibar", observed{"unmatched", "other", 404}},
		{"GET", "/console", observed{"/console/", "GET", 307}}, // ServeMux adds the slash
		{"GET", "/console/Zanzibar", observed{"/console/{page}", "GET", 200}},
		{"GET", "/console//Zanzibar", observed{"unmatched", "GET", 404}},
		{"GET", "/plain/", observed{"unmatched", "GET", 404}},
	} {
		*seen = nil
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), test.method, test.target, nil))
		require.Equal(t, []observed{test.want}, *seen, test.target)
		require.Equal(t, test.want.Status, w.Code, test.target)
		require.NotEmpty(t, w.Header().Get("X-Request-Id"), test.target)
		require.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"), test.target)
		if w.Code >= 400 {
			var body Problem
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &struct {
				*Problem
				Timestamp any `json:"timestamp"`
			}{Problem: &body}), test.target)
			require.NotEmpty(t, body.Code)
		}
	}
	require.NotContains(t, log.String(), "Zanzibar")
}

func TestAMountMayHaveAPolicyOfItsOwn(t *testing.T) {
	t.Parallel()
	handler, _, _ := newChain(t)
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/console/", nil))
	require.Equal(t, "default-src 'self'", w.Header().Get("Content-Security-Policy"))
}

func TestNoMountReadsABodyWithoutEnd(t *testing.T) {
	t.Parallel()
	handler := New(Options{}, Mount{"/hooks", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			Fail(w, r, syncs.Fail(CodeBodyTooLarge, "the body is too large"), nil)
		}
	})})
	for size, status := range map[int]int{MaxBody: http.StatusOK, MaxBody + 1: http.StatusRequestEntityTooLarge} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/hooks", strings.NewReader(strings.Repeat("x", size))))
		require.Equal(t, status, w.Code, size)
	}
}

func TestTwoMountsOfOnePatternAreRefusedAtTheStart(t *testing.T) {
	t.Parallel()
	mount := Mount{"/hooks/{secret}", http.NotFoundHandler()}
	require.Panics(t, func() { New(Options{}, mount, mount) })
}

// A page that hides the cause of its failure tells the chain of it. Where the cause is that
// the caller hung up, it is no error.
func TestACallerWhoHangsUpOnAPageIsNoError(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		cause  error
		status int
		level  string
	}{
		"the caller hung up":                {fmt.Errorf("read: %w", context.Canceled), 499, "INFO"},
		"the caller hung up, and it failed": {syncs.ErrDatabase, 500, "ERROR"},
	} {
		var log bytes.Buffer
		var seen int
		handler := New(Options{
			Observe: func(_, _ string, status int, _ time.Duration) { seen = status },
			Logger:  slog.New(slog.NewJSONHandler(&log, nil)),
			Now:     func() time.Time { return testTime },
		}, Mount{"/page", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			EntryOf(r.Context()).Cause = test.cause
			w.WriteHeader(http.StatusInternalServerError)
		})})
		ctx, hangUp := context.WithCancel(t.Context())
		hangUp()
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/page", nil))
		require.Equal(t, test.status, seen, name)
		var line map[string]any
		require.NoError(t, json.Unmarshal(log.Bytes(), &line), name)
		require.Equal(t, test.level, line["level"], name)
		require.InDelta(t, test.status, line["status"], 0, name)
		require.Equal(t, test.status == 500, line["error"] != nil, name)
	}
}
