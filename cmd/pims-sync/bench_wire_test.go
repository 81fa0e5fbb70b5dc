package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
)

// A wire stands between a program and its PostgreSQL, and counts what the program sends for
// clinics. What its loops ask beside depends on how long a sync takes.
type wire struct {
	url string // of the database, through the wire

	mu   sync.Mutex
	sent []sentence
}

// A sentence is one message of the program.
type sentence struct {
	kind byte   // 'E' runs a statement, 'S' ends a round trip, 'Q' is both
	sql  string // of a statement
	own  bool   // it is for a clinic
}

// A talk is what is known of a connection.
type talk struct {
	prepared map[string]string
	portal   string
	own      bool // the scope that was set last has a clinic
	within   bool // a transaction has begun
}

// listenIn puts a wire before a database.
func listenIn(b *testing.B, database string) *wire {
	b.Helper()
	config, err := pgx.ParseConfig(database)
	require.NoError(b, err)
	network, address := pgconn.NetworkAddress(config.Host, config.Port)
	listener, err := (&net.ListenConfig{}).Listen(b.Context(), "tcp", "127.0.0.1:0")
	require.NoError(b, err)
	b.Cleanup(func() { _ = listener.Close() })
	through := url.URL{Scheme: "postgres", User: url.UserPassword(config.User, config.Password), Host: listener.Addr().String(), Path: config.Database, RawQuery: "sslmode=disable"}
	w := &wire{url: through.String()}
	go func() {
		for {
			program, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := (&net.Dialer{}).DialContext(b.Context(), network, address)
			if err != nil {
				_ = program.Close()
				continue
			}
			go func() { defer program.Close(); _, _ = io.Copy(program, server) }()
			go func() { defer server.Close(); _ = w.pass(server, program) }()
		}
	}()
	return w
}

// pass passes on what the program sends, and notes its messages.
func (w *wire) pass(server io.Writer, program io.Reader) error {
	on := talk{prepared: map[string]string{}}
	for n := 4; ; n = 5 { // the first message has no letter
		head := make([]byte, n)
		if _, err := io.ReadFull(program, head); err != nil {
			return err
		}
		body := make([]byte, binary.BigEndian.Uint32(head[n-4:])-4)
		if _, err := io.ReadFull(program, body); err != nil {
			return err
		}
		if n == 5 {
			w.note(head[0], body, &on)
		}
		if _, err := server.Write(slices.Concat(head, body)); err != nil {
			return err
		}
	}
}

func (w *wire) note(kind byte, body []byte, on *talk) {
	first, rest, _ := bytes.Cut(body, []byte{0})
	second, _, _ := bytes.Cut(rest, []byte{0})
	s := sentence{kind: kind}
	switch kind {
	case 'P':
		on.prepared[string(first)] = string(second)
	case 'B':
		on.portal = on.prepared[string(second)]
	case 'E':
		s.sql = on.portal
		if strings.HasPrefix(s.sql, setsScope) {
			on.own = strings.Contains(s.sql, "app.clinic_id")
		}
	case 'Q':
		s.sql = string(first)
		if strings.HasPrefix(s.sql, "begin") {
			on.own, on.within = strings.Contains(s.sql, "app.clinic_id"), true
		}
	}
	s.own = on.own
	over := kind == 'Q' && (s.sql == "commit" || s.sql == "rollback")
	if on.within = on.within && !over; !on.within && (kind == 'S' || over) {
		on.own = false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if s.own {
		w.sent = append(w.sent, s)
	}
}

// setsScope begins the statement that sets the scope of a round trip.
const setsScope = "select set_config("

// rewind forgets what was noted.
func (w *wire) rewind() []sentence {
	w.mu.Lock()
	defer w.mu.Unlock()
	sent := w.sent
	w.sent = nil
	return sent
}

// countOf returns how many statements were sent, without those that set a scope, and in how
// many round trips.
func countOf(sent []sentence) (statements, trips int) {
	for _, s := range sent {
		if s.kind == 'Q' || s.kind == 'S' {
			trips++
		}
		if s.kind == 'Q' || s.kind == 'E' && !strings.HasPrefix(s.sql, setsScope) {
			statements++
		}
	}
	return statements, trips
}

// list returns the statements of each round trip, for a person who looks for some to save.
func list(sent []sentence) string {
	var text bytes.Buffer
	for _, s := range sent {
		switch s.kind {
		case 'Q', 'E':
			fmt.Fprintf(&text, "  %.160s\n", bytes.Join(bytes.Fields([]byte(s.sql)), []byte(" ")))
		case 'S':
			text.WriteString("--\n")
		}
	}
	return text.String()
}
