package syncstore

import (
	"context"
	"encoding/json"
	"time"

	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/page"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/values"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/dbsqlc"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/null"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// Plans stores what the guards held back (R18, R23).
type Plans struct{ db *postgres.DB }

// NewPlans returns the store of the plans.
func NewPlans(db *postgres.DB) *Plans { return &Plans{db} }

// KeepPlan implements casesync.Recorder.
func (s *Plans) KeepPlan(ctx context.Context, lease syncs.Lease, plan syncs.Plan) (first bool, err error) {
	cases, err := json.Marshal(append([]plannedCaseJSON{}, values.Convert(plan.Cases, func(c syncs.PlannedCase) plannedCaseJSON {
		return plannedCaseJSON{c.CaseID, c.PIMSID, c.ScheduledDate}
	})...))
	if err != nil {
		return false, err
	}
	evidence, err := encodeEvidence(plan.Evidence)
	if err != nil {
		return false, err
	}
	err = s.db.UnderLease(ctx, "keep the plan", lease, func(q *dbsqlc.Queries) error {
		superseded, err := q.SupersedePlans(ctx, dbsqlc.SupersedePlansParams{
			ClinicID: lease.ClinicID, Code: string(plan.Code), SyncType: string(plan.SyncType), DecidedAt: &plan.CreatedAt,
		})
		if err != nil {
			return err
		}
		first = superseded == 0
		return q.InsertPlan(ctx, dbsqlc.InsertPlanParams{
			ID:          plan.ID,
			ClinicID:    lease.ClinicID,
			SyncID:      plan.SyncID,
			SyncType:    string(plan.SyncType),
			Code:        string(plan.Code),
			Reason:      plan.Reason,
			WindowStart: dayOf(plan.Window.Start),
			WindowEnd:   dayOf(plan.Window.End),
			Cases:       cases,
			Evidence:    evidence,
			CreatedAt:   plan.CreatedAt,
			ExpiresAt:   plan.ExpiresAt,

			CoversDefault: plan.CoversDefault,
		})
	})
	return first, err
}

// SupersedePlans implements casesync.Recorder.
func (s *Plans) SupersedePlans(ctx context.Context, lease syncs.Lease, guards []syncs.Code, kind syncs.Type, seen pims.Window, at time.Time) error {
	return s.db.Later(ctx, "supersede plans", lease, func(batch *pgx.Batch) error {
		return postgres.Queued(batch).SupersedeSeenPlans(ctx, dbsqlc.SupersedeSeenPlansParams{
			ClinicID:    lease.ClinicID,
			Codes:       values.Convert(guards, func(c syncs.Code) string { return string(c) }),
			SyncType:    string(kind),
			WindowStart: dayOf(seen.Start),
			WindowEnd:   dayOf(seen.End),
			Today:       pims.DateOf(at, seen.Location).In(seen.Location),
			DecidedAt:   &at,
		})
	})
}

// Decide approves or rejects an open plan in the name of an actor, within a transaction of
// the clinic. The transaction that approves a plan also starts its sync. The error is
// CodeAlreadyDecided where the plan is not open any more (R23).
func (s *Plans) Decide(ctx context.Context, tx pgx.Tx, clinicID, id uuid.UUID, status syncs.PlanStatus, actor string, at time.Time) error {
	q := dbsqlc.New(tx)
	n, err := q.DecidePlan(ctx, dbsqlc.DecidePlanParams{
		ID: id, ClinicID: clinicID, Status: string(status), DecidedAt: &at, DecidedBy: &actor,
	})
	if err != nil || n > 0 {
		return err
	}
	plan, err := readPlan(ctx, q, clinicID, id, at)
	if err != nil {
		return err
	}
	return plan.Decidable(at)
}

// Reject closes an open plan without doing anything (R23).
func (s *Plans) Reject(ctx context.Context, clinicID, id uuid.UUID, actor string, at time.Time) error {
	return s.db.InClinic(ctx, "reject the plan", clinicID, func(tx pgx.Tx) error {
		return s.Decide(ctx, tx, clinicID, id, syncs.PlanRejected, actor, at)
	})
}

// Plan reads one plan of the clinic, with the sync that carries it out. The error is
// CodeNotFound where the clinic has no such plan.
func (s *Plans) Plan(ctx context.Context, clinicID, id uuid.UUID) (plan syncs.Plan, err error) {
	err = s.db.InClinic(ctx, "read the plan", clinicID, func(tx pgx.Tx) error {
		if plan, err = readPlan(ctx, dbsqlc.New(tx), clinicID, id, s.db.Now()); err != nil {
			return err
		}
		return describeCases(ctx, tx, &plan)
	})
	return plan, err
}

// describeCases adds type and room to the plan's cases, so that a person can recognise the
// visits, and never a name (R40).
func describeCases(ctx context.Context, tx pgx.Tx, plan *syncs.Plan) error {
	of := make(map[uuid.UUID]*syncs.PlannedCase, len(plan.Cases))
	var ids []uuid.UUID
	for i := range plan.Cases {
		of[plan.Cases[i].CaseID] = &plan.Cases[i]
		ids = append(ids, plan.Cases[i].CaseID)
	}
	rows, err := postgres.Query(ctx, tx, `
		select id, coalesce(nullif(metadata #>> '{appointment,type}', ''), case_type), coalesce(metadata #>> '{appointment,room}', '')
		from cases where clinic_id = $1 and id = any($2)`, []any{plan.ClinicID, ids}, scanVisit)
	for _, row := range rows {
		of[row.CaseID].Kind, of[row.CaseID].Room = row.Kind, row.Room
	}
	return err
}

func scanVisit(row pgx.CollectableRow) (c syncs.PlannedCase, err error) {
	err = row.Scan(&c.CaseID, &c.Kind, &c.Room)
	return c, err
}

func readPlan(ctx context.Context, q *dbsqlc.Queries, clinicID, id uuid.UUID, now time.Time) (syncs.Plan, error) {
	row, err := q.Plan(ctx, id, clinicID)
	if err != nil {
		return syncs.Plan{}, null.Found(err, syncs.Fail(syncs.CodeNotFound, "the clinic has no such plan"))
	}
	plans := []syncs.Plan{planOf(row, now)}
	err = addExecutions(ctx, q, clinicID, plans)
	return plans[0], err
}

// approvals are the approved plans of a list, which have executions.
type approvals struct {
	plans   map[uuid.UUID]*syncs.Plan
	clinics []uuid.UUID
	ids     []string
	moments []time.Time
}

func approvalsOf(plans []syncs.Plan) approvals {
	a := approvals{plans: make(map[uuid.UUID]*syncs.Plan)}
	for i := range plans {
		if p := &plans[i]; p.Status == syncs.PlanApproved {
			a.plans[p.ID] = p
			a.clinics, a.ids, a.moments = append(a.clinics, p.ClinicID), append(a.ids, p.ID.String()), append(a.moments, p.DecidedAt)
		}
	}
	return a
}

func (a *approvals) none() bool { return len(a.plans) == 0 }

// add adds to its plan the sync that carries it out.
func (a *approvals) add(row dbsqlc.ExecutionsRow) {
	if p := a.plans[row.PlanID]; p != nil {
		p.Execution = syncs.Execution{SyncID: row.ID, Status: syncs.Status(row.Status), Code: syncs.Code(row.Code)}
	}
}

// addExecutions adds to approved plans of a clinic the syncs that carry them out.
func addExecutions(ctx context.Context, q *dbsqlc.Queries, clinicID uuid.UUID, plans []syncs.Plan) error {
	a := approvalsOf(plans)
	if a.none() {
		return nil
	}
	rows, err := q.Executions(ctx, clinicID, a.moments, a.ids)
	for _, row := range rows {
		a.add(row)
	}
	return err
}

// Plans lists the clinic's plans, the newest first, with the syncs that carry them
// out.
func (s *Plans) Plans(ctx context.Context, clinicID uuid.UUID, filter syncs.PlanFilter) (list syncs.List[syncs.Plan], err error) {
	before, err := page.Parse(filter.Cursor, page.Latest)
	if err != nil {
		return list, err
	}
	limit, now := page.Limit(filter.Page), s.db.Now()
	var bytes page.Bytes
	err = s.db.AskPage(ctx, "list plans", postgres.Scope{ClinicID: clinicID}, &bytes, func(q *dbsqlc.Queries) error {
		rows, err := q.Plans(ctx, dbsqlc.PlansParams{
			ClinicID: clinicID, Status: string(filter.Status), At: now,
			BeforeAt: before.At, BeforeID: before.ID, UpTo: int32(limit + 1), //nolint:gosec // bounded
		})
		plans := values.Convert(rows, func(row dbsqlc.DeletionPlan) syncs.Plan { return planOf(row, now) })
		list = page.Of(plans, limit, &bytes, func(p syncs.Plan) string { return page.Cursor{At: p.CreatedAt, ID: p.ID}.String() })
		return err
	})
	if err != nil {
		return list, err
	}
	return list, s.db.AskInClinic(ctx, "list how plans were carried out", clinicID, func(q *dbsqlc.Queries) error {
		return addExecutions(ctx, q, clinicID, list.Items)
	})
}

// ClinicOf returns which clinic a plan belongs to, for a command that names only the
// plan. It crosses clinics (R41).
func (s *Plans) ClinicOf(ctx context.Context, id uuid.UUID) (clinicID uuid.UUID, err error) {
	err = s.db.AskSystem(ctx, "find the plan", func(q *dbsqlc.Queries) error {
		clinicID, err = q.ClinicOfPlan(ctx, id)
		return null.Found(err, syncs.Fail(syncs.CodeNotFound, "there is no such plan"))
	})
	return clinicID, err
}

// planOf returns a row as a plan. An open plan whose time is over is expired.
func planOf(row dbsqlc.DeletionPlan, now time.Time) syncs.Plan {
	plan := syncs.Plan{
		ID:       row.ID,
		ClinicID: row.ClinicID,
		SyncID:   row.SyncID,
		SyncType: syncs.Type(row.SyncType),
		Status:   syncs.PlanStatus(row.Status),
		Code:     syncs.Code(row.Code),
		Reason:   row.Reason,
		Window:   pims.Window{Start: pims.DateOf(row.WindowStart, time.UTC), End: pims.DateOf(row.WindowEnd, time.UTC)},
		Cases: values.Convert(null.Value(values.JSON[[]plannedCaseJSON](row.Cases)), func(c plannedCaseJSON) syncs.PlannedCase {
			return syncs.PlannedCase{CaseID: c.CaseID, PIMSID: c.PIMSID, ScheduledDate: c.ScheduledDate}
		}),
		Evidence:  values.JSON[evidenceJSON](row.Evidence).decode(),
		CreatedAt: row.CreatedAt,
		ExpiresAt: row.ExpiresAt,
		DecidedAt: null.Value(row.DecidedAt),
		DecidedBy: null.Value(row.DecidedBy),

		CoversDefault: row.CoversDefault,
	}
	if plan.Status == syncs.PlanOpen && !now.Before(plan.ExpiresAt) {
		plan.Status = syncs.PlanExpired
	}
	return plan
}

// dayOf returns a civil day as the database's date.
func dayOf(d pims.Date) time.Time { return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC) }

