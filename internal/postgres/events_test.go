package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/postgres/casestore"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// history reads a case's events as "actor action field before → after".
func (f *fixture) history(caseID uuid.UUID) []string {
	f.Helper()
	list, err := casestore.NewRecords(f.db).History(f.Context(), f.clinic, caseID, syncs.Page{})
	require.NoError(f, err)
	var lines []string
	for _, e := range list.Items {
		lines = append(lines, fmt.Sprintf("%s %s %s %s → %s", e.Actor, e.Action, e.Field, e.Before, e.After))
	}
	return lines
}

func TestEveryChangeOfACaseIsAnEventWhoeverMakesIt(t *testing.T) { // R14
	t.Parallel()
	f := newFixture(t)
	actor := "sync:" + f.lease.AuditID.String()
	c := f.insert(visit("1"))
	f.update(c, func(after *cases.Case) {
		after.PatientName = "Biscuit"
		after.Status, after.SyncStatus = "pending", "pending"
	})
	exec(t, f.db, `update cases set status = 'approved', metadata = metadata || '{"billing": {"paid": true}}', updated_at = now()`)
	exec(t, f.db, `update cases set metadata = metadata || '{"billing": null}'`) // foreign: no event
	require.NoError(t, f.db.InClinicAs(t.Context(), "edit", f.clinic, "key:4711", func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), "update cases set phone_number = null")
		return err
	}))
	exec(t, f.db, "delete from cases")

	require.Equal(t, []string{
		actor + ` created   → `,
		actor + ` changed patient_name "Mochi" → "Biscuit"`,
		actor + ` changed status "draft" → "pending"`,
		actor + ` changed sync_status "draft" → "pending"`,
		`person changed status "pending" → "approved"`,
		`key:4711 changed phone_number "+1 (555) 010-0199" → `,
		`person removed   → `,
	}, f.history(c.ID))
}

func TestEveryOwnedFieldHasItsEvent(t *testing.T) { // R11, R14
	t.Parallel()
	f := newFixture(t)
	c := f.insert(visit("1"))
	exec(t, f.db, `update cases set pims_id = '2', patient_name = 'a', client_name = 'b', phone_number = 'c', scheduled_date = now(),
		status = 'd', sync_status = 'e', case_type = 'f',
		metadata = '{"appointment": 1, "consultation": 2, "reconciliation": 3, "sync": 4, "other": 5}'`)
	require.ElementsMatch(t, []string{
		"pims_id", "patient_name", "client_name", "phone_number", "scheduled_date", "status", "sync_status", "case_type",
		"metadata.appointment", "metadata.consultation", "metadata.reconciliation", "metadata.sync",
	}, column[string](t, f.db, "select field from case_events where case_id = $1 and action = 'changed'", c.ID))
}

func TestAChunkOfChangesIsOneEventForEachOfThem(t *testing.T) { // R14, R15
	t.Parallel()
	f := newFixture(t)
	for i := range 5 {
		f.insert(visit(fmt.Sprint(i)))
	}
	exec(t, f.db, "update cases set case_type = 'surgery' where pims_id in ('1', '3')")
	exec(t, f.db, "update cases set case_type = case_type")
	require.Equal(t, 5, scan[int](t, f.db, "select count(*) from case_events where action = 'created'"))
	require.Equal(t, 2, scan[int](t, f.db, "select count(*) from case_events where action = 'changed'"))
}

func TestEventsAreAppendOnlyButForTheRetentionJob(t *testing.T) { // R14
	t.Parallel()
	f := newFixture(t)
	c := f.insert(visit("1"))
	for _, statement := range []string{
		"update case_events set actor = 'nobody'", "delete from case_events", "truncate case_events",
		"begin; set local app.maintenance = 'on'; update case_events set actor = 'nobody'",
		"begin; set local app.maintenance = 'on'; truncate case_events",
	} {
		_, err := f.db.Pool().Exec(t.Context(), statement)
		require.ErrorContains(t, err, "append-only", statement)
	}
	require.Len(t, f.history(c.ID), 1)

	forget := func(before time.Time) int64 {
		return scan[int64](t, f.db, "select forgotten from pims_sync_forget_events_step($1, 0, 1000)", before)
	}
	require.Zero(t, forget(time.Now().Add(-time.Hour)))
	require.Zero(t, forget(time.Now().Add(time.Hour)), "the database keeps 30 days at least")
	require.Len(t, f.history(c.ID), 1)
	exec(t, f.db, "set session_replication_role = 'replica'; update case_events set at = at - interval '31 days'; set session_replication_role = 'origin'")
	require.Zero(t, forget(time.Now().Add(-32*24*time.Hour)), "EVENT_RETENTION is longer")
	require.EqualValues(t, 1, forget(time.Now()))
	require.Empty(t, f.history(c.ID))
}

