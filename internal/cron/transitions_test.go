package cron_test

import (
	"archive/zip"
	"cmp"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// exhaustive makes TestEveryTickIsTheOracles look at every change of every zone
// (about half a minute) instead of a sample (a second or two):
//
//	go test ./internal/cron -run Oracle -exhaustive -v
var exhaustive = flag.Bool("exhaustive", false, "compare with the oracle around every clock change of every zone")

// A transition is a change of a zone's wall clock.
type transition struct {
	at            time.Time
	before, after int // seconds east of UTC
	zone          string
	loc           *time.Location
}

func (c transition) String() string {
	return fmt.Sprintf("%s at %s (%+d min)", c.zone, c.at.In(c.loc).Format(time.RFC3339), (c.after-c.before)/60)
}

// Minutes around a transition: those looked at on either side, and those walked
// before, for what is repeated later.
const (
	around = 24 * 60
	lead   = 6 * 60
)

func TestEveryTickIsTheOracles(t *testing.T) { // R34
	t.Parallel()
	transitions := distinctTransitions(t)
	require.Greater(t, len(transitions), 1000, "these are not all zones")
	if !*exhaustive {
		transitions = sample(transitions)
	}
	expressions := oracleExpressions()
	require.GreaterOrEqual(t, len(expressions), 200)
	oracles := make([]*oracle, len(expressions))
	for i, expression := range expressions {
		oracles[i] = newOracle(expression)
	}

	var compared int
	for _, change := range transitions {
		begin, end := change.at.Add(-around*time.Minute), change.at.Add(around*time.Minute)
		w := newWalk(begin.Add(-(lead-1)*time.Minute), end, change.loc)
		for i, expression := range expressions {
			want := oracles[i].ticks(w, lead)
			var got []int64
			for tick := range parse(t, expression).Between(begin, end, change.loc) {
				got = append(got, tick.Unix())
			}
			if !slices.Equal(want, got) {
				require.Equal(t, inZone(want, change.loc), inZone(got, change.loc), "%q around %s", expression, change)
			}
			compared += len(want)
		}
	}
	t.Logf("%d transitions, %d expressions, %d ticks agree", len(transitions), len(expressions), compared)
}

// inZone shows Unix times for a reader.
func inZone(unix []int64, loc *time.Location) []string {
	var list []string
	for _, u := range unix {
		list = append(list, time.Unix(u, 0).In(loc).Format(time.RFC3339))
	}
	return list
}

// sample takes some transitions, always the same, and all of the zones whose changes
// are odd: at midnight, of half an hour or two hours, several in a year.
func sample(all []transition) []transition {
	odd := []string{
		"Africa/Cairo", "Africa/Casablanca", "America/Asuncion", "America/Havana", "America/Nuuk", "America/Santiago",
		"Antarctica/Casey", "Antarctica/Troll", "Asia/Beirut", "Asia/Gaza", "Australia/Lord_Howe",
	}
	random := rand.New(rand.NewPCG(34, 34))
	var some []transition
	for _, change := range all {
		if pick := random.IntN(40) == 0; pick || slices.Contains(odd, change.zone) && change.at.Year() < 2025 {
			some = append(some, change)
		}
	}
	return some
}

// distinctTransitions lists the changes of all zones' clocks from 2020 to 2040, in
// order; those that several zones have in common once.
func distinctTransitions(t *testing.T) []transition {
	t.Helper()
	type key struct {
		at            int64
		before, after int
	}
	distinct := map[key]transition{}
	zones := embeddedZones(t)
	for _, name := range slices.Sorted(maps.Keys(zones)) {
		loc := zones[name]
		for _, at := range changes(loc, 2020, 2040) {
			_, before := at.Add(-1).In(loc).Zone()
			_, after := at.In(loc).Zone()
			k := key{at.Unix(), before, after}
			if _, known := distinct[k]; !known {
				distinct[k] = transition{at, before, after, name, loc}
			}
		}
	}
	list := slices.Collect(maps.Values(distinct))
	slices.SortFunc(list, func(a, b transition) int {
		return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.zone, b.zone))
	})
	return list
}

// changes lists the instants from the first to the last of these years at which a
// zone's offset changes. It compares day with day and does not ask ZoneBounds, which
// the tested code does: it errs at the end of leap years (golang/go#81583).
func changes(loc *time.Location, firstYear, lastYear int) []time.Time {
	offset := func(t time.Time) int {
		_, seconds := t.In(loc).Zone()
		return seconds
	}
	const day = 24 * time.Hour
	var list []time.Time
	end := time.Date(lastYear+1, 1, 1, 0, 0, 0, 0, time.UTC)
	for t := time.Date(firstYear, 1, 1, 0, 0, 0, 0, time.UTC); t.Before(end); t = t.Add(day) {
		before := offset(t)
		if offset(t.Add(day)) == before {
			continue
		}
		second := sort.Search(int(day/time.Second), func(i int) bool { return offset(t.Add(time.Duration(i)*time.Second)) != before })
		list = append(list, t.Add(time.Duration(second)*time.Second))
	}
	return list
}

// embeddedZones reads the zones that Go embeds (time/tzdata is made of this file, and
// does not tell their names).
func embeddedZones(t *testing.T) map[string]*time.Location {
	t.Helper()
	goroot, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	require.NoError(t, err)
	archive, err := zip.OpenReader(filepath.Join(strings.TrimSpace(string(goroot)), "lib", "time", "zoneinfo.zip"))
	require.NoError(t, err)
	defer archive.Close()
	zones := map[string]*time.Location{}
	for _, file := range archive.File {
		if strings.HasSuffix(file.Name, "/") {
			continue
		}
		content, err := file.Open()
		require.NoError(t, err)
		data, err := io.ReadAll(content)
		require.NoError(t, err)
		zones[file.Name], err = time.LoadLocationFromTZData(file.Name, data)
		require.NoError(t, err)
	}
	return zones
}

// oracleExpressions lists the expressions that are compared: every kind of minute
// with every kind of hour, and days of all kinds, as often with a named weekday as
// changes fall on weekends.
func oracleExpressions() []string {
	minutes := []string{"0", "1", "30", "59", "0,30", "15,45", "*", "*/15", "*/20", "7/13", "10-20", "30-59/10", "5,40-50"}
	hours := []string{"0", "1", "2", "3", "23", "8,14,20", "0,2,4", "1,2,3", "*", "*/2", "*/6", "3/4", "0-5", "22-23", "2-2", "1,3-4"}
	days := []string{
		"* * *", "* * *", "* * *", "* * SUN", "* * 1-5", "* * */2", "*/2 * *", "1-7 * sun", "*/3 * SAT-SUN",
		"* MAR,APR,SEP,OCT,NOV *", "25-31 * 7", "1/2 3-11/2 *", "29 3,10 5-7",
	}
	var list []string
	for _, minute := range minutes {
		for _, hour := range hours {
			list = append(list, minute+" "+hour+" "+days[len(list)%len(days)])
		}
	}
	return list
}
