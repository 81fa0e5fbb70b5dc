package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
)

// about tells requests that name an id in their path or query.
func about(id string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		return strings.Contains(r.URL.Path+"/", "/"+id+"/") || r.URL.Query().Get("id") == id
	}
}

func TestOneRecordThatLooksLikeADeadSessionFailsAlone(t *testing.T) { // R20
	t.Parallel()
	w := newWorld(t)
	for _, views := range []neosim.Views{neosim.ViewsOld, neosim.ViewsPageData} {
		for _, expired := range []neosim.Expired{neosim.Expired401, neosim.ExpiredRedirect, neosim.ExpiredHTML} {
			t.Run(string(views)+" told by "+string(expired), func(t *testing.T) {
				t.Parallel()
				p := visited(t, w, neosim.Options{Expired: expired, Views: views})
				require.Equal(t, 200, p.sync(t, "inbound", p.sinceYesterday()).status)
				op := neosim.OpView
				if views == neosim.ViewsPageData {
					op = neosim.OpPageData
				}
				for _, id := range []string{"502", "503"} {
					p.Fail(neosim.Fault{Op: op, Kind: neosim.FaultLoggedOut, Count: neosim.Forever, Match: about(id)})
				}
				p.ResetRequests()
				a := p.sync(t, "cases", `{"parallelBatchSize": 1}`)
				require.Equal(t, 200, a.status, a.body)
				require.Equal(t, 1, a.count("stats.casesEnriched"), "those behind it are read")
				require.Equal(t, 2, a.count("stats.casesFailed"))
				require.Contains(t, fmt.Sprint(a.body), "PIMS API error: record_refused")
				require.Equal(t, 1, p.Logins().Accepted, "a refused record costs no login")
				require.LessOrEqual(t, p.Count(neosim.OpProviders), 3, "the kept session's proof, and one for each")

				p.ClearFaults()
				a = p.sync(t, "cases", "")
				require.Equal(t, 2, a.count("stats.casesEnriched"), "the next run reads it")
			})
		}
	}
}

func TestAnOrphanWhoseLookupLooksLikeADeadSessionIsKept(t *testing.T) { // R20, R22
	t.Parallel()
	w := newWorld(t)
	for _, expired := range []neosim.Expired{neosim.Expired401, neosim.ExpiredRedirect, neosim.ExpiredHTML} {
		t.Run("told by "+string(expired), func(t *testing.T) {
			t.Parallel()
			p := seeded(t, w, neosim.Options{Expired: expired})
			past := p.visitsBefore(p.Today())
			require.NoError(t, p.Delete(past[0]))
			require.NoError(t, p.Delete(past[5]))
			p.Fail(neosim.Fault{Op: neosim.OpAppointment, Kind: neosim.FaultLoggedOut, Count: neosim.Forever, Match: about(past[0])})
			a := p.sync(t, "reconcile", "")
			require.Equal(t, 200, a.status, a.body)
			require.Equal(t, 1, a.count("stats.casesDeleted"), a.body)
			require.Equal(t, 1, a.count("warnings.refusedLookups"), a.body)
			require.Equal(t, 1, p.Logins().Accepted)
			rows := p.rows(t)
			require.NotEqual(t, "reviewed", rows[past[0]].Status, "it cannot be confirmed, so it is kept")
			require.Equal(t, "reviewed", rows[past[5]].Status)

			p.ClearFaults()
			require.Equal(t, 1, p.sync(t, "reconcile", "").count("stats.casesDeleted"))
		})
	}
}

func TestAnOrphanWhoseLookupIsUnusableIsKept(t *testing.T) { // R20, R22
	t.Parallel()
	w := newWorld(t)
	for name, fault := range map[string]neosim.Fault{
		"500":               {Kind: neosim.FaultStatus},
		"403":               {Kind: neosim.FaultStatus, Code: http.StatusForbidden},
		"{}":                {Kind: neosim.FaultBody, Body: "{}"},
		"null":              {Kind: neosim.FaultBody},
		"an error in a 200": {Kind: neosim.FaultBody, Body: `{"success":false}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := seeded(t, w, neosim.Options{})
			past := p.visitsBefore(p.Today())
			require.NoError(t, p.Delete(past[0]))
			require.NoError(t, p.Delete(past[5]))
			fault.Op, fault.Count, fault.Match = neosim.OpAppointment, neosim.Forever, about(past[0])
			p.Fail(fault)
			a := p.sync(t, "reconcile", "")
			require.Equal(t, 200, a.status, a.body)
			require.Equal(t, 1, a.count("stats.casesDeleted"), a.body)
			require.Equal(t, 1, a.count("warnings.unusableLookups"), a.body)
			rows := p.rows(t)
			require.NotEqual(t, "reviewed", rows[past[0]].Status, "it cannot be confirmed, so it is kept")
			require.Equal(t, "reviewed", rows[past[5]].Status)

			p.ClearFaults()
			require.Equal(t, 1, p.sync(t, "reconcile", "").count("stats.casesDeleted"))
		})
	}
}

// visitsBefore are the ids of the visits before a day.
func (p *practice) visitsBefore(day time.Time) []string {
	var ids []string
	for _, a := range p.Appointments(day.AddDate(0, 0, -30), day) {
		ids = append(ids, a.ID)
	}
	return ids
}
