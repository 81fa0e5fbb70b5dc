package scheduler_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/postgres/clinicstore"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/timetest"
)

// A census is a store of clinics that counts how often each is read.
type census struct {
	scheduler.ClinicStore

	mu      sync.Mutex
	ids     []uuid.UUID // ordered
	changed []uuid.UUID
	reads   map[uuid.UUID]int
	states  map[uuid.UUID]bool // inactive ones
}

func (c *census) ClinicsAfter(_ context.Context, after uuid.UUID, limit int) (found []uuid.UUID, err error) {
	for _, id := range c.ids {
		if id.String() > after.String() && len(found) < limit {
			found = append(found, id)
		}
	}
	return found, nil
}

func (c *census) Changed(context.Context, time.Time) ([]uuid.UUID, error) { return c.changed, nil }

func (c *census) ConditionsOf(_ context.Context, ids []uuid.UUID, _ time.Time) (all []scheduler.Condition, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range ids {
		for _, there := range c.ids {
			if there == id {
				c.reads[id]++
				all = append(all, scheduler.Condition{Clinic: clinic.Clinic{ID: id, Timezone: "UTC", Active: !c.states[id]}})
			}
		}
	}
	return all, nil
}

// Each minute reads the clinics that changed and a tenth of the others, however many there
// are. What no row tells is known after ten minutes.
func TestAMinuteReadsWhatChangedAndATenthOfTheOthers(t *testing.T) {
	t.Parallel()
	c := &census{reads: make(map[uuid.UUID]int), states: make(map[uuid.UUID]bool)}
	for n := range 1200 {
		c.ids = append(c.ids, uuid.UUID{byte(n >> 8), byte(n), 1})
	}
	clock := timetest.At(time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC))
	s := scheduler.New(scheduler.Options{Clinics: c, Logger: slog.New(slog.DiscardHandler), Now: clock.Now})
	states := func() map[uuid.UUID]scheduler.ClinicState {
		standings, err := s.Standings(t.Context())
		require.NoError(t, err)
		all := make(map[uuid.UUID]scheduler.ClinicState)
		for _, x := range standings {
			all[x.ClinicID] = x.State
		}
		return all
	}
	reads := func() (total int) {
		for _, n := range c.reads {
			total += n
		}
		clear(c.reads)
		return total
	}
	require.Len(t, states(), 1200)
	require.Equal(t, 1200, reads(), "at first all")

	told, untold, gone := c.ids[700], c.ids[800], c.ids[900]
	c.states[told], c.states[untold] = true, true
	c.changed = []uuid.UUID{told}
	c.ids = append(c.ids[:900:900], c.ids[901:]...)
	clock.Set(clock.Now().Add(time.Minute))
	require.Equal(t, scheduler.ClinicOff, states()[told])
	require.LessOrEqual(t, reads(), 1200/10+2)
	for range 10 {
		clock.Set(clock.Now().Add(time.Minute))
		states()
	}
	after := states()
	require.Equal(t, scheduler.ClinicOff, after[untold])
	require.NotContains(t, after, gone)
	require.Len(t, after, 1199)
	require.Len(t, c.reads, 1199, "each was read again")
}

// For two days, everything that decides a clinic's state changes at random. Each quarter of
// an hour what is kept of the clinics says the same as reading all of them.
func TestWhatIsKeptOfTheClinicsIsWhatReadingThemAllSays(t *testing.T) {
	t.Parallel()
	const clinics = 8
	db := pgtest.New(t)
	begin := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	clock := timetest.At(begin)
	var ids []uuid.UUID
	for range clinics {
		ids = append(ids, scheduled(t, db, "UTC", begin.AddDate(0, 0, -3), string(clinic.DefaultSchedules())))
	}
	store := clinicstore.NewClinics(db)
	s := scheduler.New(scheduler.Options{Clinics: store, Logger: slog.New(slog.DiscardHandler), Now: clock.Now})
	random := rand.New(rand.NewPCG(12, 3))
	changes := []string{
		`insert into case_sync_audits (clinic_id, sync_type, status, created_at, started_at, completed_at) values ($1, 'inbound', 'completed', $2, $2, $2)`,
		`insert into case_sync_audits (clinic_id, sync_type, status, created_at, started_at, completed_at) values ($1, 'reconciliation', 'completed', $2, $2, $2)`,
		`insert into case_sync_audits (clinic_id, sync_type, status, error_code, created_at, started_at, completed_at) values ($1, 'cases', 'failed', 'timeout', $2, $2, $2)`,
		`insert into case_sync_audits (clinic_id, sync_type, status, error_code, created_at, started_at, completed_at) values ($1, 'full', 'failed', 'pims_auth_rejected', $2, $2, $2)`,
		`update clinics set is_active = not is_active, updated_at = $2 where id = $1`,
		`update clinics set timezone = case timezone when 'UTC' then 'Asia/Tokyo' else 'UTC' end, updated_at = $2 where id = $1`,
		`update clinic_schedule_configs set sync_schedules = '[{"type":"full","cron":"0 */4 * * *"}]', updated_at = $2 where clinic_id = $1`,
		`insert into pims_credentials (clinic_id, sealed, created_at, updated_at) values ($1, '', $2, $2) on conflict (clinic_id) do update set suspended_at = $2, updated_at = $2`,
		`insert into deletion_plans (clinic_id, sync_id, sync_type, code, reason, window_start, window_end, created_at, expires_at)
			select $1::uuid, id, 'reconciliation', 'deletion_guard', '', '2026-03-01', '2026-03-02', $2::timestamptz, $2::timestamptz + interval '3 hours' from case_sync_audits where clinic_id = $1 limit 1
			on conflict do nothing`,
		`update deletion_plans set status = 'rejected', decided_at = $2 where clinic_id = $1 and status = 'open'`,
	}
	seen := make(map[scheduler.ClinicState]bool)
	for range 2 * 24 * 4 {
		clock.Set(clock.Now().Add(15 * time.Minute))
		if random.IntN(2) == 0 {
			_, err := db.Pool().Exec(t.Context(), changes[random.IntN(len(changes))], ids[random.IntN(clinics)], clock.Now().Add(-time.Second))
			require.NoError(t, err)
		}
		kept, err := s.Standings(t.Context())
		require.NoError(t, err)
		all, err := scheduler.ReadConditions(t.Context(), store, clock.Now())
		require.NoError(t, err)
		want, got := map[uuid.UUID]string{}, map[uuid.UUID]string{}
		for i := range all {
			want[all[i].Clinic.ID] = told(all[i].Verdict())
			seen[all[i].Verdict().State] = true
		}
		for _, x := range kept {
			got[x.ClinicID] = told(x.Verdict)
		}
		require.Equal(t, want, got, clock.Now())
	}
	require.GreaterOrEqual(t, len(seen), 5, "%v", seen)
}

func told(v scheduler.Verdict) string { return fmt.Sprint(v.State, v.Code, v.Since.UTC()) }
