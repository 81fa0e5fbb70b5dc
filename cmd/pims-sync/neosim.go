package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
)

// NeosimCmd serves the simulator alone (docs/interface.md §Commands, neosim).
type NeosimCmd struct {
	Listen       string        `help:"Address to listen on." default:"127.0.0.1:8090"`
	Seed         uint64        `help:"Chooses the practice; the same seed gives the same calendar." default:"1"`
	PerDay       int           `help:"Visits on a working day." default:"18"`
	Day          time.Time     `help:"Show the calendar of this date as today's, so that it is the same every day except for the dates. Default: today." format:"2006-01-02" placeholder:"DATE"`
	Timezone     cli.Zone      `help:"The practice's IANA time zone." default:"UTC"`
	Username     string        `help:"What the login accepts." default:"${sim_username}"`
	Password     string        `help:"What the login accepts." default:"${sim_password}"`
	CompanyID    string        `help:"The practice id; the login form then asks for it."`
	Shape        string        `help:"How the calendar names its fields: ${enum}." enum:"snake,camel" default:"snake"`
	Envelope     string        `help:"What encloses the calendar's rows: ${enum}." enum:"array,appointments,data,events" default:"array"`
	Latency      time.Duration `help:"How long every API request takes." default:"0s"`
	LoginLatency time.Duration `help:"How long a login takes." default:"0s"`
}

// Run serves until the context ends.
func (n *NeosimCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	loc, err := clinic.LoadZone(string(n.Timezone))
	if err != nil {
		return err
	}
	listener, err := cli.Listen(ctx, n.Listen, "--listen")
	if err != nil {
		return err
	}
	s := &http.Server{
		ReadHeaderTimeout: 10 * time.Second,
		Handler: neosim.New(neosim.Options{
			Seed: n.Seed, Location: loc, PerDay: n.PerDay, StandsAt: neosim.AsNow, Day: n.Day,
			Username: n.Username, Password: n.Password, CompanyID: n.CompanyID,
			Shape: neosim.Shape(n.Shape), Envelope: neosim.Envelope(n.Envelope),
			Latency: n.Latency, LoginLatency: n.LoginLatency, Control: true,
		}),
	}
	address := "http://" + listener.Addr().String()
	err = cli.Show(std, c, map[string]any{"url": address, "username": n.Username, "password": n.Password, "companyId": n.CompanyID}, func(w io.Writer) {
		fmt.Fprintf(w, `A simulated IDEXX Neo practice is at %[1]s until Ctrl-C.
Log in as %[2]s with password %[3]s. To sync it:

  export PIMS_ALLOWED_HOSTS=%[4]s
  echo '%[3]s' | pims-sync credentials set --clinic ID --base-url %[1]s --username %[2]s --password-stdin

Control it: curl %[1]s/_sim/ tells how, such as: curl -X POST %[1]s/_sim/change-day
`, address, n.Username, n.Password, listener.Addr())
	})
	if err != nil {
		return err
	}
	stop := panics.AfterEnd(ctx, func() { _ = s.Close() }, func(e *panics.Error) { fmt.Fprintln(std.Err, e) })
	defer stop()
	if err := s.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving the simulator: %w", err)
	}
	return nil
}
