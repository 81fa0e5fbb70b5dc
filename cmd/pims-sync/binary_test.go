package main

import (
	"bufio"
	"bytes"
	"debug/elf"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
	"github.com/pims-sync/pims-sync/internal/timetest"
)

// An account runs pims-sync as a process of its own: with its own data folder,
// and, where the tests run as root, as root or as an ordinary user.
type account struct {
	binary     string
	home       string
	env        []string
	credential *syscall.Credential // nil: the tests' own
}

// accounts are the users that pims-sync must work for.
func accounts(t *testing.T) map[string]*account {
	t.Helper()
	own := newAccount(t)
	if os.Geteuid() != 0 {
		return map[string]*account{"an ordinary user": own}
	}
	other := newAccount(t)
	nobody, err := user.Lookup("nobody")
	require.NoError(t, err)
	uid, err := strconv.ParseUint(nobody.Uid, 10, 32)
	require.NoError(t, err)
	gid, err := strconv.ParseUint(nobody.Gid, 10, 32)
	require.NoError(t, err)
	other.credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	require.NoError(t, os.Chown(other.home, int(uid), int(gid)))
	return map[string]*account{"root": own, "an ordinary user": other}
}

func newAccount(t testing.TB) *account {
	t.Helper()
	// Short, since a socket's path is; /tmp itself, since other users must get there.
	home, err := os.MkdirTemp("/tmp", "ps-") //nolint:usetesting // as it says
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(home)) })
	require.NoError(t, os.Chmod(home, 0o755)) // PostgreSQL runs as another user
	return &account{binary: program(t), home: home, env: append(passedOn(),
		"PATH="+os.Getenv("PATH"), "HOME="+home, "TMPDIR="+home, "DATA_DIR="+filepath.Join(home, "data"),
		"PIMS_ALLOWED_HOSTS=127.0.0.1", "PIMS_RATE_LIMIT=0", "API_RATE_LIMIT=0", "API_SYNC_STARTS=0", "PORT=0", "LOG_FORMAT=json", "GORACE="+raceOptions,
	)}
}

func (a *account) command(args ...string) *exec.Cmd {
	cmd := exec.Command(a.binary, args...)
	cmd.Env, cmd.Dir = a.env, a.home
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: a.credential}
	return cmd
}

// run carries a command out and returns its JSON document.
func (a *account) run(t testing.TB, stdin string, args ...string) answer {
	t.Helper()
	cmd := a.command(append(args, "--json")...)
	cmd.Stdin = strings.NewReader(stdin)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	require.NoError(t, err, "pims-sync %s: %s", strings.Join(args, " "), &complaint)
	var document answer
	require.NoError(t, json.Unmarshal(out, &document.body))
	return document
}

// A serving is a running `pims-sync serve`.
type serving struct {
	cmd     *exec.Cmd
	log     *logBook
	ready   chan string   // its address
	address string        // once it is ready
	exited  chan struct{} // closed when it has ended
	err     error         // how
}

func (s *serving) URL() string { return s.address }

// serve starts `pims-sync serve` and returns when it is ready.
func (a *account) serve(t testing.TB) *serving {
	t.Helper()
	s := a.begin(t)
	s.awaitReady(t)
	return s
}

// begin starts `pims-sync serve`.
func (a *account) begin(t testing.TB) *serving {
	t.Helper()
	s := &serving{cmd: a.command("serve"), log: &logBook{}, ready: make(chan string, 1), exited: make(chan struct{})}
	stderr, err := s.cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, s.cmd.Start())
	go func() {
		defer close(s.exited)
		lines := bufio.NewScanner(io.TeeReader(stderr, s.log))
		for lines.Scan() {
			var line struct{ Message, Address string }
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Message == "Ready" {
				s.ready <- line.Address
			}
		}
		s.err = s.cmd.Wait()
	}()
	t.Cleanup(func() { // in order, so that its folder is nobody's when it is removed
		_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		<-s.exited
	})
	return s
}

func (s *serving) awaitReady(t testing.TB) {
	t.Helper()
	select {
	case s.address = <-s.ready:
	case <-s.exited:
		require.FailNow(t, "serve ended", s.log.String())
	case <-time.After(4 * time.Minute): // a machine with much other work
		require.FailNow(t, "serve does not get ready", s.log.String())
	}
}

// signal sends a signal and waits for the end of the process.
func (s *serving) signal(t testing.TB, signal os.Signal, within time.Duration) {
	t.Helper()
	require.NoError(t, s.cmd.Process.Signal(signal))
	s.awaitEnd(t, within)
}

func (s *serving) awaitEnd(t testing.TB, within time.Duration) {
	t.Helper()
	select {
	case <-s.exited:
	case <-time.After(within):
		require.FailNow(t, "serve does not end", s.log.String())
	}
}

