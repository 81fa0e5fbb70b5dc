package apifuzz

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// looks is how often the memory is looked at in a run.
const looks = 20

// grows is by how much the process, in which server and fuzzer run, may grow after a fifth of
// a long run.
const grows = 48 << 20

// A memory is what the process had at moments of the run. Its rows in the database grow; the
// process must not.
type memory struct{ resident []int64 }

// look notes the memory twenty times in the run, and tells how far the run is.
func (m *memory) look(t *testing.T, i int) {
	t.Helper()
	if i%max(*requests/looks, 1) != 0 {
		return
	}
	statm, err := os.ReadFile("/proc/self/statm")
	require.NoError(t, err)
	pages, err := strconv.ParseInt(strings.Fields(string(statm))[1], 10, 64)
	require.NoError(t, err)
	m.resident = append(m.resident, pages*int64(os.Getpagesize()))
	if *requests >= 10_000 {
		t.Logf("%d requests, %d MiB resident", i, m.resident[len(m.resident)-1]>>20)
	}
}

// isFlat fails if the process grew after the first fifth of a long run: a short one is
// still warming up.
func (m *memory) isFlat(t *testing.T) {
	t.Helper()
	if *requests < 10_000 {
		return
	}
	early := m.resident[looks/5]
	for _, later := range m.resident[looks/5:] {
		require.Less(t, later, early+grows, "the process grew with the number of requests: %v", m.resident)
	}
}
