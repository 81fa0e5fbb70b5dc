package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/api/sample"
	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/web"
)

// Every code of docs/interface.md §Codes, as it stands there.
const interfaceCodes = `unauthorized 401 · invalid_request 400 · forbidden 403 · not_found 404 · sync_running, credentials_missing, credentials_invalid, credentials_suspended, timezone_missing, already_decided 409 · cursor_expired 410 · body_too_large 413 · deletion_guard, schedule_shift_guard, pims_wrong_practice, snapshot_unsound, snapshot_incomplete, drift_guard, idempotency_mismatch, too_many_rows 422 · rate_limited 429 · pims_auth_rejected, pims_auth_challenge, login_form_changed, pims_unreachable, pims_error, pims_rate_limited, schema_drift, auth_expired, not_taken 502 · browser_unavailable, database_unavailable, draining, interrupted 503 · timeout 504 · cancelled 409 · internal 500 · method_not_allowed 405`

func TestEveryCodeHasItsStatus(t *testing.T) {
	t.Parallel()
	want := map[syncs.Code]int{}
	for group := range strings.SplitSeq(interfaceCodes, " · ") {
		i := strings.LastIndex(group, " ")
		var status int
		_, err := fmt.Sscan(group[i+1:], &status)
		require.NoError(t, err)
		for code := range strings.SplitSeq(group[:i], ", ") {
			want[syncs.Code(code)] = status
		}
	}
	statuses := map[syncs.Code]int{}
	for _, code := range web.Codes() {
		statuses[code] = web.StatusOf(code)
	}
	require.Equal(t, want, statuses)
	require.Equal(t, http.StatusInternalServerError, web.StatusOf("a_code_of_tomorrow"))
}

func TestASyncThatFailedAnswersTheStatusOfItsCodeWhateverItIs(t *testing.T) { // R38
	t.Parallel()
	for _, code := range slices.DeleteFunc(web.StartCodes(), func(c syncs.Code) bool { return !web.EndsSync(c) }) {
		b := newBench(t)
		b.endsAtOnce(func(audit *syncs.Audit) {
			audit.Status = syncs.StatusFailed
			audit.Result.Code, audit.Result.Error = code, "what happened"
		})
		for _, path := range []string{"inbound", "cases", "reconcile", "full"} {
			a := b.post("/api/sync/"+path, "")
			require.Equal(t, web.StatusOf(code), a.Code)
			require.Equal(t, false, a.body["success"])
			require.Equal(t, string(code), a.body["code"])
			require.Equal(t, "what happened", a.body["error"])
		}
	}
}

func TestAnUnknownPathIsNotFoundInJSON(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, target := range []string{
		"/nothing", "/api", "/api/", "/api/sync", "/api/sync/other", "/api/syncs/", "//api/syncs", "/api//syncs", "/api/./syncs", "/api/x/../syncs",
		"/api/syncs/%2e%2e/cases", "/API/syncs", "/health/", "/docs/", "/openapi.yaml", "/openapi-3.0.json", "/schemas/Problem.json", "/favicon.ico",
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
			b.do(method, target, "").refused(http.StatusNotFound, syncs.CodeNotFound, "")
		}
	}
}

func TestAMalformedIDIsLikeAnUnknownOne(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	unknown := b.get("/api/syncs/" + uuid.NewString()).Body.String()
	id := sample.SyncID.String()
	b.syncs.put(&syncs.Audit{ID: sample.SyncID, ClinicID: b.reads.owner.ID, Type: syncs.TypeInbound, Status: syncs.StatusQueued, Trigger: syncs.TriggerAPI})
	require.Equal(t, http.StatusOK, b.get("/api/syncs/"+id).Code)
	for _, malformed := range []string{
		"1", "nonsense", strings.ReplaceAll(id, "-", ""), "urn:uuid:" + id, "%7B" + id + "%7D", id + "0", id[1:], "%00", "%FF", id + "%20", "a%2Fb", strings.Repeat("9", 5000),
	} {
		a := b.get("/api/syncs/" + malformed)
		a.refused(http.StatusNotFound, syncs.CodeNotFound, "")
		require.JSONEq(t, unknown, a.Body.String())
	}
}

func TestAMethodThatAPathDoesNotKnowIsToldThoseThatItKnows(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for path, allow := range map[string]string{
		"/api/sync/inbound": "POST", "/api/syncs": "GET, HEAD", "/api/syncs/" + uuid.NewString() + "/cancel": "POST",
		"/health": "GET, HEAD", "/docs": "GET, HEAD", "/": "GET, HEAD",
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions, "BREW"} {
			if slices.Contains(strings.Split(allow, ", "), method) {
				continue
			}
			a := b.do(method, path, "", withoutKey)
			a.refused(http.StatusMethodNotAllowed, web.CodeMethodNotAllowed, "")
			require.Equal(t, allow, a.Header().Get("Allow"))
		}
	}
}

