package scheduler_test

import (
	"testing"
	"time"

	"github.com/pims-sync/pims-sync/internal/postgres/clinicstore"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A ward is a clinic at noon whose last syncs were good: inbound and cases at 06:00,
// reconciliation at 02:00.
type ward struct {
	t   *testing.T
	db  *postgres.DB
	id  uuid.UUID
	now time.Time
}

func newWard(t *testing.T) *ward {
	t.Helper()
	w := &ward{t: t, db: pgtest.New(t), now: time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)}
	w.id = scheduled(t, w.db, "UTC", w.now.AddDate(0, 0, -9), string(clinic.DefaultSchedules()))
	w.do(`insert into pims_credentials (clinic_id, sealed, created_at, updated_at) values ($1, '', $2, $2)`, w.at(-200))
	for kind, hour := range map[syncs.Type]int{syncs.TypeInbound: -6, syncs.TypeCases: -4, syncs.TypeReconciliation: -10} {
		w.ended(kind, "completed", "", hour)
	}
	return w
}

func (w *ward) at(hours int) time.Time { return w.now.Add(time.Duration(hours) * time.Hour) }

// do executes a statement whose first argument is the clinic.
func (w *ward) do(sql string, args ...any) {
	w.t.Helper()
	_, err := w.db.Pool().Exec(w.t.Context(), sql, append([]any{w.id}, args...)...)
	require.NoError(w.t, err)
}

// ended adds a sync that took no time, and returns its id.
func (w *ward) ended(kind syncs.Type, status, code string, hour int) (id uuid.UUID) {
	w.t.Helper()
	id = uuid.New()
	w.do(`insert into case_sync_audits (id, clinic_id, sync_type, status, error_code, created_at, started_at, completed_at)
		values ($2, $1, $3, $4, nullif($5, ''), $6, $6, $6)`,
		id, kind, status, code, w.at(hour))
	return id
}

// ofOtherDays adds a sync that completed an hour ago and did not cover the default days.
func (w *ward) ofOtherDays(kind syncs.Type) (id uuid.UUID) {
	w.t.Helper()
	id = w.ended(kind, "completed", "", -1)
	w.do(`update case_sync_audits set covers_default = false where clinic_id = $1 and id = $2`, id)
	return id
}

// What a sync of other days does not change is what the phase last had whole.
func TestASyncOfOtherDaysIsAnAttemptAndNoSuccess(t *testing.T) {
	t.Parallel()
	w := newWard(t)
	w.ofOtherDays(syncs.TypeInbound)
	c := w.condition()
	require.Equal(t, w.at(-6), c.DataAsOf().UTC())
	at, kind, code := c.LastAttempt()
	require.Equal(t, w.at(-1), at.UTC())
	require.Equal(t, syncs.TypeInbound, kind)
	require.Empty(t, code)

	w.do(`update clinic_schedule_configs set sync_schedules = '[{"type":"inbound","cron":"0 10 * * *"}]' where clinic_id = $1`)
	c = w.condition()
	require.Equal(t, scheduler.Verdict{State: scheduler.ClinicStale, Since: w.at(-1)}, utc(c.Verdict()), "10:00 has had its hour")
	w.ended(syncs.TypeInbound, "completed", "", -1)
	c = w.condition()
	require.Equal(t, scheduler.ClinicOK, c.Verdict().State)
}

// utc is a verdict with its time in UTC.
func utc(v scheduler.Verdict) scheduler.Verdict {
	v.Since = v.Since.UTC()
	return v
}

func (w *ward) phaseOf(master uuid.UUID, kind syncs.Type, status, code string, hour int) {
	w.t.Helper()
	w.do(`update case_sync_audits set parent_id = $2 where clinic_id = $1 and id = $3`, master, w.ended(kind, status, code, hour))
}

func (w *ward) condition() scheduler.Condition {
	w.t.Helper()
	c, err := scheduler.ReadCondition(w.t.Context(), clinicstore.NewClinics(w.db), w.id, w.now)
	require.NoError(w.t, err)
	return c
}

