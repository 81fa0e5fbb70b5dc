package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"syscall"
)

// newLog begins the server's log anew and keeps the one before, so that it
// stays small and its end belongs to the present server. Its first line, which
// we write, finds a full or read-only disk before PostgreSQL does.
func (c cluster) newLog(version string) (*os.File, error) {
	if err := os.Rename(c.log(), c.oldLog()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("keep the last server log: %w", err)
	}
	f, err := os.OpenFile(c.log(), os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("begin the server log: %w", err)
	}
	if _, err := fmt.Fprintf(f, "PostgreSQL %s, started by pims-sync\n", version); err != nil {
		return nil, errors.Join(fmt.Errorf("begin the server log: %w", err), f.Close())
	}
	return f, nil
}

// quotedLines is how many lines of the log an error quotes.
const quotedLines = 3

// describe describes in one line how a program ended and why, from its log: the first
// complaints, which name the cause, or without any its last lines.
func describe(program string, ended error, log string) error {
	content, err := os.ReadFile(log)
	if err != nil {
		return fmt.Errorf("%s ended: %w (its log: %w)", program, ended, err)
	}
	_, said, _ := strings.Cut(string(content), "\n") // after our first line
	lines := strings.FieldsFunc(said, func(r rune) bool { return r == '\n' })
	if len(lines) == 0 {
		return fmt.Errorf("%s ended: %w, and said nothing in %s: is the disk full?", program, ended, log)
	}
	quote := complaints(lines)
	quote = quote[:min(quotedLines, len(quote))]
	if len(quote) == 0 {
		quote = lines[max(0, len(lines)-quotedLines):]
	}
	return fmt.Errorf("%s ended: %w, saying: %s (more in %s)", program, ended, strings.Join(quote, " | "), log)
}

// complaints returns the errors among the lines of a log, without the text before them,
// such as the time.
func complaints(lines []string) []string {
	complaint := regexp.MustCompile(`\b(ERROR|FATAL|PANIC|DETAIL|HINT|error): .*`)
	var found []string
	for _, line := range lines {
		if m := complaint.FindString(line); m != "" {
			found = append(found, m)
		}
	}
	return found
}
