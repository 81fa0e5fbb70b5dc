package idexxneo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
)

func TestASearchListsWhatIsNeededToMatchConsultations(t *testing.T) { // R9, R19
	t.Parallel()
	at := func(hour int) time.Time {
		return time.Date(2026, time.January, 17, hour, 15, 0, 0, berlin(t))
	}
	for name, body := range fixtures(t, "search") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			entries, err := dial(t, wire{searchPath: says(body)}).SearchConsultations(t.Context(), january(t, 17, 17))
			require.NoError(t, err)
			require.Len(t, entries, 2)
			for i := range entries {
				require.Len(t, entries[i].Fingerprint, 32)
				entries[i].Fingerprint, entries[i].StatusText = "", ""
			}
			require.Empty(t, cmp.Diff([]pims.ConsultationEntry{
				{ID: "5001", AppointmentID: "7001", At: at(10), Status: pims.ConsultationCompleted},
				{ID: "5002", At: at(11), Status: pims.ConsultationInProgress},
			}, entries))
		})
	}
}

func TestASearchInAnyOtherFormIsRefused(t *testing.T) { // R5
	t.Parallel()
	for name, body := range fixtures(t, "search-refused") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			entries, err := dial(t, wire{searchPath: says(body)}).SearchConsultations(t.Context(), january(t, 17, 17))
			requireDrift(t, err)
			require.Empty(t, entries)
		})
	}
}

func TestASearchAsksAsNeoWantsIt(t *testing.T) {
	t.Parallel()
	var asked *http.Request
	answer := func(w http.ResponseWriter, r *http.Request) {
		asked = r
		says(`{"data":[],"total":0,"page":1,"perPage":20}`)(w, r)
	}
	entries, err := dial(t, wire{searchPath: answer}).SearchConsultations(t.Context(), january(t, 5, 17))
	require.NoError(t, err)
	require.Empty(t, entries)
	query := asked.URL.Query()
	require.Equal(t, "1", query.Get("page"))
	require.Equal(t, "05.01.2026 00:00:00", query.Get("date_start"))
	require.Equal(t, "17.01.2026 23:59:59", query.Get("date_end"))
	require.Equal(t, "consultedAt:desc", query.Get("order[]"))
}

// pages answers a search over so many consultations; change spoils an answer
// before it is sent.
func pages(total int, change func(page int, answer map[string]any)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		const perPage = 20
		page, _ := strconv.Atoi(r.URL.Query().Get("page"))
		entries := []any{}
		for i := (page - 1) * perPage; i < min(page*perPage, total); i++ {
			entries = append(entries, map[string]any{"id": 5000 + i, "appointmentId": 7000 + i})
		}
		answer := map[string]any{"data": entries, "total": total, "page": page, "perPage": perPage}
		change(page, answer)
		_ = json.NewEncoder(w).Encode(answer)
	}
}

// serially lets one request in at a time, so that it may keep a state.
func serially(answer http.HandlerFunc) http.HandlerFunc {
	var mu sync.Mutex
	return func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		answer(w, r)
	}
}

func honest(int, map[string]any) {}

func TestASearchReadsAllPagesInOrder(t *testing.T) {
	t.Parallel()
	for _, total := range []int{0, 1, 19, 20, 21, 40, 41, 333} {
		t.Run(fmt.Sprint(total), func(t *testing.T) {
			t.Parallel()
			entries, err := dial(t, wire{searchPath: pages(total, honest)}).SearchConsultations(t.Context(), january(t, 1, 17))
			require.NoError(t, err)
			require.Len(t, entries, total)
			for i, e := range entries {
				require.Equal(t, strconv.Itoa(5000+i), e.ID)
			}
		})
	}
}

