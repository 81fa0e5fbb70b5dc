package drift

import (
	"context"
	"strings"
)

// UnmarkedBlocks is the share of the calendar's rows that read like a block and are not marked
// as one. A vendor that writes visits in another form makes it larger.
const UnmarkedBlocks = "unmarked-blocks"

// calendarRows is the endpoint of what is said of a calendar's rows, whatever the provider's
// addresses are.
const calendarRows = "calendar"

// NoteCalendar profiles what a provider made of the rows of one calendar, in a context of
// Collecting: how many of them are blocks that are not marked as such.
func NoteCalendar(ctx context.Context, rows, unmarked int) {
	c, collects := ctx.Value(collectorKey{}).(*Collector)
	if !collects || rows == 0 {
		return
	}
	p := newProfile()
	p.Answers, p.Rows = 1, float64(rows)
	p.Forms["rows"] = 1
	p.Fields[UnmarkedBlocks] = &Field{Came: p.Rows, Filled: float64(unmarked), Kinds: map[string]float64{}, Shapes: map[string]float64{}}
	c.add(calendarRows, p)
}

// isShare reports whether a field is a share of ours. No field of an answer has such a name.
func isShare(name string) bool { return strings.Contains(name, "-") }
