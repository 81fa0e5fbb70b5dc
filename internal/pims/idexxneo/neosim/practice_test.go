package neosim_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
)

func TestTheSameSeedAndDateGiveTheSameCalendarByteForByte(t *testing.T) {
	t.Parallel()
	read := func(seed uint64, now time.Time) string {
		_, b := loggedIn(t, neosim.Options{Seed: seed, Now: fixed(now)})
		_, calendar := b.get(calendarPath(noon.AddDate(0, 0, -30), noon.AddDate(0, 0, 30)))
		_, search := b.get(searchPath(noon.AddDate(0, 0, -7), noon, 1, "consultedAt:desc"))
		return calendar + search
	}
	first := read(7, noon)
	require.Equal(t, first, read(7, noon))
	require.Equal(t, first, read(7, noon.Add(9*time.Hour)), "at any hour of the day")
	require.NotEqual(t, first, read(8, noon))
	require.NotEqual(t, first, read(7, noon.AddDate(0, 0, 1)))
}

// around are all appointments of the thirty days before and after noon.
func around(sim *neosim.Sim) []neosim.Appointment {
	return sim.Appointments(noon.AddDate(0, 0, -30), noon.AddDate(0, 0, 31))
}

func TestAVisitKeepsItsIdAndTimeWhileTheDaysPass(t *testing.T) {
	t.Parallel()
	now := noon
	sim := neosim.New(neosim.Options{Seed: 7, Now: func() time.Time { return now }})
	before := map[string]neosim.Appointment{}
	for _, a := range around(sim) {
		before[a.ID] = a
	}
	now = now.AddDate(0, 0, 10)
	advanced := 0
	for _, a := range around(sim) {
		was := before[a.ID]
		require.Equal(t, []any{was.Start, was.End, was.Patient, was.Phone, was.Type}, []any{a.Start, a.End, a.Patient, a.Phone, a.Type})
		if was.Status != a.Status {
			advanced++
		}
	}
	require.Greater(t, advanced, 100)
}

func TestTheCalendarMovesWithTheClock(t *testing.T) {
	t.Parallel()
	now := noon
	sim := neosim.New(neosim.Options{Now: func() time.Time { return now }, DaysBack: 3, DaysAhead: 2})
	days := func() (first, last time.Time) {
		rows := sim.Appointments(now.AddDate(0, 0, -60), now.AddDate(0, 0, 60))
		return rows[0].Start.Truncate(24 * time.Hour), rows[len(rows)-1].Start.Truncate(24 * time.Hour)
	}
	for range 3 {
		first, last := days()
		today := now.Truncate(24 * time.Hour)
		require.Equal(t, today.AddDate(0, 0, -3), first)
		require.Equal(t, today.AddDate(0, 0, 2), last)
		now = now.AddDate(0, 0, 1)
	}
}

func TestTodayIsThePracticesDay(t *testing.T) {
	t.Parallel()
	auckland, err := time.LoadLocation("Pacific/Auckland")
	require.NoError(t, err)
	sim := neosim.New(neosim.Options{Now: fixed(noon), Location: auckland})
	require.Equal(t, "2026-01-22", sim.Today().Format(time.DateOnly))
}

func plain(word string) string {
	return strings.NewReplacer("_", " ", "-", " ").Replace(strings.ToLower(word))
}

// spelling is the pattern of a status word: No Show is A A, no-show is a-a.
func spelling(word string) string {
	pattern := regexp.MustCompile(`[a-z]+`).ReplaceAllString(word, "a")
	return regexp.MustCompile(`[A-Z]+a?`).ReplaceAllString(pattern, "A")
}

