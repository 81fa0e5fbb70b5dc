package casesync

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/guards"
	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/settings"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

const (
	chunkSize     = 1000 // rows of one round trip (R15)
	chunkBytes    = 4 << 20
	mergeAttempts = 10 // how often a row is read and merged again (R12)
)

// A calendarPhase turns a snapshot of the calendar into cases (W4).
type calendarPhase struct {
	phase
	store  InboundStore
	window pims.Window

	// create is false where the calendar only updates and restores known cases (R25).
	create bool

	// The stored cases that the guard has already read for the snapshot's appointments.
	known     map[string]bool
	protected []string // a person restored them (R24)

	blocked int // known cases whose rows are blocks now (R5)
}

// inbound writes a snapshot that was already fetched (W4). The result counts what was done,
// even where an error is returned.
func (p *calendarPhase) inbound(ctx context.Context, snapshot *pims.Snapshot) (syncs.Result, error) {
	result := syncs.Result{Stats: syncs.Stats{AppointmentsFound: snapshot.Found()}}
	result.Warnings = syncs.Warnings{
		UnusableRows:     len(snapshot.Unusable),
		UnidentifiedRows: snapshot.Unidentified,
		DuplicateRows:    snapshot.Duplicates,
	}
	result.Stats.CasesSkipped = len(snapshot.Unusable) // R6
	for i := range snapshot.Unusable {
		row := &snapshot.Unusable[i]
		p.log.WarnContext(ctx, "Appointment skipped", "pims_id", row.ID, "field", row.Field, "reason", row.Reason)
	}
	err := p.guard(ctx, snapshot)
	result.Warnings.VisitsAsBlocks = p.blocked
	if err != nil {
		return result, err
	}
	if err := p.write(ctx, snapshot, &result); err != nil {
		return result, err
	}
	if !snapshot.Complete() { // R6: the other rows are written, and the result reports it
		result.Code = syncs.CodeSnapshotIncomplete
		result.Error = fmt.Sprintf("%d rows of the PIMS calendar have no id and were left out", snapshot.Unidentified)
	}
	return result, nil
}

// guard stops the phase before the first row is written where the calendar cannot be this
// practice's (R18).
func (p *calendarPhase) guard(ctx context.Context, snapshot *pims.Snapshot) error {
	stored, err := p.store.ScheduledIn(ctx, p.lease.ClinicID, p.provider, snapshot.Window)
	if err != nil {
		return fmt.Errorf("reading the window's cases: %w", err)
	}
	if err := p.readable(ctx, snapshot, stored); err != nil {
		return err
	}
	if evidence, wrong := guards.WrongPractice(snapshot, stored, p.words); wrong && !p.lifted(syncs.CodeWrongPractice) {
		return p.hold(ctx, syncs.CodeWrongPractice, snapshot.Window, nil, evidence, fmt.Sprintf(
			"the PIMS shows %d appointments for %s%s, none of which is among the %d that we know: this looks like another practice's calendar, so nothing was written; check the credentials and the practice id, or approve the plan",
			evidence.Found, snapshot.Window, leftOut(evidence.Filtered), evidence.Known))
	}
	p.know(snapshot, stored)
	if ids := p.unknown(snapshot); len(ids) > 0 {
		elsewhere, err := p.store.ScheduledByID(ctx, p.lease.ClinicID, p.provider, ids)
		if err != nil {
			return fmt.Errorf("reading the appointments' cases: %w", err)
		}
		p.know(snapshot, elsewhere)
		stored = slices.Concat(stored, elsewhere)
	}
	if evidence, shifted := guards.MassShift(snapshot, stored); shifted && !p.lifted(syncs.CodeShiftGuard) {
		if err := p.supersede(ctx, snapshot.Window, syncs.CodeWrongPractice); err != nil {
			return err
		}
		return p.hold(ctx, syncs.CodeShiftGuard, snapshot.Window, nil, evidence, fmt.Sprintf(
			"%d of %d known appointments moved together by %s: this looks like a wrong time zone, so nothing was written; check the clinic's time zone, or approve the plan",
			evidence.Moved, evidence.Shared, evidence.MovedBy))
	}
	return p.supersede(ctx, snapshot.Window, syncs.CodeWrongPractice, syncs.CodeShiftGuard)
}

// readable counts the known cases whose rows are blocks now, and refuses a calendar that has
// blocks only, where they are, or may be, visits in another form (R5).
func (p *calendarPhase) readable(ctx context.Context, snapshot *pims.Snapshot, stored []guards.Scheduled) error {
	known, unreadable := guards.VisitsAsBlocks(snapshot, stored)
	if p.blocked = known; known > 0 {
		p.log.WarnContext(ctx, "Rows of the calendar that are blocks have the ids of cases; these cases stay as they are", "cases", known)
	}
	if unreadable {
		return fmt.Errorf("the calendar of %s has blocks only, and they are not marked as such where we know visits: look at these days in the PIMS: %w", snapshot.Window, pims.ErrSchemaDrift)
	}
	return nil
}

