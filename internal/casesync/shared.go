package casesync

import (
	"context"
	"fmt"
	"strings"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A sharedError says that cases of different patients have one consultation.
type sharedError struct {
	visits []string // the other patients' appointments; empty: the search lists it for several
}

func (e *sharedError) Error() string { return "cases of different patients have the consultation" }

// told returns the failure in words, with what a person does about it.
func (e *sharedError) told(remedy string) string {
	const shownNames = 5
	if len(e.visits) == 0 {
		return "The search lists the consultation for several visits: nobody says whose the notes are. " + remedy
	}
	visits, more := e.visits, ""
	if len(visits) > shownNames {
		visits, more = visits[:shownNames], fmt.Sprintf(" and %d more", len(visits)-shownNames)
	}
	return fmt.Sprintf("The consultation is also that of another patient's appointment (%s%s), which may be cancelled, deleted or still to come: nobody says whose the notes are. "+
		"Name the patient or the visit in the consultation, or take the consultation from the visit that it is not of. %s", strings.Join(visits, ", "), more, remedy)
}

// learnHolders reads which cases have the consultations of the candidates, whatever became of
// those cases (R9).
func (p *enrichmentPhase) learnHolders(ctx context.Context, candidates []*cases.Candidate) error {
	asked := make(map[string]bool)
	var ids []string
	for _, c := range candidates {
		for _, id := range []string{c.ConsultationID, c.StoredID, p.found.byAppointment[c.PIMSID].ID} {
			if !pims.Blank(id) && !asked[id] {
				asked[id], ids = true, append(ids, id)
			}
		}
	}
	if len(ids) == 0 {
		return nil
	}
	var err error
	if p.found.holders, err = p.store.Holders(ctx, p.lease.ClinicID, p.provider, ids); err != nil {
		return fmt.Errorf("reading which cases have the consultations: %w", err)
	}
	return nil
}

// shared returns the error of a consultation that no case may show: cases of different patients
// have it, or the search lists it for several visits (R9). It returns nil where the consultation
// may be shown with the case of this appointment and patient:
//   - it names the patient, by id;
//   - it, or the search, names the appointment, or another one of the same patient;
//   - what it names rules out the patients of all other cases that have it.
//
// names is whose it says it is, appointmentID the visit that it names.
func (l *listing) shared(id, pimsID string, own, names cases.Whose, appointmentID string) error {
	entry := l.byID[id]
	if names.Same(own) || l.visits.own(appointmentID, pimsID, own) || l.visits.own(entry.AppointmentID, pimsID, own) {
		return nil
	}
	if names.Another(own) {
		return nil // cases.Take refuses it: it is known whose it is
	}
	var others []string
	for _, h := range l.holders[id] {
		if h.PIMSID != pimsID && h.Another(own) && !names.Another(h.Whose) {
			others = append(others, h.PIMSID)
		}
	}
	if len(others) > 0 {
		l.withheld[id] = true
	}
	if len(others) > 0 || entry.Contested {
		return &sharedError{others}
	}
	return nil
}

// own reports whether the appointment is the case's own, or known to be its patient's.
func (v visits) own(appointmentID, pimsID string, w cases.Whose) bool {
	other := v[appointmentID]
	return !pims.Blank(appointmentID) && (appointmentID == pimsID || other != nil && other.Same(w))
}

// tellShared counts the consultations of the run that no case shows because cases of different
// patients have them.
func (p *enrichmentPhase) tellShared(ctx context.Context, result *syncs.Result) {
	if n := len(p.found.withheld); n > 0 {
		result.Warnings.SharedConsultations = n
		p.log.WarnContext(ctx, "Consultations that cases of different patients have are shown with none of them; the failures of these cases say what to do", "consultations", n)
	}
}

// settleClosed returns the readings of the closed cases that keep their consultation: nothing
// more is to be judged.
func settleClosed(closed []*cases.Candidate) (readings []cases.Reading) {
	for _, c := range closed {
		if c.Stored { // else it was hidden just now
			readings = append(readings, cases.Reading{CaseID: c.CaseID, Tries: c.Tries, NextTry: c.NextTry, Outcome: "unchanged"})
		}
	}
	return readings
}
