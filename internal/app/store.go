package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/pims-sync/pims-sync/internal/fleet"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/embedded"
	"github.com/pims-sync/pims-sync/internal/postgres/fleetstore"
	"github.com/pims-sync/pims-sync/internal/postgres/oplog"
	"github.com/pims-sync/pims-sync/internal/seal"
	"github.com/pims-sync/pims-sync/internal/secret"
)

// A Store is the migrated database of a program, and the embedded server where there is
// one.
type Store struct {
	*postgres.DB

	operatorLog *oplog.Log
	notices     *notices // to people; nil: no mail server

	owner string               // the connection string of the tables' owner
	walls postgres.WallOptions // how the clinics are separated
	log   *slog.Logger

	home   string // where the embedded database's own key is; empty with DATABASE_URL
	asItIs bool   // the schema is not migrated

	mu       sync.Mutex
	embedded *embedded.Database // nil with DATABASE_URL
}

// ownerConns bounds the connections of the owner's login, which only migrates.
const ownerConns = 2

// closing bounds how long the embedded database may take to stop.
const closing = 15 * time.Second

// OpenStore opens the database that the settings name and brings its schema up to date.
// Without DATABASE_URL this is the embedded database: the first program starts it and holds
// it until Close, and the others join it (docs/interface.md §Commands). wait is how long to
// wait for a present owner to end.
func OpenStore(ctx context.Context, settings Settings, log *slog.Logger, wait time.Duration) (*Store, error) {
	told, err := newNotices(settings, log)
	if err != nil {
		return nil, err
	}
	w := postgres.WallOptions{Prefix: settings.Roles, Single: settings.SingleRole}
	if !settings.DatabaseURL.Empty() {
		return connect(ctx, &Store{asItIs: settings.SchemaAsItIs, notices: told}, settings.MigrateURL.Or(settings.DatabaseURL).Reveal(), settings.DatabaseURL.Reveal(), w, log)
	}
	dir := settings.DataDir
	database, err := embedded.Open(ctx, embedded.Options{Dir: dir, Logger: log, Wait: wait})
	if err != nil {
		return nil, err
	}
	return connectEmbedded(ctx, &Store{home: dir, embedded: database, asItIs: settings.SchemaAsItIs, notices: told}, w, log)
}

// OpenScratch opens a new database in a scratch folder, which Close removes. home is the
// folder of its encryption key.
func OpenScratch(ctx context.Context, home string, log *slog.Logger) (*Store, error) {
	database, err := embedded.OpenScratch(ctx, "", log)
	if err != nil {
		return nil, err
	}
	return connectEmbedded(ctx, &Store{home: home, embedded: database}, postgres.WallOptions{}, log)
}

// connectEmbedded is connect for the embedded database: its superuser migrates, and the
// program then works as the service role, which owns nothing (R45).
func connectEmbedded(ctx context.Context, s *Store, w postgres.WallOptions, log *slog.Logger) (*Store, error) {
	owner := s.embedded.URL()
	service, err := postgres.ServiceURL(owner, w.Prefix)
	if err != nil {
		s.Close()
		return nil, err
	}
	w.Login = true
	return connect(ctx, s, owner, service, w, log)
}

// connect completes a store, or closes it. The owner's login migrates; the program works
// with the service's, which may be the same.
func connect(ctx context.Context, s *Store, owner, service string, w postgres.WallOptions, log *slog.Logger) (_ *Store, err error) {
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	if owner != service && !s.asItIs {
		w.Logins = postgres.LoginsOf(service)
		if err := migrate(ctx, owner, w, log); err != nil {
			return nil, err
		}
	}
	db, err := postgres.Open(ctx, postgres.Options{URL: service, Logger: log, Walls: w})
	if err != nil {
		return nil, err
	}
	s.DB, s.operatorLog = db, oplog.New(db, log)
	s.owner, s.walls, s.log = owner, w, log
	if s.asItIs {
		return s, nil
	}
	return s, db.Migrate(ctx)
}

