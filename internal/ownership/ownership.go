// Package ownership decides which consultation belongs to which case, and whether the case may
// show it (R9). It decides by ids alone, never by a name or a time.
//
// It reads nothing: package casesync tells it what the search lists, which cases have the
// consultations, and whose the visits are that the PIMS names.
package ownership

import (
	"cmp"
	"errors"
	"slices"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/pims"
)

// Why a consultation that the calendar or the search names for a visit is not shown with it
// (R7, R9).
var (
	// ErrAnotherVisit: the search, or the consultation itself, names a visit of another
	// patient.
	ErrAnotherVisit = errors.New("the consultation is of another patient's visit")

	// ErrContradiction: the search lists the consultation that the calendar named for
	// another visit, and lists another consultation for this visit.
	ErrContradiction = errors.New("the calendar and the search name different consultations for the visit")
)

// A SharedError says that cases of different patients have one consultation.
type SharedError struct {
	Visits []string // the other patients' appointments; empty: the search lists it for several
}

func (e *SharedError) Error() string { return "cases of different patients have the consultation" }

// A Listing is the result of a search for consultations, and what is known of the visits and the
// cases that have them. It is not safe for concurrent use.
type Listing struct {
	byID          map[string]pims.ConsultationEntry
	byAppointment map[string]pims.ConsultationEntry
	visits        map[string]*cases.Whose   // the patients of the visits that it names; nil: there is no case of it
	holders       map[string][]cases.Holder // of the consultations that several cases have, those cases
	withheld      map[string]bool           // the consultations that cases of different patients have, and no case shows
}

// NewListing returns the listing of a search. Where an appointment has several consultations, it
// takes the one that is most finished, then the latest.
func NewListing(entries []pims.ConsultationEntry) *Listing {
	l := &Listing{
		byID:          make(map[string]pims.ConsultationEntry, len(entries)),
		byAppointment: make(map[string]pims.ConsultationEntry, len(entries)),
		visits:        make(map[string]*cases.Whose),
		holders:       make(map[string][]cases.Holder),
		withheld:      make(map[string]bool),
	}
	for _, e := range entries {
		l.byID[e.ID] = e
		if e.AppointmentID == "" {
			continue
		}
		if other, ok := l.byAppointment[e.AppointmentID]; !ok || compareEntries(e, other) > 0 {
			l.byAppointment[e.AppointmentID] = e
		}
	}
	return l
}

var entryRank = map[pims.ConsultationStatus]int{
	pims.ConsultationCompleted:  3,
	pims.ConsultationInProgress: 2,
	pims.ConsultationUnknown:    1,
	pims.ConsultationCancelled:  0,
}

func compareEntries(a, b pims.ConsultationEntry) int {
	return cmp.Or(
		cmp.Compare(entryRank[a.Status], entryRank[b.Status]),
		a.At.Compare(b.At),
		cmp.Compare(a.ID, b.ID),
	)
}

// Entry returns the consultation that belongs to a case. It tries, in this order:
//   - the consultation id that the appointment has now;
//   - the entry that the search lists for the appointment's id now;
//   - the consultation id that the appointment had earlier, unless the search lists that
//     consultation for another appointment.
//
// A known id that the search does not list is returned as an entry that has only this id.
func (l *Listing) Entry(c *cases.Candidate) (pims.ConsultationEntry, bool) {
	if c.ConsultationID != "" && !c.Earlier {
		return l.entry(c.ConsultationID), true
	}
	if e, ok := l.byAppointment[c.PIMSID]; ok {
		return e, true
	}
	if c.ConsultationID == "" || l.anothers(c.ConsultationID, c) {
		return pims.ConsultationEntry{}, false
	}
	return l.entry(c.ConsultationID), true
}

func (l *Listing) entry(id string) pims.ConsultationEntry {
	if e, ok := l.byID[id]; ok {
		return e
	}
	return pims.ConsultationEntry{ID: id}
}

// Consultations returns the ids that the calendar, the search and the case itself name for the
// candidates, each once.
func (l *Listing) Consultations(candidates []*cases.Candidate) (ids []string) {
	named := make(map[string]bool)
	for _, c := range candidates {
		for _, id := range []string{c.ConsultationID, c.StoredID, l.byAppointment[c.PIMSID].ID} {
			if !pims.Blank(id) && !named[id] {
				named[id], ids = true, append(ids, id)
			}
		}
	}
	return ids
}

