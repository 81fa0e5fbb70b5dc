package peoplecmd

import (
	"context"
	"fmt"
	"io"

	"github.com/pims-sync/pims-sync/internal/api/fleetapi"
	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/practice"
	"github.com/pims-sync/pims-sync/internal/render"
)

// StatusLinksCmd holds the commands on the links to practices' pages (R61).
type StatusLinksCmd struct {
	Create StatusLinksCreateCmd `cmd:"" help:"Make a link to a practice's page; it is shown once."`
	List   StatusLinksListCmd   `cmd:"" help:"List the links to a practice's page."`
	Revoke StatusLinksRevokeCmd `cmd:"" help:"Revoke a link at once."`
}

// StatusLinksCreateCmd makes a link.
type StatusLinksCreateCmd struct {
	Clinic cli.OfClinic `required:"" help:"The clinic: its id, name, or the beginning of its id."`
	Name   cli.Label    `help:"Whom the link is for."`
	serverAddress
}

// Help shows how the command is used.
func (*StatusLinksCreateCmd) Help() string {
	return `Whoever has the link sees, without a sign-in, whether the practice's data is up to date, in plain words and without medical data. Add .json to the link for a JSON document, or .svg for a badge.

Example:
  pims-sync status-links create --clinic "Harbor Lights" --name "front desk"`
}

// Run makes the link.
func (a *StatusLinksCreateCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	base, err := a.url()
	if err != nil {
		return cli.Usage(err)
	}
	return cli.WithClinic(ctx, std, c, &a.Clinic, func(s *app.Store, _ clinic.Clinic) error {
		row, token, err := s.Practice().Create(ctx, cli.By(), a.Clinic.UUID, string(a.Name))
		if err != nil {
			return err
		}
		address := practice.Address(base.String(), token)
		document, err := fleetapi.StatusLinkDocument(&row, address)
		if err != nil {
			return err
		}
		return cli.Show(std, c, document, func(w io.Writer) {
			render.Fields(w, "link", address, "id", row.ID.String())
			fmt.Fprintln(w, "This is the only time that the link is shown.")
		})
	})
}

// StatusLinksListCmd lists links.
type StatusLinksListCmd struct {
	Clinic cli.OfClinic `required:"" help:"The clinic: its id, name, or the beginning of its id."`
}

// Help shows how the command is used.
func (*StatusLinksListCmd) Help() string {
	return "Example:\n  pims-sync status-links list --clinic \"Harbor Lights\" --json"
}

// Run lists the links.
func (a *StatusLinksListCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return cli.WithClinic(ctx, std, c, &a.Clinic, func(s *app.Store, _ clinic.Clinic) error {
		links, err := s.Practice().Links(ctx, a.Clinic.UUID)
		if err != nil {
			return err
		}
		document, err := fleetapi.StatusLinksDocument(links)
		if err != nil {
			return err
		}
		return cli.Show(std, c, document, func(w io.Writer) {
			if len(links) == 0 {
				fmt.Fprintln(w, "No links.")
				return
			}
			rows := make([][]string, len(links))
			for i := range links {
				l := &links[i]
				state := "active"
				if !l.Active {
					state = "revoked"
				}
				rows[i] = []string{l.ID.String(), render.OrDash(l.Name), state, render.Stamp(l.CreatedAt, nil), render.Stamp(l.LastUsedAt, nil)}
			}
			render.Table(w, []string{"id", "name", "state", "created", "last used"}, rows)
		})
	})
}

// StatusLinksRevokeCmd revokes a link.
type StatusLinksRevokeCmd struct {
	ID cli.ID `arg:"" help:"The link's id."`
}

// Help shows how the command is used.
func (*StatusLinksRevokeCmd) Help() string { return "Example:\n  pims-sync status-links revoke ID" }

// Run revokes the link.
func (a *StatusLinksRevokeCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return cli.WithStore(ctx, std, c, func(s *app.Store) error {
		links := s.Practice()
		clinicID, err := links.ClinicOf(ctx, a.ID.UUID)
		if err != nil {
			return cli.NoSuch(err, "link", a.ID.UUID, "status-links list --clinic CLINIC")
		}
		row, err := links.Revoke(ctx, cli.By(), clinicID, a.ID.UUID)
		if err != nil {
			return err
		}
		document, err := fleetapi.StatusLinkDocument(&row, "")
		if err != nil {
			return err
		}
		return cli.Show(std, c, document, func(w io.Writer) { fmt.Fprintf(w, "Link %s is revoked.\n", row.ID) })
	})
}
