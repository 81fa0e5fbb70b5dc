package syncpages

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/console/screen"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

type (
	// A past is what the address of a case's page asks of its history: the case as it was
	// at a moment, or how it differs between two.
	past struct {
		At       page.Moment // the case is shown as it was then; zero: as it is now
		Withheld bool        // it had notes of another patient then; they are left out (R7)
		Now      string      // address of the case as it is
		WithNow  string      // address of the comparison of At with now

		Starts, Ends []page.Choice // the moments that can be compared; empty: there is only one
		Compared     bool
		From, To     page.Moment // what is compared; To is zero for now
		Differences  []difference
	}

	// A difference is a part of the case's page with its text at two moments.
	difference struct{ Name, Before, After string }
)

// past reads what the address asks for. The record is the case as it is to be shown.
// What cannot be shown, the page says, and shows the case as it is now.
func (s *Screens) past(v *page.Visit, of *clinic.Clinic, id uuid.UUID, events []cases.Event) (p past, record *cases.Record, err error) {
	zone := screen.ZoneOf(of)
	p.Now = screen.CaseAddress(id)
	p.Starts, p.Ends = momentsOf(v, zone, events)
	at, from, to := askedMoment(v, "at"), askedMoment(v, "from"), askedMoment(v, "to")
	if v.Problem != "" || at.IsZero() && from.IsZero() {
		return p, nil, nil
	}
	timeline, err := s.o.Cases.Timeline(v.Context(), of.ID, id)
	if err != nil {
		return p, nil, err
	}
	if !from.IsZero() {
		err = p.compare(v, of, &timeline, from, to)
	} else {
		record, err = p.as(v, of, &timeline, at)
	}
	if failure, told := errors.AsType[*syncs.Failure](err); told && failure.Code == syncs.CodeNotFound {
		v.Problem, err = page.Sentence(failure.Message), nil
	}
	return p, record, err
}

// askedMoment reads a moment of the address; zero: it has none. What is no moment becomes the
// page's problem.
func askedMoment(v *page.Visit, name string) time.Time {
	text := v.Text(name)
	if text == "" {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		v.Problem = fmt.Sprintf("%q is no moment. Choose one below, or write it like 2026-03-14T09:30:00Z.", name)
	}
	return at
}

// as shows the case as it was at a moment.
func (p *past) as(v *page.Visit, of *clinic.Clinic, timeline *cases.Timeline, at time.Time) (*cases.Record, error) {
	was, err := timeline.At(at)
	if err != nil {
		return nil, err
	}
	p.At, p.Withheld = v.Moment(at, screen.ZoneOf(of)), was.NotesWithheld
	p.WithNow = p.Now + "?" + url.Values{"from": {syncs.Moment(at)}}.Encode()
	return &was.Record, nil
}

// compare shows how the case differs between two moments; a zero to is now.
func (p *past) compare(v *page.Visit, of *clinic.Clinic, timeline *cases.Timeline, from, to time.Time) error {
	if !to.IsZero() && to.Before(from) {
		from, to = to, from
	}
	was, err := timeline.At(from)
	if err != nil {
		return err
	}
	is := cases.Moment{Record: timeline.Record}
	if !to.IsZero() {
		if is, err = timeline.At(to); err != nil {
			return err
		}
	}
	p.Compared, p.Withheld = true, was.NotesWithheld || is.NotesWithheld
	p.From, p.To = v.Moment(from, screen.ZoneOf(of)), v.Moment(to, screen.ZoneOf(of))
	p.Differences = differences(partsOf(v, of, &was.Record), partsOf(v, of, &is.Record))
	return nil
}

// partsOf returns what the page shows of a case, each part as a text.
func partsOf(v *page.Visit, of *clinic.Clinic, r *cases.Record) (parts []difference) {
	var shown caseView
	shown.fill(v, of, r)
	add := func(name, text string) { parts = append(parts, difference{Name: name, After: text}) }
	visit := ""
	if r.ScheduledDate != nil {
		visit = r.ScheduledDate.In(screen.ZoneOf(of)).Format("Mon 2 Jan 2006, 15:04 MST")
	}
	deleted := ""
	if shown.Gone != "" {
		deleted = "yes: " + shown.Gone
	}
	add("Status", shown.Status.Word)
	add("Deleted", deleted)
	add("Visit", visit)
	for _, f := range shown.Facts {
		if text, ok := f.Value.(string); ok {
			add(f.Name, text)
		}
	}
	for _, f := range shown.Visited {
		add(f.Name+" in the PIMS", fmt.Sprint(f.Value))
	}
	for _, n := range shown.Notes {
		add(n.Name+" of the consultation", n.Text)
	}
	add("Diagnoses", strings.Join(shown.Diagnoses, "\n"))
	for _, f := range shown.Vitals {
		add(f.Name, fmt.Sprint(f.Value))
	}
	return parts
}

// differences returns the parts whose text is not the same, in the order of the page.
func differences(was, is []difference) (differ []difference) {
	after := make(map[string]string, len(is))
	for _, part := range is {
		after[part.Name] = part.After
	}
	listed := make(map[string]bool, len(was))
	for _, part := range was {
		listed[part.Name] = true
		if now := after[part.Name]; now != part.After {
			differ = append(differ, difference{part.Name, part.After, now})
		}
	}
	for _, part := range is {
		if !listed[part.Name] && part.After != "" {
			differ = append(differ, difference{part.Name, "", part.After})
		}
	}
	return differ
}

// momentsOf offers the moments of a history for comparison, the latest first: the two
// fields of the form. There is nothing to compare before the second change.
func momentsOf(v *page.Visit, zone *time.Location, latestFirst []cases.Event) (starts, ends []page.Choice) {
	from, to := v.Text("from"), v.Text("to")
	last := ""
	for i := range latestFirst {
		value := syncs.Moment(latestFirst[i].At)
		if value == last {
			continue
		}
		last = value
		title := latestFirst[i].At.In(zone).Format("Mon 2 Jan 2006, 15:04:05 MST")
		starts = append(starts, page.Choice{Value: value, Title: title, Chosen: value == from})
		ends = append(ends, page.Choice{Value: value, Title: title, Chosen: value == to})
	}
	if len(starts) < 2 {
		return nil, nil
	}
	if from == "" {
		starts[len(starts)-1].Chosen = true
	}
	return starts, append([]page.Choice{{Title: "now", Chosen: to == ""}}, ends...)
}
