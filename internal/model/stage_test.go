package model_test

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A stage is where the cases of a clinic are kept while the model plays: in memory
// or in PostgreSQL.
type stage interface { //nolint:interfacebloat // it joins the product's own
	casesync.Store
	casesync.Recorder

	// clinicID is the clinic that is played.

	// start queues a sync and claims it, finish closes it.
	start(ctx context.Context, kind syncs.Type, approval uuid.UUID, at time.Time) (syncs.Run, error)
	finish(ctx context.Context, lease syncs.Lease, status syncs.Status, result syncs.Result, at time.Time) error
	audit(ctx context.Context, id uuid.UUID) (syncs.Audit, error)
	unfinished(ctx context.Context) (int, error)

	// rows are all that the clinic's cases hold.
	rows(ctx context.Context) ([]row, error)

	// readings are what earlier attempts at enrichment learned.
	readings(ctx context.Context) (map[uuid.UUID]cases.Reading, error)

	// others is all that no sync may touch holds: another clinic's cases, and the
	// clinic's own without a PIMS id.
	others(ctx context.Context) (string, error)

	// make makes a case as a person does, by hand: sync has never seen its status.
	// One that is there already stays as it is.
	make(ctx context.Context, c cases.Case) error

	// edit changes a case as a person does.
	edit(ctx context.Context, id uuid.UUID, e edit) error

	restore(ctx context.Context, ids []uuid.UUID, at time.Time) ([]cases.Restoration, error)
	deletedBy(ctx context.Context, syncID uuid.UUID) ([]uuid.UUID, error)
	plan(ctx context.Context, id uuid.UUID) (syncs.Plan, error)
	decide(ctx context.Context, id uuid.UUID, status syncs.PlanStatus, at time.Time) error
}

// A row is all of a case: what a sync knows of it, and what is other people's.
type row struct {
	cases.Case
	foreign   string // the keys of metadata that are not sync's, as text
	protected bool   // a person restored it, and its id has not been seen again (R24)
}

// An edit is what a person changes of a case; empty fields stay.
type edit struct {
	status  string
	phone   string
	foreign string // a new value of metadata.billing
}

// gone reports whether a reconciliation has deleted the case.
func (r row) gone() bool { return r.SoftDeleted() }
