package postgres_test

import (
	"testing"
	"time"

	"github.com/pims-sync/pims-sync/internal/postgres/clinicstore"
	"github.com/pims-sync/pims-sync/internal/postgres/syncstore"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/settings"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

func TestTheDatabaseRefusesSettingsInAnotherForm(t *testing.T) { // R50
	t.Parallel()
	db := pgtest.New(t)
	id := newClinic(t, db)
	for _, document := range []string{
		`[]`, `"x"`, `{"words":{}}`, `{"statuses":[]}`, `{"statuses":{"In":"away"}}`, `{"statuses":{"In":null}}`, `{"types":{"Dental":"tooth"}}`,
		`{"types":"x"}`, `{"filters":[]}`, `{"filters":{"rooms":"x"}}`, `{"filters":{"rooms":[1]}}`, `{"filters":{"doors":[]}}`, `{"filters":{"types":[["x"]]}}`,
	} {
		_, err := db.Pool().Exec(t.Context(), "update clinics set settings = $1 where id = $2", document, id)
		require.ErrorContains(t, err, "clinics_settings_check", document)
	}
	for _, document := range []string{
		`{}`, `{"statuses":{},"types":{},"filters":{}}`,
		`{"statuses":{"In room":"in_progress"},"types":{"Dental":"surgery"},"filters":{"types":["Lunch"],"rooms":[],"statuses":["x"]}}`,
	} {
		exec(t, db, "update clinics set settings = $1 where id = $2", document, id)
		stored, err := clinicstore.NewClinics(db).Clinic(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, settings.Stored([]byte(document)), stored.Settings)
		require.NoError(t, clinicstore.NewClinics(db).SetSettings(t.Context(), id, stored.Settings, monday))
	}
	require.ErrorIs(t, clinicstore.NewClinics(db).SetSettings(t.Context(), [16]byte{1}, settings.Settings{}, monday), clinic.ErrNotFound)
}

func TestWordsAreKeptOnceADayWithTheirGreatestCount(t *testing.T) { // R12, R50
	t.Parallel()
	db := pgtest.New(t)
	id := newClinic(t, db)
	lease := running(t, db, id, syncs.TypeInbound)
	keep := func(at time.Time, words ...settings.Word) (version string, stored []settings.Word) {
		require.NoError(t, clinicstore.NewClinics(db).KeepWords(t.Context(), lease, "idexx_neo", words, at))
		stored, err := clinicstore.NewClinics(db).Words(t.Context(), id)
		require.NoError(t, err)
		require.NoError(t, db.Pool().QueryRow(t.Context(), "select string_agg(xmin::text, ',' order by form) from pims_words where clinic_id = $1", id).Scan(&version))
		return version, stored
	}
	word := settings.Word{Kind: settings.KindStatus, Word: "In Room", Appointments: 4}
	first, stored := keep(monday, word)
	require.Len(t, stored, 1)
	require.True(t, monday.Equal(stored[0].FirstSeen) && monday.Equal(stored[0].LastSeen))

	word.Word, word.Appointments = "in-room", 3
	again, _ := keep(monday.Add(time.Hour), word)
	require.Equal(t, first, again, "nothing to write on the same day")
	word.Appointments = 9
	_, stored = keep(monday.Add(2*time.Hour), word)
	require.Equal(t, 9, stored[0].Appointments)
	word.Appointments = 1
	_, stored = keep(monday.AddDate(0, 0, 2), word)
	require.Len(t, stored, 1)
	require.Equal(t, 9, stored[0].Appointments)
	require.True(t, monday.AddDate(0, 0, 2).Equal(stored[0].LastSeen))
	require.True(t, monday.Equal(stored[0].FirstSeen))

	require.NoError(t, syncstore.NewAudits(db).Finish(t.Context(), lease, syncs.StatusCompleted, syncs.Result{}, monday))
	require.ErrorIs(t, clinicstore.NewClinics(db).KeepWords(t.Context(), lease, "idexx_neo", []settings.Word{word}, monday), syncs.ErrLeaseLost)
}
