package scheduler_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/timetest"
)

// succeeded adds a sync that began at a moment and completed.
func succeeded(t *testing.T, db *postgres.DB, clinicID uuid.UUID, kind syncs.Type, began time.Time) {
	t.Helper()
	_, err := db.Pool().Exec(t.Context(), `
		insert into case_sync_audits (clinic_id, sync_type, status, trigger, created_at, started_at, completed_at)
		values ($1, $2, 'completed', 'schedule', $3, $3, $3)`, clinicID, kind, began)
	require.NoError(t, err)
}

// freshnessOf returns what is known of one phase of a clinic.
func freshnessOf(t *testing.T, r *replica, clinicID uuid.UUID, kind syncs.Type) *scheduler.PhaseCondition {
	t.Helper()
	condition, err := r.Condition(t.Context(), clinicID)
	require.NoError(t, err)
	i := slices.IndexFunc(condition.Phases, func(p scheduler.PhaseCondition) bool { return p.Type == kind })
	require.GreaterOrEqual(t, i, 0)
	return &condition.Phases[i]
}

// A clinic whose last inbound was two days ago stays stale, whatever is done to its
// schedule and its row.
func TestNoChangeOfAScheduleHidesAStaleClinic(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	for name, change := range map[string]string{
		"nothing":                 ``,
		"the same again":          `update clinic_schedule_configs set sync_schedules = sync_schedules`,
		"the same in other words": `update clinic_schedule_configs set sync_schedules = '[{"type":"inbound","cron":"0 6 * * *","enabled":true}]'`,
		"another hour":            `update clinic_schedule_configs set sync_schedules = '[{"type":"inbound","cron":"0 7 * * *"}]'`,
		"a full one instead":      `update clinic_schedule_configs set sync_schedules = '[{"type":"full","cron":"0 6 * * *"}]'`,
		"another row": `delete from clinic_schedule_configs;
			insert into clinic_schedule_configs (clinic_id, sync_schedules) select id, '[{"type":"inbound","cron":"0 6 * * *"}]' from clinics`,
		"another name":        `update clinics set name = 'Quay Vets', updated_at = now()`,
		"another zone":        `update clinics set timezone = 'Europe/London'`,
		"no zone":             `update clinics set timezone = null`,
		"a zone there is not": `update clinics set timezone = 'Nowhere/X'`,
		"a rest":              `update clinics set is_active = false; update clinics set is_active = true`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := pgtest.URL(t)
			db := pgtest.Open(t, url)
			id := scheduled(t, db, "UTC", begin, `[{"type":"inbound","cron":"0 6 * * *"}]`)
			succeeded(t, db, id, syncs.TypeInbound, begin.Add(30*time.Hour))
			r := scheduling(t, url, timetest.At(begin.Add(84*time.Hour)), nil)
			_, err := db.Pool().Exec(t.Context(), change)
			require.NoError(t, err)
			f := freshnessOf(t, r, id, syncs.TypeInbound)
			require.True(t, f.Stale(), "%+v", f)
		})
	}
}

func TestAClinicIsStaleOnceATickHasHadAnHourInVain(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	db := pgtest.Open(t, url)
	begin := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	c := timetest.At(begin.Add(time.Hour))
	id := scheduled(t, db, "UTC", begin, `[{"type":"inbound","cron":"0 6 * * *"},{"type":"cases","cron":"0 6 * * *","enabled":false}]`)
	r := scheduling(t, url, c, nil)
	inbound := freshnessOf(t, r, id, syncs.TypeInbound)
	require.True(t, inbound.Scheduled)
	require.False(t, inbound.Stale(), "06:00 was before the clinic was added")
	require.False(t, freshnessOf(t, r, id, syncs.TypeCases).Scheduled, "it is disabled")

	due := begin.Add(22 * time.Hour)
	c.Set(due.Add(59 * time.Minute))
	require.False(t, freshnessOf(t, r, id, syncs.TypeInbound).Stale(), "it has a minute left")
	c.Set(due.Add(61 * time.Minute))
	late := freshnessOf(t, r, id, syncs.TypeInbound)
	require.True(t, late.Stale())
	require.Equal(t, due.Add(time.Hour), late.StaleSince.UTC())
	require.Equal(t, due.Add(24*time.Hour), late.Next.UTC())
	succeeded(t, db, id, syncs.TypeInbound, due.Add(time.Second))
	require.False(t, freshnessOf(t, r, id, syncs.TypeInbound).Stale())
	c.Set(due.Add(61 * time.Minute))
	_, err := db.Pool().Exec(t.Context(), `update clinics set timezone = 'Nowhere/X'`)
	require.NoError(t, err)
	require.True(t, freshnessOf(t, r, id, syncs.TypeInbound).Stale(), "nothing can run")
	require.False(t, freshnessOf(t, r, id, syncs.TypeCases).Stale(), "nothing is to run")
}

// telling is an Observer that passes on how old the inbound data is.
type telling struct {
	counting

	oldest chan time.Duration
}

func (o *telling) Fresh(kind syncs.Type, _ int, oldest time.Duration) {
	if kind == syncs.TypeInbound {
		o.oldest <- oldest
	}
}

func TestTheAgeOfDataIsTrueAlsoWhereNothingWasDueYet(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	db := pgtest.Open(t, url)
	begin := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	id := scheduled(t, db, "UTC", begin, `[{"type":"inbound","cron":"0 6 * * *"}]`)
	succeeded(t, db, id, syncs.TypeInbound, begin.Add(time.Hour))
	told := &telling{oldest: make(chan time.Duration, 1)}
	scheduling(t, url, timetest.At(begin.Add(4*time.Hour)), func(o *scheduler.Options) { o.Observe = told }).begin(t)
	require.Equal(t, 3*time.Hour, <-told.oldest)
}
