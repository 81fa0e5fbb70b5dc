package casesync

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// Why a consultation that the calendar or the search names for a visit is not shown with it
// (R7, R9).
var (
	// errAnotherVisit: the search, or the consultation itself, names a visit of another
	// patient.
	errAnotherVisit = errors.New("the consultation is of another patient's visit")

	// errContradiction: the search lists the consultation that the calendar named for
	// another visit, and lists another consultation for this visit.
	errContradiction = errors.New("the calendar and the search name different consultations for the visit")
)

// visits maps the PIMS ids of appointments that consultations name to the patients of those
// appointments. A nil value means that there is no case of it.
type visits map[string]*cases.Whose

// foreign reports whether an appointment is known to be another patient's.
func (v visits) foreign(appointmentID string, w cases.Whose) bool {
	other := v[appointmentID]
	return other != nil && other.Another(w)
}

// add adds the candidates' own appointments.
func (v visits) add(candidates []*cases.Candidate) {
	for _, c := range candidates {
		w := c.WhoseByIDs()
		v[c.PIMSID] = &w
	}
}

// learn reads the cases of the appointments that are not known yet.
func (p *enrichmentPhase) learn(ctx context.Context, appointmentIDs []string) error {
	var unknown []string
	for _, id := range appointmentIDs {
		if _, asked := p.found.visits[id]; !asked && !pims.Blank(id) {
			unknown, p.found.visits[id] = append(unknown, id), nil
		}
	}
	for ids := range slices.Chunk(unknown, chunkSize) {
		found, err := p.store.CasesByID(ctx, p.lease.ClinicID, p.provider, ids)
		if err != nil {
			return fmt.Errorf("reading the visits that consultations name: %w", err)
		}
		for id, c := range found {
			w := c.WhoseByIDs()
			p.found.visits[id] = &w
		}
	}
	return nil
}

// relate reads whose the appointments are that the search, the calendar or the stored
// consultations name for the candidates.
func (p *enrichmentPhase) relate(ctx context.Context, candidates []*cases.Candidate) error {
	found := p.found
	found.visits = make(visits, len(candidates))
	found.visits.add(candidates)
	if err := p.learnHolders(ctx, candidates); err != nil {
		return err
	}
	var others []string
	for _, c := range candidates {
		for _, id := range []string{found.byID[c.ConsultationID].AppointmentID, found.byID[c.StoredID].AppointmentID, c.StoredAppointmentID} {
			if cases.Differ(id, c.PIMSID) {
				others = append(others, id)
			}
		}
	}
	return p.learn(ctx, others)
}

// disputed returns why the consultation that the calendar names now for the case is not
// read; nil means that it may be read.
func (l *listing) disputed(c *cases.Candidate) error {
	switch {
	case c.ConsultationID == "" || c.Earlier:
		return nil
	case l.contradicts(c):
		return errContradiction
	case l.foreign(c.ConsultationID, c):
		return errAnotherVisit
	default:
		return nil
	}
}

// foreign reports whether the search lists a consultation for another patient's visit.
func (l *listing) foreign(id string, c *cases.Candidate) bool {
	return l.visits.foreign(l.byID[id].AppointmentID, c.WhoseByIDs())
}

// ownerless reports whether the stored consultation of the case is one that no case may show.
func (l *listing) ownerless(c *cases.Candidate) bool {
	names := cases.Whose{PatientID: c.StoredPatientID, ClientID: c.StoredClientID}
	return l.shared(c.StoredID, c.PIMSID, c.WhoseByIDs(), names, c.StoredAppointmentID) != nil
}

// lost reports whether the PIMS shows that the stored consultation does not belong to the
// case, in one of three ways:
//   - the search lists it for another appointment, and the case's own appointment does not
//     name it or has another one;
//   - the search or the consultation itself names the visit of another patient;
//   - cases of different patients have it, and nothing proves that it is this one's.
func (l *listing) lost(c *cases.Candidate) bool {
	named := c.ConsultationID == c.StoredID && !c.Earlier && !l.contradicts(c)
	return c.Stored && (!named && l.anothers(c.StoredID, c) || l.foreign(c.StoredID, c) ||
		l.visits.foreign(c.StoredAppointmentID, c.WhoseByIDs()) || l.ownerless(c))
}

// strange returns why the consultation that was read is not shown with the case, judged by
// whose the visits are; nil means that it may be shown (R7, R9).
func (p *enrichmentPhase) strange(v *visited, before *cases.Case) error {
	read := &v.consultation
	if p.found.visits.foreign(read.AppointmentID, before.WhoseByIDs()) {
		return errAnotherVisit
	}
	return p.found.shared(read.ID, before.PIMSID, before.WhoseByIDs(), before.Names(read), read.AppointmentID)
}

// refuse counts a due case whose disputed consultation is not read.
func (p *enrichmentPhase) refuse(ctx context.Context, c *cases.Candidate, why error, result *syncs.Result) cases.Reading {
	r := waiting(c, p.now(), "")
	r.Outcome = string(p.fail(ctx, c, why, false, result))
	return r
}

// remedy returns what a person does about a case for which the PIMS contradicts itself
// about the patient or the consultation. Days that syncs read by default follow a
// correction in the PIMS; a person must start a sync for other days.
func (p *enrichmentPhase) remedy(c *cases.Candidate) string {
	day := pims.DateOf(c.ScheduledDate, p.window.Location)
	return fmt.Sprintf("Read the calendar of that day again with: pims-sync sync inbound --clinic %s --start-date %s --end-date %s, then: pims-sync sync cases --clinic %s. If the case fails again, correct the visit or its consultation in the PIMS, and repeat both",
		p.lease.ClinicID, day, day, p.lease.ClinicID)
}
