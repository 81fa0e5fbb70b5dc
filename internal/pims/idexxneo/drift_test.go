package idexxneo_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/drift"
	"github.com/pims-sync/pims-sync/internal/driftwatch"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
)

// A vendor stands between Neo and the client and changes what Neo returns.
type vendor struct {
	mu       sync.Mutex
	endpoint string
	change   func(row map[string]any) // of the rows of the endpoint; nil: nothing
	whole    func(body []byte) []byte // of its answers; nil: nothing
	next     http.RoundTripper
}

func (v *vendor) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := v.next.RoundTrip(r)
	v.mu.Lock()
	defer v.mu.Unlock()
	if err != nil || drift.Endpoint(r.URL.Path) != v.endpoint || response.StatusCode != http.StatusOK {
		return response, err
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if v.change != nil {
		var document any
		decoder := json.NewDecoder(bytes.NewReader(body))
		decoder.UseNumber()
		if err := decoder.Decode(&document); err != nil {
			return nil, err
		}
		v.rows(document)
		if body, err = json.Marshal(document); err != nil {
			return nil, err
		}
		body = bytes.ReplaceAll(body, []byte(`"twice of `), []byte(`"`)) // a map has no name twice
	}
	if v.whole != nil {
		body = v.whole(body)
	}
	response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	response.Header.Del("Content-Length")
	return response, nil
}

func (v *vendor) rows(document any) {
	switch d := document.(type) {
	case []any:
		for _, row := range d {
			if row, ok := row.(map[string]any); ok {
				v.change(row)
			}
		}
	case map[string]any:
		for _, inner := range d {
			if list, ok := inner.([]any); ok && v.endpoint != consultationEndpoint {
				v.rows(list)
				return
			}
		}
		v.change(d)
	}
}

const consultationEndpoint = "/consultations/view/{id}"

// mutations are what a vendor may do to a field.
var mutations = map[string]func(row map[string]any, field string){
	"renamed": func(row map[string]any, field string) {
		if value, ok := row[field]; ok {
			delete(row, field)
			row["new_"+field] = value
		}
	},
	"emptied": func(row map[string]any, field string) {
		if _, ok := row[field]; ok {
			row[field] = nil
		}
	},
	"retyped": func(row map[string]any, field string) {
		switch value := row[field].(type) {
		case json.Number:
			row[field] = value.String()
		case bool:
			row[field] = fmt.Sprint(value)
		case string:
			row[field] = []any{value}
		}
	},
	"nested": func(row map[string]any, field string) {
		if value, ok := row[field]; ok {
			row[field] = map[string]any{"value": value}
		}
	},
	"doubled": func(row map[string]any, field string) {
		if value, ok := row[field]; ok {
			row["twice of "+field] = value
		}
	},
}

const calendarEndpoint, searchEndpoint = "/appointments/getCalendarEventData", "/consultations/search"

// look reads a week of the calendar, searches, and reads some consultations, as a sync does;
// or only what one endpoint has to do with.
func look(ctx context.Context, session pims.Session, window pims.Window, only string) (map[string]*drift.Profile, error) {
	ctx, collector := drift.Collecting(ctx, nil)
	var err error
	notes := only == searchEndpoint || only == consultationEndpoint
	if !notes {
		var snapshot pims.Snapshot
		if snapshot, err = session.Appointments(ctx, window); err == nil {
			driftwatch.Calendar(ctx, &snapshot)
			_, err = snapshot.Present()
		}
	}
	if err != nil || only != "" && !notes {
		return collector.Profiles(), err
	}
	entries, err := session.SearchConsultations(ctx, window)
	for i := range entries[:min(len(entries), 6)] {
		if err == nil && only != searchEndpoint {
			_, err = session.Consultation(ctx, entries[i].ID)
		}
	}
	return collector.Profiles(), err
}

