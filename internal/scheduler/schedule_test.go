package scheduler_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pims-sync/pims-sync/internal/postgres/clinicstore"
	"github.com/pims-sync/pims-sync/internal/postgres/syncstore"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/cron"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/queue"
	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/timetest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// A replica is a Scheduler and the Queue that it enqueues in, on a pool of their own.
type replica struct {
	*scheduler.Scheduler

	queue *queue.Queue
}

// scheduling is a replica whose schedules are loaded and enqueued by the test.
func scheduling(t *testing.T, url string, c *timetest.Clock, change func(*scheduler.Options)) *replica {
	t.Helper()
	db := pgtest.Open(t, url)
	notifier := postgres.NewNotifier(db)
	t.Cleanup(notifier.Close)
	q, err := queue.New(queue.Options{
		DB: db, Audits: syncstore.NewAudits(db), Plans: syncstore.NewPlans(db), Replicas: db.Replicas(),
		Clinics: clinicstore.NewClinics(db), Notifier: notifier,
		Run: func(context.Context, syncs.Run) (syncs.Result, error) {
			return syncs.Result{Stats: syncs.Stats{CasesCreated: 1}}, nil
		},
		Precheck: func(context.Context, uuid.UUID) error { return nil },
		Logger:   slog.New(slog.DiscardHandler),
		Now:      c.Now,
	})
	require.NoError(t, err)
	o := scheduler.Options{
		Clinics: clinicstore.NewClinics(db),
		Entries: q.Entries(syncstore.NewSchedules(db)),
		Changed: func() (<-chan string, func()) { return notifier.Subscribe(postgres.ChannelSchedules) },
		Logger:  slog.New(slog.DiscardHandler),
		Now:     c.Now,
	}
	if change != nil {
		change(&o)
	}
	return &replica{scheduler.New(o), q}
}

// begin lets a replica's Scheduler work until the test ends.
func (r *replica) begin(t *testing.T) {
	t.Helper()
	ctx, end := context.WithCancel(t.Context())
	r.Begin(ctx)
	t.Cleanup(func() { end(); r.Wait() })
}

// scheduled adds a clinic with a schedule that was changed at a moment.
func scheduled(t *testing.T, db *postgres.DB, timezone string, changed time.Time, document string) uuid.UUID {
	t.Helper()
	added, err := clinicstore.NewClinics(db).Add(t.Context(), clinic.Clinic{Name: "Test", Timezone: timezone, Active: true})
	require.NoError(t, err)
	_, err = db.Pool().Exec(t.Context(), `update clinics set created_at = $2, updated_at = $2 where id = $1`, added.ID, changed)
	require.NoError(t, err)
	_, err = db.Pool().Exec(t.Context(), `update clinic_schedule_configs set sync_schedules = $2, updated_at = $3 where clinic_id = $1`, added.ID, document, changed)
	require.NoError(t, err)
	return added.ID
}

// finish lets everything that is queued be over.
func finish(t *testing.T, db *postgres.DB) {
	t.Helper()
	_, err := db.Pool().Exec(t.Context(), `
		with over as (update case_sync_audits set status = 'completed' where status = 'queued')
		delete from river_job`)
	require.NoError(t, err)
}

func ticksIn(t *testing.T, db *postgres.DB) map[string]int {
	t.Helper()
	rows, err := db.Pool().Query(t.Context(), `select outcome, count(*) from schedule_ticks group by 1`)
	require.NoError(t, err)
	counts := map[string]int{}
	for rows.Next() {
		var outcome string
		var n int
		require.NoError(t, rows.Scan(&outcome, &n))
		counts[outcome] = n
	}
	require.NoError(t, rows.Err())
	return counts
}

