package pimstest_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheGuidesCodeIsCompiledCode(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("example_*test.go")
	require.NoError(t, err)
	require.Len(t, files, 3)
	var compiled strings.Builder
	for _, file := range append(files, filepath.Join("..", "..", "app", "providers.go")) {
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		compiled.Write(source)
	}
	guide, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "adding-a-provider.md"))
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(guide), -1)
	require.GreaterOrEqual(t, len(blocks), 5)
	for _, block := range blocks {
		require.Contains(t, compiled.String(), block[1], "docs/adding-a-provider.md shows code that is not in the example")
	}
}
