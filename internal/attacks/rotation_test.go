package attacks

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/cli/cliniccmd"
	"github.com/pims-sync/pims-sync/internal/postgres/notifystore"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/postgres/webhookstore"
	"github.com/pims-sync/pims-sync/internal/seal"
	"github.com/pims-sync/pims-sync/internal/secret"
)

var (
	rotationRecords = flag.Int("rotation.records", 100, "how many records are sealed anew")
	rotationKills   = flag.Int("rotation.kills", 2, "how often the rotation is killed")
)

// What a process of this test that rotates gets in its environment.
const (
	rotateDatabase = "ATTACKS_ROTATE_DATABASE"
	rotateKeys     = "ATTACKS_ROTATE_KEYS"
)

// rotate is `keys rotate-encryption` with the database and the keys.
func rotate(ctx context.Context, database, keys string, std cli.Streams) error {
	c := &cli.Config{JSON: true, DatabaseURL: secret.New(database), EncryptionKey: secret.New(keys)}
	return (&cliniccmd.KeysRotateEncryptionCmd{}).Run(ctx, std, c)
}

// runRotation is the program of a process that rotates.
func runRotation() int {
	err := rotate(context.Background(), os.Getenv(rotateDatabase), os.Getenv(rotateKeys), cli.Streams{Out: io.Discard, Err: os.Stderr})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// A rotation of the encryption key that is killed again and again, in the middle of a
// statement or between two, leaves each record sealed with one of the two keys, and the last
// run leaves all of them with the new one.
func TestARotationThatIsKilledLosesNoRecord(t *testing.T) { // R37
	t.Parallel()
	former, present := seal.NewKey(), seal.NewKey()
	v := newVault(t, former)
	both := present + "," + former
	killed := 0
	for i := range *rotationKills {
		at := v.records[(i+1)*len(v.records)/(*rotationKills+1)]
		if !v.killRotation(both, at, i%2 == 0) {
			break // it was quicker than the kill, and all is done
		}
		killed++
		kept := v.read(both)
		require.Positive(t, kept[v.id(present)], "after kill %d", killed)
		require.Equal(t, len(v.records), kept[v.id(present)]+kept[v.id(former)], "after kill %d", killed)
	}
	require.Positive(t, killed)
	before := v.read(both)[v.id(present)]

	var out bytes.Buffer
	require.NoError(t, rotate(t.Context(), v.database, both, cli.Streams{Out: &out, Err: t.Output()}))
	var done struct {
		Rotated, SecretsRotated, LostSessions, LostSecrets int
		Unreadable                                         []any
	}
	require.NoError(t, json.Unmarshal(out.Bytes(), &done), out.String())
	require.Zero(t, done.LostSessions+done.LostSecrets+len(done.Unreadable), out.String())
	require.Equal(t, len(v.records)-before, done.Rotated+done.SecretsRotated)
	require.Equal(t, map[string]int{v.id(present): len(v.records)}, v.read(present), "the former key is needed no more")
	t.Logf("%d records, killed %d times, none is lost", len(v.records), killed)
}

// A vault is a database with sealed records of every kind.
type vault struct {
	*testing.T

	database string
	store    *app.Store
	records  []seal.Record // in the order of a rotation
}

func newVault(t *testing.T, key string) *vault {
	t.Helper()
	v := &vault{T: t, database: pgtest.URL(t)}
	var err error
	v.store, err = app.OpenStore(t.Context(), app.Settings{DatabaseURL: secret.New(v.database)}, slog.New(slog.DiscardHandler), 0)
	require.NoError(t, err)
	t.Cleanup(v.store.Close)
	ring := v.ring(key)
	require.NoError(t, ring.Verify(t.Context(), v.store.Keys()))
	v.fill(ring, *rotationRecords/5)
	for _, of := range v.stores(ring) {
		v.each(of, func(r seal.Record) { v.records = append(v.records, r) })
	}
	require.Len(t, v.records, *rotationRecords/5*5)
	return v
}

// fill adds so many records of each of the five kinds.
func (v *vault) fill(ring *seal.Keyring, each int) {
	v.Helper()
	const provider = "idexx_neo"
	rows := map[string][][]any{}
	for range each {
		clinic, credential, endpoint, secretID, channel, sync := uuid.New(), uuid.New(), uuid.New(), uuid.New(), uuid.New(), uuid.New()
		sealed := func(about seal.Subject) []byte {
			blob, err := ring.Seal(fmt.Append(nil, about), about)
			require.NoError(v, err)
			return blob
		}
		add := func(table string, row ...any) { rows[table] = append(rows[table], row) }
		add("clinics", clinic, "Harbor Lights", "UTC")
		add(seal.CredentialsTable, credential, clinic, provider, sealed(seal.Subject{Table: seal.CredentialsTable, ClinicID: clinic, Provider: provider, RowID: credential}))
		add(seal.SessionsTable, clinic, credential, sealed(seal.Subject{Table: seal.SessionsTable, ClinicID: clinic, Provider: provider, RowID: credential}), v.store.Now(), v.store.Now())
		add("webhook_endpoints", endpoint, "https://events.example/hook", []string{"*"})
		add(webhookstore.SecretsTable, secretID, endpoint, sealed(seal.Subject{Table: webhookstore.SecretsTable, ClinicID: endpoint, RowID: secretID}))
		add(notifystore.ChannelsTable, channel, "slack", sealed(seal.Subject{Table: notifystore.ChannelsTable, ClinicID: channel, RowID: channel}), v.store.Now())
		add("recordings", sync, clinic, "inbound", "completed", 1, 1, sealed(seal.Subject{Table: "recordings", ClinicID: clinic, RowID: sync}))
	}
	for _, table := range []struct {
		name    string
		columns []string
	}{
		{"clinics", []string{"id", "name", "timezone"}},
		{seal.CredentialsTable, []string{"id", "clinic_id", "provider", "sealed"}},
		{seal.SessionsTable, []string{"clinic_id", "credential_id", "sealed", "logged_in_at", "used_at"}},
		{"webhook_endpoints", []string{"id", "url", "types"}},
		{webhookstore.SecretsTable, []string{"id", "endpoint_id", "sealed"}},
		{notifystore.ChannelsTable, []string{"id", "kind", "sealed", "created_at"}},
		{"recordings", []string{"id", "clinic_id", "sync_type", "status", "requests", "bytes", "sealed"}},
	} {
		_, err := v.store.Pool().CopyFrom(v.Context(), pgx.Identifier{table.name}, table.columns, pgx.CopyFromRows(rows[table.name]))
		require.NoError(v, err, table.name)
	}
}

// killRotation starts a process that rotates and kills it while its statement waits for the
// record at, or as soon as it has gone on from there. It reports whether the process was
// killed before its end.
func (v *vault) killRotation(keys string, at seal.Record, waiting bool) bool {
	v.Helper()
	tx, err := v.store.Pool().Begin(v.Context())
	require.NoError(v, err)
	defer tx.Rollback(context.WithoutCancel(v.Context())) //nolint:errcheck // it ends either way
	key := "id"
	if at.Table == seal.SessionsTable {
		key = "credential_id"
	}
	_, err = tx.Exec(v.Context(), "select from "+at.Table+" where "+key+" = $1 for update", at.RowID)
	require.NoError(v, err)

	process := exec.CommandContext(v.Context(), os.Args[0])
	process.Env = append(os.Environ(), rotateDatabase+"="+v.database, rotateKeys+"="+keys)
	process.Stderr = v.Output()
	require.NoError(v, process.Start())
	ended := make(chan error, 1)
	go func() { ended <- process.Wait() }()
	for !v.blocked() {
		require.Empty(v, ended, "the rotation ended before it came to its record")
	}
	if !waiting {
		require.NoError(v, tx.Rollback(v.Context()))
	}
	_ = process.Process.Kill() // it may have ended
	err = <-ended
	_ = tx.Rollback(v.Context())
	for v.blocked() { // until the server knows that nobody waits
	}
	if err == nil {
		return false
	}
	require.ErrorContains(v, err, "killed")
	return true
}

// blocked reports whether a statement in the database waits for a lock.
func (v *vault) blocked() (is bool) {
	v.Helper()
	require.NoError(v, v.store.Pool().QueryRow(v.Context(),
		"select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')").Scan(&is))
	return is
}

// read opens every record and returns how many each key seals. A record that no key opens,
// or that holds another text than was sealed, fails the test.
func (v *vault) read(keys string) map[string]int {
	v.Helper()
	ring, counts, n := v.ring(keys), map[string]int{}, 0
	for _, of := range v.stores(ring) {
		v.each(of, func(r seal.Record) {
			plain, err := ring.Open(r.Sealed, r.Subject)
			require.NoError(v, err)
			require.Equal(v, fmt.Sprint(r.Subject), string(plain))
			id, err := seal.KeyID(r.Sealed)
			require.NoError(v, err)
			counts[id]++
			n++
		})
	}
	require.Equal(v, len(v.records), n)
	return counts
}

// stores lists what holds sealed records, in the order of a rotation.
func (v *vault) stores(ring *seal.Keyring) []seal.Store {
	return []seal.Store{v.store.Seals(), app.Webhooks(v.store, ring), app.Notifications(v.store, ring), app.Recordings(v.store, ring)}
}

func (v *vault) each(of seal.Store, do func(seal.Record)) {
	v.Helper()
	for after := uuid.Nil; ; {
		page, err := of.SealedRecords(v.Context(), after, 200)
		require.NoError(v, err)
		if len(page) == 0 {
			return
		}
		for _, r := range page {
			do(r)
		}
		after = page[len(page)-1].ClinicID
	}
}

func (v *vault) ring(keys string) *seal.Keyring {
	v.Helper()
	ring, err := seal.ParseKeyring(keys)
	require.NoError(v, err)
	return ring
}

// id returns the id of a key.
func (v *vault) id(key string) string { return v.ring(key).KeyIDs()[0] }
