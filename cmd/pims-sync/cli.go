package main

import (
	"fmt"
	"io"

	"github.com/pims-sync/pims-sync/internal/api"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/cli/cliniccmd"
	"github.com/pims-sync/pims-sync/internal/cli/eventcmd"
	"github.com/pims-sync/pims-sync/internal/cli/peoplecmd"
	"github.com/pims-sync/pims-sync/internal/cli/recordingcmd"
	"github.com/pims-sync/pims-sync/internal/cli/synccmd"
	"github.com/pims-sync/pims-sync/internal/seal"
)

// CLI is the grammar of the command line (docs/interface.md §Commands).
type CLI struct {
	cli.Config `embed:""`

	Demo        DemoCmd                  `cmd:"" help:"Show how the program works, with simulated practices and all real parts."`
	Serve       ServeCmd                 `cmd:"" help:"Run a replica: the HTTP API and the syncs."`
	Clinic      cliniccmd.ClinicCmd      `cmd:"" help:"Clinics: add, list, show, set, words, check, disable, export, remove."`
	Clients     cliniccmd.ClientsCmd     `cmd:"" help:"One client of a clinic, who asks for it: export, erase."`
	Credentials cliniccmd.CredentialsCmd `cmd:"" help:"A clinic's PIMS credentials: set, fields, test, show, resume, remove."`
	Schedules   cliniccmd.SchedulesCmd   `cmd:"" help:"When a clinic is synced automatically: show, set, next."`
	Keys        cliniccmd.KeysCmd        `cmd:"" help:"API keys: create, list, revoke; encryption keys: rotate-encryption."`
	FleetKeys   cliniccmd.FleetKeysCmd   `cmd:"" help:"Keys for many clinics: create, list, revoke."`
	StatusLinks peoplecmd.StatusLinksCmd `cmd:"" help:"Links to a practice's page, which says in plain words how its syncs are: create, list, revoke."`
	Sync        synccmd.SyncCmd          `cmd:"" help:"Run a sync: inbound, cases, reconcile, full."`
	Syncs       synccmd.SyncsCmd         `cmd:"" help:"Present and past syncs: list, show, watch, cancel, restore."`
	Cases       synccmd.CasesCmd         `cmd:"" help:"Cases: list, show, compare, changes, history, restore, check-notes."`
	Plans       synccmd.PlansCmd         `cmd:"" help:"What a guard held back: list, show, approve, reject."`
	OperatorLog peoplecmd.OperatorLogCmd `cmd:"" help:"List what people, keys and commands did, newest first."`
	Console     peoplecmd.ConsoleCmd     `cmd:"" help:"Print a link that signs you in to the console, once, within ten minutes."`
	People      peoplecmd.PeopleCmd      `cmd:"" help:"Who may sign in to the console: add, list, set, remove."`
	Webhooks    eventcmd.WebhooksCmd     `cmd:"" help:"Send events to others: add, list, show, test, rotate, disable, enable, remove, deliveries, resend, skip."`
	Doctor      DoctorCmd                `cmd:"" help:"Look for what is wrong with the installation, and say what to do."`
	Neosim      NeosimCmd                `cmd:"" help:"Serve a simulated IDEXX Neo practice."`
	Migrate     MigrateCmd               `cmd:"" help:"Bring the database's schema up to date."`
	Keygen      KeygenCmd                `cmd:"" help:"Print a new key for ENCRYPTION_KEY."`
	OpenAPI     OpenAPICmd               `cmd:"" name:"openapi" help:"Print the OpenAPI 3.1 document of the HTTP API."`
	Completion  CompletionCmd            `cmd:"" help:"Print a shell's completion script: bash, zsh, fish."`
	Complete    CompleteCmd              `cmd:"" name:"__complete" hidden:"" passthrough:"" help:"Print how a command line can continue; the completion scripts call it."`
	Version     VersionCmd               `cmd:"" help:"Print the version, the commit, the Go version and the platform."`

	Recordings recordingcmd.RecordingsCmd `cmd:"" help:"What the PIMS returned to syncs that were recorded: list, show, replay, export, remove."`

	Notifications eventcmd.NotificationsCmd `cmd:"" help:"Tell people of trouble, and of its end: add, list, show, test, mute, remove."`
}

// KeygenCmd prints a key.
type KeygenCmd struct{}

// Run prints a new encryption key.
func (KeygenCmd) Run(std cli.Streams, c *cli.Config) error {
	key := seal.NewKey()
	return cli.Show(std, c, map[string]any{"key": key}, func(w io.Writer) { fmt.Fprintln(w, key) })
}

// OpenAPICmd prints the API's description.
type OpenAPICmd struct{}

// Run prints the document. It is JSON with and without --json.
func (OpenAPICmd) Run(std cli.Streams) error {
	_, err := std.Out.Write(api.OpenAPI())
	return err
}
