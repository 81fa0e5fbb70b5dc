// Package pgtest gives each test a PostgreSQL database of its own, with all
// migrations applied. There is one real server per test process; it is started
// with the first test that asks for it, migrates one template, and clones it for
// every test in about 30 ms.
//
// It is for tests only and never skips: without an installed PostgreSQL the test
// fails and says what to install.
package pgtest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/embedded"
)

const template = "pims_sync_template"

// Main runs a package's tests and then ends their server and removes its folder
// at once. It is for TestMain: os.Exit(pgtest.Main(m)). Without it the server
// ends with the process all the same, and the next test process removes the
// folder.
func Main(m *testing.M) int {
	code := m.Run()
	if err := testServer.close(); err != nil {
		fmt.Fprintln(os.Stderr, "close the test database server:", err)
		return max(code, 1)
	}
	return code
}

// New opens a migrated database for the test and drops it afterwards.
func New(t testing.TB) *postgres.DB {
	t.Helper()
	return Open(t, URL(t))
}

// URL makes a migrated database for the test and returns its connection string.
// The database is dropped afterwards.
func URL(t testing.TB) string {
	t.Helper()
	// A copy of files takes two thirds of the time, and has the cache with which a connection
	// begins.
	return create(t, template+" strategy file_copy")
}

// Empty makes a database without any table and returns its connection string.
func Empty(t testing.TB) string {
	t.Helper()
	return create(t, "template0")
}

// Encoded makes a database without any table in an encoding, and returns its
// connection string.
func Encoded(t testing.TB, encoding string) string {
	t.Helper()
	return create(t, "template0 encoding '"+encoding+"' locale 'C'")
}

// Open opens a database until the test ends.
func Open(t testing.TB, databaseURL string) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), postgres.Options{URL: databaseURL, MaxConns: 8, Notice: noticed(databaseURL)})
	if err != nil {
		t.Fatalf("open the test database: %v", err)
	}
	t.Cleanup(db.Close)
	return db
}

// create clones a database for the test.
func create(t testing.TB, from string) string {
	t.Helper()
	s, err := testServer.start()
	if err != nil {
		t.Fatalf("start a PostgreSQL server for the tests: %v", err)
	}
	name := fmt.Sprintf("test_%d", s.databases.Add(1))
	if err := s.exec(fmt.Sprintf("create database %s template %s", name, from)); err != nil {
		t.Fatalf("make a database for the test: %v", err)
	}
	t.Cleanup(func() {
		if err := s.exec(fmt.Sprintf("drop database %s with (force)", name)); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	return s.url(name)
}

// A server is the one of this test process.
type server struct {
	once      sync.Once
	embedded  *embedded.Database
	err       error
	admin     *pgxpool.Pool // to the server's own database
	databases atomic.Int64
}

// testServer is the only state here: starting a server for each test would take
// most of the test's time.
var testServer server

// start starts the server and makes the template, once.
func (s *server) start() (*server, error) {
	s.once.Do(func() { s.err = s.prepare(context.Background()) })
	return s, s.err
}

func (s *server) prepare(ctx context.Context) error {
	var err error
	if s.embedded, err = embedded.OpenScratch(ctx, memoryFolder(), nil); err != nil {
		return err
	}
	if s.admin, err = pgxpool.New(ctx, s.embedded.URL()); err != nil {
		return err
	}
	if err := s.exec("create database " + template + " template template0"); err != nil {
		return err
	}
	db, err := postgres.Open(ctx, postgres.Options{URL: s.url(template), MaxConns: 2})
	if err != nil {
		return err
	}
	defer db.Close()
	return db.Migrate(ctx)
}

// memoryFolder returns a file system in memory, where cloning a database of several hundred
// files costs less than half of what it costs on a disk; "" where there is none with room,
// or where TMPDIR says where to work. `go test` runs as many packages at once as there are
// processors, each with a server, and a server takes less than 1 GiB. internal/dates sets
// TMPDIR and names a folder in memory.
func memoryFolder() string {
	folder, named := os.LookupEnv("PIMS_SYNC_TEST_MEMORY") //nolint:forbidigo // it is for tests only
	if !named {
		folder = "/dev/shm"
	}
	room := uint64(max(4, runtime.NumCPU())) << 30 // bytes
	const mayEnterAndWrite = 3
	var stat syscall.Statfs_t
	if !named && os.TempDir() != "/tmp" || syscall.Access(folder, mayEnterAndWrite) != nil || syscall.Statfs(folder, &stat) != nil {
		return ""
	}
	if stat.Bavail*uint64(stat.Bsize) < room { //nolint:gosec // a block size is positive
		return ""
	}
	return folder
}

// exec runs a statement in the server's own database.
func (s *server) exec(statement string) error {
	_, err := s.admin.Exec(context.Background(), statement, pgx.QueryExecModeSimpleProtocol)
	return err
}

// url is the connection string of one of the server's databases.
func (s *server) url(database string) string {
	u, err := url.Parse(s.embedded.URL())
	if err != nil {
		panic(err) // the embedded package made it
	}
	u.Path = "/" + database
	return u.String()
}

func (s *server) close() error {
	if s.embedded == nil {
		return nil
	}
	if s.admin != nil {
		s.admin.Close()
	}
	return s.embedded.Close(context.Background())
}
