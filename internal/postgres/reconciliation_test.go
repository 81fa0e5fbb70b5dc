package postgres_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/postgres/casestore"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// candidates are the PIMS ids of the week's candidates for deletion.
func (f *fixture) candidates(until time.Time) []string {
	f.Helper()
	cases, err := f.cases.DeletionCandidates(f.Context(), f.clinic, provider, week(f.T), until)
	require.NoError(f, err)
	ids := []string{}
	for _, c := range cases {
		ids = append(ids, c.PIMSID)
	}
	return ids
}

// spoil makes a case no candidate, each in another way.
var spoil = map[string]string{
	"without a PIMS id":         "update cases set pims_id = null where pims_id = $1",
	"reviewed":                  "update cases set status = 'reviewed' where pims_id = $1",
	"soft-deleted":              `update cases set metadata = metadata || '{"reconciliation": {"softDeleted": true}}' where pims_id = $1`,
	"restored by a person":      "insert into case_restores (case_id, clinic_id, restored_at) select id, clinic_id, now() from cases where pims_id = $1",
	"before the window":         "update cases set scheduled_date = '2026-03-02T04:59:59Z' where pims_id = $1",
	"after the window":          "update cases set scheduled_date = '2026-03-09T04:00:00Z' where pims_id = $1",
	"not before the given time": "update cases set scheduled_date = '2026-03-06T12:00:00Z' where pims_id = $1",
	"without a date":            "update cases set scheduled_date = null where pims_id = $1",
	"another provider's":        "update cases set provider = 'another' where pims_id = $1",
	"another clinic's":          "update cases set clinic_id = (insert_clinic()) where pims_id = $1",
}

func TestOnlyLivingCasesOfTheWindowAreCandidatesForDeletion(t *testing.T) { // R11, R21, R24
	t.Parallel()
	until := time.Date(2026, 3, 6, 12, 0, 0, 0, time.UTC)
	for name, statement := range spoil {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			exec(t, f.db, "create function insert_clinic() returns uuid language sql as $$ insert into clinics default values returning id $$")
			stays, spoiled := f.insert(visit("1")), f.insert(visit("2"))
			require.Equal(t, []string{"1", "2"}, f.candidates(until))
			exec(t, f.db, statement, "2")
			require.Equal(t, []string{"1"}, f.candidates(until))

			// The statement that deletes repeats the condition, though the row version
			// that is named is the present one (R24).
			spoiled.Version = scan[uint32](t, f.db, "select xmin from cases where id = $1", spoiled.ID)
			deleted, err := f.cases.SoftDelete(t.Context(), f.lease, f.lease.AuditID, provider, week(t), until,
				[]cases.SoftDeletion{{Case: spoiled, Reason: cases.ReasonRemoved}, {Case: stays, Reason: cases.ReasonCancelled}}, monday)
			require.NoError(t, err)
			require.Equal(t, []uuid.UUID{stays.ID}, deleted)
		})
	}
}

func TestACaseAfterTheWindowIsNotDeletedHoweverLateItIs(t *testing.T) { // R21, R24
	t.Parallel()
	f := newFixture(t)
	f.insert(visit("1"))
	exec(t, f.db, "update cases set scheduled_date = '2026-03-09T04:00:00Z'")
	until := time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC)
	require.Empty(t, f.candidates(until))
	deleted, err := f.cases.SoftDelete(t.Context(), f.lease, f.lease.AuditID, provider, week(t), until,
		[]cases.SoftDeletion{{Case: f.stored("1"), Reason: cases.ReasonRemoved}}, monday)
	require.NoError(t, err)
	require.Empty(t, deleted)
}

