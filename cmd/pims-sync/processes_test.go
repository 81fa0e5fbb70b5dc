package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A child is a process, named so that its number in another's hands is another.
type child struct {
	pid   int
	since string // its start in ticks after the system's
}

// descendants are the processes that this one started, and theirs, by what they
// run.
func descendants(t *testing.T) map[child]string {
	t.Helper()
	return descendantsOf(t, os.Getpid())
}

func descendantsOf(t *testing.T, root int) map[child]string {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(t, err)
	require.NotEmpty(t, stats, "these tests need /proc")
	type process struct {
		child
		parent int
		name   string
	}
	var all []process
	for _, path := range stats {
		content, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		// pid (name) state ppid … with the start as the 22nd field
		open, shut := bytes.IndexByte(content, '('), bytes.LastIndexByte(content, ')')
		fields := strings.Fields(string(content[shut+1:]))
		if fields[0] == "Z" {
			continue // it has ended, and nobody has asked how
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(content[:open])))
		require.NoError(t, err)
		parent, err := strconv.Atoi(fields[1])
		require.NoError(t, err)
		all = append(all, process{child{pid, fields[19]}, parent, string(content[open+1 : shut])})
	}
	known := map[int]bool{root: true}
	found := make(map[child]string)
	for grown := true; grown; {
		grown = false
		for _, p := range all {
			if known[p.parent] && !known[p.pid] {
				known[p.pid], grown = true, true
				found[p.child] = p.name
			}
		}
	}
	return found
}

// alive tells which of the processes are still there.
func alive(t *testing.T, processes map[child]string) []string {
	t.Helper()
	var left []string
	for p, name := range processes {
		content, err := os.ReadFile("/proc/" + strconv.Itoa(p.pid) + "/stat")
		if err != nil {
			continue
		}
		fields := strings.Fields(string(content[bytes.LastIndexByte(content, ')')+1:]))
		if fields[0] != "Z" && fields[19] == p.since {
			left = append(left, name)
		}
	}
	return left
}
