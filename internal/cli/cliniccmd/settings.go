package cliniccmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/cli/synccmd"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/render"
	"github.com/pims-sync/pims-sync/internal/settings"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/web"
)

// settingFlags are the flags of `clinic set` that change a clinic's settings (R50).
type settingFlags struct {
	StatusWord   map[string]pims.Status `field:"statuses" help:"What a status word of this practice means: \"In room=in_progress\". The meanings are scheduled, checked_in, in_progress, completed, cancelled, no_show." placeholder:"WORD=MEANING" mapsep:"none"`
	TypeWord     map[string]pims.Type   `field:"types" help:"Which type of case a word in the appointment type makes: \"Dental=surgery\". The types are checkup, surgery, other." placeholder:"WORD=TYPE" mapsep:"none"`
	FilterType   []string               `field:"filters.types" help:"An appointment type that is not to become a case." placeholder:"WORD" sep:"none"`
	FilterRoom   []string               `field:"filters.rooms" help:"A room whose appointments are not to become cases." placeholder:"WORD" sep:"none"`
	FilterStatus []string               `field:"filters.statuses" help:"A status whose appointments are not to become cases." placeholder:"WORD" sep:"none"`
	Forget       []string               `help:"A word to remove from the settings." placeholder:"WORD" sep:"none"`
	SettingsFile string                 `help:"A file with all settings as JSON; - reads standard input." placeholder:"FILE"`
	DryRun       bool                   `help:"Show what the settings would do, by a dry run of a full sync. Store nothing."`
	Yes          bool                   `help:"Store the settings without a dry run and a question. Required with --json and without a terminal."`
}

// given reports whether a flag changes settings.
func (f *settingFlags) given() bool {
	return len(f.StatusWord)+len(f.TypeWord)+len(f.FilterType)+len(f.FilterRoom)+len(f.FilterStatus)+len(f.Forget) > 0 || f.SettingsFile != ""
}

// apply returns the settings that the flags make of the present ones.
func (f *settingFlags) apply(std cli.Streams, present settings.Settings) (settings.Settings, error) {
	if f.SettingsFile != "" {
		document, err := cli.ReadDocument(std.In, "--settings-file", f.SettingsFile)
		if err != nil {
			return present, err
		}
		if present, err = settings.Parse(document); err != nil {
			return present, cli.Usage(fmt.Errorf("--settings-file: %w", err))
		}
	}
	edit := settings.Edit{
		Statuses: f.StatusWord,
		Types:    f.TypeWord,
		Filters:  settings.Filters{Types: f.FilterType, Rooms: f.FilterRoom, Statuses: f.FilterStatus},
		Forget:   f.Forget,
	}
	after, err := edit.Apply(present)
	if wrong, ok := errors.AsType[*settings.FieldError](err); ok && f.SettingsFile == "" {
		return present, syncs.Invalid(wrong.Field, "%s", wrong.Error())
	}
	if err != nil {
		return present, cli.Usage(err)
	}
	return after, nil
}

// changeSettings shows what new settings would do, asks, and stores them (R50).
func (a *ClinicSetCmd) changeSettings(ctx context.Context, std cli.Streams, c *cli.Config) error {
	if a.Name != nil || a.Timezone != nil || a.Enable {
		return cli.Usage(errors.New("--name, --timezone and --enable go in a command of their own, apart from words and filters"))
	}
	ask := !a.Yes && !a.DryRun
	if ask && (c.JSON || !render.IsTerminal(std.In)) {
		return cli.Usage(errors.New("nobody can be asked here: add --dry-run to see what the settings would do, or --yes to store them"))
	}
	if a.Yes && !a.DryRun {
		return cli.WithStore(ctx, std, c, func(s *app.Store) error {
			owner, after, err := a.settingsAfter(ctx, std, s)
			if err != nil {
				return err
			}
			return storeSettings(ctx, std, c, s, owner.ID, after)
		})
	}
	return cli.WithWorker(ctx, std, c, func(e *app.Engine) error {
		owner, after, err := a.settingsAfter(ctx, std, e.Store)
		if err != nil {
			return err
		}
		if err := preview(ctx, std, c, e, owner, after); err != nil || a.DryRun {
			return err
		}
		return a.confirmSettings(ctx, std, c, e.Store, owner, after)
	})
}

func (a *ClinicSetCmd) settingsAfter(ctx context.Context, std cli.Streams, s *app.Store) (owner clinic.Clinic, after settings.Settings, err error) {
	if owner, err = cli.ClinicOf(ctx, s, a.ID.UUID); err != nil {
		return owner, after, err
	}
	after, err = a.apply(std, owner.Settings)
	return owner, after, err
}

// preview runs a full dry run with the settings and prints it.
func preview(ctx context.Context, std cli.Streams, c *cli.Config, e *app.Engine, owner clinic.Clinic, after settings.Settings) error {
	var audit syncs.Audit
	err := cli.Act(ctx, e.Store, cli.Event(access.SyncStart, owner.ID, access.Record{}), func(ctx context.Context, x *access.Event) (err error) {
		audit, err = e.Queue.Start(ctx, syncs.Request{
			ClinicID: owner.ID, Type: syncs.TypeFull, Trigger: syncs.TriggerCLI, Options: syncs.Options{DryRun: true, Settings: &after},
		}, "")
		x.Record = access.RecordOf("sync", audit.ID)
		return err
	})
	if err != nil {
		return fmt.Errorf("what the settings would do cannot be shown: %w; --yes stores them all the same", err)
	}
	return synccmd.CarryOut(ctx, std, c, e, owner, audit)
}

