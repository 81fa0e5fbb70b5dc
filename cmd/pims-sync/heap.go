package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// heapFloor is how large the heap of a server may grow before its garbage is
// collected, in bytes. What a server keeps is a few megabytes, and a sync leaves as
// much garbage as that: collected whenever it has doubled, the heap would be
// collected once or twice in every sync.
const heapFloor = 32 << 20

// memoryLimit is from where the memory of a server is collected harder, in bytes, so
// that the process stays below 256 MiB whatever one answer of a PIMS holds (R57). A
// GOMEMLIMIT of the environment wins. A server that must keep more goes on and works
// slower.
const memoryLimit = 160 << 20

func limitMemory(limit int64) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limit)
	}
}

// collectAbove lets the heap grow to a floor before it is collected; one that is
// larger is collected whenever it has doubled, as usual. A GOGC of the environment
// wins.
func collectAbove(floor uint64) {
	if os.Getenv("GOGC") == "" {
		tuneAfterEach(floor)
	}
}

// tuneAfterEach looks after each collection at what is live. Collections are told
// of by a finalizer, which each of them queues.
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

// smallest is the heap, in bytes, that Go does not collect at a GOGC of 100; it grows
// with GOGC.
const smallest = 4 << 20

// gcPercent is the GOGC with which a heap of so many live bytes, and as many bytes of
// stacks and globals, is collected next when it reaches the floor: at least 100. See
// https://go.dev/doc/gc-guide for the sum.
func gcPercent(live, roots, floor uint64) uint64 {
	if live >= floor {
		return 100
	}
	return max(100, min((floor-live)*100/max(live+roots, 1), floor*100/smallest))
}
