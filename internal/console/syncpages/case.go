package syncpages

import (
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/console/screen"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// historyPerCase is how many changes of a case the page shows, the latest ones. The API
// lists all.
const historyPerCase = 200

// lastChanged names the fact of a case that is only known of now.
const lastChanged = "Last changed"

type (
	caseView struct {
		caseRow
		past
		ID, Clinic, ClinicCases string
		ClinicAddress           string
		Removed                 bool // the case is no longer in the database, and has a history
		Deleted                 page.Moment
		Facts                   []page.Fact
		Visited                 []page.Fact // what the PIMS says of the visit
		Notes                   []note
		NotesFrom               page.Moment
		NotesStatus             string
		Vitals                  []page.Fact
		Diagnoses               []string
		History                 []historyDay
		Earlier                 bool // changes that the page does not show
		CanRestore              bool
	}

	// A note is one part of a consultation.
	note struct{ Name, Text string }

	// A historyDay is what happened on one day of the clinic.
	historyDay struct {
		Day    string
		Events []historyEvent
	}

	historyEvent struct {
		At        page.Moment
		Who       string
		Then      string // address of the case as it was with the change
		Run       string // address of the sync that made the change; empty: it was no sync
		Sentences []string
		Action    page.Badge
	}
)

// casePage shows one case.
func (s *Screens) casePage() page.Page {
	return page.Page{
		Path: "/cases/{id}", Title: "Case", Template: "case", Needs: access.Read,
		Show: func(v *page.Visit) (any, error) { return s.oneCase(v) },
		Acts: map[string]page.Act{"restore": {Needs: access.Restore, Do: s.restoreCase}},
	}
}

// theCase returns the case that the address names, and its clinic.
func (s *Screens) theCase(v *page.Visit) (of clinic.Clinic, id uuid.UUID, err error) {
	if id, err = v.PathID(); err != nil {
		return of, id, err
	}
	clinicID, err := s.o.Cases.ClinicOfHistory(v.Context(), id)
	if err != nil {
		return of, id, screen.Told(err)
	}
	if !v.Caller.Sees(clinicID) {
		return of, id, page.ErrNotFound
	}
	of, err = s.o.Clinics.Clinic(v.Context(), clinicID)
	return of, id, screen.Told(err)
}

func (s *Screens) oneCase(v *page.Visit) (*caseView, error) {
	of, id, err := s.theCase(v)
	if err != nil {
		return nil, err
	}
	if err := s.o.Log.Note(v.Context(), v.Event(access.CaseRead, of.ID, access.RecordOf("case", id)), nil); err != nil {
		return nil, err
	}
	shown := &caseView{ID: id.String(), Clinic: of.Name, ClinicCases: screen.CasesOf(of.ID), ClinicAddress: screen.ClinicAddress(of.ID)}
	events, err := s.history(v, of.ID, id)
	if err != nil {
		return nil, err
	}
	if len(events) > historyPerCase {
		events, shown.Earlier = events[len(events)-historyPerCase:], true
	}
	names, err := s.o.Names(v)
	if err != nil {
		return nil, err
	}
	slices.Reverse(events)
	shown.History = historyDays(v, screen.ZoneOf(&of), names, events)
	return shown, s.fillCase(v, &of, id, shown, events)
}

// fillCase shows the case as it is, or as it was when the address says so.
func (s *Screens) fillCase(v *page.Visit, of *clinic.Clinic, id uuid.UUID, shown *caseView, events []cases.Event) error {
	record, err := s.o.Cases.Case(v.Context(), of.ID, id)
	if err = screen.Told(err); err == page.ErrNotFound { //nolint:errorlint // Told returns it as it is
		shown.Removed = true
		return nil
	}
	if err != nil {
		return err
	}
	asked, was, err := s.past(v, of, id, events)
	if err != nil {
		return screen.Told(err)
	}
	if shown.past = asked; was == nil {
		shown.fill(v, of, &record)
		shown.CanRestore = record.SoftDeleted && v.Caller.Check(access.Restore, of.ID) == nil
	} else { // the history does not have when it was changed before
		shown.fill(v, of, was)
		shown.Facts = slices.DeleteFunc(shown.Facts, func(f page.Fact) bool { return f.Name == lastChanged })
	}
	return nil
}

// history reads the whole history of a case, the oldest first.
func (s *Screens) history(v *page.Visit, clinicID, caseID uuid.UUID) (events []cases.Event, err error) {
	page := syncs.Page{Limit: 1000}
	for {
		list, err := s.o.Cases.History(v.Context(), clinicID, caseID, page)
		if err != nil {
			return nil, screen.Told(err)
		}
		events = append(events, list.Items...)
		if page.Cursor = list.NextCursor; page.Cursor == "" {
			return cases.WithoutEchoes(events), nil
		}
	}
}

// historyDays groups events, the latest first, by day and by what made them.
func historyDays(v *page.Visit, zone *time.Location, names map[string]string, events []cases.Event) (days []historyDay) {
	for i := range events {
		e := &events[i]
		day := e.At.In(zone).Format("Monday, 2 January 2006")
		if len(days) == 0 || days[len(days)-1].Day != day {
			days = append(days, historyDay{Day: day})
		}
		of := &days[len(days)-1]
		if n := len(of.Events); n > 0 && i > 0 && events[i-1].At.Equal(e.At) && events[i-1].Actor == e.Actor {
			of.Events[n-1].Sentences = append(of.Events[n-1].Sentences, e.Tell(zone)...)
			of.Events[n-1].Action = eventBadge(e, of.Events[n-1].Action)
			continue
		}
		shown := historyEvent{At: v.Moment(e.At, zone), Then: "?" + url.Values{"at": {syncs.Moment(e.At)}}.Encode(), Who: screen.ActorName(e.Actor, names), Sentences: e.Tell(zone), Action: eventBadge(e, page.Info("Changed", "dots"))}
		if id, err := uuid.Parse(strings.TrimPrefix(e.Actor, "sync:")); err == nil && strings.HasPrefix(e.Actor, "sync:") {
			shown.Who, shown.Run = "Sync", screen.RunAddress(id)
		}
		of.Events = append(of.Events, shown)
	}
	return days
}

// eventBadge returns the most serious of what happened at one moment.
func eventBadge(e *cases.Event, before page.Badge) page.Badge {
	switch {
	case e.Action == "created":
		return page.Good("Created", "plus")
	case e.Action == "removed":
		return page.Bad("Removed", "cross")
	case e.Deletes():
		return page.Bad("Deleted", "cross")
	}
	return before
}

// fill shows a case that is in the database.
func (s *caseView) fill(v *page.Visit, of *clinic.Clinic, r *cases.Record) {
	zone := screen.ZoneOf(of)
	s.caseRow = caseRowOf(v, of, r)
	s.Deleted = v.Moment(r.DeletedAt, zone)
	s.Facts = []page.Fact{
		{Name: "Patient", Value: s.Patient},
		{Name: "Client", Value: s.Client},
		{Name: "Phone", Value: s.Phone},
		{Name: "Visit", Value: s.Visit.Full()},
		{Name: "Type", Value: s.Type},
		{Name: "Id in the PIMS", Value: s.PIMSID},
		{Name: "Created", Value: v.Moment(r.CreatedAt, zone).Full()},
		{Name: lastChanged, Value: v.Moment(r.UpdatedAt, zone).Full()},
	}
	m := parseMetadata(r.Metadata)
	s.Visited = textFacts("Status", m.Appointment.Status, "Type", m.Appointment.Type, "Reason", m.Appointment.Reason,
		"Veterinarian", m.Appointment.Veterinarian, "Room", m.Appointment.Room, "Client's e-mail", m.Appointment.ClientEmail)
	k := &m.Consultation
	s.NotesFrom, s.NotesStatus = v.Moment(k.FetchedAt, zone), k.StatusText
	for _, part := range []note{
		{"Reason", k.Reason},
		{"Subjective", k.SOAP.Subjective},
		{"Objective", k.SOAP.Objective},
		{"Assessment", k.SOAP.Assessment},
		{"Plan", k.SOAP.Plan},
		{"Notes", k.Notes},
		{"Discharge instructions", k.Discharge},
	} {
		if strings.TrimSpace(part.Text) != "" {
			s.Notes = append(s.Notes, part)
		}
	}
	s.Diagnoses = k.Diagnoses
	s.Vitals = append(s.Vitals, measured("Temperature", k.Vitals.Temperature, "°"+k.Vitals.TemperatureUnit)...)
	s.Vitals = append(s.Vitals, measured("Pulse", k.Vitals.Pulse, " /min")...)
	s.Vitals = append(s.Vitals, measured("Respiration", k.Vitals.Respiration, " /min")...)
	s.Vitals = append(s.Vitals, measured("Weight", k.Vitals.Weight, " "+k.Vitals.WeightUnit)...)
}

func measured(name string, value *float64, unit string) []page.Fact {
	if value == nil {
		return nil
	}
	return []page.Fact{{Name: name, Value: strconv.FormatFloat(*value, 'f', -1, 64) + unit}}
}

// textFacts returns facts of pairs of name and text, without those that are blank.
func textFacts(pairs ...string) (facts []page.Fact) {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			facts = append(facts, page.Fact{Name: pairs[i], Value: pairs[i+1]})
		}
	}
	return facts
}

