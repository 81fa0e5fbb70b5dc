package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/postgres/embedded"
	"github.com/pims-sync/pims-sync/internal/secret"
)

// Config are the settings that every command shares (docs/interface.md §Environment).
type Config struct {
	JSON bool `help:"Print one JSON document, and nothing else, on stdout." group:"output"`

	DatabaseURL   secret.Text `help:"PostgreSQL 15 or newer. Default: an embedded one in the data folder." env:"DATABASE_URL" placeholder:"URL" group:"config"`
	MigrateURL    secret.Text `name:"migrate-database-url" help:"The same database with the login of the tables' owner, who migrates. Default: DATABASE_URL." env:"MIGRATE_DATABASE_URL" placeholder:"URL" group:"config"`
	DatabaseRoles string      `help:"What the names of the database roles begin with." env:"DATABASE_ROLES" default:"pims_sync" placeholder:"PREFIX" group:"config"`
	DataDir       string      `help:"Folder of the embedded database and the generated key. Default: /var/lib/pims-sync as root, else the user's data folder." env:"DATA_DIR" placeholder:"DIR" group:"config"`
	EncryptionKey secret.Text `help:"Keys id:base64 of 32 bytes, comma-separated; the first encrypts. Default with the embedded database: a generated key." env:"ENCRYPTION_KEY" placeholder:"KEY" group:"config"`
	SecretFiles   `embed:""`
	AllowedHosts  []string    `name:"pims-allowed-hosts" help:"Further PIMS hosts, host[:port]. Private addresses and plain http are allowed only for hosts named here." env:"PIMS_ALLOWED_HOSTS" placeholder:"HOST" group:"config"`
	RateLimit     float64     `name:"pims-rate-limit" help:"Requests per second to one PIMS host, over all replicas; 0 means no limit." env:"PIMS_RATE_LIMIT" default:"5" group:"config"`
	SyncTimeoutMS int64       `name:"sync-timeout-ms" help:"How long one sync may work, in milliseconds." env:"SYNC_TIMEOUT_MS" default:"300000" group:"config"`
	ChromiumPath  string      `help:"Path of the headless browser. Default: an installed one." env:"CHROMIUM_PATH" placeholder:"PATH" group:"config"`
	Headless      bool        `help:"Hide the browser." env:"HEADLESS" default:"true" negatable:"" group:"config"`
	SMTPURL       secret.Text `name:"smtp-url" help:"Mail server for notifications, such as smtp://user:password@mail.example.com:587, or smtps://." env:"SMTP_URL" placeholder:"URL" group:"config"`
	MailFrom      string      `help:"Sender of notifications by e-mail." env:"MAIL_FROM" placeholder:"ADDRESS" group:"config"`
	LogLevel      *LogLevel   `help:"debug, info, warn or error. Default: info for serve and demo; other commands log nothing." env:"LOG_LEVEL" placeholder:"LEVEL" group:"config"`
	LogFormat     *string     `help:"json or text. Default: json, text on a terminal." env:"LOG_FORMAT" enum:"json,text" placeholder:"FORMAT" group:"config"`

	Version  string `kong:"-"` // of the program
	Revision string `kong:"-"` // its commit; empty: unknown

	SingleRole bool `kong:"-"` // migrate --single-role

	Named []*OfClinic `kong:"-"` // the clinics that the arguments name
}

// Groups are the headings under which --help shows flags and commands.
var Groups = []kong.Group{
	{Key: "output", Title: "Output:"},
	{Key: "config", Title: "Settings (flags win over the environment):"},
}

// Validate is called by kong after parsing.
func (c *Config) Validate() error {
	switch {
	case c.RateLimit < 0:
		return fmt.Errorf("PIMS_RATE_LIMIT is %v and must be 0 or more", c.RateLimit)
	case c.SyncTimeoutMS <= 0:
		return fmt.Errorf("SYNC_TIMEOUT_MS is %d and must be positive", c.SyncTimeoutMS)
	}
	for _, host := range c.Hosts().Named {
		if strings.Contains(host, "/") {
			return fmt.Errorf("PIMS_ALLOWED_HOSTS takes host[:port] and has %q, which is an address; write %s", withoutUser(host), hostOf(host))
		}
	}
	return nil
}

