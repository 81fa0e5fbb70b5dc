package chaos

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// build makes the product's binary.
func build(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "pims-sync")
	command := exec.Command("go", "build", "-buildvcs=false", "-o", path, "github.com/pims-sync/pims-sync/cmd/pims-sync")
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := command.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return path
}

// A replica is a place for a process of `pims-sync serve`, which comes and goes.
type replica struct {
	world *world
	name  string // of the present process, as the table replicas has it

	mu      sync.Mutex
	address string // of the present process; empty: it does not serve
	cmd     *exec.Cmd
	exited  chan error
	last    *tail
}

// start starts a process and returns when it serves.
func (r *replica) start(t *testing.T) {
	t.Helper()
	known := r.world.replicaNames(t)
	cmd := exec.Command(r.world.binary, "serve")
	cmd.Env, cmd.Dir = r.world.env(), r.world.dir
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	ready, exited, last := make(chan string, 1), make(chan error, 1), &tail{}
	go func() {
		lines := bufio.NewScanner(stderr)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			last.add(lines.Bytes())
			var line struct{ Message, Address string }
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Message == "Ready" {
				ready <- line.Address
			}
		}
		exited <- cmd.Wait()
	}()
	r.mu.Lock()
	r.cmd, r.exited, r.last = cmd, exited, last
	r.mu.Unlock()
	select {
	case address := <-ready:
		r.mu.Lock()
		r.address = address
		r.mu.Unlock()
	case <-exited: //nolint:errcheck // a channel of ends, not of errors to handle
		require.FailNow(t, "serve ended", "%s", last)
	case <-time.After(recovery):
		r.kill()
		require.FailNow(t, "serve does not get ready", "%s", last)
	}
	for patience := time.Now().Add(recovery); !r.reports(t, known); pause(t.Context(), 5*time.Millisecond) {
		if time.Now().After(patience) {
			require.FailNow(t, "the replica does not report that it lives", "%s\n%s", last, r.world.database.activity(t))
		}
	}
}

// reports reports whether a replica has reported whose name is not known, and takes
// it for this one.
func (r *replica) reports(t *testing.T, known []string) bool {
	t.Helper()
	for _, name := range r.world.replicaNames(t) {
		if !slices.Contains(known, name) {
			r.name = name
			return true
		}
	}
	return false
}

// url is where the present process serves; empty where there is none.
func (r *replica) url() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.address
}

// kill ends the process as the kernel does when memory is short.
func (r *replica) kill() {
	r.signal(syscall.SIGKILL)
	r.mu.Lock()
	exited := r.exited
	r.address, r.cmd = "", nil
	r.mu.Unlock()
	if exited != nil {
		<-exited //nolint:errcheck // it was killed
	}
	r.mu.Lock()
	r.exited = nil
	r.mu.Unlock()
}

// signal sends the process a signal, if there is one.
func (r *replica) signal(signal syscall.Signal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cmd != nil {
		_ = r.cmd.Process.Signal(signal) // it may have ended
	}
}

// said reports whether the present process has logged a message about a sync.
func (r *replica) said(message, syncID string) bool {
	for line := range strings.Lines(r.last.String()) {
		if strings.Contains(line, message) && strings.Contains(line, syncID) {
			return true
		}
	}
	return false
}

// terminate ends the process in good order (R31).
func (r *replica) terminate(t *testing.T) {
	t.Helper()
	r.signal(syscall.SIGTERM)
	select {
	case err := <-r.exited:
		require.NoError(t, err, "SIGTERM ends with exit code 0: %s", r.last)
		r.mu.Lock()
		r.address, r.cmd, r.exited = "", nil, nil
		r.mu.Unlock()
	case <-time.After(30 * time.Second):
		r.signal(syscall.SIGQUIT) // it tells what it is doing
		<-r.exited                //nolint:errcheck // it was killed
		require.FailNow(t, "serve does not end", "%s", r.last)
	}
}

// A tail keeps the last lines of a log.
type tail struct {
	mu    sync.Mutex
	lines []string
}

func (l *tail) add(line []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, string(bytes.TrimSpace(line)))
	if over := len(l.lines) - 300; over > 0 {
		l.lines = l.lines[over:]
	}
}

func (l *tail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}
