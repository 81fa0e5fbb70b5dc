package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/clinic"
)

// ClinicCmd are the commands on clinics.
type ClinicCmd struct {
	Add     ClinicAddCmd     `cmd:"" help:"Add a clinic."`
	List    ClinicListCmd    `cmd:"" help:"List all clinics."`
	Show    ClinicShowCmd    `cmd:"" help:"Show one clinic."`
	Set     ClinicSetCmd     `cmd:"" help:"Change a clinic's name or time zone, or enable it again."`
	Disable ClinicDisableCmd `cmd:"" help:"Stop syncing a clinic; nothing is deleted."`
}

type clinicJSON struct {
	ID        uuid.UUID `json:"id"`
	Name      string    `json:"name"`
	Timezone  string    `json:"timezone"`
	Active    bool      `json:"active"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
}

func clinicDocument(c clinic.Clinic) clinicJSON {
	return clinicJSON{c.ID, c.Name, c.Timezone, c.Active, c.CreatedAt.UTC(), c.UpdatedAt.UTC()}
}

// ClinicAddCmd adds a clinic with the specification's three schedules.
type ClinicAddCmd struct {
	Name     label `required:"" help:"The clinic's name."`
	Timezone zone  `required:"" help:"Its IANA time zone, such as America/Chicago. Every date means its days."`
	ID       id    `name:"id" help:"Its id, where other systems know it already." placeholder:"ID"`
}

// Run adds the clinic.
func (a *ClinicAddCmd) Run(ctx context.Context, std streams, c *Config) error {
	return withStore(ctx, std, c, func(s *store) error {
		added, err := s.Clinics().Add(ctx, clinic.Clinic{ID: a.ID.UUID, Name: string(a.Name), Timezone: string(a.Timezone), Active: true})
		if err != nil {
			return err
		}
		return show(std, c, clinicDocument(added), func(w io.Writer) {
			fmt.Fprintf(w, "Added clinic %s.\nNext: pims-sync credentials set --clinic %s --username USER --password-stdin\n", added.ID, added.ID)
		})
	})
}

// ClinicListCmd lists clinics.
type ClinicListCmd struct{}

// Run lists the clinics.
func (ClinicListCmd) Run(ctx context.Context, std streams, c *Config) error {
	return withStore(ctx, std, c, func(s *store) error {
		clinics, err := s.Clinics().Clinics(ctx)
		if err != nil {
			return err
		}
		documents := make([]clinicJSON, len(clinics))
		rows := make([][]string, len(clinics))
		for i, x := range clinics {
			documents[i] = clinicDocument(x)
			rows[i] = []string{x.ID.String(), x.Name, orDash(x.Timezone), activity(x.Active)}
		}
		return show(std, c, map[string]any{"items": documents}, func(w io.Writer) {
			table(w, []string{"id", "name", "time zone", "state"}, rows)
		})
	})
}

// ClinicShowCmd shows a clinic.
type ClinicShowCmd struct {
	ID id `arg:"" help:"The clinic's id."`
}

// Run shows the clinic.
func (a *ClinicShowCmd) Run(ctx context.Context, std streams, c *Config) error {
	return withStore(ctx, std, c, func(s *store) error {
		found, err := clinicOf(ctx, s, a.ID.UUID)
		if err != nil {
			return err
		}
		return showClinic(std, c, found)
	})
}

func showClinic(std streams, c *Config, x clinic.Clinic) error {
	return show(std, c, clinicDocument(x), func(w io.Writer) {
		fields(w, "id", x.ID.String(), "name", x.Name, "time zone", orDash(x.Timezone), "state", activity(x.Active),
			"created", stamp(x.CreatedAt, nil), "updated", stamp(x.UpdatedAt, nil))
	})
}

// ClinicSetCmd changes a clinic.
type ClinicSetCmd struct {
	ID       id     `arg:"" help:"The clinic's id."`
	Name     *label `help:"Its new name."`
	Timezone *zone  `help:"Its IANA time zone."`
	Enable   bool   `help:"Sync it again after it was disabled."`
}

// Run changes what was named.
func (a *ClinicSetCmd) Run(ctx context.Context, std streams, c *Config) error {
	return changeClinic(ctx, std, c, a.ID.UUID, func(x *clinic.Clinic) {
		if a.Name != nil {
			x.Name = string(*a.Name)
		}
		if a.Timezone != nil {
			x.Timezone = string(*a.Timezone)
		}
		if a.Enable {
			x.Active = true
		}
	})
}

// ClinicDisableCmd stops syncing a clinic.
type ClinicDisableCmd struct {
	ID id `arg:"" help:"The clinic's id."`
}

// Run disables the clinic.
func (a *ClinicDisableCmd) Run(ctx context.Context, std streams, c *Config) error {
	return changeClinic(ctx, std, c, a.ID.UUID, func(x *clinic.Clinic) { x.Active = false })
}

func changeClinic(ctx context.Context, std streams, c *Config, clinicID uuid.UUID, change func(*clinic.Clinic)) error {
	return withStore(ctx, std, c, func(s *store) error {
		found, err := clinicOf(ctx, s, clinicID)
		if err != nil {
			return err
		}
		change(&found)
		changed, err := s.Clinics().Update(ctx, found, time.Now())
		if err != nil {
			return err
		}
		return showClinic(std, c, changed)
	})
}

func activity(active bool) string {
	if active {
		return "active"
	}
	return "disabled"
}
