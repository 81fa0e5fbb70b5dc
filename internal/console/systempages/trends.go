package systempages

import (
	"cmp"
	"fmt"
	"html/template"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/console/chart"
	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/trends"
)

type (
	trendsView struct {
		Spans       []page.Choice
		CSV         string
		Charts      []trendChart
		Week        string // the days of the charts' figures
		First, Last string // days
		Counted     page.Moment
		None        bool // nothing was counted in these days
		Rows        []trendRow
	}

	// A trendChart is one card of the page.
	trendChart struct {
		Title, Total, Change string
		Most                 string // the chart's highest column
		Chart                template.HTML
		Legend               []page.Badge // its parts
	}

	// A trendRow is a day in figures.
	trendRow struct {
		Day   string
		Cells []string
	}

	// A trendPart is one part of each column.
	trendPart struct {
		word, tone string
		of         func(*trends.Day) float64
	}
)

// trendsPage shows how the syncs of all clinics went, day by day.
func (s *screens) trendsPage() page.Page {
	return page.Page{
		Path: "/trends", Title: "Trends", Template: "trends", Nav: "trend", Needs: access.ReadTrends,
		Show: func(v *page.Visit) (any, error) { return s.trends(v) },
		CSV:  s.trendsCSV,
	}
}

// maxFigures is how many days the page has in figures; the file has all.
const maxFigures = 30

// trendDays returns the days that an address asks for by their number in "days".
func (s *screens) trendDays(v *page.Visit) ([]trends.Day, error) {
	return trends.Last(v.Context(), s.o.Trends, v.Number("days", trends.MaxDays, 1, trends.MaxDays), v.Now)
}

// trendSpans offers numbers of days, and the chosen one.
func trendSpans(chosen int) []page.Choice {
	numbers := []int{trends.MaxDays, 30, 14, 7}
	if !slices.Contains(numbers, chosen) {
		numbers = append(numbers, chosen)
		slices.SortFunc(numbers, func(a, b int) int { return b - a })
	}
	offered := make([]page.Choice, len(numbers))
	for i, n := range numbers {
		offered[i] = page.Choice{Value: strconv.Itoa(n), Title: page.Counted(n, "day"), Chosen: n == chosen}
	}
	return offered
}

func (s *screens) trends(v *page.Visit) (*trendsView, error) {
	days, err := s.trendDays(v)
	if err != nil {
		return nil, err
	}
	shown := &trendsView{
		Spans: trendSpans(len(days)), CSV: v.AddressOf(page.Root + "/trends.csv"),
		Week: weekOf(len(days)), First: dayName(&days[0]), Last: dayName(&days[len(days)-1]), None: true,
	}
	for i := range days {
		d := &days[i]
		if d.CountedAt.After(shown.Counted.At) {
			shown.Counted, shown.None = v.Moment(d.CountedAt, nil), false
		}
	}
	span := func(n float64) string { return spanText(time.Duration(n)) }
	for _, x := range []struct {
		title, per string
		say        func(float64) string
		parts      []trendPart
	}{
		{"Syncs", " a day", amount, []trendPart{
			{"Done", "good", func(d *trends.Day) float64 { return float64(d.Completed) }},
			{"Failed", "bad", func(d *trends.Day) float64 { return float64(d.Failed) }},
			{"Cancelled", "idle", func(d *trends.Day) float64 { return float64(d.Cancelled) }},
		}},
		{"Clinics with a failed sync", " a day", amount, []trendPart{{"Clinics", "bad", func(d *trends.Day) float64 { return float64(d.ClinicsFailed) }}}},
		{"Refused logins", " a day", amount, []trendPart{{"Syncs", "warn", func(d *trends.Day) float64 { return float64(d.LoginsRefused) }}}},
		{"How long a sync takes", "", span, []trendPart{
			{"Half are quicker", "info", func(d *trends.Day) float64 { return float64(d.TookHalf) }},
			{"95 of 100 are", "idle", func(d *trends.Day) float64 { return float64(d.TookMost - d.TookHalf) }},
		}},
		{"How late a sync begins", "", span, []trendPart{
			{"Half are sooner", "info", func(d *trends.Day) float64 { return float64(d.LateHalf) }},
			{"95 of 100 are", "idle", func(d *trends.Day) float64 { return float64(d.LateMost - d.LateHalf) }},
		}},
		{"Cases written", " a day", amount, []trendPart{
			{"New", "good", func(d *trends.Day) float64 { return float64(d.Created) }},
			{"Changed", "info", func(d *trends.Day) float64 { return float64(d.Updated) }},
			{"With notes", "idle", func(d *trends.Day) float64 { return float64(d.Enriched) }},
		}},
		{"Cases deleted", " a day", amount, []trendPart{{"Deleted", "warn", func(d *trends.Day) float64 { return float64(d.Deleted) }}}},
		{"Cases restored", " a day", amount, []trendPart{{"Restored", "good", func(d *trends.Day) float64 { return float64(d.Restored) }}}},
	} {
		shown.Charts = append(shown.Charts, trendChartOf(x.title, x.per, days, x.parts, x.say))
	}
	for i := len(days) - 1; i >= 0 && len(shown.Rows) < maxFigures; i-- {
		if d := &days[i]; d.Syncs() > 0 {
			shown.Rows = append(shown.Rows, trendRow{dayName(d), figuresOf(d)})
		}
	}
	return shown, nil
}

