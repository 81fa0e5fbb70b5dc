package postgres_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/casestore"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/postgres/syncstore"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A fixture is a clinic with a running sync.
type fixture struct {
	*testing.T
	db     *postgres.DB
	cases  *casestore.Cases
	clinic uuid.UUID
	lease  syncs.Lease
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	db := pgtest.New(t)
	clinicID := newClinic(t, db)
	return &fixture{t, db, casestore.NewCases(db), clinicID, running(t, db, clinicID, syncs.TypeInbound)}
}

// write writes cases and returns the PIMS ids that were written.
func (f *fixture) write(at time.Time, writes ...cases.Write) []string {
	f.Helper()
	written, err := f.cases.WriteCases(f.Context(), f.lease, f.lease.AuditID, provider, writes, at)
	require.NoError(f, err)
	slices.Sort(written)
	return written
}

// stored reads a case.
func (f *fixture) stored(pimsID string) cases.Case {
	f.Helper()
	cases, err := f.cases.CasesByID(f.Context(), f.clinic, provider, []string{pimsID})
	require.NoError(f, err)
	require.Contains(f, cases, pimsID)
	return cases[pimsID]
}

// insert writes a new case and reads it.
func (f *fixture) insert(c cases.Case) cases.Case {
	f.Helper()
	require.Equal(f, []string{c.PIMSID}, f.write(monday, cases.Write{After: c}))
	return f.stored(c.PIMSID)
}

// update writes a change of a case.
func (f *fixture) update(before cases.Case, change func(*cases.Case)) []string {
	f.Helper()
	after := before
	change(&after)
	return f.write(monday.Add(time.Hour), cases.Write{Before: &before, After: after})
}

// visit is a case as inbound makes it.
func visit(pimsID string) cases.Case {
	return cases.Case{
		PIMSID: pimsID, PatientName: "Mochi", ClientName: "Ada Quill", PhoneNumber: "+1 (555) 010-0199",
		ScheduledDate: monday.Add(26 * time.Hour), Status: cases.Draft, SyncStatus: cases.Draft, CaseType: cases.Checkup,
		Appointment: cases.Appointment{
			ConsultationID: "c-" + pimsID, Status: "Scheduled", Meaning: pims.StatusScheduled, Type: "Wellness Exam", Start: "2026-03-03T06:00:00",
			End: "2026-03-03T06:30:00", PatientID: "p1", ClientID: "o1", ClientEmail: "ada@clinic.example",
			Veterinarian: "Dr. Ferrous", Room: "Room 2", Title: "Mochi — Wellness", Reason: "limping \u2028 🐕 <b>left</b> \"hind\"",
		},
	}
}

func TestACaseComesBackAsItWasWritten(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	want := visit("1")
	got := f.insert(want)

	require.NotZero(t, got.Version)
	require.NotEqual(t, uuid.Nil, got.ID)
	want.ID, want.Version = got.ID, got.Version
	want.CreatedAt, want.UpdatedAt = monday, monday // passed in, not the database's clock (R3)
	require.Empty(t, cmp.Diff(want, got))

	exec(t, f.db, "insert into cases (clinic_id, patient_name) values ($1, 'by hand')", f.clinic)
	read, err := f.cases.CasesByID(t.Context(), f.clinic, provider, []string{"1", "2", ""})
	require.NoError(t, err)
	require.Len(t, read, 1)
	other, err := f.cases.CasesByID(t.Context(), newClinic(t, f.db), provider, []string{"1"})
	require.NoError(t, err)
	require.Empty(t, other, "another clinic's id")
}

