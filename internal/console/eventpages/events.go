package eventpages

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/console/screen"
	"github.com/pims-sync/pims-sync/internal/feed"
	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

const (
	eventsPerPage = 30

	// fresh is how long an event is marked as new.
	fresh = 10 * time.Second
)

type (
	eventsView struct {
		Clinic        screen.Pick
		Types         []page.Choice
		Filtered      bool
		Rows          []eventRow
		Latest        bool   // the page begins with the latest: it looks again soon
		Newest, Older string // addresses; empty: there is no such page
		MayAdd        bool   // endpoints
	}

	eventRow struct {
		At            page.Moment
		Fresh         bool
		What          page.Badge
		Type          string
		Clinic        string
		ClinicAddress string
		Text          string
		Detail        []string
		By            string
		Sync          string // the address of the sync that did it, or is it; empty: none
		Links         []link // to what else it is about
	}

	link struct{ Title, Address string }
)

// typeWords are the types of events in words.
var typeWords = []string{
	feed.CaseChanged, "Cases changed",
	feed.SyncCompleted, "Sync completed",
	feed.SyncFailed, "Sync failed",
	feed.PlanOpened, "Plan waits",
	feed.PlanDecided, "Plan decided",
	feed.ClinicStateChanged, "State of a clinic",
	feed.PIMSDrift, "Form of answers changed",
	feed.VolumeUnusual, "Unusual counts",
	feed.WebhookDisabled, "Webhook disabled",
}

// typeBadges are the types as a row shows them.
var typeBadges = map[string]page.Badge{
	feed.CaseChanged:        page.Quiet("Cases changed", "file"),
	feed.SyncCompleted:      page.Good("Sync completed", "check"),
	feed.SyncFailed:         page.Bad("Sync failed", "triangle"),
	feed.PlanOpened:         page.Warn("Plan waits", "hand"),
	feed.PlanDecided:        page.Info("Plan decided", "check"),
	feed.ClinicStateChanged: page.Info("State of a clinic", "ring"),
	feed.PIMSDrift:          page.Warn("Form of answers changed", "triangle"),
	feed.VolumeUnusual:      page.Warn("Unusual counts", "trend"),
	feed.WebhookDisabled:    page.Bad("Webhook disabled", "cross"),
}

// badgeOf returns how a row shows a type, also one of a later version.
func badgeOf(kind string) page.Badge {
	if badge, ok := typeBadges[kind]; ok {
		return badge
	}
	return page.Quiet("Something else", "list")
}

// eventsPage shows events as they arrive (R46).
func (s *screens) eventsPage() page.Page {
	return page.Page{
		Path: "/events", Title: "Events", Template: "events", Nav: "pulse", Needs: access.Read,
		Show: func(v *page.Visit) (any, error) { return s.events(v) },
	}
}

func (s *screens) events(v *page.Visit) (*eventsView, error) {
	clinics, err := s.o.SeenClinics(v)
	if err != nil {
		return nil, err
	}
	of, pick, err := screen.PickClinic(v, clinics, "All clinics")
	if err != nil {
		return nil, err
	}
	kind, types := v.Filter("type", "All events", typeWords...)
	shown := &eventsView{
		Clinic: pick, Types: types, Filtered: of != nil || kind != "",
		Latest: v.Text("after") == "", MayAdd: v.Caller.Check(access.ChangeClinics, uuid.Nil) == nil,
	}
	list, err := s.o.Arrivals.Recent(v.Context(), feed.HappeningFilter{
		Clinics: screen.Within(v, of), Type: kind, Page: syncs.Page{Limit: eventsPerPage, Cursor: v.Text("after")},
	})
	if err != nil {
		return nil, told(err)
	}
	names, err := s.o.Names(v)
	if err != nil {
		return nil, err
	}
	byID := screen.ClinicsByID(clinics)
	for i := range list.Items {
		h := &list.Items[i]
		row := eventRow{
			At: v.Moment(h.ArrivedAt, nil), Fresh: shown.Latest && v.Now.Sub(h.ArrivedAt) < fresh, What: badgeOf(h.Type), Type: h.Type,
		}
		if of := byID[h.ClinicID]; of != nil {
			row.At.Zone = screen.ZoneOf(of)
		}
		row.Clinic, row.ClinicAddress = nameOf(h.ClinicID, byID)
		row.describe(h, names)
		shown.Rows = append(shown.Rows, row)
	}
	if !shown.Latest {
		shown.Newest = v.Address("after", "")
	}
	if list.NextCursor != "" {
		shown.Older = v.Address("after", list.NextCursor)
	}
	return shown, nil
}

