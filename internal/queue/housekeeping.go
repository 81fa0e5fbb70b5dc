package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/scheduler"
)

const (
	houseEvery     = time.Hour
	freshEvery     = time.Minute
	keepTicks      = 90 * 24 * time.Hour // how long the outcomes of ticks are kept
	staleTolerance = time.Hour           // how long a scheduled sync may take to succeed
)

// keepHouse removes what is kept long enough: old events of cases (R14),
// idempotency keys (R29), outcomes of ticks.
func (q *Queue) keepHouse(ctx context.Context) {
	q.every(ctx, "housekeeping", houseEvery, func() {
		now := q.o.Now()
		err := errors.Join(
			q.o.Audits.ForgetIdempotencyKeys(ctx, now),
			q.o.Schedules.Forget(ctx, now.Add(-keepTicks)),
		)
		if q.o.EventRetention > 0 {
			forgotten, eventsErr := q.o.Records.ForgetEvents(ctx, now.Add(-q.o.EventRetention))
			if err = errors.Join(err, eventsErr); forgotten > 0 {
				q.log.InfoContext(ctx, "Old case events removed", "events", forgotten)
			}
		}
		if err != nil && ctx.Err() == nil {
			q.log.WarnContext(ctx, "Housekeeping failed", "error", err.Error())
		}
	})
}

// watchFreshness tells the observer how old the clinics' data is.
func (q *Queue) watchFreshness(ctx context.Context) {
	q.every(ctx, "freshness", freshEvery, func() {
		all, err := q.freshness(ctx, nil)
		if err != nil {
			if ctx.Err() == nil {
				q.log.WarnContext(ctx, "Freshness not known", "error", err.Error())
			}
			return
		}
		for _, t := range []casesync.Type{casesync.TypeInbound, casesync.TypeCases, casesync.TypeReconciliation} {
			stale, oldest := summary(all, t, q.o.Now())
			q.o.Observe.Fresh(t, stale, oldest)
		}
	})
}

// summary is how many scheduled clinics are stale in one type of sync, and how old
// the oldest of their data is, of those that have any.
func summary(all []casesync.Freshness, t casesync.Type, now time.Time) (stale int, oldest time.Duration) {
	for _, f := range all {
		if f.Type != t || !f.Scheduled {
			continue
		}
		if f.Stale() {
			stale++
		}
		if !f.LastSuccess.IsZero() {
			oldest = max(oldest, now.Sub(f.LastSuccess))
		}
	}
	return stale, oldest
}

// Freshness says how old the clinic's data is, by type of sync.
func (q *Queue) Freshness(ctx context.Context, clinicID uuid.UUID) ([]casesync.Freshness, error) {
	return q.freshness(ctx, &clinicID)
}

// freshness joins the latest successes with what the schedules expect: the latest
// tick that has had an hour to succeed.
func (q *Queue) freshness(ctx context.Context, clinicID *uuid.UUID) ([]casesync.Freshness, error) {
	all, err := q.o.Replicas.LastSuccesses(ctx, clinicID)
	if err != nil {
		return nil, err
	}
	configs, err := q.o.Clinics.AllSchedules(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the schedules: %w", err)
	}
	due := make(map[uuid.UUID]map[casesync.Type]time.Time)
	for _, config := range configs {
		if clinicID == nil || config.ClinicID == *clinicID {
			due[config.ClinicID] = q.expected(ctx, config)
		}
	}
	for i := range all {
		all[i].Due, all[i].Scheduled = due[all[i].ClinicID][all[i].Type]
	}
	return all, nil
}

// expected is expected of now. Where that panics all is due now: what cannot be told
// must not count as fresh (R58).
func (q *Queue) expected(ctx context.Context, config postgres.ScheduleConfig) (latest map[casesync.Type]time.Time) {
	now := q.o.Now()
	err := q.survive(ctx, "freshness", func() error {
		latest = expected(config, now)
		return nil
	})
	if err != nil {
		latest = make(map[casesync.Type]time.Time)
		for _, t := range phasesOf(clinic.SyncFull) {
			latest[t] = now
		}
	}
	return latest
}

// expected is, for each type that a clinic's schedule has, the latest tick that has
// had an hour to succeed, within the past year; zero: there is none. Every tick
// since the clinic was added counts, also one from before a change of the schedule:
// it was not enqueued (R34), but data that is older than the schedule promises is
// stale, whoever wrote the schedule when. Where the zone is unusable nothing can run,
// and all is due now.
func expected(config postgres.ScheduleConfig, now time.Time) map[casesync.Type]time.Time {
	before := now.Add(-staleTolerance)
	since := before.AddDate(-1, 0, 0)
	if config.CreatedAt.After(since) {
		since = config.CreatedAt
	}
	loc, zoneErr := clinic.LoadZone(config.Timezone)
	latest := make(map[casesync.Type]time.Time)
	entries, _ := clinic.ParseSchedules(config.Document, CheckEntry)
	for _, e := range entries {
		cron, err := scheduler.Parse(e.Cron)
		if err != nil || !e.Enabled || e.Options.DryRun {
			continue
		}
		at := now
		if zoneErr == nil {
			at, _ = cron.Latest(since, before, loc)
		}
		for _, t := range phasesOf(e.Type) {
			if known, ok := latest[t]; !ok || at.After(known) {
				latest[t] = at
			}
		}
	}
	return latest
}

// phasesOf are the types that a sync of a schedule succeeds in: a full one is all
// three.
func phasesOf(t clinic.SyncType) []casesync.Type {
	if t == clinic.SyncFull {
		return []casesync.Type{casesync.TypeInbound, casesync.TypeCases, casesync.TypeReconciliation}
	}
	return []casesync.Type{casesync.Type(t)}
}
