package systempages

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/console/screen"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// Events reads the record of actions (R44).
type Events interface {
	// Events lists actions, the newest first.
	Events(ctx context.Context, filter access.Filter) (syncs.List[access.Event], error)
}

// eventsPerPage is how many actions one page shows.
const eventsPerPage = 50

type (
	logView struct {
		Clinic        screen.Pick
		Spans         []page.Choice
		Filtered      bool
		Rows          []logRow
		Newest, Older string // addresses; empty: there is no such page
	}

	logRow struct {
		At            page.Moment
		Who, Kind     string
		Origin        string
		Action        string
		Clinic        string
		ClinicAddress string
		Record        string // what was acted on; empty: the clinic, or the installation
		Address       string // of what was acted on; empty: it has no page
		Outcome       page.Badge
		Why           string
		Changes       []fieldDiff
	}

	// A fieldDiff is a value before and after an action.
	fieldDiff struct{ Name, Before, After string }
)

// logPage shows what people, keys and the command line did (R44).
func (s *screens) logPage() page.Page {
	return page.Page{
		Path: "/log", Title: "Log", Template: "log", Nav: "list", Group: page.GroupInstallation, Needs: access.ChangeClinics,
		Show: func(v *page.Visit) (any, error) { return s.logOf(v) },
	}
}

func (s *screens) logOf(v *page.Visit) (*logView, error) {
	clinics, err := s.o.SeenClinics(v)
	if err != nil {
		return nil, err
	}
	of, pick, err := screen.PickClinic(v, clinics, "Everywhere")
	if err != nil {
		return nil, err
	}
	filter := access.Filter{Clinics: screen.Within(v, of), Page: syncs.Page{Limit: eventsPerPage, Cursor: v.Text("after")}}
	filter.Since = screen.Since(v)
	shown := &logView{
		Clinic: pick, Filtered: of != nil || !filter.Since.IsZero(),
		Spans: screen.Spans(v),
	}
	list, err := s.o.Events.Events(v.Context(), filter)
	if err != nil {
		return nil, screen.Told(err)
	}
	byID := screen.ClinicsByID(clinics)
	for i := range list.Items {
		shown.Rows = append(shown.Rows, logRowOf(v, &list.Items[i], byID))
	}
	if filter.Page.Cursor != "" {
		shown.Newest = v.Address("after", "")
	}
	if list.NextCursor != "" {
		shown.Older = v.Address("after", list.NextCursor)
	}
	return shown, nil
}

func logRowOf(v *page.Visit, e *access.Event, clinics map[uuid.UUID]*clinic.Clinic) logRow {
	row := logRow{
		At: v.Moment(e.At, nil), Who: cmp.Or(e.Who.Name, screen.Short(e.Who.ID)), Kind: callerKinds[e.Who.Kind], Origin: e.Origin,
		Action: actionName(e.Action), Outcome: page.Quiet("Done", "check"), Changes: differences(e.Before, e.After),
	}
	if of := clinics[e.ClinicID]; of != nil {
		row.Clinic, row.ClinicAddress, row.At.Zone = of.Name, screen.ClinicAddress(of.ID), screen.ZoneOf(of)
	} else if e.ClinicID != uuid.Nil {
		row.Clinic = "a clinic that is gone, " + screen.Short(e.ClinicID)
	}
	if e.Record.ID != "" && e.Record.ID != uuid.Nil.String() { // which refused syncs had once
		row.Record, row.Address = strings.ReplaceAll(e.Record.Kind, "_", " ")+" "+screen.ShortText(e.Record.ID), recordAddress(e.Record)
	}
	if e.Outcome == access.Failed {
		row.Outcome, row.Why, row.Changes = page.Bad("Not done", "cross"), whyNot(syncs.Code(e.Code)), nil
	}
	return row
}

// whyNot returns in words why an action was not done.
func whyNot(code syncs.Code) string {
	if code == syncs.CodeForbidden { // of a sync it means less
		return "It is not allowed, or the clinic is off"
	}
	return screen.Explain(code)
}

// recordAddress returns the page of what an action was on.
func recordAddress(r access.Record) string {
	id, err := uuid.Parse(r.ID)
	if err != nil {
		return ""
	}
	switch r.Kind {
	case "sync":
		return screen.RunAddress(id)
	case "case":
		return screen.CaseAddress(id)
	case "plan":
		return screen.PlanAddress(id)
	}
	return ""
}

// differences lists the values that an action changed, by their names.
func differences(before, after access.Values) (changed []fieldDiff) {
	names := slices.Sorted(maps.Keys(before))
	for name := range after {
		if _, both := before[name]; !both {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		d := fieldDiff{syncs.FieldName(name), valueText(before[name]), valueText(after[name])}
		if d.Before != d.After {
			changed = append(changed, d)
		}
	}
	return changed
}

// maxValue is how much of a value the log shows, in bytes. The API has all of it.
const maxValue = 300

func valueText(value any) string {
	switch x := value.(type) {
	case nil:
		return ""
	case bool:
		if x {
			return "yes"
		}
		return "no"
	case string:
		return clipped(x)
	case []any:
		words := make([]string, len(x))
		for i := range x {
			words[i] = valueText(x[i])
		}
		return clipped(strings.Join(words, ", "))
	default:
		text, err := json.Marshal(x)
		if err != nil {
			return fmt.Sprint(x)
		}
		return clipped(string(text))
	}
}

func clipped(text string) string {
	if len(text) <= maxValue {
		return text
	}
	return strings.ToValidUTF8(text[:maxValue], "") + "…"
}
