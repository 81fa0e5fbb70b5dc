package clinicpages

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/console/screen"
	"github.com/pims-sync/pims-sync/internal/fleet"
	"github.com/pims-sync/pims-sync/internal/scheduler"
)

type (
	scheduleView struct {
		screen.Head
		scheduleForm
		CanChange bool
	}

	// A scheduleForm edits a schedule and says what it will do.
	scheduleForm struct {
		Entries  []scheduleRow
		Tried    bool   // what was typed is shown, and is not stored
		Broken   string // why the stored schedule cannot be read
		NoZone   bool
		Next     []comingRun
		Changes  []clockChange
		Warnings []string
		Document string // as it is stored, for those who use the API
	}

	scheduleRow struct {
		N                                                    int
		Types                                                []page.Choice
		Cron, Words                                          string
		On, New                                              bool
		DaysAhead, LookbackDays, LookaheadDays, ParallelSize string
		Rest                                                 string // the other options, as JSON
		Problem                                              string
	}

	// A clockChange says what a schedule does on the day on which clocks change.
	clockChange struct {
		Day, What string
		Entries   []page.Fact
	}
)

// schedulePage shows and changes when a clinic is synced.
func (s *screens) schedulePage() page.Page {
	return page.Page{
		Path: "/clinics/{id}/schedule", Title: "Schedule", Template: "clinic-schedule", Needs: access.ReadClinics, Under: "/",
		Show:     func(v *page.Visit) (any, error) { return s.schedule(v) },
		Searches: true, // the form without an act shows what the typed schedule would do
		Acts:     map[string]page.Act{"schedule": {Needs: access.ChangeClinics, Do: s.setSchedule}},
	}
}

func (s *screens) schedule(v *page.Visit) (*scheduleView, error) {
	x, err := s.o.TheClinic(v)
	if err != nil {
		return nil, err
	}
	shown := &scheduleView{Head: screen.HeadOf(v, x), CanChange: v.Caller.Check(access.ChangeClinics, x.Clinic.ID) == nil}
	shown.scheduleForm, err = s.scheduleForm(v, x)
	return shown, err
}

// scheduleForm returns the schedule as it was typed, else as it is stored.
func (s *screens) scheduleForm(v *page.Visit, x *screen.Judged) (f scheduleForm, err error) {
	document := x.Schedules
	if v.Method == http.MethodPost {
		f.Tried = true
		if document, err = typedSchedule(v); err != nil {
			return f, err
		}
	}
	if document == nil {
		document = []byte("[]")
	}
	f.Document = string(document)
	entries, problems := clinic.ParseSchedules(document, scheduler.CheckEntry)
	var raw []json.RawMessage
	if json.Unmarshal(document, &raw) != nil {
		f.Broken = "The stored schedule is not a list of entries, so nothing runs. Storing this form replaces it."
	}
	words := map[int]string{}
	for _, e := range entries {
		words[e.Index] = fleet.Describe(e)
	}
	for i, entry := range raw {
		row := scheduleRowOf(i, entry)
		row.Words = words[i]
		for _, p := range problems {
			if p.Index == i {
				row.Problem = p.Reason
			}
		}
		f.Entries = append(f.Entries, row)
	}
	f.Entries = append(f.Entries, scheduleRow{N: len(raw), Types: page.Choices("inbound", "", screen.RunTypes...)[1:], On: true, New: true})
	f.foresee(v, x, entries)
	return f, nil
}

// scheduleRowOf shows an entry, also one that is bad.
func scheduleRowOf(n int, entry json.RawMessage) scheduleRow {
	var read struct {
		Type, Cron any
		Enabled    *bool
		Options    map[string]json.RawMessage
	}
	_ = json.Unmarshal(entry, &read) // what cannot be read stays empty, and its problem is shown
	text := func(value any) string {
		said, _ := value.(string)
		return said
	}
	row := scheduleRow{N: n, Types: page.Choices(text(read.Type), "", screen.RunTypes...)[1:], Cron: text(read.Cron), On: read.Enabled == nil || *read.Enabled}
	for name, to := range row.options() {
		*to = strings.Trim(string(read.Options[name]), `"`)
		delete(read.Options, name)
	}
	if len(read.Options) > 0 {
		if rest, err := json.Marshal(read.Options); err == nil {
			row.Rest = string(rest)
		}
	}
	return row
}

// options are the fields of the form that are options of an entry.
func (r *scheduleRow) options() map[string]*string {
	return map[string]*string{"daysAhead": &r.DaysAhead, "lookbackDays": &r.LookbackDays, "lookaheadDays": &r.LookaheadDays, "parallelBatchSize": &r.ParallelSize}
}

