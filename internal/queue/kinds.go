package queue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/pims-sync/pims-sync/internal/panics"
)

// syncKind is the kind of the jobs that call for a sync.
const syncKind = "sync"

// Args are what a job carries, as JSON: ids, never a person's data (R40). Kind returns the
// name of the kind of job, the same for every value of the type.
type Args interface{ Kind() string }

// A Job is one attempt at a job.
type Job[T Args] struct {
	Args    T
	Attempt int // 1 for the first
}

// KindOptions configure a kind of job.
type KindOptions[T Args] struct {
	// Work carries out one attempt. After an error the job is tried again, unless the error
	// is a Never or this was the last attempt. A job can come twice, and on any replica.
	Work func(ctx context.Context, job Job[T]) error

	AtOnce      int                               // jobs worked on at once by a replica; 0: 10
	MaxAttempts int                               // 0: 25
	TimeLimit   time.Duration                     // of an attempt; 0: 1 min
	Pause       func(attempt int) time.Duration   // before the attempt after this one; nil: River's, which grows
	Failed      func(ctx context.Context, args T) // called after the last attempt in vain; nil: nothing
}

// A Kind is a kind of job besides syncs that a Queue works on (Options.Kinds). Its jobs
// wait in a River queue of their own, so that they and syncs do not delay each other.
type Kind struct {
	name        string
	atOnce      int
	maxAttempts int
	add         func(workers *river.Workers, jobs *jobs, log *slog.Logger) error
}

// KindOf makes a Kind whose jobs carry a T.
func KindOf[T Args](o KindOptions[T]) Kind {
	var args T
	o.AtOnce = cmp.Or(o.AtOnce, defaultMaxSyncs)
	o.MaxAttempts = cmp.Or(o.MaxAttempts, river.MaxAttemptsDefault)
	o.TimeLimit = cmp.Or(o.TimeLimit, time.Minute)
	return Kind{
		name: args.Kind(), atOnce: o.AtOnce, maxAttempts: o.MaxAttempts,
		add: func(workers *river.Workers, jobs *jobs, log *slog.Logger) error {
			return river.AddWorkerSafely(workers, &kindWorker[T]{o: o, jobs: jobs, log: log})
		},
	}
}

// Never returns an error of KindOptions.Work: the job has failed for good.
func Never(err error) error { return river.JobCancel(err) }

// Insert inserts jobs of registered kinds in a transaction. They are due after a pause by
// the database's clock (R3).
func (q *Queue) Insert(ctx context.Context, tx pgx.Tx, pause time.Duration, all ...Args) error {
	params := make([]river.InsertManyParams, len(all))
	for i, args := range all {
		kind, ok := q.kinds[args.Kind()]
		if !ok {
			return fmt.Errorf("no kind of job is called %q", args.Kind())
		}
		o := &river.InsertOpts{Queue: kind.name, MaxAttempts: kind.maxAttempts}
		params[i] = river.InsertManyParams{Args: args, InsertOpts: q.jobs.due(o, pause)}
	}
	return q.jobs.insert(ctx, tx, params, pause)
}

// register adds the kinds to the workers of a client and returns the queues of their jobs.
func (q *Queue) register(kinds []Kind, workers *river.Workers) (map[string]river.QueueConfig, error) {
	queues := make(map[string]river.QueueConfig, len(kinds))
	for _, kind := range kinds {
		if err := kind.add(workers, q.jobs, q.log); err != nil {
			return nil, fmt.Errorf("registering the jobs of kind %q: %w", kind.name, err)
		}
		q.kinds[kind.name] = kind
		queues[kind.name] = river.QueueConfig{MaxWorkers: kind.atOnce}
	}
	return queues, nil
}

// A kindWorker works on the jobs of one kind.
type kindWorker[T Args] struct {
	river.WorkerDefaults[T]
	o    KindOptions[T]
	jobs *jobs
	log  *slog.Logger
}

// Timeout implements river.Worker.
func (w *kindWorker[T]) Timeout(*river.Job[T]) time.Duration { return w.o.TimeLimit }

// NextRetry implements river.Worker.
func (w *kindWorker[T]) NextRetry(job *river.Job[T]) time.Time {
	if w.o.Pause == nil {
		return time.Time{} // River's own
	}
	return w.jobs.now().Add(w.o.Pause(job.Attempt))
}

// Work implements river.Worker. A panic is the error of its attempt.
func (w *kindWorker[T]) Work(ctx context.Context, job *river.Job[T]) error {
	err := panics.Catch(func() error { return w.o.Work(ctx, Job[T]{job.Args, job.Attempt}) })
	panics.Logger(w.log, err).ErrorContext(ctx, "A panic ended an attempt at a job", "kind", job.Kind, "job", job.ID)
	var never *river.JobCancelError
	if err != nil && w.o.Failed != nil && (job.Attempt >= job.MaxAttempts || errors.As(err, &never)) {
		failed := panics.Catch(func() error { w.o.Failed(context.WithoutCancel(ctx), job.Args); return nil })
		panics.Logger(w.log, failed).ErrorContext(ctx, "A panic kept a job's failure from being recorded", "kind", job.Kind, "job", job.ID)
	}
	return err
}
