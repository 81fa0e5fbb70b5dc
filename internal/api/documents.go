package api

import (
	"encoding/json"
	"time"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/web"
)

// With --json the command line prints the documents of the API, so both have one form
// (docs/interface.md §Commands).

// SyncDocument returns a sync as GET /api/syncs/{id} does.
func SyncDocument(audit syncs.Audit) (json.RawMessage, error) { return web.Encode(syncOf(&audit)) }

// SyncEventsDocument returns a sync as GET /api/syncs/{id} does, with the events of its
// changes for a reader in a zone. total is how many there are.
func SyncEventsDocument(audit syncs.Audit, events []cases.Event, total int, loc *time.Location) (json.RawMessage, error) {
	return web.Encode(struct {
		syncRecord

		Events      []eventRecord `json:"events"`
		EventsTotal int           `json:"eventsTotal"`
	}{syncOf(&audit), web.Items(events, eventIn(loc)), total})
}

// SyncsDocument returns a list as GET /api/syncs does.
func SyncsDocument(list syncs.List[syncs.Audit]) (json.RawMessage, error) {
	return web.Encode(syncsOf(list))
}

// PlanDocument returns a plan as GET /api/plans/{id} does.
func PlanDocument(plan syncs.Plan) (json.RawMessage, error) { return web.Encode(planOf(&plan)) }

// PlansDocument returns a list as GET /api/plans does.
func PlansDocument(list syncs.List[syncs.Plan]) (json.RawMessage, error) {
	return web.Encode(planList{web.Items(list.Items, planOf), web.Text(list.NextCursor)})
}

// CaseDocument returns a case as GET /api/cases/{id} does.
func CaseDocument(record cases.Record) (json.RawMessage, error) {
	return web.Encode(caseOf(&record))
}

// CasesDocument returns a list as GET /api/cases does.
func CasesDocument(list syncs.List[cases.Record]) (json.RawMessage, error) {
	return web.Encode(caseList{web.Items(list.Items, caseOf), web.Text(list.NextCursor)})
}

// EventsDocument returns a list as GET /api/cases/{id}/history does, for a reader in a
// zone.
func EventsDocument(list syncs.List[cases.Event], loc *time.Location) (json.RawMessage, error) {
	return web.Encode(eventList{web.Items(list.Items, eventIn(loc)), web.Text(list.NextCursor)})
}

// MomentDocument returns a case as GET /api/cases/{id}/moment does.
func MomentDocument(m cases.Moment) (json.RawMessage, error) { return web.Encode(momentOf(&m)) }

// ComparisonDocument returns what GET /api/cases/{id}/comparison does, for a reader in a
// zone.
func ComparisonDocument(from, to time.Time, changes []cases.Event, loc *time.Location) (json.RawMessage, error) {
	return web.Encode(comparisonOf(from, to, changes, loc))
}

// RestoreDocument returns what POST /api/syncs/{id}/restore does.
func RestoreDocument(restorations []cases.Restoration, at time.Time) (json.RawMessage, error) {
	return web.Encode(restoredOf(restorations, at))
}
