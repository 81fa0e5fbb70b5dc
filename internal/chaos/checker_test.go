package chaos

import (
	"cmp"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
)

// check looks at everything that happened so far. Nothing attacks and nobody calls
// while it does; the schedules go on.
func (w *world) check(t *testing.T) {
	t.Helper()
	w.requireTakenUp(t)
	w.requireClosed(t)
	w.requireKept(t)
	for _, p := range w.practices {
		p.requireNothingLost(t)
		p.requireDeletedRightly(t)
		p.requireConverges(t)
		p.requireNothingLost(t)
		p.requireDeletedRightly(t)
		p.requireLikeNeo(t)
	}
	w.requireSums(t)
	w.requireWhole(t)
	w.requireAllTold(t)
}

// requireWhole fails where a case is there twice, was removed, or was not made
// exactly once.
func (w *world) requireWhole(t *testing.T) {
	t.Helper()
	w.requireNone(t, "a case is there twice",
		`select clinic_id || ' ' || pims_id from cases where pims_id is not null group by clinic_id, provider, pims_id having count(*) > 1`)
	w.requireNone(t, "a case's row was removed", `select case_id::text from case_events where action = 'removed'`)
	w.requireNone(t, "a case has no creation, or more than one",
		`select c.id::text from cases c left join case_events e on e.case_id = c.id and e.action = 'created' group by c.id having count(e.id) <> 1`)
}

// requireNone fails where the query selects anything.
func (w *world) requireNone(t *testing.T, message, sql string) {
	t.Helper()
	require.Empty(t, column[string](t, w.database, sql), message)
}

// requireTakenUp waits until no sync of a killed replica waits any more; none may
// wait for longer than 45 s (R30).
func (w *world) requireTakenUp(t *testing.T) {
	t.Helper()
	for {
		open, longest, slowest := w.watch.waiting()
		if longest > recovery {
			require.FailNow(t, "a sync of a killed replica was not taken up in time", "%s: it waited %s\n%s", slowest, longest, w.story(t, slowest))
		}
		if open == 0 {
			if longest > max(w.told, 5*lease) {
				w.told = longest
				t.Logf("sync %s waited %s\n%s", slowest, longest, w.story(t, slowest))
			}
			return
		}
		pause(t.Context(), 20*time.Millisecond)
	}
}

// story tells what became of a sync's jobs, and what else its clinic did.
func (w *world) story(t *testing.T, syncID string) string {
	t.Helper()
	return strings.Join(column[string](t, w.database, `
		(select concat_ws(' ', 'job', id, state, 'created', created_at, 'attempted', attempted_at, attempted_by, 'scheduled', scheduled_at)
			from river_job where args ->> 'sync_id' = $1 order by id)
		union all
		(select concat_ws(' ', a.id, a.sync_type, a.trigger, a.status, 'attempt', a.attempt, 'created', a.created_at, 'started', a.started_at,
				'completed', a.completed_at, a.error_code)
			from case_sync_audits a join case_sync_audits b on b.clinic_id = a.clinic_id and b.id::text = $1
			where a.parent_id is null and coalesce(a.completed_at, now()) > b.created_at order by a.created_at)`, syncID), "\n")
}

// abandoned are the audits that nobody works on or will: running without a living
// lease, or queued without a job that calls for them.
const abandoned = `
	select a.id || ' ' || a.status from case_sync_audits a
	where a.parent_id is null and (
		a.status = 'in_progress' and not exists (
			select from sync_leases l where l.audit_id = a.id and l.expires_at > clock_timestamp())
		or a.status = 'queued' and not exists (
			select from river_job j where j.args ->> 'sync_id' = a.id::text
			and j.state in ('available', 'scheduled', 'retryable', 'running', 'pending')))`