func TestEveryKeyOfMetadataSurvivesTheRoundTrip(t *testing.T) { // R11
	t.Parallel()
	f := newFixture(t)
	before := f.insert(visit("1"))
	number := func(n float64) *float64 { return &n }
	after := before
	after.Deletion = &cases.Deletion{SoftDeleted: true, Reason: cases.ReasonRemoved, DeletedAt: monday, SyncID: uuid.New(), StatusBefore: "draft", SyncStatusBefore: "draft"}
	after.Consultation = &cases.Consultation{
		FetchedAt: monday.Add(time.Microsecond),
		Consultation: pims.Consultation{
			ID: "c-1", AppointmentID: "1", At: monday, AtText: "2026-03-02T09:00:00", Status: pims.ConsultationCompleted, StatusText: "Finalized",
			Reason: "limping", RawNotes: "<p>S: ok</p>", SOAP: pims.SOAP{Subjective: "ok\nand well", Plan: "rest"}, Notes: "unsorted",
			Vitals: &pims.Vitals{
				Temperature: number(101.5), TemperatureUnit: "F", Weight: number(0.30000000000000004), WeightUnit: "kg",
				Raw: map[string]string{"pulse": "fast"},
			},
			Diagnoses: []string{"Otitis externa", "α/β"}, Discharge: "no stairs",
		},
	}
	require.Equal(t, []string{"1"}, f.write(monday, cases.Write{Before: &before, After: after}))

	read, err := f.cases.CasesWithConsultations(t.Context(), f.clinic, []uuid.UUID{before.ID, uuid.New()})
	require.NoError(t, err)
	require.Len(t, read, 1)
	got := read[before.ID]
	after.Version, after.UpdatedAt = got.Version, got.UpdatedAt
	require.Empty(t, cmp.Diff(after, got))
	require.Nil(t, f.stored("1").Consultation, "it is not read without need")

	require.JSONEq(t, `{"fetchedAt": "2026-03-02T09:00:00.000001Z", "id": "c-1", "appointmentId": "1", "consultedAt": "2026-03-02T09:00:00Z",
		"consultedAtText": "2026-03-02T09:00:00", "status": "completed", "statusText": "Finalized", "reason": "limping",
		"rawNotes": "<p>S: ok</p>", "notes": "unsorted",
		"soapNotes": {"subjective": "ok\nand well", "objective": "", "assessment": "", "plan": "rest"},
		"vitals": {"temperature": 101.5, "temperatureUnit": "F", "pulse": null, "respiration": null, "weight": 0.30000000000000004, "weightUnit": "kg", "raw": {"pulse": "fast"}},
		"diagnoses": ["Otitis externa", "α/β"], "dischargeInstructions": "no stairs"}`,
		scan[string](t, f.db, "select (metadata -> 'consultation')::text from cases"))
}

func TestAWriteReplacesOwnedKeysAndLeavesEveryOtherAsItIs(t *testing.T) { // R11
	t.Parallel()
	f := newFixture(t)
	f.insert(visit("1"))
	const foreign = `{"notes":   "by hand", "n": 1.500, "deep": {"a": [null, true, {"ü": "\u0001"}]}, "appointments": 3}`
	exec(t, f.db, "update cases set metadata = metadata || $1::jsonb || '{\"consultation\": {\"id\": \"c-1\"}}'", foreign)
	kept := scan[string](t, f.db, "select (metadata - '{appointment,consultation,reconciliation,sync}'::text[])::text from cases")

	require.Equal(t, []string{"1"}, f.update(f.stored("1"), func(c *cases.Case) {
		c.Appointment = cases.Appointment{Status: "Checked In"}
		c.Deletion = &cases.Deletion{SoftDeleted: true}
	}))
	require.Equal(t, kept, scan[string](t, f.db, "select (metadata - '{appointment,consultation,reconciliation,sync}'::text[])::text from cases"))
	require.Equal(t, "c-1", scan[string](t, f.db, "select metadata #>> '{consultation,id}' from cases"), "inbound does not touch the consultation")
	require.JSONEq(t, `{"status": "Checked In"}`, scan[string](t, f.db, "select (metadata -> 'appointment')::text from cases"))

	require.Equal(t, []string{"1"}, f.update(f.stored("1"), func(c *cases.Case) { c.Deletion = nil }))
	require.False(t, scan[bool](t, f.db, "select metadata ? 'reconciliation' from cases"), "an owned key that is gone is gone")
	require.Equal(t, kept, scan[string](t, f.db, "select (metadata - '{appointment,consultation,reconciliation,sync}'::text[])::text from cases"))
}

func TestABlankNeverErasesWhatIsKnown(t *testing.T) { // R7
	t.Parallel()
	f := newFixture(t)
	before := f.insert(visit("1"))
	require.Equal(t, []string{"1"}, f.update(before, func(c *cases.Case) {
		c.PatientName, c.ClientName, c.PhoneNumber, c.CaseType, c.Status, c.SyncStatus = "", " \t", "\u00a0", "", "", ""
		c.ScheduledDate = time.Time{}
	}))
	after := f.stored("1")
	after.Version, after.UpdatedAt = before.Version, before.UpdatedAt
	require.Empty(t, cmp.Diff(before, after))
}

