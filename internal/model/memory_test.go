package model_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/guards"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A memory is a stage without a database: what casesync.Store and Recorder promise,
// said as plainly as it can be. Every method is one transaction.
type memory struct {
	clinic  uuid.UUID
	cases   map[uuid.UUID]*row
	notes   map[uuid.UUID]cases.Reading
	changed map[uuid.UUID]bool // by a person, since the case was soft-deleted
	audits  map[uuid.UUID]*syncs.Audit
	plans   map[uuid.UUID]*syncs.Plan
	version uint32
}

func newMemory() *memory {
	return &memory{
		clinic: uuid.New(), cases: map[uuid.UUID]*row{}, notes: map[uuid.UUID]cases.Reading{},
		changed: map[uuid.UUID]bool{}, audits: map[uuid.UUID]*syncs.Audit{}, plans: map[uuid.UUID]*syncs.Plan{},
	}
}

// find lists the cases that are wanted, by date and id, as the database does.
func (m *memory) find(wanted func(*row) bool) []*row {
	var found []*row
	for _, r := range m.cases {
		if wanted(r) {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b *row) int {
		return cmp.Or(a.ScheduledDate.Compare(b.ScheduledDate), cmp.Compare(a.PIMSID, b.PIMSID))
	})
	return found
}

func (m *memory) scheduled(wanted func(*row) bool) []guards.Scheduled {
	var scheduled []guards.Scheduled
	for _, r := range m.find(wanted) {
		scheduled = append(scheduled, guards.Scheduled{
			PIMSID: r.PIMSID, ScheduledDate: r.ScheduledDate, Start: r.Appointment.Start,
			SoftDeleted: r.SoftDeleted(), Protected: r.protected,
		})
	}
	return scheduled
}

func (m *memory) ScheduledIn(ctx context.Context, _ uuid.UUID, _ string, window pims.Window) ([]guards.Scheduled, error) {
	return m.scheduled(func(r *row) bool { return window.Contains(r.ScheduledDate) }), ctx.Err()
}

func (m *memory) ScheduledByID(ctx context.Context, _ uuid.UUID, _ string, ids []string) ([]guards.Scheduled, error) {
	return m.scheduled(func(r *row) bool { return slices.Contains(ids, r.PIMSID) }), ctx.Err()
}

func (m *memory) CasesByID(ctx context.Context, _ uuid.UUID, _ string, ids []string) (map[string]cases.Case, error) {
	found := map[string]cases.Case{}
	for _, r := range m.find(func(r *row) bool { return slices.Contains(ids, r.PIMSID) }) {
		c := r.Case
		if c.Consultation != nil { // of the consultation only whose it is
			c.Consulted = &cases.Belonging{ConsultationID: c.Consultation.ID, PatientID: c.Consultation.PatientID}
		}
		c.Consultation = nil
		found[c.PIMSID] = c
	}
	return found, ctx.Err()
}

func (m *memory) CasesWithConsultations(ctx context.Context, _ uuid.UUID, ids []uuid.UUID) (map[uuid.UUID]cases.Case, error) {
	found := map[uuid.UUID]cases.Case{}
	for _, id := range ids {
		if r := m.cases[id]; r != nil {
			found[id] = r.Case
		}
	}
	return found, ctx.Err()
}

// fence is what every writing transaction asks first (R30).
func (m *memory) fence(ctx context.Context, lease syncs.Lease) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if a := m.audits[lease.AuditID]; a == nil || a.Status != syncs.StatusInProgress || a.Attempt != lease.Attempt {
		return syncs.ErrLeaseLost
	}
	return nil
}

func (m *memory) WriteCases(ctx context.Context, lease syncs.Lease, _ uuid.UUID, _ string, writes []cases.Write, at time.Time) (written []string, err error) {
	if err := m.fence(ctx, lease); err != nil {
		return nil, err
	}
	for i := range writes {
		if m.write(&writes[i], at) {
			written = append(written, writes[i].After.PIMSID)
			if r := writes[i].Reading; r != nil {
				m.note(*r)
			}
		}
	}
	return written, nil
}

func (m *memory) write(w *cases.Write, at time.Time) bool {
	after := w.After
	if w.Before == nil {
		if len(m.find(func(r *row) bool { return r.PIMSID == after.PIMSID })) > 0 {
			return false // on conflict do nothing
		}
		after.ID, after.CreatedAt = uuid.New(), at
		m.keep(&row{Case: after, foreign: "{}"}, at)
		return true
	}
	r := m.cases[w.Before.ID]
	if r.Version != w.Before.Version {
		return false
	}
	if w.Before.SoftDeleted() == after.SoftDeleted() && r.Status != r.SyncStatus {
		after.Status = r.Status // R10
	}
	if after.Consultation == nil && !w.Hides() {
		after.Consultation = r.Consultation
	}
	if after.Consulted, after.Hidden = nil, false; w.Hides() {
		after.Consultation = nil
	}
	changed := *r
	changed.Case = after
	m.keep(&changed, at)
	return true
}

// keep stores a new version of a row.
func (m *memory) keep(r *row, at time.Time) {
	m.version++
	r.Version, r.UpdatedAt = m.version, at
	m.cases[r.ID] = r
}

