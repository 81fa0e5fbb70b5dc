package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/scheduler"
)

// Entries returns a store of the entries of all schedules. It inserts the jobs of due syncs
// into this Queue.
func (q *Queue) Entries(schedules *postgres.Schedules) scheduler.EntryStore {
	return entryStore{schedules, q}
}

// entryStore inserts the jobs of due syncs in the transaction that writes their audits.
type entryStore struct {
	*postgres.Schedules

	queue *Queue
}

func (s entryStore) EnqueueDue(ctx context.Context, at time.Time, limit int, decide func(scheduler.Entry) ([]scheduler.Tick, time.Time)) (taken int, outcomes map[scheduler.Outcome]int, err error) {
	return s.Due(ctx, at, limit, decide, func(tx pgx.Tx, syncIDs []uuid.UUID, due []time.Time) error {
		return s.queue.callForDue(ctx, tx, syncIDs, due)
	})
}

// callForDue inserts the jobs of scheduled syncs, ordered by the time at which they were
// due.
func (q *Queue) callForDue(ctx context.Context, tx pgx.Tx, syncIDs []uuid.UUID, due []time.Time) error {
	var now, later []river.InsertManyParams
	for i, id := range syncIDs {
		job := river.InsertManyParams{Args: SyncArgs{SyncID: id}, InsertOpts: &river.InsertOpts{Queue: river.QueueDefault}}
		if due[i].After(q.o.Now()) { // else it would wait until River promotes its scheduled jobs
			job.InsertOpts.ScheduledAt = due[i]
			later = append(later, job)
		} else {
			now = append(now, job)
		}
	}
	if err := q.insert(ctx, tx, now, 0); err != nil || len(later) == 0 {
		return err
	}
	if _, err := q.client.InsertManyFastTx(ctx, tx, later); err != nil {
		return fmt.Errorf("inserting the jobs: %w", err)
	}
	return nil
}
