package api

import (
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/api/sample"
	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/web"
)

// A momentRecord is a case as it was at a moment.
type momentRecord struct {
	At            web.Instant `json:"at"`
	NotesWithheld bool        `json:"notesWithheld" doc:"The case had medical notes then that were later found not to be this patient's. They are left out."`
	Case          caseRecord  `json:"case" doc:"As it was."`
}

func momentOf(m *cases.Moment) momentRecord {
	return momentRecord{web.Instant(m.At), m.NotesWithheld, caseOf(&m.Record)}
}

// A comparison is how a case differs between two moments.
type comparison struct {
	From  web.Instant   `json:"from"`
	To    web.Instant   `json:"to"`
	Items []eventRecord `json:"items" nullable:"false" doc:"One for each field that differs: the value at from, the value at to, and its latest change between."`
}

func comparisonOf(from, to time.Time, changes []cases.Event, loc *time.Location) comparison {
	return comparison{web.Instant(from), web.Instant(to), web.Items(changes, eventIn(loc))}
}

func (s *server) caseAt() web.Operation {
	return web.Operation{
		Method: http.MethodGet, Path: "/api/cases/{id}/moment", ID: "showCaseMoment", Tag: "Cases",
		Summary: "Show a case as it was at a moment",
		Description: "The case as its history tells it, with those keys of its metadata that a sync owns. A moment before its creation, or one that the history does not reach, is not_found. " +
			"provider, createdAt and updatedAt are those of now.",
		Needs:  access.Read,
		Of:     web.OfKeysClinic,
		Params: []*huma.Param{web.IDParam("a case"), required(web.InstantParam("at", "The moment."))},
		Offers: []web.Offer{{
			Status: http.StatusOK, Description: "The case as it was.",
			Example: momentOf(&cases.Moment{Record: *sample.Record(), At: sample.Time}),
		}},
		Codes: []syncs.Code{syncs.CodeInvalidRequest, syncs.CodeNotFound},
		Handle: func(c *web.Call) (web.Reply, error) {
			q := web.QueryOf(c)
			at := q.Needed("at")
			timeline, err := s.timeline(c, q)
			if err != nil {
				return web.Reply{}, err
			}
			was, err := timeline.At(at)
			if err != nil {
				return web.Reply{}, err
			}
			return web.OK(momentOf(&was))
		},
	}
}

func (s *server) compareCase() web.Operation {
	return web.Operation{
		Method: http.MethodGet, Path: "/api/cases/{id}/comparison", ID: "compareCase", Tag: "Cases",
		Summary:     "Compare a case at two moments",
		Description: "The fields that differ. What was changed and changed back is left out; the history has it. Medical notes that showCaseMoment withholds are left out, too.",
		Needs:       access.Read,
		Of:          web.OfKeysClinic,
		Params: []*huma.Param{
			web.IDParam("a case"), required(web.InstantParam("from", "The earlier moment.")), web.InstantParam("to", "The later one; without it, now."),
		},
		Offers: []web.Offer{{
			Status: http.StatusOK, Description: "What differs.",
			Example: comparisonOf(sample.Time.Add(-24*time.Hour), sample.Time, []cases.Event{*sample.Event()}, time.UTC),
		}},
		Codes: []syncs.Code{syncs.CodeInvalidRequest, syncs.CodeNotFound},
		Handle: func(c *web.Call) (web.Reply, error) {
			q := web.QueryOf(c)
			from, to := q.Needed("from"), q.Instant("to")
			if to.IsZero() {
				to = s.o.Now()
			}
			if q.Err == nil && to.Before(from) {
				return web.Reply{}, web.Invalid("to", "to must not be before from")
			}
			timeline, err := s.timeline(c, q)
			if err != nil {
				return web.Reply{}, err
			}
			changes, err := timeline.Between(from, to)
			if err != nil {
				return web.Reply{}, err
			}
			loc, err := s.zone(c)
			if err != nil {
				return web.Reply{}, err
			}
			return web.OK(comparisonOf(from, to, changes, loc))
		},
	}
}

// timeline reads the timeline of the case that a call names, unless its query is wrong.
func (s *server) timeline(c *web.Call, q *web.Query) (cases.Timeline, error) {
	id, err := c.PathID()
	if err != nil {
		return cases.Timeline{}, err
	}
	if q.Err != nil {
		return cases.Timeline{}, q.Err
	}
	return s.o.Cases.Timeline(c.Context(), c.ClinicID, id)
}

func required(p *huma.Param) *huma.Param {
	p.Required, p.AllowEmptyValue = true, false
	return p
}
