package idexxneo

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimshttp"
)

// calendar answers with visits that overlap the days asked for, and remembers
// what was asked.
type calendar struct {
	mu     sync.Mutex
	asked  []string
	visits []visit
}

type visit struct {
	id         int
	start, end time.Time
}

func (c *calendar) answer(w http.ResponseWriter, r *http.Request) {
	start, end := r.URL.Query().Get("start"), r.URL.Query().Get("end")
	c.mu.Lock()
	c.asked = append(c.asked, start+" - "+end)
	c.mu.Unlock()
	from, _ := time.Parse(calendarLayout, start)
	until, _ := time.Parse(calendarLayout, end)
	type row struct {
		ID      int    `json:"id"`
		Patient string `json:"patientName"`
		Start   string `json:"start"`
		End     string `json:"end"`
	}
	rows := []row{}
	for _, v := range c.visits {
		if v.start.After(until) || v.end.Before(from) {
			continue
		}
		rows = append(rows, row{v.id, "Bella", v.start.Format(calendarLayout), v.end.Format(calendarLayout)})
	}
	if err := json.NewEncoder(w).Encode(rows); err != nil {
		panic(err)
	}
}

func TestTheCalendarIsAskedForInSlicesOfAWeek(t *testing.T) { // R5
	t.Parallel()
	c := &calendar{}
	_, err := dial(t, wire{calendarPath: c.answer}).Appointments(t.Context(), january(t, 3, 19))
	require.NoError(t, err)
	require.ElementsMatch(t, []string{
		"2026-01-03 00:00:00 - 2026-01-09 23:59:59",
		"2026-01-10 00:00:00 - 2026-01-16 23:59:59",
		"2026-01-17 00:00:00 - 2026-01-19 23:59:59",
	}, c.asked)
}

func TestASliceThatIsTooLongIsHalvedDownToADay(t *testing.T) { // R5
	t.Parallel()
	c := &calendar{}
	for i := range 140 {
		start := time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * 72 * time.Minute)
		c.visits = append(c.visits, visit{i + 1, start, start.Add(time.Hour)})
	}
	small := func(p *provider) { p.maxBytes = 3000 } // a day's twenty rows
	snapshot, err := dial(t, wire{calendarPath: c.answer}, small).Appointments(t.Context(), january(t, 1, 7))
	require.NoError(t, err)
	require.Equal(t, 140, snapshot.Found())
	require.Zero(t, snapshot.Duplicates)
	for i, a := range snapshot.Appointments {
		require.Equal(t, fmt.Sprint(i+1), a.ID, "in order")
	}
	require.Contains(t, c.asked, "2026-01-01 00:00:00 - 2026-01-01 23:59:59")

	smaller := func(p *provider) { p.maxBytes = 300 }
	_, err = dial(t, wire{calendarPath: c.answer}, smaller).Appointments(t.Context(), january(t, 1, 7))
	require.ErrorIs(t, err, pimshttp.ErrTooLarge)
	require.ErrorIs(t, err, pims.ErrSchemaDrift)
}

func TestOnlyASliceThatIsTooLongIsHalved(t *testing.T) { // R5
	t.Parallel()
	asked := 0
	answer := func(w http.ResponseWriter, r *http.Request) {
		asked++
		says(`{"message":"no list"}`)(w, r)
	}
	_, err := dial(t, wire{calendarPath: answer}).Appointments(t.Context(), january(t, 1, 7))
	require.ErrorIs(t, err, pims.ErrSchemaDrift)
	require.Equal(t, 1, asked)
}

func TestAStayOverSlicesIsOneVisitAndNoDuplicate(t *testing.T) {
	t.Parallel()
	day := func(n int) time.Time { return time.Date(2026, time.January, n, 12, 0, 0, 0, time.UTC) }
	c := &calendar{visits: []visit{{1, day(2), day(30)}, {2, day(7), day(8)}, {3, day(8), day(8)}}}
	snapshot, err := dial(t, wire{calendarPath: c.answer}).Appointments(t.Context(), january(t, 1, 31))
	require.NoError(t, err)
	require.Equal(t, 3, snapshot.Found())
	require.Zero(t, snapshot.Duplicates)
}

func TestAVisitThatMovesBetweenSlicesIsADuplicate(t *testing.T) { // R6
	t.Parallel()
	answer := func(w http.ResponseWriter, r *http.Request) {
		start := r.URL.Query().Get("start") // it always is on the first day that is asked for
		says(fmt.Sprintf(`[{"id":1,"patient_name":"Bella","start":%q}]`, start))(w, r)
	}
	snapshot, err := dial(t, wire{calendarPath: answer}).Appointments(t.Context(), january(t, 1, 14))
	require.NoError(t, err)
	require.Equal(t, 1, snapshot.Found())
	require.Equal(t, 1, snapshot.Duplicates)
}

func TestOfRowsOfTwoSlicesWithOneIDTheFirstStartCounts(t *testing.T) { // R6
	t.Parallel()
	answer := func(w http.ResponseWriter, r *http.Request) {
		row := `[{"id":1,"patient_name":"Bella","start":"2026-01-03 09:00"}]`
		if strings.HasPrefix(r.URL.Query().Get("start"), "2026-01-08") {
			row = `[{"id":1,"patient_name":"Bella","start":"2026-01-02 09:00","end":"2026-01-09 09:00"}]`
		}
		says(row)(w, r)
	}
	snapshot, err := dial(t, wire{calendarPath: answer}).Appointments(t.Context(), january(t, 1, 14))
	require.NoError(t, err)
	require.Len(t, snapshot.Appointments, 1)
	require.Equal(t, "2026-01-02T09:00:00", snapshot.Appointments[0].StartText)
}
