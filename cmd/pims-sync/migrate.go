package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/walls"
)

// MigrateCmd brings the schema up to date.
type MigrateCmd struct {
	SingleRole bool `xor:"roles" help:"Go on with one database role where the login may not make others. Then nothing but each statement itself separates the clinics."`
	Seal       bool `xor:"roles" help:"Let no login but the one that migrates act as the owner of the tables: neither the service's, nor one from before the roles."`
	Maintain   bool `help:"Rebuild the indexes of the busiest tables, while everything goes on. Once a month is enough."`
}

// Help shows how the command is used.
func (MigrateCmd) Help() string {
	return `Every command brings the schema up to date at its start. It makes the tables, the database roles, and what each role may do. The flags do more.

Example:
  pims-sync migrate
  MIGRATE_DATABASE_URL=postgres://owner@host/database pims-sync migrate
  MIGRATE_DATABASE_URL=postgres://owner@host/database pims-sync migrate --seal --maintain`
}

type migrationJSON struct {
	Migrated bool        `json:"migrated"`
	Roles    bool        `json:"roles"`
	Revoked  *[]string   `json:"revoked,omitempty"` // with --seal
	Rebuilt  []indexJSON `json:"rebuilt,omitempty"` // with --maintain
}

type indexJSON struct {
	Index  string `json:"index"`
	Before int64  `json:"before"` // bytes
	After  int64  `json:"after"`
}

// Run has nothing to migrate: cli.OpenStore does it, for every command.
func (a MigrateCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	c.SingleRole = a.SingleRole
	return cli.WithStore(ctx, std, c, func(s *app.Store) error {
		done := migrationJSON{Migrated: true, Roles: s.Walled()}
		if a.Seal {
			revoked, err := s.Seal(ctx, cli.By())
			if err != nil {
				return err
			}
			revoked = append([]string{}, revoked...)
			done.Revoked = &revoked
		}
		if a.Maintain {
			rebuilt, err := s.Maintain(ctx)
			if err != nil {
				return err
			}
			done.Rebuilt = indexesJSON(rebuilt)
		}
		return cli.Show(std, c, done, done.print)
	})
}

func indexesJSON(rebuilt []postgres.Index) []indexJSON {
	list := make([]indexJSON, len(rebuilt))
	for i, x := range rebuilt {
		list[i] = indexJSON{x.Name, x.Before, x.After}
	}
	return list
}

func (d *migrationJSON) print(w io.Writer) {
	fmt.Fprintln(w, "The database's schema is up to date.")
	if !d.Roles {
		fmt.Fprintf(w, "One database role does everything: %s.\n", walls.Lost)
	}
	if d.Revoked != nil {
		fmt.Fprintln(w, "The database is sealed: only the login that migrates may act as the owner of the tables.")
		if len(*d.Revoked) > 0 {
			fmt.Fprintf(w, "Until now %s could, too.\n", strings.Join(*d.Revoked, ", "))
		}
	}
	if d.Rebuilt != nil {
		var before, after int64
		for _, x := range d.Rebuilt {
			before, after = before+x.Before, after+x.After
		}
		fmt.Fprintf(w, "%d indexes are rebuilt: %d KiB before, %d KiB now.\n", len(d.Rebuilt), before>>10, after>>10)
	}
}
