//go:build !race

// The race detector multiplies the memory of a process, which these tests bound.

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
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimshttp"
)

type hostileAnswer struct {
	path string
	ask  string
	body func(w io.Writer, rows func(i int) string)
	fits bool

	large bool // its rows are more than a small fetch may keep: it is asked for twice
}

// hostile answers are small when compressed and endless otherwise (R57). rows is how
// an element of the list begins, up to its closing brace.
var hostile = map[string]hostileAnswer{
	"a text without an end": {calendarPath, "calendar", func(w io.Writer, _ func(int) string) {
		_, _ = io.WriteString(w, `[{"id":1,"reason":"`)
		repeat(w, "a")
	}, false, false},
	"a text without an end in a search": {searchPath, "search", func(w io.Writer, _ func(int) string) {
		_, _ = io.WriteString(w, `{"data":[{"id":1,"clinicalNotes":"`)
		repeat(w, "a")
	}, false, false},
	"a text without an end in a view": {"/consultations/view/1", "view", func(w io.Writer, _ func(int) string) {
		_, _ = io.WriteString(w, `{"id":1,"clinicalNotes":"`)
		repeat(w, "a")
	}, false, false},
	"a list without an end in a view": {"/consultations/view/1", "view", func(w io.Writer, _ func(int) string) {
		_, _ = io.WriteString(w, `{"id":1,"diagnoses":["a"`)
		repeat(w, `,"a"`)
	}, false, false},
	"a number": {calendarPath, "calendar", func(w io.Writer, _ func(int) string) { repeat(w, "1") }, false, false},
	"blanks":   {calendarPath, "calendar", func(w io.Writer, _ func(int) string) { repeat(w, " ") }, false, false},
	"levels": {calendarPath, "calendar", func(w io.Writer, _ func(int) string) {
		_, _ = io.WriteString(w, `[{"id":1,"reason":`)
		repeat(w, "[")
	}, false, false},
	"one row of many fields": {calendarPath, "calendar", func(w io.Writer, _ func(int) string) {
		_, _ = io.WriteString(w, `[{"id":1`)
		repeat(w, `,"reason":"aaaaaaaaaaaaaaaaaa"`)
	}, false, false},
	"a million rows": {calendarPath, "calendar", func(w io.Writer, row func(int) string) { writeRows(w, row, 1_000_000, "") }, false, true},
	"rows of almost a mebibyte": {calendarPath, "calendar", func(w io.Writer, row func(int) string) {
		writeRows(w, row, 60, `,"reason":"`+strings.Repeat("a", 1000<<10)+`"`)
	}, false, true},
	"a page of a million entries": {searchPath, "search", func(w io.Writer, _ func(int) string) {
		_, _ = io.WriteString(w, `{"total":100000,"page":1,"perPage":100000,"data":[{"id":1}`)
		for i := range 1_000_000 {
			_, _ = fmt.Fprintf(w, `,{"id":%d}`, i+2)
		}
	}, false, true},
	"as many rows as fit": {calendarPath, "calendar", func(w io.Writer, row func(int) string) { writeRows(w, row, 32_000, "") }, true, true},
	"as many long rows as fit": {calendarPath, "calendar", func(w io.Writer, row func(int) string) {
		writeRows(w, row, 15, `,"reason":"`+strings.Repeat("a", 1000<<10)+`"`)
	}, true, true},
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
		askHostile(name)
		return
	}
	for name, h := range hostile {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requests, told := play(t, h, name, "TestAHostileAnswerTakesLittleMemory")
			t.Logf("%d MiB", told.kilobytes>>10)
			require.Less(t, told.kilobytes>>10, 230, "MiB; the whole process may take 256")
			if h.fits {
				require.Equal(t, "ok", told.outcome)
				return
			}
			require.Equal(t, "refused", told.outcome)
			require.LessOrEqual(t, requests, map[bool]int{true: 2, false: 1}[h.large]*parallelSlices, "it is neither tried again nor halved")
		})
	}
}

// crowdEnv is how many clinics ask at once, each in a session of its own.
const crowdEnv = "PIMS_SYNC_TEST_CROWD"

