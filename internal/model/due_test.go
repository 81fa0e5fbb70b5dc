package model_test

import (
	"cmp"
	"context"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/pims"
)

// requireDue demands that enrichment looked for the notes of what was due, and of
// nothing else, and that it looks again when the rule says (R19). The sync met no
// fault.
func (m *machine) requireDue(p *play) {
	learned, entries := m.readings(), m.entries(p.windows.Cases)
	due := 0
	for id, was := range p.before {
		if !m.enrichable(p, &was) || !p.force && !m.isDue(&was, p.learned[id]) {
			require.Equal(m, was.Version, p.after[id].Version, "R19: it was not due")
			require.Equal(m, p.learned[id], learned[id], "R19: it was not due")
			continue
		}
		due++
		m.requireVisit(p, &was, entries, learned[id])
	}
	require.Equal(m, due, p.audit.Result.Stats.CasesFound, "R19: what was due")
	m.seen["cases that were due"] += due
}

// enrichable tells whether a case can be due at all: of the past, neither cancelled
// nor soft-deleted (R19).
func (m *machine) enrichable(p *play, r *row) bool {
	return p.windows.Cases.Contains(r.ScheduledDate) && !r.ScheduledDate.After(m.now) &&
		!r.SoftDeleted() && r.Appointment.Status != "Cancelled"
}

// isDue is R19 by the letter.
func (m *machine) isDue(r *row, learned casesync.Reading) bool {
	if learned.NextTry.After(m.now) {
		return false // a waiting case is not due
	}
	if !r.hasNotes() {
		return learned.Tries == 0 || m.now.Sub(r.ScheduledDate) < 14*24*time.Hour
	}
	return !r.Consultation.Status.Final() || learned.ReadAt.Sub(r.ScheduledDate) < 72*time.Hour
}

func (r *row) hasNotes() bool { return r.Consultation != nil && !r.Consultation.SOAP.Blank() }

// requireVisit demands what a case that was due has become.
func (m *machine) requireVisit(p *play, was *row, entries map[string]pims.ConsultationEntry, learned casesync.Reading) {
	is := p.after[was.ID]
	named := was.Appointment.ConsultationID
	c, written := m.notes[cmp.Or(named, "c"+was.PIMSID)]
	entry, listed := entries[c.ID]
	if !written || !listed && named == "" { // R9: neither names the other
		require.Equal(m, was.Version, is.Version)
		m.requireWait(p, was, learned)
		return
	}
	require.NotNil(m, is.Consultation, "R19: it was not read")
	require.Equal(m, c.ID, is.Consultation.ID)
	require.True(m, m.now.Equal(learned.ReadAt))
	earlier := p.learned[was.ID]
	same := listed && was.Consultation != nil && was.Consultation.Status.Final() && entry.Fingerprint == earlier.Fingerprint
	if same && !p.force {
		require.Equal(m, was.Version, is.Version, "R19: a final one is viewed again only if its entry differs")
	} else {
		require.Equal(m, c.Status, is.Consultation.Status)
		if !c.SOAP.Blank() {
			require.Equal(m, c.SOAP, is.Consultation.SOAP)
		} else if was.hasNotes() {
			require.Equal(m, was.Consultation.SOAP, is.Consultation.SOAP, "R7: one without notes keeps the notes")
		}
	}
	if !is.hasNotes() {
		m.requireWait(p, was, learned)
		return
	}
	require.Zero(m, learned.Tries)
	require.True(m, learned.NextTry.IsZero())
}

// requireWait demands that the next try comes after 1 h, 4 h, 12 h, then daily (R19).
func (m *machine) requireWait(p *play, was *row, learned casesync.Reading) {
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

// entries are what the PIMS's search lists, by the consultation.
func (m *machine) entries(window pims.Window) map[string]pims.ConsultationEntry {
	session, err := m.connect(m.stage.clinicID(), &testimony{})
	require.NoError(m, err)
	found, err := session.SearchConsultations(context.Background(), window)
	require.NoError(m, err)
	entries := map[string]pims.ConsultationEntry{}
	for _, e := range found {
		entries[e.ID] = e
	}
	return entries
}
