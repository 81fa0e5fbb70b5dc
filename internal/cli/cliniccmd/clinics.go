package cliniccmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/api/fleetapi"
	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/fleet"
	"github.com/pims-sync/pims-sync/internal/render"
	"github.com/pims-sync/pims-sync/internal/scheduler"
)

// ClinicCmd holds the commands on clinics.
type ClinicCmd struct {
	Add     ClinicAddCmd     `cmd:"" help:"Add a clinic."`
	List    ClinicListCmd    `cmd:"" help:"List all clinics by name, with their states."`
	Show    ClinicShowCmd    `cmd:"" help:"Show one clinic: its state, and each phase."`
	Set     ClinicSetCmd     `cmd:"" help:"Change a clinic's name, time zone, words or filters, or enable it again."`
	Words   ClinicWordsCmd   `cmd:"" help:"Show the status words, types and rooms of a practice, and what they mean."`
	Check   ClinicCheckCmd   `cmd:"" help:"Log in to the PIMS, make one request of each kind, and report what came back."`
	Disable ClinicDisableCmd `cmd:"" help:"Stop syncing a clinic; nothing is deleted."`
	Export  ClinicExportCmd  `cmd:"" help:"Write everything that is stored of a clinic into a file, without secrets."`
	Remove  ClinicRemoveCmd  `cmd:"" help:"Erase a disabled clinic, with its cases and their history, for good."`
}

// ClinicAddCmd adds a clinic with the specification's three schedules.
type ClinicAddCmd struct {
	Name     cli.Label `required:"" help:"The clinic's name."`
	Timezone cli.Zone  `required:"" help:"Its IANA time zone, such as America/Chicago. All dates are in this zone."`
	ID       cli.ID    `name:"id" help:"Its id, if other systems already have one." placeholder:"ID"`

	AllowDuplicate bool `help:"Add it even if a clinic of this name exists."`
}

// Run adds the clinic.
func (a *ClinicAddCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return cli.WithStore(ctx, std, c, func(s *app.Store) error {
		added, err := s.Fleet().AddClinic(ctx, cli.By(), clinic.Clinic{ID: a.ID.UUID, Name: string(a.Name), Timezone: string(a.Timezone)}, a.AllowDuplicate)
		if err != nil {
			return err
		}
		condition, err := scheduler.ReadCondition(ctx, s.Clinics(), added.ID, time.Now())
		if err != nil {
			return err
		}
		document, err := fleetapi.ClinicDocument(&condition)
		if err != nil {
			return err
		}
		return cli.Show(std, c, document, func(w io.Writer) {
			fmt.Fprintf(w, "Added clinic %s.\nNext: pims-sync credentials set --clinic %s --username USER --password-stdin\n", added.ID, added.ID)
		})
	})
}

// ClinicListCmd lists clinics.
type ClinicListCmd struct {
	State *string `help:"Only clinics in this state: off, login_refused, waiting_for_approval, failing, stale, never_synced or ok." enum:"off,login_refused,waiting_for_approval,failing,stale,never_synced,ok" placeholder:"STATE"`
}

// Run lists the clinics with their states.
func (a *ClinicListCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return cli.WithStore(ctx, std, c, func(s *app.Store) error {
		clinics, err := scheduler.ReadConditions(ctx, s.Clinics(), time.Now())
		if err != nil {
			return err
		}
		clinics = slices.DeleteFunc(clinics, func(x scheduler.Condition) bool {
			return a.State != nil && string(x.Verdict().State) != *a.State
		})
		document, err := fleetapi.ClinicsDocument(clinics)
		if err != nil {
			return err
		}
		rows := make([][]string, len(clinics))
		for i := range clinics {
			x := &clinics[i]
			v := x.Verdict()
			rows[i] = []string{
				x.Clinic.ID.String(), x.Clinic.Name, render.OrDash(x.Clinic.Timezone), string(v.State), render.Stamp(v.Since, zoneOf(x)), lastAttempt(x), unusualCounts(x),
			}
		}
		return cli.Show(std, c, document, func(w io.Writer) {
			if len(rows) == 0 {
				fmt.Fprintln(w, "No clinics.")
				return
			}
			render.Table(w, []string{"id", "name", "time zone", "state", "since", "last sync", "unusual"}, rows)
		})
	})
}

// lastAttempt describes when the clinic's latest sync began, and how it ended.
func lastAttempt(x *scheduler.Condition) string {
	at, kind, code := x.LastAttempt()
	switch {
	case at.IsZero():
		return "-"
	case code == "":
		return render.Stamp(at, zoneOf(x)) + " " + string(kind)
	default:
		return render.Stamp(at, zoneOf(x)) + " " + string(kind) + ": " + string(code)
	}
}

// zoneOf returns the zone in which a clinic's times are shown. Nil, for a clinic without a
// zone, shows UTC.
func zoneOf(x *scheduler.Condition) *time.Location {
	loc, _ := x.Clinic.Location()
	return loc
}

// ClinicShowCmd shows a clinic.
type ClinicShowCmd struct {
	ID cli.OfClinic `arg:"" help:"The clinic: its id, name, or the beginning of its id."`
}

// Run shows the clinic.
func (a *ClinicShowCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return cli.WithStore(ctx, std, c, func(s *app.Store) error { return showClinic(ctx, std, c, s, a.ID.UUID) })
}

