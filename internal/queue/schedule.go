package queue

import (
	"context"
	"time"

	"github.com/pims-sync/pims-sync/internal/postgres/syncstore"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/scheduler"
)

// Entries returns a store of the entries of all schedules. It inserts the jobs of due syncs
// into this Queue.
func (q *Queue) Entries(schedules *syncstore.Schedules) scheduler.EntryStore {
	return entryStore{schedules, q.jobs}
}

// entryStore inserts the jobs of due syncs in the transaction that writes their audits.
type entryStore struct {
	*syncstore.Schedules

	jobs *jobs
}

func (s entryStore) EnqueueDue(ctx context.Context, at time.Time, limit int, decide func(scheduler.Entry) ([]scheduler.Tick, time.Time)) (taken int, outcomes map[scheduler.Outcome]int, err error) {
	return s.Due(ctx, at, limit, decide, func(tx pgx.Tx, syncIDs []uuid.UUID, due []time.Time) error {
		return s.jobs.callForDue(ctx, tx, syncIDs, due)
	})
}
