package queue

import (
	"context"

	"github.com/google/uuid"
)

// Rescue takes up the work of dead replicas once.
func (q *Queue) Rescue(ctx context.Context) error { return q.rescuer().rescueAll(ctx) }

// Overtakes reports whether a queued sync would overtake an older one of its clinic.
func (q *Queue) Overtakes(ctx context.Context, syncID uuid.UUID) (bool, error) {
	return q.jobs.overtakes(ctx, syncID)
}