// perWeek is how many days a chart's figure covers.
const perWeek = 7

func trendChartOf(title, per string, days []trends.Day, parts []trendPart, say func(float64) string) trendChart {
	shown, most := trendChart{Title: title}, 0.0
	series, totals := make([]chart.Series, len(parts)), make([]float64, len(days))
	for at, p := range parts {
		series[at] = chart.Series{Tone: p.tone, Values: make([]float64, len(days))}
		for i := range days {
			n := p.of(&days[i])
			series[at].Values[i] = n
			totals[i] += n
			most = max(most, totals[i])
		}
	}
	for _, p := range parts {
		shown.Legend = append(shown.Legend, page.Badge{Word: p.word, Tone: p.tone})
	}
	now, before := average(totals, len(totals)-perWeek), average(totals, len(totals)-2*perWeek)
	shown.Total, shown.Most = say(now)+per, say(most)
	if len(totals) >= 2*perWeek && before > 0 {
		shown.Change = change(now, before)
	}
	shown.Chart = chart.Columns(fmt.Sprintf("%s. %s %s; the most is %s.", title, weekOf(len(days)), shown.Total, shown.Most), series...)
	return shown
}

// weekOf says which days a chart's figure covers.
func weekOf(days int) string {
	switch {
	case days == 1:
		return "Today"
	case days < perWeek:
		return "In these " + page.Counted(days, "day")
	}
	return "In the last week"
}

// average returns the average of a week that begins at a place; places before the first are
// left out.
func average(values []float64, from int) (sum float64) {
	week := values[max(0, from):max(0, from+perWeek)]
	for _, n := range week {
		sum += n
	}
	return sum / float64(max(1, len(week)))
}

// amount says how many, and of few one decimal: less than one a day is not none.
func amount(n float64) string {
	if n < 10 && math.Round(10*n) != 10*math.Round(n) {
		return strconv.FormatFloat(n, 'f', 1, 64)
	}
	return page.Number(int(math.Round(n)))
}

// change compares a week with the one before.
func change(now, before float64) string {
	percent := int(math.Round(100 * (now - before) / before))
	switch {
	case percent >= 200:
		return page.Number(int(math.Round(now/before))) + " times the week before"
	case percent >= 1:
		return page.Number(percent) + " % more than the week before"
	case percent <= -1:
		return page.Number(-percent) + " % less than the week before"
	}
	return "as the week before"
}

func dayName(d *trends.Day) string { return d.Date.In(time.UTC).Format("Mon 2 Jan") }

// spanText says how long something took, and that it took no time.
func spanText(d time.Duration) string { return cmp.Or(page.Length(d), "0 s") }

// trendHeads are the headings of the figures of a day.
var trendHeads = []string{"Done", "Failed", "Cancelled", "Clinics synced", "Clinics failed", "Refused logins", "Half took", "95 % took", "Half late by", "95 % late by", "New", "Changed", "With notes", "Deleted", "Restored"}

func figuresOf(d *trends.Day) []string {
	return []string{
		page.Number(d.Completed), page.Number(d.Failed), page.Number(d.Cancelled), page.Number(d.ClinicsSynced), page.Number(d.ClinicsFailed), page.Number(d.LoginsRefused),
		spanText(d.TookHalf), spanText(d.TookMost), spanText(d.LateHalf), spanText(d.LateMost),
		page.Number(d.Created), page.Number(d.Updated), page.Number(d.Enriched), page.Number(d.Deleted), page.Number(d.Restored),
	}
}

// Heads returns the headings of the figures.
func (*trendsView) Heads() []string { return trendHeads }

// trendsCSV returns the days of the page, the oldest first.
func (s *screens) trendsCSV(v *page.Visit) ([][]string, error) {
	days, err := s.trendDays(v)
	if err != nil {
		return nil, err
	}
	rows := [][]string{{
		"day", "completed", "failed", "cancelled", "clinics_synced", "clinics_failed", "logins_refused", "took_p50_ms", "took_p95_ms",
		"late_p50_ms", "late_p95_ms", "cases_created", "cases_updated", "cases_enriched", "cases_deleted", "cases_restored",
	}}
	for i := range days {
		d := &days[i]
		row := []string{d.Date.String()}
		for _, n := range []int{
			d.Completed, d.Failed, d.Cancelled, d.ClinicsSynced, d.ClinicsFailed, d.LoginsRefused, int(d.TookHalf.Milliseconds()), int(d.TookMost.Milliseconds()),
			int(d.LateHalf.Milliseconds()), int(d.LateMost.Milliseconds()), d.Created, d.Updated, d.Enriched, d.Deleted, d.Restored,
		} {
			row = append(row, strconv.Itoa(n))
		}
		rows = append(rows, row)
	}
	return rows, nil
}
