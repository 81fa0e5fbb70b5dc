package queue_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimstest"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/casestore"
	"github.com/pims-sync/pims-sync/internal/postgres/clinicstore"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/postgres/syncstore"
	"github.com/pims-sync/pims-sync/internal/queue"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// The size of the clinic whose statements are looked at, and of what its syncs touch.
const (
	bigClinic  = 20_000 // cases that no sync of the test has to do with, and their history
	oldAudits  = 4500
	dayOfVisit = 150 // appointments that the syncs are about
	readLimit  = 4000
)

// A plan must not depend on the planner's statistics: the service may not run ANALYZE, and
// a clinic is unknown to them until autovacuum comes round. One chunk of a thousand ids
// once took 45 s that way. So each statement of syncs and of the API's reads runs on tables
// that were filled behind the planner's back, and may read no more rows than it needs.
func TestNoStatementOfASyncReadsTheWholeClinicWhateverTheStatistics(t *testing.T) {
	t.Parallel()
	const others = `insert into clinics (id, timezone) select ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, 'UTC' from generate_series(1, %d) n`
	crowd := func(clinics, each int) []string {
		return []string{
			fmt.Sprintf(others, clinics),
			fmt.Sprintf(`insert into cases (clinic_id, pims_id, scheduled_date, updated_at)
				select c.id, n, '2026-01-01', '2026-01-01' from clinics c, generate_series(1, %d) n`, each),
			`insert into case_events (clinic_id, case_id, actor, action) select clinic_id, id, 'person', 'created' from cases`,
			`insert into case_sync_audits (clinic_id, sync_type, status, created_at, completed_at)
				select id, 'inbound', 'completed', '2026-01-01', '2026-01-01' from clinics`,
			"analyze",
		}
	}
	for name, before := range map[string][]string{
		"never analysed":                           nil,
		"analysed while everything was empty":      {"analyze"},
		"analysed with one other clinic":           crowd(1, 4000),
		"analysed with 2,000 clinics of one case":  crowd(2000, 1),
		"analysed with one other clinic of a case": crowd(1, 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newClinicWith(t, bigClinic, before)
			b.syncThreeTimes(t)
			b.check(t, readLimit)
			b.readAll(t)
		})
	}
}

// Where all cases fit in a few pages, reading them all is cheap, and doing so for each row
// of a chunk is not: it once took half of a sync's time.
func TestNoWriteOfASyncReadsAllCasesOfASmallClinicForEachOfThem(t *testing.T) {
	t.Parallel()
	b := newClinicWith(t, dayOfVisit, nil)
	b.syncThreeTimes(t)
	writes := slices.DeleteFunc(b.plans.Take(t), func(p pgtest.Plan) bool { return !strings.Contains(p.Query, "update cases c") })
	require.GreaterOrEqual(t, len(writes), 3) // the notes of the first sync, what changed, what went
	for _, plan := range writes {
		require.LessOrEqual(t, plan.Read, 10*dayOfVisit, "%s\n%s", plan.Query, plan.JSON)
	}
}

// A plan that was made while a clinic was small is kept, and is as good when it has grown.
func TestAPlanThatIsKeptReadsNoClinicThatHasGrown(t *testing.T) {
	t.Parallel()
	b := newClinicWith(t, 0, []string{"analyze"})
	db, err := postgres.Open(t.Context(), postgres.Options{URL: b.url, MaxConns: 1})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	b.db = db
	for i := range 8 { // a connection keeps the plan of what it has carried out five times
		b.practice.SetAppointments(pims.Appointment{ID: "first", Start: b.now.Add(time.Duration(i) * time.Minute), PatientName: "Alder", Status: pims.StatusScheduled})
		audit := wait(t, b.replica, start(t, b.replica, b.id, syncs.TypeFull, syncs.TriggerAPI))
		require.Equal(t, syncs.StatusCompleted, audit.Status, audit.Result)
	}
	b.plans.Take(t)
	pgtest.Exec(t, b.url, "delete from cases")
	b.fill(t, bigClinic)
	b.syncThreeTimes(t)
	b.check(t, readLimit)
}

// A big is a clinic with other cases, mostly many, on a database that reports its plans.
type big struct {
	*replica
	url      string
	id       uuid.UUID
	db       *postgres.DB
	plans    *pgtest.Plans
	practice *pimstest.Fake
	now      time.Time
}

