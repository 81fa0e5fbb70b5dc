package queue_test

import (
	"cmp"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/logtest"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/queue"
)

// A gate passes connections on to a database until it is shut.
type gate struct {
	listener        net.Listener
	network, target string

	mu      sync.Mutex
	shut    bool
	open    []net.Conn
	refused int
}

// newGate makes a gate before a database, and returns the connection string through it.
func newGate(t *testing.T, url string) (*gate, string) {
	t.Helper()
	config, err := pgx.ParseConfig(url)
	require.NoError(t, err)
	g := &gate{}
	g.network, g.target = pgconn.NetworkAddress(config.Host, config.Port)
	g.listener, err = (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			from, err := g.listener.Accept()
			if err != nil {
				return
			}
			g.pass(t, from)
		}
	})
	t.Cleanup(func() {
		_ = g.listener.Close()
		accepting.Wait()
		g.close()
	})
	return g, "postgres://" + config.User + "@" + g.listener.Addr().String() + "/" + config.Database + "?sslmode=disable"
}

func (g *gate) pass(t *testing.T, from net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		g.refused++
		_ = from.Close()
		return
	}
	to, err := (&net.Dialer{}).DialContext(t.Context(), g.network, g.target)
	if err != nil {
		_ = from.Close()
		return
	}
	g.open = append(g.open, from, to)
	for _, way := range [][2]net.Conn{{from, to}, {to, from}} {
		go func() { // ends with its connections
			_, _ = io.Copy(way[0], way[1])
			_, _ = way[0].Close(), way[1].Close()
		}()
	}
}

// close cuts what is open, and lets nothing more through.
func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = true
	for _, conn := range g.open {
		_ = conn.Close()
	}
}

func (g *gate) refusals() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.refused
}

// While the database is away, the loops of River and ours fail every second and more often.
// The log has each of their lines once a minute.
func TestADatabaseThatIsAwayDoesNotFillTheLog(t *testing.T) {
	t.Parallel()
	gate, url := newGate(t, pgtest.URL(t))
	var book logtest.Book
	log := slog.New(slog.NewJSONHandler(&book, nil))
	db, err := postgres.Open(t.Context(), postgres.Options{URL: url, MaxConns: 8, Logger: log})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	r := newReplicaOf(t, db, nil, func(o *queue.Options) { o.Logger, o.Lease = log, 15*time.Second })
	require.NoError(t, r.Begin(t.Context()))

	gate.close()
	require.Eventually(t, func() bool { return gate.refusals() >= 20 }, time.Minute, 10*time.Millisecond)
	_ = r.Stop(t.Context()) // it cannot say goodbye
	type line struct{ message, err any }
	last := make(map[line]time.Time)
	fetching := 0
	for _, entry := range book.Lines(t) {
		l := line{entry["msg"], cmp.Or(entry["err"], entry["error"])}
		at, err := time.Parse(time.RFC3339Nano, entry["time"].(string))
		require.NoError(t, err)
		if before, known := last[l]; known {
			require.Greater(t, at.Sub(before), 59*time.Second, "%v", l)
		}
		last[l] = at
		if l.message == "producer: Error fetching jobs" {
			fetching++
		}
	}
	require.Positive(t, fetching, "%v", last)
}
