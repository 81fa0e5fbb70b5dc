package pims_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
)

func TestCredentialsAreInNoTextAndNoLog(t *testing.T) { // R40
	t.Parallel()
	credentials := pims.Credentials{pims.FieldBaseURL: "https://us.example.com", pims.FieldUsername: "reception@example.com", pims.FieldPassword: "s3cret", pims.FieldPracticeID: "7301"}
	account := pims.Account{Credentials: credentials, Location: time.UTC}
	state := pims.State{Data: []byte("c00kie")}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("Signed in", "credentials", credentials, "account", account, "session", state)
	for _, shown := range []string{
		log.String(),
		fmt.Sprint(credentials), fmt.Sprintf("%v %+v %#v %s", credentials, credentials, credentials, credentials),
		fmt.Sprintf("%v %+v %#v %s", state, state, state, state), fmt.Sprintf("%v %+v %#v", account, account, account), fmt.Sprintf("%v %+v", &credentials, &account),
	} {
		for _, secret := range []string{"reception@example.com", "s3cret", "7301", "c00kie"} {
			require.NotContains(t, shown, secret)
		}
	}
}

func TestEveryErrorHasAWordOfAClosedSet(t *testing.T) {
	t.Parallel()
	for word, err := range map[string]error{
		"ok":                     nil,
		"auth_rejected":          fmt.Errorf("signing in: %w", pims.ErrAuthRejected),
		"auth_expired":           pims.ErrSessionExpired,
		"not_found":              pims.ErrNotFound,
		"record_refused":         pims.ErrRecordRefused,
		"timeout":                fmt.Errorf("reading: %w", context.DeadlineExceeded),
		"error":                  errors.New("of nobody's"),
		"credentials_incomplete": &pims.FieldError{Field: "username", Reason: "is missing"},
	} {
		require.Equal(t, word, pims.Kind(err))
		require.Contains(t, pims.Kinds(), word)
	}
	distinct := slices.Clone(pims.Kinds())
	slices.Sort(distinct)
	require.Len(t, slices.Compact(distinct), len(pims.Kinds()))
}

func TestTextsAndStatesThatSayNothingMore(t *testing.T) { // R19
	t.Parallel()
	require.True(t, pims.SOAP{Subjective: " \n", Plan: "\t"}.Blank())
	for _, notes := range []pims.SOAP{{Subjective: "x"}, {Objective: "x"}, {Assessment: "x"}, {Plan: "x"}} {
		require.False(t, notes.Blank(), notes)
	}
	require.True(t, pims.ConsultationCompleted.Final())
	require.True(t, pims.ConsultationCancelled.Final())
	require.False(t, pims.ConsultationStatus("").Final())
}

func TestASnapshotWithARowWithoutAnIDProvesNoAbsence(t *testing.T) { // R6
	t.Parallel()
	snapshot := pims.Snapshot{Appointments: []pims.Appointment{{ID: "1"}, {ID: "2"}}, Unusable: []pims.RecordError{{ID: "3"}}}
	present, err := snapshot.Present()
	require.NoError(t, err)
	require.Equal(t, map[string]struct{}{"1": {}, "2": {}, "3": {}}, present)
	require.Equal(t, map[string]bool{"1": true, "2": true}, snapshot.AppointmentIDs())
	require.Equal(t, 3, snapshot.Found())

	snapshot.Unidentified = 1
	_, err = snapshot.Present()
	require.ErrorIs(t, err, pims.ErrIncomplete)
}

func TestAWindowHasItsFirstAndItsLastDay(t *testing.T) {
	t.Parallel()
	w, err := pims.NewWindow(date(t, "2026-01-17"), date(t, "2026-01-24"), time.UTC)
	require.NoError(t, err)
	require.Equal(t, "2026-01-17..2026-01-24 UTC", w.String())
	for text, within := range map[string]bool{"2026-01-16": false, "2026-01-17": true, "2026-01-24": true, "2026-01-25": false} {
		require.Equal(t, within, w.ContainsDate(date(t, text)), text)
	}
	require.True(t, w.Covers(w))
	for _, days := range [][2]string{{"2026-01-16", "2026-01-20"}, {"2026-01-20", "2026-01-25"}} {
		other, err := pims.NewWindow(date(t, days[0]), date(t, days[1]), time.UTC)
		require.NoError(t, err)
		require.False(t, w.Covers(other), days)
	}
	_, err = pims.NewWindow(date(t, "2026-01-17"), date(t, "2026-01-24"), nil)
	require.Error(t, err)
	_, err = pims.NewWindow(date(t, "2026-01-24"), date(t, "2026-01-17"), time.UTC)
	require.Error(t, err)
}