func newClinicWith(t *testing.T, others int, before []string) *big {
	t.Helper()
	url := pgtest.URL(t)
	b := &big{id: uuid.New(), practice: &pimstest.Fake{}, now: time.Date(2026, 3, 2, 18, 0, 0, 0, time.UTC)}
	statements := []string{"set session_replication_role = replica"} // no triggers
	for _, table := range []string{"cases", "case_events", "case_enrichments", "case_sync_audits", "case_restores", "deletion_plans", "river_job", "clinics"} {
		statements = append(statements, fmt.Sprintf("alter table %s set (autovacuum_enabled = off)", table))
	}
	statements = append(statements, before...)
	statements = append(statements,
		fmt.Sprintf("insert into clinics (id, timezone, is_active) values ('%s', 'UTC', true)", b.id),
	)
	b.url = url
	pgtest.Exec(t, url, statements...)
	if others > 0 {
		b.fill(t, others)
	}
	b.plans = pgtest.Explain(t, url)
	b.db = pgtest.Open(t, url)
	run := func(ctx context.Context, run syncs.Run) (syncs.Result, error) { return b.runner().Run(ctx, run) }
	b.replica = working(t, url, run, func(o *queue.Options) { o.Now, o.Lease = b.clock, time.Minute })
	return b
}

// fill adds cases and audits behind the back of triggers and of the planner.
func (b *big) fill(t *testing.T, others int) {
	t.Helper()
	pgtest.Exec(t, b.url, "set session_replication_role = replica",
		fmt.Sprintf(`insert into cases (clinic_id, pims_id, scheduled_date, updated_at, status, sync_status, metadata)
			select '%s', 'old-' || n, timestamptz '2025-12-01' - n * interval '1 hour', timestamptz '2025-12-01' - n * interval '1 hour', 'pending', 'pending',
				'{"appointment": {"status": "completed"}, "consultation": {"id": "7", "soapNotes": {"subjective": "well"}}}'
			from generate_series(1, %d) n`, b.id, others),
		fmt.Sprintf(`insert into case_enrichments (case_id, clinic_id, read_at) select id, clinic_id, updated_at from cases where clinic_id = '%s'`, b.id),
		fmt.Sprintf(`insert into case_events (clinic_id, case_id, actor, action) select clinic_id, id, 'person', 'created' from cases where clinic_id = '%s'`, b.id),
		fmt.Sprintf(`insert into case_sync_audits (clinic_id, sync_type, status, created_at, started_at, completed_at)
			select '%s', (array['inbound', 'cases', 'full'])[1 + n %% 3], 'completed', at, at, at
			from generate_series(1, %d) n, lateral (select timestamptz '2026-03-01' - n * interval '1 hour' as at) t`, b.id, oldAudits))
}

func (b *big) clock() time.Time { return b.now }

func (b *big) runner() *casesync.Runner {
	record := recorder{syncstore.NewAudits(b.db), syncstore.NewPlans(b.db)}
	return casesync.NewRunner(casesync.RunnerOptions{
		Connect: func(ctx context.Context, id uuid.UUID) (casesync.Connection, error) {
			state, err := b.practice.Login(ctx, pims.Account{Location: time.UTC})
			if err != nil {
				return nil, err
			}
			session, err := b.practice.Open(pims.Account{Location: time.UTC}, state)
			return connection{session, id}, err
		},
		Plan: record.Plan, Cases: casestore.NewCases(b.db), Recorder: record, Logger: slog.New(slog.DiscardHandler), Now: b.clock,
	})
}