// Also where no roles separate the clinics (migrate --single-role).
func TestAnotherClinicsCaseIsNotDeleted(t *testing.T) { // R24, R41, R45
	t.Parallel()
	url := pgtest.URL(t)
	pgtest.Exec(t, url, "update pims_sync_installation set mode = 'single'")
	db := at(t, url, monday)
	require.False(t, db.Walled())
	clinicID := newClinic(t, db)
	f := &fixture{t, db, casestore.NewCases(db), clinicID, running(t, db, clinicID, syncs.TypeInbound)}
	own := f.insert(visit("1"))
	exec(t, f.db, `insert into cases (clinic_id, provider, pims_id, scheduled_date, metadata)
		select $1, provider, pims_id, scheduled_date, metadata from cases`, newClinic(t, f.db))
	other := own
	other.ID = scan[uuid.UUID](t, f.db, "select id from cases where clinic_id <> $1", f.lease.ClinicID)
	other.Version = scan[uint32](t, f.db, "select xmin from cases where id = $1", other.ID)
	require.Empty(t, f.softDelete(other))
	require.Equal(t, []uuid.UUID{own.ID}, f.softDelete(own))
}

func TestASoftDeleteKeepsWhatARestoreNeeds(t *testing.T) { // R24, W10
	t.Parallel()
	f := newFixture(t)
	f.insert(visit("1"))
	exec(t, f.db, `update cases set status = 'approved', metadata = metadata || '{"billing": 7, "consultation": {"id": "c-1"}}'`)
	before := f.stored("1")
	require.Equal(t, []uuid.UUID{before.ID}, f.softDelete(before))

	after := f.stored("1")
	require.Equal(t, &cases.Deletion{
		SoftDeleted: true, Reason: cases.ReasonRemoved, DeletedAt: monday.Add(time.Hour), SyncID: f.lease.AuditID,
		StatusBefore: "approved", SyncStatusBefore: "draft",
	}, after.Deletion)
	require.Equal(t, cases.Reviewed, after.Status, "whatever it was (R10)")
	require.Equal(t, cases.Reviewed, after.SyncStatus)
	require.Equal(t, before.Appointment, after.Appointment)
	require.Equal(t, monday.Add(time.Hour), after.UpdatedAt.UTC())
	require.JSONEq(t, `{"billing": 7, "consultation": {"id": "c-1"}}`, scan[string](t, f.db, "select (metadata - '{appointment,reconciliation}'::text[])::text from cases"))
	require.Empty(t, f.candidates(monday.AddDate(0, 0, 7)))
	require.Empty(t, f.softDelete(after), "once is enough")
}

func TestACaseThatSomebodyChangedSinceItWasReadIsNotDeleted(t *testing.T) { // R24
	t.Parallel()
	f := newFixture(t)
	read := f.insert(visit("1"))
	exec(t, f.db, "update cases set phone_number = '555-0123'")
	require.Empty(t, f.softDelete(read))
	require.Nil(t, f.stored("1").Deletion)
}

