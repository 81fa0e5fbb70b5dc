package api

import (
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/volume"
	"github.com/pims-sync/pims-sync/internal/web"
)

// freshness is the age of the data that one type of sync brought.
type freshness struct {
	Type        string       `json:"type" enum:"inbound,cases,reconciliation"`
	LastSuccess *web.Instant `json:"lastSuccess" nullable:"true" doc:"When the latest sync of the type that completed and covered its default window had begun, alone or in a full sync; null: never."`
	AgeSeconds  *int64       `json:"ageSeconds" doc:"How long ago that is."`
	Due         *web.Instant `json:"due" nullable:"true" doc:"The latest tick of the schedule that has had an hour to succeed; null: none."`
	Stale       bool         `json:"stale" doc:"Whether what was due has not succeeded."`
}

type freshnessList struct {
	Items  []freshness  `json:"items" nullable:"false"`
	Stale  bool         `json:"stale" doc:"Whether any of them is."`
	Clinic clinicRecord `json:"clinic" doc:"The clinic and its state, which tells at once what makes it stale later."`
}

// A clinicRecord is a clinic in an answer (docs/interface.md §Endpoints).
type clinicRecord struct {
	ID          uuid.UUID       `json:"id" format:"uuid"`
	Name        string          `json:"name"`
	Timezone    *string         `json:"timezone" doc:"IANA; null: it has none, and no sync can run."`
	Provider    *string         `json:"provider" doc:"Of its credentials; null: it has none."`
	State       string          `json:"state" enum:"off,login_refused,waiting_for_approval,failing,stale,never_synced,ok" doc:"The first of these that holds."`
	Since       *web.Instant    `json:"since" nullable:"true" doc:"Since when it is so."`
	Code        *string         `json:"code" doc:"Why, as a sync's code; null: the state says it."`
	DataAsOf    *web.Instant    `json:"dataAsOf" nullable:"true" doc:"When the appointments were last read whole; null: never."`
	LastAttempt *attemptRecord  `json:"lastAttempt,omitempty" doc:"The latest sync that completed or failed, dry runs left out; left out where there was none."`
	Phases      phaseRecords    `json:"phases"`
	OpenPlans   int             `json:"openPlans" doc:"Plans that can be decided now."`
	Credentials credentialInfo  `json:"credentials"`
	Unusual     []unusualRecord `json:"unusual" nullable:"false" doc:"Runs of the last three days whose counts lie far outside what the clinic has shown, the newest first."`
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

type attemptRecord struct {
	At   web.Instant `json:"at" doc:"When it began."`
	Type string      `json:"type" enum:"inbound,cases,reconciliation,full" doc:"Of a full one the last phase that it ran; full: it ended before a phase."`
	Code *string     `json:"code" doc:"How it failed; null: it did not."`
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

func (s *server) showFreshness() web.Operation {
	return web.Operation{
		Method: http.MethodGet, Path: "/api/freshness", ID: "showFreshness", Tag: "Syncs",
		Summary:     "Tell how fresh the clinic's data is",
		Description: "The clinic's state and since when it has it; for each phase: when it last succeeded, and whether the schedule expected more.",
		Needs:       access.Read,
		Of:          web.OfKeysClinic,
		Offers:      []web.Offer{{Status: http.StatusOK, Description: "The clinic and its three phases.", Example: freshnessOf(sampleCondition(), sampleTime.Add(time.Hour))}},
		Codes:       []syncs.Code{syncs.CodeInvalidRequest},
		Handle: func(c *web.Call) (web.Reply, error) {
			condition, err := s.o.Conditions.Condition(c.Context(), c.ClinicID)
			if err != nil {
				return web.Reply{}, err
			}
			return web.OK(freshnessOf(&condition, s.o.Now()))
		},
	}
}

func freshnessOf(c *scheduler.Condition, now time.Time) freshnessList {
	items := web.Items(c.Phases, func(p *scheduler.PhaseCondition) freshness {
		body := freshness{Type: string(p.Type), LastSuccess: web.Moment(p.LastSuccess), Due: web.Moment(p.Due), Stale: p.Stale()}
		if !p.LastSuccess.IsZero() {
			age := int64(now.Sub(p.LastSuccess).Seconds())
			body.AgeSeconds = &age
		}
		return body
	})
	return freshnessList{Items: items, Stale: c.Stale(), Clinic: clinicOf(c)}
}

func clinicOf(c *scheduler.Condition) clinicRecord {
	verdict := c.Verdict()
	body := clinicRecord{
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
		Active:    c.Clinic.Active,
		CreatedAt: web.Instant(c.Clinic.CreatedAt),
		UpdatedAt: web.Instant(c.Clinic.UpdatedAt),
	}
	if at, kind, code := c.LastAttempt(); !at.IsZero() {
		body.LastAttempt = &attemptRecord{web.Instant(at), string(kind), web.Text(code)}
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

// sampleCondition returns a clinic in the state ok.
func sampleCondition() *scheduler.Condition {
	phase := func(t syncs.Type, every time.Duration) scheduler.PhaseCondition {
		return scheduler.PhaseCondition{
			Type: t, LastSuccess: sampleTime, LastAttempt: sampleTime, AttemptType: t, EndedAt: sampleTime.Add(5 * time.Second),
			Since: sampleTime.AddDate(0, 0, -3), Scheduled: true, Due: sampleTime, Next: sampleTime.Add(every),
		}
	}
	return &scheduler.Condition{
		Clinic: clinic.Clinic{
			ID: sampleSyncID, Name: "Harbor Lights Animal Clinic", Timezone: "America/New_York", Active: true,
			CreatedAt: sampleTime.AddDate(0, -1, 0), UpdatedAt: sampleTime.AddDate(0, -1, 0),
		},
		Provider:    "idexx_neo",
		Credentials: scheduler.CredentialCondition{Set: true, TestedAt: sampleTime.AddDate(0, -1, 0), TestOutcome: "ok"},
		Phases: []scheduler.PhaseCondition{
			phase(syncs.TypeInbound, 24*time.Hour), phase(syncs.TypeCases, 6*time.Hour), phase(syncs.TypeReconciliation, 24*time.Hour),
		},
	}
}
