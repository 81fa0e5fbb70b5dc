package api

import (
	"context"
	"net/http"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/web"
)

// traced is one request as Options.Trace was told of it.
type traced struct {
	Operation, Parent string
	Answer            web.Answer
}

type tracedKey struct{}

// startingIn tells in which context a sync is started.
type startingIn struct {
	Syncs
	told func(context.Context)
}

func (s startingIn) Start(ctx context.Context, request syncs.Request, key string) (syncs.Audit, error) {
	s.told(ctx)
	return s.Syncs.Start(ctx, request, key)
}

// tracing makes a bench whose API is traced. Starting is told in which context a sync
// is started; nil: nobody is.
func tracing(t *testing.T, starting func(context.Context)) (*bench, *[]traced) {
	t.Helper()
	var seen []traced
	b := newBench(t, func(o *benchSettings) {
		if starting != nil {
			o.Syncs = startingIn{o.Syncs, starting}
		}
		o.Trace = func(ctx context.Context, operation string, header http.Header) (context.Context, func(web.Answer)) {
			return context.WithValue(ctx, tracedKey{}, operation), func(a web.Answer) {
				seen = append(seen, traced{operation, header.Get("Traceparent"), a})
			}
		}
	})
	return b, &seen
}

func TestARequestIsTracedByItsPatternWithWhatItWasAnswered(t *testing.T) {
	t.Parallel()
	b, seen := tracing(t, nil)
	b.endsAtOnce(func(audit *syncs.Audit) { audit.Status = syncs.StatusCompleted })
	started := b.post("/api/sync/full", "", withHeader("Traceparent", "00-of-the-caller"))
	require.Equal(t, http.StatusOK, started.Code)
	unknown := "/api/syncs/" + uuid.NewString()
	require.Equal(t, http.StatusNotFound, b.get(unknown).Code)
	require.Equal(t, http.StatusUnauthorized, b.get("/api/cases?from=2026-01-01", withoutKey).Code)

	require.Len(t, *seen, 3)
	full, missing, refused := (*seen)[0], (*seen)[1], (*seen)[2]
	require.Equal(t, "POST /api/sync/full", full.Operation)
	require.Equal(t, "00-of-the-caller", full.Parent)
	require.Equal(t, http.StatusOK, full.Answer.Status)
	require.NotEqual(t, uuid.Nil, full.Answer.ClinicID)
	require.Equal(t, started.body["syncId"], full.Answer.SyncID.String())
	require.Empty(t, full.Answer.Code)
	require.Equal(t, traced{"GET /api/syncs/{id}", "", web.Answer{
		Status: http.StatusNotFound, ClinicID: full.Answer.ClinicID, SyncID: missing.Answer.SyncID, Code: syncs.CodeNotFound,
	}}, missing)
	require.Equal(t, traced{"GET /api/cases", "", web.Answer{Status: http.StatusUnauthorized, Code: web.CodeUnauthorized}}, refused)
}

func TestTheTracesContextReachesTheQueue(t *testing.T) {
	t.Parallel()
	var operation any
	b, _ := tracing(t, func(ctx context.Context) { operation = ctx.Value(tracedKey{}) })
	b.post("/api/sync/inbound", "", withHeader("Prefer", "respond-async"))
	require.Equal(t, "POST /api/sync/inbound", operation)
}

func TestARequestThatPanicsIsTracedAsAnInternalError(t *testing.T) {
	t.Parallel()
	b, seen := tracing(t, func(context.Context) { panic("a mistake") })
	require.Equal(t, http.StatusInternalServerError, b.post("/api/sync/inbound", "").Code)
	require.Len(t, *seen, 1)
	require.Equal(t, http.StatusInternalServerError, (*seen)[0].Answer.Status)
	require.Equal(t, syncs.CodeInternal, (*seen)[0].Answer.Code)
}

func TestWhatNeedsNoKeyIsNotTraced(t *testing.T) {
	t.Parallel()
	b, seen := tracing(t, nil)
	for _, path := range []string{"/health", "/ready", "/metrics", "/openapi.json", "/docs", "/api/Nakamura", "/"} {
		b.get(path, withoutKey)
	}
	require.Empty(t, *seen)
}
