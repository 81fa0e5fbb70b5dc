// Command dates shows that the tests pass on every date (R59). It is for tests only.
//
// It gives whole processes another clock and another time zone: the tests, the
// programs that they start, and PostgreSQL. The clock of Go programs is moved by an
// overlay of the standard library's package time, so that no line of the product
// knows of it, and no program but one built here can be given a false date. That of
// PostgreSQL is moved by libfaketime. Clocks go on as they do, only elsewhere.
//
// Without -race it builds the tests once and runs
//
//   - what needs neither a database nor a browser, for each day of two years at four
//     hours in five zones: each test that looks at the present date or at the local
//     zone. A test that never looks is run once; a date cannot change what it does.
//   - everything, at 60 chosen moments.
//
// With -race it runs everything once, under the race detector, each package at a
// moment of its own that the seed chooses.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

func main() {
	o := options{log: os.Stdout}
	flag.IntVar(&o.days, "days", daysOfTheProof, "of the two years' days, how many to take, spread evenly; 0: none")
	flag.IntVar(&o.moments, "moments", momentsOfTheProof, "of the chosen moments, how many to run everything at, spread evenly; 0: none")
	flag.BoolVar(&o.race, "race", false, "run everything once, each package at a moment of its own, under the race detector")
	flag.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "chooses the moments of -race")
	flag.StringVar(&o.only, "only", "", "only packages whose path holds this `text`")
	flag.Parse()
	if at := os.Getenv(execVariable); at != "" {
		os.Exit(execAt(at, flag.Args())) //nolint:forbidigo // a program of its own
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "dates:", err)
		os.Exit(1) //nolint:forbidigo // a program of its own
	}
}

type options struct {
	days, moments int
	race          bool
	seed          uint64
	only          string
	log           *os.File
}

// A bench is where the tests are run: the packages, and what gives them another clock.
type bench struct {
	options
	dir      string // a scratch folder, which other users may enter
	root     string // of the module
	packages []testPackage
}

// A testPackage is a package that has tests.
type testPackage struct {
	path, dir string
	whole     bool // its tests need a database
}

// binary is the package's test program.
func (b *bench) binary(p testPackage) string {
	return filepath.Join(b.dir, "bin", path.Base(p.path)+".test")
}

func run(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("/tmp", "dates-") // short: it holds sockets
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)                      //nolint:errcheck // what stays is a temporary folder
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // PostgreSQL runs as another user
		return err
	}
	b := &bench{options: o, dir: dir}
	if err := b.list(ctx); err != nil {
		return err
	}
	overlay, err := writeOverlay(filepath.Join(dir, "overlay"), runtime.GOROOT()) //nolint:staticcheck // run by go run
	if err != nil {
		return err
	}
	// What the tests build has the other clock, too.
	if err := os.Setenv("GOFLAGS", strings.TrimSpace(os.Getenv("GOFLAGS")+" -overlay="+overlay)); err != nil {
		return err
	}
	if o.race {
		return b.race(ctx)
	}
	began := time.Now()
	if err := b.build(ctx); err != nil {
		return err
	}
	fmt.Fprintf(o.log, "built the tests of %d packages in %s\n", len(b.packages), time.Since(began).Round(time.Second))
	return errors.Join(b.everyDay(ctx), b.everything(ctx))
}

// list finds the packages that have tests.
func (b *bench) list(ctx context.Context) error {
	out, err := output(ctx, "go", "list", "-m", "-f", "{{.Dir}}")
	if err != nil {
		return err
	}
	b.root = strings.TrimSpace(out)
	out, err = output(ctx, "go", "list", "-f", `{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}} {{.Dir}}{{end}}`, "./...")
	if err != nil {
		return err
	}
	for line := range strings.Lines(out) {
		name, dir, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || !strings.Contains(name, b.only) {
			continue
		}
		deps, err := output(ctx, "go", "list", "-test", "-deps", name)
		if err != nil {
			return err
		}
		b.packages = append(b.packages, testPackage{name, dir, strings.Contains(deps, "internal/postgres/embedded")})
	}
	if len(b.packages) == 0 {
		return errors.New("there is no package with tests")
	}
	return nil
}

// build makes the test programs, with the other clock.
func (b *bench) build(ctx context.Context) error {
	args := []string{"test", "-c", "-vet=off", "-o", filepath.Join(b.dir, "bin") + "/"}
	for _, p := range b.packages {
		args = append(args, p.path)
	}
	_, err := output(ctx, "go", args...)
	return err
}

// output runs a program and answers what it prints.
func output(ctx context.Context, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return "", fmt.Errorf("%s: %w: %s", cmd, err, exit.Stderr)
	}
	return string(out), err
}
