package api

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// nextEvent reads one event of a stream: its name and its data.
func nextEvent(t *testing.T, lines *bufio.Scanner) (name, data string) {
	t.Helper()
	for lines.Scan() {
		switch line := lines.Text(); {
		case strings.HasPrefix(line, "event: "):
			name = strings.TrimPrefix(line, "event: ")
		case strings.HasPrefix(line, "data: "):
			data = strings.TrimPrefix(line, "data: ")
		case line == "" && name != "":
			return name, data
		}
	}
	require.NoError(t, lines.Err())
	return name, data
}

func TestAStreamTellsTheStateThenWhatHappensThenTheEnd(t *testing.T) { // docs/interface.md §Endpoints, events
	t.Parallel()
	b := newBench(t)
	audit := syncs.Audit{ID: uuid.New(), ClinicID: b.reads.owner.ID, Type: syncs.TypeFull, Trigger: syncs.TriggerAPI, Status: syncs.StatusInProgress, StartedAt: testTime, CreatedAt: testTime}
	b.syncs.put(&audit)
	site := httptest.NewServer(b.handler)
	defer site.Close()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, site.URL+"/api/syncs/"+audit.ID.String()+"/events", nil)
	require.NoError(t, err)
	request.Header.Set(keyHeader, b.key)
	response, err := checked().Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, "text/event-stream", response.Header.Get("Content-Type"))
	lines := bufio.NewScanner(response.Body)

	name, data := nextEvent(t, lines)
	require.Equal(t, "state", name)
	require.Contains(t, data, `"status":"in_progress"`)

	audit.Progress = syncs.Progress{Phase: syncs.TypeInbound, Step: "write", Done: 10, Total: 25}
	audit.Children = []syncs.Audit{{ID: uuid.New(), ParentID: audit.ID, Type: syncs.TypeInbound, Trigger: syncs.TriggerAPI, Status: syncs.StatusInProgress, CreatedAt: testTime}}
	b.syncs.put(&audit)
	name, data = nextEvent(t, lines)
	require.Equal(t, "phase", name)
	require.Contains(t, data, `"type":"inbound"`)
	name, data = nextEvent(t, lines)
	require.Equal(t, "progress", name)
	require.JSONEq(t, `{"phase":"inbound","step":"write","done":10,"total":25}`, data)

	complete(&audit)
	b.syncs.put(&audit)
	name, data = nextEvent(t, lines)
	require.Equal(t, "done", name)
	require.Contains(t, data, `"status":"completed"`)
	require.False(t, lines.Scan(), "the stream ends")
}

func TestAStreamOfAnotherClinicsSyncIsNotFound(t *testing.T) { // R38
	t.Parallel()
	b := newBench(t)
	require.Equal(t, http.StatusNotFound, b.get("/api/syncs/"+uuid.NewString()+"/events").Code)
}

func TestFreshnessSaysHowTheClinicIsAndWhatWasDueAndDidNotSucceed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.condition.condition = scheduler.Condition{
		Clinic:      clinic.Clinic{ID: b.reads.owner.ID, Name: "Harbor Lights", Timezone: "UTC", Active: true, CreatedAt: testTime.Add(-1000 * time.Hour)},
		Provider:    "idexx_neo",
		Credentials: scheduler.CredentialCondition{Set: true},
		Phases: []scheduler.PhaseCondition{
			{Type: syncs.TypeInbound, LastSuccess: testTime.Add(-2 * time.Hour), Scheduled: true, Due: testTime.Add(-3 * time.Hour), Next: testTime.Add(time.Hour)},
			{Type: syncs.TypeCases},
			{
				Type: syncs.TypeReconciliation, LastSuccess: testTime.Add(-30 * time.Hour), Scheduled: true, Due: testTime.Add(-3 * time.Hour),
				LastAttempt: testTime.Add(-4 * time.Hour), EndedAt: testTime.Add(-3 * time.Hour), AttemptType: syncs.TypeFull,
				LastCode: syncs.CodeUnreachable, Failing: true,
				FailedAt: testTime.Add(-3 * time.Hour), FailureCode: syncs.CodeUnreachable, Since: testTime.Add(-5 * time.Hour),
			},
		},
	}
	a := b.get("/api/freshness")
	require.Equal(t, http.StatusOK, a.Code)
	require.Equal(t, true, a.body["stale"])
	require.Equal(t, false, a.at("items", 1, "stale"), "nothing is scheduled, nothing is stale")
	require.Nil(t, a.at("items", 1, "lastSuccess"))
	require.Equal(t, false, a.at("items", 0, "stale"))
	require.InDelta(t, 7200, a.at("items", 0, "ageSeconds"), 0)
	require.Equal(t, true, a.at("items", 2, "stale"))

	of := func(hours int) string {
		return testTime.Add(time.Duration(hours) * time.Hour).UTC().Format("2006-01-02T15:04:05.000Z07:00")
	}
	require.Equal(t, "failing", a.at("clinic", "state"))
	require.Equal(t, of(-5), a.at("clinic", "since"))
	require.Equal(t, "pims_unreachable", a.at("clinic", "code"))
	require.Equal(t, of(-2), a.at("clinic", "dataAsOf"))
	require.Equal(t, map[string]any{"at": of(-4), "type": "full", "code": "pims_unreachable"}, a.at("clinic", "lastAttempt"))
	require.Equal(t, of(1), a.at("clinic", "phases", "inbound", "next"))
	require.Equal(t, map[string]any{
		"lastSuccess": of(-30), "lastAttempt": of(-4), "lastCode": "pims_unreachable", "next": nil,
	}, a.at("clinic", "phases", "reconciliation"))
	require.Equal(t, map[string]any{"set": true, "suspended": false, "testedAt": nil, "testOutcome": nil}, a.at("clinic", "credentials"))
}
