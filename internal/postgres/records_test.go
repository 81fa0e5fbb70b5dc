package postgres_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/casestore"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

func TestARecordIsTheCaseWithNullsAndForeignMetadata(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	clinicID := newClinic(t, db)
	id := scan[uuid.UUID](t, db, `insert into cases (clinic_id, patient_name, metadata) values ($1, 'Mochi', '{"billing": 7}') returning id`, clinicID)
	record, err := casestore.NewRecords(db).Case(t.Context(), clinicID, id)
	require.NoError(t, err)
	require.Equal(t, "Mochi", *record.PatientName)
	require.Nil(t, record.PIMSID)
	require.Nil(t, record.ScheduledDate)
	require.Nil(t, record.SyncStatus)
	require.JSONEq(t, `{"billing": 7}`, string(record.Metadata))
	require.False(t, record.CreatedAt.IsZero())

	_, err = casestore.NewRecords(db).Case(t.Context(), newClinic(t, db), id)
	requireCode(t, syncs.CodeNotFound, err)
	owner, err := casestore.NewRecords(db).ClinicOf(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, clinicID, owner)
	_, err = casestore.NewRecords(db).ClinicOf(t.Context(), uuid.New())
	requireCode(t, syncs.CodeNotFound, err)
}

// listAll reads a list page by page and returns the patients' names.
func listAll(t *testing.T, db *postgres.DB, clinicID uuid.UUID, filter cases.Filter) []string {
	t.Helper()
	names := []string{}
	for {
		list, err := casestore.NewRecords(db).Cases(t.Context(), clinicID, filter)
		require.NoError(t, err)
		for _, record := range list.Items {
			names = append(names, *record.PatientName)
		}
		if filter.Cursor = list.NextCursor; filter.Cursor == "" {
			return names
		}
		require.Len(t, list.Items, filter.Limit)
	}
}

func TestCasesAreListedByDateAndThoseWithoutOneLastOnPagesOfAnySize(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	clinicID := newClinic(t, db)
	exec(t, db, `insert into cases (id, clinic_id, patient_name, scheduled_date)
		select lpad(n::text, 32, '0')::uuid, $1, 'case ' || n, case when n <= 6 then $2::timestamptz + (n / 2) * interval '1 hour' end
		from generate_series(1, 10) n`, clinicID, monday)
	exec(t, db, "insert into cases (clinic_id, patient_name) values ($1, 'of another clinic')", newClinic(t, db))
	var want []string
	for n := 1; n <= 10; n++ {
		want = append(want, fmt.Sprint("case ", n))
	}
	for limit := 1; limit <= 11; limit++ {
		require.Equal(t, want, listAll(t, db, clinicID, cases.Filter{Page: syncs.Page{Limit: limit}}), "pages of %d", limit)
	}
	slices.Reverse(want[:6])
	for limit := 1; limit <= 11; limit++ {
		require.Equal(t, want, listAll(t, db, clinicID, cases.Filter{NewestFirst: true, Page: syncs.Page{Limit: limit}}), "pages of %d", limit)
	}
}

func TestCasesAreFilteredByTheClinicsDaysAndMore(t *testing.T) { // R1
	t.Parallel()
	db := pgtest.New(t)
	clinicID := newClinic(t, db) // New York
	for name, date := range map[string]string{
		"eve": "2026-03-02T04:59:59.999999Z", "first": "2026-03-02T05:00:00Z", "last": "2026-03-04T04:59:59.999999Z", "after": "2026-03-04T05:00:00Z",
	} {
		exec(t, db, "insert into cases (clinic_id, patient_name, scheduled_date, status, pims_id, updated_at) values ($1, $2, $3::timestamptz, $2, $2, $3::timestamptz)", clinicID, name, date)
	}
	exec(t, db, "insert into cases (clinic_id, patient_name, updated_at) values ($1, 'undated', '2020-01-01Z')", clinicID)
	day := func(d int) pims.Date { return pims.Date{Year: 2026, Month: 3, Day: d} }
	for want, filter := range map[string]cases.Filter{
		"[first last]":                   {From: day(2), To: day(3)},
		"[eve first last]":               {To: day(3)},
		"[last after]":                   {From: day(3)},
		"[eve first last after undated]": {},
		"[last]":                         {Status: "last"},
		"[first]":                        {PIMSID: "first"},
		"[last after]#":                  {UpdatedSince: time.Date(2026, 3, 2, 5, 0, 1, 0, time.UTC)},
		"[]":                             {Status: "last", To: day(2)},
	} {
		filter.Limit = 1
		got := fmt.Sprint(listAll(t, db, clinicID, filter))
		require.Equal(t, want[:len(got)], got)
		require.Contains(t, []string{"", "#"}, want[len(got):])
	}

	nowhere := scan[uuid.UUID](t, db, "insert into clinics default values returning id")
	_, err := casestore.NewRecords(db).Cases(t.Context(), nowhere, cases.Filter{From: day(2)})
	require.ErrorIs(t, err, clinic.ErrTimezoneMissing)
	_, err = casestore.NewRecords(db).Cases(t.Context(), clinicID, cases.Filter{Page: syncs.Page{Cursor: "nonsense"}})
	requireCode(t, syncs.CodeInvalidRequest, err)
}

func TestSoftDeletedCasesAreMarkedAndCanBeSelected(t *testing.T) { // R24
	t.Parallel()
	db := pgtest.New(t)
	clinicID := newClinic(t, db)
	exec(t, db, `insert into cases (clinic_id, patient_name, scheduled_date, metadata) values
		($1, 'here', $2, '{"reconciliation": {"softDeleted": false, "reason": "x"}}'),
		($1, 'gone', $2::timestamptz + interval '1 hour',
			'{"reconciliation": {"softDeleted": true, "reason": "Removed from PIMS", "deletedAt": "2026-03-02T10:00:00Z"}}'),
		($1, 'gone by hand', $2::timestamptz + interval '2 hours', '{"reconciliation": {"softDeleted": true}}')`, clinicID, monday)
	page := syncs.Page{Limit: 1}
	require.Equal(t, []string{"here", "gone", "gone by hand"}, listAll(t, db, clinicID, cases.Filter{Page: page}))
	require.Equal(t, []string{"here"}, listAll(t, db, clinicID, cases.Filter{Deleted: new(false), Page: page}))
	require.Equal(t, []string{"gone by hand", "gone"}, listAll(t, db, clinicID, cases.Filter{Deleted: new(true), NewestFirst: true, Page: page}))

	list, err := casestore.NewRecords(db).Cases(t.Context(), clinicID, cases.Filter{})
	require.NoError(t, err)
	require.False(t, list.Items[0].SoftDeleted)
	require.Empty(t, list.Items[0].DeletedReason)
	require.True(t, list.Items[1].SoftDeleted)
	require.Equal(t, monday.Add(time.Hour), list.Items[1].DeletedAt.UTC())
	require.Equal(t, "Removed from PIMS", list.Items[1].DeletedReason)
	require.True(t, list.Items[2].SoftDeleted)
}
