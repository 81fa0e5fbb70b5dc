// Command bench runs the benchmarks and prints one table of what they measured. It is for
// developers only.
//
//	go run ./internal/bench [-bench=FullSync] [-json=bench.json] [packages]
//	go run ./internal/bench -base=v1.2.0 -rounds=6
//
// A benchmark that compares reports ours-UNIT, baseline-UNIT, ratio and, where there is a
// goal, wished: the largest ratio that is wished for. The table has a line for each, and
// the JSON document the same figures. Where a benchmark fails, both have those that passed, the
// document names those that failed, and the exit code is 1.
//
// With -base it runs the benchmarks of that revision and of the working tree by turns, so
// that a machine that becomes slower slows both, and prints what benchstat says of them.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	o := options{dir: ".", out: os.Stdout, log: os.Stderr}
	flag.StringVar(&o.pattern, "bench", ".", "run only benchmarks that match this `pattern`, as go test's -bench")
	flag.StringVar(&o.skip, "skip", "", "run no benchmarks that match this `pattern`, as go test's -skip")
	flag.StringVar(&o.json, "json", "", "also write the figures to this `file`")
	flag.StringVar(&o.base, "base", "", "compare with this `revision` of the repository")
	flag.IntVar(&o.rounds, "rounds", 6, "how many times -base runs the benchmarks of each")
	flag.Parse()
	o.patterns = flag.Args()
	if len(o.patterns) == 0 {
		o.patterns = []string{"./..."}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type options struct {
	dir                       string // of the checkout
	pattern, skip, json, base string
	rounds                    int
	patterns                  []string // of packages
	out, log                  io.Writer
}

func run(ctx context.Context, o options) error {
	if o.base != "" {
		return compare(ctx, o)
	}
	measured, failure := measure(ctx, o.dir, o)
	if measured == nil {
		return failure
	}
	lines, err := read(measured)
	if err != nil {
		return errors.Join(failure, err)
	}
	if len(lines) > 0 {
		printTable(o.out, lines)
	}
	if o.json != "" {
		err = writeJSON(o.json, lines, failedIn(measured))
	}
	return errors.Join(failure, err)
}

// measure runs the benchmarks of the checkout in a folder and returns what go test printed, also
// where some of them failed, which the error names. It repeats the output in the log, because the
// whole takes minutes.
func measure(ctx context.Context, dir string, o options) ([]byte, error) {
	packages, err := withBenchmarks(ctx, dir, o.patterns)
	if err != nil {
		return nil, err
	}
	if len(packages) == 0 {
		return nil, errors.New("no package of these has a benchmark")
	}
	args := append([]string{"test", "-run=^$", "-bench=" + o.pattern, "-skip=" + o.skip, "-timeout=60m"}, packages...)
	test := exec.CommandContext(ctx, "go", args...)
	test.Dir = dir
	test.Cancel = func() error { return test.Process.Signal(os.Interrupt) }
	output := &copied{to: o.log}
	test.Stdout, test.Stderr = output, o.log
	if err := test.Run(); err != nil {
		err = fmt.Errorf("the benchmarks in %s: %w", dir, err)
		if failed := failedIn(output.all); len(failed) > 0 {
			err = fmt.Errorf("%w; failed: %s", err, strings.Join(failed, ", "))
		}
		return output.all, err
	}
	return output.all, nil
}

// copied keeps what is written, and writes it elsewhere too.
type copied struct {
	to  io.Writer
	all []byte
}

func (c *copied) Write(p []byte) (int, error) {
	c.all = append(c.all, p...)
	return c.to.Write(p)
}

// withBenchmarks returns the packages that have benchmarks: the tests of others would start
// servers for nothing.
func withBenchmarks(ctx context.Context, dir string, patterns []string) ([]string, error) {
	list := exec.CommandContext(ctx, "go", append([]string{"list", "-json=ImportPath,Dir,TestGoFiles,XTestGoFiles"}, patterns...)...)
	list.Dir, list.Stderr = dir, os.Stderr
	output, err := list.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := list.Start(); err != nil {
		return nil, err
	}
	var packages []string
	for decoder := json.NewDecoder(output); ; {
		var p struct {
			ImportPath, Dir           string
			TestGoFiles, XTestGoFiles []string
		}
		if err = decoder.Decode(&p); err != nil {
			break
		}
		if slices.ContainsFunc(append(p.TestGoFiles, p.XTestGoFiles...), func(name string) bool { return hasBenchmark(filepath.Join(p.Dir, name)) }) {
			packages = append(packages, p.ImportPath)
		}
	}
	if ended := list.Wait(); ended != nil {
		return nil, fmt.Errorf("listing packages: %w", ended)
	}
	if !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("listing packages: %w", err)
	}
	return packages, nil
}
