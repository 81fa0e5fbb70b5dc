package browser

import (
	"context"
	"log/slog"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// A witness knows all browsers of a Chromium by what it logs, and asks the system
// what became of them.
type witness struct {
	folder string // the Chromium's TempDir
	slog.Handler

	mu      sync.Mutex
	started []int // process ids, which are those of their groups too
}

func newWitness(folder string) *witness {
	return &witness{folder: folder, Handler: slog.DiscardHandler}
}

func (w *witness) Enabled(context.Context, slog.Level) bool { return true }

func (w *witness) Handle(context.Context, slog.Record) error { return nil }

// WithAttrs sees the process id that a browser logs with.
func (w *witness) WithAttrs(attributes []slog.Attr) slog.Handler {
	for _, a := range attributes {
		if a.Key == "pid" {
			w.sawStart(int(a.Value.Int64()))
		}
	}
	return w
}

func (w *witness) sawStart(pid int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.started = append(w.started, pid)
}

// A living is a process that is no zombie.
type living struct {
	pid, group int
	command    string
}

// family are the processes of the browsers that live.
func (w *witness) family(t testing.TB) []living {
	t.Helper()
	out, err := exec.Command("ps", "-A", "-ww", "-o", "pid=,pgid=,stat=,args=").Output()
	require.NoError(t, err)
	w.mu.Lock()
	defer w.mu.Unlock()
	var family []living
	for line := range strings.Lines(string(out)) {
		columns := strings.Fields(line)
		if len(columns) < 4 || strings.HasPrefix(columns[2], "Z") {
			continue
		}
		pid, err := strconv.Atoi(columns[0])
		require.NoError(t, err)
		group, err := strconv.Atoi(columns[1])
		require.NoError(t, err)
		if slices.Contains(w.started, group) {
			family = append(family, living{pid, group, line})
		}
	}
	return family
}

// browsers are the process ids of the browsers that live.
func (w *witness) browsers(t *testing.T) []int {
	t.Helper()
	var pids []int
	for _, p := range w.family(t) {
		if p.pid == p.group {
			pids = append(pids, p.pid)
		}
	}
	return pids
}

// browser is the process id of the one browser that lives.
func (w *witness) browser(t *testing.T) int {
	t.Helper()
	pids := w.browsers(t)
	require.Len(t, pids, 1)
	return pids[0]
}

// requireNone demands that no process of any browser is left.
func (w *witness) requireNone(t *testing.T) {
	t.Helper()
	var left []living
	defer func() {
		if t.Failed() {
			t.Logf("left: %+v", left)
		}
	}()
	eventually(t, "no process of a browser is left", func() bool {
		left = w.family(t)
		return len(left) == 0
	})
}

// signal sends a signal to a browser with its children.
func signal(t *testing.T, browser int, s syscall.Signal) {
	t.Helper()
	require.NoError(t, syscall.Kill(-browser, s))
}

// groups are the process groups of all browsers so far.
func (w *witness) groups() []int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.started)
}
