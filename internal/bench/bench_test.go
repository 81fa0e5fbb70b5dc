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
	require.NoError(t, writeJSON(path, lines, nil))
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

// Each kind of failure, as go test prints it: at the first try, later, by a panic, of a part of a
// benchmark, of a package that does not compile, and of one that begins none.
const failing = `# example.com/a [example.com/a.test]
a/a_test.go:3:32: undefined: undefined
goos: linux
pkg: example.com/b
BenchmarkGood-2        	       8	143000000 ns/op
--- FAIL: BenchmarkAtOnce
    b_test.go:4: boom
BenchmarkLate-2        	--- FAIL: BenchmarkLate-2
    b_test.go:5: boom
BenchmarkParts/one_two-2         	       1	       268.0 ns/op
--- FAIL: BenchmarkParts/bad_one
    b_test.go:6: boom
--- FAIL: BenchmarkParts
BenchmarkPanics-2   	       0	               NaN ns/op
panic: boom

goroutine 22 [running]:
exit status 2
FAIL	example.com/b	0.019s
ok  	example.com/c	0.019s
exit status 3
FAIL	example.com/d	0.007s
FAIL	example.com/a [build failed]
FAIL
`

func TestEachThatFailedIsNamed(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"AtOnce", "Late", "Parts/bad one", "Panics", "example.com/d", "example.com/a"}, failedIn([]byte(failing)))
	require.Empty(t, failedIn([]byte(printed)))
	lines, err := read([]byte(failing))
	require.NoError(t, err)
	require.Len(t, lines, 2)
	require.Equal(t, "Good", lines[0].What)
	require.Equal(t, "Parts/one two", lines[1].What)
}

// The benchmarks of a folder of its own, which is another module, so that go test measures
// nothing of ours.
func TestThoseThatPassedArePrintedThoughOthersFailed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for path, content := range map[string]string{
		"go.mod": "module example.com/failing\n\ngo 1.24\n",
		"a_test.go": "package failing\n\nimport \"testing\"\n\n" +
			"func BenchmarkGood(b *testing.B) { b.ReportMetric(7, \"ours-ms\") }\n" +
			"func BenchmarkBad(b *testing.B) { b.Fatal(\"boom\") }\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, path), []byte(content), 0o600))
	}
	var table bytes.Buffer
	document := filepath.Join(t.TempDir(), "bench.json")
	log, err := os.Create(filepath.Join(t.TempDir(), "log")) // go test writes to it, and so do we
	require.NoError(t, err)
	defer log.Close()
	err = run(t.Context(), options{dir: dir, pattern: ".", patterns: []string{"./..."}, json: document, out: &table, log: log})
	require.ErrorContains(t, err, "failed: Bad")
	require.Regexp(t, `(?m)^Good +7 ms`, table.String())
	require.NotContains(t, table.String(), "Bad")
	said, err := os.ReadFile(log.Name())
	require.NoError(t, err)
	require.Contains(t, string(said), "boom")
	content, err := os.ReadFile(document)
	require.NoError(t, err)
	var read struct {
		Benchmarks []line
		Failed     []string
	}
	require.NoError(t, json.Unmarshal(content, &read))
	require.Equal(t, []string{"Bad"}, read.Failed)
	require.Len(t, read.Benchmarks, 1)
	require.InDelta(t, 7, read.Benchmarks[0].Ours, 0)
}
