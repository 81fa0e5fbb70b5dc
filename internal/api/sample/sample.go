// Package sample has the data of the examples in the documentation of the API. All of it is
// invented; the counts are the specification's.
package sample

import (
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/feed"
	"github.com/pims-sync/pims-sync/internal/fleet"
	"github.com/pims-sync/pims-sync/internal/people"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/practice"
	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/trends"
)

// The ids and the time of all examples.
var (
	Time   = time.Date(2026, 1, 17, 12, 0, 0, 0, time.UTC)
	SyncID = uuid.MustParse("0190c3d2-7b1e-7c4a-9f00-5a1f0c9d3e01")
	CaseID = uuid.MustParse("0190c3d2-7b1e-7c4a-9f00-5a1f0c9d3e02")
	PlanID = uuid.MustParse("0190c3d2-7b1e-7c4a-9f00-5a1f0c9d3e03")
)

// Audit returns a completed sync.
func Audit(t syncs.Type) *syncs.Audit {
	audit := &syncs.Audit{
		ID:          SyncID,
		Type:        t,
		Status:      syncs.StatusCompleted,
		Trigger:     syncs.TriggerAPI,
		CreatedAt:   Time,
		StartedAt:   Time,
		CompletedAt: Time.Add(4532 * time.Millisecond),
	}
	switch t {
	case syncs.TypeInbound:
		audit.Result.Stats = syncs.Stats{AppointmentsFound: 25, CasesCreated: 18, CasesUpdated: 7}
	case syncs.TypeCases:
		audit.Result.Stats = syncs.Stats{CasesFound: 25, CasesEnriched: 22, CasesSkipped: 2, CasesFailed: 1}
		audit.Result.Failures = []syncs.ItemFailure{
			{CaseID: CaseID, Error: "Consultation not found", Code: syncs.ItemNotFound},
		}
	case syncs.TypeReconciliation:
		audit.Result.Stats = syncs.Stats{CasesChecked: 120, CasesDeleted: 1, DeletedIDs: []uuid.UUID{CaseID}}
	case syncs.TypeFull:
		for _, phase := range []syncs.Type{syncs.TypeInbound, syncs.TypeCases, syncs.TypeReconciliation} {
			child := Audit(phase)
			child.ParentID = SyncID
			audit.Children = append(audit.Children, *child)
			audit.Result.Stats = audit.Result.Stats.Add(child.Result.Stats)
		}
	}
	return audit
}

// Change returns what a sync did to a case, for the change feed.
func Change() *feed.Change {
	return &feed.Change{
		ID: 48211, CaseID: CaseID, At: Time, Actor: "sync:" + SyncID.String(), Action: feed.Updated,
		Fields: []string{"metadata.appointment", "status", "sync_status"},
	}
}

// Event returns a change of a case by a sync.
func Event() *cases.Event {
	return &cases.Event{
		CaseID: CaseID, At: Time, Actor: "sync:" + SyncID.String(), Action: "changed", Field: "status",
		Before: []byte(`"draft"`), After: []byte(`"pending"`),
	}
}

// Running returns a running sync.
func Running(t syncs.Type) *syncs.Audit {
	audit := &syncs.Audit{
		ID:        SyncID,
		Type:      t,
		Status:    syncs.StatusInProgress,
		Trigger:   syncs.TriggerAPI,
		CreatedAt: Time,
		StartedAt: Time,
		Progress:  syncs.Progress{Phase: t, Step: "fetch"},
	}
	if t == syncs.TypeFull {
		audit.Progress.Phase = syncs.TypeInbound
	}
	return audit
}

// Cancelled returns a sync that was cancelled.
func Cancelled() *syncs.Audit {
	audit := Running(syncs.TypeInbound)
	audit.Status = syncs.StatusCancelled
	audit.CompletedAt = Time.Add(time.Second)
	return audit
}

// Record returns a case.
func Record() *cases.Record {
	return &cases.Record{
		ID:            CaseID,
		Provider:      "idexx_neo",
		PIMSID:        new("48213"),
		PatientName:   new("Biscuit"),
		ClientName:    new("Robin Example"),
		PhoneNumber:   new("555-0100"),
		ScheduledDate: new(Time.Add(3 * time.Hour)),
		Status:        cases.Draft,
		CaseType:      cases.Checkup,
		Metadata:      []byte(`{"appointment":{"status":"scheduled"}}`),
		CreatedAt:     Time,
		UpdatedAt:     Time,
	}
}

// Plan returns an open plan of the deletion guard.
func Plan() *syncs.Plan {
	today := pims.DateOf(Time, time.UTC)
	return &syncs.Plan{
		ID:        PlanID,
		SyncID:    SyncID,
		SyncType:  syncs.TypeReconciliation,
		Status:    syncs.PlanOpen,
		Code:      syncs.CodeDeletionGuard,
		Reason:    "40 of 120 cases are missing from the PIMS, the limit is 12; nothing was deleted",
		Window:    pims.Window{Start: today.AddDays(-7), End: today},
		Cases:     []syncs.PlannedCase{{CaseID: CaseID, PIMSID: "48213", ScheduledDate: Time.Add(-time.Hour), Kind: "Surgery", Room: "Room 2"}},
		CreatedAt: Time,
		ExpiresAt: Time.Add(syncs.PlanLifetime),
		Evidence: syncs.Evidence{
			FetchedAt: Time, Known: 120, Found: 80, Shared: 80, Candidates: 120, Limit: 12,
			Days:    map[string]int{today.String(): 40},
			Lookups: []syncs.Lookup{{PIMSID: "48213", Method: "by_id", Found: "gone", At: Time}},
		},
	}
}

