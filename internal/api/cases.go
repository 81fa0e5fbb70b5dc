package api

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/api/sample"
	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/web"
)

// A caseRecord is a case in an answer (docs/interface.md §Endpoints "A case in the API").
type caseRecord struct {
	ID            uuid.UUID    `json:"id" format:"uuid"`
	PIMSID        *string      `json:"pimsId" doc:"The appointment's id in the PIMS; null for a case made by hand."`
	PatientName   *string      `json:"patientName"`
	ClientName    *string      `json:"clientName"`
	PhoneNumber   *string      `json:"phoneNumber"`
	ScheduledDate *web.Instant `json:"scheduledDate" nullable:"true"`
	Status        string       `json:"status" example:"draft" doc:"draft, pending, reviewed, or what another program set."`
	CaseType      string       `json:"caseType" example:"checkup" doc:"checkup, surgery or other."`
	Metadata      object       `json:"metadata" doc:"appointment, consultation, reconciliation and sync are ours; other keys belong to other programs."`
	Provider      string       `json:"provider" example:"idexx_neo" doc:"The kind of PIMS whose id pimsId is."`
	DeletedAt     *web.Instant `json:"deletedAt" nullable:"true" doc:"When it was soft-deleted; null: it is not."`
	DeletedReason *string      `json:"deletionReason" doc:"Why it was soft-deleted; null: it is not."`
	CreatedAt     web.Instant  `json:"createdAt"`
	UpdatedAt     web.Instant  `json:"updatedAt"`
}

// An object is a JSON object as it is stored.
type object jsontext.Value

// MarshalJSONTo writes the object as it is, or an empty object where there is none.
func (o object) MarshalJSONTo(enc *jsontext.Encoder) error {
	if len(o) == 0 {
		return enc.WriteValue(jsontext.Value(`{}`))
	}
	return enc.WriteValue(jsontext.Value(o))
}

// Schema describes an object with any keys.
func (object) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}
}

type caseList struct {
	Items      []caseRecord `json:"items" nullable:"false"`
	NextCursor *string      `json:"nextCursor" doc:"Where the next page begins; null at the end."`
}

func caseOf(r *cases.Record) caseRecord {
	body := caseRecord{
		ID:          r.ID,
		Provider:    r.Provider,
		PIMSID:      r.PIMSID,
		PatientName: r.PatientName,
		ClientName:  r.ClientName,
		PhoneNumber: r.PhoneNumber,
		Status:      r.Status,
		CaseType:    r.CaseType,
		Metadata:    object(r.Metadata),
		CreatedAt:   web.Instant(r.CreatedAt),
		UpdatedAt:   web.Instant(r.UpdatedAt),
	}
	if r.SoftDeleted {
		// A mark that another program made may lack the time. It was there at the last
		// update.
		at := r.DeletedAt
		if at.IsZero() {
			at = r.UpdatedAt
		}
		body.DeletedAt, body.DeletedReason = web.Moment(at), web.Text(r.DeletedReason)
	}
	if r.ScheduledDate != nil {
		body.ScheduledDate = new(web.Instant(*r.ScheduledDate))
	}
	return body
}

func (s *server) listCases() web.Operation {
	return web.Operation{
		Method: http.MethodGet, Path: "/api/cases", ID: "listCases", Tag: "Cases",
		Summary:     "List cases",
		Description: "The clinic's cases by date, or, with updatedSince, by their last change, the oldest first. Soft-deleted ones are included unless deleted says otherwise.",
		Needs:       access.Read,
		Of:          web.OfKeysClinic,
		Params: append([]*huma.Param{
			web.DayParam("from", "The first day, in the clinic's zone."),
			web.DayParam("to", "The last day, included."),
			web.TextParam("status", "Only cases of this status.", 64, "draft"),
			web.InstantParam("updatedSince", "Only cases that were changed at or after this moment."),
			web.TextParam("pimsId", "Only the case with this id in the PIMS.", 255, "48213"),
			web.WordParam("deleted", "true: only soft-deleted cases; false: only others; any, as without it: both.", deletedWords),
			web.WordParam("order", "oldest, as without it, or newest first. Cases without a date are last.", orderWords),
		}, web.PageParams()...),
		Offers: []web.Offer{{
			Status: http.StatusOK, Description: "A page of cases.",
			Example: caseList{Items: []caseRecord{caseOf(sample.Record())}},
		}},
		Codes: []syncs.Code{syncs.CodeInvalidRequest, syncs.CodeTimezoneMissing},
		Handle: func(c *web.Call) (web.Reply, error) {
			filter, err := s.caseFilter(c)
			if err != nil {
				return web.Reply{}, err
			}
			list, err := s.o.Cases.Cases(c.Context(), c.ClinicID, filter)
			if err != nil {
				return web.Reply{}, err
			}
			body := caseList{NextCursor: web.Text(list.NextCursor)}
			for i := range list.Items {
				body.Items = append(body.Items, caseOf(&list.Items[i]))
			}
			return web.OK(body)
		},
	}
}

var (
	deletedWords = []string{"true", "false", "any"}
	orderWords   = []string{"oldest", "newest"}
)

func (s *server) caseFilter(c *web.Call) (cases.Filter, error) {
	q := web.QueryOf(c)
	filter := cases.Filter{
		From:         q.Day("from"),
		To:           q.Day("to"),
		Status:       q.Text("status"),
		UpdatedSince: q.Instant("updatedSince"),
		PIMSID:       q.Text("pimsId"),
		NewestFirst:  q.Text("order") == "newest",
		Page:         q.Page(),
	}
	if q.Err != nil {
		return filter, q.Err
	}
	if word := q.Text("deleted"); word != "" && word != "any" {
		filter.Deleted = new(word == "true")
	}
	none := pims.Date{}
	if filter.From != none && filter.To != none && filter.To.Before(filter.From) {
		return filter, web.Invalid("to", "to must not be before from")
	}
	if filter.From == none && filter.To == none {
		return filter, nil
	}
	// Days need the clinic's zone; the server's zone is never used (R1).
	owner, err := s.o.Clinics.Clinic(c.Context(), c.ClinicID)
	if err != nil {
		return filter, err
	}
	_, err = owner.Location()
	return filter, err
}

func (s *server) showCase() web.Operation {
	return web.Operation{
		Method: http.MethodGet, Path: "/api/cases/{id}", ID: "showCase", Tag: "Cases",
		Summary: "Show a case",
		Needs:   access.Read,
		Of:      web.OfKeysClinic,
		Params:  []*huma.Param{web.IDParam("a case")},
		Offers: []web.Offer{{
			Status: http.StatusOK, Description: "The case.",
			Example: caseOf(sample.Record()),
		}},
		Codes: []syncs.Code{syncs.CodeInvalidRequest, syncs.CodeNotFound},
		Handle: func(c *web.Call) (web.Reply, error) {
			id, err := c.PathID()
			if err != nil {
				return web.Reply{}, err
			}
			record, err := s.o.Cases.Case(c.Context(), c.ClinicID, id)
			if err != nil {
				return web.Reply{}, err
			}
			return web.OK(caseOf(&record))
		},
	}
}
