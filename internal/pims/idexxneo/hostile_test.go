package idexxneo

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimshttp"
)

// hostile answers are small when compressed and endless otherwise (R57). rows is how
// an element of the list begins, up to its closing brace.
var hostile = map[string]struct {
	path string
	ask  string
	body func(w io.Writer, rows func(i int) string)
	fits bool
}{
	"a text without an end": {calendarPath, "calendar", func(w io.Writer, _ func(int) string) {
		_, _ = io.WriteString(w, `[{"id":1,"reason":"`)
		repeat(w, "a")
	}, false},
	"a text without an end in a search": {searchPath, "search", func(w io.Writer, _ func(int) string) {
		_, _ = io.WriteString(w, `{"data":[{"id":1,"clinicalNotes":"`)
		repeat(w, "a")
	}, false},
	"a text without an end in a view": {"/consultations/view/1", "view", func(w io.Writer, _ func(int) string) {
		_, _ = io.WriteString(w, `{"id":1,"clinicalNotes":"`)
		repeat(w, "a")
	}, false},
	"a list without an end in a view": {"/consultations/view/1", "view", func(w io.Writer, _ func(int) string) {
		_, _ = io.WriteString(w, `{"id":1,"diagnoses":["a"`)
		repeat(w, `,"a"`)
	}, false},
	"a number": {calendarPath, "calendar", func(w io.Writer, _ func(int) string) { repeat(w, "1") }, false},
	"blanks":   {calendarPath, "calendar", func(w io.Writer, _ func(int) string) { repeat(w, " ") }, false},
	"levels": {calendarPath, "calendar", func(w io.Writer, _ func(int) string) {
		_, _ = io.WriteString(w, `[{"id":1,"reason":`)
		repeat(w, "[")
	}, false},
	"one row of many fields": {calendarPath, "calendar", func(w io.Writer, _ func(int) string) {
		_, _ = io.WriteString(w, `[{"id":1`)
		repeat(w, `,"reason":"aaaaaaaaaaaaaaaaaa"`)
	}, false},
	"a million rows": {calendarPath, "calendar", func(w io.Writer, row func(int) string) { writeRows(w, row, 1_000_000, "") }, false},
	"rows of almost a mebibyte": {calendarPath, "calendar", func(w io.Writer, row func(int) string) {
		writeRows(w, row, 60, `,"reason":"`+strings.Repeat("a", 1000<<10)+`"`)
	}, false},
	"a page of a million entries": {searchPath, "search", func(w io.Writer, _ func(int) string) {
		_, _ = io.WriteString(w, `{"total":100000,"page":1,"perPage":100000,"data":[{"id":1}`)
		for i := range 1_000_000 {
			_, _ = fmt.Fprintf(w, `,{"id":%d}`, i+2)
		}
	}, false},
	"as many rows as fit": {calendarPath, "calendar", func(w io.Writer, row func(int) string) { writeRows(w, row, 40_000, "") }, true},
	"as many long rows as fit": {calendarPath, "calendar", func(w io.Writer, row func(int) string) {
		writeRows(w, row, 19, `,"reason":"`+strings.Repeat("a", 1000<<10)+`"`)
	}, true},
}

// repeat writes 60 MiB of a text.
func repeat(w io.Writer, s string) {
	part := strings.Repeat(s, 32<<10/len(s))
	for n := 0; n < 60<<20; n += len(part) {
		if _, err := io.WriteString(w, part); err != nil {
			return
		}
	}
}

func writeRows(w io.Writer, row func(int) string, rows int, more string) {
	_, _ = io.WriteString(w, "[")
	for i := range rows {
		if _, err := io.WriteString(w, row(i)+more+"}"+map[bool]string{true: ",", false: "]"}[i < rows-1]); err != nil {
			return
		}
	}
}

// The child process asks a server for the hostile answer of a name, and tells on its
// last line what came of it and the most memory that it took.
const hostileEnv = "PIMS_SYNC_TEST_HOSTILE"

func TestAHostileAnswerTakesLittleMemory(t *testing.T) { // R57
	t.Parallel()
	if name := os.Getenv(hostileEnv); name != "" {
		askHostile(t, name)
		return
	}
	for name, h := range hostile {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requests := map[string]int{}
			answer := func(w http.ResponseWriter, r *http.Request) {
				requests[r.URL.Path]++
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("Content-Encoding", "gzip")
				compressed, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
				if err != nil {
					panic(err)
				}
				buffered := bufio.NewWriter(compressed)
				start := r.URL.Query().Get("start")
				day, _ := strconv.Atoi(strings.ReplaceAll(cmp.Or(start, "2026-01-01")[:10], "-", ""))
				h.body(buffered, func(i int) string {
					return fmt.Sprintf(`{"id":%d,"patient_id":1,"start":%q`, day*10_000_000+i, start)
				})
				_ = buffered.Flush()
				_ = compressed.Close()
			}
			server := httptest.NewServer(wire{h.path: serially(answer)})
			t.Cleanup(server.Close)
			child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAHostileAnswerTakesLittleMemory$", "-test.count=1")
			child.Env = append(os.Environ(), hostileEnv+"="+name, "BASE="+server.URL, "GOMEMLIMIT=160MiB")
			said, err := child.CombinedOutput()
			require.NoError(t, err, "%s", said)
			var outcome string
			var kilobytes int
			_, after, found := strings.Cut(string(said), "HOSTILE ")
			require.True(t, found, "%s", said)
			_, err = fmt.Sscanf(after, "%s %d", &outcome, &kilobytes)
			require.NoError(t, err, "%s", said)
			t.Logf("%d MiB", kilobytes>>10)
			require.Less(t, kilobytes>>10, 230*memoryFactor, "MiB; the whole process may take 256")
			if h.fits {
				require.Equal(t, "ok", outcome)
				return
			}
			require.Equal(t, "refused", outcome)
			require.LessOrEqual(t, requests[h.path], parallelSlices, "it is neither tried again nor halved")
		})
	}
}

// askHostile is the child process.
func askHostile(t *testing.T, name string) {
	base, err := url.Parse(os.Getenv("BASE"))
	require.NoError(t, err)
	p, ok := New(pims.Environment{Hosts: pims.HostPolicy{Named: []string{base.Host}}, Backoff: time.Millisecond, Timeout: 5 * time.Minute}).(*provider)
	require.True(t, ok)
	s, err := p.open(pims.Account{Location: time.UTC}, savedState{Base: base.String()})
	require.NoError(t, err)
	switch hostile[name].ask {
	case "calendar":
		day := pims.Date{Year: 2026, Month: time.January, Day: 1}
		window, bad := pims.NewWindow(day, day.AddDays(34), time.UTC)
		require.NoError(t, bad)
		_, err = s.Appointments(context.Background(), window)
	case "search":
		_, err = s.SearchConsultations(context.Background(), january(t, 1, 7))
	default:
		_, err = s.Consultation(context.Background(), "1")
	}
	outcome := "ok"
	switch {
	case errors.Is(err, pimshttp.ErrOverLimit), errors.Is(err, pimshttp.ErrTooLarge):
		outcome = "refused"
	case err != nil:
		outcome = pims.Kind(err)
	}
	status, err := os.ReadFile("/proc/self/status")
	require.NoError(t, err)
	_, most, _ := strings.Cut(string(status), "VmHWM:")
	fmt.Println("HOSTILE", outcome, strings.Fields(most)[0])
}
