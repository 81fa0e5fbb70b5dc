package model_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimstest"
	"github.com/pims-sync/pims-sync/internal/settings"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

const (
	zone     = "America/New_York"
	provider = "idexx_neo"
)

// firstDay is when every sequence begins: a week before the clocks change.
var firstDay = time.Date(2026, time.March, 2, 14, 0, 0, 0, time.UTC)

// A world is all that is outside the product: the PIMS, and the time.
type world struct {
	location *time.Location
	now      time.Time
	calendar map[string]pims.Appointment // what the PIMS really holds
	notes    map[string]pims.Consultation
	fake     *pimstest.Fake
	settings settings.Settings // of the clinic
	finder   bool              // the PIMS can look up by id

	// Whose what really is, whether the PIMS says so or not.
	patients      map[string]string          // of each visit
	held          map[string]string          // the consultation of each visit
	owners        map[string]string          // the patient of each consultation
	ever          map[string]map[string]bool // the patients that a visit ever was of
	calendarNames int                        // of two rows, how many name their patient
	notesName     bool                       // consultations name their patient
	misnamed      map[string]bool            // a visit and a consultation that the PIMS once named for it by mistake
	former        map[string]string          // the consultation of each visit that another one replaced
	showed        map[string]string          // the patient for whom a visit's case last showed a consultation
	serial        int                        // of patients and consultations that come later
}

func newWorld(location *time.Location, finder bool) *world {
	w := &world{
		location: location, now: firstDay, finder: finder,
		calendar: map[string]pims.Appointment{}, notes: map[string]pims.Consultation{},
		patients: map[string]string{}, held: map[string]string{}, owners: map[string]string{}, ever: map[string]map[string]bool{},
		misnamed: map[string]bool{}, former: map[string]string{}, showed: map[string]string{},
	}
	w.fake = &pimstest.Fake{Now: w.time, NoFinder: !finder}
	return w
}

func (w *world) time() time.Time { return w.now }

// at is a wall-clock time some days from today.
func (w *world) at(days, hour int) time.Time {
	day := pims.DateOf(w.now, w.location).AddDays(days)
	return pims.Instant(time.Date(day.Year, day.Month, day.Day, hour, 0, 0, 0, time.UTC), w.location)
}

// enter puts an appointment into the calendar, at a time.
func (w *world) enter(a pims.Appointment, start time.Time) {
	a.Start, a.StartText = start, start.In(w.location).Format(time.DateTime)
	a.End = start.Add(30 * time.Minute)
	a.EndText = a.End.In(w.location).Format(time.DateTime)
	w.calendar[a.ID] = a
}

// A fault is what goes wrong while one sync runs.
type fault string

const (
	faultNone       fault = "nothing goes wrong"
	faultError      fault = "a request fails"
	faultEmpty      fault = "the calendar is empty"
	faultHalf       fault = "the calendar shows every other appointment"
	faultIncomplete fault = "a row has no id"
	faultUnusable   fault = "a row has no date"
	faultPractice   fault = "another practice answers"
	faultShift      fault = "every time is five hours late"
	faultCrash      fault = "the process ends after a write"
	faultPerson     fault = "a person edits a case before a write"
)

var faults = []fault{
	faultNone, faultNone, faultNone, faultNone, faultError, faultEmpty, faultHalf, faultIncomplete,
	faultUnusable, faultPractice, faultShift, faultCrash, faultPerson,
}

// show makes the PIMS answer as it does under a fault, and tells what it then holds
// and which of that its calendar hides: only a lookup by id finds it.
func (w *world) show(f fault, nth int, problem error) (answers map[string]pims.Appointment, hidden []string) {
	answers = maps.Clone(w.calendar)
	var unusable []pims.RecordError
	unidentified := 0
	ids := slices.Sorted(maps.Keys(answers))
	switch f {
	case faultEmpty:
		hidden = ids
	case faultHalf:
		for i, id := range ids {
			if i%2 == nth%2 {
				hidden = append(hidden, id)
			}
		}
	case faultIncomplete:
		unidentified = 1
	case faultUnusable:
		if len(ids) > 0 {
			id := ids[nth%len(ids)]
			unusable = append(unusable, pims.RecordError{ID: id, Field: "start", Reason: "is missing"})
		}
	case faultPractice:
		answers = map[string]pims.Appointment{}
		for _, id := range ids {
			a := w.calendar[id]
			a.ID = "other-" + id
			answers[a.ID] = a
		}
	case faultShift:
		for id, a := range answers {
			a.Start, a.End = a.Start.Add(5*time.Hour), a.End.Add(5*time.Hour)
			answers[id] = a
		}
	case faultNone, faultError, faultCrash, faultPerson:
	}
	shown := maps.Clone(answers)
	for _, row := range unusable {
		delete(shown, row.ID)
	}
	w.fake.SetAppointments(sorted(shown)...)
	w.fake.Hide(hidden...)
	w.fake.SetFlaws(unusable, unidentified, 0)
	w.fake.SetConsultations(slices.Collect(maps.Values(w.notes))...)
	var calls atomic.Int64 // consultations are asked for several at a time
	w.fake.OnCall(func(context.Context, pimstest.Call) error {
		if n := calls.Add(1); f == faultError && n == int64(nth)+1 {
			return fmt.Errorf("the model says: %w", problem)
		}
		return nil
	})
	return answers, hidden
}

func sorted(calendar map[string]pims.Appointment) []pims.Appointment {
	var appointments []pims.Appointment
	for _, id := range slices.Sorted(maps.Keys(calendar)) {
		appointments = append(appointments, calendar[id])
	}
	return appointments
}