// Ninety schedules in nine zones run for sixty days over a clock change, on three
// replicas at once, that stop for days and come back.
func TestEveryTickHasExactlyOneOutcomeOverAllReplicas(t *testing.T) { // R34
	t.Parallel()
	url := pgtest.URL(t)
	db := pgtest.Open(t, url)
	begin := time.Date(2026, 9, 20, 0, 0, 0, 0, time.UTC)
	end := begin.AddDate(0, 0, 60)
	c := timetest.At(begin)
	zones := []string{
		"America/New_York", "America/Santiago", "Europe/Berlin", "Australia/Lord_Howe", "Australia/Sydney",
		"Asia/Kolkata", "Pacific/Auckland", "Africa/Cairo", "UTC",
	}
	crons := []string{"0 6 * * *", "0 8,14,20 * * *", "30 2 * * *", "0 0 * * 1-5", "15 */6 * * *", "0 1 1,15 * *", "0 3 * * SUN", "45 23 * * *", "0 2 * * *", "10 1 * * *"}
	type entry struct {
		clinic uuid.UUID
		kind   syncs.Type
		cron   string
		zone   string
	}
	var entries []entry
	types := []syncs.Type{syncs.TypeInbound, syncs.TypeCases, syncs.TypeReconciliation}
	for i, zone := range zones {
		var parts []string
		var mine []entry
		for j, cron := range crons {
			kind := types[(i+j)%len(types)]
			parts = append(parts, fmt.Sprintf(`{"type":%q,"cron":%q}`, kind, cron))
			mine = append(mine, entry{kind: kind, cron: cron, zone: zone})
		}
		id := scheduled(t, db, zone, begin, "["+strings.Join(parts, ",")+"]")
		for _, e := range mine {
			e.clinic = id
			entries = append(entries, e)
		}
	}
	replicas := []*replica{scheduling(t, url, c, nil), scheduling(t, url, c, nil), scheduling(t, url, c, nil)}
	require.NoError(t, replicas[0].Load(t.Context()))

	random := rand.New(rand.NewPCG(34, 34))
	for at := begin; at.Before(end); {
		step := time.Duration(20+random.IntN(400)) * time.Minute
		if random.IntN(60) == 0 {
			step = time.Duration(6+random.IntN(60)) * time.Hour // an outage
		}
		if at = at.Add(step); at.After(end) {
			at = end
		}
		c.Set(at)
		var group sync.WaitGroup
		for _, r := range replicas {
			group.Go(func() {
				if random := rand.IntN(10); random == 0 {
					_ = r.Load(t.Context()) // also while others enqueue
				}
				require.NoError(t, r.EnqueueDue(t.Context()))
			})
		}
		group.Wait()
		finish(t, db)
	}

	want := 0
	for _, e := range entries {
		expression, err := cron.Parse(e.cron)
		require.NoError(t, err)
		loc := loadLocation(t, e.zone)
		for due := range expression.Between(begin, end, loc) {
			want++
			var n int
			require.NoError(t, db.Pool().QueryRow(t.Context(),
				`select count(*) from schedule_ticks t join clinics c on c.id = t.clinic_id where t.clinic_id = $1 and t.sync_type = $2 and t.due_at = $3`,
				e.clinic, string(e.kind), due).Scan(&n))
			require.GreaterOrEqual(t, n, 1, "%s %s at %s", e.zone, e.cron, due)
		}
	}
	counts := ticksIn(t, db)
	require.Equal(t, want, counts["enqueued"]+counts["coalesced"]+counts["missed"])
	require.Positive(t, counts["enqueued"])
	require.Positive(t, counts["coalesced"])
	require.Positive(t, counts["missed"])

	var audits int
	require.NoError(t, db.Pool().QueryRow(t.Context(), `select count(*) from case_sync_audits where trigger = 'schedule'`).Scan(&audits))
	require.Equal(t, counts["enqueued"], audits, "one audit for each enqueued tick")
}

func loadLocation(t *testing.T, name string) *time.Location {
	t.Helper()
	loc, err := clinic.LoadZone(name)
	require.NoError(t, err)
	return loc
}