// FleetKey returns a fleet key.
func FleetKey() *access.FleetKey {
	return &access.FleetKey{
		ID: CaseID, Name: "night monitor", Prefix: "k3p7wq2a", Scope: access.FleetRead, Active: true,
		CreatedBy: "os:root", CreatedAt: Time,
	}
}

// Condition returns a clinic in the state ok.
func Condition() *scheduler.Condition {
	phase := func(t syncs.Type, every time.Duration) scheduler.PhaseCondition {
		return scheduler.PhaseCondition{
			Type: t, LastSuccess: Time, LastAttempt: Time, AttemptType: t, EndedAt: Time.Add(5 * time.Second),
			Since: Time.AddDate(0, 0, -3), Scheduled: true, Due: Time, Next: Time.Add(every),
		}
	}
	return &scheduler.Condition{
		Clinic: clinic.Clinic{
			ID: SyncID, Name: "Harbor Lights Animal Clinic", Timezone: "America/New_York", Active: true,
			CreatedAt: Time.AddDate(0, -1, 0), UpdatedAt: Time.AddDate(0, -1, 0),
		},
		Provider:    "idexx_neo",
		Running:     &scheduler.RunningSync{ID: CaseID, Type: syncs.TypeFull, Since: Time.Add(time.Hour)},
		Credentials: scheduler.CredentialCondition{Set: true, TestedAt: Time.AddDate(0, -1, 0), TestOutcome: "ok"},
		Phases: []scheduler.PhaseCondition{
			phase(syncs.TypeInbound, 24*time.Hour), phase(syncs.TypeCases, 6*time.Hour), phase(syncs.TypeReconciliation, 24*time.Hour),
		},
	}
}

// Arrival returns what a sync did to cases, as the change feed has it.
func Arrival() *feed.Happening {
	return &feed.Happening{
		Position: 4711, ClinicID: SyncID, Type: feed.CaseChanged, At: Time, ArrivedAt: Time.Add(120 * time.Millisecond),
		Changes: &feed.Changes{Actor: "sync:" + SyncID.String(), Created: 2, Changed: 1, Fields: []string{"metadata.consultation", "status"}, Cases: []uuid.UUID{CaseID}},
	}
}

// Person returns a person.
func Person() *people.Person {
	return &people.Person{ID: CaseID, Email: "ada@example.com", Name: "Ada", Role: access.RoleOperator, CreatedAt: Time}
}

// Key returns an API key of a clinic.
func Key() *clinic.APIKey {
	return &clinic.APIKey{ID: CaseID, ClinicID: SyncID, Name: "our backend", Prefix: "k3p7wq2a", Active: true, CreatedAt: Time}
}

// StatusLink returns a link to a practice's page.
func StatusLink() *practice.Link {
	return &practice.Link{ID: CaseID, ClinicID: SyncID, Name: "front desk", Active: true, CreatedBy: "os:root", CreatedAt: Time}
}

// OperatorEvent returns an action of the command line.
func OperatorEvent() *access.Event {
	return &access.Event{
		ID: 4711, At: Time, Who: access.Who{Kind: access.KindOSUser, Name: "root"}, Origin: "command line",
		Action: access.ClinicSet, ClinicID: SyncID, Before: access.Values{"name": "Harbor Lights"},
		After: access.Values{"name": "Harbour Lights"}, Outcome: access.Done,
	}
}

// System returns an installation with one replica.
func System() *fleet.System {
	return &fleet.System{
		Replicas: []fleet.Replica{{Name: "sync-1", Seen: Time, Keys: []string{"kbff658c4"}}}, Keys: []fleet.EncryptionKey{{ID: "kbff658c4", Made: Time}},
		Running: 1, Migration: 53, Walled: true, Database: "17.2", Bytes: 412 << 20, RateLimit: 5, Browser: "Chrome/141.0.7390.37",
		Limits: []fleet.HostLimit{{Host: "us.idexxneo.com", FreeAt: Time}}, Libraries: []fleet.Library{{Path: "github.com/jackc/pgx/v5", Version: "v5.7.6"}},
	}
}

// TrendDay returns a day of a large fleet.
func TrendDay() *trends.Day {
	return &trends.Day{
		Date: pims.DateOf(Time, time.UTC), Completed: 7940, Failed: 31, ClinicsSynced: 1994, ClinicsFailed: 9, LoginsRefused: 4,
		Created: 20114, Updated: 8312, Enriched: 15201, Deleted: 402, Restored: 11, TookHalf: 4200 * time.Millisecond, TookMost: 31 * time.Second,
		LateHalf: 900 * time.Millisecond, LateMost: 12 * time.Second, CountedAt: Time,
	}
}
