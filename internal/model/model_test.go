package model_test

import (
	"context"
	"flag"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
)

// How long the model plays. Two more flags are rapid's own: -rapid.seed plays a
// sequence again, -rapid.steps sets how long a sequence is.
var (
	decisions = flag.Int("model.decisions", 400, "how many sequences drive the decisions alone")
	whole     = flag.Int("model.whole", 25, "how many sequences drive the whole on PostgreSQL")
)

//nolint:paralleltest // rapid has one set of flags
func TestNoSequenceBreaksTheDecisions(t *testing.T) { // R5–R7, R10–R27
	location := newYork(t)
	check(t, *decisions, func(t *rapid.T) {
		m := newMachine(t, location, newMemory())
		t.Repeat(m.actions())
	})
}

//nolint:paralleltest // rapid has one set of flags
func TestNoSequenceBreaksTheWhole(t *testing.T) { // R5–R7, R10–R27, R30, R41
	location, db := newYork(t), pgtest.New(t)
	check(t, *whole, func(t *rapid.T) {
		stage, err := newDatabase(context.Background(), db)
		require.NoError(t, err)
		m := newMachine(t, location, stage)
		t.Repeat(m.actions())
	})
}

// defaultSeed is what a run without -rapid.seed plays.
const defaultSeed = "20260302"

// check is rapid.Check with a number of sequences of its own. Tests that use it do
// not run in parallel: rapid has one flag for all.
func check(t *testing.T, sequences int, play func(*rapid.T)) {
	t.Helper()
	require.NoError(t, flag.Set("rapid.checks", strconv.Itoa(sequences)))
	if flag.Lookup("rapid.seed").Value.String() == "0" { // not given: the same for everybody
		require.NoError(t, flag.Set("rapid.seed", defaultSeed))
	}
	rapid.Check(t, play)
}

func newYork(t *testing.T) *time.Location {
	t.Helper()
	location, err := time.LoadLocation(zone)
	require.NoError(t, err)
	return location
}
