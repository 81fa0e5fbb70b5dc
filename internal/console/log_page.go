package console

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/clinic"
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
		Clinic        clinicPick
		Spans         []choice
		Filtered      bool
		Rows          []logRow
		Newest, Older string // addresses; empty: there is no such page
	}

	logRow struct {
		At            Moment
		Who, Kind     string
		Origin        string
		Action        string
		Clinic        string
		ClinicAddress string
		Record        string // what was acted on; empty: the clinic, or the installation
		Address       string // of what was acted on; empty: it has no page
		Outcome       Badge
		Why           string
		Changes       []fieldDiff
	}

	// A fieldDiff is a value before and after an action.
	fieldDiff struct{ Name, Before, After string }
)

// logPage shows what people, keys and the command line did (R44).
func (c *console) logPage() Page {
	return Page{
		Path: "/log", Title: "Log", Template: "log", Nav: "list", Group: groupInstallation, Needs: access.ChangeClinics,
		Show: func(v *Visit) (any, error) { return c.logOf(v) },
	}
}

// spans are the periods that a list can be limited to, and their length.
var spans = map[string]time.Duration{"day": 24 * time.Hour, "week": 7 * 24 * time.Hour, "month": 30 * 24 * time.Hour}

func (c *console) logOf(v *Visit) (*logView, error) {
	clinics, err := c.seenClinics(v)
	if err != nil {
		return nil, err
	}
	of, pick, err := pickClinic(v, clinics, "Everywhere")
	if err != nil {
		return nil, err
	}
	filter := access.Filter{Clinics: v.within(of), Page: syncs.Page{Limit: eventsPerPage, Cursor: v.Text("after")}}
	if length := spans[v.Text("span")]; length > 0 {
		filter.Since = v.Now.Add(-length)
	}
	shown := &logView{
		Clinic: pick, Filtered: of != nil || !filter.Since.IsZero(),
		Spans: choices(v.Text("span"), "All time", "day", "Last 24 hours", "week", "Last 7 days", "month", "Last 30 days"),
	}
	list, err := c.o.Events.Events(v.Context(), filter)
	if err != nil {
		return nil, told(err)
	}
	byID := clinicsByID(clinics)
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

func clinicsByID(clinics []clinic.Clinic) map[uuid.UUID]*clinic.Clinic {
	byID := make(map[uuid.UUID]*clinic.Clinic, len(clinics))
	for i := range clinics {
		byID[clinics[i].ID] = &clinics[i]
	}
	return byID
}

func logRowOf(v *Visit, e *access.Event, clinics map[uuid.UUID]*clinic.Clinic) logRow {
	row := logRow{
		At: v.Moment(e.At, nil), Who: cmp.Or(e.Who.Name, short(e.Who.ID)), Kind: callerKinds[e.Who.Kind], Origin: e.Origin,
		Action: actionName(e.Action), Outcome: Badge{"Done", "check", "quiet"}, Changes: differences(e.Before, e.After),
	}
	if of := clinics[e.ClinicID]; of != nil {
		row.Clinic, row.ClinicAddress, row.At.Zone = of.Name, clinicAddress(of.ID), zoneOf(of)
	} else if e.ClinicID != uuid.Nil {
		row.Clinic = "a clinic that is gone, " + short(e.ClinicID)
	}
	if e.Record.ID != "" {
		row.Record, row.Address = strings.ReplaceAll(e.Record.Kind, "_", " ")+" "+shortText(e.Record.ID), recordAddress(e.Record)
	}
	if e.Outcome == access.Failed {
		row.Outcome, row.Why, row.Changes = Badge{"Not done", "cross", "bad"}, explain(syncs.Code(e.Code)), nil
	}
	return row
}

// recordAddress returns the page of what an action was on.
func recordAddress(r access.Record) string {
	id, err := uuid.Parse(r.ID)
	if err != nil {
		return ""
	}
	switch r.Kind {
	case "sync":
		return runAddress(id)
	case "case":
		return caseAddress(id)
	case "plan":
		return planAddress(id)
	}
	return ""
}

// short returns the beginning of an id, which is enough to tell it from others.
func short(id uuid.UUID) string { return id.String()[:8] }

func shortText(id string) string {
	if parsed, err := uuid.Parse(id); err == nil {
		return short(parsed)
	}
	return id
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
		d := fieldDiff{fieldName(name), valueText(before[name]), valueText(after[name])}
		if d.Before != d.After {
			changed = append(changed, d)
		}
	}
	return changed
}

// fieldName returns the name of a value in words: "expiresAt" is "expires at".
func fieldName(name string) string {
	var b strings.Builder
	for i, r := range name {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return strings.ReplaceAll(strings.ToLower(b.String()), "_", " ")
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
