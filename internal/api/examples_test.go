package api

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A block of JSON in docs/api.md names its operation and status after the word json, which
// GitHub does not show. Other pages may do the same.
var exampleBlock = regexp.MustCompile("(?m)^```json(?: ([A-Z]+) (\\S+) (\\d+))?\n((?:[^`].*\n)+)```$")

func TestTheExamplesOfTheDocumentationAreWhatTheDescriptionAllows(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("../../docs/*.md")
	require.NoError(t, err)
	checked := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		blocks := exampleBlock.FindAllStringSubmatch(string(text), -1)
		require.Len(t, blocks, strings.Count(string(text), "\n```json"), "%s: a block of JSON is not read", page)
		for _, block := range blocks {
			method, path, status := block[1], block[2], block[3]
			if filepath.Base(page) == "api.md" {
				require.NotEmpty(t, method, "name the operation and the status of\n%s", block[4])
			}
			if method == "" {
				continue
			}
			code, err := strconv.Atoi(status)
			require.NoError(t, err)
			require.NoError(t, contract().CheckExample(method, path, code, []byte(block[4])), "%s: %s %s %s\n%s", page, method, path, status, block[4])
			checked++
		}
	}
	require.GreaterOrEqual(t, checked, 20)
}