// plannedCaseJSON is an item of deletion_plans.cases (docs/interface.md §Endpoints, A plan).
type plannedCaseJSON struct {
	CaseID        uuid.UUID `json:"caseId"`
	PIMSID        string    `json:"pimsId"`
	ScheduledDate time.Time `json:"scheduledDate"`
}

// evidenceJSON is deletion_plans.evidence.
type evidenceJSON struct {
	FetchedAt      time.Time       `json:"fetchedAt,omitzero"`
	Refusal        string          `json:"refusal,omitempty"`
	Known          int             `json:"known"`
	Found          int             `json:"found"`
	Filtered       int             `json:"filtered,omitempty"`
	Shared         int             `json:"shared"`
	Candidates     int             `json:"candidates"`
	Limit          int             `json:"limit"`
	Moved          int             `json:"moved"`
	MovedBySeconds float64         `json:"movedBySeconds"`
	Days           map[string]int  `json:"days,omitempty"`
	Lookups        []lookupJSON    `json:"lookups,omitempty"`
	Rereadings     []rereadingJSON `json:"rereadings,omitempty"`
}

type rereadingJSON struct {
	StartDate string    `json:"startDate"`
	EndDate   string    `json:"endDate"`
	At        time.Time `json:"at"`
	Found     int       `json:"found"`
	Back      int       `json:"back"`
}

