package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims/idexxneo"
	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
)

// The figures of docs/operations.md §Late corrections: a practice with 18 visits a day.
func TestTheLookForLateCorrectionsCostsOneSearchOfTheOlderDays(t *testing.T) { // R19
	t.Parallel()
	w := newWorld(t)
	p := w.practice(t, neosim.Options{Seed: 7})
	back := p.Today().AddDate(0, 0, -40)
	require.Equal(t, 200, p.sync(t, "inbound", `{"startDate": "`+back.Format(time.DateOnly)+`", "daysAhead": 40}`).status)
	require.Equal(t, 200, p.sync(t, "cases", `{"startDate": "`+back.Format(time.DateOnly)+`"}`).status)

	cost := func() (searches, views int) {
		p.ResetRequests()
		a := p.sync(t, "cases", "")
		require.Equal(t, 200, a.status, a.body)
		return p.Count(neosim.OpSearch), p.Count(neosim.OpView)
	}
	first, viewed := cost()
	second, viewedAgain := cost()
	t.Logf("requests of a cases run: %d searches and %d views with the look, %d and %d without", first, viewed, second, viewedAgain)
	require.Equal(t, viewedAgain, viewed, "what does not differ is not viewed")
	require.Greater(t, first, second)
	require.LessOrEqual(t, first-second, 40, "18 visits a day, 38 days, 20 entries a page")

	late := p.consultationBefore(t, p.Today().AddDate(0, 0, -20))
	require.NoError(t, p.EditNotes(late, "S: corrected late"))
	_, err := w.store.Pool().Exec(t.Context(), `update pims_sync_looks set looked_on = looked_on - 1 where clinic_id = $1 and provider = $2`, p.id, idexxneo.Name)
	require.NoError(t, err)
	_, corrected := cost()
	require.Equal(t, viewed+1, corrected)
}

// consultationBefore is the id of a finished consultation before a day.
func (p *practice) consultationBefore(t *testing.T, day time.Time) string {
	t.Helper()
	for _, a := range p.Appointments(day.AddDate(0, 0, -7), day) {
		if c, ok := p.ConsultationOf(a.ID); ok && c.Status == "completed" {
			return c.ID
		}
	}
	t.Fatal("no consultation is finished")
	return ""
}
