// Package embedded runs the private PostgreSQL that pims-sync uses where no
// DATABASE_URL is given: it finds the installed server binaries, makes a
// database cluster in the data folder, and runs one server for all processes
// that name this folder.
//
// # Who owns the server
//
// The first process that opens a data folder starts the server and owns it;
// the server ends with its owner, even when the owner is killed. Every other
// process joins it. When the owner ends, the connections of those who joined
// break: PostgreSQL reports admin_shutdown (SQLSTATE 57P01), a new connection
// is refused, and Database.Done is closed within about a second. They may then
// call Open again and become owner themselves; the URL of a folder stays the
// same, so a connection pool can live on.
//
// One file lock decides. The owner takes it, every server process inherits it,
// and the kernel drops it with the last of them. So whoever gets the lock knows
// that no server of ours works on the folder any more, whatever was killed and
// whatever a left pid file says.
//
// # What it may not do
//
// It never deletes or upgrades a cluster, never listens on the network and never runs the
// server as root. It speaks no SQL; the pool and the migrations belong to package postgres.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

const (
	// retryEvery is how often a lock, a pid file or a socket is looked at anew.
	retryEvery = 10 * time.Millisecond
	// joinPatience bounds the wait for a server that somebody else is starting
	// or stopping; a crash recovery is the longest reason.
	joinPatience = time.Minute
)

// Options say which database to open and how.
type Options struct {
	// Dir is the data folder (DATA_DIR); the cluster lives in Dir/postgres.
	// It is made if it is missing. As root it and the folders above it must be
	// open (mode o+x) to the user that PostgreSQL runs as.
	Dir string
	// Logger receives what happens to the server; nil: nothing is logged.
	Logger *slog.Logger
	// Wait is how long to wait for a present owner to end, so that this process
	// becomes owner, before joining it. 0 joins at once.
	Wait time.Duration
}

// Open joins the embedded database of o.Dir if its server is running, else
// starts the server and owns it until Close (docs/interface.md §Commands). It returns
// when the server accepts connections. Several processes may call it at once:
// exactly one becomes owner.
func Open(ctx context.Context, o Options) (*Database, error) {
	if o.Dir == "" {
		return nil, errors.New("open the embedded database: no data folder is named: set DATA_DIR")
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("open the embedded database in %s: %w", o.Dir, err)
	}
	db, err := open(ctx, clusterIn(dir), o, durable())
	if err != nil {
		return nil, fmt.Errorf("open the embedded database in %s: %w", dir, err)
	}
	return db, nil
}

// open is Open with the profile chosen.
func open(ctx context.Context, c cluster, o Options, p profile) (*Database, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if err := makeFolder(c.home); err != nil {
		return nil, fmt.Errorf("%w: set DATA_DIR to a folder that this user may write", err)
	}
	lock, err := openLock(c.lock())
	if errors.Is(err, os.ErrPermission) {
		return nil, fmt.Errorf("%w: the folder belongs to another user: run as that user, or set DATA_DIR", err)
	}
	if err != nil {
		return nil, err
	}
	db, err := ownOrJoin(ctx, c, o, p, lock)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return db, nil
}

// ownOrJoin decides which of the two this process becomes and becomes it. The
// Database that it returns has taken over the lock file.
func ownOrJoin(ctx context.Context, c cluster, o Options, p profile, lock *os.File) (*Database, error) {
	address, owner, err := lockOrAddress(ctx, c, o.Wait, lock)
	if err != nil {
		return nil, err
	}
	if !owner {
		o.Logger.InfoContext(ctx, "joined the embedded PostgreSQL of another process", "dir", c.home)
		return joined(address, lock, o.Logger), nil
	}
	srv, err := bringUp(ctx, c, p, lock)
	if err != nil {
		return nil, err
	}
	o.Logger.InfoContext(ctx, "started the embedded PostgreSQL",
		"dir", c.home, "version", srv.version, "pid", srv.pid())
	return owned(srv, lock, o.Logger), nil
}

// lockOrAddress waits until the lock is ours (true), or until wait is over and
// a server of another process answers at the returned address.
func lockOrAddress(ctx context.Context, c cluster, wait time.Duration, lock *os.File) (address, bool, error) {
	joinFrom := time.Now().Add(wait)
	tick := time.NewTicker(retryEvery)
	defer tick.Stop()
	for {
		if locked, err := tryLock(lock); locked || err != nil {
			return address{}, locked, err
		}
		late := time.Since(joinFrom)
		if late >= 0 {
			if pf, err := readPIDFile(c.data()); err == nil && pf.answers() && pf.ready() {
				return pf.address, false, nil
			}
		}
		if late > joinPatience {
			return address{}, false, fmt.Errorf(
				"another process holds it, but its server does not answer after %v: look at %s, end that process, try again",
				joinPatience, c.log())
		}
		select {
		case <-ctx.Done():
			return address{}, false, fmt.Errorf("wait for the process that holds it: %w", ctx.Err())
		case <-tick.C:
		}
	}
}
