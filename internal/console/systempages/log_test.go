package systempages

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/access"
)

func TestEveryActionHasItsWords(t *testing.T) { // R44
	t.Parallel()
	seen := map[string]bool{}
	for _, a := range access.Actions() {
		words := actionNames[a]
		require.NotEmpty(t, words, a)
		require.False(t, seen[words], "two actions are called %s", words)
		seen[words] = true
	}
	require.Equal(t, "Plan: look at", actionName("plan.look_at"))
}
