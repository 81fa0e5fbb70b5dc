package console

import (
	"context"
	"net/url"
	"strings"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// Cases reads cases and their history.
type Cases interface {
	// Case returns one case. The error has CodeNotFound where there is none.
	Case(ctx context.Context, clinicID, id uuid.UUID) (cases.Record, error)

	// ByID returns those of the cases that the clinic has.
	ByID(ctx context.Context, clinicID uuid.UUID, ids []uuid.UUID) (map[uuid.UUID]cases.Record, error)

	// Cases lists cases of a clinic.
	Cases(ctx context.Context, clinicID uuid.UUID, filter cases.Filter) (syncs.List[cases.Record], error)

	// ClinicOfHistory returns the clinic of a case, also of one that is gone and has a history.
	ClinicOfHistory(ctx context.Context, caseID uuid.UUID) (uuid.UUID, error)

	// History lists what happened to a case, the oldest first.
	History(ctx context.Context, clinicID, caseID uuid.UUID, page syncs.Page) (syncs.List[cases.Event], error)

	// EventsOf lists what a sync changed.
	EventsOf(ctx context.Context, clinicID, syncID uuid.UUID) ([]cases.Event, error)
}

// casesPerPage is how many cases one page shows.
const casesPerPage = 50

// casesPage searches the cases of one clinic.
func (c *console) casesPage() Page {
	return Page{
		Path: "/cases", Title: "Cases", Template: "cases", Nav: "file", Needs: access.Read,
		Show: func(v *Visit) (any, error) { return c.cases(v) }, Searches: true,
	}
}

type (
	casesView struct {
		Pick                      clinicPick
		Statuses, Deleted, Orders []choice
		Query, From, To           string
		Clinic                    string
		Rows                      []caseRow
		After                     string // the cursor of the next page; empty: there is none
		Later                     bool   // this is not the first page
		None                      bool   // the caller sees no clinic
	}

	caseRow struct {
		Address, PIMSID, Patient, Client, Phone string
		Visit, Updated                          Moment
		Status                                  Badge
		Type                                    string
		Notes                                   bool
		Gone                                    string // why it was deleted; empty: it was not
	}
)

// cases makes the page. What it searches for comes in the body of the form, so that no name
// stands in an address (R40).
func (c *console) cases(v *Visit) (*casesView, error) {
	clinics, err := c.seenClinics(v)
	if err != nil {
		return nil, err
	}
	shown := &casesView{
		Query: v.Text("q"), From: v.Text("from"), To: v.Text("to"), Later: v.Text("after") != "", None: len(clinics) == 0,
		Statuses: choices(v.Text("status"), "Any status", cases.Draft, "Draft", cases.Pending, "Pending", cases.Reviewed, "Reviewed"),
		Deleted:  choices(v.Text("deleted"), "Deleted or not", "no", "Not deleted", "yes", "Deleted"),
		Orders:   choices(v.Text("order"), "Latest visit first", "oldest", "Earliest visit first"),
	}
	if shown.None {
		return shown, nil
	}
	of, pick, err := pickClinic(v, clinics, "")
	if err != nil {
		return nil, err
	}
	if of == nil {
		of, pick.Text = &clinics[0], clinics[0].Name
	}
	shown.Clinic, shown.Pick = of.Name, pick
	filter, problem := caseFilter(v)
	if problem != "" {
		v.Problem = problem
		return shown, nil
	}
	list, err := c.o.Cases.Cases(v.Context(), of.ID, filter)
	if err != nil {
		return nil, told(err)
	}
	shown.After = list.NextCursor
	for i := range list.Items {
		shown.Rows = append(shown.Rows, caseRowOf(v, of, &list.Items[i]))
	}
	return shown, nil
}

// caseFilter reads the form, and says what a person must mend in it.
func caseFilter(v *Visit) (f cases.Filter, problem string) {
	f = cases.Filter{
		Status: v.Text("status"), Query: v.Text("q"), NewestFirst: v.Text("order") != "oldest",
		Page: syncs.Page{Limit: casesPerPage, Cursor: v.Text("after")},
	}
	for name, day := range map[string]*pims.Date{"from": &f.From, "to": &f.To} {
		if text := v.Text(name); text != "" {
			parsed, err := pims.ParseDate(text)
			if err != nil {
				return f, "A date must be like 2026-03-14."
			}
			*day = parsed
		}
	}
	switch v.Text("deleted") {
	case "yes":
		f.Deleted = new(true)
	case "no":
		f.Deleted = new(false)
	}
	return f, ""
}

func caseRowOf(v *Visit, of *clinic.Clinic, r *cases.Record) caseRow {
	zone := zoneOf(of)
	row := caseRow{
		Address: caseAddress(r.ID), PIMSID: orEmpty(r.PIMSID), Patient: orEmpty(r.PatientName), Client: orEmpty(r.ClientName), Phone: orEmpty(r.PhoneNumber),
		Updated: v.Moment(r.UpdatedAt, zone), Status: caseStatus(r.Status), Type: capital(r.CaseType), Notes: parseMetadata(r.Metadata).noted(),
	}
	if r.ScheduledDate != nil {
		row.Visit = v.Moment(*r.ScheduledDate, zone)
	}
	if r.SoftDeleted {
		row.Gone = gone(r)
	}
	return row
}

// gone says why a case is soft-deleted.
func gone(r *cases.Record) string {
	if r.DeletedReason != "" {
		return strings.ReplaceAll(r.DeletedReason, "_", " ")
	}
	return "by another program"
}

func caseStatus(status string) Badge {
	switch status {
	case cases.Reviewed:
		return Badge{"Reviewed", "check", "good"}
	case cases.Pending:
		return Badge{"Pending", "clock", "info"}
	case cases.Draft:
		return Badge{"Draft", "ring", "idle"}
	}
	return Badge{capital(status), "dots", "idle"}
}

func orEmpty(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

func capital(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// casesOf returns the address of a clinic's cases.
func casesOf(id uuid.UUID) string {
	return Root + "/cases?" + url.Values{"clinic": {id.String()}}.Encode()
}
