package cli

import (
	"context"
	"log/slog"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/clinic"
)

// WithStore opens the database for one command, and finds the clinics that its arguments
// name.
func WithStore(ctx context.Context, std Streams, c *Config, run func(*app.Store) error) error {
	log := NewLogger(std.Err, Quietly(c))
	s, err := OpenStore(ctx, c, log.With("namespace", "pims-sync:database"), 0)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := findClinics(ctx, s, c.Named); err != nil {
		return err
	}
	return run(s)
}

// WithClinic is WithStore for a command on one clinic. Its error says how to find the right
// one. It takes a pointer because the id is not known before.
func WithClinic(ctx context.Context, std Streams, c *Config, of *OfClinic, run func(*app.Store, clinic.Clinic) error) error {
	return WithStore(ctx, std, c, func(s *app.Store) error {
		owner, err := ClinicOf(ctx, s, of.UUID)
		if err != nil {
			return err
		}
		return run(s, owner)
	})
}

// WithEngine opens the database and the engine for one command. The engine works only on
// the command's own sync.
func WithEngine(ctx context.Context, std Streams, c *Config, run func(*app.Engine) error) error {
	return WithStore(ctx, std, c, func(s *app.Store) error {
		e, err := NewEngine(ctx, c, s, NewLogger(std.Err, Quietly(c)), app.EngineOptions{Private: true})
		if err != nil {
			return err
		}
		defer e.Close()
		return run(e)
	})
}

// Quietly returns the configuration without a log, unless the user asked for a level. A
// command prints its result, and one line on failure (docs/interface.md §Commands).
func Quietly(c *Config) *Config {
	if c.LogLevel != nil {
		return c
	}
	quiet := *c
	quiet.LogLevel = &LogLevel{slog.LevelError + 1}
	return &quiet
}

// ClinicOf reads the clinic that a command names. Its error says how to find the right id.
func ClinicOf(ctx context.Context, s *app.Store, clinicID uuid.UUID) (clinic.Clinic, error) {
	found, err := s.Clinics().Clinic(ctx, clinicID)
	return found, NoSuch(err, "clinic", clinicID, "clinic list")
}

// ClinicsOf returns the ids of the clinics to which a command limits something. Its error
// is that of ClinicOf.
func ClinicsOf(ctx context.Context, s *app.Store, named []OfClinic) (ids []uuid.UUID, err error) {
	for i := range named {
		if _, err := ClinicOf(ctx, s, named[i].UUID); err != nil {
			return nil, err
		}
		ids = append(ids, named[i].UUID)
	}
	return ids, nil
}
