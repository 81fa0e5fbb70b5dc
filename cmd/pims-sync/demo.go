package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/demo"
	"github.com/pims-sync/pims-sync/internal/render"
	"github.com/pims-sync/pims-sync/internal/secret"
)

// DemoCmd shows how the program works, with simulated practices and real parts
// (docs/interface.md §Commands, demo).
type DemoCmd struct {
	Clinics int  `help:"How many clinics." default:"3"`
	Once    bool `help:"End before the link to the console; exit 0 if all went as it should and the cases are in the database."`
	Story   bool `help:"Show failures instead: another practice's calendar, a stopped deletion, its approval, and the restore."`
}

// Help is shown by demo --help.
func (DemoCmd) Help() string {
	return `Starts simulated IDEXX Neo practices, a PostgreSQL of its own in a scratch folder, and the server. Logs in to each practice with a real headless browser, runs a full sync of each clinic through the HTTP API, lets a day pass in the practices, and syncs again. Then it leaves a plan to approve, a refused login, a first sync that runs and a clinic that is not set up, and prints a link to the console. Nothing of yours is touched; DATABASE_URL is ignored.`
}

// Run runs the demo.
func (d *DemoCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	if d.Clinics < 1 || d.Clinics > 50 {
		return cli.Usage(errors.New("--clinics must be between 1 and 50"))
	}
	scratch, err := os.MkdirTemp("", "pims-sync-demo-")
	if err != nil {
		return fmt.Errorf("making the demo's scratch folder: %w", err)
	}
	defer os.RemoveAll(scratch) //nolint:errcheck // what stays is in the folder for temporary files
	log, closeLog, err := demoLog(c, scratch)
	if err != nil {
		return err
	}
	defer closeLog()
	o, err := d.options(std, c, scratch, log)
	if err != nil {
		return err
	}
	play, err := demo.Raise(ctx, o)
	if err != nil {
		return err
	}
	defer play.Close()
	if d.Story {
		return tellPlay(ctx, std, c, play.Story)
	}
	if err := tellPlay(ctx, std, c, play.Acts); err != nil {
		return err
	}
	if d.Once || !render.IsTerminal(std.Out) {
		return nil
	}
	if err := play.Invite(ctx); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// options returns what is played. Nothing of the user's is touched: the database, the key
// and the data folder are the demo's own.
func (d *DemoCmd) options(std cli.Streams, c *cli.Config, scratch string, log *slog.Logger) (demo.Options, error) {
	own := *c
	own.DatabaseURL, own.EncryptionKey, own.DataDir = secret.Text{}, secret.Text{}, scratch
	own.RateLimit = 0 // the practices are ours
	settings, err := own.Settings()
	o := demo.Options{
		Clinics: d.Clinics, Settings: settings, Log: log, User: cli.OSUser(), Out: std.Out, Live: render.IsTerminal(std.Out),
	}
	if d.Story {
		o.Clinics = 1
	}
	if c.JSON {
		o.Out, o.Live = io.Discard, false
	}
	return o, err
}

// tellPlay plays a part of the demo. With --json it prints the result; the part itself
// prints it for people.
func tellPlay[T interface{ Failure() error }](ctx context.Context, std cli.Streams, c *cli.Config, part func(context.Context) (T, error)) error {
	result, err := part(ctx)
	if err != nil {
		return err
	}
	if err := cli.Show(std, c, result, func(io.Writer) {}); err != nil {
		return err
	}
	return result.Failure()
}

// demoLog writes the server's log to a file, apart from the demo's own output.
func demoLog(c *cli.Config, scratch string) (*slog.Logger, func(), error) {
	file, err := os.Create(filepath.Join(scratch, "demo.log"))
	if err != nil {
		return nil, nil, err
	}
	return cli.NewLogger(file, c), func() { _ = file.Close() }, nil
}
