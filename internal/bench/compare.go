package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// compare measures a revision and the working tree by turns.
func compare(ctx context.Context, o options) (err error) {
	scratch, err := os.MkdirTemp("", "pims-sync-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	base := filepath.Join(scratch, "base")
	if err := git(ctx, "worktree", "add", "--quiet", "--detach", base, o.base); err != nil {
		return fmt.Errorf("%w; BASE must be a commit, branch or tag of this repository", err)
	}
	defer func() { err = errors.Join(err, git(context.WithoutCancel(ctx), "worktree", "remove", "--force", base)) }()

	files := map[string]string{base: filepath.Join(scratch, "base.txt"), ".": filepath.Join(scratch, "new.txt")}
	for round := range o.rounds {
		fmt.Fprintf(o.log, "round %d of %d\n", round+1, o.rounds)
		for _, dir := range byTurns(round, base, ".") {
			output, err := measure(ctx, dir, o)
			if err != nil {
				return err
			}
			if err := add(files[dir], output); err != nil {
				return err
			}
		}
	}
	stat := exec.CommandContext(ctx, "go", "tool", "-modfile=tools/go.mod", "benchstat",
		"-filter", ".unit:("+strings.Join([]string{"ratio", "ours-ms", "ours-MiB", "sec/op", "B/s"}, " OR ")+")",
		"base="+files[base], "new="+files["."])
	stat.Stdout, stat.Stderr = o.out, o.log
	return stat.Run()
}

// byTurns lets each of two begin every second round: what comes second finds other caches.
func byTurns(round int, a, b string) []string {
	if round%2 == 0 {
		return []string{a, b}
	}
	return []string{b, a}
}

func git(ctx context.Context, args ...string) error {
	output, err := exec.CommandContext(ctx, "git", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(string(output)))
	}
	return nil
}

func add(path string, text []byte) error {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	return errors.Join(err, file.Close())
}
