package casesync

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/ownership"
	"github.com/pims-sync/pims-sync/internal/pims"
)

// A look checks, once in a clinic's day, the search entries of all days in which the PIMS
// lets people correct notes (R19). A case that is not due is read all the same where its
// entry differs from the entry at its last read. Where no entry was stored yet, the look
// stores the present one and does not read the consultation.
type look struct {
	day   pims.Date
	older pims.Window // the days before those that every run searches; may be empty
	err   error       // why the older days could not be searched
}

// beginLook returns the day's look and the cases of its older days, or nil where this run
// does none. candidates are the cases of the run's own window.
func (p *enrichmentPhase) beginLook(ctx context.Context, now time.Time, candidates []cases.Candidate) (*look, []*cases.Candidate, error) {
	if p.correctedFor <= 0 {
		return nil, nil, nil
	}
	day := pims.DateOf(now, p.window.Location)
	last, err := p.store.LookedOn(ctx, p.lease.ClinicID, p.provider)
	if err != nil {
		return nil, nil, fmt.Errorf("reading when late corrections were looked for: %w", err)
	}
	if last == day {
		return nil, nil, nil
	}
	l := &look{
		day:   day,
		older: pims.Window{Start: day.AddDays(-p.correctedFor), End: p.window.Start.AddDays(-1), Location: p.window.Location},
	}
	if !l.searched() {
		return l, nil, nil
	}
	older, err := p.store.EnrichmentCandidates(ctx, p.lease.ClinicID, p.provider, l.older, now)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the cases whose notes may have been corrected: %w", err)
	}
	return l, others(older, candidates), nil
}

// others returns the cases that are not among the known ones.
func others(all, known []cases.Candidate) (more []*cases.Candidate) {
	ids := make(map[uuid.UUID]bool, len(known))
	for i := range known {
		ids[known[i].CaseID] = true
	}
	for i := range all {
		if c := &all[i]; !ids[c.CaseID] {
			more = append(more, c)
		}
	}
	return more
}

// searched reports whether there are older days.
func (l *look) searched() bool { return !l.older.End.Before(l.older.Start) }

// search adds the consultations of the older days to the entries of the run's own window. A
// failure does not stop the cases that are due; endLook reports it.
func (l *look) search(ctx context.Context, session pims.Session, entries []pims.ConsultationEntry) []pims.ConsultationEntry {
	if l == nil || !l.searched() {
		return entries
	}
	var older []pims.ConsultationEntry
	older, l.err = session.SearchConsultations(ctx, l.older)
	return append(entries, older...)
}

// compare returns the cases among those not due that must be read all the same: in every
// run those whose stored consultation is not theirs (R9), and in the day's look those whose
// entry differs from the one at their last read. It also returns readings for the cases
// whose entry was never stored.
func (l *look) compare(resting []*cases.Candidate, found *ownership.Listing) (late []*cases.Candidate, adopted []cases.Reading) {
	for _, c := range resting {
		entry, ok := found.Entry(c)
		switch {
		case found.Lost(c):
			late = append(late, c)
		case l == nil: // any other difference waits for the day's look
		case !ok || entry.Fingerprint == "" || sameEntry(c, entry): // not listed, or nothing new
		case c.Fingerprint == "":
			adopted = append(adopted, cases.Reading{
				CaseID: c.CaseID, Tries: c.Tries, NextTry: c.NextTry, Fingerprint: entry.Fingerprint, Outcome: "adopted", Since: c.Since,
			})
		default:
			late = append(late, c)
		}
	}
	return late, adopted
}

// endLook records that the day's look is done, once all that it found was read. The next
// run repeats a look that failed; a case that failed is read again by the next day's look.
func (p *enrichmentPhase) endLook(ctx context.Context, l *look) error {
	if l == nil {
		return nil
	}
	if l.err != nil {
		return fmt.Errorf("looking for late corrections in %s: %w", l.older, l.err)
	}
	if err := p.store.KeepLook(ctx, p.lease, p.provider, l.day); err != nil {
		return fmt.Errorf("noting the look for late corrections: %w", err)
	}
	return nil
}
