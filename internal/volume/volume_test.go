package volume_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/volume"
)

var berlin = func() *time.Location {
	loc, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	return loc
}()

// monday is a run on a Monday at 06:00, after the clocks went forward.
var monday = volume.Run{Type: syncs.TypeInbound, Began: time.Date(2026, 4, 20, 6, 0, 0, 0, berlin), Window: volume.Window{To: 7}, Stats: stats(200, 20, 40)}

func stats(found, created, updated int) syncs.Stats {
	return syncs.Stats{AppointmentsFound: found, CasesCreated: created, CasesUpdated: updated}
}

// weeks returns runs like monday on as many earlier Mondays.
func weeks(n int) (runs []volume.Run) {
	for week := n; week > 0; week-- {
		run := monday
		run.Began = run.Began.AddDate(0, 0, -7*week)
		runs = append(runs, run)
	}
	return runs
}

func judged(found, created, updated int, earlier []volume.Run) []volume.Finding {
	run := monday
	run.Stats = stats(found, created, updated)
	return volume.Judge(&run, earlier, berlin)
}

func TestACountFarFromTheMedianIsUnusual(t *testing.T) { // R49
	t.Parallel()
	eight := weeks(8)
	require.Empty(t, judged(200, 20, 40, eight))
	require.Empty(t, judged(290, 42, 71, eight), "within 45 % of 200, and five roots of 20 and 40")
	require.Equal(t, []volume.Finding{
		{Count: "appointmentsFound", Value: 291, Usual: 200}, {Count: "casesCreated", Value: 43, Usual: 20},
	}, judged(291, 43, 72, eight), "of more appointments more change")
	require.Equal(t, []volume.Finding{{Count: "casesUpdated", Value: 72, Usual: 40}}, judged(200, 20, 72, eight))
	require.Empty(t, judged(90, 0, 0, eight), "few changes are no news; nor is 45 % of the appointments")
	require.Equal(t, []volume.Finding{{Count: "appointmentsFound", Value: 89, Usual: 200, Low: true}}, judged(89, 0, 0, eight))
	none := weeks(8)
	for i := range none {
		none[i].Stats = syncs.Stats{}
	}
	require.Empty(t, judged(12, 12, 12, none), "the absolute floor")
	require.Len(t, judged(13, 13, 13, none), 3)
}

func TestWhatVariesMuchIsAllowedToVary(t *testing.T) { // R49
	t.Parallel()
	earlier := weeks(8)
	for i := range earlier {
		earlier[i].Stats = stats(1000, 20, 20*i) // 0 to 140: the median is 70, the MAD 40
	}
	require.Empty(t, judged(1000, 20, 366, earlier))
	require.Equal(t, []volume.Finding{{Count: "casesUpdated", Value: 367, Usual: 70}}, judged(1000, 20, 367, earlier))
}

// A small practice: 20 appointments, of which 4 change.
func TestALargerPartOfTheAppointmentsIsUnusualSooner(t *testing.T) { // R49
	t.Parallel()
	earlier := weeks(8)
	for i := range earlier {
		earlier[i].Stats = stats(20, 3, 4)
	}
	require.Equal(t, []volume.Finding{{Count: "casesUpdated", Value: 11, Usual: 4}}, judged(20, 3, 11, earlier), "11 of 17; 4 of 17 are usual")
	require.Empty(t, judged(20, 3, 10, earlier), "six rows more")
	require.Empty(t, judged(26, 3, 11, earlier), "less than half")
	require.Equal(t, []volume.Finding{{Count: "casesCreated", Value: 13, Usual: 3}}, judged(20, 13, 2, earlier), "most have other ids")
	earlier[0].Stats = stats(20, 3, 7)
	require.Empty(t, judged(20, 3, 11, earlier), "one of the days was nearly like it")
}

func TestABusyDaysChangesAreNotUnusual(t *testing.T) { // R49
	t.Parallel()
	require.Empty(t, judged(255, 20, 73, weeks(8)), "73 of 235 changed, and 40 of 180 are usual")
	require.Equal(t, []volume.Finding{{Count: "casesUpdated", Value: 73, Usual: 40}}, judged(254, 20, 73, weeks(8)))
}

