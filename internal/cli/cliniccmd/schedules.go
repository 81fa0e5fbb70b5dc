package cliniccmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/fleet"
	"github.com/pims-sync/pims-sync/internal/render"
	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/web"
)

// SchedulesCmd holds the commands on a clinic's schedules.
type SchedulesCmd struct {
	Show SchedulesShowCmd `cmd:"" help:"Show a clinic's schedules and what is wrong with them."`
	Set  SchedulesSetCmd  `cmd:"" help:"Replace a clinic's schedules; running replicas use them at once."`
	Next SchedulesNextCmd `cmd:"" help:"List the next ticks, in the clinic's zone and UTC."`
}

// SchedulesShowCmd shows schedules.
type SchedulesShowCmd struct {
	Clinic cli.OfClinic `required:"" help:"The clinic: its id, name, or the beginning of its id."`
}

type scheduleJSON struct {
	Index   int    `json:"index"`
	Type    string `json:"type"`
	Cron    string `json:"cron"`
	Enabled bool   `json:"enabled"`
	When    string `json:"when"`
}

type problemJSON struct {
	Index  int    `json:"index"`
	Reason string `json:"reason"`
}

// Run shows the entries that run, those that are disabled, and those that are bad (R33).
func (a *SchedulesShowCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return cli.WithClinic(ctx, std, c, &a.Clinic, func(s *app.Store, owner clinic.Clinic) error {
		_, entries, problems, err := s.Fleet().Schedules(ctx, owner.ID)
		if err != nil {
			return err
		}
		if _, err := owner.Location(); err != nil {
			entries, problems = withoutZone(owner.ID, entries, problems)
		}
		document := struct {
			ClinicID uuid.UUID      `json:"clinicId"`
			Entries  []scheduleJSON `json:"entries"`
			Problems []problemJSON  `json:"problems"`
		}{owner.ID, []scheduleJSON{}, []problemJSON{}}
		var rows [][]string
		for _, e := range entries {
			when := fleet.Describe(e)
			document.Entries = append(document.Entries, scheduleJSON{e.Index, string(e.Type), e.Cron, e.Enabled, when})
			rows = append(rows, []string{fmt.Sprint(e.Index), string(e.Type), e.Cron, state(e.Enabled), when})
		}
		for _, p := range problems {
			document.Problems = append(document.Problems, problemJSON{p.Index, p.Reason})
			rows = append(rows, []string{entryName(p.Index), "-", "-", "bad", p.Reason})
		}
		return cli.Show(std, c, document, func(w io.Writer) {
			if len(rows) == 0 {
				fmt.Fprintln(w, "No schedules: nothing runs by itself.")
				return
			}
			render.Table(w, []string{"entry", "type", "cron", "state", "when"}, rows)
		})
	})
}

// entryName returns an entry's position, or "all" for the array itself.
func entryName(index int) string {
	if index < 0 {
		return "all"
	}
	return fmt.Sprint(index)
}

func state(enabled bool) string {
	if enabled {
		return "runs"
	}
	return "disabled"
}

// withoutZone makes a problem of each entry that would run if the clinic had a valid time
// zone (R1).
func withoutZone(clinicID uuid.UUID, entries []clinic.ScheduleEntry, problems []clinic.ScheduleProblem) ([]clinic.ScheduleEntry, []clinic.ScheduleProblem) {
	var disabled []clinic.ScheduleEntry
	for _, e := range entries {
		if !e.Enabled {
			disabled = append(disabled, e)
			continue
		}
		problems = append(problems, clinic.ScheduleProblem{
			Index:  e.Index,
			Reason: fmt.Sprintf("the clinic has no valid time zone: pims-sync clinic set %s --timezone Area/City", clinicID),
		})
	}
	return disabled, problems
}

// SchedulesSetCmd replaces schedules.
type SchedulesSetCmd struct {
	Clinic cli.OfClinic `required:"" help:"The clinic: its id, name, or the beginning of its id."`
	File   string       `required:"" help:"File with the JSON array of entries; - means standard input." placeholder:"FILE" field:"schedules"`
}

// Run stores the whole array, or nothing.
func (a *SchedulesSetCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	document, err := a.read(std.In)
	if err != nil {
		return err
	}
	entries, problems := clinic.ParseSchedules(document, scheduler.CheckEntry)
	if len(problems) > 0 {
		reasons := make([]string, len(problems))
		for i, p := range problems {
			reasons[i] = p.Reason
			if p.Index >= 0 { // else it is about the array itself
				reasons[i] = fmt.Sprintf("entry %d: %s", p.Index, p.Reason)
			}
		}
		return fmt.Errorf("%s; nothing was stored", strings.Join(reasons, "; "))
	}
	return cli.WithClinic(ctx, std, c, &a.Clinic, func(s *app.Store, _ clinic.Clinic) error {
		err := s.Fleet().SetSchedules(ctx, cli.By(), a.Clinic.UUID, document)
		if err != nil {
			return err
		}
		return cli.Show(std, c, map[string]any{"clinicId": a.Clinic.UUID, "entries": len(entries)}, func(w io.Writer) {
			fmt.Fprintf(w, "Stored %s. Next: pims-sync schedules next --clinic %s\n", render.Counted(len(entries), "schedule"), a.Clinic)
		})
	})
}

func (a *SchedulesSetCmd) read(in io.Reader) ([]byte, error) {
	document, err := cli.ReadDocument(in, "--file", a.File)
	if err != nil {
		return nil, fmt.Errorf("%w; nothing was stored", err)
	}
	if !json.Valid(document) {
		return nil, errors.New("the schedules are not valid JSON; nothing was stored")
	}
	return document, nil
}

// SchedulesNextCmd lists the next ticks.
type SchedulesNextCmd struct {
	Clinic cli.OfClinic `required:"" help:"The clinic: its id, name, or the beginning of its id."`
	Days   int          `help:"How many days ahead (1 to 366)." default:"7"`
}

type tickJSON struct {
	Type  string      `json:"type"`
	Local string      `json:"local"`
	UTC   web.Instant `json:"utc"`
}

// Run lists the next ticks, soonest first.
func (a *SchedulesNextCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	if a.Days < 1 || a.Days > 366 {
		return cli.Usage(errors.New("--days must be between 1 and 366"))
	}
	return cli.WithClinic(ctx, std, c, &a.Clinic, func(s *app.Store, owner clinic.Clinic) error {
		ticks, err := s.Fleet().Ticks(ctx, owner.ID, a.Days)
		if err != nil {
			return err
		}
		items, rows := make([]tickJSON, len(ticks)), make([][]string, len(ticks))
		for i, t := range ticks {
			items[i] = tickJSON{string(t.Type), render.DayStamp(t.At, t.At.Location()), web.Instant(t.At)}
			rows[i] = []string{items[i].Local, render.Stamp(t.At, nil), items[i].Type}
		}
		return cli.Show(std, c, map[string]any{"items": items}, func(w io.Writer) {
			render.Table(w, []string{"in the clinic", "utc", "type"}, rows)
		})
	})
}
