package systemstore_test

import (
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/postgres/systemstore"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func TestTheInstallationIsRead(t *testing.T) { // R37, R45
	t.Parallel()
	db := pgtest.New(t)
	require.NoError(t, db.Replicas().Seen(t.Context(), "sync-1", []string{"k1"}))
	_, err := db.Pool().Exec(t.Context(), `
		insert into pims_rate_limits (host, next_at) values ('neo.example', now() + interval '2 seconds'), ('old.example', now() - interval '1 hour');
		insert into encryption_keys (key_id, sealed) values ('k1', 'x');
		insert into clinics (id) values ('00000000-0000-0000-0000-00000000000c');
		insert into case_sync_audits (clinic_id, sync_type, status) values
			('00000000-0000-0000-0000-00000000000c', 'inbound', 'queued'), ('00000000-0000-0000-0000-00000000000c', 'cases', 'in_progress'),
			('00000000-0000-0000-0000-00000000000c', 'cases', 'completed')`)
	require.NoError(t, err)
	found, err := systemstore.Read(t.Context(), db)
	require.NoError(t, err)
	require.Equal(t, 1, found.Queued)
	require.Equal(t, 1, found.Running)
	require.False(t, found.Oldest.IsZero())
	require.GreaterOrEqual(t, found.Migration, int64(53))
	require.True(t, found.Walled)
	require.NotEmpty(t, found.Database)
	require.Greater(t, found.Bytes, int64(1<<20))
	require.Len(t, found.Limits, 1, "of hosts that were asked lately")
	require.Equal(t, "neo.example", found.Limits[0].Host)
	require.Len(t, found.Replicas, 1)
	require.Equal(t, []string{"k1"}, found.Replicas[0].Keys)
	require.Equal(t, "k1", found.Keys[0].ID)
}

// A database of which a part is missing was restored by somebody, or its rights were changed: the
// error names what could not be read, and the table.
func TestWhatCannotBeReadIsNamed(t *testing.T) {
	t.Parallel()
	for table, want := range map[string]string{
		"pims_rate_limits": "look at the rate limits",
		"case_sync_audits": "look at the installation",
		"replicas":         "look at the installation",
		"encryption_keys":  "look at the installation",
	} {
		t.Run(table, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t)
			_, err := db.Pool().Exec(t.Context(), "alter table "+table+" rename to elsewhere")
			require.NoError(t, err)
			_, err = systemstore.Read(t.Context(), db)
			require.ErrorContains(t, err, want)
			require.ErrorContains(t, err, table)
		})
	}
}

func TestAReadThatIsGivenUpEnds(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := systemstore.Read(ctx, db)
	require.ErrorIs(t, err, context.Canceled)
}
