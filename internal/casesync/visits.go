package casesync

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/ownership"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// relate reads whose the appointments are that the search, the calendar or the stored
// consultations name for the candidates, and which cases have the consultations.
func (p *enrichmentPhase) relate(ctx context.Context, candidates []*cases.Candidate) error {
	for _, c := range candidates {
		p.found.SetVisit(c.PIMSID, c.WhoseByIDs())
	}
	if err := p.learnHolders(ctx, candidates); err != nil {
		return err
	}
	return p.learn(ctx, p.found.Visits(candidates))
}

// learnHolders reads which cases have the consultations of the candidates, whatever became of
// those cases (R9).
func (p *enrichmentPhase) learnHolders(ctx context.Context, candidates []*cases.Candidate) error {
	ids := p.found.Consultations(candidates)
	if len(ids) == 0 {
		return nil
	}
	holders, err := p.store.Holders(ctx, p.lease.ClinicID, p.provider, ids)
	if err != nil {
		return fmt.Errorf("reading which cases have the consultations: %w", err)
	}
	for id, of := range holders {
		p.found.AddHolders(id, of...)
	}
	return nil
}

// learn reads the cases of the appointments that are not known yet.
func (p *enrichmentPhase) learn(ctx context.Context, appointmentIDs []string) error {
	for ids := range slices.Chunk(p.found.Unknown(appointmentIDs), chunkSize) {
		found, err := p.store.CasesByID(ctx, p.lease.ClinicID, p.provider, ids)
		if err != nil {
			return fmt.Errorf("reading the visits that consultations name: %w", err)
		}
		for id, c := range found {
			p.found.SetVisit(id, c.WhoseByIDs())
		}
	}
	return nil
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

// tellOfShared returns the failure of a consultation that cases of different patients have, with
// what a person does about it.
func tellOfShared(e *ownership.SharedError, remedy string) string {
	const shownNames = 5
	if len(e.Visits) == 0 {
		return "The search lists the consultation for several visits: nobody says whose the notes are. " + remedy
	}
	visits, more := e.Visits, ""
	if len(visits) > shownNames {
		visits, more = visits[:shownNames], fmt.Sprintf(" and %d more", len(visits)-shownNames)
	}
	return fmt.Sprintf("The consultation is also that of another patient's appointment (%s%s), which may be cancelled, deleted or still to come: nobody says whose the notes are. "+
		"Name the patient or the visit in the consultation, or take the consultation from the visit that it is not of. %s", strings.Join(visits, ", "), more, remedy)
}

// countWithheld counts the consultations of the run that no case shows because cases of
// different patients have them.
func (p *enrichmentPhase) countWithheld(ctx context.Context, result *syncs.Result) {
	if n := p.found.Withheld(); n > 0 {
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
