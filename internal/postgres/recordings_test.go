package postgres_test

import (
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/postgres/recordingstore"
	"github.com/pims-sync/pims-sync/internal/recordings"
	"github.com/pims-sync/pims-sync/internal/seal"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// ofBella is a recording with the name of a patient.
func ofBella(url string) *recordings.Recording {
	return &recordings.Recording{
		Format: recordings.Format, Request: recordings.Request{Type: syncs.TypeInbound}, After: recordings.Outcome{Status: syncs.StatusCompleted},
		Exchanges: []recordings.Exchange{{Method: "GET", URL: url, Status: 200, Body: recordings.NewBody([]byte(`{"patient_name":"Bella"}`))}},
	}
}

func opened(t *testing.T, store *recordingstore.Store, e recordings.Entry) (*recordings.Recording, error) {
	t.Helper()
	document, err := store.Document(t.Context(), e)
	if err != nil {
		return nil, err
	}
	return recordings.Decode(document)
}

// listed lists recordings in pages.
func listed(t *testing.T, store *recordingstore.Store, clinics []uuid.UUID, limit int) (all []recordings.Entry) {
	t.Helper()
	for page := (syncs.Page{Limit: limit}); ; {
		list, err := store.List(t.Context(), clinics, page)
		require.NoError(t, err)
		require.LessOrEqual(t, len(list.Items), limit)
		all = append(all, list.Items...)
		if page.Cursor = list.NextCursor; page.Cursor == "" {
			return all
		}
	}
}

func TestARecordingIsSealedForItsClinicAndReplacedByTheNextAttempts(t *testing.T) { // R37, R41, R52
	t.Parallel()
	db := pgtest.New(t)
	ring := keyring(t, seal.NewKey())
	store := recordingstore.New(db, ring)
	mine, other, id := newClinic(t, db), newClinic(t, db), uuid.New()
	require.NoError(t, store.Keep(t.Context(), mine, id, ofBella("https://neo.example/1")))
	require.NoError(t, store.Keep(t.Context(), mine, id, ofBella("https://neo.example/2")))

	row := scan[string](t, db, "select r::text || encode(sealed, 'escape') from recordings r")
	require.NotContains(t, row, "Bella")
	require.NotContains(t, row, "neo.example")
	blob := scan[[]byte](t, db, "select sealed from recordings")
	_, err := recordings.Decode(blob)
	require.ErrorIs(t, err, recordings.ErrUnknownFormat, "what is stored cannot be read without the key")

	entry, err := store.Entry(t.Context(), mine, id)
	require.NoError(t, err)
	require.Equal(t, 1, entry.Requests)
	read, err := opened(t, store, entry)
	require.NoError(t, err)
	require.Equal(t, "https://neo.example/2", read.Exchanges[0].URL)
	body, err := read.Exchanges[0].Body.Bytes()
	require.NoError(t, err)
	require.JSONEq(t, `{"patient_name":"Bella"}`, string(body))

	_, err = store.Entry(t.Context(), other, id)
	require.ErrorContains(t, err, "there is no recording")
	_, err = opened(t, recordingstore.New(db, keyring(t, seal.NewKey())), entry)
	require.ErrorIs(t, err, seal.ErrKeyUnknown)
	foreign := entry
	foreign.ClinicID = other
	_, err = opened(t, store, foreign)
	require.ErrorContains(t, err, "there is no recording")
	require.ErrorContains(t, store.Remove(t.Context(), foreign), "there is no recording")
	exec(t, db, "update recordings set clinic_id = $1", other)
	_, err = opened(t, store, foreign)
	require.ErrorIs(t, err, seal.ErrBroken, "a recording that was moved to another clinic is not opened")
}

func TestOfAClinicTheNewestRecordingsAreKept(t *testing.T) { // R52
	t.Parallel()
	db := pgtest.New(t)
	store := recordingstore.New(db, keyring(t, seal.NewKey()))
	mine, other, oldest := newClinic(t, db), newClinic(t, db), uuid.New()
	for _, clinicID := range []uuid.UUID{other, mine} {
		require.NoError(t, store.Keep(t.Context(), clinicID, uuid.New(), ofBella("https://neo.example/")))
	}
	require.NoError(t, store.Keep(t.Context(), mine, oldest, ofBella("https://neo.example/")))
	exec(t, db, "update recordings set recorded_at = recorded_at - interval '1 hour' where id = $1", oldest)
	for range recordingstore.MaxKept - 1 {
		require.NoError(t, store.Keep(t.Context(), mine, uuid.New(), ofBella("https://neo.example/")))
	}
	require.Len(t, listed(t, store, []uuid.UUID{mine}, 1000), recordingstore.MaxKept)
	_, err := store.Entry(t.Context(), uuid.Nil, oldest)
	require.ErrorContains(t, err, "there is no recording")
	all := listed(t, store, nil, 7)
	require.Len(t, all, recordingstore.MaxKept+1, "the other clinic's stays")
	require.True(t, slices.IsSortedFunc(all, func(a, b recordings.Entry) int { return b.RecordedAt.Compare(a.RecordedAt) }), "the newest first")
	require.Len(t, listed(t, store, []uuid.UUID{mine, other}, 7), recordingstore.MaxKept+1)
	require.Empty(t, listed(t, store, []uuid.UUID{}, 7), "an empty list of clinics is no clinic")

	var clinics []uuid.UUID
	for after := uuid.Nil; ; {
		page, err := store.SealedRecords(t.Context(), after, 100)
		require.NoError(t, err)
		if len(page) == 0 {
			break
		}
		after = page[0].ClinicID
		for _, record := range page {
			require.Equal(t, after, record.ClinicID, "one clinic at a time")
		}
		clinics = append(clinics, after)
	}
	require.ElementsMatch(t, []uuid.UUID{mine, other}, clinics)
}
