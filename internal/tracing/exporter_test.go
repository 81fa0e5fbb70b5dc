package tracing

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// script is a collector that answers these errors in turn.
type script []error

func (s *script) ExportSpans(context.Context, []sdk.ReadOnlySpan) error {
	next := (*s)[0]
	*s = (*s)[1:]
	return next
}

func (s *script) Shutdown(context.Context) error { return nil }

func TestATroubleIsLoggedWhenItBeginsAndWhenItEnds(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	trouble := errors.New(strings.Repeat("the collector answers a page ", 100))
	e := newExporter(&script{nil, trouble, trouble, nil, nil, trouble}, slog.New(slog.NewJSONHandler(&log, nil)))
	defer e.abandon()
	for range 6 {
		require.NoError(t, e.ExportSpans(t.Context(), nil), "the process's global handler would be told")
	}
	require.Equal(t, 2, strings.Count(log.String(), "Traces cannot be sent to the collector"))
	require.Equal(t, 1, strings.Count(log.String(), "Traces are sent to the collector again"))
	require.Less(t, log.Len(), 1500)
}
