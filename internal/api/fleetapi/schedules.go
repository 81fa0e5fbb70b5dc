package fleetapi

import (
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/api/sample"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/fleet"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/web"
)

type schedulesRecord struct {
	Schedules web.Anything      `json:"schedules" doc:"The array as it is stored; null: there is none, and nothing runs by itself."`
	Entries   []scheduleRecord  `json:"entries" nullable:"false" doc:"The entries that are usable."`
	Problems  []scheduleProblem `json:"problems" nullable:"false" doc:"The entries that are bad. Each is disabled."`
}

type scheduleRecord struct {
	Index   int    `json:"index" doc:"Its place in the array, from 0."`
	Type    string `json:"type" enum:"inbound,cases,reconciliation,full"`
	Cron    string `json:"cron" example:"0 6 * * *"`
	Enabled bool   `json:"enabled"`
	When    string `json:"when" doc:"The expression in words." example:"every day at 06:00"`
}

type scheduleProblem struct {
	Index  int    `json:"index" doc:"-1: the array itself."`
	Reason string `json:"reason"`
}

// schedulesRequest is the body of PUT /api/clinics/{clinicId}/schedules.
type schedulesRequest struct {
	Schedules scheduleArray `json:"schedules"`
}

// scheduleArray is the specification's array of schedules, as it is sent.
type scheduleArray jsontext.Value

// UnmarshalJSONFrom keeps the value as it is.
func (a *scheduleArray) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	value, err := dec.ReadValue()
	*a = scheduleArray(value.Clone())
	return err
}

// MarshalJSONTo writes the value as it is.
func (a scheduleArray) MarshalJSONTo(enc *jsontext.Encoder) error {
	return enc.WriteValue(jsontext.Value(a))
}

// Schema describes the array.
func (scheduleArray) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}, Description: "Entries with type, cron, enabled and options. An empty array: nothing runs by itself."}
}

type tickList struct {
	Items []tickRecord `json:"items" nullable:"false"`
}

type tickRecord struct {
	Type  string      `json:"type" enum:"inbound,cases,reconciliation,full"`
	At    web.Instant `json:"at"`
	Local string      `json:"local" doc:"In the clinic's zone." example:"2026-01-18T06:00:00-05:00"`
}

func schedulesOf(document []byte, entries []clinic.ScheduleEntry, problems []clinic.ScheduleProblem) schedulesRecord {
	return schedulesRecord{
		Schedules: web.Anything(document),
		Entries: web.Items(entries, func(e *clinic.ScheduleEntry) scheduleRecord {
			return scheduleRecord{e.Index, string(e.Type), e.Cron, e.Enabled, fleet.Describe(*e)}
		}),
		Problems: web.Items(problems, func(p *clinic.ScheduleProblem) scheduleProblem { return scheduleProblem{p.Index, p.Reason} }),
	}
}

func sampleSchedules() schedulesRecord {
	return schedulesOf([]byte(`[{"type":"inbound","cron":"0 6 * * *","enabled":true}]`),
		[]clinic.ScheduleEntry{{Type: syncs.TypeInbound, Cron: "0 6 * * *", Enabled: true}}, nil)
}

func (o *Options) showSchedules() web.Operation {
	return web.Operation{
		Method: http.MethodGet, Path: "/api/clinics/{clinicId}/schedules", ID: "showSchedules", Tag: TagOneClinic,
		Summary:     "Show a clinic's schedules",
		Description: "When the clinic is synced by itself, and what is wrong with its schedules.",
		Needs:       access.ReadClinics,
		Of:          web.OfNamedClinic,
		Params:      []*huma.Param{web.ClinicParam()},
		Offers:      []web.Offer{{Status: http.StatusOK, Description: "The schedules.", Example: sampleSchedules()}},
		Codes:       []syncs.Code{syncs.CodeInvalidRequest, syncs.CodeNotFound},
		Handle:      o.schedulesReply,
	}
}

// schedulesReply returns the schedules of the call's clinic.
func (o *Options) schedulesReply(c *web.Call) (web.Reply, error) {
	document, entries, problems, err := o.Service.Schedules(c.Context(), c.ClinicID)
	if err != nil {
		return web.Reply{}, err
	}
	return web.OK(schedulesOf(document, entries, problems))
}

func (o *Options) setSchedules() web.Operation {
	return web.Operation{
		Method: http.MethodPut, Path: "/api/clinics/{clinicId}/schedules", ID: "setSchedules", Tag: TagOneClinic,
		Summary:     "Replace a clinic's schedules",
		Description: "All entries, or none if one is bad. Replicas follow at once.",
		Needs:       access.ChangeClinics,
		Of:          web.OfNamedClinic,
		Params:      []*huma.Param{web.ClinicParam()},
		Body:        schedulesRequest{scheduleArray(`[{"type":"inbound","cron":"0 6 * * *","enabled":true}]`)},
		Offers:      []web.Offer{{Status: http.StatusOK, Description: "The schedules.", Example: sampleSchedules()}},
		Codes:       []syncs.Code{syncs.CodeInvalidRequest, syncs.CodeNotFound, web.CodeBodyTooLarge},
		Handle: func(c *web.Call) (web.Reply, error) {
			var body schedulesRequest
			if err := web.ReadBody(c.Request, &body); err != nil {
				return web.Reply{}, err
			}
			if err := o.Service.SetSchedules(c.Context(), c.By(), c.ClinicID, body.Schedules); err != nil {
				return web.Reply{}, err
			}
			return o.schedulesReply(c)
		},
	}
}

// The days of a list of ticks.
const (
	defaultDays = 7
	maxDays     = 366
)

func (o *Options) nextTicks() web.Operation {
	return web.Operation{
		Method: http.MethodGet, Path: "/api/clinics/{clinicId}/schedules/next", ID: "listNextTicks", Tag: TagOneClinic,
		Summary:     "List a clinic's coming syncs",
		Description: "When its schedules are due, soonest first.",
		Needs:       access.ReadClinics,
		Of:          web.OfNamedClinic,
		Params:      []*huma.Param{web.ClinicParam(), web.NumberParam("days", "How many days ahead. Default: 7.", 1, maxDays)},
		Offers: []web.Offer{{Status: http.StatusOK, Description: "The ticks.", Example: tickList{[]tickRecord{
			{string(syncs.TypeInbound), web.Instant(sample.Time.Add(23 * time.Hour)), "2026-01-18T06:00:00-05:00"},
		}}}},
		Codes: []syncs.Code{syncs.CodeInvalidRequest, syncs.CodeNotFound, syncs.CodeTimezoneMissing},
		Handle: func(c *web.Call) (web.Reply, error) {
			q := web.QueryOf(c)
			days := q.Number("days", defaultDays, 1, maxDays)
			if q.Err != nil {
				return web.Reply{}, q.Err
			}
			ticks, err := o.Service.Ticks(c.Context(), c.ClinicID, days)
			if err != nil {
				return web.Reply{}, err
			}
			return web.OK(tickList{web.Items(ticks, func(t *fleet.Tick) tickRecord {
				return tickRecord{string(t.Type), web.Instant(t.At), t.At.Format(time.RFC3339)}
			})})
		},
	}
}
