// Package volume finds runs whose counts are far from the clinic's usual ones (R49). Causes
// are, for example, a changed format or double bookings.
//
// A run is compared with the runs of the same clinic, type, weekday and window on earlier
// days of the past eight weeks. Each of these days gives one sample for each count: its
// largest value for the question whether the run's is too large, its smallest for the
// question whether it is too small. So it makes no difference how often a clinic syncs. The
// median of the samples is what is usual, and the median absolute deviation (MAD) says by
// how much it varies; neither is moved by a single holiday.
//
// A busy day has more of everything, but a fault changes a larger share of what was found.
// So shares are compared too.
//
// Nothing is stopped by a finding. The package knows no database.
package volume

import (
	"math"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

const (
	// Lookback is how far back samples are taken from.
	Lookback = 8 * 7 * 24 * time.Hour

	minSamples = 4 // fewer say nothing

	// A count is unusual where its distance from the median is larger than each of these:
	// spread standard deviations, which the MAD gives; spread times the square root of the
	// median, because few samples may lie together by chance, and a number of rows varies by
	// its root at least; a share of the median; and a number of rows.
	spread    = 5
	madToSdev = 1.4826
	shareHigh = 0.45
	shareLow  = 0.55 // days without visits lie together at the end of a year

	// A busy day has more of everything; a fault changes a larger part of what was found. So a
	// smaller distance is unusual, too, where the count is at least half of the whole, and its
	// part is so many times the largest part of any sample.
	spreadOfPart = 2
	floorOfPart  = 6 // rows
	largePart    = 0.5
	timesOfPart  = 1.8
	timesOfBusy  = 1.4 // see rule.busy
)

// A rule says how one count of a type of sync is judged.
type rule struct {
	count string // its name in syncs.Stats.Counts
	of    func(*syncs.Stats) int
	floor int  // rows: a smaller distance is never unusual
	low   bool // too few are told, too
	quiet time.Duration

	// whole is what the count is a part of; nil: it is no part. busy means that the count grows on
	// a busy day: a large one is unusual only where its part of the whole is so, too.
	whole func(*syncs.Stats) int
	busy  bool
}

// How long the same finding of a clinic is not told again. A level stays for as long as its
// cause, such as a practice that is closed for two weeks. A number of changes is over with
// the run.
const (
	quietLevel  = 7 * 24 * time.Hour
	quietChange = 20 * time.Hour
)

// rules are the counts of each type of sync that are judged.
var rules = map[syncs.Type][]rule{
	syncs.TypeInbound: {
		{count: "appointmentsFound", of: func(s *syncs.Stats) int { return s.AppointmentsFound }, floor: 12, low: true, quiet: quietLevel},
		{count: "casesCreated", of: func(s *syncs.Stats) int { return s.CasesCreated }, floor: 12, quiet: quietChange, whole: func(s *syncs.Stats) int { return s.AppointmentsFound }},
		{count: "casesUpdated", of: func(s *syncs.Stats) int { return s.CasesUpdated }, floor: 12, quiet: quietChange, whole: func(s *syncs.Stats) int { return s.AppointmentsFound - s.CasesCreated }, busy: true},
	},
	syncs.TypeCases: {
		{count: "casesEnriched", of: func(s *syncs.Stats) int { return s.CasesEnriched }, floor: 12, quiet: quietChange},
		{count: "casesFailed", of: func(s *syncs.Stats) int { return s.CasesFailed }, floor: 10, quiet: quietChange},
	},
	syncs.TypeReconciliation: {
		{count: "casesDeleted", of: func(s *syncs.Stats) int { return s.CasesDeleted }, floor: 10, quiet: quietChange},
	},
}

// Types lists the types of sync that are judged, in the order of a full sync.
func Types() []syncs.Type {
	return []syncs.Type{syncs.TypeInbound, syncs.TypeCases, syncs.TypeReconciliation}
}

// A Window is the days that a run worked on, counted from the day on which it began.
type Window struct{ From, To int }

// A Run is a phase that completed.
type Run struct {
	ClinicID uuid.UUID
	SyncID   uuid.UUID // of the phase's own audit
	Type     syncs.Type
	Began    time.Time
	Window   Window
	Stats    syncs.Stats
}

// A Finding is a count of a run that is unusual.
type Finding struct {
	Count string // appointmentsFound, …
	Value int
	Usual int // the median
	Low   bool
}

// Judge returns which counts of a run are unusual. Of earlier it takes what compares with
// the run; loc is the clinic's zone.
func Judge(run *Run, earlier []Run, loc *time.Location) (findings []Finding) {
	days := alike(run, earlier, loc)
	if len(days) < minSamples {
		return nil
	}
	for _, r := range rules[run.Type] {
		value := r.of(&run.Stats)
		var largest, smallest []int
		for _, day := range days {
			high, low := r.of(&day[0].Stats), r.of(&day[0].Stats)
			for _, x := range day {
				high, low = max(high, r.of(&x.Stats)), min(low, r.of(&x.Stats))
			}
			largest, smallest = append(largest, high), append(smallest, low)
		}
		if high := usually(largest); r.high(high, value, r.partOf(run, days)) {
			findings = append(findings, Finding{Count: r.count, Value: value, Usual: high.rounded()})
		}
		if low := usually(smallest); r.low && low.middle-float64(value) > low.limit(spread, shareLow, r.floor) {
			findings = append(findings, Finding{Count: r.count, Value: value, Usual: low.rounded(), Low: true})
		}
	}
	return findings
}

// alike groups by day the earlier runs of the same type, weekday and window.
func alike(run *Run, earlier []Run, loc *time.Location) map[pims.Date][]*Run {
	days := make(map[pims.Date][]*Run)
	began := run.Began.In(loc)
	today := pims.DateOf(began, loc)
	for i := range earlier {
		x := &earlier[i]
		at := x.Began.In(loc)
		if x.Type != run.Type || x.Window != run.Window || at.Weekday() != began.Weekday() || began.Sub(at) > Lookback+12*time.Hour || at.After(began) {
			continue
		}
		if day := pims.DateOf(at, loc); day != today {
			days[day] = append(days[day], x)
		}
	}
	return days
}

// high reports whether a value is unusually large.
func (r *rule) high(u usual, value int, p part) bool {
	distance := float64(value) - u.middle
	if distance > u.limit(spread, shareHigh, r.floor) && (!r.busy || p.times > timesOfBusy) {
		return true
	}
	return u.middle > 0 && distance > u.limit(spreadOfPart, shareHigh, floorOfPart) && p.mine >= largePart && p.times > timesOfPart
}

// A part says how large a count's part of the whole is, and how many times that of any sample.
type part struct{ mine, times float64 }

func (r *rule) partOf(run *Run, days map[pims.Date][]*Run) part {
	if r.whole == nil {
		return part{}
	}
	of := func(s *syncs.Stats) float64 { return float64(r.of(s)) / float64(max(1, r.whole(s))) }
	most := 1 / float64(max(1, r.whole(&run.Stats))) // one row: no part is smaller
	for _, day := range days {
		for _, x := range day {
			most = max(most, of(&x.Stats))
		}
	}
	mine := of(&run.Stats)
	return part{mine, mine / most}
}

// A usual is what samples say is usual.
type usual struct{ middle, mad float64 }

func usually(samples []int) usual {
	u := usual{middle: median(samples)}
	var distances []int
	for _, s := range samples {
		distances = append(distances, int(math.Abs(float64(s)-u.middle)*2)) // doubled: a median of integers may end in a half
	}
	u.mad = median(distances) / 2
	return u
}

// limit returns how far from the middle a value may be.
func (u usual) limit(spread, share float64, floor int) float64 {
	return max(spread*madToSdev*u.mad, spread*math.Sqrt(u.middle), share*u.middle, float64(floor))
}

func (u usual) rounded() int { return int(math.Round(u.middle)) }

func median(values []int) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return float64(sorted[(n-1)/2]+sorted[n/2]) / 2
}

