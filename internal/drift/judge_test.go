package drift

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"
)

var monday = time.Date(2026, time.March, 2, 6, 0, 0, 0, time.UTC)

const calendar = "/appointments/calendar"

// decides names the fields of these tests that freeze deletions.
func decides(_, field string) bool { return field == "id" || field == "start" || field == "status" }

func read(t *testing.T, bodies ...string) *Profile {
	t.Helper()
	p := newProfile()
	for _, body := range bodies {
		p.Read([]byte(body), nil)
	}
	return p
}

func TestAnAnswerIsProfiledWithoutValues(t *testing.T) { // R40, R51
	t.Parallel()
	p := read(t, `[{"id": 17, "patient": {"id": "p-4", "name": "Bella"}, "note": " ", "tags": [], "9lives": 1}, {"id": "18", "id": 18, "note": null}]`)
	require.Equal(t, map[string]float64{"list": 1}, p.Forms)
	require.InDelta(t, 2, p.Rows, 0)
	require.Equal(t, &Field{Came: 2, Filled: 3, Twice: 1, Kinds: map[string]float64{"number": 2, "text": 1}, Shapes: map[string]float64{"9": 3}}, p.Fields["id"])
	require.Equal(t, map[string]float64{"a-9": 1}, p.Fields["patient.id"].Shapes)
	require.InDelta(t, 0, p.Fields["note"].Filled, 0)
	require.InDelta(t, 0, p.Fields["tags"].Filled, 0)
	require.Contains(t, p.Fields, "{other}", "a name that is no name may be a value")
	require.Contains(t, read(t, `{"9 lives": {"id": 1}}`).Fields, "{other}.id")
	document, err := json.Marshal(p)
	require.NoError(t, err)
	require.NotContains(t, string(document), "Bella")

	require.Equal(t, map[string]float64{"object with a list under data": 1}, read(t, `{"total": 1, "data": [{"id": 1}]}`).Forms)
	require.Equal(t, map[string]float64{"object": 1}, read(t, `{"id": 1, "more": {"deep": {"er": [1, {"x": [2]}]}}}`).Forms)
	require.Equal(t, map[string]float64{"no JSON": 3}, read(t, ``, `<html>`, `[{"id":`).Forms)
	require.Equal(t, map[string]float64{"no list and no object": 1}, read(t, `"text"`).Forms)
}

// rows returns a calendar of n rows that a function changes.
func rows(n int, change func(i int, row map[string]any)) string {
	all := make([]map[string]any, n)
	for i := range all {
		all[i] = map[string]any{
			"id": 1000 + i, "start": fmt.Sprintf("2026-03-%02d 09:30:00", i%28+1), "status": "Scheduled", "name": "Bella", "mail": "a1@example.com", "fax": nil,
		}
		if i%2 == 0 {
			all[i]["mail"] = ""
		}
		if change != nil {
			change(i, all[i])
		}
	}
	document, _ := json.Marshal(all) //nolint:errchkjson // texts, numbers and maps of them
	return string(document)
}

// month returns the baseline after thirty days of forty rows.
func month(t *testing.T) (b *Baseline) {
	t.Helper()
	for day := range 30 {
		b = After(b, read(t, rows(40, nil)), monday.AddDate(0, 0, day), false)
	}
	require.Equal(t, 30, b.Days)
	return b
}

