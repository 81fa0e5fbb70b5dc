package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestASecretInTheArgumentsIsRefused(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"serve", "--encryption-key", "k1:abc"},
		{"serve", "--encryption-key=k1:abc"},
		{"serve", "--database-url", "postgres://u:hunter2@db/x"},
		{"--database-url=postgres://u:hunter2@db/x", "serve"},
		{"migrate", "--migrate-database-url", "postgres://db/x?password=hunter2"},
		{"migrate", "--migrate-database-url", "host=db password=hunter2"},
		{"migrate", "--database-url", "u:hunter2@db"},
	} {
		err := RefuseSecrets(args)
		require.ErrorContains(t, err, "every user of this machine", args)
		require.NotContains(t, err.Error(), "hunter2")
	}
	for _, args := range [][]string{
		{"serve", "--encryption-key-file", "/run/secrets/key"},
		{"serve", "--database-url", "postgres://u@db/x?sslmode=verify-full"},
		{"serve", "--database-url", "host=/run/postgresql"},
		{"clinic", "list", "--", "--encryption-key"},
	} {
		require.NoError(t, RefuseSecrets(args), args)
	}
}

func TestASecretIsReadFromItsFile(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(name, []byte("postgres://u:p@db/x\n"), 0o600))
	c := Config{SecretFiles: SecretFiles{DatabaseURLFile: name}}
	require.NoError(t, c.ReadSecrets())
	require.Equal(t, "postgres://u:p@db/x", c.DatabaseURL.Reveal())
	require.ErrorContains(t, c.ReadSecrets(), "both DATABASE_URL and DATABASE_URL_FILE are set")

	c = Config{SecretFiles: SecretFiles{EncryptionKeyFile: name + ".not"}}
	require.ErrorContains(t, c.ReadSecrets(), "ENCRYPTION_KEY_FILE: open")
	require.NoError(t, os.WriteFile(name, []byte("\n"), 0o600))
	c = Config{SecretFiles: SecretFiles{MigrateURLFile: name}}
	require.ErrorContains(t, c.ReadSecrets(), "is empty")
}
