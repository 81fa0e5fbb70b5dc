package api

import (
	"net/http"
	"time"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/api/fleetapi"
	"github.com/pims-sync/pims-sync/internal/api/sample"
	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/syncs"
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
	Items  []freshness           `json:"items" nullable:"false"`
	Stale  bool                  `json:"stale" doc:"Whether any of them is."`
	Clinic fleetapi.ClinicRecord `json:"clinic" doc:"The clinic and its state, which tells at once what makes it stale later."`
}

func (s *server) showFreshness() web.Operation {
	return web.Operation{
		Method: http.MethodGet, Path: "/api/freshness", ID: "showFreshness", Tag: "Syncs",
		Summary:     "Tell how fresh the clinic's data is",
		Description: "The clinic's state and since when it has it; for each phase: when it last succeeded, and whether the schedule expected more.",
		Needs:       access.Read,
		Of:          web.OfKeysClinic,
		Offers:      []web.Offer{{Status: http.StatusOK, Description: "The clinic and its three phases.", Example: freshnessOf(sample.Condition(), sample.Time.Add(time.Hour))}},
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
	return freshnessList{Items: items, Stale: c.Stale(), Clinic: fleetapi.ClinicOf(c)}
}
