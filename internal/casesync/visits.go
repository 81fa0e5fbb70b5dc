package casesync

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// Why a consultation that the calendar or the search names for a visit is not shown
// under it (R7, R9).
var (
	// errAnotherVisit: the search, or the consultation itself, names a visit of another
	// patient.
	errAnotherVisit = errors.New("the consultation is of another patient's visit")

	// errContradiction: the calendar named one consultation, which the search lists for
	// another visit, and the search lists another one for this.
	errContradiction = errors.New("the calendar and the search name different consultations for the visit")

	// errContested: the calendar names it, or named it last, for visits of different patients, and nothing
	// tells whose it is.
	errContested = errors.New("the calendar names the consultation for visits of different patients")
)

// A whose says of whom a visit is, by ids; empty: not known.
type whose struct{ patient, client string }

func (c *Candidate) whose() whose { return whose{c.PatientID, c.ClientID} }

func (c *Case) whose() whose { return whose{c.Appointment.PatientID, c.Appointment.ClientID} }

// another tells whether two visits are known to be of different patients: by the
// patients where both are known, else by the clients (R7).
func (w whose) another(than whose) bool {
	if pims.Blank(w.patient) || pims.Blank(than.patient) {
		return differ(w.client, than.client)
	}
	return w.patient != than.patient
}

// visits tells whose the visits are that consultations name, by their PIMS ids; nil:
// there is no case of it.
type visits map[string]*whose

// foreign tells whether an appointment is known to be another patient's visit.
func (v visits) foreign(appointmentID string, w whose) bool {
	other := v[appointmentID]
	return other != nil && other.another(w)
}

// add takes note of the candidates' own visits.
func (v visits) add(candidates []*Candidate) {
	for _, c := range candidates {
		w := c.whose()
		v[c.PIMSID] = &w
	}
}

// learn reads the cases of those visits that are not known yet.
func (p *enrichmentPhase) learn(ctx context.Context, appointmentIDs []string) error {
	var unknown []string
	for _, id := range appointmentIDs {
		if _, asked := p.found.visits[id]; !asked && !pims.Blank(id) {
			unknown, p.found.visits[id] = append(unknown, id), nil
		}
	}
	for ids := range slices.Chunk(unknown, chunkSize) {
		cases, err := p.store.CasesByID(ctx, p.lease.ClinicID, p.provider, ids)
		if err != nil {
			return fmt.Errorf("reading the visits that consultations name: %w", err)
		}
		for id, c := range cases {
			w := c.whose()
			p.found.visits[id] = &w
		}
	}
	return nil
}

// relate makes the listing know whose the visits are that it, the calendar or what is
// stored names for the candidates.
func (p *enrichmentPhase) relate(ctx context.Context, candidates []*Candidate) error {
	found := p.found
	found.visits, found.contested = make(visits, len(candidates)), contested(candidates)
	found.visits.add(candidates)
	var others []string
	for _, c := range candidates {
		for _, id := range []string{found.byID[c.ConsultationID].AppointmentID, found.byID[c.StoredID].AppointmentID, c.StoredAppointmentID} {
			if differ(id, c.PIMSID) {
				others = append(others, id)
			}
		}
	}
	return p.learn(ctx, others)
}

// contested are the consultations that the calendar names, or named last, for visits of
// different patients.
func contested(candidates []*Candidate) map[string]bool {
	first, several := make(map[string]whose), make(map[string]bool)
	for _, c := range candidates {
		w, seen := first[c.ConsultationID]
		if !seen {
			first[c.ConsultationID] = c.whose()
		}
		several[c.ConsultationID] = several[c.ConsultationID] || seen && w.another(c.whose())
	}
	return several
}

// disputed tells why the consultation that the calendar names at present for the case
// is not read; nil: it may be read.
func (l *listing) disputed(c *Candidate) error {
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

// foreign tells whether the search lists a consultation for the visit of another
// patient.
func (l *listing) foreign(id string, c *Candidate) bool {
	return l.visits.foreign(l.byID[id].AppointmentID, c.whose())
}

// ownerless tells whether the calendar names the stored consultation for visits of
// different patients, and nothing else says whose it is.
func (l *listing) ownerless(c *Candidate) bool {
	return l.contested[c.StoredID] && pims.Blank(l.byID[c.StoredID].AppointmentID) && pims.Blank(c.StoredAppointmentID) && pims.Blank(c.StoredPatientID)
}

// lost tells whether the PIMS shows that the stored consultation is not the case's any
// more, or never was: the search lists it for another appointment, and the case's own
// does not name it or has another one; or the search or the consultation itself names
// the visit of another patient.
func (l *listing) lost(c *Candidate) bool {
	named := c.ConsultationID == c.StoredID && !c.Earlier && !l.contradicts(c)
	return c.Stored && (!named && l.anothers(c.StoredID, c) || l.foreign(c.StoredID, c) ||
		l.visits.foreign(c.StoredAppointmentID, c.whose()) || l.ownerless(c))
}

// strange tells why what was read is not shown under the case, as far as visits tell
// it; nil: it may be (R7, R9).
func (p *enrichmentPhase) strange(v *visited, before *Case) error {
	read := &v.consultation
	switch {
	case p.found.visits.foreign(read.AppointmentID, before.whose()):
		return errAnotherVisit
	case p.found.contested[read.ID] && pims.Blank(read.AppointmentID) && pims.Blank(v.entry.AppointmentID) && pims.Blank(read.PatientID):
		return errContested
	default:
		return nil
	}
}

// refuse counts a due case whose consultation is not read, because it is disputed.
func (p *enrichmentPhase) refuse(ctx context.Context, c *Candidate, why error, result *syncs.Result) Reading {
	r := waiting(c, p.now(), "")
	r.Outcome = string(p.fail(ctx, c, why, false, result))
	return r
}

// remedy is what a person does about a case whose patient or consultation the PIMS
// does not say alike everywhere. Only the days that are read by themselves follow the
// PIMS; the others are read by hand.
func (p *enrichmentPhase) remedy(c *Candidate) string {
	day := pims.DateOf(c.ScheduledDate, p.window.Location)
	return fmt.Sprintf("Read the calendar of that day again with: pims-sync sync inbound --clinic %s --start-date %s --end-date %s, then: pims-sync sync cases --clinic %s. If the case fails again, correct the visit or its consultation in the PIMS, and repeat both",
		p.lease.ClinicID, day, day, p.lease.ClinicID)
}
