package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

const (
	superuser     = "postgres" // the name inside PostgreSQL, whoever runs it
	maintenanceDB = "postgres" // the database that initdb makes
)

// server is a PostgreSQL that this process has started.
type server struct {
	*process
	address
	version string // as in "15.14"
	log     string // path of the server's log
	scratch string // the folder to remove at the end, if any
}

// builder is what bringUp knows while it works.
type builder struct {
	cluster
	profile
	installation
	account
	lock   *os.File // every child inherits it
	output *os.File // the server's log, which also takes what initdb says
}

// bringUp makes the cluster if there is none and starts its server. The caller
// holds the lock.
func bringUp(ctx context.Context, c cluster, p profile, lock *os.File) (*server, error) {
	b := builder{cluster: c, profile: p, lock: lock}
	major, err := c.major()
	if err != nil {
		return nil, err
	}
	if b.installation, err = findInstallation(ctx, major); err != nil {
		return nil, err
	}
	if b.account, err = serverAccount(c.data()); err != nil {
		return nil, err
	}
	if err := b.mayEnter(c.home); err != nil {
		return nil, err
	}
	if b.output, err = c.newLog(b.version); err != nil {
		return nil, err
	}
	defer b.output.Close() //nolint:errcheck // the server has its own copy
	if major == 0 {
		if err := b.makeCluster(ctx); err != nil {
			return nil, fmt.Errorf("make the database cluster: %w", err)
		}
	}
	srv, err := b.start(ctx)
	if err != nil {
		return nil, fmt.Errorf("start PostgreSQL %s: %w", b.version, err)
	}
	return srv, nil
}

// command prepares a PostgreSQL program to run as the account, apart from our
// terminal, our environment and our working directory. No context kills it: it
// is to end in order.
func (b *builder) command(program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(context.Background(), filepath.Join(b.bin, program), args...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=" + b.bin + ":/usr/bin:/bin", "LC_ALL=C", "TZ=UTC"}
	cmd.Stdout, cmd.Stderr = b.output, b.output
	cmd.ExtraFiles = []*os.File{b.lock}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: b.credential}
	return cmd
}

// makeCluster runs initdb in a folder beside the data directory and moves the result there
// when it is complete. It replaces what a killed initdb left.
func (b *builder) makeCluster(ctx context.Context) error {
	if err := b.makeOwn(b.unfinished()); err != nil {
		return err
	}
	p, err := startProcess(b.command("initdb", append(b.initdbArgs(), "-D", b.unfinished())...))
	if err != nil {
		return err
	}
	select {
	case <-p.done:
	case <-ctx.Done():
		_ = p.cmd.Process.Signal(os.Interrupt) // it may have ended by itself
		<-p.done
		return ctx.Err()
	}
	if !errors.Is(p.err, errExited) {
		return describe("initdb", p.err, b.log())
	}
	if err := os.Rename(b.unfinished(), b.data()); err != nil {
		return err
	}
	return syncFolder(b.home)
}

// start runs the server and returns when it accepts connections.
func (b *builder) start(ctx context.Context) (*server, error) {
	if err := b.clearStalePIDFile(); err != nil {
		return nil, err
	}
	dir, err := b.socketDir()
	if err != nil {
		return nil, err
	}
	if err := b.makeOwn(dir); err != nil {
		return nil, err
	}
	if err := b.mayEnter(dir); err != nil {
		return nil, err
	}
	p, err := startProcess(b.command("postgres", append(b.serverArgs(dir), "-D", b.data())...))
	if err != nil {
		return nil, err
	}
	s := &server{process: p, address: address{dir, port}, version: b.version, log: b.log(), scratch: b.scratch}
	if err := s.awaitReady(ctx, b.data()); err != nil {
		return nil, errors.Join(err, s.stop(context.WithoutCancel(ctx)), s.cleanUp())
	}
	return s, nil
}

// awaitReady waits until the server accepts connections. It does so as long as
// the server works towards it (a crash recovery may be long) and ctx allows.
func (s *server) awaitReady(ctx context.Context, data string) error {
	tick := time.NewTicker(retryEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.done:
			return describe("postgres", s.err, s.log)
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			if pf, err := readPIDFile(data); err == nil && pf.pid == s.pid() && pf.ready() {
				return nil
			}
		}
	}
}

// stop ends the server with PostgreSQL's fast shutdown, and kills it if that is not done in
// time or before ctx ends.
func (s *server) stop(ctx context.Context) error {
	fast, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if s.end(fast, syscall.SIGINT) {
		return nil
	}
	// The immediate shutdown kills the server's children after 5 seconds.
	immediate, cancel := context.WithTimeout(context.WithoutCancel(ctx), 7*time.Second)
	defer cancel()
	if !s.end(immediate, syscall.SIGQUIT) {
		s.end(context.WithoutCancel(ctx), syscall.SIGKILL)
	}
	return errors.New("PostgreSQL did not shut down in time and was killed: its next start recovers the database")
}

// end sends the signal and reports whether the server ended before ctx.
func (s *server) end(ctx context.Context, signal os.Signal) bool {
	_ = s.cmd.Process.Signal(signal) // fails only if it has ended
	select {
	case <-s.done:
		return true
	case <-ctx.Done():
		return false
	}
}

// cleanUp removes the socket folder, which may be in the temp folder, and a scratch
// database. It must run before the lock is released, because the folders then belong to the
// next owner.
func (s *server) cleanUp() error {
	err := os.RemoveAll(s.socketDir)
	if s.scratch != "" {
		err = errors.Join(err, os.RemoveAll(s.scratch))
	}
	return err
}
