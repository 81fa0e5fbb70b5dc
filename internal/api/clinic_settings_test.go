package api

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/settings"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

func TestSettingsAreReadReplacedAndTried(t *testing.T) { // R50, R42, R44
	t.Parallel()
	b, _ := full(t)
	admin := b.fleetKeys.add(access.FleetKey{Scope: access.FleetAdmin}, nil)
	path := "/api/clinics/" + b.reads.owner.ID.String()
	put := func(body string) answer {
		return b.do(http.MethodPut, path+"/settings", body, withKey(admin), withHeader("Content-Type", "application/json"))
	}
	require.JSONEq(t, `{}`, b.get(path+"/settings", withKey(admin)).Body.String())

	const document = `{"statuses":{"In room":"in_progress"},"types":{"Dental":"surgery"},"filters":{"rooms":["Grooming"]}}`
	stored := put(document)
	require.Equal(t, http.StatusOK, stored.Code, "%s", stored.Body)
	require.JSONEq(t, document, stored.Body.String())
	require.JSONEq(t, document, b.get(path+"/settings", withKey(admin)).Body.String())
	require.Equal(t, access.SettingsSet, b.events.events[0].Action)

	b.reads.words = []settings.Word{{Kind: settings.KindStatus, Word: "In room", Appointments: 3}, {Kind: settings.KindType, Word: "Lump check", Appointments: 1}}
	words := b.get(path+"/words", withKey(admin))
	require.Equal(t, http.StatusOK, words.Code, "%s", words.Body)
	require.Contains(t, words.Body.String(), `"means":"in_progress","by":"settings"`)

	for field, body := range map[string]string{
		"statuses":      `{"statuses":{"Zanzibar":"asleep"}}`,
		"filters.rooms": `{"filters":{"rooms":["Zanzibar","ZANZI BAR"]}}`,
	} {
		refused := put(body)
		refused.refused(http.StatusBadRequest, syncs.CodeInvalidRequest, field)
		require.NotContains(t, refused.Body.String(), "Zan", "R38")
	}
	for _, x := range []struct{ body, field, says string }{
		{`{"rooms":[]}`, "rooms", "there are statuses, types, filters"},
		{`{"filters":{"doctors":[]}}`, "filters.doctors", "there are types, rooms, statuses"},
		{`{"filters":{"Rooms":[]}}`, "filters.Rooms", "it is written rooms"},
		{`{"filters":{"rooms":5}}`, "filters.rooms", "filters.rooms must be a list"},
		{`{"filters":{"rooms":["Grooming",5]}}`, "filters.rooms", "a part of filters.rooms must be a text"},
		{`{"filters":{"rooms":[],"rooms":[]}}`, "filters.rooms", "filters.rooms is given more than once"},
		{`{"filters":[]}`, "filters", "filters must be an object"},
		{`{"statuses":[]}`, "statuses", "statuses must be an object"},
		{`{"statuses":{"Zanzibar":5}}`, "statuses", "a part of statuses must be a text"},
		{`{"statuses":{"Zanzibar":"completed","Zanzibar":"completed"}}`, "statuses", "a part of statuses is given more than once"},
	} {
		refused := put(x.body)
		refused.refused(http.StatusBadRequest, syncs.CodeInvalidRequest, x.field)
		require.Contains(t, refused.body["error"], x.says, x.body)
		require.NotContains(t, refused.Body.String(), "Zan", "R38")
	}
	for _, body := range []string{"", " \n"} {
		put(body).refused(http.StatusBadRequest, syncs.CodeInvalidRequest, "body")
		b.post(path+"/settings/preview", body, withKey(admin)).refused(http.StatusBadRequest, syncs.CodeInvalidRequest, "body")
	}
	require.Equal(t, "in_progress", string(b.reads.owner.Settings.Statuses["In room"]), "nothing was stored")

	require.Equal(t, http.StatusOK, put(`{}`).Code)
	require.JSONEq(t, `{}`, b.get(path+"/settings", withKey(admin)).Body.String())
}
