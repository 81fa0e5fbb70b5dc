package syncpages

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/console/screen"
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

	// Timeline reads a case with its whole history.
	Timeline(ctx context.Context, clinicID, caseID uuid.UUID) (cases.Timeline, error)

	// EventsOf lists what a sync changed.
	EventsOf(ctx context.Context, clinicID, syncID uuid.UUID) ([]cases.Event, error)
}

// casesPerPage is how many cases one page shows.
const casesPerPage = 50

// casesPage searches the cases of one clinic.
func (s *Screens) casesPage() page.Page {
	return page.Page{
		Path: "/cases", Title: "Cases", Template: "cases", Nav: "file", Needs: access.Read,
		Show: func(v *page.Visit) (any, error) { return s.cases(v) }, Searches: true,
	}
}

type (
	casesView struct {
		Pick                      screen.Pick
		Statuses, Deleted, Orders []page.Choice
		Query, From, To           string
		Clinic                    string
		Rows                      []caseRow
		After                     string // the cursor of the next page; empty: there is none
		Later                     bool   // this is not the first page
		None                      bool   // the caller sees no clinic
	}

	caseRow struct {
		Address, PIMSID, Patient, Client, Phone string
		Visit, Updated                          page.Moment
		Status                                  page.Badge
		Type                                    string
		Notes                                   bool
		Gone                                    string // why it was deleted; empty: it was not
	}
)

// cases makes the page. What it searches for comes in the body of the form, so that no name
// stands in an address (R40).
func (s *Screens) cases(v *page.Visit) (*casesView, error) {
	clinics, err := s.o.SeenClinics(v)
	if err != nil {
		return nil, err
	}
	shown := &casesView{Query: v.Text("q"), From: v.Text("from"), To: v.Text("to"), Later: v.Text("after") != "", None: len(clinics) == 0}
	_, shown.Statuses = v.Filter("status", "Any status", cases.Draft, "Draft", cases.Pending, "Pending", cases.Reviewed, "Reviewed")
	_, shown.Deleted = v.Filter("deleted", "Deleted or not", "no", "Not deleted", "yes", "Deleted")
	_, shown.Orders = v.Filter("order", "Latest visit first", "oldest", "Earliest visit first")
	if shown.None {
		return shown, nil
	}
	of, pick, err := screen.PickClinic(v, clinics, "")
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
	list, err := s.o.Cases.Cases(v.Context(), of.ID, filter)
	if err != nil {
		return nil, screen.Told(err)
	}
	shown.After = list.NextCursor
	for i := range list.Items {
		shown.Rows = append(shown.Rows, caseRowOf(v, of, &list.Items[i]))
	}
	return shown, nil
}

// caseFilter reads the form, and says what a person must mend in it.
func caseFilter(v *page.Visit) (f cases.Filter, problem string) {
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
	none := pims.Date{}
	if f.From != none && f.To != none && f.To.Before(f.From) {
		return f, "The last day is before the first."
	}
	switch v.Text("deleted") {
	case "yes":
		f.Deleted = new(true)
	case "no":
		f.Deleted = new(false)
	}
	return f, ""
}

func caseRowOf(v *page.Visit, of *clinic.Clinic, r *cases.Record) caseRow {
	zone := screen.ZoneOf(of)
	row := caseRow{
		Address: screen.CaseAddress(r.ID), PIMSID: orEmpty(r.PIMSID), Patient: orEmpty(r.PatientName), Client: orEmpty(r.ClientName), Phone: orEmpty(r.PhoneNumber),
		Updated: v.Moment(r.UpdatedAt, zone), Status: caseStatus(r.Status), Type: page.Capital(r.CaseType), Notes: parseMetadata(r.Metadata).noted(),
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

func caseStatus(status string) page.Badge {
	switch status {
	case cases.Reviewed:
		return page.Good("Reviewed", "check")
	case cases.Pending:
		return page.Info("Pending", "clock")
	case cases.Draft:
		return page.Idle("Draft", "ring")
	}
	return page.Idle(page.Capital(status), "dots")
}

func orEmpty(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
