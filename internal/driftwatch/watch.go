// Package driftwatch compares the form of what one run gets from a clinic's PIMS with what the
// clinic's earlier runs got, and keeps it (R51). Package drift decides what a change is, and
// package casesync what it stops.
package driftwatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/drift"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A Store keeps in which form a clinic's PIMS answers (R51).
type Store interface {
	// Baselines reads what the clinic's syncs of a type have shown, by endpoint.
	Baselines(ctx context.Context, clinicID uuid.UUID, provider string, kind syncs.Type) (map[string]*drift.Baseline, error)

	// KeepBaselines stores baselines under the lease, and emits what is news. The baselines
	// that other types of sync have of the accepted endpoints are removed: they have another
	// form.
	KeepBaselines(ctx context.Context, lease syncs.Lease, provider string, kind syncs.Type, kept map[string]*drift.Baseline, accepted []string, news []drift.Finding) error
}

// A decider is a session that knows which fields decide identity, time or presence (R51).
type decider interface {
	Decides(endpoint, field string) bool
}

// A speaker is a session that knows of which words its PIMS's answers are made.
type speaker interface {
	Wire() pims.Wire
}

var _ interface { // else no field would freeze deletions
	decider
	speaker
} = (*clinic.Connection)(nil)

// A Run is what is watched.
type Run struct {
	Lease    syncs.Lease
	Provider string
	Kind     syncs.Type // of the whole sync
	DryRun   bool
	Lifted   bool // a person accepted the new form
	Now      func() time.Time
	Log      *slog.Logger

	// Drifted is called for each change that is told.
	Drifted func(provider string, kind drift.Kind)
}

// A Watch follows one run. Its methods do nothing where it is nil.
type Watch struct {
	run       Run
	store     Store
	collector *drift.Collector
	decides   func(endpoint, field string) bool
	words     map[string]bool // of names of fields

	baselines map[string]*drift.Baseline // nil: not read yet
	twins     map[string]*drift.Baseline // of the other type of sync that deletes
}

// Begin profiles what the PIMS returns to requests of the context. A session that knows which
// fields decide says so by a method Decides(endpoint, field string) bool, and one that knows the
// words of their names by Wire() pims.Wire. A nil store: nothing is watched.
func Begin(ctx context.Context, store Store, run Run, session pims.Session) (context.Context, *Watch) {
	if store == nil {
		return ctx, nil
	}
	w := &Watch{run: run, store: store, decides: func(string, string) bool { return false }, words: pims.Wire{}.FieldWords()}
	if d, ok := session.(decider); ok {
		w.decides = d.Decides
	}
	if s, ok := session.(speaker); ok {
		w.words = s.Wire().FieldWords()
	}
	ctx, w.collector = drift.Collecting(ctx, w.known)
	return ctx, w
}

// Calendar profiles what a provider made of the rows of a calendar, in the context of Begin.
func Calendar(ctx context.Context, snapshot *pims.Snapshot) {
	unmarked := 0
	for _, block := range snapshot.Blocks {
		if !block.Marked {
			unmarked++
		}
	}
	drift.NoteCalendar(ctx, snapshot.Found()+len(snapshot.Blocks), unmarked)
}

// Changed returns the changes so far of fields that decide identity, time or presence, in
// words.
func (w *Watch) Changed(ctx context.Context) (changed []string, err error) {
	if w == nil {
		return nil, nil
	}
	profiles, found, err := w.judge(ctx)
	for endpoint, findings := range found {
		for _, f := range drift.Decisive(findings) {
			before := w.baselines[endpoint]
			if before == nil {
				before = w.twins[endpoint]
			}
			changed = append(changed, f.Words(before, profiles[endpoint]))
		}
	}
	slices.Sort(changed)
	return changed, err
}

// Keep stores what a run has shown, and tells what changed. A dry run stores nothing (R26).
// What cannot be stored is only logged: the sync has done its work.
func (w *Watch) Keep(ctx context.Context, outcome error) {
	if w == nil || w.run.DryRun || ctx.Err() != nil || errors.Is(outcome, syncs.ErrLeaseLost) {
		return
	}
	profiles, found, err := w.judge(ctx)
	if err == nil {
		err = w.keep(ctx, profiles, found, outcome)
	}
	if err != nil && !errors.Is(err, syncs.ErrLeaseLost) {
		w.run.Log.WarnContext(ctx, "The form of the PIMS's answers was not kept", "error", err.Error())
	}
}

