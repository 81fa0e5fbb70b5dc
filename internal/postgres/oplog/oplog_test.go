package oplog_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/pims-sync/pims-sync/internal/postgres/clinicstore"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/oplog"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// setName is an action on a clinic as the command line records it.
func setName(id uuid.UUID) access.Event {
	return access.Event{
		Who:    access.Who{Kind: access.KindOSUser, Name: "ada"},
		Origin: "command line", Action: access.ClinicSet, ClinicID: id,
	}
}

// rename acts: it reads the clinic, changes its name and says so in the event.
func rename(db *postgres.DB, id uuid.UUID, name string, then error) func(context.Context, *access.Event) error {
	return func(ctx context.Context, e *access.Event) error {
		c, err := clinicstore.NewClinics(db).Clinic(ctx, id)
		if err != nil {
			return err
		}
		e.Before, e.After = access.Values{"name": c.Name}, access.Values{"name": name}
		c.Name = name
		if _, err := clinicstore.NewClinics(db).Update(ctx, c, time.Now()); err != nil {
			return err
		}
		return then
	}
}

func addClinic(t *testing.T, db *postgres.DB, name string) uuid.UUID {
	t.Helper()
	added, err := clinicstore.NewClinics(db).Add(t.Context(), clinic.Clinic{Name: name, Timezone: "UTC", Active: true})
	require.NoError(t, err)
	return added.ID
}

func events(t *testing.T, log *oplog.Log, f access.Filter) []access.Event {
	t.Helper()
	list, err := log.Events(t.Context(), f)
	require.NoError(t, err)
	return list.Items
}

func TestAnActionAndItsRecordAreStoredTogether(t *testing.T) { // R44
	t.Parallel()
	db := pgtest.New(t)
	log := oplog.New(db, nil)
	id := addClinic(t, db, "Harbor Lights")
	require.NoError(t, log.Act(t.Context(), setName(id), rename(db, id, "Harbour Lights", nil)))

	got := events(t, log, access.Filter{})
	require.Len(t, got, 1)
	want := setName(id)
	want.ID, want.At = got[0].ID, got[0].At
	want.Before, want.After, want.Outcome = access.Values{"name": "Harbor Lights"}, access.Values{"name": "Harbour Lights"}, access.Done
	require.Equal(t, want, got[0])
}

func TestAFailedActionChangesNothingAndIsRecorded(t *testing.T) { // R44
	t.Parallel()
	db := pgtest.New(t)
	log := oplog.New(db, nil)
	id := addClinic(t, db, "Harbor Lights")
	refused := syncs.Fail(syncs.CodeAlreadyDecided, "no")
	err := log.Act(t.Context(), setName(id), rename(db, id, "Other", refused))
	require.Equal(t, refused, err, "the action's own error")
	require.ErrorIs(t, log.Act(t.Context(), setName(uuid.New()), rename(db, uuid.New(), "Other", nil)), clinic.ErrNotFound)

	stored, err := clinicstore.NewClinics(db).Clinic(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, "Harbor Lights", stored.Name)
	got := events(t, log, access.Filter{})
	require.Len(t, got, 2)
	require.Equal(t, "not_found", got[0].Code)
	require.Equal(t, "already_decided", got[1].Code)
	require.Equal(t, access.Failed, got[1].Outcome)
	require.Equal(t, access.Values{"name": "Harbor Lights"}, got[1].Before)
	require.Nil(t, got[1].After, "nothing was stored")
}

func TestWithoutItsRecordAnActionIsNotStored(t *testing.T) { // R44
	t.Parallel()
	db := pgtest.New(t)
	log := oplog.New(db, nil)
	id := addClinic(t, db, "Harbor Lights")
	nameless := setName(id)
	nameless.Action = "clinic.burn"
	require.ErrorContains(t, log.Act(t.Context(), nameless, rename(db, id, "Other", nil)), `"clinic.burn"`)
	unprintable := func(ctx context.Context, e *access.Event) error {
		err := rename(db, id, "Other", nil)(ctx, e)
		e.After = access.Values{"name": func() {}}
		return err
	}
	require.ErrorContains(t, log.Act(t.Context(), setName(id), unprintable), "encode")

	stored, err := clinicstore.NewClinics(db).Clinic(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, "Harbor Lights", stored.Name)
}

