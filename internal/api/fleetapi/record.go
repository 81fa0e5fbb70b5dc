package fleetapi

import (
	"encoding/json"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/volume"
	"github.com/pims-sync/pims-sync/internal/web"
)

// A ClinicRecord is a clinic in an answer (docs/interface.md §Endpoints).
type ClinicRecord struct {
	ID          uuid.UUID       `json:"id" format:"uuid"`
	Name        string          `json:"name"`
	Timezone    *string         `json:"timezone" doc:"IANA; null: it has none, and no sync can run."`
	Provider    *string         `json:"provider" doc:"Of its credentials; null: it has none."`
	State       string          `json:"state" enum:"off,login_refused,waiting_for_approval,failing,stale,never_synced,ok" doc:"The first of these that holds."`
	Since       *web.Instant    `json:"since" nullable:"true" doc:"Since when it is so."`
	Code        *string         `json:"code" doc:"Why, as a sync's code; null: the state says it."`
	DataAsOf    *web.Instant    `json:"dataAsOf" nullable:"true" doc:"When the appointments were last read whole; null: never."`
	LastAttempt *attemptRecord  `json:"lastAttempt,omitempty" doc:"The latest sync that completed or failed, dry runs left out; left out where there was none."`
	Running     *runningRecord  `json:"running,omitempty" doc:"The sync that runs now, a dry run too; left out where none does."`
	Phases      phaseRecords    `json:"phases"`
	OpenPlans   int             `json:"openPlans" doc:"Plans that can be decided now."`
	Credentials credentialInfo  `json:"credentials"`
	Unusual     []unusualRecord `json:"unusual" nullable:"false" doc:"Runs of the last three days whose counts lie far outside what the clinic has shown, the newest first."`
	Drift       []driftRecord   `json:"drift" nullable:"false" doc:"What changed in the PIMS's answers and still holds, the newest first."`
	Active      bool            `json:"active"`
	CreatedAt   web.Instant     `json:"createdAt"`
	UpdatedAt   web.Instant     `json:"updatedAt"`
}

// An unusualRecord is a run with unusual counts (R49).
type unusualRecord struct {
	SyncID   uuid.UUID       `json:"syncId" format:"uuid"`
	Type     string          `json:"type" enum:"inbound,cases,reconciliation"`
	At       web.Instant     `json:"at" doc:"When it began."`
	Findings []findingRecord `json:"findings" nullable:"false"`
	Field    *string         `json:"field" doc:"The field in which most of the changed cases changed; null: none."`
}

type findingRecord struct {
	Count string `json:"count" example:"casesUpdated"`
	Value int    `json:"value"`
	Usual int    `json:"usual" doc:"The median of the same weekday in the past eight weeks."`
	Low   bool   `json:"low" doc:"Whether it is too small; otherwise too large."`
}

func unusualOf(u *volume.Unusual) unusualRecord {
	return unusualRecord{
		SyncID: u.SyncID, Type: string(u.Type), At: web.Instant(u.Began), Field: web.Text(u.Field),
		Findings: web.Items(u.Findings, func(f *volume.Finding) findingRecord { return findingRecord(*f) }),
	}
}

// A driftRecord is a change of what the PIMS returns (R51).
type driftRecord struct {
	SyncType string      `json:"syncType" enum:"inbound,cases,reconciliation,full" doc:"The syncs that show it."`
	Change   string      `json:"change" doc:"Endpoint, field and kind of change." example:"/appointments/getCalendarEventData patient_id vanished"`
	ToldAt   web.Instant `json:"toldAt" doc:"When the latest change of this endpoint was told."`
}

func driftOf(c *scheduler.ChangedForm) driftRecord {
	return driftRecord{string(c.Type), c.Change, web.Instant(c.At)}
}

type attemptRecord struct {
	At   web.Instant `json:"at" doc:"When it began."`
	Type string      `json:"type" enum:"inbound,cases,reconciliation,full" doc:"Of a full one the last phase that it ran; full: it ended before a phase."`
	Code *string     `json:"code" doc:"How it failed; null: it did not."`
}