func TestOnlyRunsThatAreAlikeAreCompared(t *testing.T) { // R49
	t.Parallel()
	spike := func(change func(*volume.Run)) []volume.Finding {
		earlier := weeks(4)
		change(&earlier[0])
		return judged(200, 20, 400, earlier)
	}
	require.Len(t, spike(func(*volume.Run) {}), 1)
	for what, change := range map[string]func(*volume.Run){
		"three samples":         func(r *volume.Run) { *r = volume.Run{} },
		"another type":          func(r *volume.Run) { r.Type = syncs.TypeCases },
		"another window":        func(r *volume.Run) { r.Window.To = 30 },
		"another weekday":       func(r *volume.Run) { r.Began = r.Began.AddDate(0, 0, 1) },
		"more than eight weeks": func(r *volume.Run) { r.Began = r.Began.AddDate(0, 0, -35) },
		"the same day":          func(r *volume.Run) { r.Began = monday.Began.Add(-time.Hour) },
		"later":                 func(r *volume.Run) { r.Began = monday.Began.AddDate(0, 0, 7) },
	} {
		require.Empty(t, spike(change), what)
	}
}

func TestADayIsOneSampleHoweverOftenItSyncs(t *testing.T) { // R49
	t.Parallel()
	var earlier []volume.Run
	for _, run := range weeks(5) {
		for hour := range 12 { // the first of the day finds what the night brought
			x := run
			x.Began = x.Began.Add(time.Duration(hour) * time.Hour)
			if hour > 0 {
				x.Stats.CasesCreated, x.Stats.CasesUpdated = 0, 2
			}
			earlier = append(earlier, x)
		}
	}
	require.Empty(t, judged(200, 20, 40, earlier))
	require.Len(t, judged(200, 20, 90, earlier), 1)
}

func TestTheSameFindingIsNotToldAgainSoon(t *testing.T) { // R49
	t.Parallel()
	many := volume.Finding{Count: "casesUpdated", Value: 400, Usual: 40}
	few := volume.Finding{Count: "appointmentsFound", Value: 10, Usual: 200, Low: true}
	now := volume.Unusual{Run: monday, Findings: []volume.Finding{few, many}}
	before := func(by time.Duration, findings ...volume.Finding) []volume.Unusual {
		run := monday
		run.Began = run.Began.Add(-by)
		return []volume.Unusual{{Run: run, Findings: findings}}
	}
	require.Equal(t, []volume.Finding{few, many}, now.News(nil))
	require.Equal(t, []volume.Finding{few}, now.News(before(20*time.Hour, many)))
	require.Equal(t, []volume.Finding{few, many}, now.News(before(21*time.Hour, many)))
	require.Equal(t, []volume.Finding{many}, now.News(before(7*24*time.Hour, few)), "a level stays")
	high := few
	high.Low = false
	require.Equal(t, []volume.Finding{few, many}, now.News(before(time.Hour, high)), "too many before, too few now")
	other := before(time.Hour, few, many)
	other[0].Type = syncs.TypeCases
	require.Equal(t, []volume.Finding{few, many}, now.News(other))
	require.Equal(t, []volume.Finding{few, many}, now.News(before(-time.Hour, few, many)), "later ones")
}

func TestAFieldIsNamedWhereMostCasesChangedInIt(t *testing.T) { // R49
	t.Parallel()
	name, found := volume.MostlyOf(map[string]int{"status": 51, "metadata.appointment.room": 100, "patient_name": 3}, 100)
	require.True(t, found)
	require.Equal(t, "metadata.appointment.room", name)
	name, _ = volume.MostlyOf(map[string]int{"b": 60, "a": 60, "c": 60}, 100)
	require.Equal(t, "a", name)
	_, found = volume.MostlyOf(map[string]int{"a": 50, "b": 50}, 100)
	require.False(t, found)
}

func TestOtherTypesHaveCountsOfTheirOwn(t *testing.T) { // R49
	t.Parallel()
	for kind, want := range map[syncs.Type][]string{
		syncs.TypeCases: {"casesEnriched", "casesFailed"}, syncs.TypeReconciliation: {"casesDeleted"}, syncs.TypeFull: nil,
	} {
		earlier := weeks(8)
		for i := range earlier {
			earlier[i].Type, earlier[i].Stats = kind, syncs.Stats{}
		}
		run := monday
		run.Type, run.Stats = kind, syncs.Stats{CasesEnriched: 50, CasesFailed: 50, CasesDeleted: 50, CasesCreated: 50}
		var counts []string
		for _, f := range volume.Judge(&run, earlier, berlin) {
			counts = append(counts, f.Count)
		}
		require.Equal(t, want, counts)
	}
}
