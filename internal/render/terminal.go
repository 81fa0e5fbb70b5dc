package render

import (
	"os"

	"golang.org/x/term"
)

// IsTerminal reports whether w is a terminal, which can be written over and asked.
func IsTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