func (m *memory) SeenAgain(ctx context.Context, lease syncs.Lease, _ string, ids []string) error {
	if err := m.fence(ctx, lease); err != nil {
		return err
	}
	for _, r := range m.find(func(r *row) bool { return slices.Contains(ids, r.PIMSID) }) {
		r.protected = false
	}
	return nil
}

func (m *memory) EnrichmentCandidates(ctx context.Context, _ uuid.UUID, _ string, window pims.Window, until time.Time) ([]cases.Candidate, error) {
	var candidates []cases.Candidate
	for _, r := range m.find(func(r *row) bool {
		due := window.Contains(r.ScheduledDate) || !m.notes[r.ID].Since.IsZero()
		return due && !r.ScheduledDate.After(until) && !r.SoftDeleted() && r.Appointment.Meaning != pims.StatusCancelled
	}) {
		reading := m.notes[r.ID]
		c := cases.Candidate{
			CaseID: r.ID, PIMSID: r.PIMSID, ScheduledDate: r.ScheduledDate,
			ConsultationID: r.Appointment.ConsultationID, Earlier: r.Appointment.Earlier,
			PatientID: r.Appointment.PatientID, ClientID: r.Appointment.ClientID,
			Since: reading.Since, Disowned: reading.Disowned,
			Tries: reading.Tries, NextTry: reading.NextTry, ReadAt: reading.ReadAt, Fingerprint: reading.Fingerprint,
		}
		if r.Consultation != nil {
			c.Stored, c.StoredID = true, r.Consultation.ID
			c.StoredAppointmentID, c.StoredPatientID = r.Consultation.AppointmentID, r.Consultation.PatientID
			c.HasNotes, c.Final = !r.Consultation.SOAP.Blank(), r.Consultation.Status.Final()
		}
		candidates = append(candidates, c)
	}
	return candidates, ctx.Err()
}

func (m *memory) KeepReadings(ctx context.Context, lease syncs.Lease, readings []cases.Reading) error {
	if err := m.fence(ctx, lease); err != nil {
		return err
	}
	for _, r := range readings {
		m.note(r)
	}
	return nil
}

func (m *memory) note(r cases.Reading) {
	if r.ReadAt.IsZero() {
		r.ReadAt, r.Fingerprint = m.notes[r.CaseID].ReadAt, m.notes[r.CaseID].Fingerprint
	}
	if r.Disowned.ConsultationID == "" {
		r.Disowned = m.notes[r.CaseID].Disowned
	}
	m.notes[r.CaseID] = r
}

func (m *memory) candidates(window pims.Window, until time.Time) []*row {
	return m.find(func(r *row) bool { return deletable(r, window, until) })
}

func (m *memory) DeletionCandidates(ctx context.Context, _ uuid.UUID, _ string, window pims.Window, until time.Time) ([]cases.Case, error) {
	var cases []cases.Case
	for _, r := range m.candidates(window, until) {
		c := r.Case
		c.Consultation = nil
		cases = append(cases, c)
	}
	return cases, ctx.Err()
}

func (m *memory) SoftDelete(ctx context.Context, lease syncs.Lease, syncID uuid.UUID, _ string, window pims.Window, until time.Time, deletions []cases.SoftDeletion, at time.Time) (deleted []uuid.UUID, err error) {
	if err := m.fence(ctx, lease); err != nil {
		return nil, err
	}
	for _, d := range deletions {
		r := m.cases[d.Case.ID]
		if r.Version != d.Case.Version || !deletable(r, window, until) {
			continue
		}
		gone := *r
		gone.Case = cases.Deleted(r.Case, d.Reason, syncID, at)
		m.keep(&gone, at)
		m.changed[r.ID] = false
		deleted = append(deleted, r.ID)
	}
	return deleted, nil
}

func (m *memory) BeginPhase(ctx context.Context, lease syncs.Lease, kind syncs.Type, at time.Time) (uuid.UUID, error) {
	if err := m.fence(ctx, lease); err != nil {
		return uuid.Nil, err
	}
	id := uuid.New()
	m.audits[id] = &syncs.Audit{ID: id, ParentID: lease.AuditID, Type: kind, Status: syncs.StatusInProgress, StartedAt: at}
	return id, nil
}

func (m *memory) EndPhase(_ context.Context, _ syncs.Lease, id uuid.UUID, status syncs.Status, result syncs.Result, at time.Time) error {
	a := m.audits[id]
	a.Status, a.Result, a.CompletedAt = status, result, at
	return nil
}

func (m *memory) KeepPlan(ctx context.Context, lease syncs.Lease, plan syncs.Plan) (first bool, err error) {
	if err := m.fence(ctx, lease); err != nil {
		return false, err
	}
	first = m.supersede(plan.Code, plan.SyncType) == 0
	m.plans[plan.ID] = &plan
	return first, nil
}