func TestPagesThatDoNotAddUpAreReadOnceMore(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(page int, answer map[string]any){
		"a total that changes": func(page int, answer map[string]any) {
			if page == 3 {
				answer["total"] = 46
			}
		},
		"an entry that comes twice, far away": func(page int, answer map[string]any) {
			if page == 3 {
				answer["data"].([]any)[0] = map[string]any{"id": 5000}
			}
		},
		"a page that is short": func(page int, answer map[string]any) {
			if page == 2 {
				answer["data"] = answer["data"].([]any)[1:]
			}
		},
		"a page that is long": func(page int, answer map[string]any) {
			if page == 2 {
				answer["data"] = append(answer["data"].([]any), map[string]any{"id": 1})
			}
		},
		"a first page that is short": func(page int, answer map[string]any) {
			if page == 1 {
				answer["data"] = answer["data"].([]any)[1:]
			}
		},
		"a length that changes": func(page int, answer map[string]any) {
			if page == 2 {
				answer["perPage"] = 25
			}
		},
		"a length that grows, so that entries are passed over": func(page int, answer map[string]any) {
			switch page {
			case 2: // the second 30
				answer["perPage"], answer["data"] = 30, []any{map[string]any{"id": 5030}, map[string]any{"id": 5031}}
			case 3:
				answer["perPage"], answer["data"] = 30, []any{}
			}
		},
	} {
		t.Run(name+", once", func(t *testing.T) {
			t.Parallel()
			left := 1
			answer := pages(45, func(page int, answer map[string]any) {
				before, _ := json.Marshal(answer)
				if left > 0 {
					spoil(page, answer)
				}
				if after, _ := json.Marshal(answer); !bytes.Equal(after, before) {
					left--
				}
			})
			entries, err := dial(t, wire{searchPath: serially(answer)}).SearchConsultations(t.Context(), january(t, 1, 17))
			require.NoError(t, err)
			require.Len(t, entries, 45)
			require.Zero(t, left)
		})
		t.Run(name+", again and again", func(t *testing.T) {
			t.Parallel()
			entries, err := dial(t, wire{searchPath: pages(45, spoil)}).SearchConsultations(t.Context(), january(t, 1, 17))
			requireDrift(t, err)
			require.Empty(t, entries)
		})
	}
}

func TestATotalIsOnlyAHint(t *testing.T) { // NEO.md §Consultations
	t.Parallel()
	for _, c := range []struct{ listed, total, most int }{
		{0, 1, 1},
		{0, 21, 1},
		{5, 7, 1},
		{5, 300, 11},
		{19, 20, 1},
		{20, 21, 2},
		{20, 45, 3},
		{38, 41, 3},
		{40, 47, 3},
		{45, 200_000, 11},
		{5, 3, 1},
		{25, 3, 2},
		{45, 44, 3},

		{45, 0, 3},
		{60, 41, 4},
	} {
		t.Run(fmt.Sprint(c.listed, " listed, a total of ", c.total), func(t *testing.T) {
			t.Parallel()
			asked := 0
			answer := pages(c.listed, func(_ int, answer map[string]any) {
				asked++
				answer["total"] = c.total
			})
			entries, err := dial(t, wire{searchPath: serially(answer)}).SearchConsultations(t.Context(), january(t, 1, 17))
			require.NoError(t, err)
			require.Len(t, entries, c.listed)
			require.Equal(t, c.most, asked)
		})
	}
}

func TestAnEntryWithoutAnIDIsLeftOut(t *testing.T) { // R6
	t.Parallel()
	for _, id := range []any{0, "0", nil, ""} {
		answer := pages(45, func(page int, answer map[string]any) {
			if page == 2 {
				answer["data"].([]any)[3] = map[string]any{"id": id, "appointmentId": 7001}
			}
		})
		entries, err := dial(t, wire{searchPath: answer}).SearchConsultations(t.Context(), january(t, 1, 17))
		require.NoError(t, err)
		require.Len(t, entries, 44)
	}
}

