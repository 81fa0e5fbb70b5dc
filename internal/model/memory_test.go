package model_test

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/scratch"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A memory is a stage without a database: the stores in memory, on which recordings are
// replayed (R52), with what people do beside the syncs.
type memory struct {
	*scratch.Store

	clinic  uuid.UUID
	foreign map[uuid.UUID]string // the keys of metadata that are not sync's
	changed map[uuid.UUID]bool   // by a person, since the case was soft-deleted
}

func newMemory() *memory {
	return &memory{Store: scratch.New(), clinic: uuid.New(), foreign: map[uuid.UUID]string{}, changed: map[uuid.UUID]bool{}}
}

func (m *memory) SoftDelete(ctx context.Context, lease syncs.Lease, syncID uuid.UUID, provider string, window pims.Window, until time.Time, deletions []cases.SoftDeletion, at time.Time) ([]uuid.UUID, error) {
	deleted, err := m.Store.SoftDelete(ctx, lease, syncID, provider, window, until, deletions, at)
	for _, id := range deleted {
		m.changed[id] = false
	}
	return deleted, err
}

func (m *memory) start(_ context.Context, kind syncs.Type, approval uuid.UUID, at time.Time) (syncs.Run, error) {
	run := m.Start(m.clinic, kind, at)
	run.Approval = approval
	return run, nil
}

func (m *memory) finish(ctx context.Context, lease syncs.Lease, status syncs.Status, result syncs.Result, at time.Time) error {
	return m.EndPhase(ctx, lease, lease.AuditID, status, result, at)
}

func (m *memory) audit(_ context.Context, id uuid.UUID) (syncs.Audit, error) { return m.Audit(id), nil }

func (m *memory) unfinished(context.Context) (int, error) { return m.Unfinished(), nil }

func (m *memory) rows(context.Context) ([]row, error) {
	var rows []row
	for _, r := range m.Rows() {
		rows = append(rows, row{Case: r.Case, protected: r.Protected, foreign: cmp.Or(m.foreign[r.ID], "{}")})
	}
	return rows, nil
}

// others are none: the stage holds only what a sync may touch.
func (m *memory) others(context.Context) (string, error) { return "", nil }

func (m *memory) readings(context.Context) (map[uuid.UUID]cases.Reading, error) {
	return m.Readings(), nil
}

func (m *memory) make(_ context.Context, c cases.Case) error {
	for _, r := range m.Rows() {
		if r.PIMSID == c.PIMSID {
			return nil
		}
	}
	if c.PIMSID == "" {
		return nil
	}
	c.ID, c.CaseType, c.CreatedAt, c.UpdatedAt = uuid.New(), cases.Other, firstDay, firstDay
	m.Put(scratch.Row{Case: c})
	return nil
}

func (m *memory) edit(_ context.Context, id uuid.UUID, e edit) error {
	r, _ := m.Row(id)
	if e.status != "" && e.status != r.Status || e.phone != "" && e.phone != r.PhoneNumber {
		m.changed[id] = true
	}
	r.Status = cmp.Or(e.status, r.Status)
	r.PhoneNumber = cmp.Or(e.phone, r.PhoneNumber)
	if e.foreign != "" {
		m.foreign[id] = fmt.Sprintf(`{"billing": %q}`, e.foreign)
	}
	m.Put(r)
	return nil
}

func (m *memory) restore(_ context.Context, ids []uuid.UUID, at time.Time) (restorations []cases.Restoration, err error) {
	rows := map[uuid.UUID]row{}
	for _, r := range m.Rows() {
		rows[r.ID] = row{Case: r.Case}
	}
	for _, id := range ids {
		r, _ := m.Row(id)
		outcome := cases.RestoreDone
		switch {
		case !r.SoftDeleted():
			outcome = cases.RestoreUnchanged
		case m.changed[id]:
			outcome = cases.RestoreRefused
		default:
			if withheld(rows, &row{Case: r.Case}) {
				r = m.Hide(id, at)
			}
			r.Status, r.SyncStatus, r.Deletion, r.Protected = r.Deletion.StatusBefore, r.Deletion.SyncStatusBefore, nil, true
			r.UpdatedAt = at
			m.Put(r)
		}
		restorations = append(restorations, cases.Restoration{CaseID: id, Outcome: outcome})
	}
	return restorations, nil
}

func (m *memory) deletedBy(_ context.Context, syncID uuid.UUID) (ids []uuid.UUID, err error) {
	for _, r := range m.Rows() {
		if !r.SoftDeleted() {
			continue
		}
		if a := m.Audit(r.Deletion.SyncID); a.ID == syncID || a.ParentID == syncID {
			ids = append(ids, r.ID)
		}
	}
	return ids, nil
}

func (m *memory) plan(_ context.Context, id uuid.UUID) (syncs.Plan, error) { return m.Plan(id) }

func (m *memory) decide(_ context.Context, id uuid.UUID, status syncs.PlanStatus, at time.Time) error {
	p, err := m.Plan(id)
	if err == nil {
		err = p.Decidable(at)
	}
	if err != nil {
		return err
	}
	p.Status = status
	m.PutPlan(p)
	return nil
}
