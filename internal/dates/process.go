package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// A place is where one test process runs: with the clock of a moment, a folder for
// temporary files that no other process shares, since ages of files would mislead
// those of another date, and PostgreSQL by the same clock.
type place struct{ dir string }

// newPlace makes a place in a folder.
func newPlace(in string) (place, error) {
	dir, err := os.MkdirTemp(in, "r")
	if err != nil {
		return place{}, err
	}
	return place{dir}, errors.Join(os.Chmod(dir, 0o755), os.Mkdir(filepath.Join(dir, "t"), 0o700), os.Chmod(filepath.Join(dir, "t"), 0o777|os.ModeSticky)) //nolint:gosec // PostgreSQL runs as another user
}

func (p place) remove() { _ = os.RemoveAll(p.dir) }

// environment is what a process gets to begin at a moment. Its PATH begins with a
// postgres whose clock is moved as far.
func (p place) environment(m moment) ([]string, error) {
	shift := time.Until(m.at).Round(time.Second)
	bin := filepath.Join(p.dir, "bin")
	if err := p.wrapPostgreSQL(bin, shift); err != nil {
		return nil, err
	}
	return append(os.Environ(), shiftVariable+"="+shift.String(), "TZ="+m.zone, "TMPDIR="+filepath.Join(p.dir, "t"),
		"PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH")), nil
}

// wrapPostgreSQL writes the two programs that the embedded database looks for.
func (p place) wrapPostgreSQL(bin string, shift time.Duration) error {
	server, err := postgreSQL()
	if err != nil {
		return err
	}
	library, err := filepath.Glob("/usr/lib/*/faketime/libfaketime.so.1")
	if err != nil || len(library) == 0 {
		return errors.Join(err, errors.New("libfaketime is not installed; scripts/install-deps faketime installs it"))
	}
	if err := os.Mkdir(bin, 0o755); err != nil { //nolint:gosec // as above
		return err
	}
	faked := fmt.Sprintf("LD_PRELOAD=%s FAKETIME=%+d FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME_DISABLE_SHM=1 ", library[0], int64(shift/time.Second))
	for name, with := range map[string]string{"postgres": faked, "initdb": ""} {
		script := "#!/bin/sh\n" + with + "exec " + filepath.Join(server, name) + " \"$@\"\n"
		if err := os.WriteFile(filepath.Join(bin, name), []byte(script), 0o755); err != nil { //nolint:gosec // a program
			return err
		}
	}
	return nil
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
	moved, err := where.environment(m)
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, b.binary(p), args...)
	cmd.Dir, cmd.Env = p.dir, slices.Concat(moved, env)
	out, err := cmd.CombinedOutput()
	return string(out), err
}
