package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// atOnce calls f for each item, in order and n at a time, until the context ends.
func atOnce[T any](ctx context.Context, n int, items []T, f func(T) error) error {
	work := make(chan T)
	errs := make([]error, n)
	var workers sync.WaitGroup
	for i := range errs {
		workers.Go(func() {
			for item := range work {
				errs[i] = errors.Join(errs[i], f(item))
			}
		})
	}
	for _, item := range items {
		select {
		case work <- item:
		case <-ctx.Done():
		}
	}
	close(work)
	workers.Wait()
	return errors.Join(errors.Join(errs...), ctx.Err())
}

// A dated is the tests of a package without a database that look at the date or the zone.
type dated struct {
	testPackage
	dates    []string // at the date, without a browser
	zones    []string // at the zone alone, without one
	browsing []string // those that start one
}

// only is the flag with which a test program runs some of its tests.
func only(names []string) string { return "-test.run=^(" + strings.Join(names, "|") + ")$" }

// everyDay runs the tests without a database or a browser that look at the date, at
// every moment of the two years, and those that look at the zone alone once in each zone.
// One process plays one hour in one zone for all days: a round of its tests for each. The
// hours and zones come one after the other, so that what has run after a part of the time
// has seen every day.
func (b *bench) everyDay(ctx context.Context, looking []dated) error {
	series := everySeries(b.days)
	if len(series) == 0 {
		return nil
	}
	began := time.Now()
	type job struct {
		tests   dated
		names   []string
		moments []moment
	}
	var jobs []job
	rounds := 0
	add := func(d dated, names []string, moments []moment) {
		if len(names) > 0 {
			jobs = append(jobs, job{d, names, moments})
			rounds += len(moments)
		}
	}
	for n, moments := range series {
		for _, d := range looking {
			if n < len(theZones) { // the first series are of one zone each
				add(d, d.zones, moments[:1])
			}
			add(d, d.dates, moments)
		}
	}
	var failed, done atomic.Int64
	err := atOnce(ctx, runtime.NumCPU(), jobs, func(p job) error {
		start := time.Now()
		out, err := b.test(ctx, p.tests.testPackage, p.moments[0], []string{timesOf(p.moments)}, "-test.timeout=0", "-test.short",
			fmt.Sprintf("-test.count=%d", len(p.moments)), only(p.names))
		if err != nil && ctx.Err() == nil { // what ended with the run says nothing of the day
			failed.Add(1)
			fmt.Fprintf(b.log, "FAIL %s, %s and the days after: %v\n%s\n", p.tests.path, p.moments[0], err, failures(out))
		}
		done.Add(int64(len(p.moments)))
		fmt.Fprintf(b.log, "%s: %d days from %s, %s\n", p.tests.path, len(p.moments), p.moments[0], time.Since(start).Round(time.Second))
		return nil
	})
	fmt.Fprintf(b.log, "without a database or a browser: %d rounds of %d, %d processes failed, %s\n",
		done.Load(), rounds, failed.Load(), time.Since(began).Round(time.Second))
	return errors.Join(err, ifAny(failed.Load()))
}

// timesOf is what lets each round of -test.count begin at one of the moments.
func timesOf(moments []moment) string {
	times := make([]string, len(moments))
	for i, m := range moments {
		times[i] = strconv.FormatInt(m.at.Unix(), 10)
	}
	return timesVariable + "=" + strings.Join(times, " ")
}

// failures are the lines of an output of rounds that say when and what failed.
func failures(out string) string {
	var said strings.Builder
	round, failing := "", false
	for line := range strings.Lines(out) {
		switch {
		case strings.HasPrefix(line, roundMark):
			round, failing = line, false
			continue
		case strings.HasPrefix(line, "--- FAIL"), strings.HasPrefix(line, "panic: "), strings.HasPrefix(line, "fatal error: "):
			if !failing {
				said.WriteString(round)
			}
			failing = true
		}
		if failing {
			said.WriteString(line)
		}
	}
	return tail(said.String())
}

// whatLooks runs each test of the packages without a database by itself, and finds those
// that look at the present date or at the local zone. The others do the same on every
// date, and those that look at the zone alone do the same on every date in a zone. For
// chosenDays alone, the packages without a browser are not needed.
func (b *bench) whatLooks(ctx context.Context) ([]dated, error) {
	needed := func(p testPackage) bool { return !p.whole && (b.days > 0 || p.browser && b.moments > 0) }
	if err := b.build(ctx, needed); err != nil {
		return nil, err
	}
	tests, err := b.singles(ctx, needed)
	if err != nil {
		return nil, err
	}
	reads := filepath.Join(b.dir, "reads")
	if err := os.Mkdir(reads, 0o755); err != nil { //nolint:gosec // PostgreSQL runs as another user
		return nil, err
	}
	var mu sync.Mutex
	looking := make(map[string]dated)
	err = atOnce(ctx, runtime.NumCPU()+1, tests, func(s single) error {
		file := filepath.Join(reads, strings.ReplaceAll(s.path, "/", "-")+"."+s.name)
		out, failure := b.test(ctx, s.testPackage, now(), []string{readsVariable + "=" + file}, "-test.timeout=5m", "-test.short", "-test.run=^"+s.name+"$")
		if failure != nil {
			return fmt.Errorf("%s of %s fails today: %w: %s", s.name, s.path, failure, tail(out))
		}
		notes, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		d := looking[s.path]
		d.testPackage = s.testPackage
		switch date := looksAtTheDate.Match(notes); {
		case !date && !looksAtTheZone.Match(notes):
			return nil
		case startsABrowser.Match(notes):
			d.browsing = append(d.browsing, s.name)
		case date:
			d.dates = append(d.dates, s.name)
		default:
			d.zones = append(d.zones, s.name)
		}
		looking[s.path] = d
		return nil
	})
	var chosen []dated
	dates, zones, browsing := 0, 0, 0
	for _, path := range sortedKeys(looking) {
		d := looking[path]
		chosen = append(chosen, d)
		dates, zones, browsing = dates+len(d.dates), zones+len(d.zones), browsing+len(d.browsing)
		fmt.Fprintf(b.log, "%s: %s\n", path, strings.Join(slices.Concat(d.dates, d.zones, d.browsing), " "))
	}
	fmt.Fprintf(b.log, "of %d tests without a database %d look at the date, %d at the zone alone, and %d more start a browser\n", len(tests), dates, zones, browsing)
	return chosen, err
}

