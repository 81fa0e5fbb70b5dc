package syncs_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/syncs"
)

func TestASyncIsFollowedToItsEndThroughErrors(t *testing.T) {
	t.Parallel()
	away := errors.New("the database is away")
	looks := []struct {
		status syncs.Status
		err    error
	}{
		{status: syncs.StatusQueued},
		{err: away},
		{status: syncs.StatusInProgress},
		{status: syncs.StatusCompleted},
		{status: syncs.StatusCompleted}, // nobody looks again
	}
	var seen []syncs.Status
	var errs []error
	n := 0
	for now, err := range syncs.Follow(t.Context(), time.Millisecond, func(context.Context) (syncs.Audit, error) {
		look := looks[n]
		n++
		return syncs.Audit{Status: look.status}, look.err
	}) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		seen = append(seen, now.Status)
	}
	require.Equal(t, []syncs.Status{syncs.StatusQueued, syncs.StatusInProgress, syncs.StatusCompleted}, seen)
	require.Equal(t, []error{away}, errs)
	require.Equal(t, 4, n)
}

func TestFollowingASyncEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	yielded := 0
	for _, err := range syncs.Follow(ctx, time.Hour, func(ctx context.Context) (syncs.Audit, error) {
		cancel()
		<-ctx.Done()
		return syncs.Audit{Status: syncs.StatusInProgress}, nil
	}) {
		require.NoError(t, err)
		yielded++
	}
	require.Equal(t, 1, yielded)
	for _, err := range syncs.Follow(ctx, time.Hour, nil) {
		t.Fatal("the context has ended", err)
	}
}
