package fleet

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/cron"
	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// Schedules reads a clinic's schedules as they are stored, with the entries that are usable
// and what is wrong with the others (R33).
func (s *Service) Schedules(ctx context.Context, clinicID uuid.UUID) (document []byte, entries []clinic.ScheduleEntry, problems []clinic.ScheduleProblem, err error) {
	document, err = s.o.Clinics.Schedules(ctx, clinicID)
	if err != nil || document == nil {
		return nil, nil, nil, err
	}
	entries, problems = clinic.ParseSchedules(document, scheduler.CheckEntry)
	return document, entries, problems, nil
}

// SetSchedules replaces a clinic's schedules by the specification's JSON array, or stores
// nothing where an entry is bad.
func (s *Service) SetSchedules(ctx context.Context, by access.By, clinicID uuid.UUID, document []byte) error {
	if string(bytes.TrimSpace(document)) == "null" { // which stands for none where it is stored
		return syncs.Invalid("schedules", "null is no array of entries, and an empty array is how to have none; nothing was stored")
	}
	if _, problems := clinic.ParseSchedules(document, scheduler.CheckEntry); len(problems) > 0 {
		p := problems[0]
		if p.Index < 0 {
			return syncs.Invalid("schedules", "%s; nothing was stored", p.Reason)
		}
		return syncs.Invalid("schedules", "entry %d: %s; nothing was stored", p.Index, p.Reason)
	}
	return s.o.Log.Act(ctx, by.Event(access.SchedulesSet, clinicID, access.Record{}), func(ctx context.Context, e *access.Event) error {
		before, err := s.o.Clinics.Schedules(ctx, clinicID)
		if err != nil {
			return err
		}
		e.Before = access.Values{"schedules": json.RawMessage(cmp.Or(string(before), "null"))}
		e.After = access.Values{"schedules": json.RawMessage(document)}
		return s.o.Clinics.SetSchedules(ctx, clinicID, document, s.o.Now())
	})
}

// maxTicks bounds a list of ticks.
const maxTicks = 10_000

// A Tick is a moment at which an entry of a schedule is due.
type Tick struct {
	Type syncs.Type
	At   time.Time // in the clinic's zone
}

// Ticks lists the ticks of the next days, soonest first. The error is
// clinic.ErrTimezoneMissing where the clinic has no usable zone.
func (s *Service) Ticks(ctx context.Context, clinicID uuid.UUID, days int) ([]Tick, error) {
	owner, err := s.o.Clinics.Clinic(ctx, clinicID)
	if err != nil {
		return nil, err
	}
	loc, err := owner.Location()
	if err != nil {
		return nil, err
	}
	_, entries, _, err := s.Schedules(ctx, clinicID)
	if err != nil {
		return nil, err
	}
	now := s.o.Now()
	return ticksBetween(entries, now, now.AddDate(0, 0, days), loc)
}

func ticksBetween(entries []clinic.ScheduleEntry, from, to time.Time, loc *time.Location) ([]Tick, error) {
	var ticks []Tick
	for _, e := range entries {
		expression, err := cron.Parse(e.Cron)
		if err != nil || !e.Enabled {
			continue
		}
		for at := range expression.Between(from, to, loc) {
			if len(ticks) == maxTicks {
				return nil, syncs.Invalid("days", "there are over %d ticks; ask for fewer days", maxTicks)
			}
			ticks = append(ticks, Tick{e.Type, at.In(loc)})
		}
	}
	slices.SortStableFunc(ticks, func(x, y Tick) int { return x.At.Compare(y.At) })
	return ticks, nil
}

// Describe says in words when an entry is due.
func Describe(e clinic.ScheduleEntry) string {
	expression, err := cron.Parse(e.Cron)
	if err != nil {
		return fmt.Sprintf("entry %d is bad", e.Index)
	}
	return expression.Describe()
}
