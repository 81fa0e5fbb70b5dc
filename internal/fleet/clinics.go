package fleet

import (
	"bytes"
	"context"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// AddClinic adds an active clinic with the name and zone of a draft, and the
// specification's schedules (R33). A name that another clinic has is refused unless
// duplicate: both would be synced from one practice.
func (s *Service) AddClinic(ctx context.Context, by access.By, draft clinic.Clinic, duplicate bool) (added clinic.Clinic, err error) {
	return s.add(ctx, by, draft, duplicate, false)
}

// AddHeld is AddClinic with every entry of the schedule off, for a clinic that a person sets
// up step by step: nothing runs by itself before they turn it on.
func (s *Service) AddHeld(ctx context.Context, by access.By, draft clinic.Clinic) (added clinic.Clinic, err error) {
	return s.add(ctx, by, draft, false, true)
}

func (s *Service) add(ctx context.Context, by access.By, draft clinic.Clinic, duplicate, held bool) (added clinic.Clinic, err error) {
	if draft.Name, err = name("name", draft.Name); err != nil {
		return added, err
	}
	if err := checkZone(draft.Timezone); err != nil {
		return added, err
	}
	if !duplicate {
		if err := s.checkDuplicate(ctx, draft.Name); err != nil {
			return added, err
		}
	}
	draft.Active = true
	err = s.o.Log.Act(ctx, by.Event(access.ClinicAdd, uuid.Nil, access.Record{}), func(ctx context.Context, e *access.Event) (err error) {
		added, err = s.o.Clinics.Add(ctx, draft)
		e.ClinicID, e.After = added.ID, clinicValues(&added)
		if err != nil || !held {
			return err
		}
		off := bytes.ReplaceAll(clinic.DefaultSchedules(), []byte(`"enabled": true`), []byte(`"enabled": false`))
		return s.o.Clinics.SetSchedules(ctx, added.ID, off, s.o.Now())
	})
	return added, err
}

func (s *Service) checkDuplicate(ctx context.Context, name string) error {
	all, err := s.o.Clinics.Clinics(ctx)
	if err != nil {
		return err
	}
	for _, x := range all {
		if clinic.SameName(x.Name, name) {
			return syncs.Invalid("name", "there is a clinic of this name already, %s; use it, or add another with allowDuplicate", x.ID)
		}
	}
	return nil
}

// A ClinicChange is what SetClinic changes; nil fields stay.
type ClinicChange struct {
	Name     *string
	Timezone *string
	Active   *bool
	Limits   *clinic.DeletionLimits // of the deletion guard (R23)
}

// SetClinic changes a clinic. A change of nothing is no action (R44). The error is
// clinic.ErrNotFound where there is no such clinic.
func (s *Service) SetClinic(ctx context.Context, by access.By, id uuid.UUID, change ClinicChange) (changed clinic.Clinic, err error) {
	if change == (ClinicChange{}) {
		return s.o.Clinics.Clinic(ctx, id)
	}
	if change.Name != nil {
		checked, err := name("name", *change.Name)
		if err != nil {
			return changed, err
		}
		change.Name = &checked
	}
	if change.Timezone != nil {
		if err := checkZone(*change.Timezone); err != nil {
			return changed, err
		}
	}
	if change.Limits != nil {
		if err := checkLimits(*change.Limits); err != nil {
			return changed, err
		}
	}
	action := access.ClinicSet
	if change.Active != nil && !*change.Active {
		action = access.ClinicDisable
	}
	err = s.o.Log.Act(ctx, by.Event(action, id, access.Record{}), func(ctx context.Context, e *access.Event) error {
		x, err := s.o.Clinics.Clinic(ctx, id)
		if err != nil {
			return err
		}
		e.Before = clinicValues(&x)
		change.apply(&x)
		e.After = clinicValues(&x)
		changed, err = s.o.Clinics.Update(ctx, x, s.o.Now())
		return err
	})
	return changed, err
}

func (c *ClinicChange) apply(to *clinic.Clinic) {
	if c.Name != nil {
		to.Name = *c.Name
	}
	if c.Timezone != nil {
		to.Timezone = *c.Timezone
	}
	if c.Active != nil {
		to.Active = *c.Active
	}
	if c.Limits != nil {
		to.DeletionLimits = *c.Limits
	}
}

// The largest limits of the deletion guard. With them the guard still refuses half of many
// cases, a whole day, and an empty PIMS (R23).
const (
	mostDeletions = 1000
	mostShare     = 0.5
)

func checkLimits(l clinic.DeletionLimits) error {
	switch {
	case l.MaxCases < 0 || l.MaxCases > mostDeletions:
		return syncs.Invalid("deletionLimits.maxCases", "deletionLimits.maxCases must be from 0 to %d; 0 is the default", mostDeletions)
	case l.MinAllowed < 0 || l.MinAllowed > mostDeletions:
		return syncs.Invalid("deletionLimits.minAllowed", "deletionLimits.minAllowed must be from 0 to %d; 0 is the default", mostDeletions)
	case !(l.Share >= 0 && l.Share <= mostShare):
		return syncs.Invalid("deletionLimits.share", "deletionLimits.share must be from 0 to %g; 0 is the default", mostShare)
	}
	return nil
}

func checkZone(zone string) error {
	if _, err := clinic.LoadZone(zone); err != nil {
		return syncs.Invalid("timezone", "timezone must be an IANA time zone such as America/Chicago")
	}
	return nil
}

// clinicValues returns what the record of an action shows of a clinic.
func clinicValues(c *clinic.Clinic) access.Values {
	values := access.Values{"name": c.Name, "timezone": c.Timezone, "active": c.Active}
	if l := c.DeletionLimits; l != (clinic.DeletionLimits{}) {
		values["deletionLimits"] = access.Values{"maxCases": l.MaxCases, "minAllowed": l.MinAllowed, "share": l.Share}
	}
	return values
}
