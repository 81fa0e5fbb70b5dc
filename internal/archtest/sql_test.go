//go:build !race

package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// sqlInGo says for each package with statements in its Go text why they are not in
// queries/*.sql, from which sqlc generates code. A new package needs a line here, or
// queries of its own as fleetstore has.
var sqlInGo = map[string]string{
	"internal/postgres":                "the scope and the fence of a transaction travel in a batch; migrations and the server's own tables",
	"internal/postgres/casestore":      "bulk statements with unnest, and statements that are put together from parts",
	"internal/postgres/clinicstore":    "statements whose plan is forced, and one that takes the table's name",
	"internal/postgres/driftstore":     "bulk statements with unnest",
	"internal/postgres/doctorstore":    "the server's own views and settings",
	"internal/postgres/feedstore":      "statements that are put together from parts, and ranges",
	"internal/postgres/leavestore":     "one JSON text for each record, and counts of every table of the walls",
	"internal/postgres/notifystore":    "bulk statements with unnest, and statements that are put together from parts",
	"internal/postgres/oplog":          "one insert and one list, whose filters may be absent",
	"internal/postgres/recordingstore": "one table, with the column that internal/sealed names",
	"internal/postgres/retention":      "steps that call the database's functions, or remove rows by ctid",
	"internal/postgres/syncstore":      "bulk statements with unnest, and advisory locks",
	"internal/postgres/systemstore":    "the server's own settings",
	"internal/postgres/volumestore":    "statements that are put together from parts, and JSON of any shape",
	"internal/postgres/walls":          "roles, policies and grants, with names that are settings",
	"internal/postgres/webhookstore":   "statements that are put together from parts, and locks that skip rows",
	"internal/queue":                   "River's tables, which sqlc does not know",
}

var statement = regexp.MustCompile(`(?is)^\s*(?:with\s+\w+\s+(?:\([^)]*\)\s*)?as\s+(?:not\s+)?(?:materialized\s*)?\(|select\s.+\sfrom\s+[\w(]|insert\s+into\s+\w+|update\s+\w+\s+(?:\w+\s+)?set\s|delete\s+from\s+\w+)`)

// hasStatement reports whether a text of a Go file begins with a statement.
func hasStatement(t *testing.T, path string) (found bool) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	require.NoError(t, err)
	ast.Inspect(file, func(n ast.Node) bool {
		if text, ok := n.(*ast.BasicLit); ok && text.Kind == token.STRING {
			value, err := strconv.Unquote(text.Value)
			found = found || err == nil && statement.MatchString(value)
		}
		return !found
	})
	return found
}

func TestStatementsInGoTextStandWhereThereIsAReason(t *testing.T) {
	t.Parallel()
	found := make(map[string]string) // by package: a file that has one
	for _, top := range []string{"internal", "cmd"} {
		require.NoError(t, filepath.WalkDir(filepath.Join(root, top), func(path string, _ fs.DirEntry, err error) error {
			name := filepath.ToSlash(path)
			if err != nil || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, ".sql.go") {
				return err
			}
			if hasStatement(t, path) {
				pkg := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), root+"/")
				found[pkg] = filepath.Base(path)
			}
			return nil
		}))
	}
	for pkg, file := range found {
		require.Contains(t, sqlInGo, pkg, "%s/%s has a statement: put it into a store below internal/postgres, into its queries/*.sql, or say in sqlInGo why not", pkg, file)
	}
	for pkg := range sqlInGo {
		require.Contains(t, found, pkg, "%s has no statement in its Go text any more: take its line out of sqlInGo", pkg)
	}
}
