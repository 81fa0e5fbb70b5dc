package casesync_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/guards"
	"github.com/pims-sync/pims-sync/internal/logtest"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/postgres/casestore"
	"github.com/pims-sync/pims-sync/internal/postgres/syncstore"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A store is the real one, with other people and faults at work between a sync's
// steps.
type store struct {
	*casestore.Cases
	before      func(call string) error          // of every call; nil: nothing happens
	beforeWrite func(writes []cases.Write) error // of a write of cases
	afterWrite  func(written []string)
	afterRead   func(pimsIDs []string) // of CasesByID
}

// at makes a hook that does something before one kind of call.
func at(call string, do func() error) func(string) error {
	return func(present string) error {
		if present == call {
			return do()
		}
		return nil
	}
}

func (s *store) begin(call string) error {
	if s.before == nil {
		return nil
	}
	return s.before(call)
}

func (s *store) ScheduledIn(ctx context.Context, clinicID uuid.UUID, provider string, window pims.Window) ([]guards.Scheduled, error) {
	if err := s.begin("ScheduledIn"); err != nil {
		return nil, err
	}
	return s.Cases.ScheduledIn(ctx, clinicID, provider, window)
}

func (s *store) ScheduledByID(ctx context.Context, clinicID uuid.UUID, provider string, pimsIDs []string) ([]guards.Scheduled, error) {
	if err := s.begin("ScheduledByID"); err != nil {
		return nil, err
	}
	return s.Cases.ScheduledByID(ctx, clinicID, provider, pimsIDs)
}

func (s *store) CasesByID(ctx context.Context, clinicID uuid.UUID, provider string, pimsIDs []string) (map[string]cases.Case, error) {
	if err := s.begin("CasesByID"); err != nil {
		return nil, err
	}
	stored, err := s.Cases.CasesByID(ctx, clinicID, provider, pimsIDs)
	if s.afterRead != nil {
		s.afterRead(pimsIDs)
	}
	return stored, err
}

func (s *store) WriteCases(ctx context.Context, lease syncs.Lease, syncID uuid.UUID, provider string, writes []cases.Write, at time.Time) ([]string, error) {
	if err := s.begin("WriteCases"); err != nil {
		return nil, err
	}
	if s.beforeWrite != nil {
		if err := s.beforeWrite(writes); err != nil {
			return nil, err
		}
	}
	written, err := s.Cases.WriteCases(ctx, lease, syncID, provider, writes, at)
	if s.afterWrite != nil {
		s.afterWrite(written)
	}
	return written, err
}

func (s *store) SeenAgain(ctx context.Context, lease syncs.Lease, provider string, pimsIDs []string) error {
	if err := s.begin("SeenAgain"); err != nil {
		return err
	}
	return s.Cases.SeenAgain(ctx, lease, provider, pimsIDs)
}

func (s *store) DeletionCandidates(ctx context.Context, clinicID uuid.UUID, provider string, window pims.Window, until time.Time) ([]cases.Case, error) {
	if err := s.begin("DeletionCandidates"); err != nil {
		return nil, err
	}
	return s.Cases.DeletionCandidates(ctx, clinicID, provider, window, until)
}

func (s *store) SoftDelete(ctx context.Context, lease syncs.Lease, syncID uuid.UUID, provider string, window pims.Window, until time.Time, deletions []cases.SoftDeletion, at time.Time) ([]uuid.UUID, error) {
	if err := s.begin("SoftDelete"); err != nil {
		return nil, err
	}
	return s.Cases.SoftDelete(ctx, lease, syncID, provider, window, until, deletions, at)
}

func (s *store) EnrichmentCandidates(ctx context.Context, clinicID uuid.UUID, provider string, window pims.Window, until time.Time) ([]cases.Candidate, error) {
	if err := s.begin("EnrichmentCandidates"); err != nil {
		return nil, err
	}
	return s.Cases.EnrichmentCandidates(ctx, clinicID, provider, window, until)
}

func (s *store) CasesWithConsultations(ctx context.Context, clinicID uuid.UUID, ids []uuid.UUID) (map[uuid.UUID]cases.Case, error) {
	if err := s.begin("CasesWithConsultations"); err != nil {
		return nil, err
	}
	return s.Cases.CasesWithConsultations(ctx, clinicID, ids)
}

func (s *store) KeepReadings(ctx context.Context, lease syncs.Lease, readings []cases.Reading) error {
	if err := s.begin("KeepReadings"); err != nil {
		return err
	}
	return s.Cases.KeepReadings(ctx, lease, readings)
}

// once makes a hook of something that other people do one time.
func once(do func()) func([]cases.Write) error {
	var first sync.Once
	return func([]cases.Write) error {
		first.Do(do)
		return nil
	}
}

