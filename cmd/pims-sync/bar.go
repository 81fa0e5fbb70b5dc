package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/pims-sync/pims-sync/internal/syncs"
)

const barWidth = 30

// A bar shows the progress of one sync on a terminal. Without a terminal it shows nothing.
type bar struct {
	w     io.Writer
	live  bool
	drawn int
}

func newBar(w io.Writer, wanted bool) *bar {
	return &bar{w: w, live: wanted && isTerminal(w)}
}

func (b *bar) show(p syncs.Progress) {
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

func (b *bar) close() {
	if b.live {
		b.draw("")
		fmt.Fprint(b.w, "\r")
	}
}

func (b *bar) draw(line string) { b.drawn = overwrite(b.w, line, b.drawn) }

// overwrite shows a line in place of one that had shown characters, and returns the length
// of the new one.
func overwrite(w io.Writer, line string, shown int) int {
	length := utf8.RuneCountInString(line)
	fmt.Fprintf(w, "\r%s%s", line, strings.Repeat(" ", max(0, shown-length)))
	return length
}
