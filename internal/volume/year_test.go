package volume_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/volume"
)

// A practice is a simulated one: how many visits a day it has, and when it syncs.
type practice struct {
	rng      *rand.Rand
	perDay   float64 // on a usual weekday, at the beginning
	growth   float64 // in a year
	closed   map[string]bool
	hours    []float64 // of the day at which inbound runs
	bookings map[int][]float64
}

var firstDay = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func newPractice(seed uint64) *practice {
	rng := rand.New(rand.NewPCG(seed, 49))
	p := &practice{
		rng:      rng,
		perDay:   []float64{10, 20, 35, 60}[seed%4],
		growth:   []float64{0, 0.2, 0.6}[seed/4%3],
		closed:   make(map[string]bool),
		hours:    [][]float64{{6}, {6, 12, 18}, {7, 9, 11, 13, 15, 17}}[seed/12%3],
		bookings: make(map[int][]float64),
	}
	for _, day := range []string{"01-01", "01-19", "05-25", "07-03", "09-07", "11-26", "11-27", "12-24", "12-25", "12-31"} {
		p.closed[day] = true
	}
	if seed%3 == 0 { // it closes for a week in summer
		for day := range 7 {
			p.closed[time.Date(2026, 8, 10+day, 0, 0, 0, 0, time.UTC).Format("01-02")] = true
		}
	}
	return p
}

// mean is how many visits are expected on a day: more before the summer, fewer in winter,
// half of them on Saturdays, more on the day after a holiday, some when people are ill.
func (p *practice) mean(day int) float64 {
	date := firstDay.AddDate(0, 0, day)
	if p.closed[date.Format("01-02")] || date.Weekday() == time.Sunday {
		return 0
	}
	n := p.perDay * (1 + 0.2*math.Sin(2*math.Pi*float64(day-60)/365)) * (1 + p.growth*float64(day)/365)
	n *= []float64{0, 1.2, 1, 0.95, 1, 1.1, 0.5}[date.Weekday()]
	if p.closed[date.AddDate(0, 0, -1).Format("01-02")] {
		n *= 1.25
	}
	return n
}

// booked returns when each visit of a day was booked, as a day with a fraction: a quarter on
// the day itself, the others about five days before.
func (p *practice) booked(day int) []float64 {
	if list, known := p.bookings[day]; known {
		return list
	}
	mean := p.mean(day)
	if p.rng.IntN(50) == 0 { // a veterinarian is ill
		mean /= 2
	}
	list := make([]float64, poisson(p.rng, mean))
	for i := range list {
		list[i] = float64(day) + 0.25 + p.rng.Float64()*0.5
		if p.rng.IntN(4) > 0 {
			list[i] -= p.rng.ExpFloat64() * 5
		}
	}
	p.bookings[day] = list
	return list
}

func poisson(rng *rand.Rand, mean float64) int {
	if mean > 50 {
		return max(0, int(math.Round(mean+math.Sqrt(mean)*rng.NormFloat64())))
	}
	n, limit := 0, math.Exp(-mean)
	for product := rng.Float64(); product > limit; product *= rng.Float64() {
		n++
	}
	return n
}

// year returns the inbound runs of a year, in order: today and seven days ahead.
func (p *practice) year() (runs []volume.Run) {
	before := -1.0
	for day := range 365 {
		for _, hour := range p.hours {
			at := float64(day) + hour/24
			run := volume.Run{Type: syncs.TypeInbound, Began: firstDay.Add(time.Duration(at * 24 * float64(time.Hour))), Window: volume.Window{To: 7}}
			changes := 0.0
			for of := day; of <= day+7; of++ {
				entered := of == day+7 && hour == p.hours[0]
				for _, when := range p.booked(of) {
					switch {
					case when > at:
						continue
					case when > before || entered:
						run.Stats.CasesCreated++
					case of == day && hour > p.hours[0]:
						changes += 2.5 / float64(len(p.hours)-1) // arrived, in the room, left
					default:
						changes += 0.1 * (at - before) // moved, another reason, another room
					}
					run.Stats.AppointmentsFound++
				}
			}
			run.Stats.CasesUpdated = poisson(p.rng, changes)
			runs, before = append(runs, run), at
		}
	}
	return runs
}

