package access_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/access"
)

func TestARecordWithoutAnIDIsNone(t *testing.T) { // R44
	t.Parallel()
	id := uuid.New()
	require.Equal(t, access.Record{Kind: "sync", ID: id.String()}, access.RecordOf("sync", id))
	require.Equal(t, access.Record{}, access.RecordOf("sync", uuid.Nil), "a sync that was refused has no page")
}

func TestTheListOfActionsHasEachActionThatIsDeclared(t *testing.T) { // R44
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "events.go", nil, 0)
	require.NoError(t, err)
	var declared []access.Action
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Action" {
			word, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			declared = append(declared, access.Action(word))
		}
		return true
	})
	slices.Sort(declared)
	require.Equal(t, declared, access.Actions())
	require.True(t, access.PlanApprove.Known())
	require.False(t, access.Action("plan.burn").Known())
}
