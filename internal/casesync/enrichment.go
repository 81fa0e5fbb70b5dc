package casesync

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/ownership"
	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/seal"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

const maxStoreBatch = 50 // results that arrived together are stored together (R15, R20)

// An enrichmentPhase adds consultations to cases (W7).
type enrichmentPhase struct {
	phase
	store     EnrichmentStore
	session   pims.Session
	window    pims.Window
	batchSize int // consultations fetched at a time
	force     bool

	correctedFor int // how many days back the day's first run looks for late corrections; 0: none (R19)

	ahead map[uuid.UUID]cases.Case // the cases of the first visits, read while their consultations are fetched

	// unlisted are the cases whose stored consultation neither the appointment nor the
	// search names. It is read to see whether it still belongs to them (R9).
	unlisted map[uuid.UUID]bool

	found *ownership.Listing // the result of the search

	visits    []visit          // what the phase reads
	days      []pims.Window    // whose consultations are searched
	snapshots []*pims.Snapshot // what the sync has read of the calendar before this phase
	present   present          // what the calendar says now of the visits
}

// A visit is one consultation to read, and the cases that it serves (R20).
type visit struct {
	entry pims.ConsultationEntry
	cases []*cases.Candidate
}

// A visited is a visit and the result of its read.
type visited struct {
	visit
	consultation pims.Consultation
	readAt       time.Time
	err          error
	cutOff       bool // err is the end of the phase, not the visit's own
}

// run enriches the cases that are due. The result counts what was done, even where an error
// is returned.
func (p *enrichmentPhase) run(ctx context.Context) (result syncs.Result, err error) {
	now := p.now()
	candidates, err := p.store.EnrichmentCandidates(ctx, p.lease.ClinicID, p.provider, p.window, now)
	if err != nil {
		return result, fmt.Errorf("reading the cases that need a consultation: %w", err)
	}
	var due, resting, closed []*cases.Candidate
	for i := range candidates {
		switch c := &candidates[i]; {
		case c.Closed:
			closed = append(closed, c)
		case c.Due(now, p.force):
			due = append(due, c)
		default:
			resting = append(resting, c)
		}
	}
	look, older, err := p.beginLook(ctx, now, candidates)
	if err != nil {
		return result, err
	}
	resting = append(resting, older...) // nothing else makes them due
	result.Stats.CasesFound = len(due)
	p.report(ctx, "fetch", 0, len(due))
	if len(due)+len(closed) == 0 && look == nil {
		return result, nil
	}
	entries, err := p.search(ctx, due)
	if err != nil {
		return result, err
	}
	entries = look.search(ctx, p.session, entries)
	drop, err := keepEntries(ctx, entries)
	if err != nil {
		return result, err
	}
	defer drop()
	p.found = ownership.NewListing(entries)
	if err := p.relate(ctx, slices.Concat(due, resting, closed)); err != nil {
		return result, err
	}
	defer p.countWithheld(ctx, &result)
	late, adopted := look.compare(resting, p.found)
	due = append(due, late...)
	result.Stats.CasesFound = len(due)
	if err := p.hideLost(ctx, slices.Concat(due, closed), &result); err != nil {
		return result, err
	}
	visits, settled := p.plan(ctx, due, now, &result)
	p.visits = visits
	if err := p.visitAll(ctx, visits, slices.Concat(settled, adopted, settleClosed(closed)), &result); err != nil {
		return result, err
	}
	return result, p.endLook(ctx, look)
}

// search lists the consultations of the window, and of the days of due cases outside it
// whose patient or consultation has changed.
func (p *enrichmentPhase) search(ctx context.Context, due []*cases.Candidate) ([]pims.ConsultationEntry, error) {
	windows := []pims.Window{p.window}
	for _, c := range due {
		if !p.window.Contains(c.ScheduledDate) {
			day := pims.DateOf(c.ScheduledDate, p.window.Location)
			windows = append(windows, pims.Window{Start: day, End: day, Location: p.window.Location})
		}
	}
	p.days = pims.Cover(windows...)
	var all []pims.ConsultationEntry
	for _, w := range p.days {
		entries, err := p.session.SearchConsultations(ctx, w)
		if err != nil {
			return nil, fmt.Errorf("searching the consultations of %s: %w", w, err)
		}
		all = append(all, entries...)
	}
	return all, nil
}

