package embedded

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// holdDir makes the test binary hold the embedded database of this folder.
const holdDir = "EMBEDDED_TEST_HOLD_DIR"

// TestMain runs the tests, or in a process that startHolder began, the holder.
func TestMain(m *testing.M) {
	if dir := os.Getenv(holdDir); dir != "" {
		if err := hold(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	var err error
	if templateDir, err = reachableDir(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(templateDir)
		os.Exit(code)
	}))
}

// reachableDir makes a folder that the server's user can reach also as root,
// which t.TempDir is not.
func reachableDir() (string, error) {
	dir, err := os.MkdirTemp("", "embedded-test-")
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o711)
}

// held is what a holder says about its database.
type held struct {
	URL   string
	Owner bool
}

// hold opens the database, says so, and closes it when its input ends.
func hold(dir string) error {
	ctx := context.Background()
	db, err := Open(ctx, Options{Dir: dir})
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(held{db.URL(), db.Owner()}); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	return db.Close(ctx)
}

// holder is another process that holds an embedded database.
type holder struct {
	held
	cmd   *exec.Cmd
	leave func() // closes its database and waits for its end
}

// beginHolder starts a holder; the returned function waits until it has opened
// the database.
func beginHolder(t *testing.T, dir string) func() *holder {
	t.Helper()
	cmd := exec.Command(executable(t)) // not killed with the test: it is to close its database
	cmd.Env = append(os.Environ(), holdDir+"="+dir)
	cmd.Stderr = os.Stderr
	input, err := cmd.StdinPipe()
	require.NoError(t, err)
	output, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	h := &holder{cmd: cmd, leave: sync.OnceFunc(func() {
		_ = input.Close()
		_ = cmd.Wait() // it may have been killed
	})}
	t.Cleanup(h.leave)
	return func() *holder {
		t.Helper()
		line, err := bufio.NewReader(output).ReadBytes('\n')
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(line, &h.held))
		return h
	}
}

// startHolder starts a holder that has opened the database.
func startHolder(t *testing.T, dir string) *holder {
	t.Helper()
	return beginHolder(t, dir)()
}

// kill ends the holder as kill -9 does.
func (h *holder) kill(t *testing.T) {
	t.Helper()
	require.NoError(t, h.cmd.Process.Kill())
	h.leave()
}

// executable is this test binary.
func executable(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	require.NoError(t, err)
	return path
}

// newDir is an empty data folder. It is removed when no server works on it any
// more.
func newDir(t *testing.T) string {
	t.Helper()
	dir, err := reachableDir()
	require.NoError(t, err)
	t.Cleanup(func() {
		if c := clusterIn(dir); exists(c.lock()) {
			eventuallyFree(t, c, 10*time.Second)
		}
		require.NoError(t, os.RemoveAll(dir))
	})
	return dir
}

// openDB opens the database of dir, and closes it at the end of the test.
func openDB(t *testing.T, dir string) *Database {
	t.Helper()
	db, err := Open(t.Context(), Options{Dir: dir})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close(context.WithoutCancel(t.Context()))) })
	return db
}

// templateDir is the data folder of the template. TestMain makes and removes it.
var templateDir string

// makeTemplate makes the cluster that newCluster copies, which costs a tenth of
// an initdb.
var makeTemplate = sync.OnceValue(func() error {
	ctx := context.Background()
	db, err := Open(ctx, Options{Dir: templateDir})
	if err != nil {
		return err
	}
	return db.Close(ctx)
})

// newCluster is a data folder with a cluster and no server.
func newCluster(t *testing.T) (string, cluster) {
	t.Helper()
	require.NoError(t, makeTemplate())
	dir := newDir(t)
	output, err := exec.Command("cp", "-a", clusterIn(templateDir).home, dir).CombinedOutput() // keeps the owners
	require.NoError(t, err, "%s", output)
	return dir, clusterIn(dir)
}

// run sends one or more statements to the database.
func run(t *testing.T, url, sql string) ([]*pgconn.Result, error) {
	t.Helper()
	conn, err := pgconn.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(t.Context())) }()
	return conn.Exec(t.Context(), sql).ReadAll()
}

// query asks the database for one text.
func query(t *testing.T, url, sql string) string {
	t.Helper()
	results, err := run(t, url, sql)
	require.NoError(t, err)
	return string(results[0].Rows[0][0])
}

// remember stores a note in the database, which recall reads back.
func remember(t *testing.T, url string) {
	t.Helper()
	_, err := run(t, url, `CREATE TABLE note AS SELECT 'Bella' AS name`)
	require.NoError(t, err)
}

func recall(t *testing.T, url string) {
	t.Helper()
	require.Equal(t, "Bella", query(t, url, `SELECT name FROM note`))
}

// postmaster is the pid of the server that works on the cluster.
func postmaster(t *testing.T, c cluster) int {
	t.Helper()
	pf, err := readPIDFile(c.data())
	require.NoError(t, err)
	return pf.pid
}

// isFree reports whether no server process of the cluster is left.
func isFree(t *testing.T, c cluster) bool {
	t.Helper()
	lock, err := openLock(c.lock())
	require.NoError(t, err)
	defer func() { require.NoError(t, lock.Close()) }()
	free, err := lockIsFree(lock)
	require.NoError(t, err)
	return free
}

// eventuallyFree waits, up to limit, until the cluster is free.
func eventuallyFree(t *testing.T, c cluster, limit time.Duration) {
	t.Helper()
	require.Eventually(t, func() bool { return isFree(t, c) }, limit, retryEvery)
}

// eventuallyDone waits for the end of the database.
func eventuallyDone(t *testing.T, db *Database) {
	t.Helper()
	select {
	case <-db.Done():
	case <-time.After(10 * time.Second):
		require.Fail(t, "the database is not done")
	}
}

// rerunAs runs the current test again, in a process of the named user.
func rerunAs(t *testing.T, name string) {
	t.Helper()
	u, err := user.Lookup(name)
	require.NoError(t, err)
	a, err := asAccount(u)
	require.NoError(t, err)
	binary := filepath.Join(newDir(t), "embedded.test") // go test's own folder is root's
	content, err := os.ReadFile(executable(t))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(binary, content, 0o755))

	cmd := exec.CommandContext(t.Context(), binary, "-test.run", "^"+t.Name()+"$", "-test.v")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: a.credential}
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", output)
	require.Contains(t, string(output), "--- PASS: "+t.Name())
}

// exists reports whether there is something at path.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