// withoutUser returns an address without the part that may be a password (R40).
func withoutUser(address string) string {
	if at := strings.LastIndex(address, "@"); at >= 0 {
		return "…" + address[at:]
	}
	return address
}

// hostOf returns the host[:port] of a full address.
func hostOf(address string) string {
	if _, after, found := strings.Cut(address, "://"); found {
		address = after
	}
	host, _, _ := strings.Cut(address, "/")
	if host = host[strings.LastIndex(host, "@")+1:]; host == "" {
		return "localhost:4000, for example"
	}
	return host
}

// LogLevel is a level of the log: debug, info, warn or error, in any case.
type LogLevel struct{ slog.Level }

// UnmarshalText reads the level.
func (l *LogLevel) UnmarshalText(text []byte) error {
	if l.Level.UnmarshalText(text) != nil {
		return errors.New("must be debug, info, warn or error")
	}
	return nil
}

// dataDir returns the folder of the embedded database and the generated key.
func (c *Config) dataDir() (string, error) {
	if c.DataDir == "" {
		return embedded.DefaultDir(os.Getenv)
	}
	return filepath.Abs(c.DataDir)
}

// Settings returns the settings that the parts of the program share.
func (c *Config) Settings() (app.Settings, error) {
	dir, err := c.dataDir()
	if c.DatabaseURL.Empty() && err != nil {
		return app.Settings{}, err
	}
	return app.Settings{
		DatabaseURL:   c.DatabaseURL,
		MigrateURL:    c.MigrateURL,
		Roles:         c.DatabaseRoles,
		SingleRole:    c.SingleRole,
		DataDir:       dir,
		EncryptionKey: c.EncryptionKey,
		Hosts:         c.Hosts(),
		RateLimit:     c.RateLimit,
		SyncTimeout:   time.Duration(c.SyncTimeoutMS) * time.Millisecond,
		ChromiumPath:  c.ChromiumPath,
		Headless:      c.Headless,
		SMTPURL:       c.SMTPURL,
		MailFrom:      c.MailFrom,
		Version:       c.Version,
		Revision:      c.Revision,
	}, nil
}

// OpenStore calls app.OpenStore with a command's settings.
func OpenStore(ctx context.Context, c *Config, log *slog.Logger, wait time.Duration) (*app.Store, error) {
	settings, err := c.Settings()
	if err != nil {
		return nil, err
	}
	return app.OpenStore(ctx, settings, log, wait)
}

// NewEngine calls app.NewEngine with a command's settings.
func NewEngine(ctx context.Context, c *Config, s *app.Store, log *slog.Logger, o app.EngineOptions) (*app.Engine, error) {
	settings, err := c.Settings()
	if err != nil {
		return nil, err
	}
	return app.NewEngine(ctx, settings, s, log, o)
}

// StartServer calls app.StartServer with a command's settings.
func StartServer(ctx context.Context, c *Config, s *app.Store, log *slog.Logger, o app.ServerOptions) (*app.Server, error) {
	settings, err := c.Settings()
	if err != nil {
		return nil, err
	}
	return app.StartServer(ctx, settings, s, log, o)
}

// Hosts returns the hosts that may be contacted (docs/interface.md §Environment).
func (c *Config) Hosts() pims.HostPolicy {
	policy := pims.HostPolicy{Known: app.KnownHosts()}
	for _, host := range c.AllowedHosts {
		if host = strings.TrimSpace(host); host != "" {
			policy.Named = append(policy.Named, host)
		}
	}
	return policy
}

// Actor returns the name of the user, in whose name a command changes things (R14).
func Actor() string { return "os:" + OSUser() }

// OSUser returns the name of the user of the operating system.
func OSUser() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "unknown"
}
