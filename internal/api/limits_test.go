package api

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/api/sample"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/web"
)

// limited is a bench with limits, and what they refused.
func limited(t *testing.T, l Limits) (*bench, *[]Limit) {
	t.Helper()
	var seen []Limit
	return newBench(t, func(o *benchSettings) {
		o.Limits, o.ObserveLimit = l, func(limit Limit) { seen = append(seen, limit) }
	}), &seen
}

func (a answer) limited(after string) {
	a.t.Helper()
	require.Equal(a.t, http.StatusTooManyRequests, a.Code, "%s", a.Body)
	require.Equal(a.t, string(web.CodeRateLimited), a.body["code"])
	require.Equal(a.t, after, a.Header().Get("Retry-After"))
}

func TestAKeyMakesOnlySoManyRequestsASecond(t *testing.T) { // R38
	t.Parallel()
	b, seen := limited(t, DefaultLimits())
	second, _ := b.keys.add(b.reads.owner.ID, nil)
	for range 20 {
		require.Equal(t, http.StatusOK, b.get("/api/syncs").Code)
	}
	b.get("/api/syncs").limited("1")
	b.get("/api/clinics").limited("1")
	require.Equal(t, http.StatusOK, b.get("/api/syncs", withKey(second)).Code, "each key has its own limit")
	require.Equal(t, http.StatusOK, b.get("/health").Code)
	b.now = b.now.Add(time.Second)
	for range 10 {
		require.Equal(t, http.StatusOK, b.get("/api/syncs").Code)
	}
	b.get("/api/syncs").limited("1")
	require.Equal(t, []Limit{LimitRequests, LimitRequests, LimitRequests}, *seen)
}

func TestAClinicStartsOnlySoManySyncsAMinuteWhateverTheKey(t *testing.T) { // R38
	t.Parallel()
	b, seen := limited(t, Limits{StartsPerMinute: 5})
	b.endsAtOnce(func(*syncs.Audit) {})
	fleet := withKey(b.fleetKeys.add(access.FleetKey{Scope: access.FleetAdmin}, nil))
	named := "/api/clinics/" + b.reads.owner.ID.String()
	for range 2 {
		require.Equal(t, http.StatusOK, b.post("/api/sync/inbound", "").Code)
		require.Equal(t, http.StatusOK, b.post(named+"/sync/cases", "", fleet).Code)
	}
	b.post("/api/sync/inbound", `{"daysAhead":-1}`).refused(http.StatusBadRequest, syncs.CodeInvalidRequest, "daysAhead") // costs nothing
	require.Equal(t, http.StatusOK, b.post("/api/sync/inbound", "").Code)
	b.post("/api/sync/inbound", "").limited("12")
	b.post(named+"/sync/full", "", fleet).limited("12")
	b.post(named+"/credentials/test", "", fleet).limited("12")
	require.Len(t, b.syncs.started(), 5)
	other, _ := b.keys.add(uuid.New(), nil)
	require.Equal(t, http.StatusOK, b.post("/api/sync/inbound", "", withKey(other)).Code)
	b.now = b.now.Add(12 * time.Second)
	require.Equal(t, http.StatusOK, b.post("/api/sync/inbound", "").Code)
	require.Equal(t, []Limit{LimitStarts, LimitStarts, LimitStarts}, *seen)
}

func TestAClinicHoldsOnlyAQuarterOfTheWaitingCalls(t *testing.T) { // R28, R38
	t.Parallel()
	b, seen := limited(t, Limits{Waiting: 4, Streams: 4})
	other, _ := b.keys.add(uuid.New(), nil)
	waiting := make(chan answer)
	go func() { waiting <- b.post("/api/sync/inbound", "") }()
	id := <-b.syncs.waiting

	require.Equal(t, http.StatusAccepted, b.post("/api/sync/cases", "").Code, "the sync is started; its call does not wait")
	b.get("/api/changes?wait=30").limited("5")
	require.Equal(t, http.StatusOK, b.get("/api/changes").Code)
	require.Equal(t, http.StatusOK, b.get("/api/changes?wait=30", withKey(other)).Code)
	require.Equal(t, []Limit{LimitWaiting, LimitWaiting}, *seen)

	b.syncs.end(id, complete)
	require.Equal(t, http.StatusOK, (<-waiting).Code)
	require.Equal(t, http.StatusOK, b.get("/api/changes?wait=30").Code)
}

func TestAClinicHoldsOnlyAQuarterOfTheEventStreams(t *testing.T) { // R38
	t.Parallel()
	b, seen := limited(t, Limits{Streams: 4})
	audit := sample.Running(syncs.TypeInbound)
	audit.ClinicID = b.reads.owner.ID
	b.syncs.put(audit)
	target := "/api/syncs/" + audit.ID.String() + "/events"
	streaming := make(chan answer)
	go func() { streaming <- b.get(target) }()
	<-b.syncs.waiting
	b.get(target).limited("5")
	require.Equal(t, []Limit{LimitStreams}, *seen)

	b.syncs.end(audit.ID, complete)
	require.Equal(t, http.StatusOK, (<-streaming).Code)
	require.Equal(t, http.StatusOK, b.get(target).Code, "a stream that ends gives its place back")
}
