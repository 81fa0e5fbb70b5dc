package main

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
)

// BenchmarkCases reads a thousand consultations, each of which takes the Neo a
// tenth of a second, ten at a time.
func BenchmarkCases(b *testing.B) {
	const consultations, atATime, latency = 1000, 10, 100 * time.Millisecond
	i := install(b)
	c := comparison{bound: 1.05}
	for b.Loop() {
		sim := newNeo(b, 250)
		finishVisits(b, sim, keepVisits(b, sim, -7, 0, consultations), consultations)
		sim.Configure(func(o *neosim.Options) { o.Latencies = map[neosim.Op]time.Duration{neosim.OpView: latency} })
		s := i.enrol(b, sim)
		s.mustSync(b, "inbound", fmt.Sprintf(`{"startDate": %q, "endDate": %q}`, s.day(-7), s.day(0)))

		a, ours := s.mustSync(b, "cases", fmt.Sprintf(`{"parallelBatchSize": %d}`, atATime))
		require.Equal(b, consultations, a.count("stats.casesEnriched"), a.body)
		require.Equal(b, atATime, sim.Peak(neosim.OpView))
		c.addTimes(ours, consultations/atATime*latency)
	}
	c.report(b)
}

// BenchmarkReconciliation looks for what vanished among ten thousand cases of
// ninety days, and finds three. Its fetches are the calendar in slices of a week,
// five at a time, and the three days that hold orphans a second time, one by one.
func BenchmarkReconciliation(b *testing.B) {
	const weeks, weeksAtATime = (reconciledDays + 1 + 6) / 7, 5
	const fetches = (weeks+weeksAtATime-1)/weeksAtATime + orphans
	b.Run("production latencies beside its fetches", func(b *testing.B) {
		c := comparison{bound: 1.5}
		v := newVanishing(b)
		v.Configure(func(o *neosim.Options) {
			o.Latencies = map[neosim.Op]time.Duration{neosim.OpCalendar: calendarLatency}
		})
		for b.Loop() {
			c.addTimes(v.reconcile(b), fetches*calendarLatency)
		}
		c.report(b)
	})
	b.Run("without latencies beside its bare requests", func(b *testing.B) {
		const rounds = 5
		c := comparison{}
		v := newVanishing(b)
		for b.Loop() {
			for range rounds {
				ours := v.reconcile(b)
				c.addTimes(ours, v.bareRequests(b))
			}
		}
		c.report(b)
	})
}

const (
	reconciledCases = 10_000
	reconciledDays  = 90
	orphans         = 3
)

// A vanishing is a clinic with many cases, some of whose visits vanish.
type vanishing struct {
	*subject
	left []neosim.Appointment
}

func newVanishing(b *testing.B) *vanishing {
	b.Helper()
	sim := newNeo(b, 150)
	v := &vanishing{left: keepVisits(b, sim, -reconciledDays, 0, reconciledCases)}
	for _, visit := range v.left { // what is reviewed is no candidate
		require.NoError(b, sim.SetStatus(visit.ID, "Completed"))
	}
	v.subject = install(b).enrol(b, sim)
	v.mustSync(b, "inbound", fmt.Sprintf(`{"startDate": %q, "endDate": %q}`, v.day(-reconciledDays), v.day(0)))
	return v
}

// reconcile lets visits of three days vanish, and finds them.
func (v *vanishing) reconcile(b *testing.B) time.Duration {
	b.Helper()
	checked := len(v.left)
	for n := range orphans {
		at := len(v.left) * (2*n + 1) / (2 * orphans)
		require.NoError(b, v.Delete(v.left[at].ID))
		v.left = slices.Delete(v.left, at, at+1)
	}
	a, duration := v.mustSync(b, "reconcile", fmt.Sprintf(`{"lookbackDays": %d}`, reconciledDays))
	require.Equal(b, checked, a.count("stats.casesChecked"), a.body)
	require.Equal(b, orphans, a.count("stats.casesDeleted"), a.body)
	return duration
}
