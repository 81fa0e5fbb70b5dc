package api

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/syncs"
)

// What a caller who hangs up interrupts is nobody's error, wherever it happens: in the look
// for the key, or in a read. An operator is not told that the database is unavailable.
func TestACallerWhoHangsUpIsNoError(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(*bench, error){
		"in the look for the key": func(b *bench, err error) { b.keys.err = err },
		"in a read":               func(b *bench, err error) { b.reads.err = err },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			ctx, hangUp := context.WithCancel(t.Context())
			hangUp()
			request := func(ctx context.Context) *httptest.ResponseRecorder {
				r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/api/cases", nil)
				r.Header.Set(keyHeader, b.key)
				w := httptest.NewRecorder()
				b.handler.ServeHTTP(w, r)
				return w
			}
			fail(b, fmt.Errorf("read: %w", context.Canceled))
			require.Equal(t, 499, request(ctx).Code)
			line := b.lines()[0]
			require.Equal(t, "INFO", line["level"])
			require.InDelta(t, 499, line["status"], 0)
			require.NotContains(t, line, "error")
			require.NotContains(t, line, "code")

			fail(b, fmt.Errorf("read: %w", syncs.ErrDatabase)) // the caller is gone, and the database too
			require.Equal(t, http.StatusServiceUnavailable, request(ctx).Code)
			fail(b, fmt.Errorf("read: %w", context.Canceled)) // nobody hung up
			require.Equal(t, http.StatusServiceUnavailable, request(t.Context()).Code)
		})
	}
}
