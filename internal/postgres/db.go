package postgres

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/postgres/walls"
)

// MinVersion is the oldest supported major version of PostgreSQL (docs/interface.md
// §Environment, DATABASE_URL).
const MinVersion = 15

const (
	defaultMaxConns = 16
	connectTimeout  = 5 * time.Second

	// poolerPort is the port of Supabase's transaction pooler.
	poolerPort = 6543
	// poolerParam in a URL says that it names a transaction pooler.
	poolerParam = "pgbouncer"
)

// Options say which database to open.
type Options struct {
	// URL is a PostgreSQL connection string. With port 6543 or pgbouncer=true it names a
	// transaction pooler, see Pooled.
	URL string

	// MaxConns bounds the pool; 0 means 16, or pool_max_conns of the URL.
	MaxConns int

	// Pooled means that the connection goes through a transaction pooler: no prepared
	// statements, no LISTEN, no session state.
	Pooled bool

	// Logger receives failures in the background; nil logs nothing.
	Logger *slog.Logger

	// Notice receives the notices that the server sends; nil drops them. Tests read the
	// plans of statements from them.
	Notice func(message string)

	// Walls say how the clinics are separated (R45).
	Walls WallOptions

	// Now is the clock for times that the caller does not give: when a row was made or a
	// plan expired (R3). Nil means time.Now.
	Now func() time.Time
}

// WallOptions say which database roles separate the clinics, and how Migrate makes them.
type WallOptions struct {
	// Prefix begins the names of the roles; empty means walls.DefaultPrefix.
	Prefix string

	// Single lets Migrate go on with one role where there are no others.
	Single bool

	// Logins become members of the service role, if they exist.
	Logins []string

	// Login lets the service role itself connect.
	Login bool
}

// A DB is an open database. It is safe for concurrent use.
type DB struct {
	pool   *pgxpool.Pool
	pooled bool
	logger *slog.Logger
	now    func() time.Time

	wallOptions WallOptions
	roles       walls.Roles
	walled      atomic.Bool // transactions take one of the roles
}

// Open connects to the database. It refuses a server older than MinVersion and a database
// that is not UTF-8. The error wraps syncs.ErrDatabase where the server cannot be reached
// or refuses the login. Open does not check the schema; Migrate does.
func Open(ctx context.Context, o Options) (*DB, error) {
	config, pooled, err := poolConfig(o)
	if err != nil {
		return nil, err
	}
	roles, err := walls.RolesOf(o.Walls.Prefix)
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, connectError(ctx, &config.ConnConfig.Config, err)
	}
	db := &DB{pool: pool, pooled: pooled, logger: cmp.Or(o.Logger, slog.New(slog.DiscardHandler)), now: o.Now}
	if db.now == nil {
		db.now = time.Now
	}
	db.wallOptions, db.roles = o.Walls, roles
	if err := db.checkServer(ctx); err != nil {
		pool.Close()
		return nil, err
	}
	if err := db.learnWalls(ctx); err != nil {
		pool.Close()
		return nil, err
	}
	return db, nil
}

// Now returns the time by the clock of Options.
func (db *DB) Now() time.Time { return db.now() }

// Logger returns the logger of Options.
func (db *DB) Logger() *slog.Logger { return db.logger }

// Pool returns the pool, for the queue.
func (db *DB) Pool() *pgxpool.Pool { return db.pool }

// Pooled reports whether the connection goes through a transaction pooler, so that LISTEN
// does not work and waiters must poll.
func (db *DB) Pooled() bool { return db.pooled }

// Close closes every connection. It waits for those in use.
func (db *DB) Close() { db.pool.Close() }

// Ping returns an error where the database does not answer (docs/interface.md §Endpoints,
// /ready).
func (db *DB) Ping(ctx context.Context) error {
	return db.Translate(ctx, "ping the database", db.pool.Ping(ctx))
}

// checkServer refuses a server that is too old, and a database whose encoding
// cannot hold every name and note.
func (db *DB) checkServer(ctx context.Context) error {
	var version int // as 150014
	var encoding, name string
	err := db.pool.QueryRow(ctx, "select current_setting('server_version_num')::int, current_setting('server_encoding'), current_database()").
		Scan(&version, &encoding, &name)
	if err != nil {
		return db.Translate(ctx, "ask the database for its version", err)
	}
	at := address(&db.pool.Config().ConnConfig.Config)
	if major := version / 10_000; major < MinVersion {
		return fmt.Errorf("the server at %s is PostgreSQL %d, and version %d or newer is needed; upgrade it, or name another in DATABASE_URL",
			at, major, MinVersion)
	}
	if encoding != "UTF8" {
		return fmt.Errorf("the database %q at %s has the encoding %s, and UTF8 is needed; make another with "+
			"`create database NAME encoding 'UTF8' template template0`, and name it in DATABASE_URL", name, at, encoding)
	}
	return nil
}

// poolConfig makes the pool's configuration, and reports whether there is a transaction
// pooler.
func poolConfig(o Options) (config *pgxpool.Config, pooled bool, err error) {
	if err := checkURL(o.URL); err != nil {
		return nil, false, err
	}
	raw, named := cutPoolerParam(o.URL)
	config, err = pgxpool.ParseConfig(raw)
	if err != nil {
		return nil, false, errURL
	}
	conn := config.ConnConfig
	pooled = o.Pooled || named || conn.Port == poolerPort
	if pooled && conn.DefaultQueryExecMode == pgx.QueryExecModeCacheStatement {
		conn.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe // nothing is left on the server
	}
	conn.ConnectTimeout = cmp.Or(conn.ConnectTimeout, connectTimeout)
	if conn.RuntimeParams["application_name"] == "" {
		conn.RuntimeParams["application_name"] = "pims-sync"
	}
	if o.Notice != nil {
		conn.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
			_ = panics.Catch(func() error { o.Notice(n.Message); return nil }) // a notice is not worth a connection
		}
	}
	conn.RuntimeParams["client_encoding"] = "UTF8" // whatever the role or the database sets
	if !pooled {                                   // the queue's own transactions, too: a stopped process must not hold their locks
		conn.RuntimeParams["idle_in_transaction_session_timeout"] = strconv.FormatInt(idleLimit.Milliseconds(), 10)
	}
	switch {
	case o.MaxConns > 0:
		config.MaxConns = int32(min(o.MaxConns, 1000))
	case !namesMaxConns(raw):
		config.MaxConns = defaultMaxConns
	}
	config.MinConns = min(config.MinConns, config.MaxConns)
	return config, pooled, nil
}

// cutPoolerParam removes pgbouncer=… from a URL, which no server knows, and reports whether
// its value was true.
func cutPoolerParam(raw string) (rest string, pooled bool) {
	u, err := url.Parse(raw)
	if err != nil || !u.Query().Has(poolerParam) {
		return raw, false
	}
	query := u.Query()
	pooled = query.Get(poolerParam) == "true"
	query.Del(poolerParam)
	u.RawQuery = query.Encode()
	return u.String(), pooled
}

// namesMaxConns reports whether a URL sets the size of the pool.
func namesMaxConns(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && u.Query().Has("pool_max_conns")
}
