package api

import (
	"encoding/json"
	"time"

	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// The command line prints with --json what the API answers, so both have one
// shape (docs/interface.md §Commands).

// SyncDocument is a sync as GET /api/syncs/{id} answers it.
func SyncDocument(audit syncs.Audit) (json.RawMessage, error) { return encode(syncOf(&audit)) }

// SyncEventsDocument is a sync as GET /api/syncs/{id} answers it, with what it
// changed: events, for a reader in a zone, of as many as there are.
func SyncEventsDocument(audit syncs.Audit, events []casesync.Event, total int, loc *time.Location) (json.RawMessage, error) {
	return encode(struct {
		syncRecord

		Events      []eventRecord `json:"events"`
		EventsTotal int           `json:"eventsTotal"`
	}{syncOf(&audit), itemsOf(events, eventIn(loc)), total})
}

// SyncsDocument is a list as GET /api/syncs answers it.
func SyncsDocument(list syncs.List[syncs.Audit]) (json.RawMessage, error) {
	return encode(syncsOf(list))
}

// PlanDocument is a plan as GET /api/plans/{id} answers it.
func PlanDocument(plan syncs.Plan) (json.RawMessage, error) { return encode(planOf(&plan)) }

// PlansDocument is a list as GET /api/plans answers it.
func PlansDocument(list syncs.List[syncs.Plan]) (json.RawMessage, error) {
	return encode(planList{itemsOf(list.Items, planOf), text(list.NextCursor)})
}

// CaseDocument is a case as GET /api/cases/{id} answers it.
func CaseDocument(record casesync.Record) (json.RawMessage, error) { return encode(caseOf(&record)) }

// CasesDocument is a list as GET /api/cases answers it.
func CasesDocument(list syncs.List[casesync.Record]) (json.RawMessage, error) {
	return encode(caseList{itemsOf(list.Items, caseOf), text(list.NextCursor)})
}

// ClinicDocument is a clinic as GET /api/freshness has it.
func ClinicDocument(c *scheduler.Condition) (json.RawMessage, error) { return encode(clinicOf(c)) }

// ClinicsDocument is a list of them.
func ClinicsDocument(all []scheduler.Condition) (json.RawMessage, error) {
	return encode(struct {
		Items []clinicRecord `json:"items"`
	}{itemsOf(all, clinicOf)})
}

// EventsDocument is a list as GET /api/cases/{id}/history answers it, for a reader in
// a zone.
func EventsDocument(list syncs.List[casesync.Event], loc *time.Location) (json.RawMessage, error) {
	return encode(eventList{itemsOf(list.Items, eventIn(loc)), text(list.NextCursor)})
}

// RestoreDocument is what POST /api/syncs/{id}/restore answers.
func RestoreDocument(restorations []casesync.Restoration, at time.Time) (json.RawMessage, error) {
	return encode(restoredOf(restorations, at))
}

// itemsOf shapes the items of a list; an empty one is [] on the wire.
func itemsOf[T, W any](items []T, shape func(*T) W) []W {
	shaped := make([]W, len(items))
	for i := range items {
		shaped[i] = shape(&items[i])
	}
	return shaped
}
