package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// heapFloor is the size that a server's heap may reach before its garbage is collected, in
// bytes. A server keeps a few megabytes, and a sync leaves about as much garbage. If the
// heap were collected whenever it has doubled, that would happen once or twice in every
// sync.
const heapFloor = 32 << 20

// memoryLimit is the size from which a server's memory is collected more often, in bytes,
// so that the process stays below 256 MiB whatever one answer of a PIMS contains (R57). A
// GOMEMLIMIT in the environment takes precedence. A server that must keep more continues
// and works more slowly.
const memoryLimit = 144 << 20

func limitMemory(limit int64) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limit)
	}
}

// collectAbove lets the heap grow to a floor before it is collected. A heap above the floor
// is collected whenever it has doubled, as usual. A GOGC in the environment takes
// precedence.
func collectAbove(floor uint64) {
	if os.Getenv("GOGC") == "" {
		tuneAfterEach(floor)
	}
}

// tuneAfterEach adjusts GOGC after each collection to the live heap. Each collection queues
// a finalizer, which calls the adjustment.
func tuneAfterEach(floor uint64) {
	type sentinel struct{ _ *byte }
	var collected func(*sentinel)
	collected = func(*sentinel) {
		found := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/globals:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/gogc:percent"}}
		metrics.Read(found)
		live, roots := found[0].Value.Uint64(), found[1].Value.Uint64()+found[2].Value.Uint64()
		if percent := gcPercent(live, roots, floor); percent != found[3].Value.Uint64() {
			debug.SetGCPercent(int(percent)) //nolint:gosec // small, see gcPercent
		}
		runtime.SetFinalizer(&sentinel{}, collected)
	}
	runtime.SetFinalizer(&sentinel{}, collected)
}

// smallest is the heap, in bytes, below which Go does not collect at a GOGC of 100; it
// grows with GOGC.
const smallest = 4 << 20

// gcPercent returns the GOGC with which a heap of live bytes, and roots bytes of stacks and
// globals, is next collected when it reaches the floor: at least 100. See
// https://go.dev/doc/gc-guide for the formula.
func gcPercent(live, roots, floor uint64) uint64 {
	if live >= floor {
		return 100
	}
	return max(100, min((floor-live)*100/max(live+roots, 1), floor*100/smallest))
}