// typedSchedule returns the schedule of the form as the specification's JSON array. Entries
// that are to be removed, and new ones without a time, are left out.
func typedSchedule(v *page.Visit) ([]byte, error) {
	entries := []map[string]any{}
	for n := 0; v.PostForm.Has("type." + strconv.Itoa(n)); n++ {
		at := func(name string) string { return strings.TrimSpace(v.PostForm.Get(name + "." + strconv.Itoa(n))) }
		if at("cron") == "" && at("new") != "" || at("type") == "" || at("remove") != "" {
			continue
		}
		entry := map[string]any{"type": at("type"), "cron": at("cron"), "enabled": at("on") != ""}
		options := map[string]json.RawMessage{}
		if rest := at("rest"); rest != "" && json.Unmarshal([]byte(rest), &options) != nil {
			return nil, page.Problem("An option of the schedule cannot be read. Load the page again.")
		}
		for name := range new(scheduleRow).options() {
			text := at(name)
			if text == "" {
				continue
			}
			number, err := strconv.Atoi(text)
			if err != nil {
				return nil, page.Problem(fmt.Sprintf("Entry %d: %s must be a whole number.", n+1, fieldWords[name]))
			}
			options[name] = json.RawMessage(strconv.Itoa(number))
		}
		if len(options) > 0 {
			entry["options"] = options
		}
		entries = append(entries, entry)
	}
	return json.MarshalIndent(entries, "", "  ")
}

var fieldWords = map[string]string{
	"daysAhead": "days ahead", "lookbackDays": "days back", "lookaheadDays": "days ahead of deletions", "parallelBatchSize": "requests at a time",
}

// turnOn shows every entry as on, and what the schedule does then.
func (f *scheduleForm) turnOn(v *page.Visit, x *screen.Judged) {
	for i := range f.Entries {
		f.Entries[i].On = true
	}
	entries, _ := clinic.ParseSchedules([]byte(f.Document), scheduler.CheckEntry)
	for i := range entries {
		entries[i].Enabled = true
	}
	f.Warnings, f.Next, f.Changes = nil, nil, nil
	f.foresee(v, x, entries)
}

// foresee adds what the schedule will do.
func (f *scheduleForm) foresee(v *page.Visit, x *screen.Judged, entries []clinic.ScheduleEntry) {
	loc, err := x.Clinic.Location()
	if err != nil {
		f.NoZone = true
		return
	}
	forecast := fleet.Foresee(entries, loc, v.Now, comingRuns)
	f.Warnings = forecast.Warnings
	for _, t := range forecast.Next {
		f.Next = append(f.Next, comingOf(v, t))
	}
	for i := range forecast.Changes {
		f.Changes = append(f.Changes, clockChangeOf(&forecast.Changes[i]))
	}
}

func clockChangeOf(c *fleet.ClockChange) clockChange {
	shown := clockChange{Day: c.Day().Format("Monday, 2 January 2006")}
	verb := "back"
	if c.Gap() {
		verb = "forward"
	}
	shown.What = fmt.Sprintf("Clocks go %s from %s to %s.", verb, c.From().Format("15:04"), c.To().Format("15:04"))
	for i := range c.Entries {
		e := &c.Entries[i]
		var times []string
		for _, t := range e.Times {
			times = append(times, t.Format("15:04"))
		}
		text := strings.Join(times, ", ")
		switch {
		case len(times) == 0:
			text = "not on this day"
		case e.More > 0:
			text += fmt.Sprintf(" and %d more", e.More)
		}
		if e.Moved {
			text += "; the skipped time fires right after the gap, once"
		}
		if e.Twice {
			text += "; the repeated hour fires twice"
		}
		shown.Entries = append(shown.Entries, page.Fact{Name: screen.TypeName(e.Entry.Type), Value: text})
	}
	return shown
}

// setSchedule stores the schedule of the form, or nothing where an entry is bad.
func (s *screens) setSchedule(v *page.Visit) (page.Notice, error) {
	id, err := screen.ClinicID(v, access.ChangeClinics)
	if err != nil {
		return page.Notice{}, err
	}
	document, err := typedSchedule(v)
	if err != nil {
		return page.Notice{}, err
	}
	if _, problems := clinic.ParseSchedules(document, scheduler.CheckEntry); len(problems) > 0 {
		return page.Notice{}, page.Problem(fmt.Sprintf("Entry %d: %s Nothing was stored.", problems[0].Index+1, page.Sentence(problems[0].Reason)))
	}
	if err := s.o.Service.SetSchedules(v.Context(), v.By(), id, document); err != nil {
		return page.Notice{}, screen.Told(err)
	}
	return page.Notice{Text: "Stored. Every replica follows at once."}, nil
}

// hasSchedule reports whether an entry of a schedule is on.
func hasSchedule(document []byte) bool {
	entries, _ := clinic.ParseSchedules(document, scheduler.CheckEntry)
	for _, e := range entries {
		if e.Enabled {
			return true
		}
	}
	return false
}