// An eventData is what the events of the feed say, whatever their type.
type eventData struct {
	SyncID, PlanID, EndpointID uuid.UUID
	Type                       syncs.Type
	Trigger                    string
	Code                       syncs.Code
	Status, Reason, Field      string
	State                      scheduler.ClinicState
	Cases                      int
	DeletionsFrozen            bool
	Stats                      struct{ CasesCreated, CasesUpdated, CasesEnriched, CasesDeleted, CasesRestored, CasesFailed int }
	Findings                   []struct{ Count string }
	Changes                    []struct{ Endpoint, Field, Kind string }
}

// describe says what happened, and links to it.
func (r *eventRow) describe(h *feed.Happening, names map[string]string) {
	if h.Type == feed.CaseChanged {
		r.changes(h.Changes, names)
		return
	}
	var d eventData
	if json.Unmarshal(h.Data, &d) != nil {
		return // of a later version
	}
	if d.SyncID != uuid.Nil {
		r.Sync = screen.RunAddress(d.SyncID)
	}
	if d.PlanID != uuid.Nil {
		r.Links = append(r.Links, link{"the plan", screen.PlanAddress(d.PlanID)})
	}
	switch h.Type {
	case feed.SyncCompleted, feed.SyncFailed:
		r.Text = screen.TypeName(d.Type)
		if d.Code != "" {
			r.Text += ": " + screen.Explain(d.Code)
		}
		r.Detail = counts("case", d.Stats.CasesCreated, "created", d.Stats.CasesUpdated, "updated", d.Stats.CasesEnriched, "with notes",
			d.Stats.CasesDeleted, "deleted", d.Stats.CasesRestored, "restored", d.Stats.CasesFailed, "failed")
	case feed.PlanOpened:
		what := "A calendar"
		if d.Cases > 0 {
			what = page.Counted(d.Cases, "change")
		}
		r.Text = what + " for a person to decide. " + screen.Explain(d.Code)
	case feed.PlanDecided:
		r.Text = page.Capital(d.Status)
	case feed.ClinicStateChanged:
		r.What = screen.StateBadges[d.State]
		r.Text = screen.Explain(d.Code)
	case feed.PIMSDrift:
		for _, c := range d.Changes {
			r.Detail = append(r.Detail, c.Endpoint+" "+c.Field+": "+c.Kind)
		}
		if r.Text = "Reported, and nothing is held back"; d.DeletionsFrozen {
			r.Text = "Deletions wait for a person"
		}
	case feed.VolumeUnusual:
		for _, f := range d.Findings {
			r.Detail = append(r.Detail, syncs.FieldName(f.Count))
		}
		r.Text = screen.TypeName(d.Type)
	case feed.WebhookDisabled:
		r.Text = page.Sentence(d.Reason)
		r.Links = append(r.Links, link{"the endpoint", webhookAddress(d.EndpointID)})
	}
}

// changes says what a transaction did to cases.
func (r *eventRow) changes(c *feed.Changes, names map[string]string) {
	if c == nil {
		r.Text = "The history of this change was removed"
		return
	}
	r.Text = strings.Join(counts("case", c.Created, "created", c.Changed, "changed", c.Deleted, "deleted", c.Restored, "restored", c.Removed, "removed"), ", ")
	for _, f := range c.Fields {
		r.Detail = append(r.Detail, syncs.FieldName(strings.TrimPrefix(f, "metadata.")))
	}
	r.By = screen.ActorName(c.Actor, names)
	if kind, id, _ := strings.Cut(c.Actor, ":"); kind == "sync" {
		if of, err := uuid.Parse(id); err == nil {
			r.Sync = screen.RunAddress(of)
		}
	}
	if c.Created+c.Changed+c.Deleted+c.Restored <= len(c.Cases) {
		for _, id := range c.Cases {
			r.Links = append(r.Links, link{"case " + screen.Short(id), screen.CaseAddress(id)})
		}
	}
}

// counts lists the counts that are not zero; only the first names the thing.
func counts(thing string, pairs ...any) (words []string) {
	for i := 0; i+1 < len(pairs); i += 2 {
		n, is := pairs[i].(int)
		if !is || n == 0 {
			continue
		}
		text := page.Number(n)
		if len(words) == 0 {
			text = page.Counted(n, thing)
		}
		words = append(words, text+" "+pairs[i+1].(string)) //nolint:forcetypeassert // as it is called above
	}
	return words
}
