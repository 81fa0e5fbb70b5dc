package clinicstore

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/values"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/dbsqlc"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/null"
	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/settings"
)

// Clinics stores the clinics and their schedules.
type Clinics struct{ db *postgres.DB }

// NewClinics returns the store of the clinics.
func NewClinics(db *postgres.DB) *Clinics { return &Clinics{db} }

var _ clinic.Store = (*Clinics)(nil)

// Clinic implements clinic.Store.
func (s *Clinics) Clinic(ctx context.Context, id uuid.UUID) (c clinic.Clinic, err error) {
	if id == uuid.Nil {
		return c, clinic.ErrNotFound
	}
	err = s.db.AskInClinic(ctx, "read the clinic", id, func(q *dbsqlc.Queries) error {
		row, err := q.Clinic(ctx, id)
		c = ClinicOf(row)
		return null.Found(err, clinic.ErrNotFound)
	})
	return c, err
}

// Clinics lists all clinics by their names. It crosses clinics (R41).
func (s *Clinics) Clinics(ctx context.Context) (clinics []clinic.Clinic, err error) {
	err = s.db.AskSystem(ctx, "list the clinics", func(q *dbsqlc.Queries) error {
		rows, err := q.Clinics(ctx)
		clinics = values.Convert(rows, ClinicOf)
		return err
	})
	return clinics, err
}

// Add stores a new clinic with the specification's three schedules (R33) and returns it as
// it is stored. It makes up a zero id or creation time. An id that already exists is an
// error.
func (s *Clinics) Add(ctx context.Context, c clinic.Clinic) (added clinic.Clinic, err error) {
	if c.ID == uuid.Nil {
		c.ID = uuid.New()
	}
	if c.CreatedAt.IsZero() {
		c.CreatedAt = s.db.Now()
	}
	limits, err := encodeLimits(c.DeletionLimits)
	if err != nil {
		return added, err
	}
	err = s.db.InClinic(ctx, "add the clinic", c.ID, func(tx pgx.Tx) error {
		q := dbsqlc.New(tx)
		row, err := q.InsertClinic(ctx, dbsqlc.InsertClinicParams{
			ID: c.ID, Name: c.Name, Timezone: null.Text(c.Timezone), IsActive: c.Active, DeletionLimits: limits, CreatedAt: c.CreatedAt,
		})
		if err != nil {
			return null.Found(err, fmt.Errorf("a clinic with the id %s exists already", c.ID))
		}
		added = ClinicOf(row)
		return q.InsertSchedules(ctx, c.ID, clinic.DefaultSchedules(), c.CreatedAt)
	})
	return added, err
}

// Update writes what can be changed of a clinic: name, zone, whether it is active, and the
// limits of its deletion guard. The error is clinic.ErrNotFound where there is none.
func (s *Clinics) Update(ctx context.Context, c clinic.Clinic, at time.Time) (updated clinic.Clinic, err error) {
	limits, err := encodeLimits(c.DeletionLimits)
	if err != nil {
		return updated, err
	}
	err = s.db.AskInClinic(ctx, "change the clinic", c.ID, func(q *dbsqlc.Queries) error {
		row, err := q.UpdateClinic(ctx, dbsqlc.UpdateClinicParams{
			ID: c.ID, Name: c.Name, Timezone: null.Text(c.Timezone), IsActive: c.Active, DeletionLimits: limits, UpdatedAt: at,
		})
		updated = ClinicOf(row)
		return null.Found(err, clinic.ErrNotFound)
	})
	return updated, err
}

// Schedules reads a clinic's schedules as they are stored (R33): the
// specification's JSON array, or nil where the clinic has none.
func (s *Clinics) Schedules(ctx context.Context, clinicID uuid.UUID) (document []byte, err error) {
	err = s.db.AskInClinic(ctx, "read the schedules", clinicID, func(q *dbsqlc.Queries) error {
		document, err = q.Schedules(ctx, clinicID)
		return null.Found(err, nil)
	})
	return document, err
}

// SetSchedules stores a clinic's schedules and notifies the replicas that run them (R33).
// Storing the same schedules again is no change.
func (s *Clinics) SetSchedules(ctx context.Context, clinicID uuid.UUID, document []byte, at time.Time) error {
	return s.db.AskInClinic(ctx, "store the schedules", clinicID, func(q *dbsqlc.Queries) error {
		err := q.PutSchedules(ctx, clinicID, document, at)
		if postgres.Violates(err, "clinic_schedule_configs_clinic_id_fkey") {
			return clinic.ErrNotFound
		}
		return err
	})
}

// AllSchedules reads the schedules of all active clinics. It crosses clinics
// (R41).
func (s *Clinics) AllSchedules(ctx context.Context) (configs []scheduler.Config, err error) {
	err = s.db.AskSystem(ctx, "read all schedules", func(q *dbsqlc.Queries) error {
		rows, err := q.AllSchedules(ctx)
		configs = values.Convert(rows, configOf)
		return err
	})
	return configs, err
}

// SchedulesOf reads the schedules of those of the clinics that are active. It crosses
// clinics (R41).
func (s *Clinics) SchedulesOf(ctx context.Context, clinicIDs []uuid.UUID) (configs []scheduler.Config, err error) {
	err = s.db.AskSystem(ctx, "read schedules", func(q *dbsqlc.Queries) error {
		rows, err := q.SchedulesOf(ctx, clinicIDs)
		configs = values.Convert(rows, func(row dbsqlc.SchedulesOfRow) scheduler.Config { return configOf(dbsqlc.AllSchedulesRow(row)) })
		return err
	})
	return configs, err
}

func configOf(row dbsqlc.AllSchedulesRow) scheduler.Config {
	return scheduler.Config{ClinicID: row.ClinicID, Timezone: null.Value(row.Timezone), Document: row.SyncSchedules, CreatedAt: row.CreatedAt, ChangedAt: row.ChangedAt}
}

// ClinicOf returns the clinic of a row.
func ClinicOf(row dbsqlc.Clinic) clinic.Clinic {
	return clinic.Clinic{
		ID:             row.ID,
		Name:           row.Name,
		Timezone:       null.Value(row.Timezone),
		Active:         row.IsActive,
		DisabledAt:     null.Value(row.DisabledAt),
		DeletionLimits: clinic.DeletionLimits(null.Value(values.JSON[limitsJSON](row.DeletionLimits))),
		Settings:       settings.Stored(row.Settings),
		CreatedAt:      row.CreatedAt,
		UpdatedAt:      row.UpdatedAt,
	}
}

// limitsJSON is clinics.deletion_limits (R23).
type limitsJSON struct {
	MaxCases   int     `json:"maxCases,omitempty"`
	MinAllowed int     `json:"minAllowed,omitempty"`
	Share      float64 `json:"share,omitempty"`
}

func encodeLimits(l clinic.DeletionLimits) ([]byte, error) { return json.Marshal(limitsJSON(l)) }
