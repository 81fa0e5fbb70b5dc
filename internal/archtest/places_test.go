package archtest

import (
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	// "`name` in `file.go`", "`name` and `other` in `internal/package`".
	namedIn   = regexp.MustCompile("`([A-Za-z_]\\w*)`(?:,? (?:and|or) `([A-Za-z_]\\w*)`)?,? in `((?:[\\w-]+/)+[\\w-]+(?:\\.go)?|[\\w-]+\\.go)`")
	namedFile = regexp.MustCompile("`((?:[\\w-]+/)*[\\w-]+\\.(?:go|sql|yaml))`")
)

// misplaced returns what a text places in a file or folder in which it is not, and the files that
// do not exist.
func misplaced(text string, files map[string]string) (wrong []string) {
	for _, file := range namedFile.FindAllStringSubmatch(text, -1) {
		if len(under(file[1], files)) == 0 {
			wrong = append(wrong, file[1])
		}
	}
	for _, named := range namedIn.FindAllStringSubmatch(text, -1) {
		content := strings.Join(under(named[3], files), "\n")
		for _, name := range named[1:3] {
			if name != "" && !regexp.MustCompile(`\b`+name+`\b`).MatchString(content) {
				wrong = append(wrong, name+" in "+named[3])
			}
		}
	}
	return wrong
}

// under returns the contents of a file or of the files of a folder, which a page may name by the
// end of its path.
func under(place string, files map[string]string) (contents []string) {
	for name, content := range files {
		if at := "/" + name; strings.HasSuffix(at, "/"+place) || strings.HasSuffix(path.Dir(at), "/"+place) {
			contents = append(contents, content)
		}
	}
	return contents
}

func TestWhatThePagesNameIsWhereTheySay(t *testing.T) {
	t.Parallel()
	files := readCorpus(t)
	read := 0
	for name, text := range files {
		if strings.HasSuffix(name, ".md") && !strings.HasPrefix(name, "docs/decisions/") {
			read++
			require.Empty(t, misplaced(text, files), name)
		}
	}
	require.Greater(t, read, 15)
	page := files["docs/architecture.md"]
	require.Greater(t, len(namedIn.FindAllString(page, -1)), 20)
	require.Greater(t, len(namedFile.FindAllString(page, -1)), 60)
}

func TestAMisplacedNameIsTold(t *testing.T) {
	t.Parallel()
	files := map[string]string{"internal/a/b.go": "var pause = 1", "internal/c/d.go": "func Wait() {}"}
	for text, wrong := range map[string][]string{
		"`pause` in `internal/a/b.go`":                          nil,
		"`pause` in `b.go`":                                     nil,
		"`pause` in `internal/a`":                               nil,
		"`b.go` and `d.go` in `internal/a`":                     nil,
		"`pause` and `Wait` in `internal/a/b.go`":               {"Wait in internal/a/b.go"},
		"`pauses` in `internal/a/b.go`":                         {"pauses in internal/a/b.go"},
		"`pause` in `internal/c/d.go` beside `internal/c/e.go`": {"internal/c/e.go", "pause in internal/c/d.go"},
	} {
		require.Equal(t, wrong, misplaced(text, files), text)
	}
}
