package check

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/settings"
)

// A Report is the result of an examination.
type Report struct {
	Steps    []Step
	Calendar Calendar
	Words    []settings.Use // that nobody knows
	Withheld int            // unknown words that also occur in a name
	Notes    Notes
	First    First
	Remarks  []string // what a person should look at, and what to do
}

// A Step is one kind of request.
type Step struct {
	Name string // "calendar", "lookup", "search", "consultation"
	Took time.Duration
	Err  error  // nil: it was recognised
	Said string // in a few words
}

// Calendar describes the appointments of the examined days.
type Calendar struct {
	Days         pims.Window
	Appointments int
	Unusable     int
	Unidentified int
	Duplicates   int
	WithPatient  int // that name a patient's id
	WithStatus   int // whose status word is known
	ByHour       [24]int
}

// Notes describe the consultations of the last days.
type Notes struct {
	Found  int
	Read   bool // one was read
	SOAP   bool // it has a section with text
	Vitals bool
}

// First is what a first inbound of the default days would do.
type First struct {
	Creates  int
	ByType   map[pims.Type]int // the empty one is unknown, and becomes other
	Filtered int
}

const (
	daysBack  = 7
	daysAhead = 7
)

// A Session is a connection of a clinic.
type Session interface {
	pims.Session
	Finder() (pims.AppointmentFinder, bool)
	Location() *time.Location
}

// Run makes one request of each kind. now is the present time. The report is useful also
// where an error ends the examination early.
func Run(ctx context.Context, s Session, set settings.Settings, now time.Time) (Report, error) {
	e := examination{session: s, settings: set, now: now, today: pims.DateOf(now, s.Location())}
	snapshot, err := e.calendar(ctx)
	if err == nil {
		err = errors.Join(e.lookup(ctx, snapshot), e.consultations(ctx))
	}
	return e.report, err
}

type examination struct {
	session  Session
	settings settings.Settings
	now      time.Time
	today    pims.Date
	report   Report
}