func TestAnEntryThatIsNoObjectIsLeftOut(t *testing.T) { // R6
	t.Parallel()
	for _, nothing := range []any{nil, 5001, "5001", true, []any{}, []any{map[string]any{"id": 5001}}} {
		answer := pages(45, func(page int, answer map[string]any) {
			if page == 2 {
				answer["data"].([]any)[3] = nothing
			}
		})
		entries, err := dial(t, wire{searchPath: answer}).SearchConsultations(t.Context(), january(t, 1, 17))
		require.NoError(t, err)
		require.Len(t, entries, 44)
	}
}

func TestAPageWithoutAnIDIsNoListWithoutOne(t *testing.T) { // R6
	t.Parallel()
	for _, row := range []any{nil, map[string]any{"id": 0}, map[string]any{"appointmentId": 7001}} {
		search := func(total int) ([]pims.ConsultationEntry, error) {
			answer := pages(total, func(page int, answer map[string]any) {
				if page == 1+(total-1)/20 { // the last
					answer["data"] = []any{row}
				}
			})
			return dial(t, wire{searchPath: answer}).SearchConsultations(t.Context(), january(t, 1, 17))
		}
		entries, err := search(41)
		require.NoError(t, err)
		require.Len(t, entries, 40)

		_, err = search(1)
		requireDrift(t, err)
	}
}

// rows answers a search over so many consultations, the rows of which change lists
// anew for each reading, from 1.
func rows(total int, change func(reading int, rows []any) []any) http.HandlerFunc {
	const perPage = 20
	reading := 0
	return serially(func(w http.ResponseWriter, r *http.Request) {
		page, _ := strconv.Atoi(r.URL.Query().Get("page"))
		if page == 1 {
			reading++
		}
		all := []any{}
		for i := range total {
			all = append(all, map[string]any{"id": 5000 + i, "appointmentId": 7000 + i})
		}
		all = change(reading, all)
		from := min((page-1)*perPage, len(all))
		to := min(page*perPage, len(all))
		_ = json.NewEncoder(w).Encode(map[string]any{"data": all[from:to], "total": total, "page": page, "perPage": perPage})
	})
}

func TestTheSameEntryTwiceCountsOnce(t *testing.T) { // R6
	t.Parallel()
	again := func(at ...int) func(int, []any) []any { // the row is doubled where it stands
		return func(_ int, rows []any) []any {
			for _, at := range at {
				rows = slices.Insert(rows, at+1, rows[at])
			}
			return rows
		}
	}
	for name, c := range map[string]struct {
		total  int
		change func(int, []any) []any
	}{
		"on one page":                     {45, again(3)},
		"three times on one page":         {45, again(3, 3)},
		"on two pages":                    {45, again(19)},
		"on two pages, and each of these": {45, again(39, 19)},
		"at the end":                      {45, again(44)},
		"where the total leaves it out":   {40, again(3)},
		"alone":                           {1, again(0)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			entries, err := dial(t, wire{searchPath: rows(c.total, c.change)}).SearchConsultations(t.Context(), january(t, 1, 17))
			require.NoError(t, err)
			require.Len(t, entries, c.total)
			for i, e := range entries {
				require.Equal(t, strconv.Itoa(5000+i), e.ID)
			}
		})
	}
}