// A single is one test of a package.
type single struct {
	testPackage
	name string
}

// singles are the tests of some packages.
func (b *bench) singles(ctx context.Context, of func(testPackage) bool) ([]single, error) {
	var tests []single
	for _, p := range b.packages {
		if !of(p) {
			continue
		}
		out, err := b.test(ctx, p, now(), nil, "-test.list=^(Test|Example|Fuzz)")
		if err != nil {
			return nil, fmt.Errorf("listing the tests of %s: %w: %s", p.path, err, out)
		}
		for name := range strings.Lines(out) {
			if name = strings.TrimSpace(name); name != "" {
				tests = append(tests, single{p, name})
			}
		}
	}
	return tests, nil
}

// What a process notes (see moved).
var (
	startsABrowser = regexp.MustCompile(`(?mi)^` + startMark + `.*chrom`)
	looksAtTheDate = regexp.MustCompile(`(?m)^` + dateMark)
	looksAtTheZone = regexp.MustCompile(`(?m)^` + zoneMark)
)

// now is the moment at which nothing is moved.
func now() moment { return moment{time.Now(), "UTC"} }

// chosenDays runs what needs a database or a browser at the chosen moments, as many
// packages at once as make test does, since many wait. The other tests are everyDay's.
func (b *bench) chosenDays(ctx context.Context, looking []dated) error {
	moments := b.part.of(spread(chosenMoments(), b.moments))
	if len(moments) == 0 {
		return nil
	}
	if err := b.build(ctx, func(p testPackage) bool { return p.whole }); err != nil {
		return err
	}
	var work []dated
	for _, p := range b.packages {
		if p.whole {
			work = append(work, dated{testPackage: p})
		}
	}
	for _, d := range looking {
		if len(d.browsing) > 0 {
			work = append(work, d)
		}
	}
	type job struct {
		dated
		at int // which moment
	}
	var jobs []job
	left := make([]atomic.Int64, len(moments))
	for at := range moments {
		left[at].Store(int64(len(work)))
		for _, d := range work {
			jobs = append(jobs, job{d, at})
		}
	}
	began := time.Now()
	var failed atomic.Int64
	err := atOnce(ctx, runtime.NumCPU()+1, jobs, func(j job) error {
		ok, err := b.one(ctx, j.dated, moments[j.at])
		if !ok {
			failed.Add(1)
		}
		if left[j.at].Add(-1) == 0 && err == nil {
			fmt.Fprintf(b.log, "%d packages, moment %d of %d: %s, after %s\n", len(work), j.at+1, len(moments), moments[j.at], time.Since(began).Round(time.Second))
		}
		return err
	})
	return errors.Join(err, ifAny(failed.Load()))
}

// one runs a package's tests at a moment, or those that start a browser if they are
// known, and says what failed.
func (b *bench) one(ctx context.Context, d dated, m moment) (ok bool, err error) {
	args := []string{"-test.timeout=20m", "-test.short"}
	if len(d.browsing) > 0 {
		args = append(args, only(d.browsing))
	}
	out, err := b.test(ctx, d.testPackage, m, nil, args...)
	if err != nil && ctx.Err() == nil {
		fmt.Fprintf(b.log, "FAIL %s at %s: %v\n%s\n", d.path, m, err, tail(out))
	}
	return err == nil, ctx.Err()
}

func ifAny(failed int64) error {
	if failed == 0 {
		return nil
	}
	return fmt.Errorf("%d test programs failed; the lines marked FAIL say where and when", failed)
}

// tail is the part of an output that says what failed.
func tail(out string) string {
	const most = 6000
	if i := strings.Index(out, "--- FAIL"); i >= 0 && !strings.HasPrefix(out, roundMark) {
		out = out[i:]
	}
	return out[:min(len(out), most)]
}

// few runs the tests of packages that the seed chooses, each at a moment of its own.
func (b *bench) few(ctx context.Context) error {
	fmt.Fprintf(b.log, "seed %d; ARGS=\"-seed %d\" runs the same again\n", b.seed, b.seed)
	chosen := randomOrder(b.seed, b.packages)
	chosen = chosen[:min(b.some, len(chosen))]
	if err := b.build(ctx, func(p testPackage) bool { return slices.Contains(chosen, p) }); err != nil {
		return err
	}
	failed := int64(0)
	for _, p := range chosen {
		began, m := time.Now(), randomMoment(b.seed, p.path)
		ok, err := b.one(ctx, dated{testPackage: p}, m)
		if err != nil {
			return err
		}
		if !ok {
			failed++
		}
		fmt.Fprintf(b.log, "%s: %s, %s\n", p.path, m, time.Since(began).Round(time.Second))
	}
	return ifAny(failed)
}
