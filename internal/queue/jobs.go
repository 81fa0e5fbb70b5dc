package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/pims-sync/pims-sync/internal/postgres"
)

// The statements of this file read and change River's table river_job, beside River itself.
// They are true of the version that TestTheStatementsFitRiver names. They are not in
// postgres/queries, because sqlc does not know River's tables.
//
// A statement never compares a column with clock_timestamp(): the function is volatile, so
// no index could be used, and a subquery would run once for each row.

// jobs inserts jobs into River's table and finds those that are missing.
type jobs struct {
	db     *postgres.DB
	client *river.Client[pgx.Tx]
	now    func() time.Time
	lease  time.Duration
}

// callFor inserts jobs for syncs, into a River queue and due after a pause.
func (j *jobs) callFor(ctx context.Context, tx pgx.Tx, queue string, pause time.Duration, syncIDs ...uuid.UUID) error {
	params := make([]river.InsertManyParams, len(syncIDs))
	for i, id := range syncIDs {
		params[i] = river.InsertManyParams{Args: SyncArgs{SyncID: id}, InsertOpts: j.due(&river.InsertOpts{Queue: queue}, pause)}
	}
	return j.insert(ctx, tx, params, pause)
}

// callForDue inserts the jobs of scheduled syncs, ordered by the time at which they were
// due.
func (j *jobs) callForDue(ctx context.Context, tx pgx.Tx, syncIDs []uuid.UUID, due []time.Time) error {
	var now, later []river.InsertManyParams
	for i, id := range syncIDs {
		job := river.InsertManyParams{Args: SyncArgs{SyncID: id}, InsertOpts: &river.InsertOpts{Queue: river.QueueDefault}}
		if due[i].After(j.now()) { // else it would wait until River promotes its scheduled jobs
			job.InsertOpts.ScheduledAt = due[i]
			later = append(later, job)
		} else {
			now = append(now, job)
		}
	}
	if err := j.insert(ctx, tx, now, 0); err != nil || len(later) == 0 {
		return err
	}
	if _, err := j.client.InsertManyFastTx(ctx, tx, later); err != nil {
		return fmt.Errorf("inserting the jobs: %w", err)
	}
	return nil
}

// due makes the job of these options wait for a pause.
func (j *jobs) due(o *river.InsertOpts, pause time.Duration) *river.InsertOpts {
	if pause > 0 {
		o.ScheduledAt = j.now().Add(pause)
	}
	return o
}

// insert inserts jobs that are due after a pause from now by the database's clock. River
// would use the replica's clock and compare it with the database's (R3). Jobs of one call
// are worked on in the order of their insertion.
func (j *jobs) insert(ctx context.Context, tx pgx.Tx, params []river.InsertManyParams, pause time.Duration) error {
	if len(params) == 0 {
		return nil
	}
	inserted, err := j.client.InsertManyTx(ctx, tx, params)
	if err != nil {
		return fmt.Errorf("inserting the jobs: %w", err)
	}
	ids := make([]int64, len(inserted))
	for i, job := range inserted {
		ids[i] = job.Job.ID
	}
	_, err = tx.Exec(ctx, "update river_job set scheduled_at = statement_timestamp() + $1::interval where id = any($2)", pause, ids)
	if err != nil {
		return fmt.Errorf("setting when jobs are due: %w", err)
	}
	return nil
}

// putOff makes a running job due again after a pause, by the database's clock, and returns
// what its worker returns to River. It does not count as another attempt. River's own
// snooze uses the replica's clock, and does nothing to a job that does not run (R3).
func (j *jobs) putOff(ctx context.Context, job int64, pause time.Duration) error {
	_, err := j.db.ExecSystem(ctx, "put a job off", `
		update river_job set state = 'available', attempt = attempt - 1, scheduled_at = statement_timestamp() + $1::interval
		where id = $2 and state = 'running'`, pause, job)
	if err != nil {
		return fmt.Errorf("putting a job off: %w", err)
	}
	return river.JobSnooze(pause)
}

