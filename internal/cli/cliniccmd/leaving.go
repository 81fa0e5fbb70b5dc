package cliniccmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/leaving"
	"github.com/pims-sync/pims-sync/internal/render"
)

// archiveFlags say where an archive goes.
type archiveFlags struct {
	Output string `help:"File to write; - is stdout. Default: a new file in this folder, named after the clinic and the day." short:"o" placeholder:"FILE"`
}

// ClinicExportCmd writes the archive of a clinic.
type ClinicExportCmd struct {
	ID cli.OfClinic `arg:"" help:"The clinic: its id, name, or the beginning of its id."`

	archiveFlags `embed:""`
}

// Help shows how the command is used.
func (ClinicExportCmd) Help() string {
	return `The file is a zip archive: a table for people (cases.csv), a line of JSON for each record, and a manifest. It has
cases, history, syncs, plans, schedules and settings, and no password and no key. It contains personal data.

Example:
  pims-sync clinic export "Harbor Lights" --output harbor-lights.zip`
}

// Run writes the archive.
func (a *ClinicExportCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return cli.WithStore(ctx, std, c, func(s *app.Store) error {
		return a.export(ctx, std, c, s, leaving.Subject{ClinicID: a.ID.UUID})
	})
}

// export writes the archive of a subject and prints what is in it.
func (a *archiveFlags) export(ctx context.Context, std cli.Streams, c *cli.Config, s *app.Store, subject leaving.Subject) error {
	owner, err := cli.ClinicOf(ctx, s, subject.ClinicID)
	if err != nil {
		return err
	}
	if a.Output == "-" {
		if c.JSON || render.IsTerminal(std.Out) {
			return cli.Usage(errors.New("--output - writes the archive to stdout: redirect stdout to a file, and leave out --json"))
		}
		_, err := s.Export(ctx, cli.By(), std.Out, subject)
		return err
	}
	name := a.Output
	if name == "" {
		name = leaving.FileName(owner.Name, &subject, time.Now())
	}
	manifest, err := leaving.WriteFile(name, func(w io.Writer) (leaving.Manifest, error) { return s.Export(ctx, cli.By(), w, subject) })
	if err != nil {
		return err
	}
	document := map[string]any{"file": name, "clinicId": subject.ClinicID, "counts": manifest.Counts()}
	return cli.Show(std, c, document, func(w io.Writer) {
		fmt.Fprintf(w, "Wrote %s: %s.\nIt contains personal data; only you can read it.\n", name, manifest.Counts())
		if subject.OfClient() && manifest.Counts().Empty() {
			fmt.Fprintln(w, "No case of the clinic names this client: check the id.")
		}
	})
}

// eraseFlags are those of the commands that erase.
type eraseFlags struct {
	DryRun bool `help:"Only count what would be erased."`
	Yes    bool `help:"Do not ask for confirmation. Required with --json and without a terminal."`
}

// agreed asks whether to erase what was counted.
func (a *eraseFlags) agreed(std cli.Streams, c *cli.Config, what string) error {
	if a.Yes {
		return nil
	}
	if c.JSON || !render.IsTerminal(std.In) {
		return cli.Usage(fmt.Errorf("this would erase %s for good; nobody can be asked here: add --yes to do it", what))
	}
	yes, err := cli.Ask(std, fmt.Sprintf("This erases %s for good. Only a backup brings it back.\nErase it? [y/N] ", what))
	if err == nil && !yes {
		err = errors.New("nothing was erased")
	}
	return err
}

// tell prints what was erased, or would be. It adds that to the document.
func (a *eraseFlags) tell(std cli.Streams, c *cli.Config, counts leaving.Counts, document map[string]any) error {
	verb := "Erased"
	if a.DryRun {
		verb = "Would erase"
	}
	document["erased"], document["counts"] = !a.DryRun, counts
	return cli.Show(std, c, document, func(w io.Writer) {
		fmt.Fprintf(w, "%s: %s.\n", verb, counts)
		if !a.DryRun {
			fmt.Fprintln(w, "Backups still have it until they are removed. The operator log has a record of this without any name.")
		}
	})
}

// ClinicRemoveCmd erases a clinic.
type ClinicRemoveCmd struct {
	ID    cli.OfClinic `arg:"" help:"The clinic: its id, name, or the beginning of its id."`
	Erase bool         `required:"" help:"Say that everything is erased. To stop the syncs only, use clinic disable."`

	eraseFlags `embed:""`
}

// Help shows how the command is used.
func (ClinicRemoveCmd) Help() string {
	return `The clinic must be disabled. Its cases, history, syncs, plans, keys, passwords, and the people who could see no other
clinic are erased. Export it before. If a removal is interrupted, run it again: it continues. The login of the tables' owner
is needed (MIGRATE_DATABASE_URL).

Example:
  pims-sync clinic export "Harbor Lights" --output harbor-lights.zip
  pims-sync clinic disable "Harbor Lights"
  pims-sync clinic remove "Harbor Lights" --erase --dry-run
  pims-sync clinic remove "Harbor Lights" --erase`
}

// Run counts what is stored of the clinic, asks for confirmation, and erases it.
func (a *ClinicRemoveCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return withEraser(ctx, std, c, &a.ID, func(owner clinic.Clinic, e app.Eraser) error {
		if owner.Active && !a.DryRun {
			return fmt.Errorf("clinic %s: %w", owner.ID, leaving.ErrActive)
		}
		counts, err := e.CountClinic(ctx, owner.ID)
		if err != nil {
			return err
		}
		if !a.DryRun {
			if err := a.agreed(std, c, owner.Name+" ("+counts.String()+")"); err != nil {
				return err
			}
			if counts, err = e.Clinic(ctx, cli.By(), owner.ID, func(leaving.Counts) {}); err != nil {
				return fmt.Errorf("%w; what was erased so far is gone, run the command again to go on", err)
			}
		}
		return a.tell(std, c, counts, map[string]any{"clinicId": owner.ID})
	})
}

