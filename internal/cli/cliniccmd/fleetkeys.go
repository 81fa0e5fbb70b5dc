package cliniccmd

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/api/fleetapi"
	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/render"
)

// FleetKeysCmd holds the commands on fleet keys (R42).
type FleetKeysCmd struct {
	Create FleetKeysCreateCmd `cmd:"" help:"Create a fleet key; it is shown once."`
	List   FleetKeysListCmd   `cmd:"" help:"List the fleet keys."`
	Revoke FleetKeysRevokeCmd `cmd:"" help:"Revoke a fleet key at once."`
}

// FleetKeysCreateCmd creates a fleet key.
type FleetKeysCreateCmd struct {
	Name    cli.Label      `help:"What the key is for."`
	Scope   string         `required:"" help:"What the key may do: fleet:read, fleet:operate (also syncs, plans, restores) or fleet:admin (also clinics, credentials, keys)." enum:"fleet:read,fleet:operate,fleet:admin"`
	Clinic  []cli.OfClinic `field:"clinics" help:"Limit the key to this clinic: its id, name, or the beginning of its id; repeatable. Default: all clinics." placeholder:"CLINIC" sep:"none"`
	Expires string         `field:"expiresAt" help:"When the key expires: 90d, 12h or a date. Default: never." placeholder:"WHEN"`
}

// Help shows how the command is used.
func (*FleetKeysCreateCmd) Help() string {
	return `A fleet key calls the API for many clinics: /api/clinics lists them, /api/clinics/ID/… is one of them.

Example:
  pims-sync fleet-keys create --name monitor --scope fleet:read --expires 365d
  pims-sync fleet-keys create --scope fleet:operate --clinic "Harbor Lights" --clinic "Pine Hill"`
}

// Run creates the key.
func (a *FleetKeysCreateCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	expires, err := expiry(a.Expires)
	if err != nil {
		return err
	}
	return cli.WithStore(ctx, std, c, func(s *app.Store) error {
		clinics, err := cli.ClinicsOf(ctx, s, a.Clinic)
		if err != nil {
			return err
		}
		row, key, err := s.Fleet().CreateFleetKey(ctx, cli.By(), access.FleetKey{
			Name: string(a.Name), Scope: access.FleetScope(a.Scope), Limited: len(clinics) > 0, Clinics: clinics, ExpiresAt: expires,
		})
		if err != nil {
			return err
		}
		document, err := fleetapi.NewFleetKeyDocument(&row, key)
		if err != nil {
			return err
		}
		return cli.Show(std, c, document, func(w io.Writer) {
			render.Fields(w, "key", key, "id", row.ID.String(), "scope", string(row.Scope), "clinics", clinicList(&row))
			fmt.Fprintln(w, "This is the only time that the key is shown.")
		})
	})
}

// clinicList says to which clinics a key is limited.
func clinicList(k *access.FleetKey) string {
	if !k.Limited {
		return "all"
	}
	ids := make([]string, len(k.Clinics))
	for i, id := range k.Clinics {
		ids[i] = id.String()
	}
	return strings.Join(ids, " ")
}

// FleetKeysListCmd lists fleet keys.
type FleetKeysListCmd struct{}

// Help shows how the command is used.
func (*FleetKeysListCmd) Help() string { return "Example:\n  pims-sync fleet-keys list --json" }

// Run lists the keys.
func (*FleetKeysListCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return cli.WithStore(ctx, std, c, func(s *app.Store) error {
		keys, err := s.Fleet().FleetKeys(ctx)
		if err != nil {
			return err
		}
		document, err := fleetapi.FleetKeysDocument(keys)
		if err != nil {
			return err
		}
		now := time.Now()
		rows := make([][]string, len(keys))
		for i := range keys {
			k := &keys[i]
			state := keyState(k.Active, k.Usable(now))
			rows[i] = []string{k.ID.String(), render.OrDash(k.Name), k.Prefix + "…", string(k.Scope), clinicList(k), state, render.Stamp(k.ExpiresAt, nil), render.Stamp(k.LastUsedAt, nil)}
		}
		return cli.Show(std, c, document, func(w io.Writer) {
			if len(rows) == 0 {
				fmt.Fprintln(w, "No fleet keys.")
				return
			}
			render.Table(w, []string{"id", "name", "key", "scope", "clinics", "state", "expires", "last used"}, rows)
		})
	})
}

// FleetKeysRevokeCmd revokes a fleet key.
type FleetKeysRevokeCmd struct {
	ID cli.ID `arg:"" help:"The key's id."`
}

// Help shows how the command is used.
func (*FleetKeysRevokeCmd) Help() string { return "Example:\n  pims-sync fleet-keys revoke ID" }

// Run revokes the key.
func (a *FleetKeysRevokeCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return cli.WithStore(ctx, std, c, func(s *app.Store) error {
		row, err := s.Fleet().RevokeFleetKey(ctx, cli.By(), a.ID.UUID)
		if err != nil {
			return cli.NoSuch(err, "fleet key", a.ID.UUID, "fleet-keys list")
		}
		document, err := fleetapi.FleetKeyDocument(&row)
		if err != nil {
			return err
		}
		return cli.Show(std, c, document, func(w io.Writer) { fmt.Fprintf(w, "Fleet key %s is revoked.\n", row.ID) })
	})
}
