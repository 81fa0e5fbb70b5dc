// Command dates shows that the tests pass on every date (R59). It is for tests only.
//
// It gives whole processes another clock and another time zone: the tests, the programs
// that they start, and PostgreSQL. The clock of Go programs is moved by an overlay of the
// standard library's package time, so that no line of the product knows of it, and only a
// program that was built here can get a false date. The clocks of PostgreSQL and of the
// command date are moved by a library that they load first. A moved clock runs on as
// always.
//
// A test without a database that neither looks at the present date nor at the local zone
// does the same on every date. The command builds the tests once and runs
//
//   - what needs neither a database nor a browser, for each day of two years at four
//     hours in five zones: each test that looks at the date. One that looks at the zone
//     alone is run once in each zone, and one that looks at neither once.
//   - what needs a database or a browser, at 60 chosen moments, or at a part of them:
//     "-part 3/10" is the third of ten, so that machines or nights can share the work.
//     Where no test of a package needs a database, those that start a browser and look.
//
// Tests that repeat something repeat it less often here (-test.short), and none is left
// out for it.
//
// With -some it runs the tests of some packages instead, each at a moment of its own;
// a seed, which it prints, chooses both.
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
	"slices"
	"strings"
	"time"
)

func main() {
	o := options{log: os.Stdout}
	flag.IntVar(&o.days, "days", daysOfTheProof, "of the two years' days, how many to take, spread evenly; 0: none")
	flag.IntVar(&o.moments, "moments", momentsOfTheProof, "of the chosen moments, how many to take, spread evenly; 0: none")
	flag.Var(&o.part, "part", "which `i/n` of these moments, such as 3/10 for the third of ten parts")
	flag.IntVar(&o.some, "some", 0, "run the tests of so many packages instead, each at a moment of its own")
	flag.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "chooses packages and moments of -some")
	flag.StringVar(&o.only, "only", "", "only packages whose path holds this `text`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "dates:", err)
		os.Exit(1)
	}
}

type options struct {
	days, moments int
	part          part
	some          int
	seed          uint64
	only          string
	log           *os.File
}

// A bench is where the tests are run: the packages, and what gives them another clock.
type bench struct {
	options
	dir      string // a scratch folder, which other users may enter
	preload  string // what moves the clock of programs that are not written in Go
	root     string // of the module
	packages []testPackage
}

// A testPackage is a package that has tests.
type testPackage struct {
	path, dir string
	whole     bool // its tests need a database
	browser   bool // some of its tests start a browser
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
	if b.preload, err = buildPreload(ctx, dir); err != nil {
		return err
	}
	if o.some > 0 {
		return b.few(ctx)
	}
	looking, err := b.whatLooks(ctx)
	if err != nil {
		return err
	}
	return errors.Join(b.everyDay(ctx, looking), b.chosenDays(ctx, looking))
}

// list finds the packages that have tests.
func (b *bench) list(ctx context.Context) error {
	out, err := output(ctx, "go", "list", "-m", "-f", "{{.Dir}}")
	if err != nil {
		return err
	}
	b.root = strings.TrimSpace(out)
	out, err = output(ctx, "go", "list", "-test", "-f", `{{.ImportPath}} {{.Dir}}{{range .Deps}} {{.}}{{end}}`, "./...")
	if err != nil {
		return err
	}
	for line := range strings.Lines(out) { // a test program is a package of its own
		words := strings.Fields(line)
		if name, ok := strings.CutSuffix(words[0], ".test"); ok && strings.Contains(name, b.only) {
			needs := func(dep string) bool {
				return slices.ContainsFunc(words[2:], func(d string) bool { return strings.HasSuffix(d, dep) })
			}
			b.packages = append(b.packages, testPackage{name, words[1], needs("internal/postgres/embedded"), needs("chromedp/chromedp")})
		}
	}
	if len(b.packages) == 0 {
		return errors.New("there is no package with tests")
	}
	return nil
}

// build makes the test programs of some packages, with the other clock.
func (b *bench) build(ctx context.Context, of func(testPackage) bool) error {
	began := time.Now()
	args, n := []string{"test", "-c", "-vet=off", "-o", filepath.Join(b.dir, "bin") + "/"}, 0
	for _, p := range b.packages {
		if of(p) {
			args, n = append(args, p.path), n+1
		}
	}
	if n == 0 {
		return nil
	}
	_, err := output(ctx, "go", args...)
	fmt.Fprintf(b.log, "built the tests of %d packages in %s\n", n, time.Since(began).Round(time.Second))
	return err
}

// output runs a program and returns what it prints.
func output(ctx context.Context, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...) //nolint:gosec // go, and the compiler that the user names
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return "", fmt.Errorf("%s: %w: %s", cmd, err, exit.Stderr)
	}
	return string(out), err
}
