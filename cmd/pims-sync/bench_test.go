package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/seal"
	"github.com/pims-sync/pims-sync/internal/timetest"
)

// The benchmarks measure the program as it is used: `pims-sync serve` is a process
// of its own, and is called over HTTP. Each prints ours, the baseline of the same
// run, how many baselines ours is, and how many are wished for
// (docs/benchmarks.md). None fails on a slow machine; each fails on a wrong result.

// A comparison collects what ours took, and beside it what the baseline took in
// the same round. Medians are reported.
type comparison struct {
	unit           string // "ms" or "MiB"
	ours, baseline []float64
	bound          float64 // wished: the most baselines that ours may be; 0: nothing is
}

// add adds a round.
func (c *comparison) add(ours, baseline float64) {
	c.ours = append(c.ours, ours)
	c.baseline = append(c.baseline, baseline)
}

// addTimes adds a round in milliseconds.
func (c *comparison) addTimes(ours, baseline time.Duration) {
	c.unit = "ms"
	c.add(milliseconds(ours), milliseconds(baseline))
}

func (c *comparison) report(b *testing.B) {
	b.Helper()
	ours, baseline := median(c.ours), median(c.baseline)
	b.ReportMetric(0, "ns/op") // it is of the rounds with all that is around them
	b.ReportMetric(ours, "ours-"+c.unit)
	b.ReportMetric(baseline, "baseline-"+c.unit)
	b.ReportMetric(ours/baseline, "ratio")
	if c.bound > 0 {
		b.ReportMetric(c.bound, "wished")
	}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// took is how long a function took.
func took(run func()) time.Duration {
	start := time.Now()
	run()
	return time.Since(start)
}

// An installation is a `pims-sync serve` with a database of its own.
type installation struct {
	*account
	*serving
	database string
}

// install makes an installation on the benchmarks' PostgreSQL server.
func install(b *testing.B) *installation {
	b.Helper()
	return installWith(b)
}

// installWith is install with further settings.
func installWith(b *testing.B, env ...string) *installation {
	b.Helper()
	i := &installation{account: newAccount(b), database: pgtest.URL(b)}
	i.env = append(append(i.env, env...), "DATABASE_URL="+i.database, "ENCRYPTION_KEY="+seal.NewKey(), "SYNC_WAIT_MS=600000", "SYNC_TIMEOUT_MS=600000")
	i.serving = i.serve(b)
	return i
}

// memory reads one of the figures that Linux keeps of the process, such as VmHWM,
// in MiB.
func (s *serving) memory(b *testing.B, figure string) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	require.NoError(b, err)
	for line := range strings.Lines(string(status)) {
		if name, value, _ := strings.Cut(line, ":"); name == figure {
			kilobytes, err := strconv.ParseFloat(strings.Fields(value)[0], 64)
			require.NoError(b, err)
			return kilobytes / 1024
		}
	}
	require.FailNow(b, "the process has no "+figure)
	return 0
}

// A subject is a clinic of an installation, whose Neo records what it is asked.
type subject struct {
	practice
	tape *tape
}

// enrol adds a clinic whose Neo this is, by commands.
func (i *installation) enrol(b *testing.B, sim *neosim.Sim) *subject {
	b.Helper()
	s := &subject{tape: &tape{neo: sim}}
	s.Sim, s.via = sim, i.serving
	s.neo = httptest.NewServer(s.tape)
	b.Cleanup(s.neo.Close)
	id := i.run(b, "", "clinic", "add", "--allow-duplicate", "--name", "Harbor Lights", "--timezone", sim.Options().Location.String()).text("id")
	i.run(b, neosim.DefaultPassword+"\n", "credentials", "set", "--clinic", id, "--base-url", s.neo.URL,
		"--username", neosim.DefaultUsername, "--password-stdin")
	s.key = i.run(b, "", "keys", "create", "--clinic", id).text("key")
	s.id = uuid.MustParse(id)
	return s
}

// logIn gives the clinic a live session, by a sync of a day without visits.
func (s *subject) logIn(b *testing.B) {
	b.Helper()
	s.mustSync(b, "inbound", fmt.Sprintf(`{"startDate": %q, "daysAhead": 0}`, s.day(3650)))
}

// mustSync runs a sync that must succeed, tells how long the call took, and leaves
// its requests on the tape.
func (s *subject) mustSync(b *testing.B, kind, body string) (answer, time.Duration) {
	b.Helper()
	s.tape.rewind()
	var a answer
	duration := took(func() { a = s.sync(b, kind, body) })
	require.Equal(b, http.StatusOK, a.status, a.body)
	return a, duration
}

// day is a date so many days from the practice's today.
func (s *subject) day(offset int) string {
	return s.Today().AddDate(0, 0, offset).Format(time.DateOnly)
}

// A tape is a Neo that records its API requests, so that a bare client can send
// the very same again.
type tape struct {
	neo      http.Handler
	mu       sync.Mutex
	requests []*http.Request
}

func (t *tape) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("X-Requested-With") != "" && r.Method == http.MethodGet {
		t.mu.Lock()
		t.requests = append(t.requests, r.Clone(context.Background()))
		t.mu.Unlock()
	}
	t.neo.ServeHTTP(w, r)
}

// rewind forgets what was recorded.
func (t *tape) rewind() []*http.Request {
	t.mu.Lock()
	defer t.mu.Unlock()
	recorded := t.requests
	t.requests = nil
	return recorded
}

// newNeo is a realistic practice of so many visits on a working day.
func newNeo(b *testing.B, perDay int) *neosim.Sim {
	b.Helper()
	return neosim.New(neosim.Options{Seed: 4, PerDay: perDay, Location: timetest.ZoneAtNoon(b), StandsAt: neosim.AsNow})
}

// keepVisits leaves the practice exactly n visits that begin in [from, to) days
// from today, evenly chosen, without medical records, and answers them.
func keepVisits(b *testing.B, sim *neosim.Sim, from, to, n int) []neosim.Appointment {
	b.Helper()
	begin, end := sim.Today().AddDate(0, 0, from), sim.Today().AddDate(0, 0, to)
	visits := slices.DeleteFunc(sim.Appointments(begin, end), func(a neosim.Appointment) bool {
		return a.Block || a.Roster || a.Start.Before(begin) || !a.Start.Before(end)
	})
	require.GreaterOrEqual(b, len(visits), n)
	kept := make([]neosim.Appointment, n)
	for i := range kept {
		kept[i] = visits[i*len(visits)/n]
		kept[i].ConsultationID = ""
	}
	sim.SetAppointments(kept...)
	return kept
}

// stop ends the installation's server before the benchmark ends.
func (i *installation) stop(b *testing.B) {
	b.Helper()
	i.signal(b, syscall.SIGTERM, 30*time.Second)
}
