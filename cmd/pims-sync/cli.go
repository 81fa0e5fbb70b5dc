package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/api"
	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/postgres/walls"
	"github.com/pims-sync/pims-sync/internal/seal"
)

// CLI is the grammar of the command line (docs/interface.md §Commands).
type CLI struct {
	Config `embed:""`

	Demo        DemoCmd        `cmd:"" help:"Show how the program works, with simulated practices and all real parts."`
	Serve       ServeCmd       `cmd:"" help:"Run a replica: the HTTP API and the syncs."`
	Clinic      ClinicCmd      `cmd:"" help:"Clinics: add, list, show, set, words, check, disable."`
	Credentials CredentialsCmd `cmd:"" help:"A clinic's PIMS credentials: set, fields, test, show, resume, remove."`
	Schedules   SchedulesCmd   `cmd:"" help:"When a clinic is synced automatically: show, set, next."`
	Keys        KeysCmd        `cmd:"" help:"API keys: create, list, revoke; encryption keys: rotate-encryption."`
	FleetKeys   FleetKeysCmd   `cmd:"" help:"Keys for many clinics: create, list, revoke."`
	Sync        SyncCmd        `cmd:"" help:"Run a sync: inbound, cases, reconcile, full."`
	Syncs       SyncsCmd       `cmd:"" help:"Present and past syncs: list, show, watch, cancel, restore."`
	Cases       CasesCmd       `cmd:"" help:"Cases: list, show, changes, history, restore, check-notes."`
	Plans       PlansCmd       `cmd:"" help:"What a guard held back: list, show, approve, reject."`
	OperatorLog OperatorLogCmd `cmd:"" help:"List what people, keys and commands did, newest first."`
	Console     ConsoleCmd     `cmd:"" help:"Print a link that signs you in to the console, once, within ten minutes."`
	People      PeopleCmd      `cmd:"" help:"Who may sign in to the console: add, list, set, remove."`
	Webhooks    WebhooksCmd    `cmd:"" help:"Send events to others: add, list, show, test, rotate, disable, enable, remove, deliveries, resend, skip."`
	Neosim      NeosimCmd      `cmd:"" help:"Serve a simulated IDEXX Neo practice."`
	Migrate     MigrateCmd     `cmd:"" help:"Bring the database's schema up to date."`
	Keygen      KeygenCmd      `cmd:"" help:"Print a new key for ENCRYPTION_KEY."`
	OpenAPI     OpenAPICmd     `cmd:"" name:"openapi" help:"Print the OpenAPI 3.1 document of the HTTP API."`
	Completion  CompletionCmd  `cmd:"" help:"Print a shell's completion script: bash, zsh, fish."`
	Complete    CompleteCmd    `cmd:"" name:"__complete" hidden:"" passthrough:"" help:"Print how a command line can continue; the completion scripts call it."`
	Version     VersionCmd     `cmd:"" help:"Print the version, the commit, the Go version and the platform."`

	Notifications NotificationsCmd `cmd:"" help:"Tell people of trouble, and of its end: add, list, test, mute, remove."`
}

// withStore opens the database for one command, and finds the clinics that its arguments
// name.
func withStore(ctx context.Context, std streams, c *Config, run func(*app.Store) error) error {
	log := newLogger(std.err, quietly(c))
	s, err := openStore(ctx, c, log.With("namespace", "pims-sync:database"), 0)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := findClinics(ctx, s, c.named); err != nil {
		return err
	}
	return run(s)
}

// withEngine opens the database and the engine for one command. The engine works only on
// the command's own sync.
func withEngine(ctx context.Context, std streams, c *Config, run func(*app.Engine) error) error {
	return withStore(ctx, std, c, func(s *app.Store) error {
		e, err := newEngine(ctx, c, s, newLogger(std.err, quietly(c)), app.EngineOptions{Private: true})
		if err != nil {
			return err
		}
		defer e.Close()
		return run(e)
	})
}

// quietly returns the configuration without a log, unless the user asked for a level. A
// command prints its result, and one line on failure (docs/interface.md §Commands).
func quietly(c *Config) *Config {
	if c.LogLevel != nil {
		return c
	}
	quiet := *c
	quiet.LogLevel = &logLevel{slog.LevelError + 1}
	return &quiet
}

// clinicOf reads the clinic that a command names. Its error says how to find the right id.
func clinicOf(ctx context.Context, s *app.Store, clinicID uuid.UUID) (clinic.Clinic, error) {
	found, err := s.Clinics().Clinic(ctx, clinicID)
	return found, noSuch(err, "clinic", clinicID, "clinic list")
}

// MigrateCmd brings the schema up to date.
type MigrateCmd struct {
	SingleRole bool `help:"Go on with one database role where the login may not make others. Then nothing but each statement itself separates the clinics."`
}

// Help shows how the command is used.
func (MigrateCmd) Help() string {
	return `Every command does this at its start. It makes the tables, the database roles, and what each role may do.

Example:
  pims-sync migrate
  MIGRATE_DATABASE_URL=postgres://owner@host/database pims-sync migrate`
}

// Run has nothing to do: openStore migrates, for every command.
func (a MigrateCmd) Run(ctx context.Context, std streams, c *Config) error {
	c.singleRole = a.SingleRole
	return withStore(ctx, std, c, func(s *app.Store) error {
		return show(std, c, map[string]any{"migrated": true, "roles": s.Walled()}, func(w io.Writer) {
			fmt.Fprintln(w, "The database's schema is up to date.")
			if !s.Walled() {
				fmt.Fprintf(w, "One database role does everything: %s.\n", walls.Lost)
			}
		})
	})
}

// KeygenCmd prints a key.
type KeygenCmd struct{}

// Run prints a new encryption key.
func (KeygenCmd) Run(std streams, c *Config) error {
	key := seal.NewKey()
	return show(std, c, map[string]any{"key": key}, func(w io.Writer) { fmt.Fprintln(w, key) })
}

// OpenAPICmd prints the API's description.
type OpenAPICmd struct{}

// Run prints the document. It is JSON with and without --json.
func (OpenAPICmd) Run(std streams) error {
	_, err := std.out.Write(api.OpenAPI())
	return err
}
