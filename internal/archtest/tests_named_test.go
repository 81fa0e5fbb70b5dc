//go:build !race

package archtest

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	namedTest   = regexp.MustCompile("`(?:Test|Benchmark|Fuzz)[A-Z]\\w+`")
	namedTarget = regexp.MustCompile("`make ([a-z][a-z-]*)")
	namedFolder = regexp.MustCompile("`internal/[\\w/]+`")
)

// What a page names as a proof exists: a page that promises a test that is gone says nothing.
func TestWhatThePagesNameAsAProofExists(t *testing.T) {
	t.Parallel()
	texts := readCorpus(t)
	var code strings.Builder
	for name, text := range texts {
		if strings.HasSuffix(name, "_test.go") {
			code.WriteString(text)
		}
	}
	makefile, tests := texts["Makefile"], 0
	for name, text := range texts {
		if !strings.HasPrefix(name, "docs/") || strings.HasPrefix(name, "docs/decisions/") {
			continue
		}
		for _, test := range namedTest.FindAllString(text, -1) {
			require.Contains(t, code.String(), "func "+strings.Trim(test, "`")+"(", name)
			tests++
		}
		for _, target := range namedTarget.FindAllStringSubmatch(text, -1) {
			require.Contains(t, makefile, "\n"+target[1]+":", name)
		}
		for _, folder := range namedFolder.FindAllString(text, -1) {
			_, err := os.Stat("../../" + strings.Trim(folder, "`"))
			require.NoError(t, err, name)
		}
	}
	require.Greater(t, tests, 60)
}
