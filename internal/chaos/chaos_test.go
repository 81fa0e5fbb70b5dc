package chaos

import (
	"context"
	"flag"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	kills   = flag.Int("kills", 3, "how many times a replica is killed with SIGKILL; PostgreSQL suffers a fifth of it")
	seconds = flag.Int("seconds", 0, "end after so long, however many kills there were; 0: no limit")
	seed    = flag.Uint64("seed", 0, "of the nemesis; 0: made up and printed")
)

const (
	replicas = 3
	clinics  = 3
	lease    = 2 * time.Second

	recovery = 45 * time.Second // R30

	// roundLength is how long the nemesis works before the checker looks.
	roundLength = 45 * time.Second
)

func TestNoCaseIsLostDoubledOrWronglyDeletedWhateverIsKilled(t *testing.T) { // R28–R32
	t.Parallel()
	w := newWorld(t)
	n := newNemesis(w, *seed)
	t.Logf("seed %d: go test ./internal/chaos -kills %d -seconds %d -seed %d -v", n.seed, *kills, *seconds, n.seed)
	end := time.Now().Add(1000 * time.Hour)
	if *seconds > 0 {
		end = time.Now().Add(time.Duration(*seconds) * time.Second)
	}
	for round := 1; n.killed() < *kills && time.Now().Before(end); round++ {
		load := w.load(n.seed + uint64(round))
		until := time.Now().Add(roundLength)
		if end.Before(until) {
			until = end
		}
		n.rage(t, *kills, until)
		load.stop()
		w.check(t)
		t.Logf("round %d: %s", round, n)
		t.Logf("round %d: %s", round, w.watch)
	}
	w.shutDown(t)
	require.Positive(t, n.killed())
	if n.killed() >= 100 {
		for _, phase := range phases {
			require.GreaterOrEqual(t, n.kills[phase], n.killed()/10, "kills in the phase %s", phase)
		}
	}
}

// pause waits, or until the context ends; then it answers false.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
