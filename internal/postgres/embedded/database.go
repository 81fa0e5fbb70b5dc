package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/pims-sync/pims-sync/internal/panics"
)

// watchEvery is how often a process that joined checks whether the owner's server runs.
const watchEvery = time.Second

// errEnded is the result of Err after the end of another process's server.
var errEnded = errors.New("the process that owned the embedded PostgreSQL ended, and the server with it: open it again")

// Database is an open embedded database. Its methods may be called from several
// goroutines.
type Database struct {
	address address
	server  *server // nil: another process owns it

	closing   chan struct{} // closed by the first Close
	closeOnce sync.Once
	done      chan struct{} // closed at the end, after err is set
	err       error
}

// newDatabase makes a Database whose end is not yet watched.
func newDatabase(a address, s *server) *Database {
	return &Database{address: a, server: s, closing: make(chan struct{}), done: make(chan struct{})}
}

// owned returns the Database of the process that started the server. It keeps the lock as
// long as the server runs.
func owned(s *server, lock *os.File, logger *slog.Logger) *Database {
	d := newDatabase(s.address, s)
	d.watch(logger, func() {
		<-s.done
		if !isClosed(d.closing) {
			d.err = fmt.Errorf("the embedded PostgreSQL ended by itself: %w: see %s, open it again", s.err, s.log)
			logger.Error("the embedded PostgreSQL ended by itself", "error", s.err, "log", s.log)
		}
		if err := s.cleanUp(); err != nil {
			logger.Warn("the embedded PostgreSQL left something behind", "error", err)
		}
		_ = lock.Close() // nothing was written
	})
	return d
}

// watch runs what waits for the end of the server, in a goroutine, and closes done.
func (d *Database) watch(logger *slog.Logger, wait func()) {
	failed := func(e *panics.Error) {
		d.err = fmt.Errorf("watching the embedded PostgreSQL: %w", e)
		logger.Error("watching the embedded PostgreSQL failed", e.Attrs()...)
	}
	panics.Go(func() {
		defer close(d.done)
		if e := panics.In(panics.Catch(func() error { wait(); return nil })); e != nil {
			failed(e)
		}
	}, failed)
}

// joined returns the Database of a process that uses another process's server.
func joined(a address, lock *os.File, logger *slog.Logger) *Database {
	d := newDatabase(a, nil)
	d.watch(logger, func() {
		defer lock.Close() //nolint:errcheck // nothing was written
		tick := time.NewTicker(watchEvery)
		defer tick.Stop()
		for {
			select {
			case <-d.closing:
				return
			case <-tick.C:
				if free, err := lockIsFree(lock); free || err != nil {
					d.err = errors.Join(errEnded, err)
					return
				}
			}
		}
	})
	return d
}

// URL returns the connection string of the database, for pgx and psql: the Unix socket's
// folder as host, PostgreSQL's superuser, no password.
func (d *Database) URL() string { return d.address.url() }

// Owner reports whether this process started the server and ends it.
func (d *Database) Owner() bool { return d.server != nil }

// Done is closed when the database is closed or its server has ended; Err then says which.
// A process that joined learns it within about a second, unless a new owner has started the
// server on the same folder by then. In that case new connections work again.
func (d *Database) Done() <-chan struct{} { return d.done }

// Err returns nil before Done is closed and after a Close, else why the server ended.
func (d *Database) Err() error {
	if !isClosed(d.done) {
		return nil
	}
	return d.err
}

// Close leaves the database. The owner's Close shuts the server down, which
// breaks the connections of those who joined, and returns when it has ended; a
// server that is not down after half a minute, or when ctx ends, is killed and
// an error says so (the next start recovers it). A second Close only waits.
func (d *Database) Close(ctx context.Context) error {
	var err error
	d.closeOnce.Do(func() {
		close(d.closing)
		if d.server != nil {
			err = d.server.stop(ctx)
		}
	})
	<-d.done
	return err
}

// isClosed reports whether a channel that is never sent to is closed.
func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
