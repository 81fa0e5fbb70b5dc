package browser

import (
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// BenchmarkLogin is what one login costs in a browser that runs, in CPU time of its processes
// and of this one, the site's included. The page has what login pages have: a style, a font,
// pictures, and a script that sends the form.
func BenchmarkLogin(b *testing.B) {
	w := newWitness(b.TempDir())
	c := New(Options{TempDir: w.folder, Logger: slog.New(w)})
	defer c.Close()
	s := newSite(b, routes{
		"GET /login":   html(decorations + scriptedForm),
		"GET /style":   typed("text/css", strings.Repeat(".a { color: red }\n", 5000)+`@font-face { font-family: f; src: url(/font) } body { font-family: f }`),
		"GET /font":    typed("font/woff2", strings.Repeat("x", 60_000)),
		"GET /picture": typed("image/png", strings.Repeat("x", 300_000)),
		"GET /script":  typed("text/javascript", strings.Repeat("function f() { return 1 }\n", 20_000)),
	})
	if _, err := c.Login(b.Context(), s.form()); err != nil {
		b.Fatal(err)
	}
	before := cpuTime(b, w)
	for b.Loop() {
		if _, err := c.Login(b.Context(), s.form()); err != nil {
			b.Fatal(err)
		}
	}
	after := cpuTime(b, w)
	for kind, spent := range after {
		b.ReportMetric(float64((spent-before[kind]).Milliseconds())/float64(b.N), kind+"-ms/op")
	}
}

const decorations = `<link rel=stylesheet href=/style><script src=/script></script>
	<img src=/picture?1 width=300 height=200><img src=/picture?2 width=300 height=200><img src=/picture?3 width=300 height=200>`

func typed(kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		fmt.Fprint(w, body)
	}
}

// cpuTime is the CPU time so far, by kind of process.
func cpuTime(b *testing.B, w *witness) map[string]time.Duration {
	b.Helper()
	var own syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &own); err != nil {
		b.Fatal(err)
	}
	spent := map[string]time.Duration{"service": time.Duration(own.Utime.Nano() + own.Stime.Nano())}
	for _, p := range w.family(b) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.pid))
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(stat), ") ")
		columns := strings.Fields(rest)
		kind := "browser"
		if _, after, found := strings.Cut(p.command, "--type="); found {
			kind, _, _ = strings.Cut(after, " ")
		}
		if kind == "zygote" || kind == "renderer" {
			kind = "renderer" // a zygote waits for the renderers that have ended
		}
		for _, ticks := range columns[11:15] { // own, and of children that ended
			n, err := strconv.Atoi(ticks)
			if err != nil {
				b.Fatal(err)
			}
			spent[kind] += time.Duration(n) * 10 * time.Millisecond
		}
	}
	total := time.Duration(0)
	for _, d := range spent {
		total += d
	}
	spent["cpu"] = total
	return spent
}
