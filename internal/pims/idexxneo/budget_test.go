package idexxneo

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims/pimshttp"
)

// fetching keeps so many bytes, as far as its budget lets it, and counts how often it begins.
func fetching(bytes int, begun *int) func(*budget) (int, error) {
	return func(held *budget) (int, error) {
		*begun++
		kept := share{of: held}
		for n := 0; n < bytes; n += 1 << 20 {
			if err := kept.take(1 << 20); err != nil {
				return 0, err
			}
		}
		return bytes, nil
	}
}

func TestALargeFetchWaitsItsTurnAndASmallOneDoesNot(t *testing.T) { // R57
	t.Parallel()
	over, cancel := context.WithCancel(t.Context())
	cancel()
	large <- struct{}{} // another clinic's
	small, waiting := 0, 0
	_, err := budgeted(over, fetching(smallFetch, &small))
	require.NoError(t, err, "a small one waits for nobody")
	for range 32 {
		_, err := budgeted(over, fetching(smallFetch+1, &waiting))
		require.ErrorIs(t, err, context.Canceled, "it waits, until its context ends")
	}
	<-large
	require.Equal(t, []int{1, 32}, []int{small, waiting}, "none of them began anew")

	for bytes, fits := range map[int]bool{smallFetch + 1: true, largeFetch: true, largeFetch + 1: false} {
		begun := 0
		kept, err := budgeted(t.Context(), fetching(bytes, &begun))
		require.Equal(t, 2, begun)
		if fits {
			require.NoError(t, err)
			require.Equal(t, bytes, kept)
		} else {
			require.ErrorIs(t, err, pimshttp.ErrOverLimit)
		}
	}
}
