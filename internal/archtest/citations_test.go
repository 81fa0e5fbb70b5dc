//go:build !race

package archtest

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A corpus is the repository's text: contents by path, slashes on every system.
type corpus map[string]string

// readCorpus reads the files of the repository in which a rule may be cited. It leaves out
// what people do not read: test data kept byte for byte, and generated documents.
func readCorpus(t *testing.T) corpus {
	t.Helper()
	const root = "../.."
	texts := corpus{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if entry.IsDir() {
			if slices.Contains([]string{".git", "bin", "node_modules", "dbsqlc"}, entry.Name()) || strings.HasSuffix(name, "testdata/fuzz") {
				return filepath.SkipDir
			}
			return nil
		}
		if !entry.Type().IsRegular() || !cites(name) {
			return nil
		}
		content, err := os.ReadFile(path)
		texts[name] = string(content)
		return err
	})
	require.NoError(t, err)
	require.Greater(t, len(texts), 300, "the repository was not found")
	return texts
}

// cites reports whether a file's text may cite a rule.
func cites(name string) bool {
	switch filepath.Ext(name) {
	case ".go", ".sql", ".md", ".txtar", ".yaml", ".yml", ".js", ".css", ".tmpl", ".txt":
		return true
	}
	return name == "Makefile" || strings.HasPrefix(name, "scripts/") || strings.HasPrefix(name, ".ci/") || strings.HasPrefix(name, "deploy/")
}

// A citations value knows what can be cited.
type citations struct {
	numbers map[string]bool            // "R21", "W4"
	pages   map[string]map[string]bool // headings by page
}

var (
	ruleHeading = regexp.MustCompile(`(?m)^\*\*([RW]\d{1,2})\. `)
	pageHeading = regexp.MustCompile(`(?m)^#{1,4} (.+?)\s*$`)

	// A rule's number stands in words, or in a list such as "R21, R24".
	ruleNumber = regexp.MustCompile(`\b[RW]\d{1,2}\b`)
	// "docs/interface.md §Codes", "NEO.md §Hosts and login". A line break of a comment
	// may stand within.
	sectionCitation = regexp.MustCompile(`\b(docs/[\w./-]+\.md|[A-Z]+\.md)\s+(?:(?://|--|#)\s*)?§([A-Za-z][^\n.,;:)("§]*)`)
	pageCitation    = regexp.MustCompile(`\bdocs/[\w./-]+\.md\b`)
	outside         = regexp.MustCompile(`\b(?:Workflows §|INTERFACE\b|IDEXX_NEO\b|DESIGN (?:§|R\d)|DESIGN\.md|TECH (?:§|\.md)|STYLE\.md|PROVET\.md)`)
)

// newCitations reads what the repository's pages offer.
func newCitations(texts corpus) citations {
	c := citations{numbers: map[string]bool{}, pages: map[string]map[string]bool{}}
	for _, m := range ruleHeading.FindAllStringSubmatch(texts["docs/rules.md"], -1) {
		c.numbers[m[1]] = true
	}
	for name, text := range texts {
		if filepath.Ext(name) != ".md" {
			continue
		}
		headings := map[string]bool{}
		for _, m := range pageHeading.FindAllStringSubmatch(text, -1) {
			headings[m[1]] = true
		}
		c.pages[name] = headings
		if strings.HasSuffix(name, "/NEO.md") {
			c.pages["NEO.md"] = headings
		}
	}
	return c
}

// broken says, a line each, which citations of a text lead nowhere.
func (c citations) broken(name, text string) []string {
	var found []string
	tell := func(at int, format string, args ...any) {
		line := 1 + strings.Count(text[:at], "\n")
		found = append(found, fmt.Sprintf("%s:%d: ", name, line)+fmt.Sprintf(format, args...))
	}
	for _, at := range ruleNumber.FindAllStringIndex(text, -1) {
		if number := text[at[0]:at[1]]; !c.numbers[number] {
			tell(at[0], "%s is no rule of docs/rules.md", number)
		}
	}
	for _, at := range sectionCitation.FindAllStringSubmatchIndex(text, -1) {
		page, section := text[at[2]:at[3]], text[at[4]:at[5]]
		if !c.hasSection(page, section) {
			tell(at[0], "%s has no section %q", page, strings.TrimSpace(section))
		}
	}
	for _, at := range pageCitation.FindAllStringIndex(text, -1) {
		if page := text[at[0]:at[1]]; c.pages[page] == nil {
			tell(at[0], "there is no %s", page)
		}
	}
	for _, at := range outside.FindAllStringIndex(text, -1) {
		tell(at[0], "%q names a document outside the repository", text[at[0]:at[1]])
	}
	return found
}

// hasSection reports whether a page has a heading with which the cited text begins: what
// follows a citation in the same sentence is part of the match.
func (c citations) hasSection(page, cited string) bool {
	for heading := range c.pages[page] {
		if strings.HasPrefix(cited, heading) {
			return true
		}
	}
	return false
}

func TestEveryCitationResolves(t *testing.T) { // R60
	t.Parallel()
	texts := readCorpus(t)
	c := newCitations(texts)
	count := 0
	for letter, least := range map[string]int{"R": 61, "W": 22} {
		n := 0
		for c.numbers[fmt.Sprintf("%s%d", letter, n+1)] {
			n++
		}
		require.GreaterOrEqual(t, n, least, "docs/rules.md lacks %s%d", letter, n+1)
		count += n
	}
	require.Len(t, c.numbers, count, "a number of docs/rules.md stands after a gap")
	var found []string
	for name, text := range texts {
		if strings.HasSuffix(name, ".min.js") { // of others
			continue
		}
		switch name {
		case "internal/archtest/citations_test.go": // has examples of broken ones
		case "internal/postgres/migrations/00001_initial.sql": // on main before the rules were: never edited
		default:
			found = append(found, c.broken(name, text)...)
		}
	}
	slices.Sort(found)
	require.Empty(t, found, strings.Join(found, "\n"))
}

func TestABrokenCitationIsTold(t *testing.T) { // R60
	t.Parallel()
	c := newCitations(corpus{
		"docs/rules.md":     "**R1. Days.** Text.\n**W1. Keys.** Text.\n",
		"docs/interface.md": "# Names\n\n## Codes\n\n## Fields of a request\n",
		"internal/x/NEO.md": "## Hosts and login\n",
	})
	for text, want := range map[string]string{
		"// R1, W1 and docs/interface.md §Codes are right":                   "",
		"// docs/interface.md §Fields of a request, NEO.md §Hosts and login": "",
		"// see docs/interface.md\n\t// §Codes.":                             "",
		"x\n// R2":                          "a.go:2: R2 is no rule of docs/rules.md",
		"// W2":                             "a.go:1: W2 is no rule of docs/rules.md",
		"// docs/interface.md §Metrics":     `a.go:1: docs/interface.md has no section "Metrics"`,
		"// NEO.md §Calendar":               `a.go:1: NEO.md has no section "Calendar"`,
		"// docs/other.md":                  "a.go:1: there is no docs/other.md",
		"// IDEXX_NEO.md":                   `a.go:1: "IDEXX_NEO" names a document outside the repository`,
		"// Workflows §Logging":             `a.go:1: "Workflows §" names a document outside the repository`,
		"// INTERFACE says":                 `a.go:1: "INTERFACE" names a document outside the repository`,
		"an R1A-form or SR1 is no citation": "",
	} {
		if want == "" {
			require.Empty(t, c.broken("a.go", text), text)
		} else {
			require.Equal(t, []string{want}, c.broken("a.go", text), text)
		}
	}
}
