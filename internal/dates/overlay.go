package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// The variables that the moved clock reads, before anything else in a process.
const (
	shiftVariable = "PIMS_SYNC_TEST_SHIFT" // how far the clock is moved, as time.ParseDuration reads it
	readsVariable = "PIMS_SYNC_TEST_READS" // the file that gets a line when the process looks at the date or the zone
	timesVariable = "PIMS_SYNC_TEST_TIMES" // the Unix times, separated by blanks, at which the rounds of -test.count begin
)

// An edit replaces a text of one of the standard library's files, where it is once.
type edit struct{ file, old, new string }

var edits = []edit{
	{"time/time.go", "\tsec, nsec, mono := runtimeNow()\n", "\tsec, nsec, mono := movedNow()\n"},
	// Between two readings of one process, time uses its monotonic clock. Whoever gets
	// here wants to know the date.
	{"time/time.go", "func (t *Time) sec() int64 {\n\tif t.wall&hasMonotonic != 0 {\n", "func (t *Time) sec() int64 {\n\tif t.wall&hasMonotonic != 0 {\n\t\tnoteRead(true)\n"},
	{"time/zoneinfo.go", "\tif l == &localLoc {\n", "\tif l == &localLoc {\n\t\tnoteRead(false)\n"},
	{"os/exec.go", "\ttestlog.Open(name)\n\treturn startProcess(", "\ttestlog.Open(name)\n\ttime.NoteStart(name)\n\treturn startProcess("},
	{"testing/testing.go", "\t\t\ttstate := newTestState(*parallel, newMatcher(", "\t\t\ttime.BeginRound(i)\n\t\t\ttstate := newTestState(*parallel, newMatcher("},
}

// roundMark begins the line that a round of tests prints.
const roundMark = "== round at "

// What begins the lines of a process about itself.
const (
	startMark = "starts " // the program that it starts
	dateMark  = "date "   // the function that looks at the present date
	zoneMark  = "zone "   // the function that looks at the local zone
)

// moved is a file more in package time. Fake clocks (testing/synctest) stay as they are.
const moved = `package time

import (
	"runtime"
	"sync/atomic"
	"syscall"
)

var movedBy atomic.Int64

var readsTo, rounds = func() (int, []int64) {
	if text, ok := syscall.Getenv("` + shiftVariable + `"); ok {
		d, err := ParseDuration(text)
		if err != nil {
			panic("` + shiftVariable + `: " + err.Error())
		}
		movedBy.Store(int64(d / Second))
	}
	to := -1
	if name, ok := syscall.Getenv("` + readsVariable + `"); ok {
		fd, err := syscall.Open(name, syscall.O_WRONLY|syscall.O_APPEND|syscall.O_CREAT, 0o666)
		if err != nil {
			panic("` + readsVariable + `: " + err.Error())
		}
		to = fd
	}
	var begins []int64
	text, _ := syscall.Getenv("` + timesVariable + `")
	for len(text) > 0 {
		at, rest, err := leadingInt(text)
		if err != nil {
			panic("` + timesVariable + `: " + err.Error())
		}
		begins = append(begins, int64(at))
		text = rest
		if len(text) > 0 {
			text = text[1:]
		}
	}
	return to, begins
}()

// BeginRound moves the clock to the time of a round, if it has one, and says so. The
// programs that the tests start get the same clock.
func BeginRound(i uint) {
	if i >= uint(len(rounds)) {
		return
	}
	sec, _, _ := runtimeNow()
	movedBy.Store(rounds[i] - sec)
	_ = syscall.Setenv("` + shiftVariable + `", (Duration(rounds[i]-sec) * Second).String())
	_, _ = syscall.Write(1, []byte("` + roundMark + `"+Unix(rounds[i], 0).Format(RFC3339)+"\n"))
}

func movedNow() (sec int64, nsec int32, mono int64) {
	sec, nsec, mono = runtimeNow()
	if !runtimeIsBubbled() {
		sec += movedBy.Load()
	}
	return sec, nsec, mono
}

// NoteStart notes that the process starts a program.
func NoteStart(name string) {
	if readsTo >= 0 {
		_, _ = syscall.Write(readsTo, []byte("` + startMark + `"+name+"\n"))
	}
}

// bystanders read the date for logs, headers, deadlines, seeds, ids, spans and metrics, which
// no test looks at.
var bystanders = []string{"time", "github.com/google/go-cmp/cmp", "github.com/google/go-cmp/cmp/internal/diff", "testing", "context", "log", "log/slog", "net", "net/http", "internal/poll", "os", "crypto/tls",
	"github.com/google/uuid", "go.opentelemetry.io/otel/exporters/otlp/otlptrace/internal/tracetransform", "google.golang.org/protobuf/types/known/timestamppb"}

func noteRead(date bool) {
	if readsTo < 0 || runtimeIsBubbled() {
		return
	}
	var pcs [16]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		frame, more := frames.Next()
		name, pkg := frame.Function, ""
		slash := 0
		for i := range len(name) {
			if name[i] == '/' {
				slash = i
			}
		}
		for i := slash; i < len(name); i++ {
			if name[i] == '.' {
				pkg = name[:i]
				break
			}
		}
		if pkg != "time" {
			for _, bystander := range bystanders {
				if pkg == bystander {
					return
				}
			}
			mark := "` + zoneMark + `"
			if date {
				mark = "` + dateMark + `"
			}
			_, _ = syscall.Write(readsTo, []byte(mark+name+"\n"))
			return
		}
		if !more {
			return
		}
	}
}
`

// writeOverlay writes package time with a clock that can be moved, and a package
// testing that moves it between rounds, and returns the
// file that go build takes as its -overlay.
func writeOverlay(dir, goroot string) (string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // tests of other users build with it
		return "", err
	}
	std := filepath.Join(goroot, "src")
	sources := map[string]string{"time/moved.go": moved}
	for _, e := range edits {
		if _, ok := sources[e.file]; !ok {
			source, err := os.ReadFile(filepath.Join(std, e.file))
			if err != nil {
				return "", err
			}
			sources[e.file] = string(source)
		}
		if n := strings.Count(sources[e.file], e.old); n != 1 {
			return "", fmt.Errorf("%s of this Go has %q %d times, not once: the clock cannot be moved", e.file, e.old, n)
		}
		sources[e.file] = strings.Replace(sources[e.file], e.old, e.new, 1)
	}
	replace := make(map[string]string)
	for name, source := range sources {
		edited := filepath.Join(dir, path.Base(name))
		replace[filepath.Join(std, name)] = edited
		if err := os.WriteFile(edited, []byte(source), 0o644); err != nil { //nolint:gosec // as above
			return "", err
		}
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, list, 0o644) //nolint:gosec // as above
}
