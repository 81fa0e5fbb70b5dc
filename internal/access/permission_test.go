package access

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/clinic"
)

func TestNobodyMayDoAnything(t *testing.T) {
	t.Parallel()
	here := uuid.New()
	for _, p := range append(Permissions(), "", "of tomorrow") {
		nobody := Caller{}
		require.ErrorIs(t, nobody.Check(p, here), ErrHidden)
		require.Error(t, nobody.Check(p, uuid.Nil))
		unknownRole := Caller{Kind: KindPerson, Role: "owner"}
		require.Error(t, unknownRole.Check(p, here))
	}
	admin := OfOSUser("root")
	require.Error(t, admin.Check("", here), "an operation that says nothing is refused")
}

func TestAClinicKeyHasItsClinicAndNoOther(t *testing.T) { // R38, R39
	t.Parallel()
	here := uuid.New()
	key := OfClinicKey(clinic.APIKey{ID: uuid.New(), ClinicID: here, Permissions: []clinic.Scope{clinic.ScopeAll}})
	for _, p := range Permissions() {
		require.ErrorIs(t, key.Check(p, uuid.New()), ErrHidden)
		err := key.Check(p, here)
		require.Equal(t, len(p.Scopes()) > 0, err == nil, "%s: %v", p, err)
	}
	require.Equal(t, here, key.Clinic())
	require.Equal(t, "key:"+key.ID.String(), key.Actor())
}

func TestEachRoleIncludesTheOnesBeforeIt(t *testing.T) { // R42
	t.Parallel()
	here := uuid.New()
	for i, role := range Roles() {
		require.Equal(t, role, FleetScopes()[i].Role())
		require.Equal(t, FleetScopes()[i], ScopeOf(role))
		for _, limited := range []bool{false, true} {
			c := Caller{Kind: KindPerson, ID: uuid.New(), Role: role, Limited: limited, Clinics: []uuid.UUID{here}}
			for _, p := range Permissions() {
				err := c.Check(p, uuid.Nil)
				want := role.Includes(p.Role()) && !(limited && (p == ChangeSystem || p == ReadSystem || p == ReadTrends))
				require.Equal(t, want, err == nil, "%s, limited %t: %s: %v", role, limited, p, err)
			}
			require.Equal(t, !limited, c.Sees(uuid.New()))
			require.True(t, c.Sees(here))
		}
	}
}

func TestAFleetKeyOfAnotherFormIsNoFleetKey(t *testing.T) { // R39
	t.Parallel()
	key := clinic.GenerateKeyOf(clinic.KeyOfFleet)
	require.True(t, IsFleetKey(key))
	require.False(t, IsFleetKey(clinic.GenerateKey()))
	require.False(t, IsFleetKey(key+"a"))
	last := byte('a')
	if key[len(key)-1] == last {
		last = 'b'
	}
	_, err := AuthenticateFleetKey(t.Context(), key[:len(key)-1]+string(last), nil, time.Time{})
	require.ErrorIs(t, err, clinic.ErrUnauthorized, "a wrong checksum asks no store")
}
