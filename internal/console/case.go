package console

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// historyPerCase is how many changes of a case the page shows, the latest ones. The API
// lists all.
const historyPerCase = 200

type (
	caseView struct {
		caseRow
		ID, Clinic, ClinicCases string
		ClinicAddress           string
		Removed                 bool // the case is no longer in the database, and has a history
		Deleted                 Moment
		Facts                   []fact
		Visited                 []fact // what the PIMS says of the visit
		Notes                   []note
		NotesFrom               Moment
		NotesStatus             string
		Vitals                  []fact
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
		At        Moment
		Who       string
		Run       string // address of the sync that made the change; empty: it was no sync
		Sentences []string
		Action    Badge
	}
)

// casePage shows one case.
func (c *console) casePage() Page {
	return Page{
		Path: "/cases/{id}", Title: "Case", Template: "case", Needs: access.Read,
		Show: func(v *Visit) (any, error) { return c.oneCase(v) },
		Acts: map[string]Act{"restore": {access.Restore, c.restoreCase}},
	}
}

// theCase returns the case that the address names, and its clinic.
func (c *console) theCase(v *Visit) (of clinic.Clinic, id uuid.UUID, err error) {
	if id, err = pathID(v); err != nil {
		return of, id, err
	}
	clinicID, err := c.o.Cases.ClinicOfHistory(v.Context(), id)
	if err != nil {
		return of, id, told(err)
	}
	if !v.Caller.Sees(clinicID) {
		return of, id, ErrNotFound
	}
	of, err = c.o.Clinics.Clinic(v.Context(), clinicID)
	return of, id, told(err)
}

func (c *console) oneCase(v *Visit) (*caseView, error) {
	of, id, err := c.theCase(v)
	if err != nil {
		return nil, err
	}
	if err := c.o.Log.Note(v.Context(), v.event(access.CaseRead, of.ID, access.RecordOf("case", id)), nil); err != nil {
		return nil, err
	}
	shown := &caseView{ID: id.String(), Clinic: of.Name, ClinicCases: casesOf(of.ID), ClinicAddress: clinicAddress(of.ID)}
	record, err := c.o.Cases.Case(v.Context(), of.ID, id)
	switch err = told(err); {
	case err == ErrNotFound: //nolint:errorlint // told returns it as it is
		shown.Removed = true
	case err != nil:
		return nil, err
	default:
		shown.fill(v, &of, &record)
		shown.CanRestore = record.SoftDeleted && v.Caller.Check(access.Restore, of.ID) == nil
	}
	events, err := c.history(v, of.ID, id)
	if err != nil {
		return nil, err
	}
	if len(events) > historyPerCase {
		events, shown.Earlier = events[len(events)-historyPerCase:], true
	}
	names, err := c.names(v)
	if err != nil {
		return nil, err
	}
	slices.Reverse(events)
	shown.History = historyDays(v, zoneOf(&of), names, events)
	return shown, nil
}

// history reads the whole history of a case, the oldest first.
func (c *console) history(v *Visit, clinicID, caseID uuid.UUID) (events []cases.Event, err error) {
	page := syncs.Page{Limit: 1000}
	for {
		list, err := c.o.Cases.History(v.Context(), clinicID, caseID, page)
		if err != nil {
			return nil, told(err)
		}
		events = append(events, list.Items...)
		if page.Cursor = list.NextCursor; page.Cursor == "" {
			return cases.WithoutEchoes(events), nil
		}
	}
}

// names returns people by the actor that stands in the history.
func (c *console) names(v *Visit) (map[string]string, error) {
	all, err := c.o.People.People(v.Context())
	names := make(map[string]string, len(all))
	for i := range all {
		names["person:"+all[i].ID.String()] = all[i].Label()
	}
	return names, err
}

// historyDays groups events, the latest first, by day and by what made them.
func historyDays(v *Visit, zone *time.Location, names map[string]string, events []cases.Event) (days []historyDay) {
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
		shown := historyEvent{At: v.Moment(e.At, zone), Who: actorName(e.Actor, names), Sentences: e.Tell(zone), Action: eventBadge(e, Badge{"Changed", "dots", "info"})}
		if id, err := uuid.Parse(strings.TrimPrefix(e.Actor, "sync:")); err == nil && strings.HasPrefix(e.Actor, "sync:") {
			shown.Who, shown.Run = "Sync", runAddress(id)
		}
		of.Events = append(of.Events, shown)
	}
	return days
}

// eventBadge returns the most serious of what happened at one moment.
func eventBadge(e *cases.Event, before Badge) Badge {
	switch {
	case e.Action == "created":
		return Badge{"Created", "plus", "good"}
	case e.Action == "removed":
		return Badge{"Removed", "cross", "bad"}
	case e.Deletes():
		return Badge{"Deleted", "cross", "bad"}
	}
	return before
}

// fill shows a case that is in the database.
func (s *caseView) fill(v *Visit, of *clinic.Clinic, r *cases.Record) {
	zone := zoneOf(of)
	s.caseRow = caseRowOf(v, of, r)
	s.Deleted = v.Moment(r.DeletedAt, zone)
	s.Facts = []fact{
		{"Patient", s.Patient},
		{"Client", s.Client},
		{"Phone", s.Phone},
		{"Visit", s.Visit.Full()},
		{"Type", s.Type},
		{"Id in the PIMS", s.PIMSID},
		{"Created", v.Moment(r.CreatedAt, zone).Full()},
		{"Last changed", v.Moment(r.UpdatedAt, zone).Full()},
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

func measured(name string, value *float64, unit string) []fact {
	if value == nil {
		return nil
	}
	return []fact{{name, strconv.FormatFloat(*value, 'f', -1, 64) + unit}}
}

// textFacts returns facts of pairs of name and text, without those that are blank.
func textFacts(pairs ...string) (facts []fact) {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			facts = append(facts, fact{pairs[i], pairs[i+1]})
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

func (c *console) restoreCase(v *Visit) (Notice, error) {
	of, id, err := c.theCase(v)
	if err == nil {
		err = v.allowed(access.Restore, of.ID)
	}
	if err != nil {
		return Notice{}, err
	}
	return c.restore(v, v.event(access.CaseRestore, of.ID, access.RecordOf("case", id)), []uuid.UUID{id})
}
