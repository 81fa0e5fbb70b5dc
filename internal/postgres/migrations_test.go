package postgres_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A migration that is on main has run somewhere: a change of it would run nowhere. A new one
// gets a line by: cd internal/postgres/migrations && sha256sum NAME >> ../testdata/migrations.sha256
func TestAMigrationThatLandedStaysAsItIs(t *testing.T) {
	t.Parallel()
	file, err := os.Open("testdata/migrations.sha256")
	require.NoError(t, err)
	defer file.Close()
	want := map[string]string{}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		sum, name, ok := strings.Cut(lines.Text(), "  ")
		require.True(t, ok, lines.Text())
		require.NotContains(t, want, name)
		want[name] = sum
	}
	require.NoError(t, lines.Err())
	names, err := filepath.Glob("migrations/*.sql")
	require.NoError(t, err)
	got := map[string]string{}
	for _, name := range names {
		content, err := os.ReadFile(name)
		require.NoError(t, err)
		sum := sha256.Sum256(content)
		got[filepath.Base(name)] = hex.EncodeToString(sum[:])
	}
	require.Equal(t, want, got)
}