func TestChangesAreFound(t *testing.T) { // R51
	t.Parallel()
	baseline := month(t)
	for name, test := range map[string]struct {
		now      string
		kinds    string
		decisive bool
	}{
		"nothing":                      {now: rows(40, nil)},
		"a quiet day":                  {now: rows(3, func(_ int, row map[string]any) { row["mail"] = nil })},
		"an empty day":                 {now: `[]`},
		"a field that often is empty":  {now: rows(20, func(_ int, row map[string]any) { row["mail"] = nil })},
		"an id that was renamed":       {rows(40, func(_ int, row map[string]any) { row["key"] = row["id"]; delete(row, "id") }), "[id vanished key new]", true},
		"a name that was renamed":      {rows(40, func(_ int, row map[string]any) { row["pet"] = row["name"]; delete(row, "name") }), "[name vanished pet new]", false},
		"a status that was emptied":    {rows(40, func(_ int, row map[string]any) { row["status"] = "" }), "[status emptied]", true},
		"an id that became a text":     {rows(40, func(_ int, row map[string]any) { row["id"] = fmt.Sprint(row["id"]) }), "[id retyped]", true},
		"a start that was nested":      {rows(40, func(_ int, row map[string]any) { row["start"] = map[string]any{"at": row["start"]} }), "[start retyped start.at new]", true},
		"a start in another form":      {rows(40, func(_ int, row map[string]any) { row["start"] = "02.03.2026 09:30" }), "[start retyped]", true},
		"mails that are all gone":      {rows(40, func(_ int, row map[string]any) { row["mail"] = nil }), "[mail emptied]", false},
		"a field that never was there": {rows(40, func(_ int, row map[string]any) { row["colour"] = "red" }), "[colour new]", false},
		"another envelope":             {`{"data": ` + rows(40, nil) + `}`, "[ reformed]", false},
		"half of the rows without a name": {now: rows(40, func(i int, row map[string]any) {
			if i%2 == 0 {
				row["name"] = nil
			}
		})},
	} {
		found := Judge(calendar, baseline, read(t, test.now), decides)
		var kinds []string
		for _, f := range found {
			kinds = append(kinds, f.Field+" "+string(f.Kind))
		}
		if test.kinds == "" {
			require.Empty(t, found, name)
		} else {
			require.Equal(t, test.kinds, fmt.Sprint(kinds), name)
		}
		require.Equal(t, test.decisive, len(Decisive(found)) > 0, name)
	}
	for name, test := range map[string]struct{ now, words string }{
		"a start in another form":  {rows(40, func(_ int, row map[string]any) { row["start"] = "02.03.2026 09:30" }), calendar + `: start retyped: text like "9-9-9 9:9:9" before, text like "9.9.9 9:9" now`},
		"a start that was nested":  {rows(40, func(_ int, row map[string]any) { row["start"] = map[string]any{"at": row["start"]} }), calendar + `: start retyped: text like "9-9-9 9:9:9" before, object now`},
		"an id that became a text": {rows(40, func(_ int, row map[string]any) { row["id"] = fmt.Sprint(row["id"]) }), calendar + `: id retyped: number like "9" before, text like "9" now`},
		"another envelope":         {`{"data": ` + rows(40, nil) + `}`, calendar + ": the answer as a whole has another form"},
	} {
		profile := read(t, test.now)
		require.Equal(t, test.words, Judge(calendar, baseline, profile, decides)[0].Words(baseline, profile), name)
	}
	doubled := Judge(calendar, baseline, read(t, rows(40, nil)[:1]+`{"id":1,"start":"2026-03-02 09:30:00","status":"x","name":"y","name":"z","mail":"","fax":null},`+rows(39, nil)[1:]), decides)
	require.Len(t, doubled, 1)
	require.Equal(t, Doubled, doubled[0].Kind)
}