// read reads the baselines once.
func (w *Watch) read(ctx context.Context) error {
	if w.baselines != nil {
		return nil
	}
	own, err := w.store.Baselines(ctx, w.run.Lease.ClinicID, w.run.Provider, w.run.Kind)
	if other := twin(w.run.Kind); err == nil && other != "" {
		w.twins, err = w.store.Baselines(ctx, w.run.Lease.ClinicID, w.run.Provider, other)
	}
	if err != nil {
		return fmt.Errorf("reading the form of earlier answers: %w", err)
	}
	w.baselines = own
	return nil
}

// known reports whether a member is a field by its name alone.
func (w *Watch) known(endpoint, path, name string) bool {
	return w.decides(endpoint, path) || w.isField(name)
}

// isField reports whether a name is made of words that name nobody (R40).
func (w *Watch) isField(name string) bool {
	return !slices.ContainsFunc(pims.PartsOfName(name), func(part string) bool { return !w.words[part] })
}

// twin returns the other type of sync that deletes; empty: none. What one of the two has
// shown freezes the other, too. So no run gets around the guard by its type, and an approval,
// which always starts a reconciliation, accepts what a full sync has found.
func twin(kind syncs.Type) syncs.Type {
	return map[syncs.Type]syncs.Type{syncs.TypeFull: syncs.TypeReconciliation, syncs.TypeReconciliation: syncs.TypeFull}[kind]
}

// judge compares what came so far.
func (w *Watch) judge(ctx context.Context) (profiles map[string]*drift.Profile, found map[string][]drift.Finding, err error) {
	if err := w.read(ctx); err != nil {
		return nil, nil, err
	}
	profiles, found = w.collector.Profiles(), make(map[string][]drift.Finding)
	for endpoint, profile := range profiles {
		isField := func(path, name string) bool { return w.known(endpoint, path, name) }
		profile.Hide(isField, w.usual(endpoint))
		findings := drift.Judge(endpoint, w.baselines[endpoint], profile, w.decides)
		for _, f := range drift.Decisive(drift.Judge(endpoint, w.twins[endpoint], profile, w.decides)) {
			if !slices.Contains(findings, f) {
				findings = append(findings, f)
			}
		}
		if len(findings) > 0 {
			found[endpoint] = findings
		}
	}
	return profiles, found, nil
}

// usual returns the profile of an endpoint's earlier answers; nil: none.
func (w *Watch) usual(endpoint string) *drift.Profile {
	for _, of := range []map[string]*drift.Baseline{w.baselines, w.twins} {
		if b := of[endpoint]; b != nil {
			return &b.Profile
		}
	}
	return nil
}

func (w *Watch) keep(ctx context.Context, profiles map[string]*drift.Profile, found map[string][]drift.Finding, outcome error) error {
	kept := make(map[string]*drift.Baseline)
	var accepted []string
	var news []drift.Finding
	for endpoint, profile := range profiles {
		before := w.baselines[endpoint]
		fresh, told := drift.News(before.Told(), found[endpoint])
		news = append(news, fresh...)
		frozen := len(drift.Decisive(found[endpoint])) > 0
		var after *drift.Baseline
		switch {
		case frozen && w.run.Lifted && (outcome == nil || heldDeletions(outcome)):
			after, told = drift.After(nil, profile, w.run.Now(), true), nil
			accepted = append(accepted, endpoint)
		case frozen, outcome != nil && refusesForm(outcome): // what is not understood is no example
			after = before.Copy()
			if after == nil && frozen { // its twin knows the form; what was told is kept
				after = &drift.Baseline{Last: w.run.Now()}
			}
		default:
			after = drift.After(before, profile, w.run.Now(), false)
		}
		if after != nil {
			after.Keys = told
			kept[endpoint] = after
		}
	}
	for _, f := range news {
		w.run.Drifted(w.run.Provider, f.Kind)
		w.run.Log.WarnContext(ctx, "The PIMS returns another form than before", "endpoint", f.Endpoint, "field", f.Field, "kind", string(f.Kind), "decisive", f.Decisive)
	}
	return w.store.KeepBaselines(ctx, w.run.Lease, w.run.Provider, w.run.Kind, kept, accepted, news)
}

// heldDeletions reports whether a run ended because its deletions wait for a decision of
// their own. An approval of the form holds nevertheless: neither plan waits for the other.
func heldDeletions(err error) bool {
	var failure *syncs.Failure
	return errors.As(err, &failure) && failure.Code == syncs.CodeDeletionGuard
}

// refusesForm reports whether a run ended because answers were not understood.
func refusesForm(err error) bool {
	return errors.Is(err, pims.ErrSchemaDrift) || errors.Is(err, pims.ErrIncomplete)
}