func TestWhoMayGetMayHead(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	require.Equal(t, http.StatusOK, b.do(http.MethodHead, "/health", "").Code)
	require.Equal(t, http.StatusUnauthorized, b.do(http.MethodHead, "/api/syncs", "", withoutKey).Code)
}

func TestAPanicIsAnInternalErrorThatShowsNothing(t *testing.T) {
	t.Parallel()
	for name, panics := range map[string]func(){
		"a text":          func() { panic("patient " + secret) },
		"an error":        func() { panic(errors.New("patient " + secret)) },
		"a runtime error": func() { _ = []int{}[len(secret)] },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.syncs.onStart = unlocking(b.syncs, panics)
			a := b.post("/api/sync/inbound", "")
			a.refused(http.StatusInternalServerError, syncs.CodeInternal, "")
			require.NotContains(t, a.Body.String(), secret)

			lines := b.lines()
			require.Len(t, lines, 2)
			require.Equal(t, "Request panicked", lines[0]["msg"])
			require.Contains(t, lines[0]["stack"], "serve_test.go")
			require.Equal(t, "ERROR", lines[1]["level"])
			require.NotContains(t, b.log.String(), secret)
			require.Equal(t, a.Header().Get("X-Request-Id"), lines[0]["request_id"])
		})
	}
}

// unlocking lets a fake panic without its lock.
func unlocking(f *fakeSyncs, panics func()) func(*syncs.Audit) error {
	return func(*syncs.Audit) error {
		f.mu.Unlock()
		defer f.mu.Lock()
		panics()
		return nil
	}
}

func TestAPanicAfterTheAnswerHasBegunBreaksTheConnection(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *benchSettings) {
		o.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "half of ")
			panic("the answer")
		})
	})
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil)
	require.PanicsWithValue(t, http.ErrAbortHandler, func() { b.handler.ServeHTTP(httptest.NewRecorder(), r) })
	require.Equal(t, "Request panicked", b.lines()[0]["msg"])
}

func TestAnAbortedHandlerIsLeftToTheServer(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *benchSettings) {
		o.Metrics = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	})
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil)
	require.PanicsWithValue(t, http.ErrAbortHandler, func() { b.handler.ServeHTTP(httptest.NewRecorder(), r) })
	require.Empty(t, b.log.String())
}

func TestWhatCannotBeEncodedIsAnInternalError(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	record := *sample.Record()
	record.Metadata = []byte(`{"broken":`)
	b.reads.records = map[uuid.UUID]cases.Record{record.ID: record}
	b.get("/api/cases/"+record.ID.String()).refused(http.StatusInternalServerError, syncs.CodeInternal, "")
	require.Contains(t, b.lines()[0]["error"], "encoding the answer")
}

func TestInternalErrorsAreLoggedAndNotShown(t *testing.T) { // R38
	t.Parallel()
	b := newBench(t)
	b.reads.err = fmt.Errorf("scanning row 7 of cases: %w", errors.New("cannot scan"))
	a := b.get("/api/cases")
	a.refused(http.StatusInternalServerError, syncs.CodeInternal, "")
	require.NotContains(t, a.Body.String(), "scan")
	line := b.lines()[0]
	require.Equal(t, "ERROR", line["level"])
	require.Equal(t, "scanning row 7 of cases: cannot scan", line["error"])
	require.Equal(t, a.Header().Get("X-Request-Id"), line["request_id"])
}

func TestEveryAnswerCarriesTheSecurityHeaders(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, target := range []string{"/api/syncs", "/api/nothing", "/health", "/docs", "/openapi.json", "/metrics", "/"} {
		header := b.get(target).Header()
		require.Equal(t, "nosniff", header.Get("X-Content-Type-Options"), target)
		require.Equal(t, "no-referrer", header.Get("Referrer-Policy"), target)
		require.Equal(t, "DENY", header.Get("X-Frame-Options"), target)
		require.Contains(t, header.Get("Content-Security-Policy"), "default-src 'none'", target)
		require.NotEmpty(t, header.Get("X-Request-Id"), target)
		require.Empty(t, header.Get("Access-Control-Allow-Origin"), target)
	}
	require.Equal(t, "no-store", b.get("/api/syncs").Header().Get("Cache-Control"))
	require.Equal(t, "no-store", b.get("/api/syncs", withoutKey).Header().Get("Cache-Control"))
	require.Equal(t, "no-store", b.get("/health").Header().Get("Cache-Control"))
}

func TestARequestIsOneLineOfLogInTheSpecifiedForm(t *testing.T) { // W20, R40
	t.Parallel()
	b := newBench(t)
	b.endsAtOnce(func(*syncs.Audit) {})
	a := b.post("/api/sync/inbound", `{"startDate":"2026-01-17"}`, withHeader("Idempotency-Key", secret))
	lines := b.lines()
	require.Len(t, lines, 1)
	delete(lines[0], "time")
	require.Equal(t, map[string]any{
		"level": "INFO", "msg": "Request served", "namespace": "pims-sync:api",
		"request_id": a.Header().Get("X-Request-Id"), "method": "POST", "route": "/api/sync/inbound", "status": 200.0, "duration_ms": 0.0,
		"remote": "192.0.2.1", "clinic_id": b.reads.owner.ID.String(), "sync_id": a.body["syncId"],
	}, lines[0])
}

