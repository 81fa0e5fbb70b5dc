package model_test

import (
	"cmp"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimstest"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// requireDue demands that enrichment looked for the notes of what was due, and of
// nothing else, and that it looks again when the rule says (R19). The sync met no
// fault.
func (m *machine) requireDue(p *play) {
	learned, entries := m.readings(), m.entries(p)
	due := 0
	for id, was := range p.before {
		marked := learned[id].Outcome == "changed" && learned[id].Since.Equal(m.now)
		if m.isClosed(p, &was) {
			m.requireJudged(p, &was, entries, learned[id])
			continue
		}
		resting := !p.force && !m.isDue(&was, p.learned[id]) && !m.isLost(p, &was, entries)
		if !m.enrichable(p, &was) || resting {
			require.Equal(m, was.Version, p.after[id].Version, "R19: it was not due")
			if !marked {
				require.Equal(m, p.learned[id], learned[id], "R19: it was not due")
			}
			continue
		}
		due++
		if marked { // another case got or lost its consultation after its turn: the next run decides (R9)
			m.seen["cases that a later one of the run made due"]++
			continue
		}
		m.requireVisit(p, &was, entries, learned[id])
	}
	require.Equal(m, due, p.audit.Result.Stats.CasesFound, "R19: what was due")
	m.requireOneOwner(p, learned)
	m.seen["cases that were due"] += due
}

// enrichable reports whether a case can be due at all: of the past, neither cancelled
// nor soft-deleted (R19).
func (m *machine) enrichable(p *play, r *row) bool {
	return (p.windows.Cases.Contains(r.ScheduledDate) || !p.learned[r.ID].Since.IsZero()) && !r.ScheduledDate.After(m.now) &&
		!r.SoftDeleted() && r.Appointment.Meaning != pims.StatusCancelled
}

// isClosed reports whether a case is only judged: its visit is cancelled or still to come, and
// another patient's case got or lost the consultation that it stores (R9).
func (m *machine) isClosed(p *play, r *row) bool {
	open := !r.ScheduledDate.After(m.now) && r.Appointment.Meaning != pims.StatusCancelled
	return !open && !r.SoftDeleted() && r.Consultation != nil && !p.learned[r.ID].Since.IsZero()
}

// requireJudged demands what has become of such a case.
func (m *machine) requireJudged(p *play, was *row, entries []pims.ConsultationEntry, learned cases.Reading) {
	is := p.after[was.ID]
	if m.isLost(p, was, entries) {
		require.Nil(m, is.Consultation, "R9: it is not known to be its own")
		m.seen["closed cases that lost a consultation"]++
		return
	}
	require.Equal(m, was.Version, is.Version, "R9: nothing is wrong with it")
	require.True(m, learned.Since.IsZero(), "R9: it was judged")
}

// isDue is R19 by the letter.
func (m *machine) isDue(r *row, learned cases.Reading) bool {
	if learned.NextTry.After(m.now) {
		return false // a waiting case is not due
	}
	if !learned.Since.IsZero() {
		return learned.Tries == 0 || m.now.Sub(learned.Since) < 14*24*time.Hour
	}
	if !r.hasNotes() {
		return learned.Tries == 0 || m.now.Sub(r.ScheduledDate) < 14*24*time.Hour
	}
	return !r.Consultation.Status.Final() || learned.ReadAt.Sub(r.ScheduledDate) < 72*time.Hour
}

func (r *row) hasNotes() bool { return r.Consultation != nil && !r.Consultation.SOAP.Blank() }

// requireVisit demands what a case that was due has become.
func (m *machine) requireVisit(p *play, was *row, entries []pims.ConsultationEntry, learned cases.Reading) {
	is := p.after[was.ID]
	id, certain := m.belongs(was, entries)
	c, written := m.notes[id]
	entry := listed(entries, id)
	stored := was.Consultation
	if m.isLost(p, was, entries) {
		stored = nil
	}
	if certain && (m.contradicts(was, entries) || m.foreign(p, was, entry.AppointmentID)) {
		require.Equal(m, stored, is.Consultation, "R9: the calendar and the search contradict each other")
		m.requireAnotherVisit(p, was, learned)
		return
	}
	if stored != nil && id == "" { // nobody names it: it is read to see whose it is
		kept, there := m.notes[stored.ID]
		switch {
		case stored.ID != "" && (!there || isAnother(kept.AppointmentID, was.PIMSID)):
			stored = nil
		case there && kept.AppointmentID == was.PIMSID:
			id, c, written = stored.ID, kept, true
		default:
			require.Equal(m, was.Consultation, is.Consultation, "R9: nothing tells that it is not its own")
			return
		}
	}
	named := c.PatientID
	if stored != nil && stored.ID == id && named == "" {
		named = stored.PatientID
	}
	before, ever := was.Shown[id]
	others := ever && named == "" && isOthers(before, was.Whose())
	switch {
	case id == "": // R9: neither names the other
		require.Equal(m, stored, is.Consultation)
		m.requireWait(p, was, learned)
	case !written: // R19: it is named and not found
		require.Equal(m, stored, is.Consultation)
	case m.foreign(p, was, c.AppointmentID), isShared(p.before, was, id, named, c.AppointmentID, entry.AppointmentID):
		if stored != nil && stored.ID == id {
			stored = nil
		}
		require.Equal(m, stored, is.Consultation, "R9: it names another patient's visit")
		m.requireAnotherVisit(p, was, learned)
	case isAnother(named, was.Appointment.PatientID), others, was.Appointment.Unproved:
		if stored != nil && stored.ID == id {
			stored = nil
		}
		require.Equal(m, stored, is.Consultation, "R7: another patient's is never stored")
		require.Equal(m, string(syncs.ItemAnotherPatient), learned.Outcome)
		m.seen["consultations of another patient"]++
	case !p.isUnchanged(was, &c, entry) && !m.proved(p, was, named, c.AppointmentID, entry.AppointmentID):
		m.requirePresent(p, was, &is, &c, entry, learned)
	default:
		m.requireRead(p, was, &is, &c, entry, learned)
	}
}

// requireRead demands that a case shows the consultation that is its own.
func (m *machine) requireRead(p *play, was, is *row, c *pims.Consultation, entry pims.ConsultationEntry, learned cases.Reading) {
	require.NotNil(m, is.Consultation, "R19: it was not read")
	require.Equal(m, c.ID, is.Consultation.ID)
	require.True(m, m.now.Equal(learned.ReadAt))
	own := was.Consultation != nil && was.Consultation.ID == c.ID
	switch {
	case p.isUnchanged(was, c, entry):
		require.Equal(m, was.Version, is.Version, "R19: a final one is viewed again only if its entry differs")
	case !c.SOAP.Blank():
		require.Equal(m, c.SOAP, is.Consultation.SOAP)
		require.Equal(m, c.Status, is.Consultation.Status)
	case own && was.hasNotes() && !isAnother(was.Consultation.PatientID, c.PatientID):
		require.Equal(m, was.Consultation.SOAP, is.Consultation.SOAP, "R7: one without notes keeps the notes")
	default:
		require.True(m, is.Consultation.SOAP.Blank(), "R7: another one's notes are not carried over")
	}
	if !is.hasNotes() {
		m.requireWait(p, was, learned)
		return
	}
	require.Zero(m, learned.Tries)
	require.True(m, learned.NextTry.IsZero())
	require.True(m, learned.Since.IsZero())
}

// isUnchanged is R19 by the letter: whether a final consultation is not viewed again, because its
// entry in the search is what it was.
func (p *play) isUnchanged(was *row, c *pims.Consultation, entry pims.ConsultationEntry) bool {
	own := was.Consultation != nil && was.Consultation.ID == c.ID
	return own && entry.ID != "" && was.Consultation.Status.Final() && entry.Fingerprint == p.learned[was.ID].Fingerprint && !p.force
}

// belongs is R9 by the letter: the consultation of a case, empty where nobody names
// one. certain: the appointment has it at present.
func (m *machine) belongs(was *row, entries []pims.ConsultationEntry) (id string, certain bool) {
	a := was.Appointment
	if a.ConsultationID != "" && !a.Earlier {
		return a.ConsultationID, true
	}
	if id := m.search(was, entries); id != "" {
		return id, false
	}
	if isAnother(listed(entries, a.ConsultationID).AppointmentID, was.PIMSID) {
		return "", false
	}
	return a.ConsultationID, false
}

// search is the consultation that the search lists for a case.
func (m *machine) search(was *row, entries []pims.ConsultationEntry) string {
	best := pims.ConsultationEntry{}
	for _, e := range entries {
		if e.AppointmentID == was.PIMSID && (best.ID == "" || better(&e, &best)) {
			best = e
		}
	}
	return best.ID
}

// better tells which of two consultations of one visit counts: the final one, then the
// later.
func better(a, b *pims.ConsultationEntry) bool {
	if a.Status.Final() != b.Status.Final() {
		return a.Status.Final()
	}
	return cmp.Or(a.At.Compare(b.At), strings.Compare(a.ID, b.ID)) > 0
}

// listed is the entry of an id, or none.
func listed(entries []pims.ConsultationEntry, id string) pims.ConsultationEntry {
	for _, e := range entries {
		if e.ID == id {
			return e
		}
	}
	return pims.ConsultationEntry{}
}

// requireWait demands that the next try comes after 1 h, 4 h, 12 h, then daily (R19).
func (m *machine) requireWait(p *play, was *row, learned cases.Reading) {
	tries := p.learned[was.ID].Tries + 1
	hours := 24
	switch tries {
	case 1:
		hours = 1
	case 2:
		hours = 4
	case 3:
		hours = 12
	}
	require.Equal(m, tries, learned.Tries)
	require.True(m, m.now.Add(time.Duration(hours)*time.Hour).Equal(learned.NextTry), "R19: try %d is followed by %s", tries, learned.NextTry)
}

// entries are what the PIMS's search lists of the days that it was asked for.
func (m *machine) entries(p *play) (entries []pims.ConsultationEntry) {
	for _, c := range sortedKeys(m.notes) {
		note := m.notes[c]
		if p.heard.searched(note.At) {
			entries = append(entries, pimstest.EntryOf(note))
		}
	}
	return entries
}