// A runningRecord is the sync that runs for a clinic.
type runningRecord struct {
	SyncID uuid.UUID   `json:"syncId" format:"uuid"`
	Type   string      `json:"type" enum:"inbound,cases,reconciliation,full"`
	DryRun bool        `json:"dryRun"`
	Since  web.Instant `json:"since" doc:"When it began."`
}

type phaseRecords struct {
	Inbound        phaseRecord `json:"inbound"`
	Cases          phaseRecord `json:"cases"`
	Reconciliation phaseRecord `json:"reconciliation"`
}

// A phaseRecord is one phase of a clinic, dry runs left out.
type phaseRecord struct {
	LastSuccess *web.Instant `json:"lastSuccess" nullable:"true" doc:"When the latest that completed and covered the default window had begun; null: never."`
	LastAttempt *web.Instant `json:"lastAttempt" nullable:"true" doc:"When the latest that completed or failed had begun; null: never."`
	LastCode    *string      `json:"lastCode" doc:"The code of that one; null: none."`
	Next        *web.Instant `json:"next" nullable:"true" doc:"The coming tick of the schedule; null: none."`
}

type credentialInfo struct {
	Set         bool         `json:"set"`
	Suspended   bool         `json:"suspended" doc:"The PIMS refused them."`
	TestedAt    *web.Instant `json:"testedAt" nullable:"true" doc:"When these were last tested by a login of their own; null: never."`
	TestOutcome *string      `json:"testOutcome" doc:"ok, or what went wrong, as in pims_logins_total; null: never tested."`
}

// ClinicOf returns a clinic as the API does.
func ClinicOf(c *scheduler.Condition) ClinicRecord {
	verdict := c.Verdict()
	body := ClinicRecord{
		ID:        c.Clinic.ID,
		Name:      c.Clinic.Name,
		Timezone:  web.Text(c.Clinic.Timezone),
		Provider:  web.Text(c.Provider),
		State:     string(verdict.State),
		Since:     web.Moment(verdict.Since),
		Code:      web.Text(verdict.Code),
		DataAsOf:  web.Moment(c.DataAsOf()),
		OpenPlans: c.Plans.Open,
		Credentials: credentialInfo{
			c.Credentials.Set, !c.Credentials.SuspendedAt.IsZero(), web.Moment(c.Credentials.TestedAt), web.Text(c.Credentials.TestOutcome),
		},
		Unusual:   web.Items(c.Unusual, unusualOf),
		Drift:     web.Items(c.Drifted, driftOf),
		Active:    c.Clinic.Active,
		CreatedAt: web.Instant(c.Clinic.CreatedAt),
		UpdatedAt: web.Instant(c.Clinic.UpdatedAt),
	}
	if at, kind, code := c.LastAttempt(); !at.IsZero() {
		body.LastAttempt = &attemptRecord{web.Instant(at), string(kind), web.Text(code)}
	}
	if r := c.Running; r != nil {
		body.Running = &runningRecord{r.ID, string(r.Type), r.DryRun, web.Instant(r.Since)}
	}
	for i := range c.Phases {
		p := &c.Phases[i]
		record := phaseRecord{web.Moment(p.LastSuccess), web.Moment(p.LastAttempt), web.Text(p.LastCode), web.Moment(p.Next)}
		switch p.Type {
		case syncs.TypeInbound:
			body.Phases.Inbound = record
		case syncs.TypeCases:
			body.Phases.Cases = record
		default:
			body.Phases.Reconciliation = record
		}
	}
	return body
}

// ClinicDocument returns a clinic as GET /api/freshness does.
func ClinicDocument(c *scheduler.Condition) (json.RawMessage, error) { return web.Encode(ClinicOf(c)) }

// ClinicsDocument returns a list of clinics.
func ClinicsDocument(all []scheduler.Condition) (json.RawMessage, error) {
	return web.Encode(struct {
		Items []ClinicRecord `json:"items"`
	}{web.Items(all, ClinicOf)})
}
