package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/timetest"
)

// A reader does what a page says, in a scratch home: each block in a bash that goes
// on where the one before ended, with its variables and its folder.
type reader struct {
	t     *testing.T
	home  string
	env   []string
	known bindings // what the page shows, and what it is here

	practice *practice // of the clinic that the page speaks of; nil where the page makes it
}

// newReader makes a home with a checkout in which make build was run.
func newReader(t *testing.T, env ...string) *reader {
	t.Helper()
	a := newAccount(t)
	checkout := filepath.Join(a.home, "pims-sync")
	require.NoError(t, os.MkdirAll(filepath.Join(checkout, "bin"), 0o755))
	require.NoError(t, os.Symlink(a.binary, filepath.Join(checkout, "bin", "pims-sync")))
	require.NoError(t, os.WriteFile(filepath.Join(checkout, "bin", "less"), []byte("#!/bin/sh\nexec cat\n"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(a.home, ".curlrc"), []byte("no-progress-meter\n"), 0o644)) // as on a terminal
	require.NoError(t, os.WriteFile(filepath.Join(a.home, "state"), []byte("cd "+checkout+"\n"), 0o644))
	return &reader{t: t, home: a.home, env: append(a.env, append([]string{"ENABLE_SCHEDULER=false"}, env...)...), known: bindings{}}
}

// aDate is a date in a command of a page, which means one near the page's today; but
// that of --day means itself.
var aDate = regexp.MustCompile(`(?:--day )?\b2026-\d\d-\d\d\b`)

// here is a block's commands as they are on this machine and day.
func (r *reader) here(b block) string {
	text := strings.ReplaceAll(r.known.in(b.text()), "/tmp/", r.home+"/tmp-")
	return aDate.ReplaceAllStringFunc(text, func(written string) string {
		date, err := time.Parse(time.DateOnly, written)
		if err != nil {
			return written
		}
		return today(r.t).Add(date.Sub(theDay)).Format(time.DateOnly)
	})
}

// today is the date where it is noon now.
func today(t testing.TB) time.Time {
	now := time.Now().In(timetest.ZoneAtNoon(t))
	return time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC)
}

// bash prepares a script that begins where the last one ended.
func (r *reader) bash(script string) *exec.Cmd {
	state := filepath.Join(r.home, "state")
	cmd := exec.Command("bash", "-c", `set -eo pipefail
set -a
. "$STATE"
trap 'code=$?; { export -p; printf "cd %q\n" "$PWD"; } >"$STATE.new"; mv "$STATE.new" "$STATE"; exit $code' EXIT
`+script)
	cmd.Env, cmd.Dir = slices.Concat(r.env, []string{"STATE=" + state}), r.home
	return cmd
}

// do runs a block to its end and returns what it printed.
func (r *reader) do(b block) (printed string, err error) {
	var out bytes.Buffer
	cmd := r.bash(r.here(b))
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	return strings.ReplaceAll(out.String(), "\r", ""), err
}

// A foreground is a command that a page leaves running in a terminal.
type foreground struct {
	command string // how its line begins
	extra   string // flags that keep it off the fixed port
	address string // where the page says that it listens
}

var theForegrounds = []foreground{
	{"pims-sync neosim", " --listen 127.0.0.1:0", "127.0.0.1:8090"},
	{"pims-sync serve", "", "127.0.0.1:3001"},
}

// foregroundOf tells which of them a block ends with.
func foregroundOf(b block) *foreground {
	for i := range theForegrounds {
		if strings.HasPrefix(b.lines[len(b.lines)-1], theForegrounds[i].command) {
			return &theForegrounds[i]
		}
	}
	return nil
}

// start runs a block whose last command goes on. It returns what the command says at
// its start, when it listens, and binds its address.
func (r *reader) start(b block, f *foreground) string {
	r.t.Helper()
	setup := b
	setup.lines = b.lines[:len(b.lines)-1]
	_, err := r.do(setup)
	require.NoError(r.t, err, "%s", b)
	last := block{lines: b.lines[len(b.lines)-1:]}
	cmd := r.bash("trap - EXIT\nexec " + r.here(last) + f.extra + " 2>&1")
	out, err := cmd.StdoutPipe()
	require.NoError(r.t, err)
	require.NoError(r.t, cmd.Start())
	r.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		_ = cmd.Wait()
	})
	said, address := r.untilItListens(out)
	require.NotEmpty(r.t, address, "%s: it does not listen:\n%s", b, said)
	r.known[f.address] = address
	return said
}

var (
	listensAt = regexp.MustCompile(`(?:at http://|"address":"http://)([0-9.]+:\d+)`)
	lastWords = regexp.MustCompile(`^(Control it|\{.*"message":"Ready")`)
)

// untilItListens reads what a command says until it listens; then it goes on reading,
// so that the command is not held up.
func (r *reader) untilItListens(out io.Reader) (said, address string) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		line := lines.Text()
		said += line + "\n"
		if found := listensAt.FindStringSubmatch(line); found != nil && address == "" {
			address = found[1]
		}
		if lastWords.MatchString(line) {
			break
		}
	}
	go func() {
		for lines.Scan() { // nothing needs what it says later
			continue
		}
	}()
	return said, address
}

// tellsOfFailure is an output that shows a command that fails: its reason, or the code
// of a failed sync.
var tellsOfFailure = regexp.MustCompile(`(?m)^pims-sync: |\([a-z]+(?:_[a-z]+)+\)$`)

// follow does one step and compares its output with the page's.
func (r *reader) follow(s step, anyOrder bool) {
	r.t.Helper()
	var printed string
	var err error
	if f := foregroundOf(s.commands); f != nil {
		printed = r.start(s.commands, f)
	} else {
		printed, err = r.do(s.commands)
	}
	if s.output == nil || !tellsOfFailure.MatchString(s.output.text()) {
		require.NoError(r.t, err, "%s: this block of commands fails:\n%s\n\nIt prints:\n%s", s.commands, r.here(s.commands), printed)
	}
	if s.output == nil {
		return
	}
	shown := s.output.lines
	if anyOrder {
		shown, printed = sorted(shown), strings.Join(sorted(strings.Split(printed, "\n")), "\n")
	}
	if s.output.language == "json" {
		err = compareJSON(shown, printed)
	} else {
		var found bindings
		if found, err = comparePage(shown, printed, r.known); err != nil {
			found, _ = comparePage(withGaps(shown), printed, r.known) // so that the page can go on
		}
		maps.Copy(r.known, found)
	}
	if err != nil {
		at := *s.output
		if m, ok := errors.AsType[*mismatch](err); ok {
			at.line += m.line
		}
		r.t.Errorf("%s: %v\nThe commands are at %s. They print:\n%s", at, err, s.commands, printed) // the page goes on
	}
}

// withGaps lets any lines come between those that a page shows.
func withGaps(shown []string) []string {
	all := []string{anything}
	for _, line := range shown {
		all = append(all, line, anything)
	}
	return all
}

// sorted are the lines in the order of what does not differ from run to run.
func sorted(lines []string) []string {
	key := func(line string) string { return anyPlaceholder.ReplaceAllString(squeeze(line), "") }
	return slices.SortedStableFunc(slices.Values(lines), func(a, b string) int { return strings.Compare(key(a), key(b)) })
}
