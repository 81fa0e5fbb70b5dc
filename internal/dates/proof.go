package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// atOnce calls f for each item, one for each processor at a time, until the context
// ends.
func atOnce[T any](ctx context.Context, items []T, f func(T) error) error {
	work := make(chan T)
	errs := make([]error, runtime.NumCPU())
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
	return errors.Join(append(errs, ctx.Err())...)
}

// A dated is the tests of a package that look at the date or the zone.
type dated struct {
	testPackage
	names []string
}

// everyDay runs the tests without a database or a browser that look at the date, at
// every moment of the two years.
func (b *bench) everyDay(ctx context.Context) error {
	moments := everyMoment(b.days)
	if len(moments) == 0 {
		return nil
	}
	began := time.Now()
	chosen, err := b.whatLooks(ctx)
	if err != nil {
		return err
	}
	var failed, done atomic.Int64
	err = atOnce(ctx, moments, func(m moment) error {
		for _, d := range chosen {
			out, err := b.test(ctx, d.testPackage, m, noBrowser, "-test.timeout=2m", "-test.run=^("+strings.Join(d.names, "|")+")$")
			if err != nil && ctx.Err() == nil {
				failed.Add(1)
				fmt.Fprintf(b.log, "FAIL %s at %s: %v\n%s\n", d.path, m, err, tail(out))
			}
		}
		if n := done.Add(1); n%500 == 0 {
			fmt.Fprintf(b.log, "%d of %d moments, %s\n", n, len(moments), time.Since(began).Round(time.Second))
		}
		return nil
	})
	fmt.Fprintf(b.log, "without a database or a browser: %d moments on %d days, %d failures, %s\n", done.Load(), min(b.days, daysOfTheProof), failed.Load(), time.Since(began).Round(time.Second))
	return errors.Join(err, ifAny(failed.Load()))
}

// noBrowser lets the tests that need a browser fail, by which they are known.
var noBrowser = []string{"CHROMIUM_PATH=/nowhere"}

// whatLooks runs each test without a database by itself, and finds those that look at
// the present date or at the local zone. The others do the same on every date. Those
// that fail without a browser are left to everything.
func (b *bench) whatLooks(ctx context.Context) ([]dated, error) {
	type single struct{ pkg, name string }
	packages := make(map[string]testPackage)
	var tests []single
	for _, p := range b.packages {
		if p.whole {
			continue
		}
		packages[p.path] = p
		out, err := b.test(ctx, p, now(), nil, "-test.list=^(Test|Example|Fuzz)")
		if err != nil {
			return nil, fmt.Errorf("listing the tests of %s: %w: %s", p.path, err, out)
		}
		for name := range strings.Lines(out) {
			if name = strings.TrimSpace(name); name != "" {
				tests = append(tests, single{p.path, name})
			}
		}
	}
	reads := filepath.Join(b.dir, "reads")
	if err := os.Mkdir(reads, 0o755); err != nil { //nolint:gosec // PostgreSQL runs as another user
		return nil, err
	}
	var mu sync.Mutex
	looking, elsewhere := make(map[string][]string), 0
	err := atOnce(ctx, tests, func(s single) error {
		file := filepath.Join(reads, strings.ReplaceAll(s.pkg, "/", "-")+"."+s.name)
		_, failure := b.test(ctx, packages[s.pkg], now(), append(noBrowser, readsVariable+"="+file), "-test.timeout=5m", "-test.run=^"+s.name+"$")
		mu.Lock()
		defer mu.Unlock()
		if failure != nil {
			elsewhere++
			return nil
		}
		if found, err := os.Stat(file); err == nil && found.Size() > 0 {
			looking[s.pkg] = append(looking[s.pkg], s.name)
		}
		return nil
	})
	var chosen []dated
	count := 0
	for _, path := range sortedKeys(looking) {
		chosen = append(chosen, dated{packages[path], looking[path]})
		count += len(looking[path])
		fmt.Fprintf(b.log, "%s: %s\n", path, strings.Join(looking[path], " "))
	}
	fmt.Fprintf(b.log, "of %d tests without a database %d look at the date or the zone; %d need a browser\n", len(tests), count, elsewhere)
	return chosen, err
}

// now is the moment at which nothing is moved.
func now() moment { return moment{time.Now(), "UTC"} }

// everything runs all tests at the chosen moments, one package after the other, as
// make test does.
func (b *bench) everything(ctx context.Context) error {
	failed := int64(0)
	for i, m := range spread(chosenMoments(), b.moments) {
		began := time.Now()
		for _, p := range b.packages {
			out, err := b.test(ctx, p, m, nil, "-test.timeout=20m")
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				failed++
				fmt.Fprintf(b.log, "FAIL %s at %s: %v\n%s\n", p.path, m, err, tail(out))
			}
		}
		fmt.Fprintf(b.log, "everything, moment %d: %s, %s\n", i+1, m, time.Since(began).Round(time.Second))
	}
	return ifAny(failed)
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
	if i := strings.Index(out, "--- FAIL"); i >= 0 {
		out = out[i:]
	}
	return out[:min(len(out), most)]
}

// race runs everything once, each package at a moment of its own.
func (b *bench) race(ctx context.Context) error {
	fmt.Fprintf(b.log, "seed %d\n", b.seed)
	paths := make([]string, len(b.packages))
	for i, p := range b.packages {
		paths[i] = p.path
		fmt.Fprintf(b.log, "%s: %s\n", p.path, randomMoment(b.seed, inModule(p.dir)))
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return goTest(ctx, b, append([]string{"test", "-race", "-vet=off", "-shuffle=on", "-timeout=20m", "-count=1", "-exec=" + self}, paths...))
}