func TestEveryStatusWordAndTypeWordOccursWithinThirtyDays(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		sim := neosim.New(neosim.Options{Seed: seed, Now: fixed(noon)})
		words := map[string]int{}
		spellings := map[string]bool{}
		for _, a := range around(sim) {
			switch {
			case a.Block:
				words["(block)"]++
			case a.Roster:
				words["(roster)"]++
			default:
				words[a.Type]++
				words[plain(a.Status)]++
				spellings[spelling(a.Status)] = true
			}
		}
		for _, word := range []string{
			"(block)", "(roster)",
			"Exam", "Checkup", "Wellness", "Well Visit", "Vaccination", "Vaccine", "Surgery", "Procedure", "Dental", "Emergency",
			"Urgent", "Follow-up", "Recheck", "Diagnostic", "Consultation", "Grooming",
			"scheduled", "confirmed", "checked in", "in progress", "ready to pay", "finalized", "completed", "discharged",
			"cancelled", "canceled", "no show",
		} {
			require.NotZero(t, words[word], "seed %d: %s", seed, word)
		}
		for _, want := range []string{"A A", "A_A", "a-a", "a_a", "a a"} {
			require.True(t, spellings[want], "seed %d: %s", seed, want)
		}
	}
}

func TestThePracticeIsMessyAsPracticesAre(t *testing.T) {
	t.Parallel()
	sim := neosim.New(neosim.Options{Seed: 7, Now: fixed(noon)})
	seen := map[string]int{}
	patients := map[string]map[string]bool{}
	note := func(what string, holds bool) {
		if holds {
			seen[what]++
		}
	}
	for _, a := range around(sim) {
		if a.Block || a.Roster {
			continue
		}
		if patients[a.Patient] == nil {
			patients[a.Patient] = map[string]bool{}
		}
		patients[a.Patient][a.PatientID] = true
		note("no phone", a.Phone == "")
		note("no e-mail", a.Email == "")
		note("no first name", a.FirstName == "")
		note("no provider", a.Provider == "")
		note("no reason", a.Reason == "")
		note("long reason", len(a.Reason) > 400)
		note("spaces around a name", a.Patient != strings.TrimSpace(a.Patient))
		note("accents", strings.ContainsAny(a.Patient+a.LastName, "éöüØÅñ"))
		note("emoji", strings.Contains(a.Patient, "🐾"))
		note("from right to left", strings.Contains(a.Patient+a.LastName, "ش") || strings.Contains(a.LastName, "حداد"))
		note("apostrophe", a.LastName == "O'Brien")
		note("over night", a.End.YearDay() != a.Start.YearDay() && a.Start.Hour() < 20)
		note("after midnight", a.End.YearDay() != a.Start.YearDay() && a.Start.Hour() == 23)
		note("stale label", a.StatusLabel == "Scheduled" && plain(a.Status) == "completed")
		note("label only", a.Status == "" && a.StatusLabel != "")
		note("where clocks change", a.Start.Hour() == 2)
		c, recorded := sim.ConsultationOf(a.ID)
		note("recorded", recorded)
		note("recorded, not linked", recorded && a.ConsultationID == "")
		note("done, not recorded", !recorded && plain(a.Status) == "completed")
		note("record open", c.Status == "in_progress")
		note("record cancelled", c.Status == "cancelled")
		note("HTML", strings.HasPrefix(c.Notes, "<p>"))
		note("entities", strings.Contains(c.Notes, "&nbsp;"))
		note("one line", strings.HasPrefix(c.Notes, "S: ") && strings.Contains(c.Notes, ". P: "))
		note("full words", strings.HasPrefix(c.Notes, "Subjective:\n"))
		note("any case", strings.Contains(c.Notes, "pLAN:"))
		note("sections missing", strings.Contains(c.Notes, "P: ") && !strings.Contains(c.Notes, "O: "))
		note("section repeated", strings.Count(c.Notes, "S: ") == 2)
		note("no section", c.Notes != "" && !strings.Contains(c.Notes, ":"))
		note("text before a section", strings.HasPrefix(c.Notes, "Phone consult"))
		note("Fahrenheit", c.Vitals.TemperatureUnit == "F")
		note("Celsius", c.Vitals.TemperatureUnit == "C")
		note("pounds", c.Vitals.WeightUnit == "lb")
		note("kilograms", c.Vitals.WeightUnit == "kg")
		weight, _ := c.Vitals.Weight.(string)
		note("decimal comma", strings.Contains(weight, ","))
		note("no number", c.Vitals.Respiration == "panting")
		note("diagnoses as objects", c.DiagnosesAsObjects)
		note("several diagnoses", len(c.Diagnoses) > 1)
		note("discharge", c.Discharge != "")
		note("more notes", c.MoreNotes != "")
		note("declined product", len(c.Lines) > 0 && c.Lines[0].Declined)
	}
	for _, what := range []string{
		"no phone", "no e-mail", "no first name", "no provider", "no reason", "long reason", "spaces around a name", "accents", "emoji",
		"from right to left", "apostrophe", "over night", "after midnight", "stale label", "label only", "where clocks change",
		"recorded", "recorded, not linked", "done, not recorded", "record open", "record cancelled", "HTML", "entities", "one line", "full words",
		"any case", "sections missing", "section repeated", "no section", "text before a section", "Fahrenheit", "Celsius",
		"pounds", "kilograms", "decimal comma", "no number", "diagnoses as objects", "several diagnoses", "discharge",
		"more notes", "declined product",
	} {
		require.NotZero(t, seen[what], what)
	}
	shared := 0
	for _, ids := range patients {
		if len(ids) > 1 {
			shared++
		}
	}
	require.Greater(t, shared, 10, "names that several animals have")
}

