package chaos

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var inARow = flag.Int("syncs", 15, "how many syncs one replica does in a row")

const (
	// logInEvery so many syncs the session of before is over.
	logInEvery = 10

	// lowestOf so many syncs is what memory is measured by: it grows until it is
	// collected.
	lowestOf = 20

	// many are enough syncs for a tenth to tell something.
	many = 100
)

// One replica does sync after sync, with logins among them, of a practice where
// things happen and that does not grow. Afterwards it has no more goroutines,
// descriptors and memory than before, within a tenth.
func TestNothingGrowsOverSyncsInARow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r, p := w.addReplica(t), w.addPractice(t)
	coming := p.window()[0].ID
	before := p.inARow(t, r, max(10, min(50, *inARow/3)), coming) // what is made once is made by then
	after := p.inARow(t, r, *inARow, coming)
	t.Logf("before %d syncs %s; after them %s", *inARow, before, after)
	if *inARow >= many {
		requireNoMore(t, before.goroutines, after.goroutines, "goroutines")
		requireNoMore(t, before.descriptors, after.descriptors, "descriptors")
		requireNoMore(t, before.resident, after.resident, "resident memory")
	}
	require.Less(t, after.goroutines, before.goroutines+float64(*inARow), "each sync leaves a goroutine")
	require.Less(t, after.descriptors, before.descriptors+float64(*inARow), "each sync leaves a descriptor")
	require.Greater(t, p.Logins().Accepted, *inARow/logInEvery)
	w.shutDown(t)
}

// inARow does syncs to which one appointment comes and goes, and returns the least
// that the replica used at the end.
func (p *practice) inARow(t *testing.T, r *replica, n int, coming string) footprint {
	t.Helper()
	var lowest footprint
	for i := range n {
		if i%logInEvery == 0 {
			p.ExpireSessions()
		}
		if _, there := p.Appointment(coming); there {
			require.NoError(t, p.Delete(coming))
		} else {
			require.NoError(t, p.Restore(coming))
		}
		a, err := p.sync(t.Context(), r.url(), "full", p.everything())
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, a.Status, "%v", a.Body)
		if now := r.footprint(t); i >= n-lowestOf {
			lowest = lowest.least(now)
		}
	}
	return lowest
}

// requireNoMore allows a tenth more, and where that is little, a few.
func requireNoMore(t *testing.T, before, after float64, of string) {
	t.Helper()
	require.LessOrEqual(t, after, max(before*1.1, before+3), of)
}

// A footprint is what a process uses.
type footprint struct {
	goroutines, descriptors float64
	heap, resident          float64 // bytes
}

func (f footprint) String() string {
	return fmt.Sprintf("%.0f goroutines, %.0f descriptors, %.1f MB of heap, %.1f MB resident",
		f.goroutines, f.descriptors, f.heap/1e6, f.resident/1e6)
}

// least has the lesser of each; what was not measured yet is 0.
func (f footprint) least(other footprint) footprint {
	less := func(a, b float64) float64 {
		if a == 0 {
			return b
		}
		return min(a, b)
	}
	return footprint{
		less(f.goroutines, other.goroutines), less(f.descriptors, other.descriptors),
		less(f.heap, other.heap), less(f.resident, other.resident),
	}
}

// footprint measures the present process by its own metrics.
func (r *replica) footprint(t *testing.T) footprint {
	t.Helper()
	metrics := r.metrics(t)
	return footprint{
		goroutines:  metrics["go_goroutines"],
		descriptors: metrics["process_open_fds"],
		heap:        metrics["go_memstats_heap_alloc_bytes"],
		resident:    metrics["process_resident_memory_bytes"],
	}
}

// metrics are those without labels that the present process reports.
func (r *replica) metrics(t *testing.T) map[string]float64 {
	t.Helper()
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, r.url()+"/metrics", http.NoBody)
	require.NoError(t, err)
	response, err := described().Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusOK, response.StatusCode)
	found := make(map[string]float64)
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		if name, value, ok := strings.Cut(lines.Text(), " "); ok && name != "#" {
			found[name], _ = strconv.ParseFloat(value, 64)
		}
	}
	require.NoError(t, lines.Err())
	require.Contains(t, found, "go_goroutines")
	return found
}