func TestGarbageUnderAnOwnedKeyCountsAsAbsent(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.insert(visit("1"))
	for _, garbage := range []string{`null`, `"text"`, `5`, `[1]`, `{"start": 5}`, `{"softDeleted": "perhaps"}`, `{"vitals": 7}`} {
		for _, key := range []string{"appointment", "consultation", "reconciliation", "sync"} {
			exec(t, f.db, "update cases set metadata = metadata || jsonb_build_object($1::text, $2::jsonb)", key, garbage)
		}
		got := f.stored("1")
		require.False(t, got.SoftDeleted(), garbage)
		whole, err := f.cases.CasesWithConsultations(t.Context(), f.clinic, []uuid.UUID{got.ID})
		require.NoError(t, err, garbage)
		require.Contains(t, whole, got.ID)
		_, err = f.cases.ScheduledByID(t.Context(), f.clinic, provider, []string{"1"})
		require.NoError(t, err, garbage)
		_, err = f.cases.EnrichmentCandidates(t.Context(), f.clinic, provider, week(t), monday.AddDate(0, 0, 7))
		require.NoError(t, err, garbage)
		_, err = f.cases.DeletionCandidates(t.Context(), f.clinic, provider, week(t), monday.AddDate(0, 0, 7))
		require.NoError(t, err, garbage)
	}
	require.Equal(t, []string{"1"}, f.update(f.stored("1"), func(c *cases.Case) { c.Appointment = visit("1").Appointment }))
	require.Equal(t, visit("1").Appointment, f.stored("1").Appointment, "the next write replaces it")
}

// R10: what the status becomes, for what stood in the row and what the write wants.
func TestStatusIsWrittenOnlyWhereItIsStillWhatSyncWrote(t *testing.T) {
	t.Parallel()
	deleted := &cases.Deletion{SoftDeleted: true, Reason: cases.ReasonRemoved}
	for _, c := range []struct {
		name               string
		status, syncStatus string // in the row
		deletedBefore      bool
		wantDeleted        bool
		newStatus, newSync string // in the write
		status2, sync2     string // afterwards
	}{
		{"untouched", "draft", "draft", false, false, "pending", "pending", "pending", "pending"},
		{"changed by a person", "approved", "draft", false, false, "pending", "draft", "approved", "draft"},
		{"changed by a person, whatever the write wants", "approved", "draft", false, false, "pending", "pending", "approved", "pending"},
		{"made by hand", "draft", "", false, false, "pending", "pending", "draft", "pending"},
		{"soft-deleted though a person changed it", "approved", "draft", false, true, "reviewed", "reviewed", "reviewed", "reviewed"},
		{"restored", "reviewed", "reviewed", true, false, "draft", "draft", "draft", "draft"},
		{"restored to a row made by hand", "reviewed", "reviewed", true, false, "approved", "", "approved", ""},
		{"deleted and staying so", "approved", "reviewed", true, true, "pending", "reviewed", "approved", "reviewed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.insert(visit("1"))
			exec(t, f.db, "update cases set status = $1, sync_status = nullif($2, '')", c.status, c.syncStatus)
			if c.deletedBefore {
				exec(t, f.db, `update cases set metadata = metadata || '{"reconciliation": {"softDeleted": true}}'`)
			}
			require.Equal(t, []string{"1"}, f.update(f.stored("1"), func(after *cases.Case) {
				after.Status, after.SyncStatus, after.Deletion = c.newStatus, c.newSync, nil
				if c.wantDeleted {
					after.Deletion = deleted
				}
			}))
			got := f.stored("1")
			require.Equal(t, c.status2, got.Status)
			require.Equal(t, c.sync2, got.SyncStatus)
			require.Equal(t, c.wantDeleted, got.SoftDeleted())
		})
	}
}

func TestARowThatSomebodyChangedSinceItWasReadComesBackUnwritten(t *testing.T) { // R12
	t.Parallel()
	f := newFixture(t)
	edited, untouched := f.insert(visit("1")), f.insert(visit("2"))
	exec(t, f.db, "update cases set phone_number = '555-0123' where pims_id = '1'")
	raced := visit("3")
	f.insert(raced)

	rename := func(c cases.Case) cases.Write {
		after := c
		after.PatientName = "Biscuit"
		return cases.Write{Before: &c, After: after}
	}
	written := f.write(monday, rename(edited), rename(untouched), cases.Write{After: raced}, cases.Write{After: visit("4")})
	require.Equal(t, []string{"2", "4"}, written)
	require.Equal(t, "Mochi", f.stored("1").PatientName)
	require.Equal(t, "555-0123", f.stored("1").PhoneNumber)

	require.Equal(t, []string{"1"}, f.write(monday, rename(f.stored("1"))), "read again, it is written")
}