func TestTheLogHoldsNeitherKeysNorQueriesNorPaths(t *testing.T) { // R40
	t.Parallel()
	b := newBench(t)
	b.get("/api/cases?status=" + secret)
	b.get("/api/cases?" + secret + "=1")
	b.get("/" + secret)
	b.get("/api/syncs/" + secret)
	b.do(secret, "/api/syncs", "")
	b.get("/api/syncs", withKey(secret))
	b.post("/api/sync/inbound", `{"`+secret+`":"`+secret+`"}`)
	require.NotContains(t, b.log.String(), secret)
	require.NotContains(t, b.log.String(), b.key)
	require.Len(t, b.lines(), 7)
}

func TestTheLevelOfALineSaysWhoShouldCare(t *testing.T) {
	t.Parallel()
	for want, request := range map[string]func(*bench) answer{
		"DEBUG": func(b *bench) answer { return b.get("/health") },
		"INFO":  func(b *bench) answer { return b.get("/api/syncs?x=1") },
		"WARN":  func(b *bench) answer { return b.get("/api/syncs", withoutKey) },
		"ERROR": func(b *bench) answer { b.ready.err = syncs.ErrDatabase; return b.get("/ready") },
	} {
		b := newBench(t)
		request(b)
		require.Equal(t, want, b.lines()[0]["level"])
	}
}

func TestTheAPIWorksWithoutALogger(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	web.New(web.Options{}, New(Options{})...).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/health", nil))
	require.Equal(t, http.StatusOK, w.Code)
}

// Over a real connection: the call waits longer than any reading deadline that a
// library might set, and the caller's hanging up ends the wait and not the sync.
func TestOverARealConnectionHangingUpEndsTheWaitAndNotTheSync(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	srv := httptest.NewServer(b.handler)
	t.Cleanup(srv.Close)
	ctx, hangUp := context.WithTimeout(t.Context(), time.Minute)
	defer hangUp()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, srv.URL+"/api/sync/inbound", strings.NewReader(`{}`))
	require.NoError(t, err)
	r.Header.Set(keyHeader, b.key)
	r.Header.Set("Content-Type", "application/json")
	failed := make(chan error)
	go func() {
		response, err := srv.Client().Do(r)
		if err == nil {
			response.Body.Close()
		}
		failed <- err
	}()
	id := <-b.syncs.waiting
	hangUp()
	require.ErrorIs(t, <-failed, context.Canceled)
	require.Empty(t, b.syncs.actors)

	b.syncs.end(id, complete)
	require.Equal(t, "completed", b.get("/api/syncs/" + id.String()).body["status"])
}

func TestAllCodesOfASyncAreKnown(t *testing.T) {
	t.Parallel()
	// What Explain makes of errors must be in the table, or it would be a 500.
	for _, err := range []error{
		clinic.ErrDisabled, clinic.ErrTimezoneMissing, syncs.ErrTimeout, syncs.ErrCancelled, syncs.ErrShutdown, syncs.ErrLeaseLost,
	} {
		require.Contains(t, web.Codes(), casesync.Explain(err).Code)
	}
}

func TestANotFoundSaysWhatThereIsNot(t *testing.T) { // R38
	t.Parallel()
	b := newBench(t)
	admin := b.fleetKeys.add(access.FleetKey{Scope: access.FleetAdmin}, nil)
	here, none := "/api/clinics/"+b.reads.owner.ID.String(), uuid.NewString()
	for path, want := range map[string]string{
		"/api/clinics/" + none:                      "there is no clinic of this id here",
		"/api/clinics/" + none + "/cases/" + none:   "there is no clinic of this id here",
		"/api/clinics/nonsense/cases/" + none:       "there is no clinic of this id here",
		here + "/cases/" + none:                     "there is no case of this id here",
		here + "/cases/nonsense":                    "there is no case of this id here",
		here + "/syncs/" + none:                     "there is no sync of this id here",
		here + "/plans/" + none:                     "there is no plan of this id here",
		here + "/recordings/nonsense":               "there is no recording of this id here",
		"/api/webhooks/nonsense":                    "there is no webhook endpoint of this id here",
		"/api/notifications/nonsense":               "there is no notification channel of this id here",
		"/api/nothing":                              web.NotFoundText,
		"/api/clinics/" + none + "/nothing/" + none: web.NotFoundText,
	} {
		a := b.get(path, withKey(admin))
		a.refused(http.StatusNotFound, syncs.CodeNotFound, "")
		require.Equal(t, want, a.body["error"], path)
	}
}