func TestAfterAnOutageOnlyTheLatestTickIsCaughtUp(t *testing.T) { // R34
	t.Parallel()
	url := pgtest.URL(t)
	db := pgtest.Open(t, url)
	begin := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	c := timetest.At(begin)
	scheduled(t, db, "UTC", begin, `[{"type":"inbound","cron":"0 * * * *"},{"type":"cases","cron":"0 1 * * *"},{"type":"reconciliation","cron":"0 2 * * *"}]`)
	r := scheduling(t, url, c, nil)
	require.NoError(t, r.Load(t.Context()))

	c.Set(begin.Add(10*time.Hour + time.Minute))
	require.NoError(t, r.EnqueueDue(t.Context()))
	rows, err := db.Pool().Query(t.Context(), `select sync_type || ' ' || outcome || ' ' || count(*) from schedule_ticks group by sync_type, outcome order by 1`)
	require.NoError(t, err)
	var got []string
	for rows.Next() {
		var line string
		require.NoError(t, rows.Scan(&line))
		got = append(got, line)
	}
	require.NoError(t, rows.Err())
	require.Equal(t, []string{
		"cases missed 1", // nine hours ago, over six
		"inbound enqueued 1", "inbound missed 9",
		"reconciliation enqueued 1", // eight hours ago, within twelve
	}, got)
}

func TestAChangedEntryHasNoTicksFromBeforeItsChange(t *testing.T) { // R34
	t.Parallel()
	url := pgtest.URL(t)
	db := pgtest.Open(t, url)
	begin := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	c := timetest.At(begin.Add(5 * time.Hour))
	id := scheduled(t, db, "UTC", begin.Add(5*time.Hour), `[{"type":"inbound","cron":"0 4 * * *"}]`)
	r := scheduling(t, url, c, nil)
	require.NoError(t, r.Load(t.Context()))
	require.NoError(t, r.EnqueueDue(t.Context()))
	require.Empty(t, ticksIn(t, db), "04:00 was before the entry's last change")

	// The schedule is changed by plain SQL at 05:30 and loaded at 06:10.
	_, err := db.Pool().Exec(t.Context(), `update clinic_schedule_configs set sync_schedules = '[{"type":"inbound","cron":"0 6 * * *"}]', updated_at = $2 where clinic_id = $1`,
		id, begin.Add(5*time.Hour+30*time.Minute))
	require.NoError(t, err)
	c.Set(begin.Add(6*time.Hour + 10*time.Minute))
	require.NoError(t, r.Load(t.Context()))
	require.NoError(t, r.EnqueueDue(t.Context()))
	require.Equal(t, map[string]int{"enqueued": 1}, ticksIn(t, db), "06:00 was after it")
}

func TestABadEntryDisablesItselfAndTheOthersRun(t *testing.T) { // R33
	t.Parallel()
	url := pgtest.URL(t)
	db := pgtest.Open(t, url)
	begin := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	c := timetest.At(begin)
	scheduled(t, db, "UTC", begin, `[{"type":"inbound","cron":"0 25 * * *"},{"type":"cases","cron":"0 1 * * *","options":{"parallelBatchSize":99}},{"type":"reconciliation","cron":"0 1 * * *"}]`)
	scheduled(t, db, "", begin, `[{"type":"inbound","cron":"0 1 * * *"}]`)
	scheduled(t, db, "UTC", begin, `{"not":"an array"}`)
	counted := &counting{}
	r := scheduling(t, url, c, func(o *scheduler.Options) { o.Observe = counted })
	require.NoError(t, r.Load(t.Context()))
	c.Set(begin.Add(2 * time.Hour))
	require.NoError(t, r.EnqueueDue(t.Context()))
	require.Equal(t, map[string]int{"enqueued": 1}, ticksIn(t, db))
	require.Equal(t, 1, counted.running)
	require.Equal(t, 4, counted.bad)
	require.Equal(t, map[string]int{"enqueued": 1}, counted.ticks)
}

