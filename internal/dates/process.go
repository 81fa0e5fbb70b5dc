package main

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// A place is where one test process runs: with the clock of a moment, folders for
// temporary files and databases that no other process shares, since ages of files would
// mislead those of another date, and PostgreSQL by the same clock.
type place struct {
	dir    string
	memory string // a folder in memory; "" where there is none
}

// newPlace makes a place in a folder.
func newPlace(in string) (place, error) {
	dir, err := os.MkdirTemp(in, "r")
	if err != nil {
		return place{}, err
	}
	memory, err := os.MkdirTemp("/dev/shm", "dates-")
	if err == nil {
		err = os.Chmod(memory, 0o777|os.ModeSticky)
	}
	if err != nil {
		memory = ""
	}
	return place{dir, memory}, errors.Join(os.Chmod(dir, 0o755), os.Mkdir(filepath.Join(dir, "t"), 0o700), os.Chmod(filepath.Join(dir, "t"), 0o777|os.ModeSticky)) //nolint:gosec // PostgreSQL runs as another user
}

func (p place) remove() {
	_ = os.RemoveAll(p.dir)
	if p.memory != "" {
		_ = os.RemoveAll(p.memory)
	}
}

// environment is what a process gets to begin at a moment. Its PATH begins with
// programs whose clock is moved as far.
func (p place) environment(m moment, preload string) ([]string, error) {
	shift := time.Until(m.at).Round(time.Second)
	bin := filepath.Join(p.dir, "bin")
	if err := wrapPrograms(bin, preload, shift); err != nil {
		return nil, err
	}
	env := append(os.Environ(), shiftVariable+"="+shift.String(), "TZ="+m.zone, "TMPDIR="+filepath.Join(p.dir, "t"),
		"PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	if p.memory != "" {
		env = append(env, "PIMS_SYNC_TEST_MEMORY="+p.memory) // see pgtest
	}
	return env, nil
}

// wrapPrograms writes the programs that the embedded database looks for, and the date of
// the commands in docs.
func wrapPrograms(bin, preload string, shift time.Duration) error {
	server, err := postgreSQL()
	if err != nil {
		return err
	}
	date, err := exec.LookPath("date")
	if err != nil {
		return err
	}
	if err := os.Mkdir(bin, 0o755); err != nil { //nolint:gosec // as above
		return err
	}
	moved := fmt.Sprintf("LD_PRELOAD=%s %s=%d ", preload, secondsVariable, int64(shift/time.Second))
	for name, starts := range map[string]string{
		"postgres": moved + "exec " + filepath.Join(server, "postgres"),
		"initdb":   "exec " + filepath.Join(server, "initdb"),
		"date":     moved + "exec " + date,
	} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+starts+" \"$@\"\n"), 0o755); err != nil { //nolint:gosec // a program
			return err
		}
	}
	return nil
}

//go:embed preload/clock.c
var clockSource []byte

// secondsVariable is how far the clock of a program in another language is moved.
const secondsVariable = "PIMS_SYNC_TEST_SECONDS"

// buildPreload compiles what moves the clock of programs that are not written in Go,
// and returns what they get as LD_PRELOAD.
func buildPreload(ctx context.Context, dir string) (string, error) {
	source, library := filepath.Join(dir, "clock.c"), filepath.Join(dir, "clock.so")
	if err := os.WriteFile(source, clockSource, 0o600); err != nil {
		return "", err
	}
	_, err := output(ctx, cmp.Or(os.Getenv("CC"), "gcc"), "-shared", "-fPIC", "-O2", "-o", library, source)
	return library, err
}

// postgreSQL is the folder of the newest server programs.
func postgreSQL() (string, error) {
	if program, err := exec.LookPath("postgres"); err == nil {
		program, err = filepath.EvalSymlinks(program)
		return filepath.Dir(program), err
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil || len(found) == 0 {
		return "", errors.Join(err, errors.New("PostgreSQL is not installed"))
	}
	return slices.Max(found), nil // 15, 16, 17: as texts they are in order
}

// test runs a package's test program at a moment and returns what it prints. An error
// that is no *exec.ExitError is none of the tests.
func (b *bench) test(ctx context.Context, p testPackage, m moment, env []string, args ...string) (string, error) {
	where, err := newPlace(b.dir)
	if err != nil {
		return "", err
	}
	defer where.remove()
	moved, err := where.environment(m, b.preload)
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, b.binary(p), args...)
	cmd.Dir, cmd.Env = p.dir, slices.Concat(moved, env)
	out, err := cmd.CombinedOutput()
	return string(out), err
}