// enrol adds a clinic of a simulated Neo, by commands; those of an embedded
// database join the running server's.
func (a *account) enrol(t *testing.T, s *serving) *practice {
	t.Helper()
	zone := timetest.ZoneAtNoon(t)
	p := &practice{Sim: neosim.New(neosim.Options{Location: zone, StandsAt: neosim.AsNow, Day: theDay})}
	p.neo = httptest.NewServer(p.Sim)
	t.Cleanup(p.neo.Close)
	t.Cleanup(func() { p.ClearFaults() })
	id := a.run(t, "", "clinic", "add", "--allow-duplicate", "--name", "Harbor Lights", "--timezone", zone.String()).text("id")
	p.id = uuid.MustParse(id)
	a.run(t, neosim.DefaultPassword+"\n", "credentials", "set", "--clinic", id, "--base-url", p.neo.URL,
		"--username", neosim.DefaultUsername, "--password-stdin")
	p.key = a.run(t, "", "keys", "create", "--clinic", id).text("key")
	p.via = s
	return p
}

func TestAKilledServerLeavesNothingAndIsTakenUpAgain(t *testing.T) { // R30
	t.Parallel()
	for name, a := range accounts(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := a.serve(t)
			p := a.enrol(t, first)
			p.hang()
			sync := p.sync(t, "inbound", "", "Prefer", "respond-async")
			require.Equal(t, 202, sync.status, sync.body)
			p.asked(t)

			children := descendantsOf(t, first.cmd.Process.Pid)
			names := fmt.Sprint(children)
			require.Contains(t, names, "postgres")
			require.Contains(t, names, "chrom")
			first.signal(t, syscall.SIGKILL, 5*time.Second)
			require.Eventually(t, func() bool { return len(alive(t, children)) == 0 }, 5*time.Second, 10*time.Millisecond,
				"5 s after kill -9 neither a browser nor a PostgreSQL of ours is left")

			p.ClearFaults()
			second := a.serve(t)
			restarted := time.Now()
			p.via = second
			done := p.ended(t, sync.text("id"))
			require.Less(t, time.Since(restarted), 45*time.Second)
			if done.text("status") == "failed" {
				require.Equal(t, "interrupted", done.text("code"), done.body)
			} else {
				require.Equal(t, "completed", done.text("status"), done.body)
			}
			require.Equal(t, 200, p.sync(t, "full", "").status, "a second run converges")

			children = descendantsOf(t, second.cmd.Process.Pid)
			second.signal(t, syscall.SIGTERM, 30*time.Second)
			require.NoError(t, second.err, "SIGTERM ends with exit code 0: %s", second.log)
			require.Empty(t, alive(t, children))
		})
	}
}

func TestATerminatedServerGivesItsSyncBackInTime(t *testing.T) { // R31
	t.Parallel()
	a := newAccount(t)
	first := a.serve(t)
	p := a.enrol(t, first)
	p.hang()
	waiting := p.start(t, "full", "")
	p.asked(t)
	children := descendantsOf(t, first.cmd.Process.Pid)
	require.NoError(t, first.cmd.Process.Signal(syscall.SIGTERM))
	eventually(t, func() bool { return p.get(t, "/ready").status == 503 }, "it is told to end and stays ready")
	require.Equal(t, map[string]any{"status": "not_ready", "database": "connected", "code": "draining"}, p.get(t, "/ready").body)
	require.Equal(t, "healthy", p.get(t, "/health").text("status"))
	refused := p.sync(t, "inbound", "")
	require.Equal(t, 503, refused.status, refused.body)
	require.Equal(t, "draining", refused.text("code"))
	require.Empty(t, waiting, "what runs may go on")
	first.awaitEnd(t, 30*time.Second)
	require.NoError(t, first.err, "%s", first.log)
	require.Empty(t, alive(t, children))
	called := <-waiting
	require.Equal(t, 202, called.status, "the caller is told where to look: %v", called.body)

	p.ClearFaults()
	second := a.serve(t)
	p.via = second
	require.Equal(t, "completed", p.ended(t, called.text("id")).text("status"))
}

func TestASecondCommandJoinsTheDatabaseOfARunningServer(t *testing.T) { // docs/interface.md §Commands
	t.Parallel()
	a := newAccount(t)
	s := a.serve(t)
	p := a.enrol(t, s)
	a.run(t, "", "migrate")
	listed := a.run(t, "", "clinic", "list")
	items, _ := listed.get("items").([]any)
	require.Len(t, items, 1)
	// The server works on the command's sync.
	require.Equal(t, "completed", a.run(t, "", "sync", "inbound", "--clinic", p.id.String()).text("status"))
	require.Equal(t, 200, p.sync(t, "inbound", "").status)
	require.Equal(t, 1, p.Logins().Accepted)

	// The server that owned the database goes; one that waited for it takes it over.
	next := a.begin(t)
	s.signal(t, syscall.SIGTERM, 30*time.Second)
	next.awaitReady(t)
	p.via = next
	require.Equal(t, 200, p.sync(t, "inbound", "").status)
}