// Visits returns the ids of the other appointments that the search and the stored consultations
// name for the candidates.
func (l *Listing) Visits(candidates []*cases.Candidate) (ids []string) {
	for _, c := range candidates {
		for _, id := range []string{l.byID[c.ConsultationID].AppointmentID, l.byID[c.StoredID].AppointmentID, c.StoredAppointmentID} {
			if cases.Differ(id, c.PIMSID) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// Unknown returns those of the appointments of which SetVisit was not told, each once, and takes
// it that there is no case of them until it is told.
func (l *Listing) Unknown(appointmentIDs []string) (ids []string) {
	for _, id := range appointmentIDs {
		if _, known := l.visits[id]; !known && !pims.Blank(id) {
			ids, l.visits[id] = append(ids, id), nil
		}
	}
	return ids
}

// SetVisit says whose an appointment is.
func (l *Listing) SetVisit(appointmentID string, w cases.Whose) { l.visits[appointmentID] = &w }

// AddHolders adds cases, or visits that have no case yet, that have a consultation.
func (l *Listing) AddHolders(consultationID string, holders ...cases.Holder) {
	l.holders[consultationID] = append(l.holders[consultationID], holders...)
}

// Withheld returns how many consultations were refused because cases of different patients have
// them.
func (l *Listing) Withheld() int { return len(l.withheld) }

// Disputed returns why the consultation that the calendar names now for the case is not
// read; nil means that it may be read.
func (l *Listing) Disputed(c *cases.Candidate) error {
	switch {
	case c.ConsultationID == "" || c.Earlier:
		return nil
	case l.contradicts(c):
		return ErrContradiction
	case l.listedForeign(c.ConsultationID, c):
		return ErrAnotherVisit
	default:
		return nil
	}
}

// Lost reports whether the PIMS shows that the stored consultation does not belong to the
// case, in one of three ways:
//   - the search lists it for another appointment, and the case's own appointment does not
//     name it or has another one;
//   - the search or the consultation itself names the visit of another patient;
//   - cases of different patients have it, and nothing proves that it is this one's.
func (l *Listing) Lost(c *cases.Candidate) bool {
	named := c.ConsultationID == c.StoredID && !c.Earlier && !l.contradicts(c)
	return c.Stored && (!named && l.anothers(c.StoredID, c) || l.listedForeign(c.StoredID, c) ||
		l.foreign(c.StoredAppointmentID, c.WhoseByIDs()) || l.ownerless(c))
}

// Refusal returns why a consultation that was read is not shown with the case, judged by whose
// the visits are; nil means that it may be shown (R7, R9).
func (l *Listing) Refusal(read *pims.Consultation, c *cases.Case) error {
	if l.foreign(read.AppointmentID, c.WhoseByIDs()) {
		return ErrAnotherVisit
	}
	return l.shared(read.ID, c.PIMSID, c.WhoseByIDs(), c.Names(read), read.AppointmentID)
}

// Proved reports whether something besides the calendar says that a consultation that was read is
// the case's: it names the case's patient by id, or it or the search names the case's visit, or
// another one of the same patient.
func (l *Listing) Proved(read *pims.Consultation, c *cases.Case) bool {
	return l.proved(read.ID, c.PIMSID, c.WhoseByIDs(), c.Names(read), read.AppointmentID)
}

// contradicts reports whether the calendar and the search disagree: the search lists the
// consultation that the calendar last named for another appointment, and lists another one
// for this appointment. They were swapped, and it is not known which of the two is older.
// Until the calendar is read again, neither consultation belongs to the case.
func (l *Listing) contradicts(c *cases.Candidate) bool {
	return c.ConsultationID != "" && !c.Earlier && l.anothers(c.ConsultationID, c) &&
		cases.Differ(l.byAppointment[c.PIMSID].ID, c.ConsultationID)
}

// anothers reports whether the search lists the consultation for another appointment than
// the case's.
func (l *Listing) anothers(id string, c *cases.Candidate) bool {
	return cases.Differ(l.byID[id].AppointmentID, c.PIMSID)
}

// listedForeign reports whether the search lists a consultation for another patient's visit.
func (l *Listing) listedForeign(id string, c *cases.Candidate) bool {
	return l.foreign(l.byID[id].AppointmentID, c.WhoseByIDs())
}

// foreign reports whether an appointment is known to be another patient's.
func (l *Listing) foreign(appointmentID string, w cases.Whose) bool {
	other := l.visits[appointmentID]
	return other != nil && other.Another(w)
}

// own reports whether the appointment is the case's own, or known to be its patient's.
func (l *Listing) own(appointmentID, pimsID string, w cases.Whose) bool {
	other := l.visits[appointmentID]
	return !pims.Blank(appointmentID) && (appointmentID == pimsID || other != nil && other.Same(w))
}

// ownerless reports whether the stored consultation of the case is one that no case may show.
func (l *Listing) ownerless(c *cases.Candidate) bool {
	names := cases.Whose{PatientID: c.StoredPatientID, ClientID: c.StoredClientID}
	return l.shared(c.StoredID, c.PIMSID, c.WhoseByIDs(), names, c.StoredAppointmentID) != nil
}

// proved is Proved for a consultation, read or stored. names is whose it says it is,
// appointmentID the visit that it names.
func (l *Listing) proved(id, pimsID string, own, names cases.Whose, appointmentID string) bool {
	return names.Same(own) || l.own(appointmentID, pimsID, own) || l.own(l.byID[id].AppointmentID, pimsID, own)
}

// shared returns the error of a consultation that no case may show: cases of different patients
// have it, or the search lists it for several visits. It returns nil where the consultation may
// be shown with the case of this appointment and patient: something besides the calendar says
// that it is the case's, or what it names rules out the patients of all other cases that have it.
func (l *Listing) shared(id, pimsID string, own, names cases.Whose, appointmentID string) error {
	if l.proved(id, pimsID, own, names, appointmentID) {
		return nil
	}
	if names.Another(own) {
		return nil // cases.Take refuses it: it is known whose it is
	}
	var others []string
	for _, h := range l.holders[id] {
		if h.PIMSID != pimsID && h.Another(own) && !names.Another(h.Whose) && !slices.Contains(others, h.PIMSID) {
			others = append(others, h.PIMSID)
		}
	}
	if len(others) > 0 {
		l.withheld[id] = true
	}
	if len(others) > 0 || l.byID[id].Contested {
		return &SharedError{others}
	}
	return nil
}