// counting is an Observer that remembers.
type counting struct {
	mu           sync.Mutex
	running, bad int
	ticks        map[string]int
}

func (*counting) Fresh(syncs.Type, int, time.Duration)  {}
func (*counting) Clinics(map[scheduler.ClinicState]int) {}

func (c *counting) Ticks(outcome string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ticks == nil {
		c.ticks = map[string]int{}
	}
	c.ticks[outcome] += n
}

func (c *counting) SchedulesLoaded(running, bad int) { c.running, c.bad = running, bad }

func TestAScheduleThatIsChangedByPlainSQLRunsWithoutARestart(t *testing.T) { // R33
	t.Parallel()
	url := pgtest.URL(t)
	db := pgtest.Open(t, url)
	c := timetest.At(time.Now().Add(-20 * time.Hour)) // so that what is due may run at once
	id := scheduled(t, db, "UTC", c.Now(), `[]`)
	r := scheduling(t, url, c, func(o *scheduler.Options) { o.Enqueue = true })
	require.NoError(t, r.queue.Begin(t.Context()))
	t.Cleanup(func() { require.NoError(t, r.queue.Stop(context.Background())) })
	r.begin(t)

	_, err := db.Pool().Exec(t.Context(), `update clinic_schedule_configs set sync_schedules = '[{"type":"inbound","cron":"* * * * *"}]', updated_at = $2 where clinic_id = $1`, id, c.Now().Add(time.Second))
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		c.Set(c.Now().Add(time.Minute))
		list, err := r.queue.Audits(t.Context(), id, syncs.AuditFilter{Status: syncs.StatusCompleted})
		return err == nil && len(list.Items) > 0 && list.Items[0].Trigger == syncs.TriggerSchedule
	}, 30*time.Second, 50*time.Millisecond)
}

func TestThirtyThousandDueAtOnceAreEnqueuedExactlyOnce(t *testing.T) { // R34
	t.Parallel()
	url := pgtest.URL(t)
	db := pgtest.Open(t, url)
	const n = 30_000
	begin := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	c := timetest.At(begin)
	_, err := db.Pool().Exec(t.Context(), `
		with made as (insert into clinics (name, timezone, updated_at) select 'herd', 'UTC', $2 from generate_series(1, $1::int) returning id)
		insert into clinic_schedule_configs (clinic_id, sync_schedules, updated_at)
		select id, '[{"type":"inbound","cron":"0 6 * * *"}]', $2 from made`, n, begin)
	require.NoError(t, err)
	replicas := []*replica{scheduling(t, url, c, nil), scheduling(t, url, c, nil), scheduling(t, url, c, nil)}
	require.NoError(t, replicas[0].Load(t.Context()))

	c.Set(begin.Add(6 * time.Hour))
	dying, kill := context.WithCancel(t.Context())
	defer kill()
	started := time.Now()
	var group sync.WaitGroup
	for i, r := range replicas {
		group.Go(func() {
			ctx := t.Context()
			if i == 0 { // one is killed in the middle
				ctx = dying
				time.AfterFunc(100*time.Millisecond, kill)
			}
			if err := r.EnqueueDue(ctx); i > 0 {
				require.NoError(t, err)
			}
		})
	}
	group.Wait()
	require.NoError(t, replicas[1].EnqueueDue(t.Context())) // what the dead one had locked
	t.Logf("%d due at once over three replicas, one killed: %s", n, time.Since(started).Round(time.Millisecond))
	require.Equal(t, map[string]int{"enqueued": n}, ticksIn(t, db))
	var audits, jobs int
	require.NoError(t, db.Pool().QueryRow(t.Context(), `select (select count(*) from case_sync_audits), (select count(*) from river_job)`).Scan(&audits, &jobs))
	require.Equal(t, n, audits)
	require.Equal(t, n, jobs)
}
