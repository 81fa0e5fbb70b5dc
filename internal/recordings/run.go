package recordings

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A Keeper stores recordings.
type Keeper interface {
	// Keep stores the recording of an attempt at a sync in place of an earlier attempt's.
	Keep(ctx context.Context, clinicID, syncID uuid.UUID, r *Recording) error
}

// RunnerOptions configure a Runner.
type RunnerOptions struct {
	Runner  casesync.RunnerOptions
	Keeper  Keeper
	Program string // the version of the program

	Clinics     clinic.Store
	Credentials clinic.CredentialStore // which provider a clinic has; nothing is opened

	// Observe is called for each recording, with whether it was kept. It may be nil.
	Observe func(kept bool)
}

// A Runner carries out syncs, and records those that ask for it. It is safe for concurrent
// use.
type Runner struct {
	o     RunnerOptions
	plain *casesync.Runner
}

// NewRunner makes a Runner.
func NewRunner(o RunnerOptions) *Runner {
	if o.Runner.Now == nil {
		o.Runner.Now = time.Now
	}
	if o.Runner.Logger == nil {
		o.Runner.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Observe == nil {
		o.Observe = func(bool) {}
	}
	return &Runner{o, casesync.NewRunner(o.Runner)}
}

// keepWait bounds how long a recording may take to be stored, after the sync.
const keepWait = 20 * time.Second

// Run carries out one attempt at a sync, as casesync.Runner does. A recording that fails
// changes nothing of that.
func (r *Runner) Run(ctx context.Context, run syncs.Run) (syncs.Result, error) {
	if !run.Options.Record {
		return r.plain.Run(ctx, run)
	}
	tape := NewTape(run, r.o.Runner.Now())
	tape.r.Program = r.o.Program
	r.begin(ctx, tape, run.Lease.ClinicID)
	result, err := Record(tape.Recording(ctx), tape, r.o.Runner, run)
	kept := r.keep(ctx, tape, run, result, err)
	if kept != nil {
		r.o.Runner.Logger.WarnContext(ctx, "A sync could not be recorded", "namespace", "pims-sync:"+string(run.Type),
			"clinic_id", run.Lease.ClinicID.String(), "sync_id", run.Lease.AuditID.String(), "error", kept.Error())
	}
	r.o.Observe(kept == nil)
	return result, err
}

// begin takes up whose sync it is.
func (r *Runner) begin(ctx context.Context, tape *Tape, clinicID uuid.UUID) {
	owner, err := r.o.Clinics.Clinic(ctx, clinicID)
	if err != nil {
		tape.cut("the clinic could not be read")
		return
	}
	provider := ""
	if credential, err := r.o.Credentials.Credential(ctx, clinicID); err == nil { // else the sync says why
		provider = credential.Provider
	}
	tape.Of(owner, provider)
}

// Record runs a sync with everything that a tape must hear of.
func Record(ctx context.Context, tape *Tape, o casesync.RunnerOptions, run syncs.Run) (syncs.Result, error) {
	taped := &store{Store: o.Cases, tape: tape}
	loc, err := clinic.LoadZone(tape.r.Zone)
	if err == nil && run.Approval == uuid.Nil {
		taped.windows, _ = run.Options.Windows(run.Type, tape.began, loc) // the runner reports what is wrong
	}
	o.Cases, o.Recorder = taped, recorder{o.Recorder, tape}
	if o.Forms != nil {
		o.Forms = shapes{o.Forms, tape}
	}
	if plan := o.Plan; plan != nil {
		o.Plan = func(ctx context.Context, clinicID, id uuid.UUID) (syncs.Plan, error) {
			p, err := plan(ctx, clinicID, id)
			if err == nil {
				window := p.Window
				window.Location = loc
				taped.windows = syncs.Windows{Inbound: window, Reconciliation: window}
				tape.approved(&p)
			}
			return p, err
		}
	}
	return casesync.NewRunner(o).Run(ctx, run)
}

func (t *Tape) approved(p *syncs.Plan) {
	defer t.locked()()
	a := &Approved{Code: p.Code, Type: p.SyncType, StartDate: p.Window.Start.String(), EndDate: p.Window.End.String(), CoversDefault: p.CoversDefault}
	for i := range p.Cases {
		a.Cases = append(a.Cases, p.Cases[i].CaseID)
	}
	t.r.Request.Approved = a
}

func (r *Runner) keep(ctx context.Context, tape *Tape, run syncs.Run, result syncs.Result, outcome error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepWait)
	defer cancel()
	return panics.Catch(func() error {
		status, concluded := casesync.Conclude(result, outcome)
		return r.o.Keeper.Keep(ctx, run.Lease.ClinicID, run.Lease.AuditID, tape.End(status, concluded))
	})
}