// A recorder keeps audits in the database, and plans to be looked at.
type recorder struct {
	*syncstore.Audits
	mu         sync.Mutex
	plans      []syncs.Plan
	before     func(call string) error // of every call; nil: nothing happens
	beforeOpen func(syncs.Type) error  // of opening a phase's audit
	onReport   func(syncs.Progress)
}

func (r *recorder) begin(call string) error {
	if r.before == nil {
		return nil
	}
	return r.before(call)
}

func (r *recorder) BeginPhase(ctx context.Context, lease syncs.Lease, phase syncs.Type, at time.Time) (uuid.UUID, error) {
	if err := r.begin("BeginPhase"); err != nil {
		return uuid.Nil, err
	}
	if r.beforeOpen != nil {
		if err := r.beforeOpen(phase); err != nil {
			return uuid.Nil, err
		}
	}
	return r.Audits.BeginPhase(ctx, lease, phase, at)
}

func (r *recorder) EndPhase(ctx context.Context, lease syncs.Lease, id uuid.UUID, status syncs.Status, result syncs.Result, at time.Time) error {
	if err := r.begin("EndPhase"); err != nil {
		return err
	}
	return r.Audits.EndPhase(ctx, lease, id, status, result, at)
}

func (r *recorder) KeepPlan(_ context.Context, _ syncs.Lease, plan syncs.Plan) (first bool, err error) {
	if err := r.begin("KeepPlan"); err != nil {
		return false, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	first = !r.supersede(plan.Code, plan.SyncType)
	r.plans = append(r.plans, plan)
	return first, nil
}

func (r *recorder) SupersedePlans(_ context.Context, _ syncs.Lease, guards []syncs.Code, kind syncs.Type, seen pims.Window, at time.Time) error {
	if err := r.begin("SupersedePlans"); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.plans {
		if plan := &r.plans[i]; plan.Status == syncs.PlanOpen && plan.SyncType == kind && slices.Contains(guards, plan.Code) && plan.SeenBy(seen, at) {
			plan.Status = syncs.PlanSuperseded
		}
	}
	return nil
}

// supersede ends the open plan of a guard and a type of sync, if there is one.
func (r *recorder) supersede(guard syncs.Code, kind syncs.Type) (found bool) {
	for i := range r.plans {
		if plan := &r.plans[i]; plan.Status == syncs.PlanOpen && plan.Code == guard && plan.SyncType == kind {
			plan.Status, found = syncs.PlanSuperseded, true
		}
	}
	return found
}

// approve is a person's decision, and the sync that it starts (R18, R23).
func (p *practice) approve(id uuid.UUID) outcome {
	p.Helper()
	plan := p.plan(id)
	require.NoError(p, plan.Decidable(p.clock.Now()))
	for i := range p.recorder.plans {
		if p.recorder.plans[i].ID == id {
			p.recorder.plans[i].Status = syncs.PlanApproved
		}
	}
	return p.run(p.background(), syncs.Run{Type: plan.SyncType, Approval: id})
}

func (r *recorder) Report(ctx context.Context, lease syncs.Lease, progress syncs.Progress) {
	if r.onReport != nil {
		r.onReport(progress)
	}
	r.Audits.Report(ctx, lease, progress)
}

// plan is the one that a sync kept.
func (p *practice) plan(id uuid.UUID) syncs.Plan {
	p.Helper()
	for _, plan := range p.recorder.plans {
		if plan.ID == id {
			return plan
		}
	}
	require.Failf(p, "no such plan", "%s", id)
	return syncs.Plan{}
}

// counted is what the metrics are told.
type counted struct {
	mu       sync.Mutex
	actions  map[syncs.Action]int
	refusals []string
}

func (c *counted) written(action syncs.Action, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.actions[action] += n
}

func (c *counted) refused(reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refusals = append(c.refusals, reason)
}

// A logbook keeps every line that is logged.
type logbook struct{ logtest.Book }

func (l *logbook) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// forget forgets the lines so far, once they were found discreet.
func (l *logbook) forget(p *practice) {
	p.Helper()
	l.requireDiscreet(p)
	l.Reset()
}

// requireDiscreet demands that no name, phone, note or password was logged or
// stands in the error of an audit (R40). In the stories all of them begin with Zz
// or (555).
func (l *logbook) requireDiscreet(p *practice) {
	p.Helper()
	said := l.String() + strings.Join(column[string](p, "select coalesce(error_message, '') from case_sync_audits where clinic_id = $1"), "\n")
	for _, plan := range p.recorder.plans {
		said += plan.Reason
	}
	for _, secret := range []string{"zz", "(555)"} {
		require.NotContains(p, strings.ToLower(said), secret, "R40")
	}
}
