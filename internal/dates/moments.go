package main

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"slices"
	"time"
)

// The two years begin here, and hold a leap day.
var firstDay = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)

const (
	daysOfTheProof    = 731
	momentsOfTheProof = 60
)

// theZones are what TZ is: with and without clock changes, by an hour and by half of
// one, on both halves of the globe, behind and ahead of UTC, up to the date line.
var theZones = []string{"America/New_York", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Kiritimati"}

// theHours are wall-clock times in the zone: after midnight, where clocks change, at
// noon, and before midnight.
var theHours = []time.Duration{10 * time.Minute, 2*time.Hour + 30*time.Minute, 12 * time.Hour, 23*time.Hour + 50*time.Minute}

// A moment is when and in which zone a test process begins.
type moment struct {
	at   time.Time
	zone string
}

func (m moment) String() string {
	return fmt.Sprintf("%s in %s", m.at.Format("Mon 2006-01-02 15:04 -0700"), m.zone)
}

func momentOn(day time.Time, hour time.Duration, zone string) moment {
	loc, err := time.LoadLocation(zone)
	if err != nil {
		panic(err) // the zones above are in every tzdata
	}
	at := time.Date(day.Year(), day.Month(), day.Day(), 0, int(hour/time.Minute), 0, 0, loc)
	return moment{at, zone}
}

// everySeries are the moments of a number of the two years' days: for each hour in
// each zone a series of the days. None where there are no days.
func everySeries(days int) [][]moment {
	if days == 0 {
		return nil
	}
	var all [][]moment
	for i := range len(theHours) * len(theZones) { // each zone with another hour first
		zone := i % len(theZones)
		hour := theHours[(i/len(theZones)+zone)%len(theHours)]
		var series []moment
		for _, day := range spread(allDays(), days) {
			series = append(series, momentOn(day, hour, theZones[zone]))
		}
		all = append(all, series)
	}
	return all
}

func allDays() []time.Time {
	days := make([]time.Time, daysOfTheProof)
	for i := range days {
		days[i] = firstDay.AddDate(0, 0, i)
	}
	return days
}

// chosenMoments are 60 moments that differ from an ordinary one: the leap day, the days
// on which the clocks of a zone change, ends and beginnings of years and months, each
// weekday, and the days around a change. Hour and zone go round. A third of
// those without a change is shortly before the end of a day in UTC, the zone of databases
// and of many a test's clinic.
func chosenMoments() []moment {
	var days []time.Time
	var own []string // "" or the zone whose clocks change on the day
	add := func(zone string, more ...time.Time) {
		for _, day := range more {
			days, own = append(days, day), append(own, zone)
		}
	}
	date := func(year int, month time.Month, day int) time.Time {
		return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	}
	add("", date(2028, 2, 29))
	zones := []string{"America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "America/Santiago"}
	for _, zone := range zones {
		add(zone, changesOf(zone, 2028)...)
	}
	add("", date(2027, 12, 31), date(2028, 1, 1), date(2028, 2, 28), date(2028, 3, 1), date(2027, 2, 28), date(2027, 3, 1))
	for month := time.January; month <= time.December; month++ {
		add("", date(2027, month+1, 0))
	}
	for day := range 7 {
		add("", date(2027, 6, 7+day))
	}
	for _, zone := range zones {
		for _, day := range changesOf(zone, 2028) {
			add(zone, day.AddDate(0, 0, -1), day.AddDate(0, 0, 1))
		}
	}
	for day := 1; len(days) < momentsOfTheProof; day++ {
		add("", date(2026, 11, 27).AddDate(0, 0, day))
	}
	all := make([]moment, momentsOfTheProof)
	for i := range all {
		zone := own[i]
		if zone == "" {
			zone = theZones[i%len(theZones)]
		}
		all[i] = momentOn(days[i], theHours[i%len(theHours)], zone)
		if own[i] == "" && i%3 == 2 {
			all[i].at = momentOn(days[i], theHours[len(theHours)-1], "Etc/UTC").at.In(all[i].at.Location())
		}
	}
	return all
}

// changesOf are the days of a year on which a zone's clocks change.
func changesOf(zone string, year int) []time.Time {
	loc, err := time.LoadLocation(zone)
	if err != nil {
		panic(err)
	}
	var days []time.Time
	for day := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC); day.Year() == year; day = day.AddDate(0, 0, 1) {
		_, before := time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, loc).Zone()
		_, after := time.Date(day.Year(), day.Month(), day.Day()+1, 0, 0, 0, 0, loc).Zone()
		if before != after {
			days = append(days, day)
		}
	}
	return days
}

// spread are n of the items, evenly; all where there are no more.
func spread[T any](items []T, n int) []T {
	if n >= len(items) {
		return items
	}
	some := make([]T, 0, n)
	for i := range n {
		some = append(some, items[i*len(items)/n])
	}
	return some
}

// randomMoment is one of the two years' minutes, in one of the zones.
func randomMoment(seed uint64, of string) moment {
	random := randomFor(seed, of)
	day := firstDay.AddDate(0, 0, random.IntN(daysOfTheProof))
	return momentOn(day, time.Duration(random.IntN(24*60))*time.Minute, theZones[random.IntN(len(theZones))])
}

// randomOrder are the packages in an order that the seed chooses.
func randomOrder(seed uint64, packages []testPackage) []testPackage {
	all := slices.Clone(packages)
	randomFor(seed, "packages").Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

func randomFor(seed uint64, name string) *rand.Rand {
	h := fnv.New64a()
	_, _ = io.WriteString(h, name)
	return rand.New(rand.NewPCG(seed, h.Sum64())) //nolint:gosec // no secret
}

// sortedKeys are a map's keys in order.
func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// A part is the i-th of n parts of the moments; the zero part is all of them.
type part struct{ i, n int }

// String is the part as the flag has it.
func (p *part) String() string {
	if p.n == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", p.i, p.n)
}

// Set reads "3/10".
func (p *part) Set(text string) error {
	if n, err := fmt.Sscanf(text, "%d/%d", &p.i, &p.n); n != 2 || err != nil || p.i < 1 || p.i > p.n {
		return errors.New(`must be a part such as "3/10", from 1/10 to 10/10`)
	}
	return nil
}

// of takes every n-th moment, from the i-th on.
func (p *part) of(moments []moment) []moment {
	if p.n == 0 {
		return moments
	}
	var mine []moment
	for at := p.i - 1; at < len(moments); at += p.n {
		mine = append(mine, moments[at])
	}
	return mine
}
