package casesync

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
	"github.com/pims-sync/pims-sync/internal/driftwatch"
	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/memory"
	"github.com/pims-sync/pims-sync/internal/settings"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A Connection is a clinic's session as the phases use it. It renews a dead session itself,
// once per run (R36).
type Connection interface {
	pims.Session

	// Finder returns the session's lookup of one appointment, where it has one.
	Finder() (pims.AppointmentFinder, bool)

	// Provider is the provider name that is stored with the cases.
	Provider() string

	// Clinic is the connected clinic. Location is its zone (R1), never nil.
	Clinic() clinic.Clinic
	Location() *time.Location

	// Close keeps the session for the next run, or drops it where it has died.
	Close(ctx context.Context)
}

// RunnerOptions configure a Runner.
type RunnerOptions struct {
	// Connect logs in to the clinic's PIMS. It refuses a clinic that is disabled or has no
	// zone or credentials before any request (R1, R37).
	Connect  func(ctx context.Context, clinicID uuid.UUID) (Connection, error)
	Plan     func(ctx context.Context, clinicID, id uuid.UUID) (syncs.Plan, error)
	Cases    Store
	Recorder Recorder
	Words    Words            // nil: the words of the practices are not kept (R50)
	Forms    driftwatch.Store // nil: nobody watches the form of the PIMS's answers (R51)
	Logger   *slog.Logger
	Now      func() time.Time

	// Written is called for every batch of written cases, Refused for every plan of the
	// deletion guard (docs/interface.md §Metrics). Both may be nil.
	Written func(action syncs.Action, n int)
	Refused func(reason string)

	// Waiting is called when a sync waits until another one no longer keeps a large calendar
	// (R57). It returns a function that is called when the wait is over. It may be nil.
	Waiting func() (done func())

	// Drifted is called for each change of form that is told (R51). It may be nil.
	Drifted func(provider string, kind drift.Kind)

	// Watch is called when a sync, or a phase of a full one, begins. It returns the context
	// for that span and a function that is called at the end. It may be nil.
	Watch func(ctx context.Context, s Span) (context.Context, func(syncs.Status, syncs.Code))
}

// A Span is a sync, or a phase of a full one, from its beginning to its end.
type Span struct {
	ClinicID uuid.UUID
	SyncID   uuid.UUID // its own audit
	ParentID uuid.UUID // the audit of its full sync; zero: it is not a phase
	Type     syncs.Type
	Attempt  int
	DryRun   bool
}

// A Store is everything that the phases need of the database.
type Store interface {
	ReconciliationStore
	EnrichmentStore
}

// A Runner carries out syncs. It is safe for concurrent use.
type Runner struct{ o RunnerOptions }

// NewRunner makes a Runner.
func NewRunner(o RunnerOptions) *Runner {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Written == nil {
		o.Written = func(syncs.Action, int) {}
	}
	if o.Refused == nil {
		o.Refused = func(string) {}
	}
	if o.Drifted == nil {
		o.Drifted = func(string, drift.Kind) {}
	}
	if o.Waiting == nil {
		o.Waiting = func() func() { return func() {} }
	}
	if o.Watch == nil {
		o.Watch = func(ctx context.Context, _ Span) (context.Context, func(syncs.Status, syncs.Code)) {
			return ctx, func(syncs.Status, syncs.Code) {}
		}
	}
	return &Runner{o}
}

// A phase holds what every phase of a run needs.
type phase struct {
	lease    syncs.Lease
	syncID   uuid.UUID // the phase's own audit
	kind     syncs.Type
	provider string
	dryRun   bool
	listed   int              // bytes of the values of the changes that a dry run lists
	approved *syncs.Plan      // the plan whose approval started the run (R18, R23); nil: none
	usual    bool             // see Result.CoversDefault
	words    *settings.Reader // the clinic's settings (R50)
	merged   map[string]bool  // the PIMS ids that an earlier phase of the run has merged from the same snapshot
	recorder Recorder
	keep     Words             // may be nil
	forms    *driftwatch.Watch // of the run; nil: not watched
	log      *slog.Logger
	now      func() time.Time
	count    func(syncs.Action, int)
}

// Run carries out one attempt. The result counts what was done, even where an error is
// returned; Conclude makes the end of the audit from both. Run logs the beginning and the
// end of the sync, and of each phase of a full one (W20).
func (r *Runner) Run(ctx context.Context, run syncs.Run) (syncs.Result, error) {
	p := r.phase(run, run.Type, run.Lease.AuditID)
	return r.logged(ctx, p, func(ctx context.Context) (syncs.Result, error) { return r.run(ctx, run, p) })
}

