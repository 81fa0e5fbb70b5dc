package main

import (
	"bufio"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
)

func TestAnApprovedPlanDeletesWhatIsStillMissing(t *testing.T) { // R23
	t.Parallel()
	w := newWorld(t)
	p := seeded(t, w, neosim.Options{})
	missing := p.Appointments(p.Today().AddDate(0, 0, -4), p.Today().AddDate(0, 0, -1))
	for _, row := range missing {
		require.NoError(t, p.Delete(row.ID))
	}
	planID := p.sync(t, "reconcile", "").text("planId")
	require.NotEmpty(t, planID)
	require.NoError(t, p.Restore(missing[0].ID), "one comes back before the decision")

	address := "/api/plans/" + planID + "/approve"
	require.Equal(t, 403, p.call(t, "POST", address, "").status, "a sync key decides nothing") // R39
	decides := p.newKey(t, []clinic.Scope{clinic.ScopeApprove}, time.Time{})
	a := p.call(t, "POST", address, "", "X-API-Key", decides)
	require.Equal(t, 202, a.status, a.body)
	require.Equal(t, "approved", a.text("plan.status"))
	require.Equal(t, "/api/syncs/"+a.text("syncId"), a.header.Get("Location"))
	done := p.ended(t, a.text("syncId"))
	require.Equal(t, "completed", done.text("status"), done.body)
	require.Equal(t, len(missing)-1, done.count("stats.casesDeleted"))
	rows := p.rows(t)
	require.Empty(t, rows[missing[0].ID].gone)
	for _, row := range missing[1:] {
		require.Equal(t, true, rows[row.ID].gone["softDeleted"], row.ID)
	}
	again := p.call(t, "POST", address, "", "X-API-Key", decides)
	require.Equal(t, 409, again.status, again.body)
	require.Equal(t, "already_decided", again.text("code"))

	// All of it is undone at once (R24).
	restores := p.newKey(t, []clinic.Scope{clinic.ScopeRestore}, time.Time{})
	undone := p.call(t, "POST", "/api/syncs/"+a.text("syncId")+"/restore", "", "X-API-Key", restores)
	require.Equal(t, 200, undone.status, undone.body)
	restored, _ := undone.get("restored").([]any)
	require.Len(t, restored, len(missing)-1)
	for _, row := range missing {
		require.Empty(t, p.rows(t)[row.ID].gone)
	}
}

func TestASyncIsFollowedByItsEvents(t *testing.T) { // docs/interface.md §Endpoints
	t.Parallel()
	p := newWorld(t).practice(t, neosim.Options{})
	p.hang()
	id := p.sync(t, "full", "", "Prefer", "respond-async").text("id")
	p.asked(t)

	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.via.URL()+"/api/syncs/"+id+"/events", http.NoBody)
	require.NoError(t, err)
	request.Header.Set("X-API-Key", p.key)
	response, err := described().Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, 200, response.StatusCode)
	require.Contains(t, response.Header.Get("Content-Type"), "text/event-stream")

	var events []string
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if event, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			events = append(events, event)
			p.ClearFaults() // it has been told of the state before
		}
	}
	require.NoError(t, lines.Err(), "the server ends the stream")
	require.Equal(t, "state", events[0])
	require.Equal(t, "done", events[len(events)-1])
	require.Contains(t, events, "phase")
}

func TestTheFreshnessOfAClinicIsTold(t *testing.T) {
	t.Parallel()
	p := newWorld(t).practice(t, neosim.Options{})
	require.Equal(t, 200, p.sync(t, "inbound", "").status)
	a := p.get(t, "/api/freshness")
	require.Equal(t, 200, a.status, a.body)
	items, _ := a.get("items").([]any)
	require.Len(t, items, 3)
	for _, item := range items {
		phase := answer{body: item.(map[string]any)}
		require.Equal(t, phase.text("type") == "inbound", phase.get("lastSuccess") != nil, phase.body)
	}
}
