// Command mutants shows that the guards of the sync are load-bearing: it takes
// one condition of a rule away, runs the tests that should mind, and expects them
// to fail. It is for tests only.
//
// The mutated source reaches the compiler as an overlay; no file of the work tree
// is touched. What does not compile, and tests that never end, prove nothing and
// count as errors. It exits with 1 where a mutant survives, or where the text that
// it replaces is no longer in the source exactly once. Some mutants are played at a
// time; the table has the order of the rules.
package main

import (
	"bytes"
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
	"regexp"
	"slices"
	"strings"
	"time"
)

// A mutant is one condition that is taken away.
type mutant struct {
	rule  string // that loses it
	name  string // what the product then does
	file  string // below the module's root
	old   string // is in the file exactly once
	new   string
	tests // that should mind
}

// tests are some of a package's.
type tests struct {
	pkg string // below the module's root
	run string // go test's -run
}

func main() {
	only := flag.String("only", "", "play the mutants whose rule or name matches this `expression`")
	limit := flag.Duration("timeout", 2*time.Minute, "how long the tests of one mutant may take")
	atOnce := flag.Int("at-once", 2, "how many mutants are played at a time")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout, *only, *limit, *atOnce)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1) //nolint:forbidigo // a program of its own
	}
}

func run(ctx context.Context, out io.Writer, only string, limit time.Duration, atOnce int) error {
	wanted, err := regexp.Compile(only)
	if err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	chosen := slices.DeleteFunc(mutants(), func(m mutant) bool { return !wanted.MatchString(m.rule + " " + m.name) })
	scratch, err := os.MkdirTemp("", "mutants-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(scratch) }() // the system's own folder for what may be lost
	l := laboratory{scratch: scratch, limit: limit, atOnce: max(atOnce, 1)}
	if err := l.requireGreen(ctx, chosen); err != nil {
		return err
	}
	return l.play(ctx, out, chosen)
}

// A laboratory plays mutants.
type laboratory struct {
	scratch string
	limit   time.Duration
	atOnce  int // mutants that are played at a time
}

// requireGreen runs all tests on the source as it is: only then does a failure
// mean anything.
func (l *laboratory) requireGreen(ctx context.Context, chosen []mutant) error {
	selections := make(map[string][]string)
	for _, m := range chosen {
		if !slices.Contains(selections[m.pkg], m.run) {
			selections[m.pkg] = append(selections[m.pkg], m.run)
		}
	}
	for pkg, selection := range selections {
		output, err := l.test(ctx, tests{pkg, strings.Join(selection, "|")})
		if err != nil {
			return fmt.Errorf("the tests of %s fail without any mutant: %w\n%s", pkg, err, output)
		}
	}
	return nil
}

// A verdict is what became of a mutant: the test that failed first, or why none did.
type verdict struct {
	killer string
	err    error
}

// play plays the mutants and writes a table of who killed them.
func (l *laboratory) play(ctx context.Context, out io.Writer, chosen []mutant) error {
	const line = "%-4s  %-57s  %s\n"
	started := time.Now()
	turns := make(chan int, len(chosen))
	verdicts := make([]chan verdict, len(chosen))
	for i := range chosen {
		turns <- i
		verdicts[i] = make(chan verdict, 1)
	}
	close(turns)
	for range l.atOnce {
		go func() {
			for i := range turns {
				killer, err := l.kill(ctx, chosen[i])
				verdicts[i] <- verdict{killer, err}
			}
		}()
	}
	var failures []error
	fmt.Fprintf(out, line, "RULE", "MUTANT", "KILLED BY")
	for i, m := range chosen {
		v := <-verdicts[i]
		if v.err != nil {
			v.killer = "! " + v.err.Error()
			failures = append(failures, fmt.Errorf("%s: %s: %w", m.rule, m.name, v.err))
		}
		fmt.Fprintf(out, line, m.rule, m.name, v.killer)
	}
	fmt.Fprintf(out, "%d of %d mutants were killed, in %s\n", len(chosen)-len(failures), len(chosen), time.Since(started).Round(time.Second))
	return errors.Join(failures...)
}

var (
	errSurvived = errors.New("it survived")
	failedTest  = regexp.MustCompile(`(?m)^--- FAIL: (\S+)`)
)

// kill plays one mutant and returns the test that failed first.
func (l *laboratory) kill(ctx context.Context, m mutant) (killer string, err error) {
	overlay, err := l.overlay(m)
	if err != nil {
		return "", err
	}
	output, err := l.test(ctx, m.tests, "-overlay="+overlay, "-failfast")
	if err == nil {
		return "", errSurvived
	}
	if failed := failedTest.FindSubmatch(output); failed != nil && !bytes.Contains(output, []byte("panic: test timed out")) {
		return string(failed[1]), nil
	}
	return "", fmt.Errorf("no test failed, but go test did: %w: %s", err, lastLine(output))
}

// overlay writes the mutated source and what tells the compiler of it.
func (l *laboratory) overlay(m mutant) (path string, err error) {
	source, err := filepath.Abs(filepath.FromSlash(m.file))
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(source)
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(text), m.old); n != 1 {
		return "", fmt.Errorf("%s has the text %q %d times, not once: bring the list of mutants up to date", m.file, m.old, n)
	}
	own, err := os.MkdirTemp(l.scratch, "mutant-")
	if err != nil {
		return "", err
	}
	mutated := filepath.Join(own, "mutated.go")
	if err := os.WriteFile(mutated, []byte(strings.Replace(string(text), m.old, m.new, 1)), 0o600); err != nil { //nolint:gosec // in a folder of its own
		return "", err
	}
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {source: mutated}})
	if err != nil {
		return "", err
	}
	path = filepath.Join(own, "overlay.json")
	return path, os.WriteFile(path, replace, 0o600)
}

// test runs tests and returns what they said.
func (l *laboratory) test(ctx context.Context, t tests, flags ...string) ([]byte, error) {
	args := append([]string{"test", "-vet=off", "-ldflags=-s -w", "-timeout=" + l.limit.String(), "-run", t.run}, flags...)
	command := exec.CommandContext(ctx, "go", append(args, "./"+t.pkg)...)
	return command.CombinedOutput()
}

func lastLine(output []byte) string {
	lines := strings.Split(strings.TrimSpace(string(output)), "\n")
	return lines[len(lines)-1]
}