func TestAShareThatRisesIsTold(t *testing.T) { // R51
	t.Parallel()
	of := func(rows, unmarked int) *Profile {
		ctx, collector := Collecting(t.Context(), nil)
		NoteCalendar(ctx, rows, unmarked)
		return collector.Profiles()[calendarRows]
	}
	for name, test := range map[string]struct {
		usual, rows, unmarked int // of 100 rows; today's
		kinds                 string
	}{
		"none, as ever":                  {0, 100, 0, "[]"},
		"a closed day of a new room":     {0, 100, 13, "[]"},
		"a quarter of the visits":        {0, 100, 26, "[risen]"},
		"fewer than a quarter":           {0, 100, 24, "[]"},
		"and other visits are missing":   {0, 75, 34, "[risen]"},
		"an absence of half the vets":    {0, 70, 20, "[]"},
		"a holiday":                      {0, 40, 30, "[]"},
		"a new room beside the visits":   {0, 180, 100, "[]"},
		"many, as ever":                  {30, 100, 40, "[]"},
		"many, and a day off":            {30, 100, 73, "[]"},
		"many, and most of the visits":   {30, 100, 74, "[risen]"},
		"none any more":                  {30, 100, 0, "[]"},
		"all of a day with little to do": {30, 10, 10, "[]"},
	} {
		var b *Baseline
		for day := range 5 {
			b = After(b, of(100, test.usual), monday.AddDate(0, 0, day), false)
		}
		kinds := []Kind{}
		for _, f := range Judge(calendarRows, b, of(test.rows, test.unmarked), decides) {
			require.Equal(t, UnmarkedBlocks, f.Field, name)
			require.False(t, f.Decisive, name)
			kinds = append(kinds, f.Kind)
		}
		require.Equal(t, test.kinds, fmt.Sprint(kinds), name)
	}
	ctx, collector := Collecting(t.Context(), nil)
	NoteCalendar(ctx, 0, 0)
	require.Empty(t, collector.Profiles(), "an empty calendar shows no share")

	var b *Baseline
	for day := range 5 {
		b = After(b, of(100, 0), monday.AddDate(0, 0, day), false)
	}
	_, b.Keys = News(nil, Judge(calendarRows, b, of(100, 50), decides))
	require.Len(t, Judge(calendarRows, b, of(4, 2), decides), 1, "a few rows do not end it")
	require.Empty(t, Judge(calendarRows, b, of(100, 0), decides), "it is over")
}

func TestNothingIsToldBeforeFiveDays(t *testing.T) { // R51
	t.Parallel()
	renamed := read(t, rows(40, func(_ int, row map[string]any) { delete(row, "id") }))
	var b *Baseline
	for day := range 5 {
		require.Empty(t, Judge(calendar, b, renamed, decides), day)
		b = After(b, read(t, rows(40, nil)), monday.AddDate(0, 0, day), false)
	}
	require.NotEmpty(t, Judge(calendar, b, renamed, decides))
	again := b
	for range 20 {
		again = After(again, read(t, rows(40, nil)), monday.AddDate(0, 0, 4), false)
	}
	require.Equal(t, 5, again.Days, "twenty syncs of a day are one day")
	hourly := b
	for hour := range 24 {
		hourly = After(hourly, newProfile(), monday.AddDate(0, 0, 4).Add(time.Duration(hour+1)*time.Hour), false)
	}
	require.InDelta(t, Decay*b.Rows, hourly.Rows, 1e-6, "how often a clinic syncs makes no difference")
}

func TestAFewRowsDoNotEndAChange(t *testing.T) { // R51
	t.Parallel()
	form := func(field string, value any) func(int, map[string]any) {
		return func(_ int, row map[string]any) { row[field] = value }
	}
	for _, test := range []struct {
		told  Finding
		now   string
		holds bool
	}{
		{Finding{calendar, "status", Emptied, true}, `[]`, true},
		{Finding{calendar, "status", Emptied, true}, rows(3, form("status", "")), true},
		{Finding{calendar, "status", Emptied, true}, rows(3, nil), false},
		{Finding{calendar, "status", Emptied, true}, rows(40, nil), false},
		{Finding{calendar, "name", Vanished, false}, rows(2, func(_ int, row map[string]any) { delete(row, "name") }), true},
		{Finding{calendar, "name", Vanished, false}, rows(2, nil), false},
		{Finding{calendar, "id", Retyped, true}, rows(2, form("id", "17")), true},
		{Finding{calendar, "start", Retyped, true}, rows(2, form("start", "02.03.2026 09:30")), true},
		{Finding{calendar, "start", Retyped, true}, rows(2, form("start", nil)), true},
		{Finding{calendar, "start", Retyped, true}, rows(2, nil), false},
		{Finding{calendar, "id", Doubled, true}, rows(2, nil), true},
		{Finding{calendar, "id", Doubled, true}, rows(9, nil), false},
		{Finding{calendar, "colour", New, false}, rows(9, nil), false},
	} {
		b := month(t)
		b.Keys = []string{test.told.Key()}
		var want []Finding
		if test.holds {
			want = []Finding{test.told}
		}
		require.Equal(t, want, Judge(calendar, b, read(t, test.now), decides), "%v %s", test.told, test.now)
	}
}