func TestNoDayIsEmptyAndTheSizeIsAsAsked(t *testing.T) {
	t.Parallel()
	for _, perDay := range []int{1, 18, 200} {
		sim := neosim.New(neosim.Options{Seed: 3, Now: fixed(noon), PerDay: perDay})
		for day := -30; day <= 30; day++ {
			date := noon.AddDate(0, 0, day).Truncate(24 * time.Hour)
			visits := 0
			for _, a := range sim.Appointments(date, date.AddDate(0, 0, 1)) {
				if !a.Block && !a.Roster && !a.Start.Before(date) {
					visits++
				}
			}
			require.GreaterOrEqual(t, visits, 3, date)
			if perDay > 1 && date.Weekday() != time.Saturday && date.Weekday() != time.Sunday {
				require.InEpsilon(t, perDay, visits, 0.2, date)
			}
		}
	}
}

func TestTheCalendarOfOneDayIsTheSameOnEveryDate(t *testing.T) { // R59
	t.Parallel()
	day := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	fortnight := func(sim *neosim.Sim) []neosim.Appointment {
		return sim.Appointments(sim.Today().AddDate(0, 0, -7), sim.Today().AddDate(0, 0, 8))
	}
	want := fortnight(neosim.New(neosim.Options{Seed: 5, Now: fixed(day.Add(12 * time.Hour))}))
	require.NotEmpty(t, want)
	for _, days := range []int{-1000, -1, 0, 1, 2, 5, 97, 462} {
		sim := neosim.New(neosim.Options{Seed: 5, Now: fixed(day.AddDate(0, 0, days).Add(9 * time.Hour)), Day: day})
		got := fortnight(sim)
		require.Len(t, got, len(want))
		for i, a := range got {
			kept, ok := sim.Appointment(a.ID)
			require.True(t, ok)
			require.Equal(t, a, kept, "the id finds it")
			a.Start, a.End = a.Start.AddDate(0, 0, -days), a.End.AddDate(0, 0, -days)
			require.Equal(t, want[i], a)
		}
	}
}

func TestThePracticeOfOneDayGoesOnWithTheDates(t *testing.T) {
	t.Parallel()
	now := noon
	sim := neosim.New(neosim.Options{Seed: 5, Now: func() time.Time { return now }, Day: noon.AddDate(0, 0, 40)})
	tomorrow := sim.Appointments(sim.Today().AddDate(0, 0, 1), sim.Today().AddDate(0, 0, 2))
	now = noon.AddDate(0, 0, 1)
	today := sim.Appointments(sim.Today(), sim.Today().AddDate(0, 0, 1))
	require.NotEmpty(t, today)
	for i, a := range today {
		require.Equal(t, tomorrow[i].ID, a.ID)
		require.Equal(t, tomorrow[i].Start, a.Start)
	}
}

func TestStatusesFollowTheTimeOfDayAtWhichThePracticeStands(t *testing.T) {
	t.Parallel()
	for _, hour := range []time.Duration{time.Nanosecond, 8 * time.Hour, 0, 17 * time.Hour, 23 * time.Hour} {
		stand := hour
		if hour == 0 {
			stand = 12 * time.Hour // the default
		}
		sim := neosim.New(neosim.Options{Seed: 5, Now: fixed(noon.Add(-7 * time.Hour)), StandsAt: hour})
		requirePlausible(t, sim, sim.Today().Add(stand))
	}
	sim := neosim.New(neosim.Options{Seed: 5, Now: fixed(noon.Add(3 * time.Hour)), StandsAt: neosim.AsNow})
	requirePlausible(t, sim, noon.Add(3*time.Hour))
}