// withEraser opens the database and what erases, and finds the clinic.
func withEraser(ctx context.Context, std cli.Streams, c *cli.Config, of *cli.OfClinic, run func(clinic.Clinic, app.Eraser) error) error {
	return cli.WithClinic(ctx, std, c, of, func(s *app.Store, owner clinic.Clinic) error {
		return s.WithEraser(ctx, func(e app.Eraser) error { return run(owner, e) })
	})
}

// ClientsCmd holds the commands on clients.
type ClientsCmd struct {
	Export ClientsExportCmd `cmd:"" help:"Write what is stored of one client into a file."`
	Erase  ClientsEraseCmd  `cmd:"" help:"Erase one client's cases and their history for good."`
}

// clientFlags name a client. Names are no arguments, because every user of the machine can
// read them (R40).
type clientFlags struct {
	Clinic cli.OfClinic `required:"" help:"The clinic: its id, name, or the beginning of its id." placeholder:"CLINIC"`
	Client string       `help:"The client's id at the PIMS: metadata.appointment.clientId of a case." placeholder:"ID"`
	Case   []cli.ID     `help:"A case of the client that has no client id; repeatable." placeholder:"CASE"`
}

// Validate is called by kong after parsing.
func (a *clientFlags) Validate() error {
	if strings.TrimSpace(a.Client) == "" && len(a.Case) == 0 {
		return errors.New("name the client by --client, or by --case where the cases have no client id")
	}
	return nil
}

func (a *clientFlags) subject() leaving.Subject {
	s := leaving.Subject{ClinicID: a.Clinic.UUID, Client: strings.TrimSpace(a.Client)}
	for _, x := range a.Case {
		s.Cases = append(s.Cases, x.UUID)
	}
	return s
}

// ClientsExportCmd writes the archive of a client.
type ClientsExportCmd struct {
	clientFlags  `embed:""`
	archiveFlags `embed:""`
}

// Help shows how the command is used.
func (ClientsExportCmd) Help() string {
	return `The file is a zip archive like that of clinic export, with the client's cases and their history.

Example:
  pims-sync cases show CASE --json | jq -r .metadata.appointment.clientId     # whose case it is
  pims-sync clients export --clinic "Harbor Lights" --client 48211 --output client.zip`
}

// Run writes the archive.
func (a *ClientsExportCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return cli.WithStore(ctx, std, c, func(s *app.Store) error { return a.export(ctx, std, c, s, a.subject()) })
}

// ClientsEraseCmd erases a client.
type ClientsEraseCmd struct {
	clientFlags `embed:""`
	eraseFlags  `embed:""`
	Unknown     bool `help:"Erase also a client whom no case and no history names: all recordings of the clinic, and the lists of its dry runs, because one of them may. Needed with --yes for such a client."`
}

// Help shows how the command is used.
func (ClientsEraseCmd) Help() string {
	return `Erase the client in the PIMS first: a later sync brings back what the PIMS still shows. Readers of the change feed hear
that the cases are removed. The login of the tables' owner is needed (MIGRATE_DATABASE_URL).

Recordings of the clinic and the lists of its dry runs cannot be searched for one client, so all of them are removed. If no
case and no history names the client, the command says so before it asks: the id may be wrong.

Example:
  pims-sync clients erase --clinic "Harbor Lights" --client 48211 --dry-run
  pims-sync clients erase --clinic "Harbor Lights" --client 48211`
}

// Run counts what is stored of the client, asks for confirmation, and erases it.
func (a *ClientsEraseCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return withEraser(ctx, std, c, &a.Clinic, func(_ clinic.Clinic, e app.Eraser) error {
		subject := a.subject()
		counts, err := e.EraseClient(ctx, subject, true)
		if err != nil {
			return err
		}
		if !a.DryRun {
			if subject.Unknown, err = a.agreed(std, c, counts); err != nil {
				return err
			}
			if counts, err = e.Client(ctx, cli.By(), subject); err != nil {
				return err
			}
		}
		return a.tell(std, c, counts)
	})
}

// agreed asks whether to erase what was counted. It reports whether the client is erased
// although nothing names it.
func (a *ClientsEraseCmd) agreed(std cli.Streams, c *cli.Config, counts leaving.Counts) (unknown bool, err error) {
	what := counts.String()
	if counts.Named() {
		return a.Unknown, a.eraseFlags.agreed(std, c, what)
	}
	switch {
	case a.Unknown && a.Yes:
		return true, nil
	case counts.Empty():
		return false, leaving.ErrUnknownClient
	case a.Yes || c.JSON || !render.IsTerminal(std.In):
		return false, cli.Usage(fmt.Errorf("%w; %s of the clinic cannot be searched for a client: add --yes and --unknown to erase these", leaving.ErrUnknownClient, what))
	}
	fmt.Fprintln(std.Err, unnamed)
	return true, a.eraseFlags.agreed(std, c, what)
}

// unnamed tells people of an id that may be wrong.
const unnamed = "No case and no history of the clinic names this client: check the id. What follows cannot be searched for a client, so it may be about others."

// tell prints what was erased of the client, or would be.
func (a *ClientsEraseCmd) tell(std cli.Streams, c *cli.Config, counts leaving.Counts) error {
	if a.DryRun && !c.JSON && !counts.Named() {
		fmt.Fprintln(std.Out, unnamed)
	}
	return a.eraseFlags.tell(std, c, counts, map[string]any{"clinicId": a.Clinic.UUID, "named": counts.Named()})
}
