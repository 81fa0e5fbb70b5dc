package main

import (
	"fmt"
	"maps"
	"regexp"
	"strings"
)

// A placeholder is what a page shows of one run and what is another in the next.
// Everything else that a page shows must come word for word, but for the width of
// blanks and for blank lines. A line "…" stands for any lines, and "…" within a line
// for any text.
type placeholder struct {
	name    string
	pattern string
	bound   bool // the same text in the page is the same text in the run, also in later commands
}

// thePlaceholders are tried in this order.
var thePlaceholders = []placeholder{
	{"an id", `[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`, true},
	{"an API key", `\b[a-z2-7]{8}_pims_live_(?:…|[A-Za-z0-9]+)`, true},
	{"a timestamp", `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z`, false},
	{"a moment", `(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) )?\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?(?: (?:[A-Z]{3,4}|[+-]\d\d(?:\d\d)?)\b)?`, false},
	{"a date", `\d{4}-\d\d-\d\d`, false},
	{"a duration in JSON", `"durationMs":\d+`, false},
	{"a duration", `\b(?:\d+h)?(?:\d+m)?\d+(?:\.\d+)?(?:ms| s\b|s\b)`, false},
	{"counts of visits that have begun", `casesFound \d+, casesEnriched \d+, casesUnchanged \d+, casesSkipped \d+`, false},
	{"a count of candidates", `casesChecked \d+`, false},
	{"a count of candidates, in words", `of \d+ cases|more than the \d+ that|and more than half of \d+`, false},
	{"a user", `\S+ on the command line`, false},
}

// anything is what stands for any text, in a page.
const anything = "…"

// bindings are the texts of a page that have become others in this run.
type bindings map[string]string

// in replaces what is bound in a text of the page.
func (b bindings) in(text string) string {
	for from, to := range b {
		text = strings.ReplaceAll(text, from, to)
	}
	return text
}

// A mismatch is the line of a page that the run does not show, counted from 0.
type mismatch struct {
	line int
	want string
}

func (m *mismatch) Error() string {
	if m.want == "" {
		return "the command prints more than the page shows"
	}
	return fmt.Sprintf("the command does not print this line: %s", m.want)
}

// comparePage looks for what a page shows in what a command printed, and binds what is
// another text in this run.
func comparePage(shown []string, printed string, known bindings) (bindings, error) {
	c := pageMatch{known: known}
	for i, line := range shown {
		if line = squeeze(line); line != "" {
			c.shown, c.numbers = append(c.shown, line), append(c.numbers, i)
		}
	}
	for line := range strings.Lines(printed) {
		if line = squeeze(line); line != "" {
			c.printed = append(c.printed, line)
		}
	}
	if found, ok := c.match(0, 0, bindings{}); ok {
		return found, nil
	}
	if c.furthest == len(c.shown) {
		return nil, &mismatch{line: len(shown)}
	}
	return nil, &mismatch{c.numbers[c.furthest], c.shown[c.furthest]}
}

// squeeze makes every run of blanks one blank.
func squeeze(line string) string { return strings.Join(strings.Fields(line), " ") }

type pageMatch struct {
	known          bindings
	shown, printed []string
	numbers        []int // where the shown lines are in the block
	furthest       int
}

// match matches the shown lines from i on with the printed ones from j on.
func (c *pageMatch) match(i, j int, found bindings) (bindings, bool) {
	c.furthest = max(c.furthest, i)
	switch {
	case i == len(c.shown):
		return found, j == len(c.printed)
	case c.shown[i] == anything:
		for ; j <= len(c.printed); j++ {
			if all, ok := c.match(i+1, j, found); ok {
				return all, true
			}
		}
		return nil, false
	case j == len(c.printed):
		return nil, false
	}
	more, ok := c.line(c.shown[i], c.printed[j], found)
	if !ok {
		return nil, false
	}
	return c.match(i+1, j+1, more)
}

var anyPlaceholder = func() *regexp.Regexp {
	patterns := make([]string, len(thePlaceholders))
	for i, p := range thePlaceholders {
		patterns[i] = "(" + p.pattern + ")"
	}
	return regexp.MustCompile(strings.Join(patterns, "|") + "|(" + anything + ")")
}()

// line matches one line, and adds what it binds.
func (c *pageMatch) line(shown, printed string, found bindings) (bindings, bool) {
	var pattern strings.Builder
	var bind []string
	at := 0
	pattern.WriteString("^")
	for _, where := range anyPlaceholder.FindAllStringSubmatchIndex(shown, -1) {
		pattern.WriteString(regexp.QuoteMeta(c.known.in(shown[at:where[0]])))
		text := shown[where[0]:where[1]]
		at = where[1]
		switch p := which(where); {
		case p == nil:
			pattern.WriteString(".*")
		case !p.bound:
			pattern.WriteString("(?:" + p.pattern + ")")
		case c.known[text] != "":
			pattern.WriteString(regexp.QuoteMeta(c.known[text]))
		case found[text] != "":
			pattern.WriteString(regexp.QuoteMeta(found[text]))
		default:
			pattern.WriteString("(" + p.pattern + ")")
			bind = append(bind, text)
		}
	}
	pattern.WriteString(regexp.QuoteMeta(c.known.in(shown[at:])) + "$")
	groups := regexp.MustCompile(pattern.String()).FindStringSubmatch(printed)
	if groups == nil {
		return nil, false
	}
	all := maps.Clone(found)
	for i, text := range bind {
		if was, ok := all[text]; ok && was != groups[i+1] {
			return nil, false
		}
		all[text] = groups[i+1]
	}
	return all, true
}

// which is the placeholder that matched; nil for "…".
func which(where []int) *placeholder {
	for i := range thePlaceholders {
		if where[2*(i+1)] >= 0 {
			return &thePlaceholders[i]
		}
	}
	return nil
}

var jsonName = regexp.MustCompile(`"[A-Za-z]+" *:`)

// compareJSON looks for the fields that a page shows in a JSON document.
func compareJSON(shown []string, printed string) error {
	has := make(map[string]bool)
	for _, name := range jsonName.FindAllString(printed, -1) {
		has[strings.TrimRight(name, " :")] = true
	}
	for i, line := range shown {
		for _, name := range jsonName.FindAllString(line, -1) {
			if !has[strings.TrimRight(name, " :")] {
				return &mismatch{i, strings.TrimSpace(line)}
			}
		}
	}
	return nil
}
