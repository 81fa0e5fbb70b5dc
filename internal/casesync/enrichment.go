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

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/seal"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

const maxStoreBatch = 50 // results that arrived together are stored together (R15, R20)

// An enrichmentPhase adds consultations to cases. W7.
type enrichmentPhase struct {
	phase
	store     EnrichmentStore
	session   pims.Session
	window    pims.Window
	batchSize int // consultations fetched at a time
	force     bool

	correctedFor int // days back that the day's first run looks for late corrections; 0: none (R19)

	ahead map[uuid.UUID]Case // the cases of the first visits, read while these are under way

	// unlisted are the cases whose stored consultation neither the appointment nor the
	// search names: it is read to see whether it is theirs still (R9).
	unlisted map[uuid.UUID]bool

	found *listing // by the search
}

// A visit is one consultation to be read, and the cases that it serves (R20).
type visit struct {
	entry pims.ConsultationEntry
	cases []*Candidate
}

// A visited is a visit and what its read brought.
type visited struct {
	visit
	consultation pims.Consultation
	readAt       time.Time
	err          error
	cutOff       bool // err is the end of the phase, not the visit's own
}

// run enriches what is due. The result is right as far as it goes even where an
// error is returned.
func (p *enrichmentPhase) run(ctx context.Context) (syncs.Result, error) {
	var result syncs.Result
	now := p.now()
	candidates, err := p.store.EnrichmentCandidates(ctx, p.lease.ClinicID, p.provider, p.window, now)
	if err != nil {
		return result, fmt.Errorf("reading the cases that need a consultation: %w", err)
	}
	var due, resting []*Candidate
	for i := range candidates {
		if c := &candidates[i]; c.Due(now, p.force) {
			due = append(due, c)
		} else {
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
	if len(due) == 0 && look == nil {
		return result, nil
	}
	entries, err := p.search(ctx, due)
	if err != nil {
		return result, err
	}
	p.found = index(look.search(ctx, p.session, entries))
	if err := p.relate(ctx, slices.Concat(due, resting)); err != nil {
		return result, err
	}
	late, adopted := look.compare(resting, p.found)
	due = append(due, late...)
	result.Stats.CasesFound = len(due)
	if err := p.hideLost(ctx, due, &result); err != nil {
		return result, err
	}
	visits, settled := p.plan(ctx, due, now, &result)
	if err := p.visitAll(ctx, visits, append(settled, adopted...), &result); err != nil {
		return result, err
	}
	return result, p.endLook(ctx, look)
}

// search lists the consultations of the window, and of the days of those due cases
// that lie elsewhere: their patient or their consultation became another one.
func (p *enrichmentPhase) search(ctx context.Context, due []*Candidate) ([]pims.ConsultationEntry, error) {
	windows := []pims.Window{p.window}
	for _, c := range due {
		if !p.window.Contains(c.ScheduledDate) {
			day := pims.DateOf(c.ScheduledDate, p.window.Location)
			windows = append(windows, pims.Window{Start: day, End: day, Location: p.window.Location})
		}
	}
	var all []pims.ConsultationEntry
	for _, w := range pims.Cover(windows...) {
		entries, err := p.session.SearchConsultations(ctx, w)
		if err != nil {
			return nil, fmt.Errorf("searching the consultations of %s: %w", w, err)
		}
		all = append(all, entries...)
	}
	return all, nil
}

// plan decides for each due case whether a consultation is to be read, once for
// all cases that share it (R20). Those without one wait, and those whose consultation
// is disputed fail; a final one whose search entry is still the same is not read again
// (R19).
func (p *enrichmentPhase) plan(ctx context.Context, due []*Candidate, now time.Time, result *syncs.Result) ([]visit, []Reading) {
	p.unlisted = make(map[uuid.UUID]bool)
	var readings []Reading
	var visits []visit
	at := make(map[string]int) // consultation id to its place in visits
	for _, c := range due {
		if why := p.found.disputed(c); why != nil {
			readings = append(readings, p.refuse(ctx, c, why, result))
			continue
		}
		entry, ok := p.found.entryOf(c)
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
			r := Reading{CaseID: c.CaseID, ReadAt: now, Fingerprint: entry.Fingerprint, Outcome: "unchanged"}
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

// sameEntry tells whether a case's search entry is what it was at the last read.
// Where the search does not list it, nothing is known of it.
func sameEntry(c *Candidate, entry pims.ConsultationEntry) bool {
	return entry.Fingerprint != "" && entry.Fingerprint == c.Fingerprint
}

// waiting is the reading of a case whose notes are not there yet (R19).
func waiting(c *Candidate, now time.Time, fingerprint string) Reading {
	tries := c.Tries + 1
	return Reading{CaseID: c.CaseID, Tries: tries, NextTry: now.Add(wait(tries)), Fingerprint: fingerprint, Outcome: "waiting", Since: c.Since}
}

// visitAll reads the consultations, a batch at a time, and stores each as it
// arrives (R20). What was settled without one is stored while the first are on
// their way.
func (p *enrichmentPhase) visitAll(ctx context.Context, visits []visit, settled []Reading, result *syncs.Result) error {
	var end ending
	reading, cancel := context.WithCancelCause(ctx)
	end.cancel = cancel
	defer cancel(nil)
	arrived := make(chan visited, maxStoreBatch) // storing does not hold up reading
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

// An ending is why the phase ends before all is read.
type ending struct {
	cancel   context.CancelCauseFunc
	panicked atomic.Pointer[panics.Error]
}

// with ends the phase with an error; nil ends nothing.
func (e *ending) with(err error) {
	if err == nil {
		return
	}
	if p := panics.In(err); p != nil {
		e.panicked.CompareAndSwap(nil, p)
	}
	e.cancel(err)
}

// cause is the panic that ended the phase, else what ended its context first (R58).
func (e *ending) cause(ctx context.Context) error {
	if p := e.panicked.Load(); p != nil {
		return p
	}
	return context.Cause(ctx)
}

// readAhead reads the cases of the first visits. What another writer changes before
// their consultations arrive is read again (R12).
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
func (p *enrichmentPhase) cases(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]Case, error) {
	stored := make(map[uuid.UUID]Case, len(ids))
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

// readAll reads until all is read or something ends the phase; it tells end what.
// One failure never cancels its siblings (R20); a panic ends the phase, and is the
// failure of the cases that it was met with (R58).
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

// read reads one consultation. One that was cut off by the end of the phase failed
// for the reason of that end.
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

// endsReading tells whether an error of one read ends the phase: a dead session that
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

// endsSession tells whether an error means that this run has no session any more:
// it died, or its renewal was refused (R36).
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

// endsSync tells whether an error is the end of a sync that neither the PIMS nor its
// session brought about.
func endsSync(err error) bool {
	for _, end := range []error{syncs.ErrTimeout, syncs.ErrCancelled, syncs.ErrShutdown, syncs.ErrLeaseLost, syncs.ErrDatabase, context.Canceled} {
		if errors.Is(err, end) {
			return true
		}
	}
	return panics.In(err) != nil // of another record, or of our own
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

func (p *enrichmentPhase) keep(ctx context.Context, readings []Reading) error {
	if p.dryRun || len(readings) == 0 { // R26
		return nil
	}
	if err := p.store.KeepReadings(ctx, p.lease, readings); err != nil {
		return fmt.Errorf("keeping what was read: %w", err)
	}
	return nil
}

// explainItem is the code and the text of one case's failure. Its texts are the
// specification's where it has one.
func (p *enrichmentPhase) explainItem(err error, c *Candidate) (syncs.ItemCode, string) {
	var record *pims.RecordError
	switch {
	case panics.In(err) != nil:
		return syncs.ItemMalformed, "Consultation unusable: an internal error, the log tells more"
	case errors.Is(err, errAnotherPatient):
		return syncs.ItemAnotherPatient, "The consultation is not shown to be this case's patient's: it names another patient, or it was another one's before and names none. " + p.remedy(c)
	case errors.Is(err, errPatientUnproved):
		return syncs.ItemAnotherPatient, "The visit names another patient than before, and no patient id: nobody says whose the notes are. Name the patient of the visit in the PIMS. " + p.remedy(c)
	case errors.Is(err, errAnotherVisit):
		return syncs.ItemAnotherVisit, "The PIMS names the consultation for another patient's visit, too: nobody says whose the notes are. " + p.remedy(c)
	case errors.Is(err, errContested):
		return syncs.ItemAnotherVisit, "The calendar names the consultation for visits of different patients: nobody says whose the notes are. " + p.remedy(c)
	case errors.Is(err, errContradiction):
		return syncs.ItemAnotherVisit, "The calendar names one consultation for the visit, and the search another one: nobody says which is its own. " + p.remedy(c)
	case errors.Is(err, pims.ErrNotFound):
		return syncs.ItemNotFound, "Consultation not found"
	case errors.As(err, &record):
		return syncs.ItemMalformed, "Consultation unusable: " + record.Field + " " + record.Reason
	case errors.Is(err, pims.ErrSchemaDrift):
		return syncs.ItemMalformed, pims.ErrSchemaDrift.Error()
	case endsSession(err):
		return syncs.ItemAuthExpired, "PIMS session ended"
	case errors.Is(err, pims.ErrTimedOut):
		return syncs.ItemTimeout, "PIMS API timeout"
	default:
		return syncs.ItemPIMSError, "PIMS API error: " + pims.Kind(err)
	}
}