// overtakes reports whether a queued sync would overtake an older one of its clinic that a
// replica is about to claim: one that was given back, rescued, or waits for its turn (R29,
// R30). A sync that is to be tried again later does not count. It crosses clinics (R41),
// because a job carries only the id of its sync.
func (j *jobs) overtakes(ctx context.Context, syncID uuid.UUID) (bool, error) {
	older, err := postgres.ReadSystem(ctx, j.db, "look for older syncs", olderWaits, []any{syncID}, pgx.RowTo[bool])
	return len(older) > 0, err
}

// olderWaits finds jobs that are due, were put off for a moment because the clinic was
// busy, or have just been fetched and are about to claim. A job that River has scheduled
// does not count, even if it is due: River's leader must first make it available, and after
// the leader's death there is none for 15 s.
//
// Each "offset 0" keeps one lookup by index apart from the next, whatever the statistics
// say: first the audit, then the older ones of its clinic (at most one of each type), and
// only then their jobs, in the index of args.
const olderWaits = `
select true
from case_sync_audits a
cross join lateral (
	select o.id from case_sync_audits o
	where o.clinic_id = a.clinic_id and o.status = 'queued' and o.parent_id is null and o.created_at < a.created_at
	offset 0
) as older
cross join lateral (
	select * from river_job where args @> jsonb_build_object('sync_id', older.id) offset 0
) as j
where a.id = $1 and a.status = 'queued' and j.kind = 'sync' and j.queue = 'default'
	and (j.state = 'available' and j.scheduled_at < statement_timestamp() + interval '2 seconds'
		or j.state = 'running' and j.attempted_at > statement_timestamp() - interval '2 seconds')
limit 1`

// forgottenLock lets one replica at a time look for forgotten syncs, so that none gets a
// job twice.
const forgottenLock = 0x7073_666f_7267 // "psforg"

// callForgotten inserts jobs for queued syncs that no job will claim, for example because
// the worker of the job died before it claimed the audit (R30). It crosses clinics (R41)
// and returns how many there were.
func (j *jobs) callForgotten(ctx context.Context) (found int, err error) {
	err = j.db.System(ctx, "look for forgotten syncs", func(tx pgx.Tx) error {
		found = 0
		var alone bool
		if err := tx.QueryRow(ctx, "select pg_try_advisory_xact_lock($1)", forgottenLock).Scan(&alone); err != nil || !alone {
			return err
		}
		rows, err := tx.Query(ctx, forgotten, j.lease)
		if err != nil {
			return err
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		if err != nil || len(ids) == 0 {
			return err
		}
		found = len(ids)
		return j.callFor(ctx, tx, river.QueueDefault, 0, ids...)
	})
	return found, err
}

// forgotten finds the queued syncs without a job. A job that waits, or has run for less
// than a lease, counts. A job in a command's own queue counts only for a minute, because
// the command may be gone.
//
// Queued syncs and jobs are put into one list and grouped, so that the work grows with
// their number and not with its square, whatever plan the statistics lead to.
const forgotten = `
select sync_id::uuid
from (
	select id::text as sync_id, created_at, false as called, false as called_apart
	from case_sync_audits where status = 'queued' and parent_id is null
	union all
	select args ->> 'sync_id', null, queue = 'default', queue <> 'default'
	from river_job
	where kind = 'sync' and state in ('available', 'pending', 'retryable', 'scheduled', 'running')
		and (state <> 'running' or attempted_at > statement_timestamp() - $1::interval)
) as known
group by sync_id
having count(created_at) > 0 and not bool_or(called)
	and not (bool_or(called_apart) and max(created_at) > statement_timestamp() - interval '1 minute')
order by max(created_at)
limit 1000`

// takeBack makes the running jobs of some kinds due again whose replica has not reported
// for two leases, and returns how many there were. River itself would wait for an hour. It
// crosses clinics (R41).
func (j *jobs) takeBack(ctx context.Context, kinds []string) (int64, error) {
	if len(kinds) == 0 {
		return 0, nil
	}
	return j.db.ExecSystem(ctx, "take back the jobs of dead replicas", `
		update river_job set state = 'available', scheduled_at = statement_timestamp()
		where state = 'running' and kind = any($1) and attempted_at < statement_timestamp() - $2::interval
			and not exists (
				select from replicas
				where name = attempted_by[array_upper(attempted_by, 1)] and seen_at > statement_timestamp() - 2 * $2::interval
			)`, kinds, j.lease)
}