// step times one kind of request.
func (e *examination) step(name string, do func() (said string, err error)) error {
	began := time.Now()
	said, err := do()
	e.report.Steps = append(e.report.Steps, Step{Name: name, Took: time.Since(began), Err: err, Said: said})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (e *examination) remark(format string, args ...any) {
	e.report.Remarks = append(e.report.Remarks, fmt.Sprintf(format, args...))
}

func (e *examination) calendar(ctx context.Context) (*pims.Snapshot, error) {
	window := pims.Window{Start: e.today.AddDays(-daysBack), End: e.today.AddDays(daysAhead), Location: e.session.Location()}
	var snapshot pims.Snapshot
	err := e.step("calendar", func() (said string, err error) {
		snapshot, err = e.session.Appointments(ctx, window)
		return fmt.Sprintf("%d appointments from %s to %s", snapshot.Found(), window.Start, window.End), err
	})
	if err != nil {
		return nil, err
	}
	c := Calendar{
		Days: window, Appointments: snapshot.Found(), Unusable: len(snapshot.Unusable),
		Unidentified: snapshot.Unidentified, Duplicates: snapshot.Duplicates,
	}
	reader := e.settings.Reader()
	e.report.First.ByType = make(map[pims.Type]int)
	for i := range snapshot.Appointments {
		a := &snapshot.Appointments[i]
		c.ByHour[a.Start.In(window.Location).Hour()]++
		if a.PatientID != "" {
			c.WithPatient++
		}
		read := reader.Apply(a)
		if read.Status != pims.StatusUnknown {
			c.WithStatus++
		}
		switch day := pims.DateOf(a.Start, window.Location); {
		case day.Before(e.today):
		case reader.Filtered(a) != (settings.Cause{}):
			e.report.First.Filtered++
		default:
			e.report.First.Creates++
			e.report.First.ByType[read.Type]++
		}
	}
	e.report.Calendar = c
	e.words(&snapshot)
	e.judge(&c)
	return &snapshot, nil
}

// judge remarks on what is strange in a calendar.
func (e *examination) judge(c *Calendar) {
	night, shown := 0, 0
	for hour, n := range c.ByHour {
		shown += n
		if hour < 6 || hour >= 22 {
			night += n
		}
	}
	if night > 0 && night*10 >= shown {
		e.remark("%d of %d appointments begin between 22:00 and 06:00 in %s: if the practice is closed then, the time zone is wrong; set it with `pims-sync clinic set ID --timezone Area/City`",
			night, shown, c.Days.Location)
	}
	if c.Appointments == 0 {
		e.remark("the calendar is empty from %s to %s: check whether the user may see it, and whether it is the right practice", c.Days.Start, c.Days.End)
	}
	if c.Unidentified > 0 {
		e.remark("%d rows have no id: nothing can be reconciled until they have; send this report", c.Unidentified)
	}
	if c.Unusable > 0 {
		e.remark("%d appointments lack a date or contradict themselves, and are skipped", c.Unusable)
	}
	if shown > 0 && c.WithPatient*2 < shown {
		e.remark("only %d of %d appointments name a patient's id: notes are shown only where the ids agree", c.WithPatient, shown)
	}
}

// words collects the words that nobody knows. A word that also occurs in a name is withheld
// (R40).
func (e *examination) words(snapshot *pims.Snapshot) {
	names := make(map[string]bool)
	for i := range snapshot.Appointments {
		a := &snapshot.Appointments[i]
		for _, word := range parts(a.PatientName + " " + a.ClientName) {
			names[word] = true
		}
	}
	uses := e.settings.Uses(settings.Collect(snapshot.Appointments))
	for i := range uses {
		switch u := &uses[i]; {
		case !u.Unknown():
		case slices.ContainsFunc(parts(u.Word.Word), func(word string) bool { return names[word] }):
			e.report.Withheld++
		default:
			e.report.Words = append(e.report.Words, *u)
		}
	}
	if n := len(e.report.Words) + e.report.Withheld; n > 0 {
		e.remark("%d words are unknown: give them a meaning with `pims-sync clinic set ID --status-word|--type-word WORD=MEANING`", n)
	}
}

func parts(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

func (e *examination) lookup(ctx context.Context, snapshot *pims.Snapshot) error {
	finder, ok := e.session.Finder()
	if !ok || len(snapshot.Appointments) == 0 {
		e.report.Steps = append(e.report.Steps, Step{Name: "lookup", Said: "not tried: the PIMS has none, or the calendar is empty"})
		return nil
	}
	probe := &snapshot.Appointments[0]
	return e.step("lookup", func() (string, error) {
		a, err := finder.FindAppointment(ctx, probe.ID)
		switch {
		case err != nil:
			e.remark("an appointment that the calendar shows cannot be looked up by its id: reconciliation fetches 60 days to either side instead")
			return "", err
		case a.ID != probe.ID || !a.Start.Equal(probe.Start):
			e.remark("the lookup by id returns another appointment or time than the calendar: it is not trusted, and reconciliation fetches 60 days to either side instead")
			return "differs from the calendar", nil
		default:
			return "agrees with the calendar", nil
		}
	})
}

func (e *examination) consultations(ctx context.Context) error {
	window := pims.Window{Start: e.today.AddDays(-daysBack), End: e.today, Location: e.session.Location()}
	var entries []pims.ConsultationEntry
	err := e.step("search", func() (said string, err error) {
		entries, err = e.session.SearchConsultations(ctx, window)
		return fmt.Sprintf("%d consultations from %s to %s", len(entries), window.Start, window.End), err
	})
	e.report.Notes.Found = len(entries)
	if err != nil || len(entries) == 0 {
		return err
	}
	chosen := entries[0]
	if i := slices.IndexFunc(entries, func(c pims.ConsultationEntry) bool { return c.Status.Final() }); i >= 0 {
		chosen = entries[i]
	}
	return e.step("consultation", func() (string, error) {
		c, err := e.session.Consultation(ctx, chosen.ID)
		if err != nil {
			return "", err
		}
		e.report.Notes.Read, e.report.Notes.SOAP, e.report.Notes.Vitals = true, !c.SOAP.Blank(), c.Vitals != nil
		if c.SOAP.Blank() && c.RawNotes != "" {
			e.remark("the consultation that was read has notes, but no section was recognised in them")
		}
		return "read", nil
	})
}