func (r *Runner) run(ctx context.Context, run syncs.Run, p phase) (syncs.Result, error) {
	connection, windows, err := r.prepare(ctx, run, &p)
	if err != nil {
		return notStarted(run.Type), err
	}
	defer connection.Close(context.WithoutCancel(ctx))
	p.provider, p.usual, p.words = connection.Provider(), windows.Default[run.Type], settingsOf(run, connection).Reader()
	working, forms := driftwatch.Begin(ctx, r.o.Forms, driftwatch.Run{
		Lease: p.lease, Provider: p.provider, Kind: run.Type, DryRun: p.dryRun, Lifted: p.lifted(syncs.CodeDriftGuard),
		Now: p.now, Log: p.log, Drifted: r.o.Drifted,
	}, connection)
	p.forms = forms
	working, end := memory.Begin(working)
	defer end()
	result, err := r.work(r.telling(working, p), run, p, connection, windows)
	forms.Keep(ctx, err)
	result.CoversDefault = p.usual
	return result, err
}

// settingsOf returns the clinic's settings, or those that a dry run tries (R50).
func settingsOf(run syncs.Run, connection Connection) settings.Settings {
	if tried := run.Options.Settings; tried != nil && run.Options.DryRun {
		return *tried
	}
	return connection.Clinic().Settings
}

// work runs the phases of the sync's type.
func (r *Runner) work(ctx context.Context, run syncs.Run, p phase, connection Connection, windows syncs.Windows) (syncs.Result, error) {
	switch run.Type {
	case syncs.TypeInbound:
		snapshot, err := fetch(ctx, p, connection, windows.Inbound)
		if err != nil {
			return syncs.Result{}, err
		}
		return r.inbound(ctx, p, windows, snapshot)
	case syncs.TypeCases:
		return r.enrich(ctx, p, connection, windows, run.Options, nil)
	case syncs.TypeReconciliation:
		return r.reconcile(ctx, p, connection, windows)
	default:
		return r.full(ctx, p, connection, windows, run)
	}
}

// prepare logs in and determines the days to work on.
func (r *Runner) prepare(ctx context.Context, run syncs.Run, p *phase) (Connection, syncs.Windows, error) {
	p.report(ctx, "login", 0, 0)
	connection, err := r.o.Connect(ctx, run.Lease.ClinicID)
	if err != nil {
		return nil, syncs.Windows{}, err
	}
	windows, err := r.windows(ctx, run, p, connection.Location())
	if err != nil {
		connection.Close(context.WithoutCancel(ctx))
		return nil, syncs.Windows{}, err
	}
	return connection, windows, nil
}

// windows returns the days to work on: those of the options, or of the plan whose approval
// started the run.
func (r *Runner) windows(ctx context.Context, run syncs.Run, p *phase, loc *time.Location) (syncs.Windows, error) {
	if run.Approval == uuid.Nil {
		windows, err := run.Options.Windows(run.Type, r.o.Now(), loc)
		if run.Trigger == syncs.TriggerSchedule && run.Options.Rolling() {
			windows.Default = map[syncs.Type]bool{syncs.TypeInbound: true, syncs.TypeCases: true, syncs.TypeReconciliation: true, syncs.TypeFull: true}
		}
		return windows, err
	}
	plan, err := r.o.Plan(ctx, run.Lease.ClinicID, run.Approval)
	if err != nil {
		return syncs.Windows{}, fmt.Errorf("reading the approved plan: %w", err)
	}
	if plan.Status != syncs.PlanApproved {
		return syncs.Windows{}, syncs.Fail(syncs.CodeInternal, "plan %s is not approved", plan.ID)
	}
	p.approved = &plan
	window := plan.Window
	window.Location = loc
	return syncs.Windows{Inbound: window, Reconciliation: window, CandidatesUntil: window.Until(), Default: map[syncs.Type]bool{plan.SyncType: plan.CoversDefault}}, nil
}

// beforeFirstPhase is the reason why no phase of a full sync ran.
const beforeFirstPhase = "the sync ended before its first phase"