// requireClosed waits for the syncs that are open now. None may be open after 45 s
// but one that a schedule tries again later (R30, R32); a phase is never open
// without its sync.
func (w *world) requireClosed(t *testing.T) {
	t.Helper()
	open := column[string](t, w.database, `select id::text from case_sync_audits where parent_id is null and status in ('queued', 'in_progress')`)
	require.Eventually(t, func() bool {
		return len(column[string](t, w.database, `
			select a.id::text from case_sync_audits a where a.id = any($1::uuid[]) and (a.status = 'in_progress'
				or a.status = 'queued' and not exists (select from river_job j where j.args ->> 'sync_id' = a.id::text
					and j.state in ('scheduled', 'retryable') and j.scheduled_at > now() + interval '3 seconds'))`, open)) == 0
	}, recovery, 50*time.Millisecond, "a sync is open after %s", recovery)
	require.Eventually(t, func() bool { return len(column[string](t, w.database, abandoned)) == 0 }, recovery, 50*time.Millisecond,
		"a sync is open and nobody works on it")
	w.requireNone(t, "a phase is open whose sync is not running", `
		select c.id::text from case_sync_audits c join case_sync_audits p on p.id = c.parent_id
		where c.status in ('queued', 'in_progress') and p.status <> 'in_progress'`)
	w.requireNone(t, "a sync that is over has a lease", `
		select l.audit_id::text from sync_leases l join case_sync_audits a on a.id = l.audit_id where a.status <> 'in_progress'`)
	w.requireNone(t, "a sync is over and does not say when", `
		select id::text from case_sync_audits where status in ('completed', 'failed', 'cancelled') and completed_at is null`)
}

// requireKept fails where a sync that the API acknowledged is unknown, or one that
// it answered as completed is not.
func (w *world) requireKept(t *testing.T) {
	t.Helper()
	type row struct{ ID, Status string }
	statuses := make(map[string]string)
	for _, r := range collect(t, w.database, pgx.RowToStructByPos[row], `select id::text, status from case_sync_audits`) {
		statuses[r.ID] = r.Status
	}
	for _, p := range w.practices {
		p.mu.Lock()
		for id, completed := range p.acknowledged {
			require.Contains(t, statuses, id, "a sync that was acknowledged is lost")
			if completed {
				require.Equal(t, "completed", statuses[id], "sync %s was answered as completed", id)
			}
		}
		p.mu.Unlock()
	}
}

// requireSums fails where the counts of a completed sync do not add up (R27).
func (w *world) requireSums(t *testing.T) {
	t.Helper()
	w.requireNone(t, "an inbound's appointments are not all accounted for", `
		select id::text from case_sync_audits where sync_type = 'inbound' and status = 'completed'
		and appointments_found <> cases_created + cases_updated + cases_unchanged + cases_skipped`)
	for _, stat := range []string{
		"appointments_found", "cases_found", "cases_created", "cases_updated", "cases_unchanged", "cases_skipped",
		"cases_enriched", "cases_failed", "cases_checked", "cases_deleted", "cases_restored",
	} {
		w.requireNone(t, "a full sync's "+stat+" is not the sum of its phases", `
			select p.id::text from case_sync_audits p join case_sync_audits c on c.parent_id = p.id and c.attempt = p.attempt
			where p.status = 'completed' group by p.id having p.`+stat+` <> sum(c.`+stat+`)`)
	}
}

// A kept is a case as the database has it; two are equal only where nothing wrote
// it in between.
type kept struct {
	PIMSID, Version, Status string
	Scheduled               time.Time
	Deleted, Reviewed       bool
}

// cases are the practice's cases by the ids of their appointments.
func (p *practice) cases(t *testing.T) map[string]kept {
	t.Helper()
	all := make(map[string]kept)
	for _, c := range collect(t, p.world.database, pgx.RowToStructByPos[kept], `
		select pims_id, xmin::text, coalesce(metadata #>> '{appointment,status}', ''), scheduled_date,
			coalesce((metadata #>> '{reconciliation,softDeleted}')::boolean, false), status = 'reviewed'
		from cases where clinic_id = $1`, p.id) {
		all[c.PIMSID] = c
	}
	return all
}

