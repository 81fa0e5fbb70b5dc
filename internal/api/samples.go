package api

import (
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/feed"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// The data of the examples in the documentation. All of it is invented; the counts are the
// specification's.

var (
	sampleTime   = time.Date(2026, 1, 17, 12, 0, 0, 0, time.UTC)
	sampleSyncID = uuid.MustParse("0190c3d2-7b1e-7c4a-9f00-5a1f0c9d3e01")
	sampleCaseID = uuid.MustParse("0190c3d2-7b1e-7c4a-9f00-5a1f0c9d3e02")
	samplePlanID = uuid.MustParse("0190c3d2-7b1e-7c4a-9f00-5a1f0c9d3e03")
)

// sampleAudit returns a completed sync.
func sampleAudit(t syncs.Type) *syncs.Audit {
	audit := &syncs.Audit{
		ID:          sampleSyncID,
		Type:        t,
		Status:      syncs.StatusCompleted,
		Trigger:     syncs.TriggerAPI,
		CreatedAt:   sampleTime,
		StartedAt:   sampleTime,
		CompletedAt: sampleTime.Add(4532 * time.Millisecond),
	}
	switch t {
	case syncs.TypeInbound:
		audit.Result.Stats = syncs.Stats{AppointmentsFound: 25, CasesCreated: 18, CasesUpdated: 7}
	case syncs.TypeCases:
		audit.Result.Stats = syncs.Stats{CasesFound: 25, CasesEnriched: 22, CasesSkipped: 2, CasesFailed: 1}
		audit.Result.Failures = []syncs.ItemFailure{
			{CaseID: sampleCaseID, Error: "Consultation not found", Code: syncs.ItemNotFound},
		}
	case syncs.TypeReconciliation:
		audit.Result.Stats = syncs.Stats{CasesChecked: 120, CasesDeleted: 1, DeletedIDs: []uuid.UUID{sampleCaseID}}
	case syncs.TypeFull:
		for _, phase := range []syncs.Type{syncs.TypeInbound, syncs.TypeCases, syncs.TypeReconciliation} {
			child := sampleAudit(phase)
			child.ParentID = sampleSyncID
			audit.Children = append(audit.Children, *child)
			audit.Result.Stats = audit.Result.Stats.Add(child.Result.Stats)
		}
	}
	return audit
}

// sampleChange returns what a sync did to a case, for the change feed.
func sampleChange() *feed.Change {
	return &feed.Change{
		ID: 48211, CaseID: sampleCaseID, At: sampleTime, Actor: "sync:" + sampleSyncID.String(), Action: feed.Updated,
		Fields: []string{"metadata.appointment", "status", "sync_status"},
	}
}

// sampleEvent returns a change of a case by a sync.
func sampleEvent() *cases.Event {
	return &cases.Event{
		CaseID: sampleCaseID, At: sampleTime, Actor: "sync:" + sampleSyncID.String(), Action: "changed", Field: "status",
		Before: []byte(`"draft"`), After: []byte(`"pending"`),
	}
}

// sampleRunning returns a running sync.
func sampleRunning(t syncs.Type) *syncs.Audit {
	audit := &syncs.Audit{
		ID:        sampleSyncID,
		Type:      t,
		Status:    syncs.StatusInProgress,
		Trigger:   syncs.TriggerAPI,
		CreatedAt: sampleTime,
		StartedAt: sampleTime,
		Progress:  syncs.Progress{Phase: t, Step: "fetch"},
	}
	if t == syncs.TypeFull {
		audit.Progress.Phase = syncs.TypeInbound
	}
	return audit
}

func sampleCancelled() *syncs.Audit {
	audit := sampleRunning(syncs.TypeInbound)
	audit.Status = syncs.StatusCancelled
	audit.CompletedAt = sampleTime.Add(time.Second)
	return audit
}

func sampleRecord() *cases.Record {
	return &cases.Record{
		ID:            sampleCaseID,
		Provider:      "idexx_neo",
		PIMSID:        new("48213"),
		PatientName:   new("Biscuit"),
		ClientName:    new("Robin Example"),
		PhoneNumber:   new("555-0100"),
		ScheduledDate: new(sampleTime.Add(3 * time.Hour)),
		Status:        cases.Draft,
		CaseType:      cases.Checkup,
		Metadata:      []byte(`{"appointment":{"status":"scheduled"}}`),
		CreatedAt:     sampleTime,
		UpdatedAt:     sampleTime,
	}
}

func samplePlan() *syncs.Plan {
	today := pims.DateOf(sampleTime, time.UTC)
	return &syncs.Plan{
		ID:        samplePlanID,
		SyncID:    sampleSyncID,
		SyncType:  syncs.TypeReconciliation,
		Status:    syncs.PlanOpen,
		Code:      syncs.CodeDeletionGuard,
		Reason:    "40 of 120 cases are missing from the PIMS, the limit is 12; nothing was deleted",
		Window:    pims.Window{Start: today.AddDays(-7), End: today},
		Cases:     []syncs.PlannedCase{{CaseID: sampleCaseID, PIMSID: "48213", ScheduledDate: sampleTime.Add(-time.Hour), Kind: "Surgery", Room: "Room 2"}},
		CreatedAt: sampleTime,
		ExpiresAt: sampleTime.Add(syncs.PlanLifetime),
		Evidence: syncs.Evidence{
			FetchedAt: sampleTime, Known: 120, Found: 80, Shared: 80, Candidates: 120, Limit: 12,
			Days:    map[string]int{today.String(): 40},
			Lookups: []syncs.Lookup{{PIMSID: "48213", Method: "by_id", Found: "gone", At: sampleTime}},
		},
	}
}

func sampleFleetKey() *access.FleetKey {
	return &access.FleetKey{
		ID: sampleCaseID, Name: "night monitor", Prefix: "k3p7wq2a", Scope: access.FleetRead, Active: true,
		CreatedBy: "os:root", CreatedAt: sampleTime,
	}
}
