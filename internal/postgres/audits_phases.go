package postgres

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/dbsqlc"
)

// BeginPhase is casesync.Recorder's.
func (s *Audits) BeginPhase(ctx context.Context, lease casesync.Lease, phase casesync.Type, at time.Time) (uuid.UUID, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return uuid.Nil, err
	}
	err = s.db.underLease(ctx, "open the audit of a phase", lease, func(tx pgx.Tx) error {
		return dbsqlc.New(tx).InsertPhase(ctx, dbsqlc.InsertPhaseParams{
			ID: id, ParentID: lease.AuditID, ClinicID: lease.ClinicID, SyncType: string(phase), StartedAt: at,
		})
	})
	return id, err
}

// EndPhase is casesync.Recorder's.
func (s *Audits) EndPhase(ctx context.Context, lease casesync.Lease, id uuid.UUID, status casesync.Status, result casesync.Result, at time.Time) error {
	row, err := closing(lease, id, status, result, at)
	if err != nil {
		return err
	}
	row.ParentID = &lease.AuditID
	return s.db.underLease(ctx, "close the audit of a phase", lease, func(tx pgx.Tx) error {
		n, err := dbsqlc.New(tx).CloseAudit(ctx, row)
		if err == nil && n == 0 {
			return casesync.ErrLeaseLost
		}
		return err
	})
}

// reportLimit bounds what a report may cost a sync.
const reportLimit = 2 * time.Second

// Report is casesync.Recorder's. A new step is always told, progress within one a
// few times a second.
func (s *Audits) Report(ctx context.Context, lease casesync.Lease, progress casesync.Progress) {
	if !s.reported.due(lease.AuditID, progress, time.Now()) {
		return
	}
	document, err := json.Marshal(progressJSON(progress))
	if err != nil {
		return // not of these types
	}
	ctx, cancel := context.WithTimeout(ctx, reportLimit)
	defer cancel()
	err = s.db.InClinic(ctx, "report progress", lease.ClinicID, func(tx pgx.Tx) error {
		return dbsqlc.New(tx).ReportProgress(ctx, dbsqlc.ReportProgressParams{
			AuditID: lease.AuditID, ClinicID: lease.ClinicID, Attempt: int32(lease.Attempt), Progress: document, //nolint:gosec // small
		})
	})
	if err != nil && ctx.Err() == nil {
		s.db.logger.DebugContext(ctx, "progress not reported", "sync_id", lease.AuditID.String(), "error", err)
	}
}

const (
	reportEvery  = 250 * time.Millisecond
	reportForget = time.Minute // after the last report of a sync
)

// A throttle drops reports of a sync that come too fast.
type throttle struct {
	mu   sync.Mutex
	last map[uuid.UUID]report
}

type report struct {
	at       time.Time
	progress casesync.Progress
}

func newThrottle() *throttle { return &throttle{last: make(map[uuid.UUID]report)} }

// due tells whether a report is to be passed on.
func (t *throttle) due(id uuid.UUID, p casesync.Progress, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	last, known := t.last[id]
	sameStep := known && last.progress.Phase == p.Phase && last.progress.Step == p.Step
	if sameStep && now.Sub(last.at) < reportEvery && (p.Done < p.Total || p == last.progress) {
		return false
	}
	t.last[id] = report{now, p}
	for other, r := range t.last {
		if now.Sub(r.at) > reportForget {
			delete(t.last, other)
		}
	}
	return true
}
