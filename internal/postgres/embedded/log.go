package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
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

// lastLines is how many lines of the log an error quotes.
const lastLines = 4

// describe says how a program ended and quotes the end of its log in one line.
func describe(program string, ended error, log string) error {
	if ended == nil {
		ended = errors.New("exit status 0")
	}
	content, err := os.ReadFile(log)
	if err != nil {
		return fmt.Errorf("%s ended: %w (its log: %w)", program, ended, err)
	}
	_, said, _ := strings.Cut(string(content), "\n") // after our first line
	lines := strings.FieldsFunc(said, func(r rune) bool { return r == '\n' })
	if len(lines) == 0 {
		return fmt.Errorf("%s ended: %w, and said nothing in %s: is the disk full?", program, ended, log)
	}
	lines = lines[max(0, len(lines)-lastLines):]
	return fmt.Errorf("%s ended: %w; %s ends with: %s", program, ended, log, strings.Join(lines, " | "))
}