// plan decides for each due case whether to read a consultation, once for all cases that
// share it (R20). A case without a consultation waits. A case whose consultation is
// disputed fails. A final consultation whose search entry is unchanged is not read again
// (R19).
func (p *enrichmentPhase) plan(ctx context.Context, due []*cases.Candidate, now time.Time, result *syncs.Result) ([]visit, []cases.Reading) {
	p.unlisted = make(map[uuid.UUID]bool)
	var readings []cases.Reading
	var visits []visit
	at := make(map[string]int) // consultation id to its place in visits
	for _, c := range due {
		if why := p.found.Disputed(c); why != nil {
			readings = append(readings, p.refuse(ctx, c, why, result))
			continue
		}
		entry, ok := p.found.Entry(c)
		if !ok && c.Stored && c.StoredID != "" {
			entry, ok = pims.ConsultationEntry{ID: c.StoredID}, true
			p.unlisted[c.CaseID] = true
		}
		if !ok {
			result.Stats.CasesSkipped++
			readings = append(readings, waiting(c, now, ""))
			continue
		}
		if c.Final && c.StoredID == entry.ID && sameEntry(c, entry) && !p.force {
			result.Stats.CasesUnchanged++
			r := cases.Reading{CaseID: c.CaseID, ReadAt: now, Fingerprint: entry.Fingerprint, Outcome: "unchanged"}
			if !c.HasNotes {
				r = waiting(c, now, entry.Fingerprint)
				r.ReadAt = now
			}
			readings = append(readings, r)
			continue
		}
		i, seen := at[entry.ID]
		if !seen {
			i = len(visits)
			at[entry.ID] = i
			visits = append(visits, visit{entry: entry})
		}
		visits[i].cases = append(visits[i].cases, c)
	}
	return visits, readings
}

// sameEntry reports whether a case's search entry is what it was at the last read. It is
// false where the search does not list the consultation.
func sameEntry(c *cases.Candidate, entry pims.ConsultationEntry) bool {
	return entry.Fingerprint != "" && entry.Fingerprint == c.Fingerprint
}

// waiting returns the reading of a case whose notes are not there yet (R19).
func waiting(c *cases.Candidate, now time.Time, fingerprint string) cases.Reading {
	tries := c.Tries + 1
	return cases.Reading{CaseID: c.CaseID, Tries: tries, NextTry: now.Add(cases.Wait(tries)), Fingerprint: fingerprint, Outcome: "waiting", Since: c.Since}
}

// visitAll reads the consultations a batch at a time and stores each as it arrives (R20).
// While the first are being read, it stores the cases that were settled without a read.
func (p *enrichmentPhase) visitAll(ctx context.Context, visits []visit, settled []cases.Reading, result *syncs.Result) error {
	var end ending
	reading, cancel := context.WithCancelCause(ctx)
	end.cancel = cancel
	defer cancel(nil)
	arrived := make(chan visited, maxStoreBatch) // buffered, so that storing does not block reading
	wait := panics.Start(func() error {
		defer close(arrived)
		return p.readAll(reading, &end, visits, arrived)
	})
	end.with(panics.Catch(func() error {
		return errors.Join(p.keep(ctx, settled), p.readAhead(ctx, visits))
	}))

	done := result.Stats.CasesUnchanged + result.Stats.CasesSkipped + result.Stats.CasesFailed
	for first := range arrived {
		batch := append([]visited{first}, drain(arrived)...)
		end.with(panics.Catch(func() error { return p.storeBatch(ctx, batch, result) }))
		for i := range batch {
			done += len(batch[i].cases)
		}
		p.report(ctx, "fetch", done, result.Stats.CasesFound)
	}
	end.with(wait())
	return end.cause(reading)
}

