package queue

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/cron"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/scheduler"
)

const (
	reloadEvery = 5 * time.Minute // W14
	tickEvery   = time.Second
	dueAtOnce   = 1000
)

// schedule loads the schedules at the start, every five minutes, and at once when
// they were changed (R33).
func (q *Queue) schedule(ctx context.Context) {
	changed, unsubscribe := q.o.Notifier.Subscribe(postgres.ChannelSchedules)
	defer unsubscribe()
	ticker := time.NewTicker(reloadEvery)
	defer ticker.Stop()
	for {
		if err := q.LoadSchedules(ctx); err != nil && ctx.Err() == nil {
			q.schedulerLog.ErrorContext(ctx, "Schedules not loaded; what ran goes on", "error", err.Error())
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-ticker.C:
		}
	}
}

// LoadSchedules makes what clinic_schedule_configs says the schedules that run. A
// bad entry disables itself and is reported; a failed load changes nothing (R33).
func (q *Queue) LoadSchedules(ctx context.Context) error {
	configs, err := q.o.Clinics.AllSchedules(ctx)
	if err != nil {
		return fmt.Errorf("reading the schedules: %w", err)
	}
	now := q.o.Now()
	var running []postgres.RunningEntry
	bad := 0
	for _, config := range configs {
		entries, problems := q.entries(ctx, config, now)
		running = append(running, entries...)
		bad += len(problems)
		q.reportProblems(ctx, config.ClinicID, problems)
	}
	q.o.Observe.SchedulesLoaded(len(running), bad)
	if err := q.o.Schedules.Replace(ctx, running); err != nil {
		return fmt.Errorf("storing the schedules: %w", err)
	}
	return nil
}

// entries are a clinic's Entries. Where they panic, the clinic has none, and the
// others go on (R58).
func (q *Queue) entries(ctx context.Context, config postgres.ScheduleConfig, now time.Time) (running []postgres.RunningEntry, problems []clinic.ScheduleProblem) {
	err := q.survive(ctx, "schedules", func() error {
		running, problems = Entries(config, now, q.o.Jitter)
		return nil
	})
	if err != nil {
		return nil, []clinic.ScheduleProblem{{Index: -1, Reason: "an internal error; the log tells more"}}
	}
	return running, problems
}

// reportProblems logs a clinic's bad entries once for each change of them.
func (q *Queue) reportProblems(ctx context.Context, clinicID uuid.UUID, problems []clinic.ScheduleProblem) {
	said := fmt.Sprint(problems)
	q.mu.Lock()
	known := q.problems[clinicID]
	if q.problems[clinicID] = said; len(problems) == 0 {
		delete(q.problems, clinicID)
	}
	q.mu.Unlock()
	if known == said {
		return
	}
	for _, p := range problems {
		q.schedulerLog.WarnContext(ctx, "Schedule entry disabled", "clinic_id", clinicID.String(), "entry", p.Index, "reason", p.Reason)
	}
}

// Entries are the entries of a clinic that run, with their coming ticks after the
// last change of the schedule (R34), and what is wrong with the others.
func Entries(config postgres.ScheduleConfig, now time.Time, jitter time.Duration) ([]postgres.RunningEntry, []clinic.ScheduleProblem) {
	loc, err := clinic.LoadZone(config.Timezone)
	if err != nil {
		return nil, []clinic.ScheduleProblem{{Index: -1, Reason: "the clinic has no valid time zone"}}
	}
	parsed, problems := clinic.ParseSchedules(config.Document, CheckEntry)
	var running []postgres.RunningEntry
	twins := make(map[string]int)
	for _, e := range parsed {
		if !e.Enabled {
			continue
		}
		expression, err := cron.Parse(e.Cron)
		if err != nil {
			continue // CheckEntry has refused it
		}
		since := config.ChangedAt
		if earliest := now.Add(-scheduler.CatchUp(e.Type)); since.Before(earliest) {
			since = earliest
		}
		key := entryKey(config.Timezone, e)
		twins[key]++
		if n := twins[key]; n > 1 {
			key = fmt.Sprintf("%s-%d", key, n)
		}
		running = append(running, postgres.RunningEntry{
			ClinicID: config.ClinicID,
			Key:      key,
			Type:     casesync.Type(e.Type),
			Cron:     e.Cron,
			Timezone: config.Timezone,
			Options:  casesync.Options(e.Options),
			Next:     expression.Next(since, loc),
			Jitter:   scheduler.Jitter(config.ClinicID, jitter),
		})
	}
	return running, problems
}

