package api

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A caseRecord is a case in an answer (docs/interface.md §Endpoints "A case in the API").
type caseRecord struct {
	ID            uuid.UUID `json:"id" format:"uuid"`
	PIMSID        *string   `json:"pimsId" doc:"The appointment's id in the PIMS; null for a case made by hand."`
	PatientName   *string   `json:"patientName"`
	ClientName    *string   `json:"clientName"`
	PhoneNumber   *string   `json:"phoneNumber"`
	ScheduledDate *instant  `json:"scheduledDate" nullable:"true"`
	Status        string    `json:"status" example:"draft" doc:"draft, pending, reviewed, or what another program set."`
	CaseType      string    `json:"caseType" example:"checkup" doc:"checkup, surgery or other."`
	Metadata      metadata  `json:"metadata" doc:"appointment, consultation, reconciliation and sync are ours; other keys belong to other programs."`
	Provider      string    `json:"provider" example:"idexx_neo" doc:"The kind of PIMS whose id pimsId is."`
	DeletedAt     *instant  `json:"deletedAt" nullable:"true" doc:"When it was soft-deleted; null: it is not."`
	DeletedReason *string   `json:"deletionReason" doc:"Why it was soft-deleted; null: it is not."`
	CreatedAt     instant   `json:"createdAt"`
	UpdatedAt     instant   `json:"updatedAt"`
}

// metadata is a JSON object as it is stored.
type metadata jsontext.Value

// MarshalJSONTo writes the object as it is, or an empty object where there is none.
func (m metadata) MarshalJSONTo(enc *jsontext.Encoder) error {
	if len(m) == 0 {
		return enc.WriteValue(jsontext.Value(`{}`))
	}
	return enc.WriteValue(jsontext.Value(m))
}

// Schema describes an object with any keys.
func (metadata) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}
}

type caseList struct {
	Items      []caseRecord `json:"items" nullable:"false"`
	NextCursor *string      `json:"nextCursor" doc:"Where the next page begins; null at the end."`
}

func caseOf(r *casesync.Record) caseRecord {
	body := caseRecord{
		ID:          r.ID,
		Provider:    r.Provider,
		PIMSID:      r.PIMSID,
		PatientName: r.PatientName,
		ClientName:  r.ClientName,
		PhoneNumber: r.PhoneNumber,
		Status:      r.Status,
		CaseType:    r.CaseType,
		Metadata:    metadata(r.Metadata),
		CreatedAt:   instant(r.CreatedAt),
		UpdatedAt:   instant(r.UpdatedAt),
	}
	if r.SoftDeleted {
		// A mark that another program made may lack the time. It was there at the last
		// update.
		at := r.DeletedAt
		if at.IsZero() {
			at = r.UpdatedAt
		}
		body.DeletedAt, body.DeletedReason = moment(at), text(r.DeletedReason)
	}
	if r.ScheduledDate != nil {
		body.ScheduledDate = new(instant(*r.ScheduledDate))
	}
	return body
}

func (s *server) listCases() operation {
	return operation{
		method: http.MethodGet, path: "/api/cases", id: "listCases", tag: "Cases",
		summary:     "List cases",
		description: "The clinic's cases by date, or, with updatedSince, by their last change, the oldest first. Soft-deleted ones are included unless deleted says otherwise.",
		access:      reading(),
		params: append([]*huma.Param{
			dayParam("from", "The first day, in the clinic's zone."),
			dayParam("to", "The last day, included."),
			textParam("status", "Only cases of this status.", 64, "draft"),
			instantParam("updatedSince", "Only cases that were changed at or after this moment."),
			textParam("pimsId", "Only the case with this id in the PIMS.", 255, "48213"),
			wordParam("deleted", "true: only soft-deleted cases; false: only others; any, as without it: both.", deletedWords),
			wordParam("order", "oldest, as without it, or newest first. Cases without a date are last.", orderWords),
		}, pageParams()...),
		offers: []offer{{
			status: http.StatusOK, description: "A page of cases.",
			example: caseList{Items: []caseRecord{caseOf(sampleRecord())}},
		}},
		codes: []syncs.Code{syncs.CodeInvalidRequest, syncs.CodeTimezoneMissing},
		handle: func(c *call) (reply, error) {
			filter, err := s.caseFilter(c)
			if err != nil {
				return reply{}, err
			}
			list, err := s.o.Cases.Cases(c.Context(), c.clinicID, filter)
			if err != nil {
				return reply{}, err
			}
			body := caseList{NextCursor: text(list.NextCursor)}
			for i := range list.Items {
				body.Items = append(body.Items, caseOf(&list.Items[i]))
			}
			return ok(body)
		},
	}
}

var (
	deletedWords = []string{"true", "false", "any"}
	orderWords   = []string{"oldest", "newest"}
)

func (s *server) caseFilter(c *call) (casesync.CaseFilter, error) {
	q := queryOf(c)
	filter := casesync.CaseFilter{
		From:         q.day("from"),
		To:           q.day("to"),
		Status:       q.text("status"),
		UpdatedSince: q.instant("updatedSince"),
		PIMSID:       q.text("pimsId"),
		NewestFirst:  q.text("order") == "newest",
		Page:         q.page(),
	}
	if q.err != nil {
		return filter, q.err
	}
	if word := q.text("deleted"); word != "" && word != "any" {
		filter.Deleted = new(word == "true")
	}
	none := pims.Date{}
	if filter.From != none && filter.To != none && filter.To.Before(filter.From) {
		return filter, invalid("to", "to must not be before from")
	}
	if filter.From == none && filter.To == none {
		return filter, nil
	}
	// Days need the clinic's zone; the server's zone is never used (R1).
	owner, err := s.o.Clinics.Clinic(c.Context(), c.clinicID)
	if err != nil {
		return filter, err
	}
	_, err = owner.Location()
	return filter, err
}

func (s *server) showCase() operation {
	return operation{
		method: http.MethodGet, path: "/api/cases/{id}", id: "showCase", tag: "Cases",
		summary: "Show a case",
		access:  reading(),
		params:  []*huma.Param{idParam("a case")},
		offers: []offer{{
			status: http.StatusOK, description: "The case.",
			example: caseOf(sampleRecord()),
		}},
		codes: []syncs.Code{syncs.CodeInvalidRequest, syncs.CodeNotFound},
		handle: func(c *call) (reply, error) {
			id, err := c.pathID()
			if err != nil {
				return reply{}, err
			}
			record, err := s.o.Cases.Case(c.Context(), c.clinicID, id)
			if err != nil {
				return reply{}, err
			}
			return ok(caseOf(&record))
		},
	}
}
