//go:build !race

package archtest

import (
	"errors"
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
)

// The markers in docs/architecture.md between which the generated tables stand.
const (
	tableBegin    = "<!-- import-rule:begin -->\n"
	tableEnd      = "<!-- import-rule:end -->"
	packagesBegin = "<!-- packages:begin -->\n"
	packagesEnd   = "<!-- packages:end -->"
)

// packages is a Markdown table of what each package is for: the first sentence of its
// documentation.
func (r rule) packages(root string) (string, error) {
	var b strings.Builder
	b.WriteString("| package | |\n|---|---|\n")
	for _, l := range r {
		sentence, err := synopsis(filepath.Join(root, l.pkg))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "| `%s` | %s |\n", l.pkg, sentence)
	}
	return b.String(), nil
}

// synopsis returns the first sentence of a package's documentation, without the package's
// name.
func synopsis(dir string) (string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return "", err
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			return "", err
		}
		if ast.IsGenerated(file) {
			return "generated from SQL by sqlc", nil
		}
		if file.Doc != nil {
			sentence := new(doc.Package).Synopsis(file.Doc.Text())
			return packageName.ReplaceAllString(sentence, ""), nil
		}
	}
	return "", fmt.Errorf("package %s has no documentation", dir)
}

var packageName = regexp.MustCompile(`^(Package|Command) \S+ `)

// table is the rule as a Markdown table.
func (r rule) table() string {
	var b strings.Builder
	b.WriteString("| package | our packages it may import | third-party libraries it may import |\n|---|---|---|\n")
	for _, l := range r {
		ours := names(l.ours, "internal/")
		if l.joinsAll {
			ours = "all but those for tests"
		}
		suffix := ""
		if l.testsOnly {
			suffix = " (tests only)"
		}
		fmt.Fprintf(&b, "| `%s`%s | %s | %s |\n", l.pkg, suffix, ours, names(l.libraries, "github.com/"))
	}
	return b.String()
}

// names lists paths for a reader: as code, without their common beginning.
func names(paths []string, beginning string) string {
	if len(paths) == 0 {
		return "–"
	}
	quoted := make([]string, len(paths))
	for i, path := range paths {
		quoted[i] = "`" + strings.TrimPrefix(path, beginning) + "`"
	}
	return strings.Join(quoted, ", ")
}

// between puts a table between two markers of a document.
func between(begin, end, document, table string) (string, error) {
	before, rest, begun := strings.Cut(document, begin)
	_, after, ended := strings.Cut(rest, end)
	if !begun || !ended {
		return "", errors.New("the document lacks the lines " + strings.TrimSpace(begin) + " and " + end)
	}
	return before + begin + table + end + after, nil
}