func TestTheDemoSucceedsAndLeavesNothing(t *testing.T) { // docs/interface.md §Commands, demo
	t.Parallel()
	for name, a := range accounts(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// It ignores DATABASE_URL and the other settings of a real installation.
			a.env = append(a.env, "DATABASE_URL=postgres://127.0.0.1:1/none", "ENCRYPTION_KEY=none", "PIMS_RATE_LIMIT=1")
			cmd := a.command("demo", "--once", "--json")
			var complaint bytes.Buffer
			cmd.Stderr = &complaint
			out, err := cmd.Output()
			require.NoError(t, err, "%s\n%s", out, &complaint)
			require.Empty(t, complaint.String())

			var result struct {
				Success bool
				First   []struct {
					Clinic, Timezone string
					Cases            int
					Response         struct{ Success bool }
				}
				Second  []struct{ Response struct{ Success bool } }
				Changes []struct {
					What  string
					Right bool
				}
				Night []struct {
					Said  string
					Right bool
				}
			}
			decoder := json.NewDecoder(bytes.NewReader(out))
			require.NoError(t, decoder.Decode(&result))
			_, err = decoder.Token()
			require.ErrorIs(t, err, io.EOF, "one document")
			require.True(t, result.Success)
			require.Len(t, result.First, 3)
			zones := map[string]bool{}
			for _, done := range result.First {
				require.True(t, done.Response.Success)
				require.Positive(t, done.Cases)
				zones[done.Timezone] = true
			}
			require.Len(t, zones, 3, "three clinics in three time zones")
			require.Len(t, result.Second, 3)
			require.Len(t, result.Changes, 12, "exactly four differences in each")
			for _, change := range result.Changes {
				require.True(t, change.Right, change.What)
			}
			require.Len(t, result.Night, 3, "a sync that runs, a plan, a refused login")
			for _, trouble := range result.Night {
				require.True(t, trouble.Right, trouble.Said)
			}
			left, err := os.ReadDir(a.home)
			require.NoError(t, err)
			require.Empty(t, left, "nothing is left in its folders")
		})
	}
}

func TestTheStoryOfTheDemoEndsWell(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	out, err := a.command("demo", "--story", "--once", "--json").Output()
	require.NoError(t, err, "%s", out)
	var story struct {
		Success bool
		Nights  []struct {
			Happened string
			Right    bool
		}
	}
	require.NoError(t, json.Unmarshal(out, &story))
	require.True(t, story.Success)
	require.NotEmpty(t, story.Nights)
	for _, night := range story.Nights {
		require.True(t, night.Right, night.Happened)
	}
}

func TestTheDemoSaysInOneLineWhyItFailed(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	cmd := a.command("demo", "--once", "--json", "--clinics", "1", "--chromium-path", "/nowhere/chromium")
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, exitFailed, exit.ExitCode())
	require.Regexp(t, `^pims-sync: .*CHROMIUM_PATH names /nowhere/chromium.*\n$`, complaint.String())
	var result struct {
		Success bool
		Second  []any
	}
	require.NoError(t, json.Unmarshal(out, &result))
	require.False(t, result.Success)
	require.Empty(t, result.Second)
}

func TestTheSimulatorServesUntilItIsInterrupted(t *testing.T) { // docs/interface.md §Commands, neosim
	t.Parallel()
	a := newAccount(t)
	cmd := a.command("neosim", "--listen", "127.0.0.1:0", "--json", "--company-id", "4711", "--shape", "camel", "--envelope", "data",
		"--timezone", "Europe/Berlin", "--username", "me@example.com", "--password", "simulated")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	var said struct{ URL, Username, Password, CompanyID string }
	require.NoError(t, json.NewDecoder(out).Decode(&said))
	require.Equal(t, "me@example.com", said.Username)
	require.Equal(t, "simulated", said.Password)
	require.Equal(t, "4711", said.CompanyID)
	require.Contains(t, fetchWith(t, http.DefaultClient, said.URL+"/login"), "company_id")
	require.Contains(t, fetchWith(t, http.DefaultClient, said.URL+"/_sim/stats"), "logins")
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	require.NoError(t, cmd.Wait())
}

func TestTheBinaryIsStaticAndSaysWhatTheMachineLacks(t *testing.T) { // README.md
	t.Parallel()
	root := t.TempDir()
	built := filepath.Join(root, "pims-sync")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", built, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)

	program, err := elf.Open(built)
	require.NoError(t, err)
	defer program.Close()
	libraries, err := program.ImportedLibraries()
	require.NoError(t, err)
	require.Empty(t, libraries)

	if os.Geteuid() != 0 {
		return // only root can take the rest of the machine away from a process
	}
	require.NoError(t, os.Mkdir(filepath.Join(root, "data"), 0o700))
	bare := func(args ...string) *exec.Cmd {
		cmd := exec.Command("/pims-sync", args...)
		cmd.Dir, cmd.Env = "/", []string{"DATA_DIR=/data"}
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
		return cmd
	}
	version, err := bare("version").Output()
	require.NoError(t, err)
	require.Regexp(t, `^dev\n`, string(version))

	var exit *exec.ExitError
	_, err = bare("clinic", "add", "--name", "X", "--timezone", "America/Santiago").Output()
	require.ErrorAs(t, err, &exit)
	require.Equal(t, exitFailed, exit.ExitCode(), "the zone is known; the database cannot be")
	require.Regexp(t, `^pims-sync: .*PostgreSQL 15 or newer is not installed.*apt-get install postgresql.*DATABASE_URL\n$`, string(exit.Stderr))
}
