package clinicstore

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/null"
	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// Conditions reads what is known of the clinics at a moment, ordered by name: of all, which
// crosses clinics (R41), or of the named one (none where there is no such clinic). The
// caller adds what the schedules expect.
//
// It runs six statements, whatever the number of clinics. The first uses primary keys, the
// second case_sync_audits_ended, the third the index of open plans, the fourth reads what was
// unusual lately, the fifth uses pims_fields_told, the sixth case_sync_audits_running.
func (s *Clinics) Conditions(ctx context.Context, clinicID uuid.UUID, at time.Time) (all []scheduler.Condition, err error) {
	var of []uuid.UUID
	if clinicID != uuid.Nil {
		of = []uuid.UUID{clinicID}
	}
	read := func(tx pgx.Tx) error {
		if all, err = readConditions(ctx, tx, of); err != nil {
			return err
		}
		if err := addPlans(ctx, tx, of, at, all); err != nil {
			return err
		}
		return addLatest(ctx, tx, clinicID, at, all)
	}
	if clinicID == uuid.Nil {
		return all, s.db.System(ctx, "read the state of the clinics", read)
	}
	err = s.db.Transact(ctx, "read the state of the clinic", postgres.Scope{ClinicID: clinicID, Ordered: true}, read)
	return all, err
}

// addLatest adds what was unusual lately, what changed in the answers and what runs to the
// conditions of a clinic, or with a zero clinic of all.
func addLatest(ctx context.Context, tx pgx.Tx, clinicID uuid.UUID, at time.Time, all []scheduler.Condition) error {
	unusual, err := UnusualSince(ctx, tx, clinicID, at.Add(-scheduler.UnusualFor))
	if err != nil {
		return err
	}
	drifted, err := postgres.Query(ctx, tx, driftedSQL, []any{null.ID(clinicID)}, scanDrifted)
	if err != nil {
		return err
	}
	running, err := postgres.Query(ctx, tx, runningSQL, []any{null.ID(clinicID)}, scanRunning)
	if err != nil || len(unusual)+len(drifted)+len(running) == 0 {
		return err
	}
	by := make(map[uuid.UUID]*scheduler.Condition, len(all))
	for i := range all {
		by[all[i].Clinic.ID] = &all[i]
	}
	for _, u := range unusual {
		if c := by[u.ClinicID]; c != nil {
			c.Unusual = append(c.Unusual, u)
		}
	}
	for _, d := range drifted {
		if c := by[d.clinicID]; c != nil {
			c.Drifted = append(c.Drifted, d.ChangedForm)
		}
	}
	for _, r := range running {
		if c := by[r.clinicID]; c != nil {
			c.Running = &r.RunningSync
		}
	}
	return nil
}

const driftedSQL = `
	select clinic_id, sync_type, unnest(told) as change, coalesce(told_at, last_seen) as at
	from pims_fields
	where told <> '{}' and ($1::uuid is null or clinic_id = $1)
	order by at desc, sync_type, change`

// A driftedRow is a change of what a clinic's PIMS returns.
type driftedRow struct {
	scheduler.ChangedForm

	clinicID uuid.UUID
}

func scanDrifted(row pgx.CollectableRow) (d driftedRow, err error) {
	return d, row.Scan(&d.clinicID, &d.Type, &d.Change, &d.At)
}

const runningSQL = `
	select clinic_id, id, sync_type, (request ->> 'dryRun') is not distinct from 'true', coalesce(started_at, created_at)
	from case_sync_audits
	where status = 'in_progress' and parent_id is null and ($1::uuid is null or clinic_id = $1)`

// A runningRow is the sync that runs for a clinic.
type runningRow struct {
	scheduler.RunningSync

	clinicID uuid.UUID
}

func scanRunning(row pgx.CollectableRow) (r runningRow, err error) {
	return r, row.Scan(&r.clinicID, &r.ID, &r.Type, &r.DryRun, &r.Since)
}

// ConditionsOf implements scheduler.ClinicStore. It crosses clinics (R41).
func (s *Clinics) ConditionsOf(ctx context.Context, clinicIDs []uuid.UUID, at time.Time) (all []scheduler.Condition, err error) {
	if len(clinicIDs) == 0 {
		return nil, nil
	}
	err = s.db.Transact(ctx, "read the state of some clinics", postgres.Scope{Ordered: true}, func(tx pgx.Tx) error {
		if all, err = readConditions(ctx, tx, clinicIDs); err != nil {
			return err
		}
		return addPlans(ctx, tx, clinicIDs, at, all)
	})
	return all, err
}