// migrate brings the schema up to date with the owner's login.
func migrate(ctx context.Context, url string, w postgres.WallOptions, log *slog.Logger) error {
	db, err := postgres.Open(ctx, postgres.Options{URL: url, Logger: log, Walls: w, MaxConns: ownerConns})
	if err != nil {
		return err
	}
	defer db.Close()
	return db.Migrate(ctx)
}

// KeepUp opens the embedded database again when it ends before this program: another
// command may have owned it, or it was killed. Its address stays the same, so the pool
// continues to work. KeepUp returns when the context ends, or with an error when the
// database cannot be opened again.
func (s *Store) KeepUp(ctx context.Context, log *slog.Logger) error {
	for s.embedded != nil {
		select {
		case <-ctx.Done():
			return nil
		case <-s.embedded.Done():
		}
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the context's end is how it is told to stop
		}
		log.Warn("The embedded PostgreSQL ended; opening it again", "error", fmt.Sprint(s.embedded.Err()))
		database, err := embedded.Open(ctx, embedded.Options{Dir: s.home, Logger: log})
		if err != nil {
			return fmt.Errorf("the embedded PostgreSQL ended and does not start again: %w", err)
		}
		s.mu.Lock()
		s.embedded = database
		s.mu.Unlock()
	}
	<-ctx.Done()
	return nil
}

// Fleet returns what operators do with the installation.
func (s *Store) Fleet() *fleet.Service { return fleet.New(s.fleetOptions()) }

func (s *Store) fleetOptions() fleet.Options {
	return fleet.Options{
		Restores: s.Cases(),
		Log:      s.operatorLog, Clinics: s.Clinics(), Settings: s.Clinics(), Keys: s.Keys(), FleetKeys: fleetstore.New(s.DB), Credentials: s.Credentials(),
	}
}

// OperatorLog returns the record of what people, keys and the command line do (R44).
func (s *Store) OperatorLog() *oplog.Log { return s.operatorLog }

// Close closes the pool and, where this program owns it, the embedded database.
func (s *Store) Close() {
	s.notices.wait()
	if s.DB != nil {
		s.DB.Close()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.embedded != nil {
		ctx, cancel := context.WithTimeout(context.Background(), closing)
		defer cancel()
		_ = s.embedded.Close(ctx) // it logs what went wrong
	}
}

// keyFile is the name of the file with the embedded database's own encryption key.
const keyFile = "encryption.key"

// Keyring reads ENCRYPTION_KEY, or for the embedded database its generated key, and refuses
// a key of another database (R37).
func (s *Store) Keyring(ctx context.Context, key secret.Text) (*seal.Keyring, error) {
	text := key.Reveal()
	if text == "" {
		if s.home == "" {
			return nil, errors.New("ENCRYPTION_KEY is required with DATABASE_URL; `pims-sync keygen` makes one")
		}
		var err error
		if text, err = generatedKey(filepath.Join(s.home, keyFile)); err != nil {
			return nil, err
		}
	}
	ring, err := seal.ParseKeyring(text)
	if err != nil {
		return nil, err
	}
	if err := ring.Verify(ctx, s.Keys()); err != nil {
		return nil, err
	}
	return ring, nil
}

// generatedKey reads the key file, or makes it with mode 0600. The file is complete or does
// not exist, and two processes that make it at once get the same key.
func generatedKey(path string) (string, error) {
	key, err := os.ReadFile(path)
	if err == nil {
		return strings.TrimSpace(string(key)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("reading the encryption key: %w", err)
	}
	draft, err := os.CreateTemp(filepath.Dir(path), keyFile+".*") // 0600
	if err != nil {
		return "", fmt.Errorf("making the encryption key: %w", err)
	}
	defer os.Remove(draft.Name()) //nolint:errcheck // a draft is nobody's
	_, err = draft.WriteString(seal.NewKey() + "\n")
	if err = errors.Join(err, draft.Sync(), draft.Close()); err != nil {
		return "", fmt.Errorf("writing the encryption key: %w", err)
	}
	// The link appears as a whole or, where another process was quicker, fails.
	if err := os.Link(draft.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("keeping the encryption key: %w", err)
	}
	return generatedKey(path)
}
