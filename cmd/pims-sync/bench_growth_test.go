package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

const (
	manyClinics = 10_000

	// watched is how long a replica is watched: its work recurs each minute and less often.
	watched = 2 * time.Minute

	// clockTicks are those of Linux in a second, in /proc/<pid>/stat.
	clockTicks = 100
)

// BenchmarkManyClinics measures what a replica needs for clinics where nothing is due.
func BenchmarkManyClinics(b *testing.B) {
	i := serveMany(b)
	b.Run("CPU a minute of 10000 clinics beside 0.5 s", func(b *testing.B) {
		c := comparison{unit: "ms", bound: 1}
		for b.Loop() {
			before := i.cpu(b)
			time.Sleep(watched)
			c.addTimes((i.cpu(b)-before)/(watched/time.Minute), 500*time.Millisecond)
		}
		c.report(b)
	})
	b.Run("CPU of 100 changed schedules in 10 s beside 0.5 s", func(b *testing.B) {
		c := comparison{unit: "ms", bound: 1}
		for b.Loop() {
			before, began := i.cpu(b), time.Now()
			for n := range 100 {
				i.exec(b, fmt.Sprintf(`update clinic_schedule_configs set sync_schedules = sync_schedules || '[]'::jsonb, updated_at = now()
					where clinic_id = (select id from clinics order by id offset %d limit 1)`, 97*n))
				time.Sleep(time.Until(began.Add(time.Duration(n) * 100 * time.Millisecond)))
			}
			time.Sleep(2 * time.Second) // changes are gathered for one
			c.addTimes(i.cpu(b)-before, 500*time.Millisecond)
		}
		c.report(b)
	})
	b.Run("memory of 10000 clinics beside 120 MiB", func(b *testing.B) {
		c := comparison{unit: "MiB", bound: 1}
		for b.Loop() {
			c.add(i.memory(b, "VmRSS"), 120)
		}
		c.report(b)
	})
}

// serveMany serves ten thousand clinics whose syncs have all succeeded and are due in some
// hours, and returns when the replica has looked at them a few times.
func serveMany(b *testing.B) *installation {
	b.Helper()
	i := install(b)
	i.addMany(b)
	time.Sleep(time.Minute)
	return i
}

// addMany adds the clinics of serveMany.
func (i *installation) addMany(b *testing.B) {
	b.Helper()
	hour := (time.Now().UTC().Hour() + 4) % 24
	i.exec(b, fmt.Sprintf(`
		with added as (
			insert into clinics (name, timezone, created_at, updated_at)
			select 'Cedar Lane ' || n, 'Etc/UTC', now() - interval '40 days', now() - interval '40 days' from generate_series(1, %d) n returning id
		), scheduled as (
			insert into clinic_schedule_configs (updated_at, clinic_id, sync_schedules)
			select now() - interval '40 days', id, '[{"type":"inbound","cron":"0 %[2]d,%[3]d * * *"},{"type":"cases","cron":"20 %[2]d,%[3]d * * *"},{"type":"reconciliation","cron":"40 %[2]d * * *"}]' from added
		)
		insert into case_sync_audits (clinic_id, sync_type, status, started_at, completed_at)
		select id, t, 'completed', now() - interval '3 hours', now() - interval '3 hours' from added, unnest(array['inbound', 'cases', 'reconciliation']) t`,
		manyClinics, hour, (hour+8)%24))
}

func (i *installation) exec(b *testing.B, sql string) {
	b.Helper()
	conn, err := pgx.Connect(b.Context(), i.database)
	require.NoError(b, err)
	defer conn.Close(b.Context())
	_, err = conn.Exec(b.Context(), sql)
	require.NoError(b, err)
}

// cpu is the time that the process has used.
func (s *serving) cpu(b *testing.B) time.Duration {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	require.NoError(b, err)
	_, after, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(after)
	ticks := 0
	for _, field := range fields[11:13] { // user and system
		n, err := strconv.Atoi(field)
		require.NoError(b, err)
		ticks += n
	}
	return time.Duration(ticks) * time.Second / clockTicks
}
