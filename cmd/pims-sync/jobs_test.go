package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
)

// hang makes the practice's calendar requests wait for ClearFaults.
func (p *practice) hang() {
	p.ResetRequests()
	p.Fail(neosim.Fault{Op: neosim.OpCalendar, Kind: neosim.FaultHang, Count: neosim.Forever})
}

func TestASyncCanBeAskedForAndLookedAtLater(t *testing.T) { // R28
	t.Parallel()
	p := newWorld(t).practice(t, neosim.Options{})
	a := p.sync(t, "inbound", "", "Prefer", "respond-async")
	require.Equal(t, 202, a.status, a.body)
	require.Equal(t, "respond-async", a.header.Get("Preference-Applied"))
	id := a.text("id")
	require.Equal(t, "/api/syncs/"+id, a.header.Get("Location"))
	require.Equal(t, "inbound", a.text("type"))
	require.Equal(t, "api", a.text("trigger"))
	require.Contains(t, []string{"queued", "in_progress"}, a.text("status"))

	done := p.ended(t, id)
	require.Equal(t, "completed", done.text("status"), done.body)
	require.Positive(t, done.count("stats.casesCreated"))
	require.NotEmpty(t, done.text("startedAt"))
	require.NotEmpty(t, done.text("completedAt"))
	require.Equal(t, 404, newWorld(t).practice(t, neosim.Options{}).get(t, "/api/syncs/"+id).status, "it is nobody else's")
}

func TestACallThatWaitsForTooLongIsAnsweredAndItsSyncGoesOn(t *testing.T) { // R28
	t.Parallel()
	w := newWorld(t, func(_ *cli.Config, o *app.ServerOptions) { o.Wait = 50 * time.Millisecond })
	p := w.practice(t, neosim.Options{})
	p.hang()
	a := p.sync(t, "inbound", "")
	require.Equal(t, 202, a.status, a.body)
	require.Equal(t, "/api/syncs/"+a.text("id"), a.header.Get("Location"))
	require.Empty(t, a.header.Get("Preference-Applied"))
	p.asked(t)
	running := p.get(t, "/api/syncs/"+a.text("id"))
	require.Equal(t, "in_progress", running.text("status"))
	require.Equal(t, "inbound", running.text("progress.phase"))
	p.ClearFaults()
	require.Equal(t, "completed", p.ended(t, a.text("id")).text("status"))
}

func TestOneSyncOfAClinicRunsAtATime(t *testing.T) { // R29
	t.Parallel()
	w := newWorld(t)
	p, other := w.practice(t, neosim.Options{}), w.practice(t, neosim.Options{Seed: 2})
	p.hang()
	first := p.start(t, "inbound", "")
	p.asked(t)
	for _, kind := range []string{"inbound", "cases", "reconcile", "full"} {
		a := p.sync(t, kind, "")
		require.Equal(t, 409, a.status, a.body)
		require.Equal(t, "sync_running", a.text("code"))
		require.NotEmpty(t, a.text("syncId"))
		require.Equal(t, "in_progress", p.get(t, "/api/syncs/"+a.text("syncId")).text("status"))
	}
	require.Equal(t, 200, other.sync(t, "inbound", "").status, "another clinic is not in the way")
	p.ClearFaults()
	a := <-first
	require.Equal(t, 200, a.status, a.body)
	require.Equal(t, 200, p.sync(t, "cases", "").status)
}

func TestTheSameIdempotencyKeyIsTheSameSync(t *testing.T) { // R29
	t.Parallel()
	w := newWorld(t)
	p, other := w.practice(t, neosim.Options{}), w.practice(t, neosim.Options{Seed: 2})
	first := p.sync(t, "inbound", `{"daysAhead": 1}`, "Idempotency-Key", "monday-1")
	require.Equal(t, 200, first.status, first.body)
	again := p.sync(t, "inbound", ` {"daysAhead":1} `, "Idempotency-Key", "monday-1")
	require.Equal(t, 200, again.status, again.body)
	require.Equal(t, first.text("syncId"), again.text("syncId"))
	require.Len(t, p.get(t, "/api/syncs").get("items"), 1)

	a := p.sync(t, "inbound", `{"daysAhead": 2}`, "Idempotency-Key", "monday-1")
	require.Equal(t, 422, a.status, a.body)
	require.Equal(t, "idempotency_mismatch", a.text("code"))
	a = p.sync(t, "cases", `{}`, "Idempotency-Key", "monday-1")
	require.Equal(t, 422, a.status, a.body)
	a = other.sync(t, "inbound", `{"daysAhead": 2}`, "Idempotency-Key", "monday-1")
	require.Equal(t, 200, a.status, "another clinic's key is another one")
	a = p.sync(t, "inbound", "", "Idempotency-Key", "not visible")
	require.Equal(t, 400, a.status)
}

func TestASyncThatRunsCanBeCancelled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := seeded(t, w, neosim.Options{})
	before := p.rows(t)
	p.hang()
	waiting := p.start(t, "inbound", "")
	p.asked(t)
	items, _ := p.get(t, "/api/syncs?status=in_progress").get("items").([]any)
	require.Len(t, items, 1)
	id := answer{body: items[0].(map[string]any)}.text("id")

	a := p.call(t, "POST", "/api/syncs/"+id+"/cancel", "")
	require.Equal(t, 2, a.status/100, a.body)
	a = <-waiting
	require.Equal(t, 409, a.status, a.body)
	require.Equal(t, "cancelled", a.text("code"))
	require.Equal(t, "cancelled", p.ended(t, id).text("status"))
	require.Equal(t, before, p.rows(t))

	p.ClearFaults()
	require.Equal(t, 200, p.sync(t, "inbound", "").status, "the clinic is free again")
	require.Equal(t, 404, w.practice(t, neosim.Options{}).call(t, "POST", "/api/syncs/"+id+"/cancel", "").status)
}

func TestAReplicaThatShutsDownHandsItsSyncOver(t *testing.T) { // R31
	t.Parallel()
	w := newWorld(t)
	p := seeded(t, w, neosim.Options{})
	p.hang()
	waiting := p.start(t, "full", "")
	p.asked(t)

	first := w.replicas[0]
	p.via = w.replica()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		first.end()
	}()
	a := <-waiting
	require.Equal(t, 202, a.status, a.body)
	id := a.text("id")
	require.Equal(t, "/api/syncs/"+id, a.header.Get("Location"))
	<-ended

	p.ClearFaults()
	done := p.ended(t, id)
	require.Equal(t, "completed", done.text("status"), done.body)
	phases, _ := done.get("phases").([]any)
	require.Len(t, phases, 3)
}

func TestReplicasShareTheWork(t *testing.T) { // R28, R29
	t.Parallel()
	w := newWorld(t)
	second := w.replica()
	started := make([]<-chan answer, 0, 16)
	practices := make([]*practice, 0, 16)
	for i := range 14 { // more than one replica takes at once
		p := w.practice(t, neosim.Options{Seed: uint64(i)})
		if i%2 == 1 {
			p.via = second
		}
		p.hang()
		practices = append(practices, p)
		started = append(started, p.start(t, "inbound", `{"daysAhead": 0}`))
	}
	for _, p := range practices { // all of them run, so both replicas do
		p.asked(t)
	}
	for i, p := range practices {
		p.ClearFaults()
		a := <-started[i]
		require.Equal(t, 200, a.status, a.body)
		require.Equal(t, 1, p.Logins().Accepted)
		require.Len(t, p.rows(t), a.count("stats.casesCreated"))
	}
}