func TestAnAnswerThatIsCutOffIsNotProfiled(t *testing.T) { // R51
	t.Parallel()
	for _, test := range []struct {
		body  io.Reader
		forms map[string]float64
	}{
		{strings.NewReader(`[{"id": 1}]`), map[string]float64{"list": 1}},
		{io.MultiReader(strings.NewReader(`[{"id": 1}`), iotest.ErrReader(io.ErrUnexpectedEOF)), nil},
	} {
		var p *Profile
		body := listen(io.NopCloser(test.body), func(body []byte) { p = read(t, string(body)) })
		_, _ = io.Copy(io.Discard, body)
		require.NoError(t, body.Close())
		if test.forms == nil {
			require.Nil(t, p)
		} else {
			require.Equal(t, test.forms, p.Forms)
		}
	}
}

func TestAnAcceptedFormIsTheNewBaseline(t *testing.T) { // R51
	t.Parallel()
	texts := read(t, rows(40, func(_ int, row map[string]any) { row["id"] = fmt.Sprint(row["id"]) }))
	old := month(t)
	require.NotEmpty(t, Judge(calendar, old, texts, decides))
	accepted := After(nil, texts, monday.AddDate(0, 0, 30), true)
	require.Empty(t, Judge(calendar, accepted, texts, decides))
	require.NotEmpty(t, Judge(calendar, accepted, read(t, rows(40, nil)), decides), "the old form is now a change")
}

func TestAChangeIsToldOnce(t *testing.T) { // R51
	t.Parallel()
	found := []Finding{{calendar, "name", Vanished, false}, {calendar, "pet", New, false}}
	news, told := News(nil, found)
	require.Equal(t, found, news)
	news, told = News(told, found[:1])
	require.Empty(t, news)
	news, _ = News(told, found)
	require.Equal(t, found[1:], news, "it went away and came again")
}

// practices is how many years are played; `make drift` plays 200.
var practices = flag.Int("practices", 30, "how many practices play a year")

// TestNormalYearsRaiseNoFalseAlarm plays practices for a year each: their weekdays,
// holidays, growth, fields that people fill in more or less often, and blocks.
func TestNormalYearsRaiseNoFalseAlarm(t *testing.T) { // R51
	t.Parallel()
	const days = 365
	decisive, others, shares := 0, 0, 0
	for seed := range uint64(*practices) {
		r := rand.New(rand.NewPCG(seed, 51))
		perDay := 2 + r.IntN(60)
		habits := map[string]float64{"name": 0.999, "mail": 0.3 + r.Float64()*0.6, "phone": 0.9, "reason": 0.4 * r.Float64(), "consultation_id": 0.5}
		closed := r.IntN(days)
		blocks := newDiary(rand.New(rand.NewPCG(seed, 52)), perDay, closed)
		var b, ofRows *Baseline
		for day := range days {
			at := monday.AddDate(0, 0, day)
			now := normal(r, perDay, at, habits, day >= closed && day < closed+14)
			for _, f := range Judge(calendar, b, now, decides) {
				if f.Decisive {
					decisive++
				} else {
					others++
				}
			}
			b = After(b, now, at, false)
			if calendar := blocks.calendar(t.Context(), int(now.Rows), day); calendar != nil {
				news, told := News(ofRows.Told(), Judge(calendarRows, ofRows, calendar, decides))
				for _, f := range news {
					t.Logf("practice %d, day %d: %s of %v rows", seed, day, f, calendar.Rows)
					shares++
				}
				ofRows = After(ofRows, calendar, at, false)
				ofRows.Keys = told
			}
		}
	}
	t.Logf("%d practices, %d days each: %d false calls of decisive fields, %d of others, %d of shares", *practices, days, decisive, others, shares)
	require.Zero(t, decisive)
	require.LessOrEqual(t, others, *practices/10, "other fields are told rarely")
	require.Zero(t, shares)
}

