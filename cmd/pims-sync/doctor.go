package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/doctor"
)

// DoctorCmd examines the installation.
type DoctorCmd struct {
	SkipBrowser bool `help:"Start no browser."`
}

// Help says what the command looks at.
func (*DoctorCmd) Help() string {
	return `It looks at the disk, the browser, the database with its schema, roles and clock, encryption keys, time zones, the hosts of the clinics' PIMS, replicas, schedules, stuck syncs, webhooks, notifications, and how fresh the clinics' data is. It changes nothing, and sends no request to a PIMS. The exit code is 1 if something is wrong; a warning is not.

Examples:
  pims-sync doctor
  pims-sync doctor --skip-browser --json`
}

type findingJSON struct {
	Check string       `json:"check"`
	State doctor.State `json:"state"`
	Said  string       `json:"said"`
	Next  string       `json:"next,omitempty"`
}

// Run examines the installation and prints what it found.
func (a *DoctorCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	settings, err := c.Settings()
	if err != nil {
		return err
	}
	found := app.Examine(ctx, settings, cli.NewLogger(std.Err, cli.Quietly(c)), app.DoctorOptions{NoBrowser: a.SkipBrowser})
	list := make([]findingJSON, len(found))
	for i, f := range found {
		list[i] = findingJSON(f)
	}
	document := map[string]any{"version": settings.Version, "healthy": !doctor.AnyWrong(found), "findings": list}
	if err := cli.Show(std, c, document, func(w io.Writer) { tellFindings(w, found) }); err != nil {
		return err
	}
	if doctor.AnyWrong(found) {
		return errors.New("something is wrong; each line that begins with \"wrong\" says what to do")
	}
	return nil
}

func tellFindings(w io.Writer, found []doctor.Finding) {
	for _, f := range found {
		said := strings.Join(strings.Fields(f.Said), " ")
		fmt.Fprintf(w, "%-8s %s: %s\n", f.State, f.Check, said)
		if f.Next != "" {
			fmt.Fprintf(w, "%-8s next: %s\n", "", f.Next)
		}
	}
}