func (a *ClinicSetCmd) confirmSettings(ctx context.Context, std cli.Streams, c *cli.Config, s *app.Store, owner clinic.Clinic, after settings.Settings) error {
	yes, err := cli.Ask(std, fmt.Sprintf("\nThis is what the next sync of %s would do with these settings. No setting deletes a case.\nStore them? [y/N] ", owner.Name))
	if err != nil {
		return err
	}
	if !yes {
		return errors.New("not stored; the settings stay as they are")
	}
	return storeSettings(ctx, std, c, s, owner.ID, after)
}

func storeSettings(ctx context.Context, std cli.Streams, c *cli.Config, s *app.Store, clinicID uuid.UUID, after settings.Settings) error {
	if err := s.Fleet().SetSettings(ctx, cli.By(), clinicID, after); err != nil {
		return err
	}
	return cli.Show(std, c, map[string]any{"clinicId": clinicID, "settings": json.RawMessage(after.JSON())}, func(w io.Writer) {
		fmt.Fprintf(w, "Stored. The next sync applies them. `pims-sync clinic words --clinic %s` shows all words and what they mean.\n", clinicID)
	})
}

// ClinicWordsCmd shows the words that a practice uses.
type ClinicWordsCmd struct {
	Clinic  cli.OfClinic `required:"" help:"The clinic: its id, name, or the beginning of its id."`
	Unknown bool         `help:"Only words that nobody has given a meaning."`
}

type wordJSON struct {
	Kind         settings.Kind `json:"kind"`
	Word         string        `json:"word"`
	Means        *string       `json:"means"`
	By           *string       `json:"by"` // "pims" or "settings"
	Filtered     bool          `json:"filtered"`
	Appointments int           `json:"appointments"`
	FirstSeen    web.Instant   `json:"firstSeen"`
	LastSeen     web.Instant   `json:"lastSeen"`
}

// Run lists the words, the unknown ones first.
func (a *ClinicWordsCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return cli.WithClinic(ctx, std, c, &a.Clinic, func(s *app.Store, owner clinic.Clinic) error {
		words, err := s.Fleet().Words(ctx, owner.ID)
		if err != nil {
			return err
		}
		uses := owner.Settings.Uses(words)
		items := []wordJSON{}
		var rows [][]string
		for i := range uses {
			u := &uses[i]
			if a.Unknown && !u.Unknown() {
				continue
			}
			item := wordOf(u)
			items = append(items, item)
			rows = append(rows, wordRow(u, item))
		}
		document := map[string]any{"clinicId": owner.ID, "settings": json.RawMessage(owner.Settings.JSON()), "words": items}
		return cli.Show(std, c, document, func(w io.Writer) { tellWords(w, owner, rows, unknownWord(uses)) })
	})
}

func tellWords(w io.Writer, owner clinic.Clinic, rows [][]string, unknown *settings.Use) {
	if len(rows) == 0 {
		fmt.Fprintln(w, "No words yet. A sync that writes collects them.")
		return
	}
	render.Table(w, []string{"kind", "word", "means", "by", "appointments", "first seen", "last seen"}, rows)
	if unknown != nil {
		flag, meaning := "--type-word", "checkup"
		if unknown.Kind == settings.KindStatus {
			flag, meaning = "--status-word", "in_progress"
		}
		fmt.Fprintf(w, "\nGive an unknown word a meaning: pims-sync clinic set %s %s %s\n", owner.ID, flag, strconv.Quote(unknown.Word.Word+"="+meaning))
	}
}

// unknownWord returns the first word without a meaning, or nil.
func unknownWord(uses []settings.Use) *settings.Use {
	if len(uses) > 0 && uses[0].Unknown() {
		return &uses[0]
	}
	return nil
}

func wordOf(u *settings.Use) wordJSON {
	return wordJSON{
		Kind: u.Kind, Word: u.Word.Word, Means: web.Text(u.Means), By: web.Text(u.By()), Filtered: u.Filtered, Appointments: u.Appointments,
		FirstSeen: web.Instant(u.FirstSeen), LastSeen: web.Instant(u.LastSeen),
	}
}

func wordRow(u *settings.Use, item wordJSON) []string {
	means, by := "unknown", "-"
	switch {
	case u.Kind == settings.KindRoom:
		means = "-"
	case item.Means != nil:
		means, by = *item.Means, *item.By
	}
	if u.Filtered {
		means = strings.TrimPrefix(means+", no new cases", "-, ")
	}
	return []string{
		string(u.Kind), u.Word.Word, means, by, fmt.Sprint(u.Appointments), u.FirstSeen.UTC().Format(time.DateOnly), u.LastSeen.UTC().Format(time.DateOnly),
	}
}
