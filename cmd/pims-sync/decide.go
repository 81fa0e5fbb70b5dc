package main

import (
	"context"
	"fmt"
	"io"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/clinic"
)

// PlansApproveCmd approves a plan.
type PlansApproveCmd struct {
	ID id `arg:"" help:"The plan's id."`
}

// Run approves the plan and works on the sync that does it (R23).
func (a *PlansApproveCmd) Run(ctx context.Context, std streams, c *Config) error {
	return withWorker(ctx, std, c, func(e *engine) error {
		owner, err := ownerOfPlan(ctx, e.store, a.ID.UUID)
		if err != nil {
			return err
		}
		audit, err := e.queue.Approve(ctx, owner.ID, a.ID.UUID, casesync.TriggerCLI, actor())
		if err != nil {
			return err
		}
		return carryOut(ctx, std, c, e, owner, audit)
	})
}

// PlansRejectCmd rejects a plan.
type PlansRejectCmd struct {
	ID id `arg:"" help:"The plan's id."`
}

// Run closes the plan.
func (a *PlansRejectCmd) Run(ctx context.Context, std streams, c *Config) error {
	return withEngine(ctx, std, c, func(e *engine) error {
		owner, err := ownerOfPlan(ctx, e.store, a.ID.UUID)
		if err != nil {
			return err
		}
		if err := e.queue.Reject(ctx, owner.ID, a.ID.UUID, actor()); err != nil {
			return err
		}
		return show(std, c, map[string]any{"id": a.ID.UUID, "status": casesync.PlanRejected}, func(w io.Writer) {
			fmt.Fprintln(w, "The plan is rejected; nothing was changed. The next sync looks for itself.")
		})
	})
}

func ownerOfPlan(ctx context.Context, s *store, planID uuid.UUID) (clinic.Clinic, error) {
	clinicID, err := s.Plans().ClinicOf(ctx, planID)
	if err != nil {
		return clinic.Clinic{}, noSuch(err, "plan", planID, "plans list --clinic ID")
	}
	return s.Clinics().Clinic(ctx, clinicID)
}
