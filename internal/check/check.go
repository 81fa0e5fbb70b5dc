package check

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/settings"
)

// A Report is the result of an examination.
type Report struct {
	Steps    []Step
	Calendar Calendar
	Words    []settings.Use // that nobody knows
	Withheld int            // unknown words that are not told, because they may name somebody (R40)
	Notes    Notes
	First    First
	Remarks  []string // what a person should look at, and what to do; {clinic} stands for the clinic's id
	Unread   []Unread // what no row of the calendar has in a field that is read
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
	WithName     int // that name a patient
	WithClient   int // that name a client
	WithType     int // that have a type word
	WithWord     int // that have a status word
	WithStatus   int // whose status word is known
	Unmarked     int // rows that are no visits, without being marked as a block or roster
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
	if snapshot != nil {
		err = errors.Join(err, e.lookup(ctx, snapshot), e.consultations(ctx))
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

type stepKey struct{}

// stepOf returns the name of the step whose requests are made with a context.
func stepOf(ctx context.Context) string {
	if name, ok := ctx.Value(stepKey{}).(string); ok {
		return name
	}
	return "login"
}

// step times one kind of request, which do makes with its context.
func (e *examination) step(ctx context.Context, name string, do func(context.Context) (said string, err error)) error {
	began := time.Now()
	said, err := do(context.WithValue(ctx, stepKey{}, name))
	e.report.Steps = append(e.report.Steps, Step{Name: name, Took: time.Since(began), Err: err, Said: said})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (e *examination) remark(format string, args ...any) {
	e.report.Remarks = append(e.report.Remarks, fmt.Sprintf(format, args...))
}

// calendar reads the calendar. Without a snapshot the examination is over.
func (e *examination) calendar(ctx context.Context) (*pims.Snapshot, error) {
	window := pims.Window{Start: e.today.AddDays(-daysBack), End: e.today.AddDays(daysAhead), Location: e.session.Location()}
	var snapshot pims.Snapshot
	isRead := false
	err := e.step(ctx, "calendar", func(ctx context.Context) (said string, err error) {
		snapshot, err = e.session.Appointments(ctx, window)
		said = fmt.Sprintf("%d appointments from %s to %s", snapshot.Found(), window.Start, window.End)
		if err != nil {
			return said, err
		}
		isRead = true
		e.count(&snapshot, window)
		return said, e.unread()
	})
	if !isRead {
		return nil, err
	}
	e.words(&snapshot)
	e.judge()
	return &snapshot, err
}

// count counts what the calendar holds, and what a first inbound makes of it.
func (e *examination) count(snapshot *pims.Snapshot, window pims.Window) {
	c := &e.report.Calendar
	*c = Calendar{
		Days: window, Appointments: snapshot.Found(), Unusable: len(snapshot.Unusable),
		Unidentified: snapshot.Unidentified, Duplicates: snapshot.Duplicates,
	}
	for _, block := range snapshot.Blocks {
		c.Unmarked += one(!block.Marked)
	}
	reader := e.settings.Reader()
	e.report.First.ByType = make(map[pims.Type]int)
	for i := range snapshot.Appointments {
		a := &snapshot.Appointments[i]
		read := reader.Apply(a)
		c.ByHour[a.Start.In(window.Location).Hour()]++
		c.WithPatient += one(a.PatientID != "")
		c.WithName += one(!pims.Blank(a.PatientName))
		c.WithClient += one(!pims.Blank(a.ClientName))
		c.WithType += one(!pims.Blank(a.TypeText))
		c.WithWord += one(!pims.Blank(a.StatusText))
		c.WithStatus += one(read.Status != pims.StatusUnknown)
		switch day := pims.DateOf(a.Start, window.Location); {
		case day.Before(e.today):
		case reader.Filtered(a) != (settings.Cause{}):
			e.report.First.Filtered++
		default:
			e.report.First.Creates++
			e.report.First.ByType[read.Type]++
		}
	}
}

func one(holds bool) int {
	if holds {
		return 1
	}
	return 0
}

// words collects the words that nobody knows. A word that may name somebody is withheld (R40).
func (e *examination) words(snapshot *pims.Snapshot) {
	uses := e.settings.Uses(settings.Collect(snapshot.Appointments))
	personal := personalWords(snapshot.Appointments)
	for i := range uses {
		switch u := &uses[i]; {
		case !u.Unknown():
		case personal.mayName(u.Word.Word):
			e.report.Withheld++
		default:
			e.report.Words = append(e.report.Words, *u)
		}
	}
	if n := len(e.report.Words) + e.report.Withheld; n > 0 {
		withheld := ""
		if e.report.Withheld > 0 {
			withheld = fmt.Sprintf(" (%d are not listed here, because they may name somebody; `pims-sync clinic words --clinic {clinic}` lists all after the first sync)", e.report.Withheld)
		}
		e.remark("%d words are unknown%s: give them a meaning with `pims-sync clinic set {clinic} --status-word|--type-word WORD=MEANING`", n, withheld)
	}
}

func (e *examination) lookup(ctx context.Context, snapshot *pims.Snapshot) error {
	finder, ok := e.session.Finder()
	if !ok || len(snapshot.Appointments) == 0 {
		e.report.Steps = append(e.report.Steps, Step{Name: "lookup", Said: "not tried: the PIMS has none, or the calendar is empty"})
		return nil
	}
	probe := &snapshot.Appointments[0]
	return e.step(ctx, "lookup", func(ctx context.Context) (string, error) {
		a, err := finder.FindAppointment(ctx, probe.ID)
		switch {
		case errors.Is(err, pims.ErrNotFound):
			e.remark("the PIMS looks up no appointment by its id, which is optional: nothing needs to be done; reconciliation fetches 60 days to either side instead")
			return "not offered by the PIMS (HTTP 404)", nil
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
	err := e.step(ctx, "search", func(ctx context.Context) (said string, err error) {
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
	return e.step(ctx, "consultation", func(ctx context.Context) (string, error) {
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