// An Unusual is a run with findings.
type Unusual struct {
	Run

	Findings []Finding
	Field    string // the field that most of the changed cases changed in; empty: there is none
}

// News returns the findings that are told: those that were not told of the same clinic a
// short while before. told are earlier unusual runs of the clinic.
func (u *Unusual) News(told []Unusual) (news []Finding) {
	for _, f := range u.Findings {
		if !slices.ContainsFunc(told, func(t Unusual) bool { return u.saidBy(&t, f) }) {
			news = append(news, f)
		}
	}
	return news
}

// saidBy reports whether an earlier run has told a finding.
func (u *Unusual) saidBy(t *Unusual, f Finding) bool {
	if t.Type != u.Type || t.Began.Before(u.Began.Add(-quietOf(u.Type, f.Count))) || !t.Began.Before(u.Began) {
		return false
	}
	return slices.ContainsFunc(t.Findings, func(x Finding) bool { return x.Count == f.Count && x.Low == f.Low })
}

func quietOf(t syncs.Type, count string) time.Duration {
	for _, r := range rules[t] {
		if r.count == count {
			return r.quiet
		}
	}
	return 0
}

// MostlyOf returns the field in which more than half of the changed cases changed, the most
// frequent one, and false where there is none. fields says in how many cases each changed.
func MostlyOf(fields map[string]int, changed int) (name string, found bool) {
	most := changed / 2
	for field, n := range fields {
		if n > most || n == most && found && field < name {
			name, most, found = field, n, true
		}
	}
	return name, found
}