// requireNothingLost fails where an appointment that was there before a completed
// sync of the whole window began, and still is, has no case.
func (p *practice) requireNothingLost(t *testing.T) {
	t.Helper()
	began := column[*time.Time](t, p.world.database, `
		select max(started_at) from case_sync_audits
		where clinic_id = $1 and sync_type = 'full' and status = 'completed' and request ->> 'startDate' is not null`, p.id)
	if began[0] == nil {
		return
	}
	cases := p.cases(t)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range p.window() {
		if p.added[a.ID].Before(*began[0]) {
			require.Contains(t, cases, a.ID, "an appointment of a completed sync has no case")
		}
	}
}

// requireDeletedRightly fails where a case was ever soft-deleted whose appointment
// had been neither deleted nor cancelled.
func (p *practice) requireDeletedRightly(t *testing.T) {
	t.Helper()
	deleted := column[string](t, p.world.database, `
		select c.pims_id from case_events e join cases c on c.id = e.case_id
		where c.clinic_id = $1 and e.field = 'metadata.reconciliation' and e.after ->> 'softDeleted' = 'true'`, p.id)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range deleted {
		require.True(t, p.removed[id], "the case of appointment %s was deleted, which is still there", id)
	}
}

// requireConverges runs the same full sync twice; the second writes no case.
func (p *practice) requireConverges(t *testing.T) {
	t.Helper()
	p.mustSync(t)
	before := p.cases(t)
	stats := p.mustSync(t)
	require.Equal(t, before, p.cases(t), "a second run wrote cases")
	for _, stat := range []string{"casesCreated", "casesUpdated", "casesDeleted", "casesRestored"} {
		require.Zero(t, stats[stat], "a second run has %s", stat)
	}
}

// mustSync completes a full sync of the whole window and returns the sums of its
// phases' counts. It waits for those of the schedules.
func (p *practice) mustSync(t *testing.T) map[string]float64 {
	t.Helper()
	var a answer
	require.Eventually(t, func() bool {
		var err error
		a, err = p.sync(t.Context(), p.world.replicas[0].url(), "full", p.everything())
		require.NoError(t, err)
		return a.Status != http.StatusConflict
	}, recovery, 50*time.Millisecond, "the clinic stays busy")
	require.Equal(t, http.StatusOK, a.Status, "%v", a.Body)
	sums := make(map[string]float64)
	for _, phase := range []string{"inboundResult", "casesResult", "reconciliationResult"} {
		result, _ := a.Body[phase].(map[string]any)
		require.Equal(t, true, result["success"], "%s: %v", phase, a.Body)
		counts, _ := result["stats"].(map[string]any)
		for name, count := range counts {
			n, _ := count.(float64)
			sums[name] += n
		}
	}
	return sums
}

// requireLikeNeo compares the cases with what the practice has now.
func (p *practice) requireLikeNeo(t *testing.T) {
	t.Helper()
	cases := p.cases(t)
	there := make(map[string]neosim.Appointment)
	for _, a := range p.window() {
		there[a.ID] = a
		c, known := cases[a.ID]
		require.True(t, known, "appointment %s has no case", a.ID)
		wall := time.Date(a.Start.Year(), a.Start.Month(), a.Start.Day(), a.Start.Hour(), a.Start.Minute(), a.Start.Second(), 0, p.world.zone)
		require.True(t, wall.Equal(c.Scheduled), "appointment %s is at %s, its case at %s", a.ID, wall, c.Scheduled)
		status := cmp.Or(a.Status, a.StatusLabel)
		require.True(t, strings.EqualFold(status, c.Status), "appointment %s is %s, its case %s", a.ID, status, c.Status)
		require.False(t, c.Deleted, "the case of appointment %s is deleted", a.ID)
	}
	for id, c := range cases {
		if _, known := there[id]; !known && c.Scheduled.Before(time.Now()) {
			// One that was cancelled or missed is reviewed, and no candidate (W9).
			require.True(t, c.Deleted || c.Reviewed, "appointment %s is gone, and its case is not deleted", id)
		}
	}
}
