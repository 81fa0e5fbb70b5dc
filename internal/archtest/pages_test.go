package archtest

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var namespace = regexp.MustCompile(`"namespace", "pims-sync:([a-z]+)"`)

func TestThePageOfNamesListsEveryNamespaceOfTheLog(t *testing.T) { // docs/interface.md §Logs
	t.Parallel()
	files := readCorpus(t)
	_, section, found := strings.Cut(files["docs/interface.md"], "\n## Logs\n")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n## ")
	used := make(map[string]bool)
	for name, text := range files {
		if strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			for _, n := range namespace.FindAllStringSubmatch(text, -1) {
				used[n[1]] = true
			}
		}
	}
	require.Greater(t, len(used), 8)
	for name := range used {
		require.Contains(t, section, "`"+name+"`")
	}
}

var code = regexp.MustCompile(`\bCode\w* +Code = "([a-z_]+)"`)

func TestThePagesListEveryCode(t *testing.T) { // docs/interface.md §Codes
	t.Parallel()
	files := readCorpus(t)
	codes := code.FindAllStringSubmatch(files["internal/syncs/failure.go"], -1)
	require.Greater(t, len(codes), 30)
	for _, c := range codes {
		for _, page := range []string{"docs/interface.md", "docs/operations.md", "docs/api.md"} {
			if c[1] == "not_taken" && page == "docs/api.md" { // no response has it
				continue
			}
			require.Contains(t, files[page], "`"+c[1]+"`", page)
		}
	}
}
