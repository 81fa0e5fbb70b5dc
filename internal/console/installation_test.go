package console

import (
	"net/url"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/fleet"
	"github.com/pims-sync/pims-sync/internal/people"
)

func TestFleetKeysAreCreatedAndRevokedOnTheirPage(t *testing.T) { // R39, R42
	t.Parallel()
	s := newSite(t)
	s.fleet(t, 0)
	v := s.as(t, access.RoleAdmin)
	require.Contains(t, v.get(t, "/console/fleet-keys").body, "No fleet key yet")
	create := func(name, clinics string) reply {
		v.get(t, "/console/fleet-keys")
		return v.send(t, "/console/fleet-keys", url.Values{"act": {"create"}, "name": {name}, "scope": {"fleet:operate"}, "expires": {"90d"}, "clinics": {clinics}})
	}
	require.Equal(t, 422, create("night", "Nowhere Vets").status)
	require.Contains(t, v.page.body, "No clinic has the name “Nowhere Vets”")
	require.Contains(t, v.page.body, `value="night"`, "what was typed stays")
	require.Equal(t, 422, create("night", uuid.NewString()).status)

	page := create("night", "harbor lights animal clinic\r\n"+s.clinicNamed(t, "Wattle").String()+"\r\n")
	require.Contains(t, page.body, "_pims_fleet_")
	for _, words := range []string{"night", "Active", "Harbor Lights Animal Clinic", "Wattle Creek Vets", "in 90 d"} {
		require.Contains(t, page.body, words)
	}
	require.NotContains(t, v.get(t, "/console/fleet-keys").body, "_pims_fleet_", "it is shown once")
	keys, err := s.service.FleetKeys(t.Context())
	require.NoError(t, err)
	require.Len(t, keys, 1)
	require.Len(t, keys[0].Clinics, 2)
	s.sql(t, "update fleet_keys set clinics = array[$1::uuid]", uuid.New())
	require.Contains(t, v.get(t, "/console/fleet-keys").body, "none that exists", "the clinics of a limited key are gone, and it has no others")
	revoked := v.send(t, "/console/fleet-keys", url.Values{"act": {"revoke"}, "key": {keys[0].ID.String()}})
	require.Contains(t, revoked.body, "The fleet key night is refused from now on.")
	require.Contains(t, revoked.body, "Revoked")
	require.Equal(t, 404, v.send(t, "/console/fleet-keys", url.Values{"act": {"revoke"}, "key": {uuid.NewString()}}).status)
	require.Equal(t, 403, s.as(t, access.RoleOperator).get(t, "/console/fleet-keys").status)
	s.requireNoFault(t)
}

func TestTheLogShowsWhoDidWhatWhere(t *testing.T) { // R40, R42, R44
	t.Parallel()
	s := newSite(t)
	s.fleet(t, 0)
	harbor, olivo := s.clinicNamed(t, "Harbor"), s.clinicNamed(t, "Clínica")
	name := "Harbour Lights"
	_, err := s.service.SetClinic(t.Context(), root, harbor, fleet.ClinicChange{Name: &name})
	require.NoError(t, err)
	_, _, err = s.service.CreateKey(t.Context(), root, clinic.APIKey{ClinicID: olivo, Name: "till"})
	require.NoError(t, err)
	_, err = s.service.RevokeKey(t.Context(), root, olivo, uuid.New())
	require.Error(t, err)

	v := s.as(t, access.RoleAdmin)
	rows := func(page reply) []string { return rowOfOne.FindAllString(page.body, -1) }
	all := rows(v.get(t, "/console/log"))
	require.Contains(t, all[0], "Signed in")
	require.Contains(t, all[1], "Invited a person")
	for i, words := range [][]string{
		{"Revoked an API key", "Not done", "It does not exist"},
		{"Created an API key", "Clínica Veterinaria El Olivo", "<ins>till</ins>"},
		{"Changed a clinic", "root", "on the server, command line", "<del>Harbor Lights Animal Clinic</del><ins>Harbour Lights</ins>"},
	} {
		for _, word := range words {
			require.Contains(t, all[2+i], word)
		}
	}
	require.Len(t, rows(v.get(t, "/console/log?clinic="+harbor.String())), 1)
	require.Len(t, rows(v.get(t, "/console/log?span=day&clinic=harbour+lights")), 1)
	require.Contains(t, v.get(t, "/console/log?clinic="+s.clinicNamed(t, "Old").String()).body, "Nothing was done there")

	limited := s.signedIn(t, s.invite(t, people.Person{Email: "grace@example.com", Role: access.RoleAdmin, Limited: true, Clinics: []uuid.UUID{olivo}}))
	require.Len(t, rows(limited.get(t, "/console/log")), 2, "of her clinic alone")
	require.NotContains(t, limited.page.body, "Harbour")
	require.Equal(t, 404, limited.get(t, "/console/log?clinic="+harbor.String()).status)
	nobody := s.signedIn(t, s.invite(t, people.Person{Email: "ida@example.com", Role: access.RoleAdmin, Limited: true}))
	require.Empty(t, rows(nobody.get(t, "/console/log")), "no clinic is not all clinics")
	require.Empty(t, rows(nobody.get(t, "/console/runs")))
	require.Equal(t, 403, s.as(t, access.RoleOperator).get(t, "/console/log").status)
	s.requireNoFault(t)
}

func TestAClinicIsChosenByNameWhereThereAreMany(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.fleet(t, 120)
	v := s.as(t, access.RoleViewer)
	require.Less(t, len(v.get(t, "/console/runs").body), 100<<10)
	require.Contains(t, v.page.body, `placeholder="Name or id of a clinic"`)
	found := v.get(t, "/console/runs?clinic=harbor+lights+animal+clinic")
	require.Len(t, rowOfOne.FindAllString(found.body, -1), 3)
	require.Contains(t, found.body, `value="Harbor Lights Animal Clinic"`)
	require.Contains(t, v.get(t, "/console/runs?clinic=nowhere").body, "No clinic has the name “nowhere”.")
	require.Contains(t, v.get(t, "/console/cases").body, `name="clinic"`)
	require.Less(t, len(v.get(t, "/console").body), 100<<10)
	admin := s.as(t, access.RoleAdmin)
	require.Less(t, len(admin.get(t, "/console").body), 100<<10, "with everything that an admin may do")
}