func TestEnrichmentCandidatesTellWhatIsKnownOfEarlierAttempts(t *testing.T) { // R19
	t.Parallel()
	f := newFixture(t)
	until := visit("").ScheduledDate
	bare, waiting, final := f.insert(visit("bare")), f.insert(visit("waiting")), f.insert(visit("final"))
	for _, c := range []struct{ id, change string }{
		{"later", "scheduled_date = scheduled_date + interval '1 second'"},
		{"deleted", `metadata = metadata || '{"reconciliation": {"softDeleted": true}}'`},
		{"cancelled", `metadata = jsonb_set(metadata, '{appointment,normalisedStatus}', '"cancelled"')`},
		{"outside", "scheduled_date = '2026-03-02T04:59:59Z'"},
		{"by hand", "pims_id = null"},
	} {
		f.insert(visit(c.id))
		exec(t, f.db, "update cases set "+c.change+" where pims_id = $1", c.id)
	}
	f.update(final, func(c *cases.Case) {
		c.Consultation = &cases.Consultation{Consultation: pims.Consultation{ID: "c-9", AppointmentID: "a-9", PatientID: "p1", Status: pims.ConsultationCompleted, SOAP: pims.SOAP{Plan: "rest"}}}
	})
	readAt, next := monday.Add(time.Hour), monday.Add(4*time.Hour)
	require.NoError(t, f.cases.KeepReadings(t.Context(), f.lease, []cases.Reading{
		{CaseID: waiting.ID, Tries: 2, NextTry: next, Outcome: "waiting"},
		{CaseID: final.ID, ReadAt: readAt, Fingerprint: "f1", Outcome: "enriched"},
		{CaseID: uuid.New(), Outcome: "enriched"},
	}))
	require.NoError(t, f.cases.KeepReadings(t.Context(), f.lease, []cases.Reading{
		{CaseID: final.ID, Tries: 1, NextTry: next, Outcome: "timeout"},
	}))

	got, err := f.cases.EnrichmentCandidates(t.Context(), f.clinic, provider, week(t), until)
	require.NoError(t, err)
	byID := map[string]cases.Candidate{}
	for _, c := range got {
		c.NextTry, c.ReadAt, c.ScheduledDate = c.NextTry.UTC(), c.ReadAt.UTC(), c.ScheduledDate.UTC()
		byID[c.PIMSID] = c
	}
	at := visit("").ScheduledDate
	require.Equal(t, map[string]cases.Candidate{
		"bare":    {CaseID: bare.ID, PIMSID: "bare", ScheduledDate: at, ConsultationID: "c-bare", PatientID: "p1", ClientID: "o1"},
		"waiting": {CaseID: waiting.ID, PIMSID: "waiting", ScheduledDate: at, ConsultationID: "c-waiting", PatientID: "p1", ClientID: "o1", Tries: 2, NextTry: next},
		"final": {
			CaseID: final.ID, PIMSID: "final", ScheduledDate: at, ConsultationID: "c-final", PatientID: "p1", ClientID: "o1", HasNotes: true, Stored: true, StoredID: "c-9", StoredAppointmentID: "a-9", StoredPatientID: "p1", Final: true,
			Tries: 1, NextTry: next, ReadAt: readAt, Fingerprint: "f1", // the last read stays as it was
		},
	}, byID)
	require.Equal(t, final.UpdatedAt.Add(time.Hour).UTC(), f.stored("final").UpdatedAt.UTC(), "an attempt is no change of the case (R12)")
}

func TestAReadingIsKeptWithTheCaseThatIsWrittenOrNotAtAll(t *testing.T) { // R12, R19
	t.Parallel()
	f := newFixture(t)
	left, edited := f.insert(visit("left alone")), f.insert(visit("edited meanwhile"))
	exec(t, f.db, `update cases set metadata = metadata || '{"invoice": 1}' where id = $1`, edited.ID)
	read := func(before cases.Case) cases.Write {
		after := before
		after.Consultation = &cases.Consultation{Consultation: pims.Consultation{ID: "c-1", SOAP: pims.SOAP{Plan: "rest"}}}
		return cases.Write{
			Before: &before, After: after,
			Reading: &cases.Reading{CaseID: before.ID, ReadAt: monday, Fingerprint: "f1", Outcome: "enriched"},
		}
	}
	require.Equal(t, []string{"left alone"}, f.write(monday, read(left), read(edited)))
	require.Equal(t, "enriched f1", scan[string](t, f.db, "select outcome || ' ' || entry_fingerprint from case_enrichments where case_id = $1", left.ID))
	require.Zero(t, scan[int](t, f.db, "select count(*) from case_enrichments where case_id = $1", edited.ID))

	require.Equal(t, []string{"edited meanwhile"}, f.write(monday, read(f.stored("edited meanwhile"))))
	require.Equal(t, 2, scan[int](t, f.db, "select count(*) from case_enrichments"))
	exec(t, f.db, "delete from cases where id = $1", left.ID)
	require.Equal(t, 1, scan[int](t, f.db, "select count(*) from case_enrichments"), "what is gone needs no further try")
}