func requirePlausible(t *testing.T, sim *neosim.Sim, stand time.Time) {
	t.Helper()
	for _, a := range around(sim) {
		if a.Block || a.Roster {
			continue
		}
		word := a.Status
		if word == "" {
			word = a.StatusLabel
		}
		switch plain(word) {
		case "completed", "finalized", "discharged", "ready to pay", "no show":
			require.False(t, a.End.After(stand), "%s ends at %s, it is %s", word, a.End, stand)
		case "in progress":
			require.False(t, a.Start.After(stand))
		case "scheduled", "checked in":
			require.True(t, a.Start.After(stand), "%s at %s, it is %s", word, a.Start, stand)
		}
		if c, ok := sim.ConsultationOf(a.ID); ok {
			require.False(t, c.At.Before(a.Start))
			require.True(t, c.At.Before(a.End))
		}
	}
}

func TestEveryGeneratedRowIsFoundByItsId(t *testing.T) {
	t.Parallel()
	sim, b := loggedIn(t, neosim.Options{Seed: 12, Now: fixed(noon)})
	rows := around(sim)
	for _, a := range rows {
		found, ok := sim.Appointment(a.ID)
		require.True(t, ok)
		require.Equal(t, a, found)
		if c, recorded := sim.ConsultationOf(a.ID); recorded {
			again, ok := sim.Consultation(c.ID)
			require.True(t, ok)
			require.Equal(t, c, again)
		}
	}
	status, _ := b.get("/appointments/getAppointment?id=" + rows[40].ID)
	require.Equal(t, http.StatusOK, status)
	for _, id := range []string{"", "0", "-5", "x", "0" + rows[0].ID, rows[0].ID + "0", "2047400800007", "99999999999999999999"} {
		status, _ := b.get("/appointments/getAppointment?id=" + url.QueryEscape(id))
		require.Equal(t, http.StatusNotFound, status, id)
	}
}

func TestPracticesOfDifferentSeedsShareNoId(t *testing.T) {
	t.Parallel()
	ids := map[string]bool{}
	for seed := range uint64(5) {
		sim := neosim.New(neosim.Options{Seed: seed, Now: fixed(noon)})
		for _, a := range around(sim) {
			require.False(t, ids[a.ID])
			ids[a.ID] = true
		}
	}
}

// discard is a client that takes the answer in pieces and remembers how much memory was in use meanwhile.
type discard struct {
	header       http.Header
	size, writes int
	largest      int
	heap         uint64
}

func (d *discard) Header() http.Header { return d.header }
func (d *discard) WriteHeader(int)     {}
func (d *discard) Write(p []byte) (int, error) {
	d.size += len(p)
	d.largest = max(d.largest, len(p))
	if d.writes++; d.writes%200 == 0 {
		d.heap = max(d.heap, heapInUse())
	}
	return len(p), nil
}

func heapInUse() uint64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// Not parallel: it looks at the heap of the whole process.
func TestAHundredThousandAppointmentsAreServedInBoundedMemory(t *testing.T) { //nolint:paralleltest // see above
	sim := neosim.New(neosim.Options{Seed: 1, Now: fixed(noon), PerDay: 20_000})
	request := httptest.NewRequest(http.MethodGet, calendarPath(noon.AddDate(0, 0, -2), noon.AddDate(0, 0, 4)), nil)
	request.Header = apiHeaders(t, sim)
	runtime.GC()
	before := heapInUse()
	answer := &discard{header: http.Header{}}
	sim.ServeHTTP(answer, request)

	require.Greater(t, len(sim.Appointments(noon.AddDate(0, 0, -2), noon.AddDate(0, 0, 4))), 90_000)
	require.Greater(t, answer.size, 40<<20)
	require.LessOrEqual(t, answer.largest, 32<<10, "written in pieces")
	require.Less(t, answer.heap, before+16<<20, "while the answer has %d MiB", answer.size>>20)
}
