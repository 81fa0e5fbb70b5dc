package screen

import (
	"context"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/fleet"
	"github.com/pims-sync/pims-sync/internal/people"
	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A Fleet knows the state of every clinic.
type Fleet interface {
	// Conditions returns what is known of every clinic at present, ordered by name.
	Conditions(ctx context.Context) ([]scheduler.Condition, error)

	// Condition returns what is known of one clinic. The error is clinic.ErrNotFound where
	// there is none.
	Condition(ctx context.Context, clinicID uuid.UUID) (scheduler.Condition, error)
}

// Clinics reads clinics.
type Clinics interface {
	// Clinic returns one clinic, or clinic.ErrNotFound.
	Clinic(ctx context.Context, id uuid.UUID) (clinic.Clinic, error)

	// Clinics lists all clinics by their names.
	Clinics(ctx context.Context) ([]clinic.Clinic, error)
}

// Queue starts and ends syncs.
type Queue interface {
	Start(ctx context.Context, request syncs.Request, idempotencyKey string) (syncs.Audit, error)
	Cancel(ctx context.Context, clinicID, syncID uuid.UUID, actor string) (syncs.Audit, error)
}

// Sources are what several screens read, and act through.
type Sources struct {
	People  *people.Service
	Fleet   Fleet
	Clinics Clinics
	Queue   Queue
	Log     access.Log
	Service *fleet.Service // does what operators do with clinics, credentials and keys
}

// conditionsOfVisit is the name under which a visit keeps the conditions that it has read.
const conditionsOfVisit = "conditions"

// HasRead reports whether the page has read the conditions.
func (s *Sources) HasRead(v *page.Visit) bool { return v.Kept(conditionsOfVisit) != nil }

// Conditions returns what is known of every clinic, ordered by name, whoever asks. A page
// reads it once.
func (s *Sources) Conditions(v *page.Visit) ([]scheduler.Condition, error) {
	if kept, ok := v.Kept(conditionsOfVisit).([]scheduler.Condition); ok {
		return kept, nil
	}
	all, err := s.Fleet.Conditions(v.Context())
	if err == nil {
		v.Keep(conditionsOfVisit, all)
	}
	return all, err
}

// Names returns people by the actor that stands in the history.
func (s *Sources) Names(v *page.Visit) (map[string]string, error) {
	all, err := s.People.People(v.Context())
	names := make(map[string]string, len(all))
	for i := range all {
		names["person:"+all[i].ID.String()] = all[i].Label()
	}
	return names, err
}

// Start starts a sync in the name of whoever is signed in and records it (R44).
func (s *Sources) Start(v *page.Visit, r syncs.Request) (started syncs.Audit, err error) {
	r.Trigger = syncs.TriggerAPI
	event := v.Event(access.SyncStart, r.ClinicID, access.Record{})
	event.After = access.Values{"type": r.Type, "dryRun": r.Options.DryRun}
	err = s.Log.Act(v.Context(), event, func(ctx context.Context, e *access.Event) error {
		if started, err = s.Queue.Start(ctx, r, ""); err == nil {
			e.Record = access.RecordOf("sync", started.ID)
		}
		return err
	})
	return started, err
}