func TestWhatASyncChangedIsFoundWhereItsReplicasClockIsWrong(t *testing.T) { // R3, R14
	t.Parallel()
	for _, ahead := range []string{"-50 minutes", "50 minutes"} {
		f := newFixture(t)
		c := f.insert(visit("1"))
		id := uuid.New()
		exec(t, f.db, `insert into case_sync_audits (id, clinic_id, sync_type, status, trigger, created_at, started_at, completed_at)
			select $1, $2, 'inbound', 'completed', 'api', at, at, at from (select now() + $3::text::interval as at) sync`, id, f.clinic, ahead)
		exec(t, f.db, "begin; set local app.actor = 'sync:"+id.String()+"'; update cases set status = 'seen'; commit")
		events, err := casestore.NewRecords(f.db).EventsOf(t.Context(), f.clinic, id)
		require.NoError(t, err)
		require.Len(t, events, 1, ahead)
		require.Equal(t, c.ID, events[0].CaseID)
	}
}

func TestATimelineTellsWhatACaseWas(t *testing.T) { // R14
	t.Parallel()
	f := newFixture(t)
	c := f.insert(visit("1"))
	records := casestore.NewRecords(f.db)
	before, err := records.Case(t.Context(), f.clinic, c.ID)
	require.NoError(t, err)
	f.update(c, func(after *cases.Case) {
		after.PatientName, after.PhoneNumber = "Biscuit", "+1 (555) 010-0100"
		after.ScheduledDate = after.ScheduledDate.Add(26 * time.Hour)
		after.Appointment.Room = "Two"
		after.Consultation = &cases.Consultation{Consultation: pims.Consultation{ID: "c1", Notes: "Rest"}}
	})
	exec(t, f.db, `update cases set status = 'approved', metadata = metadata || '{"billing": {"paid": true}}'`)

	timeline, err := records.Timeline(t.Context(), f.clinic, c.ID)
	require.NoError(t, err)
	was, err := timeline.At(timeline.Events[0].At)
	require.NoError(t, err)
	require.JSONEq(t, string(before.Metadata), string(was.Metadata))
	require.True(t, before.ScheduledDate.Equal(*was.ScheduledDate))
	was.Metadata, was.ScheduledDate, was.UpdatedAt = before.Metadata, before.ScheduledDate, before.UpdatedAt
	require.Equal(t, before, was.Record)
	changes, err := timeline.Between(timeline.Events[0].At, time.Now())
	require.NoError(t, err)
	fields := make([]string, len(changes))
	for i := range changes {
		fields[i] = changes[i].Field
	}
	require.ElementsMatch(t, []string{"patient_name", "phone_number", "scheduled_date", "metadata.appointment", "metadata.consultation", "status"}, fields)

	_, err = records.Timeline(t.Context(), newClinic(t, f.db), c.ID)
	requireCode(t, syncs.CodeNotFound, err)
}

func TestAHistoryIsReadPageByPageWithinTheClinic(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	c := f.insert(visit("1"))
	for i := range 9 {
		exec(t, f.db, "update cases set status = $1", fmt.Sprint(i))
	}
	var all []cases.Event
	page := syncs.Page{Limit: 4}
	for {
		list, err := casestore.NewRecords(f.db).History(t.Context(), f.clinic, c.ID, page)
		require.NoError(t, err)
		all = append(all, list.Items...)
		if page.Cursor = list.NextCursor; page.Cursor == "" {
			break
		}
	}
	require.Len(t, all, 10)
	require.Equal(t, `"8"`, string(all[9].After))

	_, err := casestore.NewRecords(f.db).History(t.Context(), newClinic(t, f.db), c.ID, syncs.Page{})
	requireCode(t, syncs.CodeNotFound, err)
	_, err = casestore.NewRecords(f.db).History(t.Context(), f.clinic, c.ID, syncs.Page{Cursor: "!"})
	requireCode(t, syncs.CodeInvalidRequest, err)
}
