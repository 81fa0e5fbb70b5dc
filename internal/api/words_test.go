package api

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A word that syncs can say and the description does not have makes generated clients
// raise. So the description's closed sets are held against the constants of their types.
func TestTheDescriptionHasEveryWordOfTheDomain(t *testing.T) {
	t.Parallel()
	words := wordsOf(t, "../syncs")
	schemas := describe(&server{}).Describe().Components.Schemas.Map()
	for property, typ := range map[string]string{
		"SyncRecord.type": "Type", "SyncRecord.status": "Status", "SyncRecord.trigger": "Trigger", "ItemFailure.code": "ItemCode",
		"Change.action": "Action", "PlanRecord.status": "PlanStatus", "PlanRecord.syncType": "Type", "Execution.status": "Status",
	} {
		require.NotEmpty(t, words[typ], "syncs has no constants of type %s", typ)
		schema, field, _ := strings.Cut(property, ".")
		require.ElementsMatch(t, words[typ], schemas[schema].Properties[field].Enum, "%s and syncs.%s", property, typ)
	}
}

// wordsOf are the typed text constants of a package, by type.
func wordsOf(t *testing.T, folder string) map[string][]any {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	require.NoError(t, err)
	words := map[string][]any{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(file, func(node ast.Node) bool {
			spec, ok := node.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			typ, named := spec.Type.(*ast.Ident)
			value, literal := spec.Values[0].(*ast.BasicLit)
			if named && literal && value.Kind == token.STRING {
				word, err := strconv.Unquote(value.Value)
				require.NoError(t, err)
				words[typ.Name] = append(words[typ.Name], word)
			}
			return true
		})
	}
	return words
}
