package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// Table prints rows under their headings, in columns.
func Table(w io.Writer, headings []string, rows [][]string) {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, strings.ToUpper(strings.Join(headings, "\t")))
	for _, row := range rows {
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	_ = t.Flush() // to memory
	for line := range strings.Lines(b.String()) {
		fmt.Fprintln(w, strings.TrimRight(line, " \n"))
	}
}

// Fields prints names and values, one pair per line.
func Fields(w io.Writer, pairs ...string) {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for i := 0; i+1 < len(pairs); i += 2 {
		fmt.Fprintf(t, "%s\t%s\n", pairs[i], pairs[i+1])
	}
	_ = t.Flush()
}

// Stamp formats a time for people, in a zone; nil means UTC.
func Stamp(t time.Time, loc *time.Location) string { return stamp(t, loc, "2006-01-02 15:04 MST") }

// DayStamp is Stamp with the weekday, which helps a practice to find a visit.
func DayStamp(t time.Time, loc *time.Location) string {
	return stamp(t, loc, "Mon 2006-01-02 15:04 MST")
}

func stamp(t time.Time, loc *time.Location, layout string) string {
	if t.IsZero() {
		return "-"
	}
	if loc == nil {
		loc = time.UTC
	}
	return t.In(loc).Format(layout)
}

// Given returns a text that may be missing, or an empty one.
func Given(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// OrDash returns the text, or a dash where it is empty.
func OrDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// IndentJSON formats a JSON document for people. A text that is not JSON is returned as it
// is.
func IndentJSON(document []byte) string {
	var b bytes.Buffer
	if err := json.Indent(&b, document, "", "  "); err != nil {
		return string(document)
	}
	return b.String()
}

// Counted formats a number of things.
func Counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
