package casesync

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/drift"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// Shapes keeps in which form a clinic's PIMS answers (R51).
type Shapes interface {
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

var _ decider = (*clinic.Connection)(nil) // else no field would freeze deletions

// shapes compares what a run gets with what the clinic's earlier runs got. Its methods do
// nothing where it is nil.
type shapes struct {
	store     Shapes
	collector *drift.Collector
	decides   func(endpoint, field string) bool
	kind      syncs.Type // of the whole sync

	baselines map[string]*drift.Baseline // nil: not read yet
	twins     map[string]*drift.Baseline // of the other type of sync that deletes
}

// twin returns the other type of sync that deletes; empty: none. What one of the two has
// shown freezes the other, too. So no run gets around the guard by its type, and an approval,
// which always starts a reconciliation, accepts what a full sync has found.
func twin(kind syncs.Type) syncs.Type {
	return map[syncs.Type]syncs.Type{syncs.TypeFull: syncs.TypeReconciliation, syncs.TypeReconciliation: syncs.TypeFull}[kind]
}

// read reads the baselines once.
func (s *shapes) read(ctx context.Context, p *phase) error {
	if s.baselines != nil {
		return nil
	}
	own, err := s.store.Baselines(ctx, p.lease.ClinicID, p.provider, s.kind)
	if other := twin(s.kind); err == nil && other != "" {
		s.twins, err = s.store.Baselines(ctx, p.lease.ClinicID, p.provider, other)
	}
	if err != nil {
		return fmt.Errorf("reading the form of earlier answers: %w", err)
	}
	s.baselines = own
	return nil
}

// watchShapes begins to profile what the PIMS returns.
func (r *Runner) watchShapes(ctx context.Context, kind syncs.Type, connection Connection) (context.Context, *shapes) {
	if r.o.Shapes == nil {
		return ctx, nil
	}
	s := &shapes{store: r.o.Shapes, kind: kind, decides: func(string, string) bool { return false }}
	if d, ok := connection.(decider); ok {
		s.decides = d.Decides
	}
	ctx, s.collector = drift.Collecting(ctx)
	return ctx, s
}

// judge compares what came so far.
func (s *shapes) judge(ctx context.Context, p *phase) (profiles map[string]*drift.Profile, found map[string][]drift.Finding, err error) {
	if err := s.read(ctx, p); err != nil {
		return nil, nil, err
	}
	profiles, found = s.collector.Profiles(), make(map[string][]drift.Finding)
	for endpoint, profile := range profiles {
		findings := drift.Judge(endpoint, s.baselines[endpoint], profile, s.decides)
		for _, f := range drift.Decisive(drift.Judge(endpoint, s.twins[endpoint], profile, s.decides)) {
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

// holdDrift refuses a reconciliation while a field that decides identity, time or presence
// has changed, until a person accepts the new form (R51).
func (p *reconciliationPhase) holdDrift(ctx context.Context, evidence syncs.Evidence) error {
	if p.shapes == nil || p.lifted(syncs.CodeDriftGuard) {
		return nil
	}
	_, found, err := p.shapes.judge(ctx, &p.phase)
	if err != nil {
		return err
	}
	if changed := decisive(found); len(changed) > 0 {
		return p.hold(ctx, syncs.CodeDriftGuard, p.window, nil, evidence, fmt.Sprintf(
			"the PIMS returns appointments in another form (%s): nothing was deleted; look at the appointments in the PIMS, and approve the plan if they are right", strings.Join(changed, ", ")))
	}
	return p.supersede(ctx, p.window, syncs.CodeDriftGuard)
}

func decisive(found map[string][]drift.Finding) (changed []string) {
	for _, findings := range found {
		for _, f := range drift.Decisive(findings) {
			changed = append(changed, f.String())
		}
	}
	slices.Sort(changed)
	return changed
}

// keepShapes stores what a run has shown, and tells what changed. A dry run stores nothing
// (R26). What cannot be stored is only logged: the sync has done its work.
func (r *Runner) keepShapes(ctx context.Context, p *phase, outcome error) {
	if p.shapes == nil || p.dryRun || ctx.Err() != nil || errors.Is(outcome, syncs.ErrLeaseLost) {
		return
	}
	profiles, found, err := p.shapes.judge(ctx, p)
	if err == nil {
		err = r.storeShapes(ctx, p, profiles, found, outcome)
	}
	if err != nil && !errors.Is(err, syncs.ErrLeaseLost) {
		p.log.WarnContext(ctx, "The form of the PIMS's answers was not kept", "error", err.Error())
	}
}

func (r *Runner) storeShapes(ctx context.Context, p *phase, profiles map[string]*drift.Profile, found map[string][]drift.Finding, outcome error) error {
	kept := make(map[string]*drift.Baseline)
	var accepted []string
	var news []drift.Finding
	for endpoint, profile := range profiles {
		before := p.shapes.baselines[endpoint]
		fresh, told := drift.News(before.Told(), found[endpoint])
		news = append(news, fresh...)
		frozen := len(drift.Decisive(found[endpoint])) > 0
		var after *drift.Baseline
		switch {
		case frozen && p.lifted(syncs.CodeDriftGuard) && (outcome == nil || heldDeletions(outcome)):
			after, told = drift.After(nil, profile, p.now(), true), nil
			accepted = append(accepted, endpoint)
		case frozen, outcome != nil && refusesForm(outcome): // what is not understood is no example
			after = before.Copy()
			if after == nil && frozen { // its twin knows the form; what was told is kept
				after = &drift.Baseline{Last: p.now()}
			}
		default:
			after = drift.After(before, profile, p.now(), false)
		}
		if after != nil {
			after.Keys = told
			kept[endpoint] = after
		}
	}
	for _, f := range news {
		r.o.Drifted(p.provider, f.Kind)
		p.log.WarnContext(ctx, "The PIMS returns another form than before", "endpoint", f.Endpoint, "field", f.Field, "kind", string(f.Kind), "decisive", f.Decisive)
	}
	return p.shapes.store.KeepBaselines(ctx, p.lease, p.provider, p.shapes.kind, kept, accepted, news)
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
