package chaos

import (
	"flag"
	"fmt"
	"net/http"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
)

var stop = flag.Duration("stop", 8*time.Second, "how long a replica is stopped; its leases are a quarter of it, and the default ones where it is a minute")

// A replica that is stopped in all four phases at once is silent for four leases.
// Others do its work; what it wakes up with is out of date, and it writes none of it
// (R30).
func TestAReplicaThatWasStoppedForLongWritesNothingOfWhatItHeld(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "SYNC_LEASE="+(*stop/4).String())
	victim := w.addReplica(t)
	held := []*standstill{
		{op: neosim.OpLogin, kind: "inbound"},
		{op: neosim.OpCalendar, kind: "inbound"},
		{op: neosim.OpView, kind: "cases"},
		{op: neosim.OpAppointment, kind: "reconcile", skip: 1}, // the first one proves that lookups work, R22
	}
	for _, s := range held {
		s.practice = w.addPractice(t)
		s.mustSync(t)
	}
	for _, s := range held { // at once, since a request that hangs is given up after a while
		s.begin(t)
	}
	w.addReplica(t)
	w.addReplica(t)

	stopped := time.Now()
	victim.signal(syscall.SIGSTOP)
	for _, s := range held {
		s.ClearFaults() // what was asked for is answered to a process that does not listen
	}
	for _, s := range held {
		s.requireTakenOver(t)
		t.Logf("%s: another replica completed it %.1f s after the stop", s.op, time.Since(stopped).Seconds())
		s.goOn(t, w.replicas[1])
	}
	pause(t.Context(), time.Until(stopped.Add(*stop)))
	before := w.written(t)
	victim.signal(syscall.SIGCONT)
	woken := time.Now()
	for _, s := range held {
		require.Eventually(t, func() bool { return victim.said("Sync was taken over by another attempt", s.id) }, recovery, pollPause,
			"the attempt at %s does not end: %s", s.op, victim.last)
	}
	t.Logf("stopped for %s, its attempts gave up %.1f s after it went on", woken.Sub(stopped).Round(time.Second), time.Since(woken).Seconds())
	require.Equal(t, before, w.written(t), "what was out of date has been written")

	for _, r := range w.replicas[1:] {
		r.terminate(t)
	}
	w.replicas = w.replicas[:1]
	for _, s := range held { // the one that was stopped serves and works
		s.requireConverges(t)
		s.requireLikeNeo(t)
	}
	w.requireWhole(t)
	w.shutDown(t)
}

// A standstill is a sync whose replica waits for one answer of Neo.
type standstill struct {
	*practice
	op   neosim.Op // that is not answered
	skip int       // but for the first ones
	kind string    // of the sync, as the path has it
	id   string
}

// begin starts the sync and returns when its replica waits.
func (s *standstill) begin(t *testing.T) {
	t.Helper()
	if s.op == neosim.OpLogin {
		s.ExpireSessions()
	}
	if s.op == neosim.OpAppointment {
		s.loseOne(t)
	}
	s.ResetRequests()
	s.Fail(neosim.Fault{Op: s.op, Skip: s.skip, Kind: neosim.FaultHang, Count: neosim.Forever})
	a, err := s.sync(t.Context(), s.world.replicas[0].url(), s.kind, bodies[s.kind], "Prefer", "respond-async")
	require.NoError(t, err)
	require.Equal(t, http.StatusAccepted, a.Status, "%v", a.Body)
	s.id = a.Body["id"].(string)
	require.Eventually(t, func() bool { return s.Count(s.op) > s.skip }, recovery, pollPause, "Neo is not asked for %s", s.op)
}

// loseOne deletes an appointment whose case a reconciliation has to delete.
func (s *standstill) loseOne(t *testing.T) {
	t.Helper()
	candidates := column[string](t, s.world.database, `
		select pims_id from cases where clinic_id = $1 and status <> 'reviewed' and scheduled_date < now() order by scheduled_date desc limit 1`, s.practice.id)
	require.Len(t, candidates, 1)
	s.removed[candidates[0]] = true
	require.NoError(t, s.Delete(candidates[0]))
}

// requireTakenOver waits until another attempt has completed the sync.
func (s *standstill) requireTakenOver(t *testing.T) {
	t.Helper()
	for patience := time.Now().Add(recovery); ; pause(t.Context(), pollPause) {
		if one[bool](t, s.world.database, `select status = 'completed' and attempt > 1 from case_sync_audits where id = $1`, s.id) {
			return
		}
		if time.Now().After(patience) {
			break
		}
	}
	logs := ""
	for i, r := range s.world.replicas[1:] {
		logs += fmt.Sprintf("\nreplica %d: %s", i+2, r.last)
	}
	require.FailNow(t, "the sync is not completed by another attempt", "it stands at %s\nsync: %s\njobs: %s%s", s.op,
		one[string](t, s.world.database, `select to_jsonb(a)::text from case_sync_audits a where id = $1`, s.id),
		column[string](t, s.world.database, `select to_jsonb(j)::text from river_job j where state <> 'completed' order by id`), logs)
}

// goOn lets the practice and its cases change through a replica that works.
func (s *standstill) goOn(t *testing.T, through *replica) {
	t.Helper()
	require.True(t, slices.ContainsFunc(s.window(), func(a neosim.Appointment) bool {
		return a.Start.After(s.Today()) && s.Move(a.ID, a.Start.Add(time.Hour)) == nil // a cancelled one cannot be moved
	}))
	done, err := s.sync(t.Context(), through.url(), "full", s.everything())
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, done.Status, "%v", done.Body)
}

// written is all that syncs write, with the versions of the rows.
func (w *world) written(t *testing.T) []string {
	t.Helper()
	return column[string](t, w.database, `
		select concat_ws(' ', id, xmin, scheduled_date, status) from cases
		union all select concat_ws(' ', id, xmin, status, attempt) from case_sync_audits
		union all select concat_ws(' ', count(*), 'events') from case_events order by 1`)
}
