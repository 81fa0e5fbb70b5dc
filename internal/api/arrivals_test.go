package api

import (
	"context"
	"net/http"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/api/sample"
	"github.com/pims-sync/pims-sync/internal/feed"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// fakeArrivals notes what was asked and returns a page.
type fakeArrivals struct {
	filters []feed.HappeningFilter
	list    syncs.List[feed.Happening]
}

func (f *fakeArrivals) Recent(_ context.Context, filter feed.HappeningFilter) (syncs.List[feed.Happening], error) {
	f.filters = append(f.filters, filter)
	return f.list, nil
}

func TestEventsAreThoseOfTheCallersClinics(t *testing.T) { // R42, R46
	t.Parallel()
	b := newBench(t)
	drift := feed.Happening{Position: 4710, ClinicID: sample.SyncID, Type: feed.PIMSDrift, At: sample.Time, ArrivedAt: sample.Time, Data: []byte(`{"deletionsFrozen":true}`)}
	lost := feed.Happening{Position: 4709, Type: feed.CaseChanged, At: sample.Time, ArrivedAt: sample.Time}
	b.arrived.list = syncs.List[feed.Happening]{Items: []feed.Happening{*sample.Arrival(), drift, lost}, NextCursor: "4709"}

	a := b.get("/api/events?type=case.changed&limit=3")
	require.Equal(t, http.StatusOK, a.Code)
	require.Equal(t, "case.changed", a.at("items", 0, "type"))
	require.Equal(t, map[string]any{
		"actor": "sync:" + sample.SyncID.String(), "created": 2.0, "changed": 1.0, "deleted": 0.0, "restored": 0.0, "removed": 0.0,
		"fields": []any{"metadata.consultation", "status"}, "cases": []any{sample.CaseID.String()},
	}, a.at("items", 0, "changes"))
	require.Equal(t, map[string]any{}, a.at("items", 0, "data"))
	require.Equal(t, map[string]any{"deletionsFrozen": true}, a.at("items", 1, "data"))
	require.NotContains(t, a.at("items", 1), "changes")
	require.NotContains(t, a.at("items", 2), "changes", "its history was removed")
	require.Nil(t, a.at("items", 2, "clinicId"))
	require.Equal(t, feed.HappeningFilter{Clinics: []uuid.UUID{b.reads.owner.ID}, Type: feed.CaseChanged, Page: syncs.Page{Limit: 3}}, b.arrived.filters[0])

	next, ok := a.body["nextCursor"].(string)
	require.True(t, ok)
	require.Equal(t, http.StatusOK, b.get("/api/events?type=case.changed&limit=3&cursor="+next).Code)
	require.Equal(t, "4709", b.arrived.filters[1].Page.Cursor)
	b.get("/api/events?cursor="+next).refused(http.StatusBadRequest, syncs.CodeInvalidRequest, "cursor")
	b.get("/api/events?type=case.eaten").refused(http.StatusBadRequest, syncs.CodeInvalidRequest, "type")

	b.get("/api/events", withKey(b.fleetKeys.add(access.FleetKey{Scope: access.FleetRead}, nil)))
	require.Nil(t, b.arrived.filters[2].Clinics, "a fleet key sees all, with the installation's")
	limited := b.fleetKeys.add(access.FleetKey{Scope: access.FleetRead, Limited: true, Clinics: []uuid.UUID{b.reads.owner.ID}}, nil)
	b.get("/api/events", withKey(limited))
	require.Equal(t, []uuid.UUID{b.reads.owner.ID}, b.arrived.filters[3].Clinics)
	b.get("/api/clinics/"+b.reads.owner.ID.String()+"/events", withKey(limited))
	require.Equal(t, []uuid.UUID{b.reads.owner.ID}, b.arrived.filters[4].Clinics)
	b.get("/api/clinics/"+uuid.NewString()+"/events", withKey(limited)).refused(http.StatusNotFound, syncs.CodeNotFound, "")
	require.Len(t, b.arrived.filters, 5)
}
