package postgres_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
)

func TestReplicasThatLackAnEncryptionKeyAreNamed(t *testing.T) { // R37
	t.Parallel()
	replicas := pgtest.New(t).Replicas()
	lacking := func(keyID string, within time.Duration) []string {
		names, err := replicas.Lacking(t.Context(), keyID, within)
		require.NoError(t, err)
		return names
	}
	require.NoError(t, replicas.Seen(t.Context(), "both", []string{"new", "old"}))
	require.NoError(t, replicas.Seen(t.Context(), "late", []string{"old"}))
	require.NoError(t, replicas.Seen(t.Context(), "bare", nil))

	require.Equal(t, []string{"bare", "late"}, lacking("new", time.Minute))
	require.Equal(t, []string{"bare"}, lacking("old", time.Minute))
	require.Empty(t, lacking("new", 0), "who is silent for long counts no more")

	require.NoError(t, replicas.Seen(t.Context(), "late", []string{"new", "old"}))
	require.NoError(t, replicas.Gone(t.Context(), "bare"))
	require.Empty(t, lacking("new", time.Minute))
}