func showClinic(ctx context.Context, std cli.Streams, c *cli.Config, s *app.Store, clinicID uuid.UUID) error {
	x, err := scheduler.ReadCondition(ctx, s.Clinics(), clinicID, time.Now())
	if err != nil {
		return cli.NoSuch(err, "clinic", clinicID, "clinic list")
	}
	encoded, err := fleetapi.ClinicDocument(&x)
	if err != nil {
		return err
	}
	var document map[string]any
	if err := json.Unmarshal(encoded, &document); err != nil {
		return err
	}
	return cli.Show(std, c, document, func(w io.Writer) {
		tellClinic(w, &x)
		tellDrift(w, x.Drifted, zoneOf(&x))
	})
}

// tellDrift lists which changes of the PIMS's answers hold (R51).
func tellDrift(w io.Writer, told []scheduler.ChangedForm, loc *time.Location) {
	if len(told) == 0 {
		return
	}
	rows := make([][]string, len(told))
	for i, t := range told {
		rows[i] = []string{string(t.Type), t.Change, render.Stamp(t.At, loc)}
	}
	fmt.Fprintln(w, "\nThe PIMS returns another form than before:")
	render.Table(w, []string{"sync", "changed", "told"}, rows)
}

func tellClinic(w io.Writer, x *scheduler.Condition) {
	loc, v := zoneOf(x), x.Verdict()
	why := string(v.State)
	if v.Code != "" {
		why += " (" + string(v.Code) + ")"
	}
	render.Fields(w, "id", x.Clinic.ID.String(), "name", x.Clinic.Name, "time zone", render.OrDash(x.Clinic.Timezone),
		"state", why, "since", render.Stamp(v.Since, loc), "last sync", lastAttempt(x), "running", runningSync(x),
		"open plans", fmt.Sprint(x.Plans.Open), "credentials", credentialState(x),
		"created", render.Stamp(x.Clinic.CreatedAt, loc), "updated", render.Stamp(x.Clinic.UpdatedAt, loc))
	rows := make([][]string, len(x.Phases))
	for i := range x.Phases {
		p := &x.Phases[i]
		rows[i] = []string{
			string(p.Type), render.Stamp(p.LastSuccess, loc), render.Stamp(p.LastAttempt, loc), render.OrDash(string(p.LastCode)), render.Stamp(p.Next, loc), yesNo(p.Stale()),
		}
	}
	fmt.Fprintln(w)
	render.Table(w, []string{"phase", "last success", "last sync", "code", "next", "stale"}, rows)
	tellUnusual(w, x)
}

// runningSync describes the sync that runs for the clinic.
func runningSync(x *scheduler.Condition) string {
	r := x.Running
	switch {
	case r == nil:
		return "-"
	case r.DryRun:
		return string(r.Type) + " (dry run) since " + render.Stamp(r.Since, zoneOf(x))
	default:
		return string(r.Type) + " since " + render.Stamp(r.Since, zoneOf(x))
	}
}

// credentialState describes in a few words whether the clinic's credentials can be used.
func credentialState(x *scheduler.Condition) string {
	k := &x.Credentials
	switch loc := zoneOf(x); {
	case !k.Set:
		return "none"
	case !k.SuspendedAt.IsZero():
		return x.Provider + ", suspended since " + render.Stamp(k.SuspendedAt, loc)
	case !k.TestedAt.IsZero():
		return x.Provider + ", tested " + render.Stamp(k.TestedAt, loc) + ": " + k.TestOutcome
	default:
		return x.Provider
	}
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// ClinicSetCmd changes a clinic.
type ClinicSetCmd struct {
	ID       cli.OfClinic `arg:"" help:"The clinic: its id, name, or the beginning of its id."`
	Name     *cli.Label   `help:"Its new name."`
	Timezone *cli.Zone    `help:"Its IANA time zone."`
	Enable   bool         `help:"Sync it again after it was disabled."`

	settingFlags `embed:""`
}

// Validate is called by kong after parsing.
func (a *ClinicSetCmd) Validate() error {
	own := a.Name != nil || a.Timezone != nil || a.Enable
	switch {
	case a.given():
		return nil
	case own && a.DryRun:
		return errors.New("--dry-run is for words and filters: --name, --timezone and --enable have none")
	case !own:
		return errors.New("name what to change: --name, --timezone, --enable, " +
			"or words and filters by --status-word, --type-word, --filter-type, --filter-room, --filter-status, --forget or --settings-file")
	}
	return nil
}

// Run changes what the flags name.
func (a *ClinicSetCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	if a.given() {
		return a.changeSettings(ctx, std, c)
	}
	change := fleet.ClinicChange{Name: (*string)(a.Name), Timezone: (*string)(a.Timezone)}
	if a.Enable {
		change.Active = new(true)
	}
	return changeClinic(ctx, std, c, &a.ID, change)
}

// ClinicDisableCmd stops syncing a clinic.
type ClinicDisableCmd struct {
	ID cli.OfClinic `arg:"" help:"The clinic: its id, name, or the beginning of its id."`
}

// Run disables the clinic.
func (a *ClinicDisableCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return changeClinic(ctx, std, c, &a.ID, fleet.ClinicChange{Active: new(false)})
}

func changeClinic(ctx context.Context, std cli.Streams, c *cli.Config, of *cli.OfClinic, change fleet.ClinicChange) error {
	return cli.WithStore(ctx, std, c, func(s *app.Store) error {
		if _, err := s.Fleet().SetClinic(ctx, cli.By(), of.UUID, change); err != nil {
			return cli.NoSuch(err, "clinic", of.UUID, "clinic list")
		}
		return showClinic(ctx, std, c, s, of.UUID)
	})
}
