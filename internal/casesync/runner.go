package casesync

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/pims"
)

// A Connection is a clinic's session as the phases use it: a dead session is
// renewed inside, once per run (R36).
type Connection interface {
	pims.Session

	// Finder is the session's ability to look one appointment up, where it has it.
	Finder() (pims.AppointmentFinder, bool)

	// Provider is the name under which the cases are stored.
	Provider() string

	// Clinic is the clinic that is connected.
	Clinic() clinic.Clinic

	// Close keeps the session for the next run, or drops it where it died.
	Close(ctx context.Context)
}

// Options of a Runner.
type RunnerOptions struct {
	Clinic   func(ctx context.Context, id uuid.UUID) (clinic.Clinic, error)
	Connect  func(ctx context.Context, clinicID uuid.UUID) (Connection, error)
	Cases    InboundStore
	Recorder Recorder
	Logger   *slog.Logger
	Now      func() time.Time

	// Written is told of every case that was written (INTERFACE §Metrics).
	Written func(action Action, n int)
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
		o.Written = func(Action, int) {}
	}
	return &Runner{o}
}

// A phase is what every phase of a run knows.
type phase struct {
	lease    Lease
	syncID   uuid.UUID // the phase's own audit
	kind     Type
	provider string
	dryRun   bool
	lift     map[Code]bool // guards that a person lifted for this run (R18)
	recorder Recorder
	log      *slog.Logger
	now      func() time.Time
	count    func(Action, int)
}

// Run carries out one attempt. The result is right as far as it goes even where
// an error is returned; Explain tells the error's code. It logs the beginning and
// the end of each phase (Workflows §Logging).
func (r *Runner) Run(ctx context.Context, run Run) (Result, error) {
	started := r.o.Now()
	owner, err := r.o.Clinic(ctx, run.Lease.ClinicID)
	if err != nil {
		return Result{}, err
	}
	loc, err := owner.Location()
	if err != nil {
		return Result{}, err
	}
	windows, err := run.Options.Windows(run.Type, started, loc)
	if err != nil {
		return Result{}, err
	}

	p := r.phase(run, run.Type, run.Lease.AuditID)
	p.report(ctx, "login", 0, 0)
	connection, err := r.o.Connect(ctx, run.Lease.ClinicID)
	if err != nil {
		return Result{}, err
	}
	defer connection.Close(context.WithoutCancel(ctx))
	p.provider = connection.Provider()

	switch run.Type {
	case TypeInbound:
		return r.inbound(ctx, p, connection, windows.Inbound)
	default:
		return Result{}, invalid("type", "a sync of type %s cannot be run", run.Type)
	}
}

func (r *Runner) inbound(ctx context.Context, p phase, session pims.Session, window pims.Window) (Result, error) {
	p.report(ctx, "fetch", 0, 0)
	snapshot, err := session.Appointments(ctx, window)
	if err != nil {
		return Result{}, fmt.Errorf("fetching the calendar of %s: %w", window, err)
	}
	c := calendarPhase{phase: p, store: r.o.Cases, window: window, create: true}
	return c.inbound(ctx, &snapshot)
}

func (r *Runner) phase(run Run, kind Type, syncID uuid.UUID) phase {
	return phase{
		lease:    run.Lease,
		syncID:   syncID,
		kind:     kind,
		dryRun:   run.Options.DryRun,
		recorder: r.o.Recorder,
		log: r.o.Logger.With("namespace", "pims-sync:"+string(kind),
			"clinic_id", run.Lease.ClinicID.String(), "sync_id", syncID.String()),
		now:   r.o.Now,
		count: r.o.Written,
	}
}

func (p *phase) report(ctx context.Context, step string, done, total int) {
	p.recorder.Report(ctx, p.lease, Progress{Phase: p.kind, Step: step, Done: done, Total: total})
}

func (p *phase) lifted(guard Code) bool { return p.lift[guard] }

func (p *phase) written(actions map[string]Action, written map[string]bool) {
	totals := map[Action]int{}
	for id := range written {
		totals[actions[id]]++
	}
	for action, n := range totals {
		p.count(action, n)
	}
}

// hold keeps what a guard held back as a plan and answers the failure that ends
// the phase (R18, R23). A dry run keeps no plan (R26).
func (p *phase) hold(ctx context.Context, code Code, window pims.Window, cases []PlannedCase, evidence Evidence, reason string) error {
	failure := &Failure{Code: code, Message: reason}
	if p.dryRun {
		return failure
	}
	at := p.now()
	plan := Plan{
		ID:        uuid.Must(uuid.NewV7()),
		ClinicID:  p.lease.ClinicID,
		SyncID:    p.syncID,
		SyncType:  p.kind,
		Status:    PlanOpen,
		Code:      code,
		Reason:    reason,
		Window:    window,
		Cases:     cases,
		Evidence:  evidence,
		CreatedAt: at,
		ExpiresAt: at.Add(PlanLifetime),
	}
	if err := p.recorder.KeepPlan(ctx, p.lease, plan); err != nil {
		return fmt.Errorf("keeping the plan of the %s guard: %w", code, err)
	}
	failure.PlanID = plan.ID
	return failure
}