func TestActionsOfSeveralStoresAreOneTransaction(t *testing.T) { // R44
	t.Parallel()
	db := pgtest.New(t)
	one, two := addClinic(t, db, "One"), addClinic(t, db, "Two")
	undo := errors.New("undo")
	err := db.Together(t.Context(), "rename both", func(ctx context.Context) error {
		for _, id := range []uuid.UUID{one, two} {
			if err := rename(db, id, "Other", nil)(ctx, &access.Event{}); err != nil {
				return err
			}
		}
		all, err := clinicstore.NewClinics(db).Clinics(ctx) // across clinics, after one
		require.NoError(t, err)
		require.Equal(t, []string{"Other", "Other"}, []string{all[0].Name, all[1].Name}, "seen within the transaction")
		_, err = clinicstore.NewClinics(db).Add(ctx, clinic.Clinic{ID: one, Name: "Again", Timezone: "UTC"})
		require.ErrorContains(t, err, "exists already")
		again, err := clinicstore.NewClinics(db).Clinic(ctx, two)
		require.NoError(t, err, "a refused method leaves the transaction usable")
		require.Equal(t, "Other", again.Name)
		return undo
	})
	require.ErrorIs(t, err, undo)
	all, err := clinicstore.NewClinics(db).Clinics(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"One", "Two"}, []string{all[0].Name, all[1].Name})
}

func TestARecordIsNeitherChangedNorRemoved(t *testing.T) { // R44
	t.Parallel()
	db := pgtest.New(t)
	log := oplog.New(db, nil)
	require.NoError(t, log.Note(t.Context(), setName(uuid.New()), nil))
	for _, statement := range []string{
		"update operator_events set who_name = 'nobody'", "delete from operator_events", "truncate operator_events",
		"set app.maintenance = 'on'; delete from operator_events",
	} {
		_, err := db.Pool().Exec(t.Context(), statement)
		require.ErrorContains(t, err, "append-only", statement)
	}
	require.Len(t, events(t, log, access.Filter{}), 1)
}

func TestTheRecordIsReadByClinicTimeAndPage(t *testing.T) { // R44
	t.Parallel()
	db := pgtest.New(t)
	log := oplog.New(db, nil)
	one, two := uuid.New(), uuid.New()
	for _, id := range []uuid.UUID{one, two, one, uuid.Nil} {
		require.NoError(t, log.Note(t.Context(), setName(id), nil))
	}
	all := events(t, log, access.Filter{})
	require.Len(t, all, 4)
	require.Equal(t, uuid.Nil, all[0].ClinicID, "the newest first")
	require.Len(t, events(t, log, access.Filter{Clinics: []uuid.UUID{one}}), 2)
	require.Empty(t, events(t, log, access.Filter{Clinics: []uuid.UUID{}}), "none is not all")
	require.Len(t, events(t, log, access.Filter{Since: all[1].At}), 2)

	page, err := log.Events(t.Context(), access.Filter{Page: syncs.Page{Limit: 3}})
	require.NoError(t, err)
	require.Equal(t, all[:3], page.Items)
	page, err = log.Events(t.Context(), access.Filter{Page: syncs.Page{Limit: 3, Cursor: page.NextCursor}})
	require.NoError(t, err)
	require.Equal(t, all[3:], page.Items)
	require.Empty(t, page.NextCursor)
	for _, forged := range []string{"!", "+1", "01", "-zz", "zzzzzzzzzzzzzzzzzzzz"} {
		_, err = log.Events(t.Context(), access.Filter{Page: syncs.Page{Cursor: forged}})
		require.ErrorContains(t, err, "cursor", forged)
	}
}
