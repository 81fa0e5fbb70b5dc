package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
)

// A wire stands between a program and its PostgreSQL, and counts what the program sends.
type wire struct {
	url string // of the database, through the wire

	mu   sync.Mutex
	sent []sentence
}

// A sentence is one message of the program.
type sentence struct {
	kind byte   // 'E' runs a statement, 'S' ends a round trip, 'Q' is both
	sql  string // of a statement
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
	prepared := map[string]string{}
	portal := ""
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
			w.note(head[0], body, prepared, &portal)
		}
		if _, err := server.Write(append(head, body...)); err != nil {
			return err
		}
	}
}

func (w *wire) note(kind byte, body []byte, prepared map[string]string, portal *string) {
	first, rest, _ := bytes.Cut(body, []byte{0})
	second, _, _ := bytes.Cut(rest, []byte{0})
	s := sentence{kind: kind}
	switch kind {
	case 'P':
		prepared[string(first)] = string(second)
	case 'B':
		*portal = prepared[string(second)]
	case 'E':
		s.sql = *portal
	case 'Q':
		s.sql = string(first)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent = append(w.sent, s)
}

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
		if s.kind == 'Q' || s.kind == 'E' && !strings.HasPrefix(s.sql, "select set_config(") {
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