// notStarted returns the result of a sync that ended before its first phase (R27).
func notStarted(t syncs.Type) syncs.Result {
	if t != syncs.TypeFull {
		return syncs.Result{}
	}
	return syncs.Result{Skipped: map[syncs.Type]string{syncs.TypeInbound: beforeFirstPhase, syncs.TypeCases: beforeFirstPhase, syncs.TypeReconciliation: beforeFirstPhase}}
}

// fetch reads the calendar of a window. The snapshot is complete and checked (R5).
func fetch(ctx context.Context, p phase, session pims.Session, window pims.Window) (*pims.Snapshot, error) {
	p.report(ctx, "fetch", 0, 0)
	snapshot, err := session.Appointments(ctx, window)
	if err == nil {
		_, err = memory.Keep(ctx, snapshot.Size()) // until the run ends (R57)
	}
	if err != nil {
		return nil, fmt.Errorf("fetching the calendar of %s: %w", window, err)
	}
	driftwatch.Calendar(ctx, &snapshot)
	return &snapshot, nil
}

func (r *Runner) inbound(ctx context.Context, p phase, windows syncs.Windows, snapshot *pims.Snapshot) (syncs.Result, error) {
	c := calendarPhase{phase: p, store: r.o.Cases, window: windows.Inbound, create: true}
	return c.inbound(ctx, snapshot)
}

// A lateCorrector is a session whose PIMS lets people correct the notes of a visit long after
// it (R19).
type lateCorrector interface{ CorrectedFor() (days int) }

// enrich runs the cases phase. snapshots are what the sync has read of the calendar before.
func (r *Runner) enrich(ctx context.Context, p phase, session pims.Session, windows syncs.Windows, o syncs.Options, snapshots []*pims.Snapshot) (syncs.Result, error) {
	e := enrichmentPhase{
		phase:     p,
		store:     r.o.Cases,
		session:   session,
		window:    windows.Cases,
		batchSize: o.BatchSize(),
		force:     o.Force,
		snapshots: snapshots,
	}
	corrector, ok := session.(lateCorrector)
	if ok && o.Rolling() && p.approved == nil { // R19
		e.correctedFor = corrector.CorrectedFor()
	}
	return e.run(ctx)
}

func (r *Runner) reconcile(ctx context.Context, p phase, connection Connection, windows syncs.Windows) (syncs.Result, error) {
	c := r.reconciliation(p, connection, windows)
	candidates, err := c.candidates(ctx) // local rows first (R21)
	if err != nil {
		return syncs.Result{}, err
	}
	snapshot, err := fetch(ctx, p, connection, windows.Reconciliation)
	if err != nil {
		return syncs.Result{}, err
	}
	return c.run(ctx, candidates, snapshot)
}

func (r *Runner) reconciliation(p phase, connection Connection, windows syncs.Windows) *reconciliationPhase {
	c := &reconciliationPhase{
		calendarPhase: calendarPhase{phase: p, store: r.o.Cases, window: windows.Reconciliation},
		store:         r.o.Cases,
		session:       connection,
		until:         windows.CandidatesUntil,
		limits:        connection.Clinic().DeletionLimits,
		refused:       r.o.Refused,
	}
	if finder, ok := connection.Finder(); ok {
		c.finder = finder
	}
	return c
}

// logged writes the first and the last log line of a sync or phase, and calls Watch. A
// panic becomes the error of the run (R58).
func (r *Runner) logged(ctx context.Context, p phase, run func(context.Context) (syncs.Result, error)) (syncs.Result, error) {
	ctx, ended := r.o.Watch(ctx, p.span())
	started := r.o.Now()
	p.log.InfoContext(ctx, "Sync started", "dry_run", p.dryRun)
	result := notStarted(p.kind) // the result of a run that panics
	err := panics.Catch(func() (err error) {
		result, err = run(ctx)
		return err
	})
	panicked := panics.In(err)
	if err != nil && ctx.Err() != nil && panicked == nil { // the run's context ended: report its cause; the phase's own error only repeats it
		err = context.Cause(ctx)
		panicked = panics.In(err)
	}
	status, concluded := Conclude(result, err)
	defer ended(status, concluded.Code)
	attrs := []any{"stats", concluded.Stats.LogValue(p.kind), "duration_ms", r.o.Now().Sub(started).Milliseconds()}
	if concluded.Code != "" {
		attrs = append(attrs, "code", string(concluded.Code), "error", concluded.Error)
	}
	if panicked != nil {
		attrs = append(attrs, panicked.Attrs()...)
	}
	switch {
	case status == syncs.StatusCompleted:
		p.log.InfoContext(ctx, "Sync completed", attrs...)
	case concluded.Code == syncs.CodeInternal: // the audit hides internals; the log shows them
		p.log.ErrorContext(ctx, "Sync failed", append(attrs, "cause", err.Error())...)
	case status == syncs.StatusCancelled:
		p.log.InfoContext(ctx, "Sync cancelled", attrs...)
	case errors.Is(err, syncs.ErrShutdown), errors.Is(err, syncs.ErrLeaseLost): // another attempt follows, or has begun
		p.log.WarnContext(ctx, "Sync interrupted", attrs...)
	default:
		p.log.ErrorContext(ctx, "Sync failed", attrs...)
	}
	return result, err
}

