package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pims-sync/pims-sync/internal/syncs"
)

// Translate turns a driver's error into ours at the boundary of the package: the context's
// cause where the context ended, syncs.ErrDatabase where the database is not available,
// else a queryError. An error that is already ours only gets the operation in front.
func (db *DB) Translate(ctx context.Context, operation string, err error) error {
	if err == nil {
		return nil
	}
	if retryable(err) && db.joined(ctx) != nil {
		return err // Together runs its transaction again
	}
	if ctx.Err() != nil && isDriverError(err) {
		return fmt.Errorf("%s: %w", operation, context.Cause(ctx))
	}
	if connect := (*pgconn.ConnectError)(nil); errors.As(err, &connect) {
		return connectError(ctx, connect.Config, err)
	}
	if unavailable(err) {
		return fmt.Errorf("%s: %w: %s", operation, syncs.ErrDatabase, reason(err))
	}
	if server := (*pgconn.PgError)(nil); errors.As(err, &server) {
		if server.Code == leaseLost {
			return fmt.Errorf("%s: %w", operation, syncs.ErrLeaseLost)
		}
		return &queryError{operation, server}
	}
	return fmt.Errorf("%s: %w", operation, err)
}

// connectError says in one line which server could not be reached or refused the login, and
// why. The driver's own text has several lines and could contain secrets (R40).
func connectError(ctx context.Context, c *pgconn.Config, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("connect to PostgreSQL at %s: %w", address(c), context.Cause(ctx))
	}
	return fmt.Errorf("connect to PostgreSQL at %s: %w: %s; %s", address(c), syncs.ErrDatabase, reason(err), advice(err))
}

// advice says what to do where a connection was not made.
func advice(err error) string {
	server := (*pgconn.PgError)(nil)
	if !errors.As(err, &server) {
		return "check DATABASE_URL and that the server runs"
	}
	switch {
	case server.Code == "3D000":
		return "name another database in DATABASE_URL, or create this one"
	case server.Code == "42501":
		return "give the login of DATABASE_URL the right to connect"
	case strings.HasPrefix(server.Code, "28"):
		return "correct the user or the password in DATABASE_URL, or let the server's pg_hba.conf accept them"
	case strings.HasPrefix(server.Code, "53"):
		return "end other connections, or raise max_connections of the server"
	case strings.HasPrefix(server.Code, "57P"):
		return "wait until the server has started"
	default:
		return "check DATABASE_URL"
	}
}

// address returns where a server listens: host:port, or the path of its socket.
func address(c *pgconn.Config) string {
	if strings.HasPrefix(c.Host, "/") {
		return filepath.Join(c.Host, ".s.PGSQL."+strconv.Itoa(int(c.Port)))
	}
	return net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port)))
}

// reason returns the innermost cause of a failed connection in a few words.
func reason(err error) string {
	var (
		server *pgconn.PgError
		dns    *net.DNSError
		op     *net.OpError
	)
	switch {
	case errors.As(err, &server):
		return server.Message
	case errors.As(err, &dns):
		return "the host name cannot be resolved"
	case pgconn.Timeout(err), errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case errors.As(err, &op):
		return op.Err.Error()
	default:
		return "the connection broke"
	}
}

// unavailable reports whether the database, not the statement, caused the error, so that
// the next attempt may succeed without any change.
func unavailable(err error) bool {
	if server := (*pgconn.PgError)(nil); errors.As(err, &server) {
		return unavailableState(server.Code)
	}
	var wire net.Error
	return errors.As(err, &wire) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, pgconn.ErrConnClosed) || pgconn.Timeout(err) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || pgconn.SafeToRetry(err)
}

// unavailableState is unavailable for an SQLSTATE.
func unavailableState(code string) bool {
	switch code[:min(2, len(code))] {
	case "08", // connection exception
		"53", // insufficient resources
		"58", // system error
		"57", // operator intervention: shut down, cancelled
		"28": // authorization: the server does not let us in
		return true
	}
	switch code {
	case "25006", // read-only: a standby after a failover
		"25P03", // idle in transaction for too long
		"40001", // serialization failure, after the retries
		"40P01", // deadlock, after the retries
		"55P03", // lock not available
		"3D000": // no such database
		return true
	}
	return false
}

// retryable reports whether a transaction that failed with err is known to have changed
// nothing and may succeed when it is run again.
func retryable(err error) bool {
	var server *pgconn.PgError
	return errors.As(err, &server) && (server.Code == "40001" || server.Code == "40P01")
}

// isDriverError reports whether an error comes from the driver, the network or the context,
// not from us.
func isDriverError(err error) bool {
	var server *pgconn.PgError
	return errors.As(err, &server) || unavailable(err) || errors.Is(err, pgx.ErrTxClosed)
}

// Violates reports whether err is the violation of a named constraint or unique
// index.
func Violates(err error, constraint string) bool {
	var server *pgconn.PgError
	return errors.As(err, &server) && server.ConstraintName == constraint
}

// A queryError is the failure of a statement that our code caused. The server's message may
// quote a value, so the error shows only names of the schema (R40): those that come beside
// the message, and the message of class 42 (access denied, or name unknown).
type queryError struct {
	operation string
	server    *pgconn.PgError
}

func (e *queryError) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s: the database refused the statement with SQLSTATE %s", e.operation, e.server.Code)
	for _, of := range []struct{ kind, name string }{
		{"table", e.server.TableName}, {"column", e.server.ColumnName}, {"constraint", e.server.ConstraintName},
	} {
		if of.name != "" {
			fmt.Fprintf(&text, ", %s %s", of.kind, of.name)
		}
	}
	if strings.HasPrefix(e.server.Code, "42") {
		text.WriteString(": " + e.server.Message)
	}
	return text.String()
}

func (e *queryError) Unwrap() error { return e.server }
