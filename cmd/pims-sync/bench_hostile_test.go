package main

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A hostileNeo answers the calendar of 35 days in a way of its own, and everything else as a
// Neo does.
type hostileNeo struct {
	neo      http.Handler
	calendar func(w http.ResponseWriter, row func(i int) string)
	search   func() // before a search is answered; nil: nothing
}

func (h *hostileNeo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := r.URL.Query().Get("start")
	switch {
	case r.URL.Path == "/consultations/search" && h.search != nil:
		h.search()
	case r.URL.Path == "/appointments/getCalendarEventData" && h.calendar != nil && len(start) > len(time.DateOnly):
		day := strings.ReplaceAll(start[:len(time.DateOnly)], "-", "")
		w.Header().Set("Content-Type", "application/json")
		h.calendar(w, func(i int) string {
			return fmt.Sprintf(`{"id":%s%07d,"patient_id":1,"current_status":"scheduled","start":%q`, day, i, start)
		})
		return
	}
	h.neo.ServeHTTP(w, r)
}

// small writes a body that is small when compressed.
func small(body func(w io.Writer, row func(i int) string)) func(http.ResponseWriter, func(int) string) {
	return func(w http.ResponseWriter, row func(int) string) {
		w.Header().Set("Content-Encoding", "gzip")
		compressed, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
		if err != nil {
			panic(err)
		}
		buffered := bufio.NewWriterSize(compressed, 64<<10)
		body(buffered, row)
		_ = buffered.Flush()
		_ = compressed.Close()
	}
}

// endless writes a beginning, and 60 MiB of a text.
func endless(begin, part string) func(http.ResponseWriter, func(int) string) {
	return small(func(w io.Writer, _ func(int) string) {
		_, _ = io.WriteString(w, begin)
		for n := 0; n < 60<<20; n += len(part) << 10 {
			if _, err := io.WriteString(w, strings.Repeat(part, 1<<10)); err != nil {
				return
			}
		}
	})
}

// rows writes so many rows, each with a reason of so many bytes.
func rows(count, bytes int) func(http.ResponseWriter, func(int) string) {
	reason := `,"reason":"` + strings.Repeat("a", bytes) + `"}`
	return small(func(w io.Writer, row func(int) string) {
		for i := range count {
			if _, err := io.WriteString(w, map[bool]string{true: "[", false: ","}[i == 0]+row(i)+reason); err != nil {
				return
			}
		}
		_, _ = io.WriteString(w, "]")
	})
}

// header writes a header of a megabyte.
func header(w http.ResponseWriter, _ func(int) string) {
	w.Header().Set("X-Long", strings.Repeat("a", 1<<20))
	_, _ = io.WriteString(w, "[]")
}

// trickle writes a byte from time to time, until the other side has enough.
func trickle(w http.ResponseWriter, _ func(int) string) {
	for out := http.NewResponseController(w); out.Flush() == nil; time.Sleep(200 * time.Millisecond) {
		if _, err := io.WriteString(w, " "); err != nil {
			return
		}
	}
}

// BenchmarkHostile is the most memory that `pims-sync serve` takes while clinics whose PIMS
// wishes it ill are synced at once, beside 256 MiB (R57). The largest calendars are kept
// while the searches wait: until all clinics search, or half a minute.
func BenchmarkHostile(b *testing.B) {
	const clinics = 10
	for _, h := range []struct {
		name     string
		clinics  int
		status   int
		calendar func(http.ResponseWriter, func(int) string)
	}{
		{"a text of 60 MiB", 1, http.StatusBadGateway, endless(`[{"id":1,"reason":"`, "a")},
		{"a number of 60 MiB", 1, http.StatusBadGateway, endless("", "1")},
		{"60 MiB of blanks", 1, http.StatusBadGateway, endless("", " ")},
		{"60 MiB of levels", 1, http.StatusBadGateway, endless("", "[")},
		{"one row of small fields", 1, http.StatusBadGateway, endless(`[{"id":1`, `,"reason":"aaaaaaaa"`)},
		{"a million tiny rows", 1, http.StatusUnprocessableEntity, rows(1_000_000, 0)},
		{"60 rows of a megabyte", 1, http.StatusUnprocessableEntity, rows(60, 1_000_000)},
		{"a header of a megabyte", 1, http.StatusBadGateway, header},
		{"a body that trickles", 1, http.StatusBadGateway, trickle},
		{"a million tiny rows of ten clinics", clinics, http.StatusUnprocessableEntity, rows(1_000_000, 0)},
		{"the largest calendars of ten clinics", clinics, http.StatusOK, rows(1000, 16_000)},
		{"the most tiny rows of ten clinics", clinics, http.StatusOK, rows(31_000, 0)},
	} {
		b.Run(h.name, func(b *testing.B) {
			c := comparison{unit: "MiB", bound: 1}
			for b.Loop() {
				c.add(mostMemory(b, h.clinics, h.status, h.calendar), 256)
			}
			c.report(b)
		})
	}
}

// mostMemory runs a full sync of each of some clinics at once, and returns the most memory
// that the server took.
func mostMemory(b *testing.B, clinics, status int, calendar func(http.ResponseWriter, func(int) string)) float64 {
	b.Helper()
	var searching atomic.Int32
	all := make(chan struct{})
	open := sync.OnceFunc(func() { close(all) })
	i := installWith(b, "MAX_SYNCS=10", "PIMS_RATE_LIMIT=0")
	var subjects []*subject
	for range clinics {
		s := i.enrol(b, newNeo(b, 1))
		hostile := &hostileNeo{neo: s.tape.neo, search: func() {
			if int(searching.Add(1)) == clinics {
				open()
			}
			select {
			case <-all:
			case <-time.After(30 * time.Second):
				open()
			}
		}}
		s.tape.neo = hostile
		s.logIn(b)
		hostile.calendar = calendar
		subjects = append(subjects, s)
	}
	var group sync.WaitGroup
	statuses := make([]answer, clinics)
	for n, s := range subjects {
		group.Go(func() {
			statuses[n] = s.sync(b, "full", fmt.Sprintf(`{"startDate": %q, "endDate": %q}`, s.day(-20), s.day(14)))
		})
	}
	group.Wait()
	for _, a := range statuses {
		require.Equal(b, status, a.status, a.body)
	}
	most := i.memory(b, "VmHWM")
	i.stop(b)
	return most
}
