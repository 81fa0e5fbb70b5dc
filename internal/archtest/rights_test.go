//go:build !race

package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	makesTable  = regexp.MustCompile(`(?i)create\s+(?:unlogged\s+)?table\s+(?:if\s+not\s+exists\s+)?(?:public\.)?([a-z_]+)`)
	rightsTable = regexp.MustCompile(`\{Name: "([a-z_]+)"`)
)

// The database tells more (internal/postgres/walls); this tells it without a database.
func TestEachTableOfAMigrationHasItsLineInTheRights(t *testing.T) { // R45
	t.Parallel()
	rights, err := os.ReadFile(filepath.Join(root, "internal/postgres/walls/rights.go"))
	require.NoError(t, err)
	has := make(map[string]bool)
	for _, m := range rightsTable.FindAllSubmatch(rights, -1) {
		has[string(m[1])] = true
	}
	files, err := filepath.Glob(filepath.Join(root, "internal/postgres/migrations/*.sql"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range makesTable.FindAllSubmatch(text, -1) {
			require.True(t, has[string(m[1])], "%s makes the table %s: say in internal/postgres/walls/rights.go what each role may do with it",
				filepath.Base(file), m[1])
		}
	}
}
