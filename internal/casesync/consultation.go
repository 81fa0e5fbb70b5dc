package casesync

import (
	"cmp"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/pims"
)

// A listing is the result of a search for consultations.
type listing struct {
	byID          map[string]pims.ConsultationEntry
	byAppointment map[string]pims.ConsultationEntry
	visits        visits                    // the patients of the visits that it names
	holders       map[string][]cases.Holder // of the consultations that several cases have, those cases
	withheld      map[string]bool           // the consultations that cases of different patients have, and no case shows
}

// entryOf finds the consultation that belongs to a case, never by a name or a time (R9). It
// tries, in this order:
//   - the consultation id that the appointment has now;
//   - the entry that the search lists for the appointment's id now;
//   - the consultation id that the appointment had earlier, unless the search lists that
//     consultation for another appointment.
//
// A known id that the search does not list is returned as an entry that has only this id.
func (l *listing) entryOf(c *cases.Candidate) (pims.ConsultationEntry, bool) {
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

func (l *listing) entry(id string) pims.ConsultationEntry {
	if e, ok := l.byID[id]; ok {
		return e
	}
	return pims.ConsultationEntry{ID: id}
}

// contradicts reports whether the calendar and the search disagree: the search lists the
// consultation that the calendar last named for another appointment, and lists another one
// for this appointment. They were swapped, and it is not known which of the two is older.
// Until the calendar is read again, neither consultation belongs to the case.
func (l *listing) contradicts(c *cases.Candidate) bool {
	return c.ConsultationID != "" && !c.Earlier && l.anothers(c.ConsultationID, c) &&
		cases.Differ(l.byAppointment[c.PIMSID].ID, c.ConsultationID)
}

// anothers reports whether the search lists the consultation for another appointment than
// the case's.
func (l *listing) anothers(id string, c *cases.Candidate) bool {
	return cases.Differ(l.byID[id].AppointmentID, c.PIMSID)
}

// index maps search entries by their own id and by their appointment's id. Where an
// appointment has several, it takes the one that is most finished, then the latest.
func index(entries []pims.ConsultationEntry) *listing {
	l := &listing{
		byID:          make(map[string]pims.ConsultationEntry, len(entries)),
		byAppointment: make(map[string]pims.ConsultationEntry, len(entries)),
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