func (r *Runner) phase(run syncs.Run, kind syncs.Type, syncID uuid.UUID) phase {
	return phase{
		lease:    run.Lease,
		syncID:   syncID,
		kind:     kind,
		dryRun:   run.Options.DryRun,
		recorder: r.o.Recorder,
		keep:     r.o.Words,
		log: r.o.Logger.With("namespace", "pims-sync:"+string(kind),
			"clinic_id", run.Lease.ClinicID.String(), "sync_id", syncID.String()),
		now:   r.o.Now,
		count: r.o.Written,
	}
}

func (p *phase) span() Span {
	s := Span{ClinicID: p.lease.ClinicID, SyncID: p.syncID, Type: p.kind, Attempt: p.lease.Attempt, DryRun: p.dryRun}
	if p.syncID != p.lease.AuditID {
		s.ParentID = p.lease.AuditID
	}
	return s
}

func (p *phase) report(ctx context.Context, step string, done, total int) {
	kind := p.kind
	if kind == syncs.TypeFull {
		kind = syncs.TypeInbound // login and fetch come before the first phase and count as part of it
	}
	p.recorder.Report(ctx, p.lease, syncs.Progress{Phase: kind, Step: step, Done: done, Total: total})
}

// lifted reports whether a person approved that this guard lets the run pass (R18).
func (p *phase) lifted(guard syncs.Code) bool { return p.approved != nil && p.approved.Code == guard }

func (p *phase) written(actions map[string]syncs.Action, written map[string]bool) {
	totals := map[syncs.Action]int{}
	for id := range written {
		totals[actions[id]]++
	}
	for action, n := range totals {
		p.count(action, n)
	}
}

// hold stores what a guard held back as a plan and returns the failure that ends the phase
// (R18, R23). A dry run stores no plan (R26).
func (p *phase) hold(ctx context.Context, code syncs.Code, window pims.Window, cases []syncs.PlannedCase, evidence syncs.Evidence, reason string) error {
	failure := &syncs.Failure{Code: code, Message: reason}
	if p.dryRun {
		return failure
	}
	at := p.now()
	plan := syncs.Plan{
		ID:        uuid.Must(uuid.NewV7()),
		ClinicID:  p.lease.ClinicID,
		SyncID:    p.syncID,
		SyncType:  p.kind,
		Status:    syncs.PlanOpen,
		Code:      code,
		Reason:    reason,
		Window:    window,
		Cases:     cases,
		Evidence:  evidence,
		CreatedAt: at,
		ExpiresAt: at.Add(syncs.PlanLifetime),

		CoversDefault: p.usual,
	}
	first, err := p.recorder.KeepPlan(ctx, p.lease, plan)
	if err != nil {
		return fmt.Errorf("keeping the plan of the %s guard: %w", code, err)
	}
	if first { // log this once, not every night
		p.log.WarnContext(ctx, "A plan waits for a decision", "plan_id", plan.ID.String(), "guard", string(code),
			"cases", len(cases), "expires_at", plan.ExpiresAt.UTC().Format(time.RFC3339))
	}
	failure.PlanID = plan.ID
	return failure
}

// supersede ends the open plans of these guards from earlier runs: this run has read the
// plans' days itself, and the guards let it pass (R18, R23). A guard that a person lifted
// did not check this run, so its plans stay. A dry run ends no plan (R26).
func (p *phase) supersede(ctx context.Context, seen pims.Window, guards ...syncs.Code) error {
	guards = slices.DeleteFunc(guards, p.lifted)
	if p.dryRun || len(guards) == 0 {
		return nil
	}
	if err := p.recorder.SupersedePlans(ctx, p.lease, guards, p.kind, seen, p.now()); err != nil {
		return fmt.Errorf("superseding earlier plans: %w", err)
	}
	return nil
}