// leftOut says how many of the appointments that were just counted a filter keeps from
// becoming cases. A practice with wide filters has few cases of its own calendar (R50).
func leftOut(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" (%d of them filtered by the clinic's settings)", n)
}

// know keeps the stored cases that were read.
func (p *calendarPhase) know(snapshot *pims.Snapshot, stored []guards.Scheduled) {
	if p.known == nil {
		p.known = make(map[string]bool, len(stored))
	}
	shown := snapshot.AppointmentIDs()
	for i := range stored {
		id := stored[i].PIMSID
		p.known[id] = true
		if stored[i].Protected && shown[id] {
			p.protected = append(p.protected, id)
		}
	}
}

// unknown returns the ids of the snapshot's appointments whose cases were not read yet.
func (p *calendarPhase) unknown(snapshot *pims.Snapshot) []string {
	var ids []string
	for i := range snapshot.Appointments {
		if id := snapshot.Appointments[i].ID; !p.known[id] {
			ids = append(ids, id)
		}
	}
	return ids
}

// write merges the snapshot into the cases, chunk by chunk.
func (p *calendarPhase) write(ctx context.Context, snapshot *pims.Snapshot, result *syncs.Result) error {
	var order []*pims.Appointment
	for i := range snapshot.Appointments {
		a := &snapshot.Appointments[i]
		if _, known := cases.MapStatus(p.words.Status(a.StatusText, a.Status)); !known {
			result.Warnings.UnknownStatuses++ // R7
		}
		if p.merged[a.ID] {
			result.Stats.CasesUnchanged++
		} else {
			order = append(order, a)
		}
	}
	// All writers use one order, so that no two of them deadlock.
	slices.SortFunc(order, func(a, b *pims.Appointment) int { return strings.Compare(a.ID, b.ID) })

	done := 0
	p.report(ctx, "write", done, len(order))
	if len(order) > 0 { // else an earlier phase of the sync kept the words
		if err := p.keepWords(ctx, snapshot); err != nil {
			return err
		}
	}
	for chunk, err := range p.readAhead(ctx, order) {
		if err == nil {
			err = p.writeChunk(ctx, chunk, result)
		}
		if err != nil {
			return err
		}
		done += len(chunk.appointments)
		p.report(ctx, "write", done, len(order))
	}
	if len(p.protected) > 0 && !p.dryRun { // R26; after the writes, which check whether an id has returned (R7)
		if err := p.store.SeenAgain(ctx, p.lease, p.provider, p.protected); err != nil {
			return fmt.Errorf("noting which appointments were seen: %w", err)
		}
	}
	return nil
}

// keepWords stores the words of a calendar that the guards let pass (R50). A dry run stores
// none (R26).
func (p *phase) keepWords(ctx context.Context, snapshot *pims.Snapshot) error {
	if p.keep == nil || p.dryRun || len(snapshot.Appointments) == 0 {
		return nil
	}
	if err := p.keep.KeepWords(ctx, p.lease, p.provider, settings.Collect(snapshot.Appointments), p.now()); err != nil {
		return fmt.Errorf("keeping the practice's words: %w", err)
	}
	return nil
}

// chunks cuts a list into parts that are written in one round trip each. Chunks with long
// texts have fewer rows, because encoding takes several times the size of the texts (R57).
func chunks(order []*pims.Appointment) iter.Seq[[]*pims.Appointment] {
	return func(yield func([]*pims.Appointment) bool) {
		for len(order) > 0 {
			n, size := 1, order[0].Size()
			for n < min(len(order), chunkSize) && size+order[n].Size() <= chunkBytes {
				size += order[n].Size()
				n++
			}
			if !yield(order[:n:n]) {
				return
			}
			order = order[n:]
		}
	}
}

// A readChunk is a chunk with the stored cases of its appointments, as they were read.
type readChunk struct {
	appointments []*pims.Appointment
	stored       map[string]cases.Case // by PIMS id; not of those that are new
}

