package casesync

import (
	"context"
	"fmt"
	"slices"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/memory"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A present is what the calendar says now of the visits whose consultations the phase reads. A
// consultation that nothing but the calendar ties to its visit is compared with it, because the
// PIMS may have moved it since the calendar was last read (R9). Most phases never need it.
type present struct {
	asked bool
	err   error                  // why the calendar could not be read
	rows  map[string]calendarRow // by the id of the appointment
}

// A calendarRow is what the PIMS shows now of a visit.
type calendarRow struct {
	consultationID string
	none           bool // it says that the visit has no consultation
	whose          cases.Whose
}

// compare compares a consultation that only the calendar gives to the case with the calendar as
// it is now. It returns nil where the calendar still names it for the visit, or leaves it out.
func (p *enrichmentPhase) compare(ctx context.Context, s *served, before *cases.Case) *decision {
	if err := p.ask(ctx); err != nil {
		code, _ := p.explainItem(err, s.candidate)
		return &decision{after: *before, err: err, reading: tryAgain(s.candidate, code)}
	}
	id := s.visited.consultation.ID
	d := decision{after: *before, waits: true, action: syncs.ActionUpdated, reading: waiting(s.candidate, s.visited.readAt, "")}
	switch row, ok := p.present.rows[before.PIMSID]; {
	case !ok || row.whose.Another(before.WhoseByIDs()): // nothing is known of the visit
	case row.none || cases.Differ(row.consultationID, id):
		d.after, d.changed, _ = before.Without(id, nil)
	default:
		return nil
	}
	return &d
}

// ask reads the calendar of the days that the phase searched and of those of its visits, unless
// that was done. The other visits for which it names one of the consultations count as cases that
// have it (R9).
func (p *enrichmentPhase) ask(ctx context.Context) error {
	if p.present.asked {
		return p.present.err
	}
	p.present.asked, p.present.rows = true, make(map[string]calendarRow)
	days := slices.Clone(p.days)
	appointments, consultations := make(map[string]bool), make(map[string]bool)
	for i := range p.visits {
		consultations[p.visits[i].entry.ID] = true
		for _, c := range p.visits[i].cases {
			appointments[c.PIMSID] = true
			day := pims.DateOf(c.ScheduledDate, p.window.Location)
			days = append(days, pims.Window{Start: day, End: day, Location: p.window.Location}) // a late correction is outside
		}
	}
	for _, w := range pims.Cover(days...) {
		p.present.err = p.calendarOf(ctx, w, func(a *pims.Appointment) {
			whose := cases.Whose{PatientID: a.PatientID, ClientID: a.ClientID}
			if appointments[a.ID] {
				p.present.rows[a.ID] = calendarRow{a.ConsultationID, a.NoConsultation && pims.Blank(a.ConsultationID), whose}
			}
			if consultations[a.ConsultationID] {
				p.found.AddHolders(a.ConsultationID, cases.Holder{PIMSID: a.ID, Whose: whose})
			}
		})
		if p.present.err != nil {
			return p.present.err
		}
	}
	return nil
}

// endsPhase returns the error that ended the session while the calendar was read.
func (p *present) endsPhase() error {
	if endsSession(p.err) {
		return p.err
	}
	return nil
}

// A calendarError is why the calendar could not be read again.
type calendarError struct {
	days pims.Window
	err  error
}

func (e *calendarError) Error() string {
	return fmt.Sprintf("reading the calendar of %s again: %v", e.days, e.err)
}
func (e *calendarError) Unwrap() error { return e.err }

// calendarOf passes the appointments of some days to a function. It takes the snapshot that the
// sync has read of these days already, or reads one.
func (p *enrichmentPhase) calendarOf(ctx context.Context, w pims.Window, do func(*pims.Appointment)) error {
	var snapshot *pims.Snapshot
	if i := slices.IndexFunc(p.snapshots, func(s *pims.Snapshot) bool { return s.Window.Covers(w) }); i >= 0 {
		snapshot = p.snapshots[i]
	} else {
		read, err := p.session.Appointments(ctx, w)
		if err != nil {
			return &calendarError{w, err}
		}
		drop, err := memory.Keep(ctx, read.Size())
		if err != nil {
			return &calendarError{w, err}
		}
		defer drop()
		snapshot = &read
	}
	for i := range snapshot.Appointments {
		do(&snapshot.Appointments[i])
	}
	return nil
}