// What makes every coming sync fail is told at once, long before a tick is an hour
// late.
func TestTheStateOfAClinicIsToldAtOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		happens func(w *ward)
		state   scheduler.ClinicState
		since   int // hours from now
		code    syncs.Code
	}{
		"nothing": {func(*ward) {}, scheduler.ClinicOK, -4, ""},
		"a success after failures": {func(w *ward) {
			w.ended(syncs.TypeCases, "failed", "pims_unreachable", -3)
			w.ended(syncs.TypeCases, "completed", "", -2)
			w.ended(syncs.TypeCases, "completed", "", -1)
		}, scheduler.ClinicOK, -2, ""},
		"an inbound of other days after a failure": {func(w *ward) {
			w.ended(syncs.TypeInbound, "failed", "pims_unreachable", -2)
			w.ofOtherDays(syncs.TypeInbound)
		}, scheduler.ClinicFailing, -2, "pims_unreachable"},
		"cases of other days after a failure": {func(w *ward) {
			w.ended(syncs.TypeCases, "failed", "schema_drift", -2)
			w.ofOtherDays(syncs.TypeCases)
		}, scheduler.ClinicFailing, -2, "schema_drift"},
		"a reconciliation of other days after a failure": {func(w *ward) {
			w.ended(syncs.TypeReconciliation, "failed", "snapshot_unsound", -2)
			w.ofOtherDays(syncs.TypeReconciliation)
		}, scheduler.ClinicFailing, -2, "snapshot_unsound"},
		"a full sync of other days after a failure": {func(w *ward) {
			w.ended(syncs.TypeInbound, "failed", "timeout", -2)
			master := w.ofOtherDays(syncs.TypeFull)
			w.phaseOf(master, syncs.TypeInbound, "completed", "", -1)
			w.phaseOf(master, syncs.TypeCases, "completed", "", -1)
			w.phaseOf(master, syncs.TypeReconciliation, "completed", "", -1)
			w.do(`update case_sync_audits set covers_default = false where clinic_id = $1 and parent_id = $2`, master)
		}, scheduler.ClinicFailing, -2, "timeout"},
		"syncs of other days only": {func(w *ward) {
			w.do(`update case_sync_audits set covers_default = false where clinic_id = $1`)
		}, scheduler.ClinicStale, -8*24 - 21, ""},
		"a login that a sync of other days has proved": {func(w *ward) {
			w.ended(syncs.TypeInbound, "failed", "pims_auth_challenge", -3)
			w.ofOtherDays(syncs.TypeInbound)
		}, scheduler.ClinicFailing, -3, "pims_auth_challenge"},
		"removed credentials": {func(w *ward) {
			w.do(`delete from pims_credentials where clinic_id = $1`)
			w.do(`update clinics set credentials_removed_at = $2 where id = $1 and credentials_removed_at is not null`, w.at(-1))
		}, scheduler.ClinicFailing, -1, "credentials_missing"},
		"credentials that never were": {func(w *ward) {
			w.do(`delete from pims_credentials where clinic_id = $1`)
			w.do(`update clinics set credentials_removed_at = null where id = $1`)
		}, scheduler.ClinicFailing, -9 * 24, "credentials_missing"},
		"removed credentials that were set again": {func(w *ward) {
			w.do(`delete from pims_credentials where clinic_id = $1`)
			w.do(`insert into pims_credentials (clinic_id, sealed, created_at, updated_at) values ($1, '', $2, $2)`, w.at(-1))
			condition := w.condition()
			require.Zero(w.t, condition.Credentials.RemovedAt)
		}, scheduler.ClinicOK, -4, ""},
		"a schedule of a phase that was never tried": {func(w *ward) {
			w.do(`delete from case_sync_audits where clinic_id = $1 and sync_type = 'inbound'`)
			w.do(`update clinic_schedule_configs set sync_schedules = '[{"type":"inbound","cron":"0 6 1 1 *"}]' where clinic_id = $1`)
		}, scheduler.ClinicOK, -4, ""},
		"a full sync that failed after it was overtaken": {func(w *ward) {
			w.ended(syncs.TypeFull, "failed", "timeout", -1)
			w.do(`update case_sync_audits set started_at = $2 where clinic_id = $1 and status = 'failed'`, w.at(-8))
		}, scheduler.ClinicFailing, -1, "timeout"},
		"a cancelled sync": {func(w *ward) { w.ended(syncs.TypeCases, "cancelled", "cancelled", -1) }, scheduler.ClinicOK, -4, ""},
		"a dry run that failed": {func(w *ward) {
			w.ended(syncs.TypeCases, "failed", "pims_error", -1)
			w.do(`update case_sync_audits set request = '{"dryRun": true}' where clinic_id = $1 and status = 'failed'`)
		}, scheduler.ClinicOK, -4, ""},
		"a request that was wrong": {func(w *ward) {
			w.ended(syncs.TypeInbound, "failed", "invalid_request", -1)
		}, scheduler.ClinicOK, -4, ""},
		"a clinic that was off while its sync waited": {func(w *ward) {
			w.ended(syncs.TypeInbound, "failed", "forbidden", -1)
		}, scheduler.ClinicOK, -4, ""},
		"a full sync that waited meanwhile": {func(w *ward) {
			w.ended(syncs.TypeFull, "failed", "forbidden", -1)
		}, scheduler.ClinicOK, -4, ""},
		"a clinic that was off after a failure": {func(w *ward) {
			w.ended(syncs.TypeInbound, "failed", "pims_unreachable", -3)
			w.ended(syncs.TypeInbound, "failed", "forbidden", -2)
		}, scheduler.ClinicFailing, -3, "pims_unreachable"},
		"a clinic that was off before its first sync": {func(w *ward) {
			w.do(`delete from case_sync_audits where clinic_id = $1`)
			w.do(`update clinics set created_at = $2 where id = $1`, w.at(-2))
			w.ended(syncs.TypeFull, "failed", "forbidden", -1)
		}, scheduler.ClinicNeverSynced, -2, ""},
		"a zone that is back": {func(w *ward) {
			w.ended(syncs.TypeInbound, "failed", "timezone_missing", -1)
		}, scheduler.ClinicOK, -4, ""},
		"credentials that were removed while a sync waited, and set again": {func(w *ward) {
			w.do(`delete from pims_credentials where clinic_id = $1`)
			w.ended(syncs.TypeInbound, "failed", "credentials_missing", -2)
			w.do(`insert into pims_credentials (clinic_id, sealed, created_at, updated_at) values ($1, '', $2, $2)`, w.at(-1))
		}, scheduler.ClinicOK, -4, ""},
		"credentials that were removed while a sync waited": {func(w *ward) {
			w.do(`delete from pims_credentials where clinic_id = $1`)
			w.do(`update clinics set credentials_removed_at = $2 where id = $1`, w.at(-2))
			w.ended(syncs.TypeInbound, "failed", "credentials_missing", -1)
		}, scheduler.ClinicFailing, -2, "credentials_missing"},
		"credentials that were replaced while a sync ran": {func(w *ward) {
			w.ended(syncs.TypeInbound, "failed", "auth_expired", -1)
			w.do(`update case_sync_audits set started_at = $2 where clinic_id = $1 and status = 'failed'`, w.at(-3))
			w.do(`update pims_credentials set created_at = $2, updated_at = $2 where clinic_id = $1`, w.at(-2))
		}, scheduler.ClinicOK, -4, ""},
		"credentials that were replaced before a phase of a full sync": {func(w *ward) {
			master := w.ended(syncs.TypeFull, "failed", "auth_expired", -1)
			w.do(`update case_sync_audits set started_at = $2 where clinic_id = $1 and id = $3`, w.at(-3), master)
			w.phaseOf(master, syncs.TypeInbound, "completed", "", -3)
			w.phaseOf(master, syncs.TypeCases, "failed", "auth_expired", -1)
			w.do(`update pims_credentials set created_at = $2, updated_at = $2 where clinic_id = $1`, w.at(-2))
		}, scheduler.ClinicOK, -4, ""},
		"a session that ended by itself": {func(w *ward) {
			w.do(`update pims_credentials set updated_at = $2, tested_at = $2, test_outcome = 'ok' where clinic_id = $1`, w.at(0))
			w.ended(syncs.TypeInbound, "failed", "auth_expired", -1)
		}, scheduler.ClinicFailing, -1, "auth_expired"},
		"suspended credentials": {func(w *ward) {
			w.do(`update pims_credentials set suspended_at = $2, updated_at = $2 where clinic_id = $1`, w.at(-1))
		}, scheduler.ClinicLoginRefused, -1, "credentials_suspended"},
		"the PIMS asks for a person": {func(w *ward) {
			w.ended(syncs.TypeInbound, "failed", "pims_auth_challenge", -3)
			w.ended(syncs.TypeInbound, "failed", "pims_auth_challenge", -2)
		}, scheduler.ClinicLoginRefused, -3, "pims_auth_challenge"},
		"other credentials since then": {func(w *ward) {
			w.ended(syncs.TypeInbound, "failed", "pims_auth_challenge", -2)
			w.do(`update pims_credentials set updated_at = $2 where clinic_id = $1`, w.at(-1))
		}, scheduler.ClinicOK, -4, ""},
		"other credentials while a sync ran with the old ones": {func(w *ward) {
			w.ended(syncs.TypeInbound, "failed", "pims_auth_rejected", -1)
			w.do(`update case_sync_audits set started_at = $2 where clinic_id = $1 and status = 'failed'`, w.at(-3))
			w.do(`update pims_credentials set created_at = $2, updated_at = $2 where clinic_id = $1`, w.at(-2))
		}, scheduler.ClinicOK, -4, ""},
		"other credentials after another failure": {func(w *ward) {
			w.ended(syncs.TypeInbound, "failed", "pims_unreachable", -2)
			w.do(`update pims_credentials set created_at = $2, updated_at = $2 where clinic_id = $1`, w.at(-1))
		}, scheduler.ClinicFailing, -2, "pims_unreachable"},
		"a refusal after a good test": {func(w *ward) {
			w.do(`update pims_credentials set tested_at = $2, test_outcome = 'ok' where clinic_id = $1`, w.at(-2))
			w.ended(syncs.TypeInbound, "failed", "pims_auth_rejected", -1)
		}, scheduler.ClinicLoginRefused, -1, "pims_auth_rejected"},
		"a test of the credentials that was refused": {func(w *ward) {
			w.do(`update pims_credentials set tested_at = $2, test_outcome = 'auth_challenge' where clinic_id = $1`, w.at(-1))
		}, scheduler.ClinicLoginRefused, -1, "pims_auth_challenge"},
		"a success after that test": {func(w *ward) {
			w.do(`update pims_credentials set tested_at = $2, test_outcome = 'auth_challenge' where clinic_id = $1`, w.at(-2))
			w.ended(syncs.TypeCases, "completed", "", -1)
		}, scheduler.ClinicOK, -4, ""},
		"a good test after the PIMS asked for a person": {func(w *ward) {
			w.ended(syncs.TypeInbound, "failed", "pims_auth_challenge", -2)
			w.do(`update pims_credentials set tested_at = $2, test_outcome = 'ok' where clinic_id = $1`, w.at(-1))
		}, scheduler.ClinicOK, -4, ""},
		"one failure": {func(w *ward) { w.ended(syncs.TypeCases, "failed", "schema_drift", -1) }, scheduler.ClinicFailing, -1, "schema_drift"},
		"failures of two phases": {func(w *ward) {
			w.ended(syncs.TypeCases, "failed", "schema_drift", -3)
			w.ended(syncs.TypeInbound, "failed", "pims_unreachable", -2)
			w.ended(syncs.TypeCases, "failed", "timeout", -1)
		}, scheduler.ClinicFailing, -3, "timeout"},
		"a full sync that failed before its phases": {func(w *ward) {
			w.ended(syncs.TypeFull, "failed", "browser_unavailable", -2)
			w.ended(syncs.TypeFull, "failed", "browser_unavailable", -1)
		}, scheduler.ClinicFailing, -2, "browser_unavailable"},
		"a full sync whose reconciliation failed": {func(w *ward) {
			master := w.ended(syncs.TypeFull, "failed", "snapshot_unsound", -1)
			w.phaseOf(master, syncs.TypeInbound, "completed", "", -1)
			w.phaseOf(master, syncs.TypeCases, "completed", "", -1)
			w.phaseOf(master, syncs.TypeReconciliation, "failed", "snapshot_unsound", -1)
		}, scheduler.ClinicFailing, -1, "snapshot_unsound"},
		"a good reconciliation after that": {func(w *ward) {
			master := w.ended(syncs.TypeFull, "failed", "snapshot_unsound", -2)
			w.phaseOf(master, syncs.TypeInbound, "completed", "", -2)
			w.phaseOf(master, syncs.TypeCases, "completed", "", -2)
			w.phaseOf(master, syncs.TypeReconciliation, "failed", "snapshot_unsound", -2)
			w.ended(syncs.TypeReconciliation, "completed", "", -1)
		}, scheduler.ClinicOK, -1, ""},
		"a guard": {func(w *ward) {
			sync := w.ended(syncs.TypeReconciliation, "failed", "deletion_guard", -1)
			w.do(`insert into deletion_plans (clinic_id, sync_id, sync_type, code, reason, window_start, window_end, created_at, expires_at)
				values ($1, $2, 'reconciliation', 'deletion_guard', '', '2026-03-01', '2026-03-04', $3, $4)`, sync, w.at(-1), w.at(23))
		}, scheduler.ClinicWaiting, -1, "deletion_guard"},
		"a guard whose plan expired": {func(w *ward) {
			sync := w.ended(syncs.TypeReconciliation, "failed", "deletion_guard", -1)
			w.do(`insert into deletion_plans (clinic_id, sync_id, sync_type, code, reason, window_start, window_end, created_at, expires_at)
				values ($1, $2, 'reconciliation', 'deletion_guard', '', '2026-03-01', '2026-03-04', $3, $4)`, sync, w.at(-1), w.at(0))
		}, scheduler.ClinicFailing, -1, "deletion_guard"},
		"no zone": {func(w *ward) {
			w.do(`update clinics set timezone = null, updated_at = $2 where id = $1`, w.at(-1))
		}, scheduler.ClinicFailing, -1, "timezone_missing"},
		"a phase that is on the schedule no more": {func(w *ward) {
			w.ended(syncs.TypeReconciliation, "failed", "pims_error", -1)
			w.do(`update clinic_schedule_configs set sync_schedules = '[{"type":"inbound","cron":"0 6 * * *"}]' where clinic_id = $1`)
		}, scheduler.ClinicOK, -6, ""},
		"a disabled clinic": {func(w *ward) {
			w.ended(syncs.TypeInbound, "failed", "pims_error", -2)
			w.do(`update clinics set is_active = false, updated_at = $2 where id = $1`, w.at(-1))
			w.do(`update clinics set name = 'Quay Vets', updated_at = $2 where id = $1`, w.at(0))
		}, scheduler.ClinicOff, -1, ""},
		"no replica for a night": {func(w *ward) {
			w.do(`delete from case_sync_audits where clinic_id = $1 and sync_type = 'reconciliation'`)
			w.ended(syncs.TypeReconciliation, "completed", "", -33)
		}, scheduler.ClinicStale, -9, ""},
		"no sync at all": {func(w *ward) {
			w.do(`delete from case_sync_audits where clinic_id = $1`)
			w.do(`update clinics set created_at = $2 where id = $1`, w.at(-1))
		}, scheduler.ClinicNeverSynced, -1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWard(t)
			c.happens(w)
			condition := w.condition()
			v := condition.Verdict()
			require.Equal(t, c.state, v.State, "%+v", condition.Phases)
			require.Equal(t, c.code, v.Code)
			require.Equal(t, w.at(c.since), v.Since.UTC())
		})
	}
}

func TestADisabledClinicThatIsEnabledHasNoTimeOfThat(t *testing.T) {
	t.Parallel()
	w := newWard(t)
	w.do(`update clinics set is_active = false where id = $1`)
	before := w.condition()
	require.False(t, before.Clinic.DisabledAt.IsZero(), "by plain SQL too")
	w.do(`update clinics set is_active = false, name = 'Quay Vets', updated_at = $2 where id = $1`, w.at(100))
	c := w.condition()
	require.Equal(t, before.Clinic.DisabledAt, c.Clinic.DisabledAt)
	w.do(`update clinics set is_active = true where id = $1`)
	c = w.condition()
	require.True(t, c.Clinic.DisabledAt.IsZero())
	_, err := scheduler.ReadCondition(t.Context(), clinicstore.NewClinics(w.db), uuid.New(), w.now)
	require.ErrorIs(t, err, clinic.ErrNotFound)
}
