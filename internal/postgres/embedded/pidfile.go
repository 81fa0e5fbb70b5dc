package embedded

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// port is the number in the name of the server's socket; nothing listens on it.
const port = "5432"

// address is where a server listens: a folder with its Unix socket.
type address struct {
	socketDir string
	port      string
}

// socket is the path of the socket itself.
func (a address) socket() string {
	return filepath.Join(a.socketDir, ".s.PGSQL."+a.port)
}

// url is the address as a connection string, for pgx and psql.
func (a address) url() string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.User(superuser),
		Path:     "/" + maintenanceDB,
		RawQuery: url.Values{"host": {a.socketDir}, "port": {a.port}}.Encode(),
	}
	return u.String()
}

// pidFile is what a server writes about itself into postmaster.pid.
type pidFile struct {
	address
	pid    int
	status string // "starting", "stopping", "ready" or "standby"
}

// The lines of postmaster.pid (PostgreSQL's pidfile.h), counted from zero.
const (
	pidLine = iota
	_       // data directory
	_       // start time
	portLine
	socketDirLine
	_ // TCP address
	_ // shared memory key
	statusLine
	pidFileLines
)

// pidFilePath is the place of the pid file in a data directory.
func pidFilePath(data string) string { return filepath.Join(data, "postmaster.pid") }

// readPIDFile reads the pid file of a data directory. A server in its first
// moments has written only some of the lines; the others are then empty.
func readPIDFile(data string) (pidFile, error) {
	content, err := os.ReadFile(pidFilePath(data))
	if err != nil {
		return pidFile{}, err
	}
	var lines [pidFileLines]string
	for i, line := range bytes.SplitN(content, []byte("\n"), pidFileLines+1) {
		if i < pidFileLines {
			lines[i] = strings.TrimSpace(string(line))
		}
	}
	pid, _ := strconv.Atoi(lines[pidLine]) // a torn file names no process: 0
	return pidFile{
		address: address{socketDir: lines[socketDirLine], port: lines[portLine]},
		pid:     pid,
		status:  lines[statusLine],
	}, nil
}

// ready reports whether the server says that it accepts connections.
func (f pidFile) ready() bool { return f.status == "ready" }

// answers reports whether a process listens on the socket that the file names, even if it
// is too busy to answer at once. It distinguishes a running server from the file of a dead
// one, even if another process has its pid now.
func (f pidFile) answers() bool {
	if f.socketDir == "" || f.port == "" {
		return false
	}
	// The end of the caller's context does not mean that the server is dead, so the context
	// is not used.
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "unix", f.socket())
	if err != nil {
		var e net.Error
		return errors.As(err, &e) && e.Timeout()
	}
	_ = conn.Close() // nothing was written
	return true
}