// A connection is a session that nobody renews. It notes what the PIMS said.
type connection struct {
	pims.Session
	clinic clinic.Clinic
	heard  *testimony
}

func (w *world) connect(clinicID uuid.UUID, heard *testimony) (*connection, error) {
	account := pims.Account{Location: w.location}
	state, err := w.fake.Login(context.Background(), account)
	if err != nil {
		return nil, err
	}
	session, err := w.fake.Open(account, state)
	return &connection{session, w.clinic(clinicID), heard}, err
}

func (w *world) clinic(id uuid.UUID) clinic.Clinic {
	return clinic.Clinic{ID: id, Timezone: zone, Active: true, Settings: w.settings}
}

func (c *connection) Provider() string      { return provider }
func (c *connection) Clinic() clinic.Clinic { return c.clinic }
func (c *connection) Close(context.Context) {}

func (c *connection) Location() *time.Location {
	location, _ := c.clinic.Location() // there is one
	return location
}

func (c *connection) Appointments(ctx context.Context, window pims.Window) (pims.Snapshot, error) {
	snapshot, err := c.Session.Appointments(ctx, window)
	if err == nil {
		c.heard.snapshots = append(c.heard.snapshots, snapshot)
	}
	return snapshot, err
}

func (c *connection) SearchConsultations(ctx context.Context, window pims.Window) ([]pims.ConsultationEntry, error) {
	entries, err := c.Session.SearchConsultations(ctx, window)
	if err == nil {
		c.heard.searches = append(c.heard.searches, window)
	}
	return entries, err
}

func (c *connection) Finder() (pims.AppointmentFinder, bool) {
	finder, ok := c.Session.(pims.AppointmentFinder)
	return listening{finder, c.heard}, ok
}

type listening struct {
	pims.AppointmentFinder
	heard *testimony
}

func (l listening) FindAppointment(ctx context.Context, id string) (pims.Appointment, error) {
	a, err := l.AppointmentFinder.FindAppointment(ctx, id)
	l.heard.lookups = append(l.heard.lookups, id)
	return a, err
}

// A testimony is all that the PIMS said during one sync.
type testimony struct {
	snapshots []pims.Snapshot
	lookups   []string
	searches  []pims.Window // for consultations
}

// searched reports whether the consultations of a time were asked for.
func (t *testimony) searched(at time.Time) bool {
	return slices.ContainsFunc(t.searches, func(w pims.Window) bool { return w.Contains(at) })
}

// missing counts the whole snapshots of a time that do not show an id.
func (t *testimony) missing(id string, at time.Time) (n int) {
	for i := range t.snapshots {
		s := &t.snapshots[i]
		present, err := s.Present()
		if _, shown := present[id]; err == nil && s.Window.Contains(at) && !shown {
			n++
		}
	}
	return n
}

// lookedUp reports whether the PIMS was asked about an id by itself, or in a fetch
// that reaches sixty days further than the days that were compared.
func (t *testimony) lookedUp(id string, window pims.Window) bool {
	wide := pims.Window{Start: window.Start.AddDays(-60), End: window.End.AddDays(60), Location: window.Location}
	return slices.Contains(t.lookups, id) ||
		slices.ContainsFunc(t.snapshots, func(s pims.Snapshot) bool { return s.Window.Covers(wide) })
}

// An interruption is what happens around the nth write of a sync.
type interruption struct {
	stage
	nth    int
	writes int
	before func() error // a person is at work; nil: nobody
	after  func()       // the process ends; nil: it does not

	deleting func() // looks at the cases in the moment before they are deleted
}

// around runs one writing transaction.
func (i *interruption) around(write func() error) error {
	i.writes++
	now := i.writes == i.nth
	if now && i.before != nil {
		if err := i.before(); err != nil {
			return err
		}
	}
	err := write()
	if now && i.after != nil {
		i.after()
	}
	return err
}

func (i *interruption) WriteCases(ctx context.Context, lease syncs.Lease, syncID uuid.UUID, provider string, writes []cases.Write, at time.Time) (written []string, err error) {
	err = i.around(func() error {
		written, err = i.stage.WriteCases(ctx, lease, syncID, provider, writes, at)
		return err
	})
	return written, err
}

func (i *interruption) SeenAgain(ctx context.Context, lease syncs.Lease, provider string, ids []string) error {
	return i.around(func() error { return i.stage.SeenAgain(ctx, lease, provider, ids) })
}

func (i *interruption) KeepReadings(ctx context.Context, lease syncs.Lease, readings []cases.Reading) error {
	return i.around(func() error { return i.stage.KeepReadings(ctx, lease, readings) })
}

func (i *interruption) SoftDelete(ctx context.Context, lease syncs.Lease, syncID uuid.UUID, provider string, window pims.Window, until time.Time, deletions []cases.SoftDeletion, at time.Time) (deleted []uuid.UUID, err error) {
	err = i.around(func() error {
		i.deleting()
		deleted, err = i.stage.SoftDelete(ctx, lease, syncID, provider, window, until, deletions, at)
		return err
	})
	return deleted, err
}

func (i *interruption) BeginPhase(ctx context.Context, lease syncs.Lease, kind syncs.Type, at time.Time) (id uuid.UUID, err error) {
	err = i.around(func() error {
		id, err = i.stage.BeginPhase(ctx, lease, kind, at)
		return err
	})
	return id, err
}

func (i *interruption) SupersedePlans(ctx context.Context, lease syncs.Lease, guards []syncs.Code, kind syncs.Type, seen pims.Window, at time.Time) error {
	return i.around(func() error { return i.stage.SupersedePlans(ctx, lease, guards, kind, seen, at) })
}