// syncThreeTimes creates a day's cases and reads the notes of some, finds them unchanged,
// and then finds some changed and two gone.
func (b *big) syncThreeTimes(t *testing.T) {
	t.Helper()
	var appointments []pims.Appointment
	for i := range dayOfVisit {
		appointments = append(appointments, pims.Appointment{
			ID: fmt.Sprint(i + 1), Start: b.now.Add(-time.Duration(i) * time.Minute), PatientName: "Juniper", Status: pims.StatusScheduled,
		})
	}
	full := func(want syncs.Stats) {
		t.Helper()
		b.practice.SetAppointments(appointments...)
		audit := wait(t, b.replica, start(t, b.replica, b.id, syncs.TypeFull, syncs.TriggerAPI))
		require.Equal(t, syncs.StatusCompleted, audit.Status, audit.Result)
		got := audit.Result.Stats
		require.Equal(t, want, syncs.Stats{
			CasesCreated: got.CasesCreated, CasesUpdated: got.CasesUpdated, CasesEnriched: got.CasesEnriched, CasesDeleted: got.CasesDeleted,
		})
	}
	b.practice.SetConsultations(b.consultations(40)...)
	full(syncs.Stats{CasesCreated: dayOfVisit, CasesEnriched: 40})
	full(syncs.Stats{})
	for i := range 40 {
		appointments[i].Status = pims.StatusCompleted
	}
	appointments = appointments[:dayOfVisit-2]
	full(syncs.Stats{CasesUpdated: 40, CasesDeleted: 2})
}

func (b *big) consultations(n int) []pims.Consultation {
	all := make([]pims.Consultation, n)
	for i := range all {
		all[i] = pims.Consultation{
			ID: fmt.Sprintf("c%d", i+1), AppointmentID: fmt.Sprint(i + 1), At: b.now.Add(-time.Duration(i) * time.Minute),
			SOAP: pims.SOAP{Subjective: "well"},
		}
	}
	return all
}

// readAll reads what the API reads of a clinic, a page each.
func (b *big) readAll(t *testing.T) {
	t.Helper()
	ctx, records, page := t.Context(), casestore.NewRecords(b.db), syncs.Page{Limit: 20}
	audits, err := syncstore.NewAudits(b.db).Audits(ctx, b.id, syncs.AuditFilter{Page: page})
	require.NoError(t, err)
	require.Len(t, audits.Items, 20)
	latest := audits.Items[0].ID
	_, err = syncstore.NewAudits(b.db).Audits(ctx, b.id, syncs.AuditFilter{Page: page, Type: syncs.TypeInbound, Status: syncs.StatusCompleted})
	require.NoError(t, err)
	_, err = syncstore.NewAudits(b.db).Audit(ctx, b.id, latest)
	require.NoError(t, err)
	_, err = syncstore.NewPlans(b.db).Plans(ctx, b.id, syncs.PlanFilter{Page: page})
	require.NoError(t, err)
	conditions, err := clinicstore.NewClinics(b.db).Conditions(ctx, b.id, b.now)
	require.NoError(t, err)
	require.Len(t, conditions, 1)
	today := pims.DateOf(b.now, time.UTC)
	for _, filter := range []cases.Filter{
		{}, {NewestFirst: true}, {From: today, To: today}, {UpdatedSince: b.now.Add(-time.Hour)}, {UpdatedSince: b.now.Add(-time.Hour), NewestFirst: true},
	} {
		filter.Page = page
		list, err := records.Cases(ctx, b.id, filter)
		require.NoError(t, err)
		require.NotEmpty(t, list.Items)
		_, err = records.Case(ctx, b.id, list.Items[0].ID)
		require.NoError(t, err)
		_, err = records.History(ctx, b.id, list.Items[0].ID, page)
		require.NoError(t, err)
	}
	b.check(t, readLimit)

	// These read each case of the clinic: people ask for them, and seldom.
	deleted, err := casestore.NewCases(b.db).DeletedBy(ctx, b.id, latest)
	require.NoError(t, err)
	require.Len(t, deleted, 2)
	_, err = records.Cases(ctx, b.id, cases.Filter{Page: page, PIMSID: "7"})
	require.NoError(t, err)
	b.check(t, 3*bigClinic)

	_, err = casestore.NewCases(b.db).Restore(ctx, b.id, deleted, "key:test", b.now)
	require.NoError(t, err)
	b.check(t, readLimit)
}

// check returns where each statement since the last check read few rows.
func (b *big) check(t *testing.T, limit int) {
	t.Helper()
	plans := b.plans.Take(t)
	require.NotEmpty(t, plans)
	for _, plan := range plans {
		if strings.Contains(plan.Query, "river_") {
			continue // River's own
		}
		require.LessOrEqual(t, plan.Read, limit, "%s\n%s", plan.Query, plan.JSON)
	}
}
