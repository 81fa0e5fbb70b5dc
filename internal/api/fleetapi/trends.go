package fleetapi

import (
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/api/sample"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/trends"
	"github.com/pims-sync/pims-sync/internal/web"
)

// A trendDay is what the syncs of one day came to.
type trendDay struct {
	Day           string       `json:"day" format:"date" doc:"In UTC: each clinic has days of its own."`
	Syncs         trendSyncs   `json:"syncs" doc:"Phases count with their full sync, dry runs for nothing."`
	Clinics       trendClinics `json:"clinics"`
	LoginsRefused int          `json:"loginsRefused" doc:"Syncs that failed because no login was possible."`
	Cases         trendCases   `json:"cases"`
	DurationMs    trendSpread  `json:"durationMs" doc:"Of the syncs that completed."`
	LatenessMs    trendSpread  `json:"latenessMs" doc:"From the tick of a schedule to the begin of its sync."`
	CountedAt     *web.Instant `json:"countedAt" nullable:"true" doc:"null: the day has no sync."`
}

type trendSyncs struct {
	Completed int `json:"completed"`
	Failed    int `json:"failed"`
	Cancelled int `json:"cancelled"`
}

type trendClinics struct {
	Synced int `json:"synced" doc:"With a sync that completed."`
	Failed int `json:"failed" doc:"With a sync that failed."`
}

type trendCases struct {
	Created  int `json:"created"`
	Updated  int `json:"updated"`
	Enriched int `json:"enriched"`
	Deleted  int `json:"deleted"`
	Restored int `json:"restored"`
}

type trendSpread struct {
	Median int64 `json:"p50"`
	Most   int64 `json:"p95"`
}

type trendList struct {
	Items []trendDay `json:"items" nullable:"false"`
}

func trendDayOf(d *trends.Day) trendDay {
	return trendDay{
		Day: d.Date.String(), Syncs: trendSyncs{d.Completed, d.Failed, d.Cancelled}, Clinics: trendClinics{d.ClinicsSynced, d.ClinicsFailed},
		LoginsRefused: d.LoginsRefused, Cases: trendCases{d.Created, d.Updated, d.Enriched, d.Deleted, d.Restored},
		DurationMs: trendSpread{d.TookHalf.Milliseconds(), d.TookMost.Milliseconds()},
		LatenessMs: trendSpread{d.LateHalf.Milliseconds(), d.LateMost.Milliseconds()}, CountedAt: web.Moment(d.CountedAt),
	}
}

func (o *Options) listTrends() web.Operation {
	return web.Operation{
		Method: http.MethodGet, Path: "/api/trends", ID: "listTrends", Tag: TagFleet,
		Summary:     "List daily totals",
		Description: "What the syncs of all clinics came to on each of the last days, the oldest first. Totals are counted every hour.",
		Needs:       access.ReadTrends,
		Of:          web.OfInstallation,
		Params: []*huma.Param{
			web.NumberParam("days", fmt.Sprintf("How many days, the last of which is today. Default: %d.", trends.MaxDays), 1, trends.MaxDays),
		},
		Offers: []web.Offer{{Status: http.StatusOK, Description: "The days.", Example: trendList{[]trendDay{trendDayOf(sample.TrendDay())}}}},
		Codes:  []syncs.Code{syncs.CodeInvalidRequest},
		Handle: func(c *web.Call) (web.Reply, error) {
			q := web.QueryOf(c)
			wanted := q.Number("days", trends.MaxDays, 1, trends.MaxDays)
			if q.Err != nil {
				return web.Reply{}, q.Err
			}
			days, err := trends.Last(c.Context(), o.Trends, wanted, o.Now())
			if err != nil {
				return web.Reply{}, err
			}
			return web.OK(trendList{web.Items(days, trendDayOf)})
		},
	}
}
