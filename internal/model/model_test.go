package model_test

import (
	"context"
	"flag"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
)

// How long the model plays. Two more flags are rapid's own: -rapid.seed begins
// elsewhere, -rapid.steps sets how long a sequence is on average. A sequence that
// fails says with which seed it is played again.
var (
	decisions = flag.Int("model.decisions", 400, "how many sequences drive the decisions alone")
	whole     = flag.Int("model.whole", 25, "how many sequences drive the whole on PostgreSQL")
	seconds   = flag.Int("model.seconds", 0, "play each of the machines for so long instead")
)

//nolint:paralleltest // rapid has one set of flags
func TestNoSequenceBreaksTheDecisions(t *testing.T) { // R5–R7, R10–R27
	location := newYork(t)
	seen := check(t, *decisions, func(t *rapid.T, seen tally) {
		m := newMachine(t, location, newMemory(), seen)
		t.Repeat(m.actions())
	})
	// A few hundred sequences from any seed may lack what is rare.
	if *seconds == 0 && seen["sequences"] >= 400 || seen["sequences"] >= 4000 {
		seen.requireAll(t)
	}
}

//nolint:paralleltest // rapid has one set of flags
func TestNoSequenceBreaksTheWhole(t *testing.T) { // R5–R7, R10–R27, R30, R41
	location, db := newYork(t), pgtest.New(t)
	check(t, *whole, func(t *rapid.T, seen tally) {
		stage, err := newDatabase(context.Background(), db)
		require.NoError(t, err)
		m := newMachine(t, location, stage, seen)
		t.Repeat(m.actions())
	})
}

const (
	defaultSeed = 20260303 // what a run without -rapid.seed begins with
	batch       = 10       // sequences between two looks at the clock
	nextBatch   = 1 << 32  // from one batch's seed to the next one's
)

// check is rapid.Check with a number of sequences, or a time, of its own. It tells
// what it has seen. Tests that use it do not run in parallel: rapid has one set of
// flags for all.
func check(t *testing.T, sequences int, play func(*rapid.T, tally)) tally {
	t.Helper()
	seed, err := strconv.ParseUint(flag.Lookup("rapid.seed").Value.String(), 10, 64)
	require.NoError(t, err)
	if seed == 0 { // not given: the same for everybody
		seed = defaultSeed
	}
	t.Cleanup(func() { require.NoError(t, flag.Set("rapid.seed", strconv.FormatUint(seed, 10))) })
	t.Logf("the seed is %d: -rapid.seed=%d plays the same sequences again", seed, seed)

	ofRapid := 1 // of how many checks it makes one
	if testing.Short() {
		ofRapid = 5
		sequences = max(1, sequences/ofRapid)
	}
	seen, started := tally{}, time.Now()
	end := started.Add(time.Duration(*seconds) * time.Second)
	once := func(t *rapid.T) {
		play(t, seen)
		seen["sequences"]++
	}
	for i := uint64(0); ; i++ {
		n := min(batch, sequences-seen["sequences"])
		if *seconds > 0 {
			n = batch
		}
		if n <= 0 || *seconds > 0 && !time.Now().Before(end) {
			break
		}
		require.NoError(t, flag.Set("rapid.checks", strconv.Itoa(ofRapid*n)))
		require.NoError(t, flag.Set("rapid.seed", strconv.FormatUint(seed+i*nextBatch, 10)))
		rapid.Check(quiet{t}, once)
	}
	t.Logf("%d sequences of %d steps in all, from seed %d, in %s; among them\n%s",
		seen["sequences"], seen["steps"], seed, time.Since(started).Round(time.Second), seen)
	return seen
}

// quiet leaves out what rapid says of each batch that passed.
type quiet struct{ *testing.T }

func (q quiet) Logf(format string, args ...any) {
	q.Helper()
	if !strings.HasPrefix(format, "[rapid] OK") {
		q.T.Logf(format, args...)
	}
}

func newYork(t *testing.T) *time.Location {
	t.Helper()
	location, err := time.LoadLocation(zone)
	require.NoError(t, err)
	return location
}
