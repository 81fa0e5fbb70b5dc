package fleetstore_test

import (
	"os"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/postgres/fleetstore"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestAFleetKeyIsKeptByItsHashAlone(t *testing.T) { // R39, R42
	t.Parallel()
	db := pgtest.New(t)
	s := fleetstore.New(db)
	clinics := []uuid.UUID{uuid.New(), uuid.New()}
	drafts := []access.FleetKey{
		{Name: "all", Scope: access.FleetAdmin, CreatedBy: "os:root"},
		{Name: "two", Scope: access.FleetRead, Limited: true, Clinics: clinics, ExpiresAt: now.Add(time.Hour)},
		{Name: "none", Scope: access.FleetRead, Limited: true},
	}
	for i, draft := range drafts {
		row, key := access.IssueFleetKey(draft, now.Add(time.Duration(i)*time.Second))
		added, err := s.AddFleetKey(t.Context(), row)
		require.NoError(t, err)
		found, err := s.FleetKeyByHash(t.Context(), clinic.Hash(key))
		require.NoError(t, err)
		require.Equal(t, added, found)
		require.Equal(t, draft.Limited, found.Limited, "no clinic is not all clinics")
		require.ElementsMatch(t, draft.Clinics, found.Clinics)

		caller, err := access.AuthenticateFleetKey(t.Context(), key, s, now.Add(time.Minute))
		require.NoError(t, err)
		require.Equal(t, draft.Scope.Role(), caller.Role)
		var stored int
		require.NoError(t, db.Pool().QueryRow(t.Context(), `select count(*) from fleet_keys k where k::text like '%' || $1 || '%'`, key[20:]).Scan(&stored))
		require.Zero(t, stored)

		_, err = access.AuthenticateFleetKey(t.Context(), key, s, now.Add(2*time.Hour))
		require.Equal(t, draft.ExpiresAt.IsZero(), err == nil, "%v", err)
		_, err = s.RevokeFleetKey(t.Context(), added.ID)
		require.NoError(t, err)
		_, err = access.AuthenticateFleetKey(t.Context(), key, s, now)
		require.ErrorIs(t, err, clinic.ErrUnauthorized)
	}
	all, err := s.FleetKeys(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 3)
	require.Equal(t, "all", all[0].Name)
	require.Equal(t, now.Add(2*time.Hour), all[0].LastUsedAt.UTC())

	_, err = s.FleetKeyByHash(t.Context(), clinic.Hash("another"))
	require.ErrorIs(t, err, access.ErrNoFleetKey)
	_, err = s.RevokeFleetKey(t.Context(), uuid.New())
	require.ErrorIs(t, err, access.ErrNoFleetKey)
}

func TestTheUseOfAFleetKeyIsStoredOnceAMinute(t *testing.T) {
	t.Parallel()
	s := fleetstore.New(pgtest.New(t))
	row, key := access.IssueFleetKey(access.FleetKey{Scope: access.FleetRead}, now)
	_, err := s.AddFleetKey(t.Context(), row)
	require.NoError(t, err)
	for _, step := range []struct{ at, stored time.Duration }{{0, 0}, {59 * time.Second, 0}, {time.Minute, time.Minute}, {30 * time.Second, time.Minute}} {
		_, err := access.AuthenticateFleetKey(t.Context(), key, s, now.Add(step.at))
		require.NoError(t, err)
		found, err := s.FleetKeyByHash(t.Context(), row.Hash)
		require.NoError(t, err)
		require.Equal(t, now.Add(step.stored), found.LastUsedAt.UTC(), step.at)
	}
}