// A diary is what a practice blocks in its calendar, in a way that its PIMS does not mark.
type diary struct {
	vets     int
	lunch    bool        // each vet's, each day
	meetings int         // a week
	away     bool        // a block for each vet and day of a holiday, of a course, of an illness
	leave    map[int]int // vets who are away, by day
	closed   int
	locum    bool // who is away is stood in for; else there are fewer visits
}

func newDiary(r *rand.Rand, perDay, closed int) diary {
	d := diary{vets: 1 + perDay/12, lunch: r.IntN(2) == 0, meetings: r.IntN(4), away: r.IntN(3) > 0, leave: map[int]int{}, closed: closed, locum: r.IntN(2) == 0}
	for range d.vets {
		for range 2 + r.IntN(3) { // two to four times in a year
			first, length := r.IntN(365), 1+r.IntN(21)
			for day := first; day < first+length; day++ {
				d.leave[day] = min(d.leave[day]+1, max(1, d.vets/2))
			}
		}
	}
	return d
}

// calendar is the profile of a window of eight days with so many visits.
func (d *diary) calendar(ctx context.Context, visits, today int) *Profile {
	unmarked, away := 0, 0
	for day := today; day < today+8; day++ {
		weekday := monday.AddDate(0, 0, day).Weekday()
		closed := day >= d.closed && day < d.closed+14
		if weekday == time.Sunday {
			continue
		}
		away += d.leave[day]
		if d.lunch && weekday != time.Saturday {
			unmarked += d.vets // a series goes on while the practice is closed
		}
		if weekday == time.Tuesday && !closed {
			unmarked += d.meetings
		}
		switch {
		case !d.away:
		case closed:
			unmarked += d.vets
		default:
			unmarked += d.leave[day]
		}
	}
	if !d.locum {
		visits -= visits * away / (d.vets * 7)
	}
	ctx, collector := Collecting(ctx, nil)
	NoteCalendar(ctx, visits+unmarked, unmarked)
	return collector.Profiles()[calendarRows]
}

// normal is the profile of a window of eight days.
func normal(r *rand.Rand, perDay int, at time.Time, habits map[string]float64, closed bool) *Profile {
	p := newProfile()
	p.Answers, p.Forms["list"] = 2, 2
	for ahead := range 8 {
		weekday := at.AddDate(0, 0, ahead).Weekday()
		n := perDay/2 + r.IntN(perDay)
		switch {
		case closed, weekday == time.Sunday:
			n = 0
		case weekday == time.Saturday:
			n /= 3
		}
		p.Rows += float64(n)
	}
	always := func(name, kind, shape string) {
		f := &Field{Came: p.Rows, Filled: p.Rows, Kinds: map[string]float64{kind: p.Rows}, Shapes: map[string]float64{}}
		if shape != "" {
			f.Shapes[shape] = p.Rows
		}
		if p.Rows > 0 {
			p.Fields[name] = f
		}
	}
	always("id", "number", "9")
	always("start", "text", "9-9-9 9:9:9")
	always("status", "text", "")
	for name, share := range habits {
		filled := 0.0
		for range int(p.Rows) {
			if r.Float64() < share {
				filled++
			}
		}
		if p.Rows > 0 {
			p.Fields[name] = &Field{Came: p.Rows, Filled: filled, Kinds: map[string]float64{"text": filled}, Shapes: map[string]float64{}}
		}
	}
	return p
}