// An ending holds the reason why the phase ends before everything is read.
type ending struct {
	cancel   context.CancelCauseFunc
	panicked atomic.Pointer[panics.Error]
}

// with ends the phase with an error. A nil error does nothing.
func (e *ending) with(err error) {
	if err == nil {
		return
	}
	if p := panics.In(err); p != nil {
		e.panicked.CompareAndSwap(nil, p)
	}
	e.cancel(err)
}

// cause returns the panic that ended the phase, else what first ended its context (R58).
func (e *ending) cause(ctx context.Context) error {
	if p := e.panicked.Load(); p != nil {
		return p
	}
	return context.Cause(ctx)
}

// readAhead reads the cases of the first visits in advance. A case that another writer
// changes before its consultation arrives is read again (R12).
func (p *enrichmentPhase) readAhead(ctx context.Context, visits []visit) error {
	var ids []uuid.UUID
	for _, v := range visits {
		for _, c := range v.cases {
			ids = append(ids, c.CaseID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	var err error
	p.ahead, err = p.cases(ctx, ids[:min(len(ids), chunkSize)])
	return err
}

// cases reads cases, unless they were read ahead.
func (p *enrichmentPhase) cases(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]cases.Case, error) {
	stored := make(map[uuid.UUID]cases.Case, len(ids))
	var unread []uuid.UUID
	for _, id := range ids {
		if c, ok := p.ahead[id]; ok {
			stored[id] = c
			delete(p.ahead, id)
		} else {
			unread = append(unread, id)
		}
	}
	if len(unread) == 0 {
		return stored, nil
	}
	read, err := p.store.CasesWithConsultations(ctx, p.lease.ClinicID, unread)
	if err != nil {
		return nil, fmt.Errorf("reading cases: %w", err)
	}
	maps.Copy(stored, read)
	return stored, nil
}

// readAll reads until everything is read or something ends the phase; it passes the reason
// to end. A failure never cancels the other reads (R20). A panic ends the phase and counts
// as the failure of the cases it occurred with (R58).
func (p *enrichmentPhase) readAll(ctx context.Context, end *ending, visits []visit, arrived chan<- visited) error {
	group := panics.NewGroup(p.batchSize)
	var row streak
	for _, v := range visits {
		group.Do(func() error {
			got := p.read(ctx, v)
			end.with(endsReading(got.err, &row))
			arrived <- got
			return nil
		})
	}
	return group.Wait()
}

// read reads one consultation. If the end of the phase interrupts the read, the read fails
// with the reason of that end.
func (p *enrichmentPhase) read(ctx context.Context, v visit) visited {
	got := visited{visit: v, err: ctx.Err()}
	if got.err == nil {
		got.err = panics.Catch(func() (err error) {
			got.consultation, err = p.session.Consultation(ctx, v.entry.ID)
			return err
		})
	}
	if got.err != nil && ctx.Err() != nil && panics.In(got.err) == nil {
		got.err, got.cutOff = context.Cause(ctx), true
	}
	got.readAt = p.now()
	return got
}

// endsReading reports whether the error of one read ends the phase: a dead session that
// could not be renewed, the fifth transport error in a row (R20), or a panic (R58). It
// returns the error of the phase, or nil.
func endsReading(err error, transport *streak) error {
	switch {
	case endsSession(err) || panics.In(err) != nil:
		return fmt.Errorf("reading consultations: %w", err)
	case transport.fifth(errors.Is(err, pims.ErrUnreachable) || errors.Is(err, pims.ErrRateLimited)):
		return fmt.Errorf("reading consultations failed %d times in a row: %w", maxInARow, err)
	default:
		return nil
	}
}

// endsSession reports whether an error means that this run has lost its session: the
// session died, or its renewal was refused (R36).
func endsSession(err error) bool {
	for _, end := range sessionEnds {
		if errors.Is(err, end) {
			return true
		}
	}
	return false
}

var sessionEnds = []error{
	clinic.ErrNotRenewed, pims.ErrSessionExpired, pims.ErrAuthRejected, pims.ErrAuthChallenge, pims.ErrLoginFormChanged, pims.ErrBrowserUnavailable,
	clinic.ErrDisabled, clinic.ErrCredentialsMissing, clinic.ErrCredentialsInvalid, clinic.ErrCredentialsSuspended, seal.ErrKeyUnknown,
}

// endsSync reports whether an error ends the sync for a reason outside the PIMS and its
// session.
func endsSync(err error) bool {
	for _, end := range []error{syncs.ErrTimeout, syncs.ErrCancelled, syncs.ErrShutdown, syncs.ErrLeaseLost, syncs.ErrDatabase, context.Canceled} {
		if errors.Is(err, end) {
			return true
		}
	}
	return panics.In(err) != nil // an error of another record, or of our own code
}

func drain(arrived <-chan visited) []visited {
	var more []visited
	for len(more) < maxStoreBatch-1 {
		select {
		case v, ok := <-arrived:
			if !ok {
				return more
			}
			more = append(more, v)
		default:
			return more
		}
	}
	return more
}

func (p *enrichmentPhase) keep(ctx context.Context, readings []cases.Reading) error {
	if p.dryRun || len(readings) == 0 { // R26
		return nil
	}
	if err := p.store.KeepReadings(ctx, p.lease, readings); err != nil {
		return fmt.Errorf("keeping what was read: %w", err)
	}
	return nil
}

// explainItem returns the code and the text of one case's failure. Where the specification
// has a text, it uses that text.
func (p *enrichmentPhase) explainItem(err error, c *cases.Candidate) (syncs.ItemCode, string) {
	var record *pims.RecordError
	var shared *ownership.SharedError
	var calendar *calendarError
	switch {
	case panics.In(err) != nil:
		return syncs.ItemMalformed, "Consultation unusable: an internal error, the log tells more"
	case endsSession(err):
		return syncs.ItemAuthExpired, "PIMS session ended"
	case errors.Is(err, cases.ErrAnotherPatient):
		return syncs.ItemAnotherPatient, "The consultation is not shown to be this case's patient's: it names another patient, or it was another one's before and names none. " + p.remedy(c)
	case errors.Is(err, cases.ErrPatientUnproved):
		return syncs.ItemAnotherPatient, "The visit names another patient than before, and no patient id: nobody says whose the notes are. Name the patient of the visit in the PIMS. " + p.remedy(c)
	case errors.Is(err, ownership.ErrAnotherVisit):
		return syncs.ItemAnotherVisit, "The PIMS names the consultation for another patient's visit, too: nobody says whose the notes are. " + p.remedy(c)
	case errors.As(err, &shared):
		return syncs.ItemAnotherVisit, tellOfShared(shared, p.remedy(c))
	case errors.Is(err, ownership.ErrContradiction):
		return syncs.ItemAnotherVisit, "The calendar names one consultation for the visit, and the search another one: nobody says which is its own. " + p.remedy(c)
	case errors.As(err, &calendar):
		return syncs.ItemPIMSError, "The calendar alone says whose the consultation is, and could not be read again: " + pims.Kind(calendar.err)
	case errors.Is(err, pims.ErrNotFound):
		return syncs.ItemNotFound, "Consultation not found"
	case errors.As(err, &record):
		return syncs.ItemMalformed, "Consultation unusable: " + record.Field + " " + record.Reason
	case errors.Is(err, pims.ErrSchemaDrift):
		return syncs.ItemMalformed, pims.ErrSchemaDrift.Error()
	case errors.Is(err, pims.ErrTimedOut):
		return syncs.ItemTimeout, "PIMS API timeout"
	default:
		return syncs.ItemPIMSError, "PIMS API error: " + pims.Kind(err)
	}
}
