package syncstore

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/pims-sync/pims-sync/internal/postgres"

	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/dbsqlc"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

const (
	reportEvery  = 250 * time.Millisecond // progress within a step
	reportSettle = 20 * time.Millisecond  // a step that is over sooner is not written
	reportLimit  = 2 * time.Second        // how long the database may take for a report
)

// Report implements casesync.Recorder. No sync waits for it. It writes a new step unless
// another follows at once, and progress within a step at most a few times a second. A panic
// while it writes ends the sync (R58).
func (s *Audits) Report(ctx context.Context, lease syncs.Lease, progress syncs.Progress) {
	if s.reports.take(lease, progress, time.Now()) {
		panics.Go(func() { s.reports.write(context.WithoutCancel(ctx), lease, s.writeReport) }, panics.Owner(ctx))
	}
}

func (s *Audits) writeReport(ctx context.Context, lease syncs.Lease, progress syncs.Progress) {
	document, err := json.Marshal(progressJSON(progress))
	if err != nil {
		return // not of these types
	}
	ctx, cancel := context.WithTimeout(ctx, reportLimit)
	defer cancel()
	err = s.db.AskInClinic(ctx, "report progress", lease.ClinicID, func(q *dbsqlc.Queries) error {
		return q.ReportProgress(ctx, dbsqlc.ReportProgressParams{
			AuditID: lease.AuditID, ClinicID: lease.ClinicID, Attempt: int32(lease.Attempt), Progress: document, //nolint:gosec // small
		})
	})
	if err != nil {
		s.db.Logger().DebugContext(ctx, "progress not reported", "sync_id", lease.AuditID.String(), "error", err)
	}
}

// reports holds the last report of each sync.
type reports struct {
	mu   sync.Mutex
	last map[syncs.Lease]*report
}

// A report is the last report of a sync.
type report struct {
	at       time.Time
	progress syncs.Progress
	unsaid   bool // it is not written yet
	writing  bool // a goroutine writes this sync's reports
}

func newReports() *reports { return &reports{last: make(map[syncs.Lease]*report)} }

// take stores a report, unless it comes too soon, and reports whether the caller must see
// to its writing.
func (r *reports) take(lease syncs.Lease, p syncs.Progress, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := r.last[lease]
	if last == nil {
		last = &report{}
		r.last[lease] = last
		r.forget(now)
	}
	sameStep := last.progress.Phase == p.Phase && last.progress.Step == p.Step
	if sameStep && now.Sub(last.at) < reportEvery && (p.Done < p.Total || p == last.progress) {
		return false
	}
	last.at, last.progress, last.unsaid = now, p, true
	mine := !last.writing
	last.writing = true
	return mine
}

// forget drops the syncs that have not reported for a while.
func (r *reports) forget(now time.Time) {
	for lease, last := range r.last {
		if !last.writing && !last.at.IsZero() && now.Sub(last.at) > time.Minute {
			delete(r.last, lease)
		}
	}
}

// write writes a sync's reports until there is no new one.
func (r *reports) write(ctx context.Context, lease syncs.Lease, write func(context.Context, syncs.Lease, syncs.Progress)) {
	for {
		_ = postgres.Pause(ctx, reportSettle)
		progress, ok := r.next(lease)
		if !ok {
			return
		}
		write(ctx, lease, progress)
	}
}

func (r *reports) next(lease syncs.Lease) (syncs.Progress, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := r.last[lease]
	if !last.unsaid {
		last.writing = false
		return syncs.Progress{}, false
	}
	last.unsaid = false
	return last.progress, true
}
