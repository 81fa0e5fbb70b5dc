package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The variables that the moved clock reads, before anything else in a process.
const (
	shiftVariable = "PIMS_SYNC_TEST_SHIFT" // how far the clock is moved, as time.ParseDuration reads it
	readsVariable = "PIMS_SYNC_TEST_READS" // the file that gets a line when the process looks at the date or the zone
)

// An edit replaces a text of one of the standard library's files, where it is once.
type edit struct{ file, old, new string }

var edits = []edit{
	{"time.go", "\tsec, nsec, mono := runtimeNow()\n", "\tsec, nsec, mono := movedNow()\n"},
	// Between two readings of one process, time uses its monotonic clock. Whoever gets
	// here wants to know the date.
	{"time.go", "func (t *Time) sec() int64 {\n\tif t.wall&hasMonotonic != 0 {\n", "func (t *Time) sec() int64 {\n\tif t.wall&hasMonotonic != 0 {\n\t\tnoteRead()\n"},
	{"zoneinfo.go", "\tif l == &localLoc {\n", "\tif l == &localLoc {\n\t\tnoteRead()\n"},
}

// moved is a file more in package time. Fake clocks (testing/synctest) stay as they are.
const moved = `package time

import (
	"runtime"
	"syscall"
)

var movedBy, readsTo = func() (int64, int) {
	var by int64
	if text, ok := syscall.Getenv("` + shiftVariable + `"); ok {
		d, err := ParseDuration(text)
		if err != nil {
			panic("` + shiftVariable + `: " + err.Error())
		}
		by = int64(d / Second)
	}
	to := -1
	if name, ok := syscall.Getenv("` + readsVariable + `"); ok {
		fd, err := syscall.Open(name, syscall.O_WRONLY|syscall.O_APPEND|syscall.O_CREAT, 0o666)
		if err != nil {
			panic("` + readsVariable + `: " + err.Error())
		}
		to = fd
	}
	return by, to
}()

func movedNow() (sec int64, nsec int32, mono int64) {
	sec, nsec, mono = runtimeNow()
	if !runtimeIsBubbled() {
		sec += movedBy
	}
	return sec, nsec, mono
}

// bystanders read the date for logs, headers and deadlines, which no test looks at.
var bystanders = []string{"time", "testing", "context", "log", "log/slog", "net", "net/http", "internal/poll", "os", "crypto/tls"}

func noteRead() {
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
			_, _ = syscall.Write(readsTo, []byte(name+"\n"))
			return
		}
		if !more {
			return
		}
	}
}
`

// writeOverlay writes package time with a clock that can be moved, and answers the
// file that go build takes as its -overlay.
func writeOverlay(dir, goroot string) (string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // tests of other users build with it
		return "", err
	}
	std := filepath.Join(goroot, "src", "time")
	replace := map[string]string{filepath.Join(std, "moved.go"): filepath.Join(dir, "moved.go")}
	sources := map[string]string{"moved.go": moved}
	for _, e := range edits {
		if _, ok := sources[e.file]; !ok {
			source, err := os.ReadFile(filepath.Join(std, e.file))
			if err != nil {
				return "", err
			}
			sources[e.file] = string(source)
			replace[filepath.Join(std, e.file)] = filepath.Join(dir, e.file)
		}
		if n := strings.Count(sources[e.file], e.old); n != 1 {
			return "", fmt.Errorf("%s of this Go has %q %d times, not once: the clock cannot be moved", e.file, e.old, n)
		}
		sources[e.file] = strings.Replace(sources[e.file], e.old, e.new, 1)
	}
	for name, source := range sources {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(source), 0o644); err != nil { //nolint:gosec // as above
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
