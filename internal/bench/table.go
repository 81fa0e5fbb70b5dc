package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/perf/benchfmt"

	"github.com/pims-sync/pims-sync/internal/render"
)

// A line is what one benchmark measured.
type line struct {
	What     string             `json:"what"`               // the benchmark's name, without Benchmark and the number of processors
	Unit     string             `json:"unit,omitempty"`     // of ours and the baseline
	Ours     float64            `json:"ours,omitempty"`     // median of the rounds
	Baseline float64            `json:"baseline,omitempty"` // median of the same rounds
	Ratio    float64            `json:"ratio,omitempty"`    // baselines that ours is
	Goal     float64            `json:"goal,omitempty"`     // the largest ratio that is wished for; 0: nothing is
	Others   map[string]float64 `json:"others,omitempty"`   // what else the benchmark reported, by unit
}

// missed reports whether a goal is not reached.
func (l *line) missed() bool { return l.Goal > 0 && l.Ratio > l.Goal }

var (
	failedBenchmark = regexp.MustCompile(`^(?:Benchmark\S+ *\t)?--- FAIL: (Benchmark\S+)$`)
	endOfPackage    = regexp.MustCompile(`^(FAIL|ok  )\t(\S+)`)

	// Of a benchmark that failed after a first try that passed, or that ended its process.
	noResult = regexp.MustCompile(`(?m)^(Benchmark\S+) *\t([^ \d].*| +0\t.*)?$`)
)

// failedIn returns the names of the benchmarks that failed, and of the packages that failed
// without one: they do not compile, or ended in the middle.
func failedIn(output []byte) (failed []string) {
	begun := 0 // of this package
	for text := range strings.Lines(string(output)) {
		text = strings.TrimSuffix(text, "\n")
		f := failedBenchmark.FindStringSubmatch(text)
		if f == nil {
			f = noResult.FindStringSubmatch(text)
		}
		if f != nil {
			failed = append(failed, name(f[1]))
		}
		p := endOfPackage.FindStringSubmatch(text)
		if p == nil {
			continue
		}
		if p[1] == "FAIL" && len(failed) == begun {
			failed = append(failed, p[2])
		}
		begun = len(failed)
	}
	all := slices.Clone(failed)
	return slices.DeleteFunc(failed, func(parent string) bool {
		return slices.ContainsFunc(all, func(other string) bool { return strings.HasPrefix(other, parent+"/") })
	})
}

// read reads what go test printed of the benchmarks that passed.
func read(output []byte) ([]line, error) {
	var lines []line
	reader := benchfmt.NewReader(bytes.NewReader(noResult.ReplaceAll(output, nil)), "go test")
	for reader.Scan() {
		switch record := reader.Result().(type) {
		case *benchfmt.Result:
			lines = append(lines, lineOf(record))
		case *benchfmt.SyntaxError:
			return nil, fmt.Errorf("reading what go test printed: %w", record)
		}
	}
	return lines, reader.Err()
}

var processors = regexp.MustCompile(`-\d+$`)

// name returns a benchmark's name as the table has it.
func name(of string) string {
	return strings.ReplaceAll(processors.ReplaceAllString(strings.TrimPrefix(of, "Benchmark"), ""), "_", " ")
}

func lineOf(r *benchfmt.Result) line {
	l := line{What: name(r.Name.String())}
	for _, v := range r.Values {
		ours, isOurs := strings.CutPrefix(v.Unit, "ours-")
		switch {
		case isOurs:
			l.Unit, l.Ours = ours, v.Value
		case strings.HasPrefix(v.Unit, "baseline-"):
			l.Baseline = v.Value
		case v.Unit == "ratio":
			l.Ratio = v.Value
		case v.Unit == "wished":
			l.Goal = v.Value
		case v.Value != 0: // a benchmark that compares reports a time of 0 an operation
			if l.Others == nil {
				l.Others = make(map[string]float64)
			}
			l.Others[v.Unit] = v.Value
		}
	}
	return l
}

// printTable prints a line for each benchmark, those that compare first.
func printTable(w io.Writer, lines []line) {
	sorted := slices.Clone(lines)
	slices.SortStableFunc(sorted, func(a, b line) int { return boolean(a.Ratio == 0) - boolean(b.Ratio == 0) })
	rows := make([][]string, len(sorted))
	for i := range sorted {
		l := &sorted[i]
		rows[i] = []string{l.What, withUnit(l.Ours, l.Unit), withUnit(l.Baseline, l.Unit), number(l.Ratio), number(l.Goal), goalText(l), others(l)}
	}
	render.Table(w, []string{"what", "ours", "baseline", "ratio", "goal", "", "also"}, rows)
}

func goalText(l *line) string {
	switch {
	case l.Goal == 0:
		return ""
	case l.missed():
		return "missed"
	default:
		return "ok"
	}
}

func others(l *line) string {
	var texts []string
	for unit, value := range l.Others {
		texts = append(texts, number(value)+" "+unit)
	}
	slices.Sort(texts)
	return strings.Join(texts, ", ")
}

func withUnit(value float64, unit string) string {
	if value == 0 {
		return ""
	}
	return number(value) + " " + unit
}

// number returns three digits that count; empty: 0.
func number(value float64) string {
	if value == 0 {
		return ""
	}
	digits := strconv.FormatFloat(value, 'g', 3, 64)
	if exact, err := strconv.ParseFloat(digits, 64); err == nil {
		return strconv.FormatFloat(exact, 'f', -1, 64)
	}
	return digits
}

func boolean(b bool) int {
	if b {
		return 1
	}
	return 0
}

func writeJSON(path string, lines []line, failed []string) error {
	document, err := json.MarshalIndent(struct {
		Benchmarks []line   `json:"benchmarks"`
		Failed     []string `json:"failed,omitempty"`
	}{lines, failed}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(document, '\n'), 0o644) //nolint:gosec // figures, for everybody
}

var benchmark = regexp.MustCompile(`(?m)^func Benchmark`)

func hasBenchmark(path string) bool {
	source, err := os.ReadFile(path)
	return err == nil && benchmark.Match(source)
}