func TestAWriteThatWaitsForAPersonsEditComesBackUnwritten(t *testing.T) { // R12
	t.Parallel()
	f := newFixture(t)
	read, other := f.insert(visit("1")), f.insert(visit("2"))
	person, err := f.db.Pool().Begin(t.Context())
	require.NoError(t, err)
	defer person.Rollback(t.Context()) //nolint:errcheck // it was committed
	_, err = person.Exec(t.Context(), "update cases set phone_number = '555-0123' where pims_id = '1'")
	require.NoError(t, err)

	written := make(chan []string)
	go func() {
		after, untouched := read, other
		after.PatientName, untouched.PatientName = "Biscuit", "Biscuit"
		ids, _ := f.cases.WriteCases(t.Context(), f.lease, f.lease.AuditID, provider,
			[]cases.Write{{Before: &read, After: after}, {Before: &other, After: untouched}}, monday)
		written <- ids
	}()
	require.Eventually(t, func() bool {
		return scan[bool](t, f.db, "select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')")
	}, patience, 5*time.Millisecond, "the write waits for the row")
	require.NoError(t, person.Commit(t.Context()))
	require.Equal(t, []string{"2"}, <-written)
	require.Equal(t, "555-0123", f.stored("1").PhoneNumber)
	require.Equal(t, "Mochi", f.stored("1").PatientName)
}

func TestAWriteNeverReachesAnotherClinicOrProvider(t *testing.T) { // R41
	t.Parallel()
	f := newFixture(t)
	mine := f.insert(visit("1"))
	other := newFixtureIn(f, newClinic(t, f.db))
	theirs := other.insert(visit("1"))
	require.NotEqual(t, mine.ID, theirs.ID, "ids are unique per clinic (R13)")

	require.Empty(t, f.update(theirs, func(c *cases.Case) { c.PatientName = "Biscuit" }))
	require.Equal(t, "Mochi", other.stored("1").PatientName)
	written, err := f.cases.WriteCases(t.Context(), f.lease, f.lease.AuditID, "another", []cases.Write{{Before: &mine, After: mine}}, monday)
	require.NoError(t, err)
	require.Empty(t, written)
}

// newFixtureIn is another clinic in the same database.
func newFixtureIn(f *fixture, clinicID uuid.UUID) *fixture {
	return &fixture{f.T, f.db, f.cases, clinicID, running(f.T, f.db, clinicID, syncs.TypeInbound)}
}

func TestNothingIsWrittenWithoutTheLease(t *testing.T) { // R30
	t.Parallel()
	f := newFixture(t)
	before := f.insert(visit("1"))
	lost := map[string]syncs.Lease{
		"an earlier attempt": {ClinicID: f.clinic, AuditID: f.lease.AuditID, Attempt: f.lease.Attempt - 1},
		"another sync":       {ClinicID: f.clinic, AuditID: uuid.New(), Attempt: 1},
		"another clinic":     {ClinicID: newClinic(t, f.db), AuditID: f.lease.AuditID, Attempt: f.lease.Attempt},
	}
	for name, lease := range lost {
		requireFenced(t, f, lease, before, name)
	}
	require.NoError(t, syncstore.NewAudits(f.db).Finish(t.Context(), f.lease, syncs.StatusCompleted, syncs.Result{}, monday))
	requireFenced(t, f, f.lease, before, "a closed sync")
	require.Equal(t, 1, scan[int](t, f.db, "select count(*) from cases"))
	require.Equal(t, before, f.stored("1"))
}

func requireFenced(t *testing.T, f *fixture, lease syncs.Lease, c cases.Case, name string) {
	t.Helper()
	after := c
	after.PatientName = "Biscuit"
	_, err := f.cases.WriteCases(t.Context(), lease, lease.AuditID, provider, []cases.Write{{Before: &c, After: after}, {After: visit("9")}}, monday)
	require.ErrorIs(t, err, syncs.ErrLeaseLost, name)
	_, err = f.cases.SoftDelete(t.Context(), lease, lease.AuditID, provider, week(t), monday.AddDate(0, 0, 7), []cases.SoftDeletion{{Case: c}}, monday)
	require.ErrorIs(t, err, syncs.ErrLeaseLost, name)
	require.ErrorIs(t, f.cases.KeepReadings(t.Context(), lease, []cases.Reading{{CaseID: c.ID}}), syncs.ErrLeaseLost, name)
}

