package casesync_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimstest"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/casestore"
	"github.com/pims-sync/pims-sync/internal/postgres/embedded"
	"github.com/pims-sync/pims-sync/internal/postgres/syncstore"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/timetest"
)

// database is the one database of all stories: making one for each would take most
// of their time. Each story plays in a clinic of its own, side by side with the
// others, and its statements name that clinic.
var database = sync.OnceValues(func() (*scratch, error) {
	ctx := context.Background()
	server, err := embedded.OpenScratch(ctx, "", nil)
	if err != nil {
		return nil, err
	}
	db, err := postgres.Open(ctx, postgres.Options{URL: server.URL()})
	if err != nil {
		return nil, errors.Join(err, server.Close(ctx))
	}
	return &scratch{db, server}, db.Migrate(ctx)
})

type scratch struct {
	*postgres.DB
	server *embedded.Database
}

func TestMain(m *testing.M) {
	code := m.Run()
	if db, err := database(); err == nil {
		db.Close()
		if err := db.server.Close(context.Background()); err != nil {
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

const (
	newYork  = "America/New_York"
	provider = "idexx_neo"
	minute   = "2006-01-02 15:04" // how the stories write wall-clock times
)

// A practice is a clinic in a real database, next to another one, and the
// scripted PIMS that it follows. A story moves its clock, changes its PIMS and
// runs syncs; what must hold after every story is checked when it ends.
type practice struct {
	*testing.T
	db       *postgres.DB
	clinic   clinic.Clinic
	location *time.Location
	clock    *timetest.Clock
	fake     *pimstest.Fake
	liar     liar // nil: the PIMS's lookup by id is honest
	calendar []pims.Appointment
	records  []pims.Consultation
	store    *store
	recorder *recorder
	logs     *logbook
	counted  *counted
	runner   *casesync.Runner

	neighbour       uuid.UUID
	neighboursCases string
	again           func() // runs the last completed sync once more
}

// newPractice is one in New York on Monday, the 2nd of March 2026, at nine.
func newPractice(t *testing.T) *practice {
	t.Helper()
	return newPracticeOn(t, "2026-03-02 09:00")
}

func newPracticeOn(t *testing.T, now string) *practice {
	t.Helper()
	db, err := database()
	require.NoError(t, err, "start a PostgreSQL server for the tests")
	p := &practice{
		T: t, db: db.DB, location: timetest.Zone(t, newYork), clock: &timetest.Clock{}, fake: &pimstest.Fake{},
		logs: &logbook{}, counted: &counted{actions: make(map[syncs.Action]int)},
	}
	const newClinic = "insert into clinics (name, timezone) values ('Zzharbour Vets', $1) returning id"
	p.clinic = clinic.Clinic{ID: query[uuid.UUID](p, newClinic, newYork)[0], Timezone: newYork, Active: true}
	p.neighbour = query[uuid.UUID](p, newClinic, newYork)[0]
	p.at(now)
	query[string](p, `insert into cases (clinic_id, pims_id, scheduled_date, status, sync_status, patient_name)
		select $1, i::text, $2::timestamptz - make_interval(hours => i), 'draft', 'draft', 'Zzneighbour' from generate_series(1, 5) i
		returning pims_id`, p.neighbour, p.clock.Now())
	p.neighboursCases = p.cases(p.neighbour)

	p.fake.Now = p.clock.Now
	p.store = &store{Cases: casestore.NewCases(p.db)}
	p.recorder = &recorder{Audits: syncstore.NewAudits(p.db)}
	p.runner = casesync.NewRunner(casesync.RunnerOptions{
		Connect:  p.connect,
		Plan:     func(_ context.Context, _, id uuid.UUID) (syncs.Plan, error) { return p.plan(id), nil },
		Cases:    p.store,
		Recorder: p.recorder,
		Logger:   p.logs.logger(),
		Now:      p.clock.Now,
		Written:  p.counted.written,
		Refused:  p.counted.refused,
	})
	t.Cleanup(p.holds)
	return p
}

// holds checks what must be true after every story.
func (p *practice) holds() {
	if p.Failed() {
		return
	}
	if p.again != nil {
		p.again()
	}
	require.Equal(p, p.neighboursCases, p.cases(p.neighbour), "another clinic's cases were changed")
	require.Zero(p, scan[int](p, "select count(*) from case_sync_audits where clinic_id = $1 and status in ('queued', 'in_progress')"), "an audit stayed open (R30)")
	p.logs.requireDiscreet(p)
}

// background is a context that outlives the test, for what runs when it ends.
func (p *practice) background() context.Context { return context.WithoutCancel(p.Context()) }

// connect logs in to the scripted PIMS.
func (p *practice) connect(ctx context.Context, _ uuid.UUID) (casesync.Connection, error) {
	if _, err := p.clinic.Location(); err != nil {
		return nil, err
	}
	account := pims.Account{Credentials: pims.Credentials{pims.FieldUsername: "Zzuser", pims.FieldPassword: "Zzpassword"}, Location: p.location}
	state, err := p.fake.Login(ctx, account)
	if err != nil {
		return nil, err
	}
	session, err := p.fake.Open(account, state)
	return &connection{session, p.clinic, p.liar, p.fake.Corrections}, err
}

// A connection is a session that nobody renews.
type connection struct {
	pims.Session
	clinic clinic.Clinic
	liar   liar

	corrections int
}

func (c *connection) CorrectedFor() int { return c.corrections }

// A liar answers in place of the PIMS's lookup by id.
type liar func(ctx context.Context, honest pims.AppointmentFinder, id string) (pims.Appointment, error)

func (c *connection) Finder() (pims.AppointmentFinder, bool) {
	finder, ok := c.Session.(pims.AppointmentFinder)
	if ok && c.liar != nil {
		return lying{finder, c.liar}, true
	}
	return finder, ok
}

type lying struct {
	honest pims.AppointmentFinder
	liar   liar
}

func (l lying) FindAppointment(ctx context.Context, id string) (pims.Appointment, error) {
	return l.liar(ctx, l.honest, id)
}

func (c *connection) Provider() string      { return provider }
func (c *connection) Clinic() clinic.Clinic { return c.clinic }
func (c *connection) Close(context.Context) {}

func (c *connection) Location() *time.Location {
	location, _ := c.clinic.Location() // there is one
	return location
}

// An outcome is how a sync ended: as the run answered it, and as it is stored.
type outcome struct {
	syncs.Result
	err   error
	audit syncs.Audit
}

// phase is the stored audit of a full sync's phase.
func (o *outcome) phase(t testing.TB, kind syncs.Type) syncs.Audit {
	t.Helper()
	i := slices.IndexFunc(o.audit.Children, func(a syncs.Audit) bool { return a.Type == kind })
	require.GreaterOrEqual(t, i, 0, "the %s phase has no audit", kind)
	return o.audit.Children[i]
}

// sync runs a sync and demands that it completes.
func (p *practice) sync(kind syncs.Type, options ...syncs.Options) outcome {
	p.Helper()
	o := p.try(kind, options...)
	require.NoError(p, o.err)
	require.Equal(p, syncs.StatusCompleted, o.audit.Status)
	return o
}

// fail runs a sync and demands that it fails with a code.
func (p *practice) fail(code syncs.Code, kind syncs.Type, options ...syncs.Options) outcome {
	p.Helper()
	o := p.try(kind, options...)
	require.Error(p, o.err)
	require.Equal(p, syncs.StatusFailed, o.audit.Status)
	require.Equal(p, code, o.audit.Result.Code, o.audit.Result.Error)
	require.NotEmpty(p, o.audit.Result.Error)
	return o
}

// try runs a sync, whatever comes of it.
func (p *practice) try(kind syncs.Type, options ...syncs.Options) outcome {
	p.Helper()
	run := syncs.Run{Type: kind}
	if len(options) > 0 {
		run.Options = options[0]
	}
	return p.run(p.background(), run)
}

// claim queues a sync and claims it, as the queue does.
func (p *practice) claim(run syncs.Run) syncs.Run {
	p.Helper()
	id := uuid.Must(uuid.NewV7())
	_, err := syncstore.NewAudits(p.db).Enqueue(p.background(), syncs.Audit{
		ID: id, ClinicID: p.clinic.ID, Type: run.Type, Trigger: syncs.TriggerAPI, Options: run.Options, CreatedAt: p.clock.Now(),
	}, "", func(pgx.Tx) error { return nil })
	require.NoError(p, err)
	claimed, err := syncstore.NewAudits(p.db).Claim(p.background(), id, "worker", time.Hour, p.clock.Now())
	require.NoError(p, err)
	claimed.Approval = run.Approval
	p.again = nil
	return claimed
}

// run claims a sync, carries it out and closes its audit, as the queue does.
func (p *practice) run(ctx context.Context, run syncs.Run) outcome {
	p.Helper()
	claimed := p.claim(run)
	id := claimed.Lease.AuditID
	result, runErr := p.runner.Run(ctx, claimed)
	status, concluded := casesync.Conclude(result, runErr)
	if p.recorder.before == nil {
		for _, child := range p.audit(id).Children {
			require.True(p, child.Status.Final(), "the %s phase left its audit open", child.Type)
		}
	}
	require.NoError(p, syncstore.NewAudits(p.db).Finish(p.background(), claimed.Lease, status, concluded, p.clock.Now()))
	o := outcome{concluded, runErr, p.audit(id)}
	p.requireSums(&o.audit)
	if status == syncs.StatusCompleted && !run.Options.DryRun {
		p.again = func() { p.requireNothingLeftToDo(run) }
	}
	return o
}

func (p *practice) audit(id uuid.UUID) syncs.Audit {
	p.Helper()
	audit, err := syncstore.NewAudits(p.db).Audit(p.background(), p.clinic.ID, id)
	require.NoError(p, err)
	return audit
}

// requireSums checks that the counts of a completed phase add up (R12), and that
// a master's are the sums of its phases' (R27).
func (p *practice) requireSums(audit *syncs.Audit) {
	p.Helper()
	s := audit.Result.Stats
	completed := audit.Status == syncs.StatusCompleted
	switch audit.Type {
	case syncs.TypeInbound:
		require.LessOrEqual(p, s.CasesCreated+s.CasesUpdated+s.CasesUnchanged+s.CasesSkipped, s.AppointmentsFound)
		if completed {
			require.Equal(p, s.AppointmentsFound, s.CasesCreated+s.CasesUpdated+s.CasesUnchanged+s.CasesSkipped, "%+v", s)
		}
	case syncs.TypeCases:
		require.LessOrEqual(p, s.CasesEnriched+s.CasesUnchanged+s.CasesSkipped+s.CasesFailed, s.CasesFound)
		if completed {
			require.Equal(p, s.CasesFound, s.CasesEnriched+s.CasesUnchanged+s.CasesSkipped+s.CasesFailed, "%+v", s)
			require.Len(p, audit.Result.Failures, s.CasesFailed)
		}
	case syncs.TypeReconciliation:
		require.LessOrEqual(p, s.CasesDeleted, s.CasesChecked)
		require.Len(p, s.DeletedIDs, s.CasesDeleted)
	case syncs.TypeFull:
		var sums syncs.Stats
		for i := range audit.Children {
			p.requireSums(&audit.Children[i])
			require.Equal(p, audit.ID, audit.Children[i].ParentID)
			sums = sums.Add(audit.Children[i].Result.Stats)
		}
		if p.recorder.before == nil { // an audit that could not be closed has no counts
			require.ElementsMatch(p, sums.DeletedIDs, s.DeletedIDs)
			sums.DeletedIDs, s.DeletedIDs = nil, nil
			require.Equal(p, sums, s)
		}
		require.Equal(p, 3, len(audit.Children)+len(audit.Result.Skipped), "each phase has an audit or a reason (R27)")
	}
}

// requireNothingLeftToDo runs a sync that has just completed once more: it writes
// no row version (R12).
func (p *practice) requireNothingLeftToDo(run syncs.Run) {
	p.Helper()
	before := p.versions()
	second := p.run(p.background(), run)
	require.NoError(p, second.err)
	s := second.audit.Result.Stats
	require.Zero(p, s.CasesCreated+s.CasesUpdated+s.CasesEnriched+s.CasesDeleted+s.CasesRestored, "%+v", s)
	require.Equal(p, before, p.versions(), "an identical second sync wrote cases")
}

// versions are the row versions of the practice's cases.
func (p *practice) versions() []string {
	p.Helper()
	return column[string](p, "select id || ' ' || xmin || ' ' || ctid || ' ' || updated_at from cases where clinic_id = $1 order by id")
}

// cases is everything in the cases of a clinic.
func (p *practice) cases(clinicID uuid.UUID) string {
	p.Helper()
	return query[string](p, "select coalesce(string_agg(xmin || c::text, e'\\n' order by id), '') from cases c where clinic_id = $1", clinicID)[0]
}

// stored reads a case, consultation included.
func (p *practice) stored(pimsID string) cases.Case {
	p.Helper()
	cases, err := casestore.NewCases(p.db).CasesByID(p.background(), p.clinic.ID, provider, []string{pimsID})
	require.NoError(p, err)
	require.Contains(p, cases, pimsID)
	id := cases[pimsID].ID
	whole, err := casestore.NewCases(p.db).CasesWithConsultations(p.background(), p.clinic.ID, []uuid.UUID{id})
	require.NoError(p, err)
	return whole[id]
}

// exec runs a statement as another program would. Its $1 is the practice's clinic.
func (p *practice) exec(sql string, args ...any) {
	p.Helper()
	_, err := p.db.Pool().Exec(p.background(), sql, append([]any{p.clinic.ID}, args...)...)
	require.NoError(p, err, sql)
}

// edit changes a case as a person would: what is to be set, in SQL.
func (p *practice) edit(pimsID, set string, args ...any) {
	p.Helper()
	p.exec("update cases set "+set+" where clinic_id = $1 and pims_id = $2", append([]any{pimsID}, args...)...)
}

// scan returns the one value that a query has. Its $1 is the practice's clinic.
func scan[T any](p *practice, sql string, args ...any) T {
	p.Helper()
	values := column[T](p, sql, args...)
	require.Len(p, values, 1, sql)
	return values[0]
}

// column returns the first column of a query's rows. Its $1 is the practice's
// clinic.
func column[T any](p *practice, sql string, args ...any) []T {
	p.Helper()
	return query[T](p, sql, append([]any{p.clinic.ID}, args...)...)
}

// query returns the first column of any query's rows.
func query[T any](p *practice, sql string, args ...any) []T {
	p.Helper()
	rows, err := p.db.Pool().Query(p.background(), sql, args...)
	require.NoError(p, err, sql)
	values, err := pgx.CollectRows(rows, pgx.RowTo[T])
	require.NoError(p, err, sql)
	return values
}

// at sets the clock to a wall-clock time of the practice.
func (p *practice) at(wall string) {
	p.Helper()
	p.clock.Set(p.instant(wall))
}

// pass lets time pass.
func (p *practice) pass(d time.Duration) { p.clock.Set(p.clock.Now().Add(d)) }

// instant is a wall-clock time of the practice.
func (p *practice) instant(wall string) time.Time {
	p.Helper()
	t, err := time.Parse(minute, wall)
	require.NoError(p, err)
	return pims.Instant(t, p.location)
}