type lookupJSON struct {
	PIMSID string    `json:"pimsId"`
	Method string    `json:"method"`
	Found  string    `json:"found"`
	At     time.Time `json:"at"`
}

func encodeEvidence(e syncs.Evidence) ([]byte, error) {
	return json.Marshal(evidenceJSON{
		FetchedAt:      e.FetchedAt,
		Refusal:        e.Refusal,
		Known:          e.Known,
		Found:          e.Found,
		Filtered:       e.Filtered,
		Shared:         e.Shared,
		Candidates:     e.Candidates,
		Limit:          e.Limit,
		Moved:          e.Moved,
		MovedBySeconds: e.MovedBy.Seconds(),
		Days:           e.Days,
		Lookups:        values.Convert(e.Lookups, func(l syncs.Lookup) lookupJSON { return lookupJSON(l) }),
		Rereadings: values.Convert(e.Rereadings, func(r syncs.Rereading) rereadingJSON {
			return rereadingJSON{r.Days.Start.String(), r.Days.End.String(), r.At, r.Found, r.Back}
		}),
	})
}

func (e *evidenceJSON) decode() syncs.Evidence {
	if e == nil {
		return syncs.Evidence{}
	}
	return syncs.Evidence{
		FetchedAt:  e.FetchedAt,
		Refusal:    e.Refusal,
		Known:      e.Known,
		Found:      e.Found,
		Filtered:   e.Filtered,
		Shared:     e.Shared,
		Candidates: e.Candidates,
		Limit:      e.Limit,
		Moved:      e.Moved,
		MovedBy:    time.Duration(e.MovedBySeconds * float64(time.Second)),
		Days:       e.Days,
		Lookups:    values.Convert(e.Lookups, func(l lookupJSON) syncs.Lookup { return syncs.Lookup(l) }),
		Rereadings: values.Convert(e.Rereadings, func(r rereadingJSON) syncs.Rereading {
			start, _ := pims.ParseDate(r.StartDate) // as they were written
			end, _ := pims.ParseDate(r.EndDate)
			return syncs.Rereading{Days: pims.Window{Start: start, End: end}, At: r.At, Found: r.Found, Back: r.Back}
		}),
	}
}