// faults change one run as the fault does.
var faults = []struct {
	name string
	do   func(*syncs.Stats)
}{
	{"the vendor writes a field of all appointments in another form", func(s *syncs.Stats) { s.CasesUpdated = s.AppointmentsFound - s.CasesCreated }},
	{"fields of every second appointment are empty", func(s *syncs.Stats) { s.CasesUpdated += s.AppointmentsFound / 2 }},
	{"the appointments are imported a second time", func(s *syncs.Stats) { s.CasesCreated += s.AppointmentsFound; s.AppointmentsFound *= 2 }},
	{"the appointments get other ids", func(s *syncs.Stats) { s.CasesCreated = s.AppointmentsFound }},
	{"two thirds of the calendar are missing", func(s *syncs.Stats) { s.AppointmentsFound /= 3; s.CasesCreated /= 3 }},
}

// tell judges the run at a place of a year, after what was told.
func tell(runs []volume.Run, i int, told []volume.Unusual) (u volume.Unusual, news []volume.Finding) {
	u = volume.Unusual{Run: runs[i], Findings: volume.Judge(&runs[i], runs[max(0, i-400):i], time.UTC)}
	news = u.News(told)
	return u, news
}

// years is how many simulated years of clinics the test has; VOLUME_YEARS asks for more.
func years(t *testing.T) int {
	t.Helper()
	text, set := os.LookupEnv("VOLUME_YEARS")
	if !set {
		return 24
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err)
	return n
}

// A tally counts what a test saw.
type tally struct {
	years, calls int
	counts       map[string]int
	tried, told  map[string]int // by fault
}

// live judges each run of a year as it comes, and returns the unusual ones.
func (y *tally) live(runs []volume.Run) (told []volume.Unusual) {
	y.years++
	for i := range runs {
		u, news := tell(runs, i, told)
		if len(u.Findings) > 0 {
			told = append(told, u)
		}
		if len(news) > 0 {
			y.calls++
		}
		for _, f := range news {
			y.counts[fmt.Sprintf("%s low=%t", f.Count, f.Low)]++
		}
	}
	return told
}

// damage lets each fault happen to some runs, after the first weeks of the year.
func (y *tally) damage(rng *rand.Rand, runs []volume.Run, told []volume.Unusual) {
	for _, fault := range faults {
		for range 5 {
			i := len(runs)/5 + rng.IntN(len(runs)*4/5)
			was := runs[i].Stats
			fault.do(&runs[i].Stats)
			before := slices.DeleteFunc(slices.Clone(told), func(u volume.Unusual) bool { return !u.Began.Before(runs[i].Began) })
			y.tried[fault.name]++
			if _, news := tell(runs, i, before); len(news) > 0 {
				y.told[fault.name]++
			}
			runs[i].Stats = was
		}
	}
}

func (y *tally) share(fault string) float64 { return float64(y.told[fault]) / float64(y.tried[fault]) }

func TestAYearOfSimulatedClinicsHasFewFalseCallsAndTellsTheFaults(t *testing.T) { // R49
	t.Parallel()
	sizes := make(map[float64]*tally)
	for seed := range years(t) {
		p := newPractice(uint64(seed))
		y, known := sizes[p.perDay]
		if !known {
			y = &tally{counts: make(map[string]int), tried: make(map[string]int), told: make(map[string]int)}
			sizes[p.perDay] = y
		}
		runs := p.year()
		y.damage(p.rng, runs, y.live(runs))
	}
	for size, y := range sizes {
		t.Logf("%.0f visits a day, %d years: %.2f false calls a year, %v", size, y.years, float64(y.calls)/float64(y.years), y.counts)
		require.LessOrEqual(t, y.calls, 2*y.years)
		for _, fault := range faults {
			t.Logf("    %5.1f %% of %d told: %s", 100*y.share(fault.name), y.tried[fault.name], fault.name)
		}
		require.Greater(t, y.share(faults[2].name), 0.85)
		require.Greater(t, y.share(faults[3].name), 0.85)
		require.Greater(t, y.share(faults[0].name), 0.6)
		require.Greater(t, y.share(faults[1].name), 0.4)
		if size >= 20 {
			require.Greater(t, y.share(faults[0].name), 0.7)
		}
	}
}
