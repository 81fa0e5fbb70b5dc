package model_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/casestore"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/postgres/syncstore"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// A database is a stage in PostgreSQL: a clinic of its own, next to another.
type database struct {
	*casestore.Cases
	*syncstore.Audits
	plans     *syncstore.Plans
	db        *postgres.DB
	clinic    uuid.UUID
	neighbour uuid.UUID
}

func newDatabase(ctx context.Context, db *postgres.DB) (*database, error) {
	d := &database{Cases: casestore.NewCases(db), Audits: syncstore.NewAudits(db), plans: syncstore.NewPlans(db), db: db}
	const newClinic = "insert into clinics (timezone) values ($1) returning id"
	for _, id := range []*uuid.UUID{&d.clinic, &d.neighbour} {
		if err := db.Pool().QueryRow(ctx, newClinic, zone).Scan(id); err != nil {
			return nil, err
		}
	}
	_, err := db.Pool().Exec(ctx, `insert into cases (clinic_id, pims_id, scheduled_date, sync_status)
		select $1, i::text, $2::timestamptz - make_interval(days => i), 'draft' from generate_series(1, 5) i`, d.neighbour, firstDay)
	return d, err
}

func (d *database) KeepPlan(ctx context.Context, lease syncs.Lease, plan syncs.Plan) (bool, error) {
	return d.plans.KeepPlan(ctx, lease, plan)
}

func (d *database) SupersedePlans(ctx context.Context, lease syncs.Lease, guards []syncs.Code, kind syncs.Type, seen pims.Window, at time.Time) error {
	return d.plans.SupersedePlans(ctx, lease, guards, kind, seen, at)
}

func (d *database) start(ctx context.Context, kind syncs.Type, approval uuid.UUID, at time.Time) (syncs.Run, error) {
	id := uuid.Must(uuid.NewV7())
	_, err := d.Enqueue(ctx, syncs.Audit{
		ID: id, ClinicID: d.clinic, Type: kind, Trigger: syncs.TriggerAPI, Approval: approval, CreatedAt: at,
	}, "", func(pgx.Tx) error { return nil })
	if err != nil {
		return syncs.Run{}, err
	}
	return d.Claim(ctx, id, "model", time.Hour, at)
}

func (d *database) finish(ctx context.Context, lease syncs.Lease, status syncs.Status, result syncs.Result, at time.Time) error {
	return d.Finish(ctx, lease, status, result, at)
}

func (d *database) audit(ctx context.Context, id uuid.UUID) (syncs.Audit, error) {
	return d.Audit(ctx, d.clinic, id)
}

func (d *database) unfinished(ctx context.Context) (n int, err error) {
	const sql = "select count(*) from case_sync_audits where clinic_id = $1 and status in ('queued', 'in_progress')"
	err = d.db.Pool().QueryRow(ctx, sql, d.clinic).Scan(&n)
	return n, err
}

func (d *database) rows(ctx context.Context) ([]row, error) {
	const sql = `select id, (metadata - '{appointment,consultation,reconciliation,sync}'::text[])::text,
			exists (select from case_restores where case_id = id)
		from cases where clinic_id = $1 and pims_id is not null order by scheduled_date, pims_id`
	found, err := d.db.Pool().Query(ctx, sql, d.clinic)
	if err != nil {
		return nil, err
	}
	var ids []uuid.UUID
	rows, err := pgx.CollectRows(found, func(found pgx.CollectableRow) (r row, err error) {
		err = found.Scan(&r.ID, &r.foreign, &r.protected)
		ids = append(ids, r.ID)
		return r, err
	})
	if err != nil {
		return nil, err
	}
	cases, err := d.CasesWithConsultations(ctx, d.clinic, ids)
	for i := range rows {
		rows[i].Case = cases[rows[i].ID]
	}
	return rows, err
}

func (d *database) others(ctx context.Context) (text string, err error) {
	const sql = `select string_agg(xmin || c::text, e'\n' order by id) from cases c
		where clinic_id = $1 or clinic_id = $2 and pims_id is null`
	err = d.db.Pool().QueryRow(ctx, sql, d.neighbour, d.clinic).Scan(&text)
	return text, err
}

func (d *database) readings(ctx context.Context) (map[uuid.UUID]cases.Reading, error) {
	const sql = `select case_id, tries, next_try_at, read_at, coalesce(entry_fingerprint, ''), outcome,
			changed_at
		from case_enrichments where clinic_id = $1`
	found, err := d.db.Pool().Query(ctx, sql, d.clinic)
	if err != nil {
		return nil, err
	}
	readings := map[uuid.UUID]cases.Reading{}
	_, err = pgx.CollectRows(found, func(found pgx.CollectableRow) (r cases.Reading, err error) {
		var nextTry, readAt, since *time.Time
		err = found.Scan(&r.CaseID, &r.Tries, &nextTry, &readAt, &r.Fingerprint, &r.Outcome, &since)
		if since != nil {
			r.Since = *since
		}
		if nextTry != nil {
			r.NextTry = *nextTry
		}
		if readAt != nil {
			r.ReadAt = *readAt
		}
		readings[r.CaseID] = r
		return r, err
	})
	return readings, err
}

func (d *database) make(ctx context.Context, c cases.Case) error {
	_, err := d.db.Pool().Exec(ctx, `insert into cases (clinic_id, pims_id, patient_name, scheduled_date, status)
		values ($1, nullif($2, ''), $3, $4, $5) on conflict do nothing`,
		d.clinic, c.PIMSID, c.PatientName, c.ScheduledDate, c.Status)
	return err
}

func (d *database) edit(ctx context.Context, id uuid.UUID, e edit) error {
	_, err := d.db.Pool().Exec(ctx, `update cases set
			status = coalesce(nullif($2, ''), status),
			phone_number = coalesce(nullif($3, ''), phone_number),
			metadata = case when $4 = '' then metadata else metadata || jsonb_build_object('billing', $4::text) end
		where id = $1`, id, e.status, e.phone, e.foreign)
	return err
}

func (d *database) restore(ctx context.Context, ids []uuid.UUID, at time.Time) ([]cases.Restoration, error) {
	return d.Restore(ctx, d.clinic, ids, "key:model", at)
}

func (d *database) deletedBy(ctx context.Context, syncID uuid.UUID) ([]uuid.UUID, error) {
	return d.DeletedBy(ctx, d.clinic, syncID)
}

// plan is a plan at the model's time: PostgreSQL's store tells it at the real one.
func (d *database) plan(ctx context.Context, id uuid.UUID) (syncs.Plan, error) {
	return d.plans.Plan(ctx, d.clinic, id)
}

func (d *database) decide(ctx context.Context, id uuid.UUID, status syncs.PlanStatus, at time.Time) error {
	return d.db.InClinic(ctx, "decide", d.clinic, func(tx pgx.Tx) error {
		return d.plans.Decide(ctx, tx, d.clinic, id, status, "key:model", at)
	})
}