// metadata is what the console shows of cases.metadata (docs/api.md).
type metadata struct {
	Appointment struct {
		Status, Type, Reason, Veterinarian, Room string
		ClientEmail                              string `json:"clientEmail"`
	}
	Consultation struct {
		FetchedAt  time.Time `json:"fetchedAt"`
		StatusText string    `json:"statusText"`
		Reason     string
		Notes      string
		SOAP       struct{ Subjective, Objective, Assessment, Plan string } `json:"soapNotes"`
		Discharge  string                                                   `json:"dischargeInstructions"`
		Diagnoses  []string
		Vitals     struct {
			Temperature, Pulse, Respiration, Weight *float64
			TemperatureUnit, WeightUnit             string
		}
	}
}

// parseMetadata reads what other programs may have written, too: what cannot be read is
// left out.
func parseMetadata(document []byte) (m metadata) {
	if json.Unmarshal(document, &m) != nil {
		return metadata{}
	}
	return m
}

// noted reports whether a case has medical notes.
func (m metadata) noted() bool {
	k := &m.Consultation
	return k.Notes+k.Reason+k.SOAP.Subjective+k.SOAP.Objective+k.SOAP.Assessment+k.SOAP.Plan+k.Discharge != "" || len(k.Diagnoses) > 0
}

func (s *Screens) restoreCase(v *page.Visit) (page.Notice, error) {
	of, id, err := s.theCase(v)
	if err == nil {
		err = v.Allowed(access.Restore, of.ID)
	}
	if err != nil {
		return page.Notice{}, err
	}
	outcomes, err := s.o.Service.RestoreCase(v.Context(), v.By(), of.ID, id)
	return restored(outcomes, err)
}