// TestEveryChangeOfTheAnswersIsToldOrRefused plays thirty days of a practice, and on the
// next day changes one thing about Neo's answers after the other (R51).
func TestEveryChangeOfTheAnswersIsToldOrRefused(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, time.March, 4, 12, 0, 0, 0, time.UTC)
	between := &vendor{}
	r := startRemote(t, options{
		sim: neosim.Options{Seed: 51, Now: func() time.Time { return now }, PerDay: 5, DaysBack: 45, DaysAhead: 2},
		environment: pims.Environment{
			Now: func() time.Time { return now },
			Wrap: func(next http.RoundTripper) http.RoundTripper {
				between.next = next
				return drift.Transport{Next: between}
			},
		},
	})
	session := r.open(t)
	today := pims.DateOf(now, r.account.Location)
	window := func(day int) pims.Window {
		return pims.Window{Start: today.AddDays(day - 6), End: today.AddDays(day), Location: r.account.Location}
	}
	decides := r.provider.Declaration().Decides
	baselines := make(map[string]*drift.Baseline)
	for day := -30; day < 0; day++ {
		profiles, err := look(t.Context(), session, window(day), "")
		require.NoError(t, err)
		for endpoint, p := range profiles {
			require.Empty(t, drift.Judge(endpoint, baselines[endpoint], p, decides), "a normal day")
			baselines[endpoint] = drift.After(baselines[endpoint], p, now.AddDate(0, 0, day), false)
		}
	}
	require.Contains(t, baselines, consultationEndpoint)
	judge := func() (found []drift.Finding, err error) {
		profiles, err := look(t.Context(), session, window(0), between.endpoint)
		for endpoint, p := range profiles {
			found = append(found, drift.Judge(endpoint, baselines[endpoint], p, decides)...)
		}
		return found, err
	}
	today0, err := judge()
	require.NoError(t, err)
	require.Empty(t, today0)

	told, refused, frozen := 0, 0, 0
	count := func(found []drift.Finding, err error) bool {
		switch {
		case err != nil:
			refused++
		case len(drift.Decisive(found)) > 0:
			frozen++
		case len(found) > 0:
			told++
		default:
			return false
		}
		return true
	}
	for _, endpoint := range slices.Sorted(maps.Keys(baselines)) {
		b := baselines[endpoint]
		for _, field := range slices.Sorted(maps.Keys(b.Fields)) {
			// What is filled in less often is no rule of the vendor's; nothing follows from it.
			if f := b.Fields[field]; strings.Contains(field, ".") || f.Filled < 0.9*b.Rows || f.Kinds["object"] > 0 {
				continue
			}
			for _, name := range slices.Sorted(maps.Keys(mutations)) {
				between.endpoint, between.change = endpoint, func(row map[string]any) { mutations[name](row, field) }
				found, err := judge()
				require.True(t, count(found, err), "%s %s %s", endpoint, field, name)
				if decides(endpoint, field) && err == nil && (name == "renamed" || name == "emptied") {
					require.NotEmpty(t, drift.Decisive(found), "%s %s %s freezes deletions", endpoint, field, name)
				}
			}
		}
	}
	between.change = nil
	for name, whole := range map[string]func([]byte) []byte{
		"another envelope": func(body []byte) []byte { return append(append([]byte(`{"data":`), body...), '}') },
		"an error":         func([]byte) []byte { return []byte(`{"error": "maintenance"}`) },
		"a page":           func([]byte) []byte { return []byte(`<html>`) },
		"half an answer":   func(body []byte) []byte { return body[:len(body)/2] },
	} {
		between.endpoint, between.whole = calendarEndpoint, whole
		found, err := judge()
		require.True(t, count(found, err), name)
	}
	between.whole = nil
	between.endpoint, between.change = calendarEndpoint, func(row map[string]any) {
		if start, ok := row["start"].(string); ok {
			row["start"] = start[8:10] + "." + start[5:7] + "." + start[:4] + start[10:]
		}
	}
	found, err := judge()
	require.True(t, count(found, err), "another form of dates")

	turned := 0
	between.change = func(row map[string]any) { // one kind of visit is written as a block is, and not marked
		if turned++; turned%3 == 0 {
			for name := range row {
				if name != "id" && name != "start" && name != "end" && name != "appointment_id" {
					delete(row, name)
				}
			}
		}
	}
	found, err = judge()
	require.NoError(t, err)
	require.True(t, slices.ContainsFunc(found, func(f drift.Finding) bool { return f.Field == drift.UnmarkedBlocks && f.Kind == drift.Risen }), "%v", found)
	told++

	between.change = nil
	for name, whole := range paged {
		between.endpoint, between.whole = calendarEndpoint, whole
		_, err := judge()
		require.ErrorIs(t, err, pims.ErrSchemaDrift, "a calendar %s is not whole", name)
		refused++
	}
	between.whole = nil
	for name, change := range otherPaging {
		between.endpoint, between.whole = searchEndpoint, func(body []byte) []byte { return edited(t, body, change) }
		found, err := judge()
		require.True(t, count(found, err), "a search %s", name)
	}
	between.whole = nil
	known := wordsOf(t, session, window(0))
	require.Greater(t, len(known), 4)
	for word := range known {
		between.endpoint, between.change = calendarEndpoint, func(row map[string]any) {
			for name, value := range row {
				if value == word {
					row[name] = fmt.Sprintf("Qu %x", word)
				}
			}
		}
		unknown := 0
		for renamed, meaning := range wordsOf(t, session, window(0)) {
			if strings.HasPrefix(renamed, "Qu ") {
				require.Empty(t, meaning, "%s means nothing until somebody says so", renamed)
				unknown++
			}
		}
		require.Positive(t, unknown, "%s under another name is told as an unknown word", word)
		told++
	}
	t.Logf("changes told: %d, told and deletions frozen: %d, refused: %d", told, frozen, refused)
}