// readConditions reads the conditions of some clinics, nil: of all, without their plans, what
// was unusual and what runs.
func readConditions(ctx context.Context, tx pgx.Tx, of []uuid.UUID) ([]scheduler.Condition, error) {
	all, err := readBasics(ctx, tx, of)
	if err != nil {
		return nil, err
	}
	phases, err := readPhases(ctx, tx, of)
	for i := range all {
		all[i].Phases = phases[all[i].Clinic.ID]
	}
	return all, err
}

// readBasics reads what the rows of some clinics, of their credentials and of their schedules
// say; nil: of all clinics.
func readBasics(ctx context.Context, tx pgx.Tx, of []uuid.UUID) ([]scheduler.Condition, error) {
	return postgres.Query(ctx, tx, conditionsSQL, []any{of}, scanCondition)
}

// addPlans adds the plans that are open at a moment to the conditions of some clinics, nil: of
// all.
func addPlans(ctx context.Context, tx pgx.Tx, of []uuid.UUID, at time.Time, all []scheduler.Condition) error {
	found, err := postgres.Query(ctx, tx, plansSQL, []any{of, at}, scanPlans)
	plans := make(map[uuid.UUID]scheduler.PlanCondition, len(found))
	for _, p := range found {
		plans[p.clinicID] = p.PlanCondition
	}
	for i := range all {
		all[i].Plans = plans[all[i].Clinic.ID]
	}
	return err
}

// readPhases reads the phases of some clinics, nil: of all.
func readPhases(ctx context.Context, tx pgx.Tx, of []uuid.UUID) (map[uuid.UUID][]scheduler.PhaseCondition, error) {
	phases, err := postgres.Query(ctx, tx, phasesSQL, []any{of, syncs.RefusedHere()}, scanPhase)
	by := make(map[uuid.UUID][]scheduler.PhaseCondition, len(phases)/3)
	for _, p := range phases {
		by[p.clinicID] = append(by[p.clinicID], p.PhaseCondition)
	}
	return by, err
}

const conditionsSQL = `
	select c.id, c.name, c.timezone, c.is_active, c.disabled_at, c.created_at, c.updated_at,
		p.provider, c.credentials_removed_at, p.updated_at, p.suspended_at, p.tested_at, p.test_outcome, s.sync_schedules
	from clinics c
	left join pims_credentials p on p.clinic_id = c.id
	left join clinic_schedule_configs s on s.clinic_id = c.id
	where $1::uuid[] is null or c.id = any($1)
	order by c.name, c.id`

const plansSQL = `
	select clinic_id, count(*), min(created_at), (array_agg(code order by created_at))[1]
	from deletion_plans
	where status = 'open' and expires_at > $2 and ($1::uuid[] is null or clinic_id = any($1))
	group by clinic_id`

// A phase's failures are its own and those of full syncs that ended before they ran it. Two
// kinds of failures do not count: those that our side refused ($2), and those of earlier
// credentials or of these credentials before a successful test. A phase of a full sync uses
// the credentials with which the full sync began. A session that ended (auth_expired) counts
// unless its credentials were replaced.
//
// A series of equal outcomes begins with the first one after the latest different outcome.
// Only a sync that covers the default days of its type is a success (PhaseCondition); any
// other completed sync only counts as the latest attempt. Rows that were made by hand may
// lack a time.
const phasesSQL = `
	with attempts as not materialized (
		select id, clinic_id, parent_id, sync_type, status, error_code, completed_at, covers_default,
			coalesce(started_at, created_at) as began
		from case_sync_audits
		where completed_at is not null and (request ->> 'dryRun') is distinct from 'true'
			and (error_code is null or error_code <> all($2))
			and not (status = 'failed'
				and error_code in ('pims_auth_rejected', 'pims_auth_challenge', 'credentials_suspended', 'credentials_missing', 'credentials_invalid',
					'auth_expired')
				and exists (
					select from pims_credentials p
					where p.clinic_id = case_sync_audits.clinic_id and (
						coalesce((select coalesce(m.started_at, m.created_at) from case_sync_audits m where m.id = case_sync_audits.parent_id),
							started_at, case_sync_audits.created_at) < p.created_at
						or error_code <> 'auth_expired'
							and (completed_at < p.updated_at or p.test_outcome = 'ok' and completed_at < p.tested_at))))
	)
	select c.id, t.sync_type, good.began, good.completed_at, good.error_code,
		bad.began, bad.completed_at, bad.sync_type, bad.error_code, other.began, other.completed_at, other.error_code,
		case when bad.completed_at > coalesce(good.completed_at, '-infinity')
			then coalesce(first_bad.completed_at, bad.completed_at)
			else first_good.completed_at end
	from clinics c
	cross join unnest(array['inbound', 'cases', 'reconciliation']) with ordinality as t (sync_type, place)
	left join lateral (
		select began, completed_at, error_code from attempts
		where clinic_id = c.id and sync_type = t.sync_type and status = 'completed' and covers_default
		order by completed_at desc limit 1
	) good on true
	left join lateral (
		select began, completed_at, error_code from attempts
		where clinic_id = c.id and sync_type = t.sync_type and status = 'completed' and not covers_default
			and completed_at > coalesce(good.completed_at, '-infinity')
		order by completed_at desc limit 1
	) other on true
	left join lateral (
		select a.began, a.completed_at, a.sync_type, a.error_code
		from (
			(select * from attempts where clinic_id = c.id and sync_type = t.sync_type and status = 'failed'
			order by completed_at desc limit 1)
			union all
			(select * from attempts where clinic_id = c.id and sync_type = 'full' and status = 'failed'
			order by completed_at desc limit 1)
		) a
		where a.sync_type <> 'full'
			or not exists (select from case_sync_audits k where k.parent_id = a.id and k.sync_type = t.sync_type)
		order by a.completed_at desc limit 1
	) bad on true
	left join lateral (
		select min(f.completed_at) as completed_at
		from (
			(select completed_at from attempts
			where clinic_id = c.id and sync_type = t.sync_type and status = 'failed'
				and completed_at > coalesce(good.completed_at, '-infinity')
			order by completed_at limit 1)
			union all
			(select completed_at from attempts
			where clinic_id = c.id and sync_type = 'full' and status = 'failed'
				and completed_at > coalesce(good.completed_at, '-infinity') and began > coalesce(good.completed_at, '-infinity')
			order by completed_at limit 1)
		) f
	) first_bad on bad.completed_at > coalesce(good.completed_at, '-infinity')
	left join lateral (
		select completed_at from attempts
		where clinic_id = c.id and sync_type = t.sync_type and status = 'completed' and covers_default
			and completed_at > coalesce(bad.completed_at, '-infinity')
		order by completed_at limit 1
	) first_good on true
	where $1::uuid[] is null or c.id = any($1)
	order by c.id, t.place`

