package postgres_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/postgres/casestore"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

func TestForeignNotesAreHiddenOnlyWhereNobodyElseWorksAndPutBackOnlyWhereNothingChanged(t *testing.T) { // R7, R12
	t.Parallel()
	f := newFixture(t)
	foreign, own := f.insert(visit("1")), f.insert(visit("2"))
	for _, c := range []cases.Case{foreign, own} {
		f.update(c, func(c *cases.Case) {
			c.Consultation = &cases.Consultation{Consultation: pims.Consultation{ID: c.Appointment.ConsultationID, PatientID: "p1", SOAP: pims.SOAP{Plan: "rest"}}}
		})
	}
	exec(t, f.db, `update cases set metadata = jsonb_set(metadata, '{consultation,patientId}', '"p9"') where id = $1`, foreign.ID)

	check, err := f.cases.CheckNotes(t.Context(), f.clinic, "", monday)
	require.NoError(t, err)
	require.Equal(t, []int{2, 0, 1, 0}, []int{check.Checked, check.Unjudged, len(check.Suspects), check.Cleared})
	require.Equal(t, cases.Suspicion{
		CaseID: foreign.ID, PIMSID: "1", Shows: cases.Belonging{ConsultationID: "c-1", PatientID: "p1"},
		Reasons: []cases.SuspicionReason{cases.SuspectPatient},
	}, check.Suspects[0])

	_, err = f.cases.CheckNotes(t.Context(), f.clinic, "clearing:z", monday)
	var failure *syncs.Failure
	require.ErrorAs(t, err, &failure)
	require.Equal(t, syncs.CodeSyncRunning, failure.Code, "the fixture's sync works")
	require.Equal(t, f.lease.AuditID, failure.SyncID)
	exec(t, f.db, "update case_sync_audits set status = 'completed' where clinic_id = $1", f.clinic)

	check, err = f.cases.CheckNotes(t.Context(), f.clinic, "clearing:z", monday)
	require.NoError(t, err)
	require.Equal(t, 1, check.Cleared)
	shows := func(id uuid.UUID) bool {
		return scan[bool](t, f.db, "select metadata ? 'consultation' from cases where id = $1", id)
	}
	require.Equal(t, []bool{false, true}, []bool{shows(foreign.ID), shows(own.ID)})
	require.Equal(t, "clearing:z", scan[string](t, f.db, "select actor from case_events where case_id = $1 order by id desc limit 1", foreign.ID))
	require.Equal(t, "c-1 p9", scan[string](t, f.db, "select m.consultation_id || ' ' || m.patient_id from pims_sync_notes_shown m join case_enrichments e using (case_id) where case_id = $1 and changed_at is not null", foreign.ID))

	clinicID, err := f.cases.ClearedBy(t.Context(), "clearing:z")
	require.NoError(t, err)
	require.Equal(t, f.clinic, clinicID)
	undo := func(clearing string, dryRun bool) (casestore.RestoredNotes, error) {
		return f.cases.RestoreNotes(t.Context(), f.clinic, "clearing:"+clearing, "undo-clearing:"+clearing, dryRun, monday)
	}
	restored, err := undo("z", true)
	require.NoError(t, err)
	require.Equal(t, casestore.RestoredNotes{Restored: 1}, restored)
	require.False(t, shows(foreign.ID), "a dry run")
	restored, err = undo("z", false)
	require.NoError(t, err)
	require.Equal(t, casestore.RestoredNotes{Restored: 1}, restored)
	require.True(t, shows(foreign.ID))
	require.Zero(t, scan[int](t, f.db, "select count(*) from case_enrichments where changed_at is not null"))
	require.Zero(t, scan[int](t, f.db, "select count(*) from pims_sync_notes_shown"), "a person says that the notes are its own")

	for _, dryRun := range []bool{true, false} {
		restored, err = undo("z", dryRun)
		require.NoError(t, err)
		require.Equal(t, casestore.RestoredNotes{Already: 1}, restored, "it was undone before")
	}

	_, err = f.cases.CheckNotes(t.Context(), f.clinic, "clearing:y", monday)
	require.NoError(t, err)
	exec(t, f.db, `update cases set metadata = jsonb_set(metadata, '{appointment,patientId}', '"p7"') where id = $1`, foreign.ID)
	restored, err = undo("y", false)
	require.NoError(t, err)
	require.Equal(t, casestore.RestoredNotes{Kept: 1}, restored, "its patient became another one since")
	require.False(t, shows(foreign.ID))
	_, err = undo("x", false)
	require.ErrorAs(t, err, &failure)
	require.Equal(t, syncs.CodeNotFound, failure.Code)
}

func TestForeignNotesAreFoundWhereTwoPatientsShareAConsultation(t *testing.T) { // R7
	t.Parallel()
	f := newFixture(t)
	store := func(pimsID, patient, consultation, appointment string) cases.Case {
		c := visit(pimsID)
		c.Appointment.PatientID, c.Appointment.ConsultationID = patient, consultation
		c = f.insert(c)
		f.update(c, func(c *cases.Case) {
			c.Consultation = &cases.Consultation{Consultation: pims.Consultation{ID: consultation, AppointmentID: appointment, Notes: "rest"}}
		})
		return c
	}
	want := map[uuid.UUID][]cases.SuspicionReason{
		store("1", "p1", "51", "1").ID: {cases.SuspectShared},
		store("2", "p2", "51", "1").ID: {cases.SuspectAppointment, cases.SuspectShared},
	}
	store("3", "p3", "53", "3")
	store("4", "p3", "53", "") // the same patient's
	store("5", "p5", "55", "5")
	store("6", "", "55", "") // nobody knows whose
	exec(t, f.db, "update case_sync_audits set status = 'completed' where clinic_id = $1", f.clinic)

	check, err := f.cases.CheckNotes(t.Context(), f.clinic, "clearing:z", monday)
	require.NoError(t, err)
	found := make(map[uuid.UUID][]cases.SuspicionReason)
	for _, s := range check.Suspects {
		found[s.CaseID] = s.Reasons
	}
	require.Equal(t, want, found)
	require.Equal(t, 6, check.Checked)
	require.Equal(t, 2, check.Cleared)
}
