package render

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/pims-sync/pims-sync/internal/syncs"
)

const barWidth = 30

// A Bar shows the progress of one sync on a terminal. Without a terminal it shows nothing.
type Bar struct {
	w     io.Writer
	live  bool
	drawn int
}

// NewBar returns a progress bar that draws on a terminal alone, where it is wanted.
func NewBar(w io.Writer, wanted bool) *Bar {
	return &Bar{w: w, live: wanted && IsTerminal(w)}
}

// Show draws the progress of a sync.
func (b *Bar) Show(p syncs.Progress) {
	if !b.live || p.Phase == "" {
		return
	}
	line := fmt.Sprintf("%-15s %-10s", p.Phase, p.Step)
	if p.Total > 0 {
		full := barWidth * min(p.Done, p.Total) / p.Total
		line += fmt.Sprintf(" [%s%s] %d/%d", strings.Repeat("█", full), strings.Repeat("·", barWidth-full), p.Done, p.Total)
	}
	b.draw(line)
}

// Close removes the bar from the terminal.
func (b *Bar) Close() {
	if b.live {
		b.draw("")
		fmt.Fprint(b.w, "\r")
	}
}

func (b *Bar) draw(line string) { b.drawn = Overwrite(b.w, line, b.drawn) }

// Overwrite shows a line in place of one that had shown characters, and returns the length
// of the new one.
func Overwrite(w io.Writer, line string, shown int) int {
	length := utf8.RuneCountInString(line)
	fmt.Fprintf(w, "\r%s%s", line, strings.Repeat(" ", max(0, shown-length)))
	return length
}