func scanCondition(row pgx.CollectableRow) (c scheduler.Condition, err error) {
	var timezone, provider, outcome *string
	var disabled, removed, changed, suspended, tested *time.Time
	k := &c.Clinic
	err = row.Scan(&k.ID, &k.Name, &timezone, &k.Active, &disabled, &k.CreatedAt, &k.UpdatedAt,
		&provider, &removed, &changed, &suspended, &tested, &outcome, &c.Schedules)
	k.Timezone, k.DisabledAt, c.Provider = null.Value(timezone), null.Value(disabled), null.Value(provider)
	c.Credentials = scheduler.CredentialCondition{
		Set: provider != nil, RemovedAt: null.Value(removed), ChangedAt: null.Value(changed), SuspendedAt: null.Value(suspended), TestedAt: null.Value(tested), TestOutcome: null.Value(outcome),
	}
	return c, err
}

// A plansRow has the open plans of a clinic.
type plansRow struct {
	scheduler.PlanCondition

	clinicID uuid.UUID
}

func scanPlans(row pgx.CollectableRow) (p plansRow, err error) {
	return p, row.Scan(&p.clinicID, &p.Open, &p.Since, &p.Code)
}

// A phaseRow is the condition of a phase of a clinic.
type phaseRow struct {
	scheduler.PhaseCondition

	clinicID uuid.UUID
}

func scanPhase(row pgx.CollectableRow) (p phaseRow, err error) {
	var good, goodEnd, bad, badEnd, other, otherEnd, since *time.Time
	var goodCode, badCode, badType, otherCode *string
	err = row.Scan(&p.clinicID, &p.Type, &good, &goodEnd, &goodCode, &bad, &badEnd, &badType, &badCode, &other, &otherEnd, &otherCode, &since)
	p.LastSuccess, p.Since = null.Value(good), null.Value(since)
	p.Failing = badEnd != nil && badEnd.After(null.Value(goodEnd))
	switch {
	case p.Failing:
		p.LastAttempt, p.EndedAt = null.Value(bad), *badEnd
		p.AttemptType, p.LastCode = syncs.Type(null.Value(badType)), syncs.Code(null.Value(badCode))
		p.FailedAt, p.FailureCode = p.EndedAt, p.LastCode
	case goodEnd != nil:
		p.LastAttempt, p.EndedAt = null.Value(good), *goodEnd
		p.AttemptType, p.LastCode = p.Type, syncs.Code(null.Value(goodCode))
	}
	if otherEnd != nil && otherEnd.After(p.EndedAt) {
		p.LastAttempt, p.EndedAt = null.Value(other), *otherEnd
		p.AttemptType, p.LastCode = p.Type, syncs.Code(null.Value(otherCode))
	}
	return p, err
}
