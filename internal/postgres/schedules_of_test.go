package postgres_test

import (
	"testing"

	"github.com/pims-sync/pims-sync/internal/postgres/clinicstore"
	"github.com/pims-sync/pims-sync/internal/postgres/syncstore"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// Whoever changes a schedule, or what decides whether it runs, tells of which clinic. What
// stays as it is tells nothing.
func TestAChangedScheduleTellsOfWhichClinic(t *testing.T) { // R33
	t.Parallel()
	db := pgtest.New(t)
	one, two := newClinic(t, db), newClinic(t, db)
	exec(t, db, "delete from clinic_schedule_configs")
	schedules, stop := newNotifier(t, db).Subscribe(postgres.ChannelSchedules)
	defer stop()
	awaitPayload(t, schedules, "")
	for _, sql := range []string{
		"insert into clinic_schedule_configs (clinic_id) values ($1)",
		`update clinic_schedule_configs set sync_schedules = '[]' where clinic_id = $1`,
		"update clinics set timezone = 'Europe/Paris' where id = $1",
		"update clinics set is_active = false where id = $1",
		"delete from clinic_schedule_configs where clinic_id = $1",
	} {
		exec(t, db, sql, one)
		require.Empty(t, awaitPayload(t, schedules, one.String()), sql)
	}
	exec(t, db, "update clinics set timezone = timezone, name = 'Quay Vets'")
	exec(t, db, "insert into clinic_schedule_configs (clinic_id) values ($1)", two)
	require.Empty(t, awaitPayload(t, schedules, two.String()), "a name is no change of a schedule")
}

func TestTheEntriesOfSomeClinicsAreReplacedAndThoseOfOthersStay(t *testing.T) { // R33
	t.Parallel()
	db := pgtest.New(t)
	one, two := newClinic(t, db), newClinic(t, db)
	entry := func(clinicID uuid.UUID, key string) scheduler.Entry {
		return scheduler.Entry{ClinicID: clinicID, Key: key, Type: syncs.TypeInbound, Cron: "0 6 * * *", Timezone: "UTC", Next: monday}
	}
	schedules := syncstore.NewSchedules(db)
	keys := func() []string {
		return column[string](t, db, "select entry_key from schedule_entries order by entry_key")
	}
	require.NoError(t, schedules.ReplaceOf(t.Context(), []uuid.UUID{one, two}, []scheduler.Entry{entry(one, "a"), entry(one, "b"), entry(two, "c")}))
	require.NoError(t, schedules.ReplaceOf(t.Context(), []uuid.UUID{one}, []scheduler.Entry{entry(one, "b"), entry(one, "d")}))
	require.Equal(t, []string{"b", "c", "d"}, keys())
	require.NoError(t, schedules.ReplaceOf(t.Context(), []uuid.UUID{two}, nil))
	require.Equal(t, []string{"b", "d"}, keys())
	require.NoError(t, schedules.ReplaceOf(t.Context(), nil, nil))
	require.Equal(t, []string{"b", "d"}, keys())

	exec(t, db, "insert into clinic_schedule_configs (clinic_id) values ($1), ($2) on conflict do nothing", one, two)
	exec(t, db, "update clinics set is_active = false where id = $1", two)
	configs, err := clinicstore.NewClinics(db).SchedulesOf(t.Context(), []uuid.UUID{one, two, uuid.New()})
	require.NoError(t, err)
	require.Len(t, configs, 1)
	require.Equal(t, one, configs[0].ClinicID)
	require.NoError(t, schedules.ReplaceOf(t.Context(), []uuid.UUID{one, two}, nil))
	require.Empty(t, keys())
}
