package recordings

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/drift"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// The limits of one recording (R52).
const (
	MaxHeld   = 32 << 20 // of answers in memory, packed where they are large
	MaxSealed = 16 << 20 // of the document, packed
)

// TooLarge is why a recording is kept without its answers.
const TooLarge = "the answers are larger than a recording may be"

// A Tape takes up what one attempt at a sync reads and does. It is safe for concurrent use.
// What it cannot take up never fails the sync.
type Tape struct {
	ctx   context.Context //nolint:containedctx // of the sync: a request of it may end before it does
	began time.Time

	mu      sync.Mutex
	r       Recording
	first   time.Time // when the first request was sent
	started int       // exchanges that have begun
	held    int

	cases    map[string]*Case     // by PIMS id; nil: there was none before the sync
	pimsIDs  map[uuid.UUID]string // of all cases that were read
	learned  map[string]bool      // PIMS ids whose reading the sync has written
	phases   map[uuid.UUID]syncs.Type
	kind     syncs.Type
	prepared sync.Once
}

// NewTape begins the recording of a sync. now is the sync's clock.
func NewTape(run syncs.Run, now time.Time) *Tape {
	t := &Tape{
		began: now, kind: run.Type,
		r:       Recording{Format: Format, Began: now, Request: requestOf(run)},
		cases:   make(map[string]*Case),
		pimsIDs: make(map[uuid.UUID]string),
		learned: make(map[string]bool),
		phases:  map[uuid.UUID]syncs.Type{run.Lease.AuditID: run.Type},
	}
	t.r.Before.Forms = make(map[syncs.Type]map[string]*drift.Baseline)
	return t
}

type tapeKey struct{}

// Recording returns the context of the sync that is recorded.
func (t *Tape) Recording(ctx context.Context) context.Context {
	t.ctx = context.WithValue(ctx, tapeKey{}, t)
	return t.ctx
}

// tapeOf returns the tape of a context; nil: nothing is recorded.
func tapeOf(ctx context.Context) *Tape {
	t, _ := ctx.Value(tapeKey{}).(*Tape)
	return t
}

// locked locks the tape and returns what unlocks it.
func (t *Tape) locked() (unlock func()) {
	t.mu.Lock()
	return t.mu.Unlock
}

// cut notes why the recording is not whole.
func (t *Tape) cut(why string) { t.r.Cut = cmp.Or(t.r.Cut, why) }

// decide notes what was done to a case.
func (t *Tape) decide(syncID uuid.UUID, d Decision) {
	d.Phase = cmp.Or(t.phases[syncID], t.kind)
	t.r.After.Decisions = append(t.r.After.Decisions, d)
}

func decisionOf(w *cases.Write) Decision {
	d := Decision{
		Do: "update", PIMSID: w.After.PIMSID, Status: w.After.Status, CaseType: w.After.CaseType,
		ScheduledDate: w.After.ScheduledDate.UTC(),
	}
	if w.Before == nil {
		d.Do = "create"
	}
	if w.Hides() {
		d.Do = "hide"
	}
	if w.After.ScheduledDate.IsZero() {
		d.ScheduledDate = time.Time{}
	}
	for _, f := range cases.Diff(w.Before, &w.After) {
		d.Fields = append(d.Fields, f.Field)
	}
	if c := w.After.Consultation; c != nil {
		d.Consultation = c.ID
		for i, section := range []string{c.SOAP.Subjective, c.SOAP.Objective, c.SOAP.Assessment, c.SOAP.Plan} {
			if section != "" {
				d.Sections += "soap"[i : i+1]
			}
		}
	}
	if w.Reading != nil {
		d.Learned = w.Reading.Outcome
	}
	return d
}

// phase notes the end of a phase.
func (t *Tape) phase(kind syncs.Type, status syncs.Status, result *syncs.Result) {
	p := Phase{Type: kind, Status: status, Code: result.Code, Warnings: Warnings(result.Warnings), Stats: make(map[string]int)}
	for _, count := range result.Stats.Counts(kind) {
		if count.Value != 0 {
			p.Stats[count.Name] = count.Value
		}
	}
	for _, f := range result.Failures {
		p.Failures = append(p.Failures, Failure{t.pimsIDs[f.CaseID], f.Code})
	}
	slices.SortFunc(p.Failures, func(a, b Failure) int { return cmp.Compare(a.PIMSID, b.PIMSID) })
	for i := range result.Changes {
		c := &result.Changes[i]
		d := Decision{Phase: kind, Do: "would_" + string(c.Action), PIMSID: c.PIMSID}
		for _, f := range c.Fields {
			d.Fields = append(d.Fields, f.Field)
		}
		t.r.After.Decisions = append(t.r.After.Decisions, d)
	}
	t.r.After.Phases = append(t.r.After.Phases, p)
}

// End returns the recording of a sync that is over.
func (t *Tape) End(status syncs.Status, result syncs.Result) *Recording {
	defer t.locked()()
	after := &t.r.After
	after.Status, after.Code, after.Error = status, result.Code, result.Error
	if t.kind == syncs.TypeFull {
		for _, kind := range syncs.Types() {
			if _, skipped := result.Skipped[kind]; skipped {
				after.Phases = append(after.Phases, Phase{Type: kind})
			}
		}
	} else {
		t.phase(t.kind, status, &result)
	}
	slices.SortStableFunc(after.Decisions, func(a, b Decision) int {
		return cmp.Or(cmp.Compare(order(a.Phase), order(b.Phase)), cmp.Compare(a.PIMSID, b.PIMSID))
	})
	slices.Sort(after.Drift)
	for _, id := range slices.Sorted(maps.Keys(t.cases)) {
		if c := t.cases[id]; c != nil {
			t.r.Before.Cases = append(t.r.Before.Cases, *c)
		}
	}
	r := t.r
	return &r
}

// order is the place of a phase in a full sync.
func order(kind syncs.Type) int { return slices.Index(syncs.Types(), kind) }

// Of says whose sync it is.
func (t *Tape) Of(owner clinic.Clinic, provider string) {
	t.r.Zone, t.r.Limits, t.r.Provider = owner.Timezone, Limits(owner.DeletionLimits), provider
	if !owner.Settings.IsZero() {
		t.r.Settings = owner.Settings.JSON()
	}
}