// week is the days around monday in the clinic's zone.
func week(t *testing.T) pims.Window {
	t.Helper()
	loc, err := time.LoadLocation("America/New_York")
	require.NoError(t, err)
	start := pims.DateOf(monday, loc)
	window, err := pims.NewWindow(start, start.AddDays(6), loc)
	require.NoError(t, err)
	return window
}

func TestTheScheduleOfAWindowIsHalfOpen(t *testing.T) { // R1
	t.Parallel()
	f := newFixture(t)
	window := week(t)
	for id, date := range map[string]time.Time{
		"before": window.From().Add(-time.Microsecond), "first": window.From(),
		"last": window.Until().Add(-time.Microsecond), "after": window.Until(), "never": {},
	} {
		c := visit(id)
		c.ScheduledDate = date
		f.insert(c)
	}
	exec(t, f.db, "insert into cases (clinic_id, scheduled_date) values ($1, $2)", f.clinic, monday)
	in, err := f.cases.ScheduledIn(t.Context(), f.clinic, provider, window)
	require.NoError(t, err)
	ids := make([]string, len(in))
	for i, c := range in {
		ids[i] = c.PIMSID
		require.Equal(t, "2026-03-03T06:00:00", c.Start)
	}
	require.ElementsMatch(t, []string{"first", "last"}, ids)

	byID, err := f.cases.ScheduledByID(t.Context(), f.clinic, provider, []string{"after", "never", "unknown"})
	require.NoError(t, err)
	require.Len(t, byID, 2)
	for _, c := range byID {
		require.Equal(t, c.PIMSID == "never", c.ScheduledDate.IsZero())
	}
}

func TestAThousandRowsAreOneRoundTripOfStatements(t *testing.T) { // R15
	t.Parallel()
	f := newFixture(t)
	var writes []cases.Write
	for i := range 1000 {
		writes = append(writes, cases.Write{After: visit(fmt.Sprint(i))})
	}
	require.Len(t, f.write(monday, writes...), 1000)
	require.Equal(t, 1000, scan[int](t, f.db, "select count(*) from cases"))
	require.Equal(t, 1, scan[int](t, f.db, "select count(distinct xmin::text) from cases"), "one transaction")
}

func TestMetadataIsWhatTheSpecificationsQueriesExpect(t *testing.T) { // W7, W9
	t.Parallel()
	f := newFixture(t)
	before := f.insert(visit("1"))
	f.update(before, func(c *cases.Case) {
		c.Consultation = &cases.Consultation{FetchedAt: monday, Consultation: pims.Consultation{ID: "c-1", Notes: "no section"}}
	})
	require.True(t, scan[bool](t, f.db, "select metadata->'consultation'->>'soapNotes' is null from cases"), "it still needs enrichment")
	deleted := f.softDelete(f.stored("1"))
	require.Equal(t, []uuid.UUID{before.ID}, deleted)
	require.True(t, scan[bool](t, f.db, "select (metadata->'reconciliation'->>'softDeleted')::boolean from cases"))
	var document map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(scan[string](t, f.db, "select (metadata -> 'reconciliation')::text from cases")), &document))
	require.JSONEq(t, `"Removed from PIMS"`, string(document["reason"]))
	require.JSONEq(t, `"2026-03-02T10:00:00Z"`, string(document["deletedAt"]))
	require.JSONEq(t, fmt.Sprintf("%q", f.lease.AuditID), string(document["syncId"]))
}

// softDelete deletes cases of the past and the coming week.
func (f *fixture) softDelete(gone ...cases.Case) []uuid.UUID {
	f.Helper()
	var deletions []cases.SoftDeletion
	for _, c := range gone {
		deletions = append(deletions, cases.SoftDeletion{Case: c, Reason: cases.ReasonRemoved})
	}
	deleted, err := f.cases.SoftDelete(f.Context(), f.lease, f.lease.AuditID, provider, week(f.T), monday.AddDate(0, 0, 7), deletions, monday.Add(time.Hour))
	require.NoError(f, err)
	return deleted
}
