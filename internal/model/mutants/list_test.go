package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEachMutantIsAnotherAndTakesItsConditionFromTheSourceAsItIs(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, m := range mutants() {
		source, err := os.ReadFile(filepath.Join("..", "..", "..", filepath.FromSlash(m.file)))
		require.NoError(t, err)
		assert.Equal(t, 1, strings.Count(string(source), m.old), "%s: %s: how often %s has the text", m.rule, m.name, m.file)
		assert.NotEqual(t, m.old, m.new, m.name)
		assert.False(t, seen[m.rule+m.name], "two mutants are called %s: %s", m.rule, m.name)
		seen[m.rule+m.name] = true
	}
	require.Greater(t, len(seen), 15)
}