func TestTwoEntriesOfOneConsultationAreOneRecord(t *testing.T) { // R9, R20
	t.Parallel()
	for name, c := range map[string]struct {
		row       string
		at        int
		visit     string
		contested bool
	}{
		"for two visits":                 {`{"id":5003,"appointmentId":7999}`, 4, "", true},
		"for two visits, far on a page":  {`{"id":5003,"appointmentId":7999}`, 15, "", true},
		"for two visits, on two pages":   {`{"id":5003,"appointmentId":7999}`, 20, "", true},
		"before the other":               {`{"id":5003,"appointmentId":7999}`, 0, "", true},
		"one names no visit":             {`{"id":5003,"appointmentId":null}`, 4, "7003", false},
		"of one visit, in two states":    {`{"id":5003,"appointmentId":7003,"status":"completed"}`, 4, "7003", false},
		"with a field that is not read":  {`{"id":5003,"appointmentId":7003,"new":1}`, 4, "7003", false},
		"with two visits in one of them": {`{"id":5003,"appointmentId":7003,"appointment_id":7004}`, 4, "7003", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var row any
			require.NoError(t, json.Unmarshal([]byte(c.row), &row))
			answer := rows(45, func(_ int, rows []any) []any { return slices.Insert(rows, c.at, row) })
			entries, err := dial(t, wire{searchPath: answer}).SearchConsultations(t.Context(), january(t, 1, 17))
			require.NoError(t, err)
			require.Len(t, entries, 45, "one record fails alone")
			for _, e := range entries {
				require.NotEmpty(t, e.Fingerprint)
				if e.ID == "5003" {
					require.Equal(t, c.visit, e.AppointmentID)
					require.Equal(t, c.contested, e.Contested)
				}
			}
		})
	}
}

func TestAListThatMovesIsToldFromDoubles(t *testing.T) { // R6
	t.Parallel()
	insert := func(at int, row any) func(int, []any) []any {
		return func(_ int, rows []any) []any { return slices.Insert(rows, at, row) }
	}
	for name, change := range map[string]func(reading int, rows []any) []any{
		"two pages apart": insert(41, map[string]any{"id": 5003, "appointmentId": 7003}),
		"another one each time": func(reading int, rows []any) []any { // 5019 and 5020 are lost
			rows[20] = rows[20-reading]
			return rows
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			entries, err := dial(t, wire{searchPath: rows(45, change)}).SearchConsultations(t.Context(), january(t, 1, 17))
			requireDrift(t, err)
			require.Empty(t, entries)
		})
	}
	t.Run("one at the first reading only", func(t *testing.T) {
		t.Parallel()
		answer := rows(45, func(reading int, rows []any) []any {
			if reading == 1 {
				rows[20] = rows[19]
			}
			return rows
		})
		entries, err := dial(t, wire{searchPath: answer}).SearchConsultations(t.Context(), january(t, 1, 17))
		require.NoError(t, err)
		require.Len(t, entries, 45)
	})
}

func TestAnotherPageThanAskedForIsRefused(t *testing.T) {
	t.Parallel()
	first := pages(45, func(_ int, answer map[string]any) { answer["page"] = 1 })
	_, err := dial(t, wire{searchPath: first}).SearchConsultations(t.Context(), january(t, 1, 17))
	requireDrift(t, err)
}

func TestAFingerprintIsOfTheContentNotOfItsSpelling(t *testing.T) { // R19
	t.Parallel()
	fingerprint := func(entry string) string {
		body := fmt.Sprintf(`{"data":[%s],"total":1,"page":1,"perPage":20}`, entry)
		entries, err := dial(t, wire{searchPath: says(body)}).SearchConsultations(t.Context(), january(t, 17, 17))
		require.NoError(t, err)
		return entries[0].Fingerprint
	}
	plain := fingerprint(`{"id":9007199254740993,"status":"completed","vitals":{"pulse":80,"weight":1.50}}`)
	require.Equal(t, plain, fingerprint("{ \"vitals\" : {\"weight\":1.50,\n\"pulse\":80}, \"st\\u0061tus\":\"completed\", \"id\":9007199254740993 }"))
	for _, changed := range []string{
		`{"id":9007199254740992,"status":"completed","vitals":{"pulse":80,"weight":1.50}}`,
		`{"id":9007199254740993,"status":"completed","vitals":{"pulse":81,"weight":1.50}}`,
		`{"id":9007199254740993,"status":"completed","vitals":{"pulse":80,"weight":1.51}}`,
		`{"id":9007199254740993,"status":"completed","vitals":{"pulse":80,"weight":1.50},"new":null}`,
		`{"id":9007199254740993,"status":"completed","vitals":null}`,
	} {
		require.NotEqual(t, plain, fingerprint(changed), changed)
	}
}
