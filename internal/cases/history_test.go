package cases_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/timetest"
)

func TestAnEventIsToldInPlainWords(t *testing.T) { // R14
	t.Parallel()
	loc := timetest.Zone(t, "America/New_York")
	for _, tc := range []struct {
		action, field, before, after string
		want                         []string
	}{
		{"created", "", "", "", []string{"the case was created"}},
		{"removed", "", "", "", []string{"the case was removed from the database"}},
		{"changed", "status", `"draft"`, `"pending"`, []string{"status changed from draft to pending"}},
		{"changed", "phone_number", `null`, `"555-0100"`, []string{"phone number set to 555-0100"}},
		{"changed", "phone_number", `"555-0100"`, ``, []string{"phone number removed, it was 555-0100"}},
		{"changed", "scheduled_date", `"2026-01-17T21:30:00+00:00"`, `"2026-01-18T14:00:00+00:00"`, []string{"date changed from 2026-01-17 16:30 EST to 2026-01-18 09:00 EST"}},
		{"changed", "metadata.appointment", `{"status":"Scheduled","type":"Exam"}`, `{"status":"Completed","type":"Exam","reason":"limping"}`, []string{"appointment reason set to limping", "appointment status changed from Scheduled to Completed"}},
		{"changed", "metadata.consultation", `{"fetchedAt":"2026-01-17T12:00:00Z"}`, `{"fetchedAt":"2026-01-17T13:00:00Z","soapNotes":{"plan":"rest"},"vitals":{"pulse":80}}`, []string{"consultation plan set to rest", "consultation pulse set to 80"}},
		{"changed", "metadata.consultation", ``, `{"status":"completed","soapNotes":{"plan":"rest"}}`, []string{"medical notes added (plan)"}},
		{"changed", "metadata.consultation", ``, `{"rawNotes":"a","soapNotes":{"plan":"rest","subjective":"limps","objective":""},"vitals":{"weight":4.2,"pulse":null},"diagnoses":[],"dischargeInstructions":"walks"}`, []string{"medical notes added (subjective, plan, weight, discharge instructions)"}},
		{"changed", "metadata.consultation", ``, `{"appointmentId":"1","status":"open","vitals":{"weight":null}}`, []string{"consultation found, without notes"}},
		{"changed", "metadata.appointment", `{"normalisedStatus":"scheduled","start":"2026-11-29T07:20:00"}`, `{"normalisedStatus":"completed","start":"2026-11-29T08:20:00"}`, []string{"appointment normalised status changed from scheduled to completed", "appointment start changed from 2026-11-29 07:20 to 2026-11-29 08:20"}},
		{"changed", "metadata.sync", ``, `{"b":1,"a":2}`, []string{"sync added: a, b"}},
		{"changed", "metadata.consultation", `{"rawNotes":"a"}`, "{\"rawNotes\":\"a\\n b\"}", []string{"consultation raw notes changed from a to a b"}},
		{"changed", "metadata.consultation", `{"fetchedAt":"1"}`, `{"fetchedAt":"2"}`, []string{"consultation was read again"}},
		{"changed", "metadata.reconciliation", ``, `{"softDeleted":true,"reason":"Removed from PIMS"}`, []string{"soft-deleted: Removed from PIMS"}},
		{"changed", "metadata.reconciliation", `{"softDeleted":true,"reason":"Removed from PIMS"}`, ``, []string{"the soft delete was undone"}},
		{"changed", "metadata.sync", `"x"`, `5`, []string{"sync was read again"}},
	} {
		e := cases.Event{Action: tc.action, Field: tc.field, Before: []byte(tc.before), After: []byte(tc.after), At: time.Now()}
		require.Equal(t, tc.want, e.Tell(loc), "%+v", tc)
	}
}

func TestAStatusThatSyncWroteIsToldOnce(t *testing.T) { // R10, R14
	t.Parallel()
	at, id := time.Now(), uuid.New()
	event := func(field, after, actor string, at time.Time) cases.Event {
		return cases.Event{CaseID: id, Action: "changed", Field: field, After: []byte(after), Actor: actor, At: at}
	}
	status := event("status", `"pending"`, "sync:1", at)
	for _, apart := range []cases.Event{
		event("sync_status", `"reviewed"`, "sync:1", at),
		event("sync_status", `"pending"`, "sync:2", at),
		event("sync_status", `"pending"`, "sync:1", at.Add(time.Second)),
		{CaseID: uuid.New(), Action: "changed", Field: "sync_status", After: []byte(`"pending"`), Actor: "sync:1", At: at},
	} {
		require.Equal(t, []cases.Event{status, apart}, cases.WithoutEchoes([]cases.Event{status, apart}))
	}
	echo := event("sync_status", `"pending"`, "sync:1", at)
	events := []cases.Event{echo, status}
	require.Equal(t, []cases.Event{status}, cases.WithoutEchoes(events))
	require.Equal(t, []cases.Event{echo, status}, events, "what was given stays")
}

func TestTheActorIsToldInPlainWords(t *testing.T) { // R14
	t.Parallel()
	for actor, want := range map[string]string{
		"sync:1": "sync 1", "key:2": "API key 2", "os:ada": "ada on the command line", "person": "a person or another program", "": "a person or another program",
	} {
		require.Equal(t, want, (&cases.Event{Actor: actor}).Who())
	}
}

func TestDeletionsAreListedFirst(t *testing.T) {
	t.Parallel()
	kept, gone, back := uuid.New(), uuid.New(), uuid.New()
	event := func(id uuid.UUID, field, after string) cases.Event {
		return cases.Event{CaseID: id, Action: "changed", Field: field, After: []byte(after)}
	}
	first := event(kept, "status", `"pending"`)
	status := event(gone, "status", `"reviewed"`)
	restored := event(back, "metadata.reconciliation", ``)
	mark := event(gone, "metadata.reconciliation", `{"softDeleted":true}`)
	given := []cases.Event{first, status, restored, mark}
	require.Equal(t, []cases.Event{status, mark, first, restored}, cases.DeletionsFirst(given))
	require.Equal(t, []cases.Event{first, status, restored, mark}, given, "what was given stays")

	action := func(a syncs.Action) syncs.Change { return syncs.Change{Action: a} }
	require.Equal(t,
		[]syncs.Change{action(syncs.ActionDeleted), action(syncs.ActionHeldBack), action(syncs.ActionCreated), action(syncs.ActionRestored)},
		syncs.ChangesInOrder([]syncs.Change{
			action(syncs.ActionCreated), action(syncs.ActionDeleted), action(syncs.ActionRestored), action(syncs.ActionHeldBack),
		}))
}