func TestManyHostileClinicsAtOnceTakeLittleMoreThanOne(t *testing.T) { // R57
	t.Parallel()
	if name := os.Getenv(hostileEnv); name != "" {
		askTogether(t, name)
		return
	}
	for name, clinics := range map[string]int{"a million rows": 4, "as many long rows as fit": 8} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := hostile[name]
			_, told := play(t, h, name, "TestManyHostileClinicsAtOnceTakeLittleMoreThanOne", fmt.Sprint(crowdEnv, "=", clinics))
			t.Logf("%d MiB", told.kilobytes>>10)
			require.Less(t, told.kilobytes>>10, 250, "MiB; the whole process may take 256")
			require.Equal(t, map[bool]string{true: "ok", false: "refused"}[h.fits], told.outcome)
		})
	}
}

// askTogether is the child process of many clinics.
func askTogether(t *testing.T, name string) {
	clinics, err := strconv.Atoi(os.Getenv(crowdEnv))
	require.NoError(t, err)
	watchMemory()
	outcomes := make(chan string)
	for range clinics {
		go func() { outcomes <- ask(name) }()
	}
	all := map[string]int{}
	for range clinics {
		all[<-outcomes]++
	}
	require.Len(t, all, 1, "they fare alike")
	for outcome := range all {
		tell(outcome)
	}
}

// told is what a child process tells on its last line.
type told struct {
	outcome   string
	kilobytes int
}

// play runs a test as a child process that asks for a hostile answer, and returns how
// often it asked.
func play(t *testing.T, h hostileAnswer, name, test string, env ...string) (requests int, said told) {
	t.Helper()
	var asked atomic.Int64
	answer := func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
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
	server := httptest.NewServer(wire{h.path: answer})
	t.Cleanup(server.Close)
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+test+"$", "-test.count=1")
	child.Env = append(append(os.Environ(), hostileEnv+"="+name, "BASE="+server.URL, "GOMEMLIMIT=160MiB"), env...)
	output, err := child.CombinedOutput()
	require.NoError(t, err, "%s", output)
	_, after, found := strings.Cut(string(output), "HOSTILE ")
	require.True(t, found, "%s", output)
	_, err = fmt.Sscanf(after, "%s %d", &said.outcome, &said.kilobytes)
	require.NoError(t, err, "%s", output)
	return int(asked.Load()), said
}

// askHostile is the child process.
func askHostile(name string) {
	watchMemory()
	tell(ask(name))
}

// watchMemory ends the child process once it has taken more than it may. Without a limit of
// its own, it would go on for minutes, collecting garbage.
func watchMemory() {
	go func() {
		for range time.Tick(20 * time.Millisecond) {
			if most := mostMemory(); most > 256<<10 {
				fmt.Println("HOSTILE", "unbounded", most)
				os.Exit(0)
			}
		}
	}()
}

// ask asks a server for a hostile answer and returns what came of it.
func ask(name string) string {
	base, err := url.Parse(os.Getenv("BASE"))
	if err != nil {
		return err.Error()
	}
	p, _ := New(pims.Environment{Hosts: pims.HostPolicy{Named: []string{base.Host}}, Backoff: time.Millisecond, Timeout: 5 * time.Minute}).(*provider)
	s, err := p.open(pims.Account{Location: time.UTC}, savedState{Base: base.String()}, time.Time{})
	if err != nil {
		return err.Error()
	}
	day := pims.Date{Year: 2026, Month: time.January, Day: 1}
	switch hostile[name].ask {
	case "calendar":
		_, err = s.Appointments(context.Background(), pims.Window{Start: day, End: day.AddDays(34), Location: time.UTC})
	case "search":
		_, err = s.SearchConsultations(context.Background(), pims.Window{Start: day, End: day.AddDays(6), Location: time.UTC})
	default:
		_, err = s.Consultation(context.Background(), "1")
	}
	outcome := "ok"
	switch {
	case errors.Is(err, pims.ErrOverLimit), errors.Is(err, pimshttp.ErrTooLarge):
		outcome = "refused"
	case err != nil:
		outcome = pims.Kind(err)
	}
	return outcome
}

func tell(outcome string) { fmt.Println("HOSTILE", outcome, mostMemory()) }

// mostMemory returns the most that this process has taken, in KiB.
func mostMemory() int {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		panic(err)
	}
	_, most, _ := strings.Cut(string(status), "VmHWM:")
	kilobytes, err := strconv.Atoi(strings.Fields(most)[0])
	if err != nil {
		panic(err)
	}
	return kilobytes
}
