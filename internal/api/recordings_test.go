package api

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/api/sample"
	"github.com/pims-sync/pims-sync/internal/recordings"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// fakeRecordings is recordings in memory.
type fakeRecordings struct {
	mu      sync.Mutex
	entries []recordings.Entry
	asked   [][]uuid.UUID // the clinics of each list
}

func (f *fakeRecordings) put(id, clinicID uuid.UUID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.entries = []recordings.Entry{{ID: id, ClinicID: clinicID, Type: syncs.TypeInbound, Status: syncs.StatusFailed, Code: syncs.CodeSchemaDrift, Requests: 1, RecordedAt: testTime}}
}

func (f *fakeRecordings) List(_ context.Context, clinics []uuid.UUID, _ syncs.Page) (syncs.List[recordings.Entry], error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, clinics)
	return syncs.List[recordings.Entry]{Items: slices.Clone(f.entries), NextCursor: "next"}, nil
}

func (f *fakeRecordings) Entry(_ context.Context, clinicID, id uuid.UUID) (recordings.Entry, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range f.entries {
		if e.ID == id && e.ClinicID == clinicID {
			return e, nil
		}
	}
	return recordings.Entry{}, syncs.Fail(syncs.CodeNotFound, "there is no recording")
}

func (f *fakeRecordings) Document(context.Context, recordings.Entry) ([]byte, error) {
	r := recordings.Recording{
		Format: recordings.Format, Program: "1.2.3", Before: recordings.Before{Cases: []recordings.Case{{PIMSID: "7", PatientName: secret}}},
		Exchanges: []recordings.Exchange{
			{Method: http.MethodGet, URL: "https://neo.example/consultations/4711/view?name=" + secret, Status: http.StatusOK, Body: recordings.NewBody([]byte(`{"patient_name":"` + secret + `"}`))},
			{Method: http.MethodGet, URL: "https://neo.example/search", Fault: recordings.FaultRefused},
		},
		After: recordings.Outcome{
			Status: syncs.StatusFailed, Code: syncs.CodeSchemaDrift,
			Phases:    []recordings.Phase{{Type: syncs.TypeInbound, Status: syncs.StatusFailed, Stats: map[string]int{"casesCreated": 1}, Warnings: recordings.Warnings{UnusableRows: 2}}},
			Plans:     []recordings.Plan{{Code: syncs.CodeDriftGuard, Cases: []string{"7"}}},
			Decisions: []recordings.Decision{{Phase: syncs.TypeInbound, Do: "create", PIMSID: "7", ScheduledDate: testTime}},
		},
	}
	return r.Encode()
}

func (f *fakeRecordings) Remove(_ context.Context, e recordings.Entry) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.entries = slices.DeleteFunc(f.entries, func(x recordings.Entry) bool { return x.ID == e.ID })
	return nil
}

func TestARecordingIsShownWithoutItsAnswersAndRemoved(t *testing.T) { // R40, R42, R44, R52
	t.Parallel()
	b, _ := full(t)
	mine, id := b.reads.owner.ID, sample.CaseID
	b.recordings.put(id, mine)
	admin := withKey(b.fleetKeys.add(access.FleetKey{Scope: access.FleetAdmin}, nil))
	path := "/api/clinics/" + mine.String() + "/recordings/" + id.String()

	for _, shown := range []answer{b.get("/api/recordings/" + id.String()), b.get(path, admin)} {
		require.Equal(t, http.StatusOK, shown.Code, "%s", shown.Body)
		require.NotContains(t, shown.Body.String(), secret)
		require.NotContains(t, shown.Body.String(), "/4711")
		require.Equal(t, "schema_drift", shown.at("recording", "code"))
		require.InDelta(t, 1, shown.at("cases"), 0)
		require.Equal(t, "/consultations/{id}/view", shown.at("requests", 0, "endpoint"))
		require.Nil(t, shown.at("requests", 1, "status"))
		require.Equal(t, "refused", shown.at("requests", 1, "fault"))
		require.Equal(t, map[string]any{"unusableRows": 2.0}, shown.at("outcome", "phases", 0, "warnings"))
		require.Equal(t, "7", shown.at("outcome", "decisions", 0, "pimsId"))
	}
	b.do(http.MethodDelete, "/api/recordings/"+id.String(), "").refused(http.StatusMethodNotAllowed, "method_not_allowed", "")
	require.Equal(t, http.StatusOK, b.do(http.MethodDelete, path, "", admin).Code)
	b.do(http.MethodDelete, path, "", admin).refused(http.StatusNotFound, syncs.CodeNotFound, "")
	b.get(path, admin).refused(http.StatusNotFound, syncs.CodeNotFound, "")

	require.Len(t, b.events.events, 3)
	for i, action := range []access.Action{access.RecordingRead, access.RecordingRead, access.RecordingRemove} {
		event := b.events.events[i]
		require.Equal(t, action, event.Action)
		require.Equal(t, access.RecordOf("recording", id), event.Record)
		require.Equal(t, mine, event.ClinicID)
		require.Equal(t, access.Done, event.Outcome)
	}
	require.Equal(t, access.KindClinicKey, b.events.events[0].Who.Kind)
	require.Equal(t, access.KindFleetKey, b.events.events[1].Who.Kind)
}

func TestRecordingsAreListedForWhoeverSeesTheirClinics(t *testing.T) { // R42, R52
	t.Parallel()
	b, _ := full(t)
	mine := b.reads.owner.ID
	b.recordings.put(sample.CaseID, mine)
	page := b.get("/api/recordings")
	require.Equal(t, sample.CaseID.String(), page.at("items", 0, "id"))
	b.next(page)
	b.get("/api/clinics/"+mine.String()+"/recordings", withKey(b.fleetKeys.add(access.FleetKey{Scope: access.FleetRead}, nil)))
	b.get("/api/recordings", withKey(b.fleetKeys.add(access.FleetKey{Scope: access.FleetRead}, nil)))
	b.get("/api/recordings", withKey(b.fleetKeys.add(access.FleetKey{Scope: access.FleetRead, Limited: true}, nil)))
	require.Equal(t, [][]uuid.UUID{{mine}, {mine}, {mine}, nil, {}}, b.recordings.asked, "an empty limit is no clinic, and not all")
}
