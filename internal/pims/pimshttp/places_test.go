package pimshttp

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestALargeRowWaitsForAPlace(t *testing.T) { // R57
	t.Parallel()
	measure := func(ctx context.Context, length int) (*gauge, error) {
		g := &gauge{source: strings.NewReader(`"` + strings.Repeat("a", length) + `"`), ctx: ctx}
		_, err := io.Copy(io.Discard, g)
		return g, err
	}
	held := 0
	defer func() {
		for range held {
			<-places
		}
	}()
	for range largeAtOnce {
		places <- struct{}{}
		held++
	}
	over, end := context.WithCancel(t.Context())
	end()
	_, err := measure(over, 1000)
	require.NoError(t, err, "a usual row needs none")
	_, err = measure(over, largeBytes)
	require.ErrorIs(t, err, context.Canceled)

	<-places
	held--
	g, err := measure(t.Context(), largeBytes)
	require.NoError(t, err)
	require.True(t, g.placed)
	g.release()
	require.False(t, g.placed)
}
