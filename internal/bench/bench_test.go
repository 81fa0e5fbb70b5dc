package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const printed = `goos: linux
pkg: github.com/pims-sync/pims-sync/cmd/pims-sync
BenchmarkFullSync/live_session_beside_its_bare_requests-2	1	31.4 call-ms	0 ns/op	26.04 ours-ms	9.02 baseline-ms	2.887 ratio	3.000 wished
BenchmarkMemory/peak-2	1	0 ns/op	202.1 ours-MiB	100 baseline-MiB	2.021 ratio	1.500 wished
BenchmarkQueue/start-2	1	0 ns/op	4.7 ours-ms	0.7 baseline-ms	6.71 ratio
BenchmarkCalendar-2	8	143000000 ns/op	120.5 MB/s
PASS
ok  	github.com/pims-sync/pims-sync/cmd/pims-sync	12.1s
`

func TestTheTableHasALineForEachBenchmark(t *testing.T) {
	t.Parallel()
	lines, err := read([]byte(printed))
	require.NoError(t, err)
	var table bytes.Buffer
	printTable(&table, lines)
	require.Equal(t, `WHAT                                            OURS     BASELINE  RATIO  GOAL          ALSO
FullSync/live session beside its bare requests  26 ms    9.02 ms   2.89   3     ok      31.4 call-ms
Memory/peak                                     202 MiB  100 MiB   2.02   1.5   missed
Queue/start                                     4.7 ms   0.7 ms    6.71
Calendar                                                                                0.143 sec/op, 120000000 B/s
`, table.String())
}

func TestTheDocumentHasTheSameFigures(t *testing.T) {
	t.Parallel()
	lines, err := read([]byte(printed))
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "bench.json")
	require.NoError(t, writeJSON(path, lines))
	document, err := os.ReadFile(path)
	require.NoError(t, err)
	var read struct{ Benchmarks []line }
	require.NoError(t, json.Unmarshal(document, &read))
	require.Equal(t, lines, read.Benchmarks)
	require.Equal(t, line{
		What: "FullSync/live session beside its bare requests", Unit: "ms", Ours: 26.04, Baseline: 9.02, Ratio: 2.887, Goal: 3,
		Others: map[string]float64{"call-ms": 31.4},
	}, lines[0])
}

func TestOnlyPackagesWithBenchmarksAreRun(t *testing.T) {
	t.Parallel()
	packages, err := withBenchmarks(t.Context(), "../..", []string{"./internal/pims/idexxneo", "./internal/bench", "./internal/cron"})
	require.NoError(t, err)
	require.Equal(t, []string{"github.com/pims-sync/pims-sync/internal/pims/idexxneo"}, packages)
	_, err = withBenchmarks(t.Context(), "../..", []string{"./internal/nowhere"})
	require.Error(t, err)
}

func TestEachBeginsEverySecondRound(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"a", "b"}, byTurns(0, "a", "b"))
	require.Equal(t, []string{"b", "a"}, byTurns(1, "a", "b"))
}
