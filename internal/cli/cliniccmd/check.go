package cliniccmd

import (
	"context"
	"io"
	"time"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/check"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// ClinicCheckCmd examines a clinic's PIMS.
type ClinicCheckCmd struct {
	Clinic cli.OfClinic `required:"" help:"The clinic: its id, name, or the beginning of its id."`
	Fields bool         `help:"Also list the fields of every answer."`
}

// Help says what the command does and what it does not.
func (*ClinicCheckCmd) Help() string {
	return `It logs in anew and reads; it stores the session and nothing else. The report holds no name, number or note, so you can send it to others. The exit code is 1 if something was not recognised.

  pims-sync clinic check --clinic "Harbor Lights"
  pims-sync clinic check --clinic "Harbor Lights" --json > report.json`
}

// Run examines the PIMS and prints the report, also of an examination that ended early.
func (a *ClinicCheckCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	answers, logins := &check.Answers{Known: knownWords()}, &check.Browser{Now: time.Now}
	watch := app.EngineOptions{
		Private: true,
		Wrap:    answers.Wrap,
		WatchLogins: func(b pims.Browser) pims.Browser {
			logins.Browser = b
			return logins
		},
	}
	return cli.WithClinic(ctx, std, c, &a.Clinic, func(s *app.Store, owner clinic.Clinic) error {
		e, err := cli.NewEngine(ctx, c, s, cli.NewLogger(std.Err, cli.Quietly(c)), watch)
		if err != nil {
			return err
		}
		defer e.Close()
		ctx, cancel := context.WithTimeout(ctx, time.Duration(c.SyncTimeoutMS)*time.Millisecond)
		defer cancel()
		var report check.Report
		examined := e.Connector.Examine(ctx, owner.ID, func(ctx context.Context, connection *clinic.Connection) (err error) {
			report, err = check.Run(ctx, connection, owner.Settings, time.Now())
			return err
		})
		if noted := s.OperatorLog().Note(ctx, cli.Event(access.CredentialsTest, owner.ID, access.Record{}), examined); noted != nil {
			return noted
		}
		document := checkOf(owner, logins.Last(), &report, answers.List(), examined)
		document.Version = c.Version
		if err := cli.Show(std, c, document, func(w io.Writer) { tellCheck(w, &document, a.Fields) }); err != nil {
			return err
		}
		return failureOf(examined)
	})
}

// knownWords returns the words of the wire formats of all providers.
func knownWords() (known pims.Wire) {
	for _, d := range app.Declarations() {
		known.Fields = append(known.Fields, d.Wire.Fields...)
	}
	return known
}

// failureOf returns the failure of an examination in the words of a sync's.
func failureOf(err error) error {
	if err == nil {
		return nil
	}
	if failure := casesync.Explain(err); failure.Code != syncs.CodeInternal {
		return failure
	}
	return err
}
