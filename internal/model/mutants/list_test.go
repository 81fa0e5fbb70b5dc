package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEachMutantIsAnotherAndTakesItsConditionFromTheSourceAsItIs(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	var faults []string // all of them, so that one run tells which entries to mend
	for _, m := range mutants() {
		source, err := os.ReadFile(filepath.Join("..", "..", "..", filepath.FromSlash(m.file)))
		require.NoError(t, err)
		name := m.rule + ": " + m.name
		if n := strings.Count(string(source), m.old); n != 1 {
			faults = append(faults, fmt.Sprintf("%s: %s has the text %d times, not once", name, m.file, n))
		}
		if m.old == m.new {
			faults = append(faults, name+": the mutant is the source as it is")
		}
		if seen[name] {
			faults = append(faults, name+": two mutants are called so")
		}
		seen[name] = true
	}
	require.Empty(t, faults, strings.Join(faults, "\n"))
	require.Greater(t, len(seen), 15)
}