// CheckEntry tells what is wrong with an entry of a schedule: its cron expression,
// or its options (R4, R33).
func CheckEntry(e clinic.ScheduleEntry) error {
	return errors.Join(scheduler.CheckEntry(e), casesync.Options(e.Options).Check(casesync.Type(e.Type)))
}

// entryKey stands for everything that an entry says, and its zone: what was
// changed is another entry, whose earlier ticks are none (R34).
func entryKey(timezone string, e clinic.ScheduleEntry) string {
	e.Index = 0
	said, err := json.Marshal(e)
	if err != nil {
		said = []byte(fmt.Sprint(e)) // not of these types
	}
	sum := sha256.Sum256(append([]byte(timezone+"\n"), said...))
	return hex.EncodeToString(sum[:12])
}

// tick enqueues what is due, every second.
func (q *Queue) tick(ctx context.Context) {
	q.every(ctx, "ticks", tickEvery, func() {
		if err := q.EnqueueDue(ctx); err != nil && ctx.Err() == nil {
			q.schedulerLog.ErrorContext(ctx, "Due syncs not enqueued; the next second tries again", "error", err.Error())
		}
	})
}

// EnqueueDue enqueues a sync for each entry whose time has come, and writes down
// what became of every tick (R34). Many replicas may do so at once.
func (q *Queue) EnqueueDue(ctx context.Context) error {
	now := q.o.Now()
	for {
		taken, outcomes, err := q.o.Schedules.Due(ctx, now, dueAtOnce,
			func(e postgres.RunningEntry) ([]postgres.Tick, time.Time) { return q.ticksOf(ctx, e, now) },
			func(tx pgx.Tx, syncIDs []uuid.UUID, due []time.Time) error {
				return q.callForDue(ctx, tx, syncIDs, due)
			})
		if err != nil {
			return fmt.Errorf("enqueueing due syncs: %w", err)
		}
		for outcome, n := range outcomes {
			q.o.Observe.Ticks(string(outcome), n)
		}
		if taken < dueAtOnce {
			return nil
		}
	}
}

// ticksOf are an entry's ticksOf. An entry that panics waits for the next load of the
// schedules, and the others go on (R58).
func (q *Queue) ticksOf(ctx context.Context, e postgres.RunningEntry, now time.Time) (ticks []postgres.Tick, next time.Time) {
	err := q.survive(ctx, "ticks", func() error {
		ticks, next = ticksOf(e, now)
		return nil
	})
	if err != nil {
		return nil, now.Add(reloadEvery)
	}
	return ticks, next
}

// ticksOf are the ticks of an entry that have come, and the one that comes next:
// the latest is caught up if it is not too long ago, the others it stands for
// (R34).
func ticksOf(e postgres.RunningEntry, now time.Time) (ticks []postgres.Tick, next time.Time) {
	expression, err := cron.Parse(e.Cron)
	if err != nil {
		return nil, now.Add(reloadEvery) // the next load ends it
	}
	loc, err := clinic.LoadZone(e.Timezone)
	if err != nil {
		return nil, now.Add(reloadEvery)
	}
	next = e.Next
	for !next.Add(e.Jitter).After(now) {
		ticks = append(ticks, postgres.Tick{Due: next, Outcome: postgres.TickMissed})
		next = expression.Next(next, loc)
	}
	if n := len(ticks); n > 0 && now.Sub(ticks[n-1].Due) <= scheduler.CatchUp(clinic.SyncType(e.Type)) {
		ticks[n-1].Outcome = postgres.TickEnqueued
	}
	return ticks, next
}

// callForDue inserts the jobs of scheduled syncs; those that were due first are
// worked on first.
func (q *Queue) callForDue(ctx context.Context, tx pgx.Tx, syncIDs []uuid.UUID, due []time.Time) error {
	var now, later []river.InsertManyParams
	for i, id := range syncIDs {
		job := river.InsertManyParams{Args: SyncArgs{SyncID: id}, InsertOpts: &river.InsertOpts{Queue: river.QueueDefault}}
		if due[i].After(q.o.Now()) { // else it would wait for River to look for what was scheduled
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