// readAhead yields the chunks. It reads the cases of each while the one before is written.
// A case that is changed in between is read again, as one that another writer changes (R12).
func (p *calendarPhase) readAhead(ctx context.Context, order []*pims.Appointment) iter.Seq2[readChunk, error] {
	return func(yield func(readChunk, error) bool) {
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		ready := make(chan readChunk)
		reading := panics.NewGroup(1)
		reading.Do(func() error {
			defer close(ready)
			for chunk := range chunks(order) {
				stored, err := p.cases(ctx, p.toRead(chunk))
				if err != nil {
					return err
				}
				select {
				case ready <- readChunk{chunk, stored}:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			return nil
		})
		for chunk := range ready {
			if !yield(chunk, nil) {
				stop()
				_ = reading.Wait() // the loop has ended with an error of its own
				return
			}
		}
		if err := reading.Wait(); err != nil {
			yield(readChunk{}, err)
		}
	}
}

// toRead returns the ids of a chunk that may have cases. The others are new, or their inserts
// report a conflict.
func (p *calendarPhase) toRead(chunk []*pims.Appointment) []string {
	var ids []string
	for _, a := range chunk {
		if !p.create || p.known[a.ID] {
			ids = append(ids, a.ID)
		}
	}
	return ids
}

// errContended: other writers changed the same rows after every read.
var errContended = errors.New("other writers keep changing the same cases; try again")

// writeChunk merges a chunk into its cases and writes them. It reads and merges again the
// rows that another writer changed in between (R12).
func (p *calendarPhase) writeChunk(ctx context.Context, chunk readChunk, result *syncs.Result) error {
	pending, stored := chunk.appointments, chunk.stored
	for range mergeAttempts {
		writes, actions := p.merge(pending, stored, result)
		written, err := p.commit(ctx, p.store, writes, actions, result)
		if err != nil {
			return err
		}
		if len(written) == len(writes) {
			return nil
		}
		pending = slices.DeleteFunc(slices.Clone(pending), func(a *pims.Appointment) bool {
			_, attempted := actions[a.ID]
			return !attempted || written[a.ID]
		})
		var again []string
		for _, a := range pending {
			again = append(again, a.ID)
		}
		if stored, err = p.cases(ctx, again); err != nil {
			return err
		}
	}
	return errContended
}

func (p *calendarPhase) cases(ctx context.Context, ids []string) (map[string]cases.Case, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	stored, err := p.store.CasesByID(ctx, p.lease.ClinicID, p.provider, ids)
	if err != nil {
		return nil, fmt.Errorf("reading cases: %w", err)
	}
	return stored, nil
}

// merge decides about each appointment and counts those that need no write. It returns the
// others with their actions by PIMS id.
func (p *calendarPhase) merge(pending []*pims.Appointment, stored map[string]cases.Case, result *syncs.Result) ([]cases.Write, map[string]syncs.Action) {
	var writes []cases.Write
	actions := make(map[string]syncs.Action)
	for _, a := range pending {
		var before *cases.Case
		if c, ok := stored[a.ID]; ok {
			c.Returning = slices.Contains(p.protected, a.ID)
			before = &c
		}
		if before == nil && (!p.create || !p.window.Contains(a.Start)) {
			result.Stats.CasesSkipped++ // R5: it starts before the window; R25
			continue
		}
		after, action := cases.MergeAppointment(before, a, p.words)
		if before == nil && after.Filtered != (settings.Cause{}) {
			result.Stats.CasesSkipped++ // R50
			result.Warnings.Filtered++
			continue
		}
		if action == "" {
			result.Stats.CasesUnchanged++
			continue
		}
		w := cases.Write{Before: before, After: after}
		w.Reading = cases.LookAgain(&w, p.now())
		writes = append(writes, w)
		actions[a.ID] = action
	}
	return writes, actions
}

// A caseWriter is the one method that every phase writes cases with; see InboundStore.
type caseWriter interface {
	WriteCases(ctx context.Context, lease syncs.Lease, syncID uuid.UUID, provider string, writes []cases.Write, at time.Time) (written []string, err error)
}

// commit writes, or in a dry run only records (R26), counts each written case by its
// action, and returns the PIMS ids.
func (p *phase) commit(ctx context.Context, store caseWriter, writes []cases.Write, actions map[string]syncs.Action, result *syncs.Result) (map[string]bool, error) {
	written := make(map[string]bool, len(writes))
	if len(writes) == 0 {
		return written, nil
	}
	if p.dryRun {
		for i := range writes {
			id := writes[i].After.PIMSID
			written[id] = true
			p.noteChange(result, actions[id], &writes[i])
		}
	} else {
		ids, err := store.WriteCases(ctx, p.lease, p.syncID, p.provider, writes, p.now())
		if err != nil {
			return nil, fmt.Errorf("writing cases: %w", err)
		}
		for _, id := range ids {
			written[id] = true
		}
		p.written(actions, written)
	}
	for i := range writes {
		if id := writes[i].After.PIMSID; written[id] {
			result.Count(actions[id])
			if writes[i].Hides() {
				result.Warnings.ConsultationsHidden++
			}
		}
	}
	return written, nil
}

// noteChange records in a result what a dry run would do.
func (p *phase) noteChange(r *syncs.Result, action syncs.Action, w *cases.Write) {
	if len(r.Changes) == syncs.MaxChanges || p.listed >= syncs.MaxChangesBytes {
		return
	}
	c := syncs.Change{Action: action, PIMSID: w.After.PIMSID, Fields: cases.Diff(w.Before, &w.After)}
	if w.Before != nil {
		c.CaseID, c.ScheduledDate, c.PatientName = w.Before.ID, w.Before.ScheduledDate, w.Before.PatientName
	} else {
		c.CaseID = uuid.Nil
	}
	for i := range c.Fields {
		p.listed += len(c.Fields[i].Before) + len(c.Fields[i].After)
	}
	r.Changes = append(r.Changes, c)
}