// paged are ways to tell that a calendar is the first of several pages.
var paged = map[string]func([]byte) []byte{
	"with a total":           inEnvelope(`"total":100000`),
	"with a total as a text": inEnvelope(`"totalCount":"100000"`),
	"of two pages":           inEnvelope(`"page":1,"total_pages":2`),
	"with more":              inEnvelope(`"has_more":true`),
	"with a next page":       inEnvelope(`"links":{"prev":null,"next":"/appointments?page=2"}`),
	"with a cursor":          inEnvelope(`"meta":{"pagination":{"next_cursor":"b3Vy"}}`),
}

func inEnvelope(members string) func([]byte) []byte {
	return func(rows []byte) []byte { return []byte(`{"data":` + string(rows) + "," + members + "}") }
}

// otherPaging are ways in which a search may page otherwise than it does.
var otherPaging = map[string]func(page map[string]any){
	"that counts pages from 0":  func(page map[string]any) { page["page"] = 0 },
	"with another name":         func(page map[string]any) { page["pageNumber"] = page["page"]; delete(page, "page") },
	"with a size by other name": func(page map[string]any) { page["per_page"] = page["perPage"]; delete(page, "perPage") },
	"without a total":           func(page map[string]any) { delete(page, "total") },
	"with a cursor": func(page map[string]any) {
		page["next"] = "b3Vy"
		delete(page, "total")
		delete(page, "page")
		delete(page, "perPage")
	},
	"with all of that elsewhere": func(page map[string]any) {
		page["meta"] = map[string]any{"total": page["total"], "page": page["page"], "perPage": page["perPage"]}
		delete(page, "total")
		delete(page, "page")
		delete(page, "perPage")
	},
}

func edited(t *testing.T, body []byte, change func(map[string]any)) []byte {
	t.Helper()
	page := make(map[string]any)
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	require.NoError(t, decoder.Decode(&page))
	change(page)
	body, err := json.Marshal(page)
	require.NoError(t, err)
	return body
}

// wordsOf returns the status and type words of a week, with what the client makes of them.
func wordsOf(t *testing.T, session pims.Session, window pims.Window) map[string]string {
	t.Helper()
	snapshot, err := session.Appointments(t.Context(), window)
	require.NoError(t, err)
	words := make(map[string]string)
	for i := range snapshot.Appointments {
		a := &snapshot.Appointments[i]
		words[a.StatusText], words[a.TypeText] = string(a.Status), string(a.Type)
	}
	delete(words, "")
	return words
}