func (m *memory) SupersedePlans(ctx context.Context, lease syncs.Lease, guards []syncs.Code, kind syncs.Type, seen pims.Window, at time.Time) error {
	if err := m.fence(ctx, lease); err != nil {
		return err
	}
	for _, p := range m.plans {
		if p.Status == syncs.PlanOpen && p.SyncType == kind && slices.Contains(guards, p.Code) && p.SeenBy(seen, at) {
			p.Status = syncs.PlanSuperseded
		}
	}
	return nil
}

func (m *memory) supersede(guard syncs.Code, kind syncs.Type) (n int) {
	for _, p := range m.plans {
		if p.Status == syncs.PlanOpen && p.Code == guard && p.SyncType == kind {
			p.Status = syncs.PlanSuperseded
			n++
		}
	}
	return n
}

func (m *memory) Report(context.Context, syncs.Lease, syncs.Progress) {}

func (m *memory) start(_ context.Context, kind syncs.Type, approval uuid.UUID, at time.Time) (syncs.Run, error) {
	id := uuid.New()
	m.audits[id] = &syncs.Audit{ID: id, Type: kind, Status: syncs.StatusInProgress, Attempt: 1, StartedAt: at}
	return syncs.Run{Lease: syncs.Lease{ClinicID: m.clinic, AuditID: id, Attempt: 1}, Type: kind, Approval: approval}, nil
}

func (m *memory) finish(_ context.Context, lease syncs.Lease, status syncs.Status, result syncs.Result, at time.Time) error {
	a := m.audits[lease.AuditID]
	a.Status, a.Result, a.CompletedAt = status, result, at
	return nil
}

func (m *memory) audit(_ context.Context, id uuid.UUID) (syncs.Audit, error) {
	a := *m.audits[id]
	for _, child := range m.audits {
		if child.ParentID == id {
			a.Children = append(a.Children, *child)
		}
	}
	return a, nil
}

func (m *memory) unfinished(context.Context) (n int, err error) {
	for _, a := range m.audits {
		if !a.Status.Final() {
			n++
		}
	}
	return n, nil
}

func (m *memory) rows(context.Context) ([]row, error) {
	var rows []row
	for _, r := range m.find(func(*row) bool { return true }) {
		rows = append(rows, *r)
	}
	return rows, nil
}

// others are none: the stage holds only what a sync may touch.
func (m *memory) others(context.Context) (string, error) { return "", nil }

func (m *memory) readings(context.Context) (map[uuid.UUID]cases.Reading, error) {
	return maps.Clone(m.notes), nil
}

func (m *memory) make(_ context.Context, c cases.Case) error {
	if c.PIMSID == "" || len(m.find(func(r *row) bool { return r.PIMSID == c.PIMSID })) > 0 {
		return nil
	}
	c.ID, c.CaseType, c.CreatedAt = uuid.New(), cases.Other, firstDay
	m.keep(&row{Case: c, foreign: "{}"}, firstDay)
	return nil
}

func (m *memory) edit(_ context.Context, id uuid.UUID, e edit) error {
	r := *m.cases[id]
	r.Status = cmp.Or(e.status, r.Status)
	r.PhoneNumber = cmp.Or(e.phone, r.PhoneNumber)
	if e.status != "" && e.status != m.cases[id].Status || e.phone != "" && e.phone != m.cases[id].PhoneNumber {
		m.changed[id] = true
	}
	if e.foreign != "" {
		r.foreign = fmt.Sprintf(`{"billing": %q}`, e.foreign)
	}
	m.keep(&r, r.UpdatedAt)
	return nil
}

func (m *memory) restore(_ context.Context, ids []uuid.UUID, at time.Time) (restorations []cases.Restoration, err error) {
	for _, id := range ids {
		r := *m.cases[id]
		outcome := cases.RestoreDone
		switch {
		case !r.SoftDeleted():
			outcome = cases.RestoreUnchanged
		case m.changed[id]:
			outcome = cases.RestoreRefused
		default:
			r.Status, r.SyncStatus, r.Deletion, r.protected = r.Deletion.StatusBefore, r.Deletion.SyncStatusBefore, nil, true
			m.keep(&r, at)
		}
		restorations = append(restorations, cases.Restoration{CaseID: id, Outcome: outcome})
	}
	return restorations, nil
}

func (m *memory) deletedBy(_ context.Context, syncID uuid.UUID) (ids []uuid.UUID, err error) {
	for _, r := range m.find(func(r *row) bool { return r.SoftDeleted() }) {
		if a := m.audits[r.Deletion.SyncID]; a.ID == syncID || a.ParentID == syncID {
			ids = append(ids, r.ID)
		}
	}
	return ids, nil
}

var errNoPlan = errors.New("there is no such plan")

func (m *memory) plan(_ context.Context, id uuid.UUID) (syncs.Plan, error) {
	if p := m.plans[id]; p != nil {
		return *p, nil
	}
	return syncs.Plan{}, fmt.Errorf("%w among %v", errNoPlan, slices.Collect(maps.Keys(m.plans)))
}

func (m *memory) decide(_ context.Context, id uuid.UUID, status syncs.PlanStatus, at time.Time) error {
	p := m.plans[id]
	if err := p.Decidable(at); err != nil {
		return err
	}
	p.Status = status
	return nil
}
