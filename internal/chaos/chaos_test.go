package chaos

import (
	"context"
	"flag"
	"os"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/rs/zerolog/log"
	"github.com/stretchr/testify/require"
)

var (
	kills   = flag.Int("kills", 5, "how many times a replica is killed with SIGKILL; PostgreSQL suffers a fifth of it")
	seconds = flag.Int("seconds", 0, "end after so long, however many kills there were; 0: no limit")
	seed    = flag.Uint64("seed", 0, "of the nemesis; 0: made up and printed")
)

const (
	replicas = 3
	clinics  = 5
	lease    = 2 * time.Second

	recovery = 45 * time.Second // R30

	// roundLength is how long the nemesis works before the checker looks.
	roundLength = time.Minute

	// pollPause is between two looks at what should come true.
	pollPause = 10 * time.Millisecond
)

func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		*kills = min(*kills, 2)
	}
	log.Logger = zerolog.Nop() // one of toxiproxy's toxics speaks through it
	os.Exit(m.Run())
}

func TestNoCaseIsLostDoubledOrWronglyDeletedWhateverIsKilled(t *testing.T) { // R28–R32, R47
	t.Parallel()
	w := newWorld(t, "SYNC_LEASE="+lease.String(), "SYNC_WAIT_MS=30000", "SYNC_TIMEOUT_MS=30000")
	for range replicas {
		w.addReplica(t)
	}
	w.addDesks(t)
	w.listen(t, "", false)
	w.listen(t, "", true)
	w.listen(t, w.desks[0].id, true)
	for _, d := range w.desks {
		d.open(t)
	}
	for range clinics {
		w.addPractice(t).schedule(t, everyMinute)
	}
	n := newNemesis(w, *seed)
	t.Logf("seed %d: go test ./internal/chaos -kills %d -seconds %d -seed %d -v", n.seed, *kills, *seconds, n.seed)
	end := time.Now().Add(1000 * time.Hour)
	if *seconds > 0 {
		end = time.Now().Add(time.Duration(*seconds) * time.Second)
	}
	enough := func() bool { return n.killed() >= *kills && w.made.Load() >= *changes || time.Now().After(end) }
	for round := 1; !enough(); round++ {
		load := w.load(n.seed + uint64(round))
		until := time.Now().Add(roundLength)
		n.rage(t, func() bool { return enough() || time.Now().After(until) })
		load.stop()
		w.check(t)
		messages, again, heard := w.heardOf()
		t.Logf("round %d: %d changes by people, %d changes told in %d messages to %d endpoints, %d messages came again",
			round, w.made.Load(), heard, messages, len(w.listeners), again)
		t.Logf("round %d: %s", round, n)
		t.Logf("round %d: %s", round, w.watch)
	}
	w.shutDown(t)
	require.Positive(t, n.killed())
	if n.killed() >= 100 {
		for _, phase := range phases {
			require.GreaterOrEqual(t, n.kills[phase], n.killed()/10, "kills in the phase %s", phase)
		}
		require.GreaterOrEqual(t, n.backends+n.servers, n.killed()/5, "what PostgreSQL suffered")
	}
}

// pause waits, or until the context ends; then it returns false.
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
