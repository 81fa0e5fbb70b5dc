package api

import (
	"net/http"
	"time"

	"github.com/pims-sync/pims-sync/internal/casesync"
)

// freshness says how old what one type of sync brought is.
type freshness struct {
	Type        string   `json:"type" enum:"inbound,cases,reconciliation"`
	LastSuccess *instant `json:"lastSuccess" nullable:"true" doc:"When the latest sync of the type that completed had begun, alone or in a full sync; null: never."`
	AgeSeconds  *int64   `json:"ageSeconds" doc:"How long ago that is."`
	Due         *instant `json:"due" nullable:"true" doc:"The latest tick of the schedule that has had an hour to succeed; null: none."`
	Stale       bool     `json:"stale" doc:"Whether what was due has not succeeded."`
}

type freshnessList struct {
	Items []freshness `json:"items" nullable:"false"`
	Stale bool        `json:"stale" doc:"Whether any of them is."`
}

func (s *server) showFreshness() operation {
	example := freshnessList{Items: []freshness{
		freshnessOf(&casesync.Freshness{Type: casesync.TypeInbound, LastSuccess: sampleTime, Due: sampleTime}, sampleTime.Add(time.Hour)),
	}}
	return operation{
		method: http.MethodGet, path: "/api/freshness", id: "showFreshness", tag: "Syncs",
		summary:     "Tell how fresh the clinic's data is",
		description: "For each phase: when it last succeeded, and whether the schedule expected more.",
		access:      reading(),
		offers:      []offer{{status: http.StatusOK, description: "The three phases.", example: example}},
		codes:       []casesync.Code{casesync.CodeInvalidRequest},
		handle: func(c *call) (reply, error) {
			all, err := s.o.Freshness.Freshness(c.Context(), c.clinicID)
			if err != nil {
				return reply{}, err
			}
			now := s.o.Now()
			body := freshnessList{Items: itemsOf(all, func(f *casesync.Freshness) freshness { return freshnessOf(f, now) })}
			for i := range all {
				body.Stale = body.Stale || all[i].Stale()
			}
			return ok(body)
		},
	}
}

func freshnessOf(f *casesync.Freshness, now time.Time) freshness {
	body := freshness{Type: string(f.Type), LastSuccess: moment(f.LastSuccess), Due: moment(f.Due), Stale: f.Stale()}
	if !f.LastSuccess.IsZero() {
		age := int64(now.Sub(f.LastSuccess).Seconds())
		body.AgeSeconds = &age
	}
	return body
}
