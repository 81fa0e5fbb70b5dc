//go:build !race

package archtest

import (
	"errors"
	"fmt"
	"strings"
)

// The markers in docs/architecture.md between which the rule is shown.
const (
	tableBegin = "<!-- import-rule:begin -->\n"
	tableEnd   = "<!-- import-rule:end -->"
)

// table is the rule as a Markdown table.
func (r rule) table() string {
	var b strings.Builder
	b.WriteString("| package | may import, of ours | owns, of others' |\n|---|---|---|\n")
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

// withTable puts a table between the markers of a document.
func withTable(document, table string) (string, error) {
	before, rest, begun := strings.Cut(document, tableBegin)
	_, after, ended := strings.Cut(rest, tableEnd)
	if !begun || !ended {
		return "", errors.New("the document lacks the lines " + strings.TrimSpace(tableBegin) + " and " + tableEnd)
	}
	return before + tableBegin + table + tableEnd + after, nil
}
