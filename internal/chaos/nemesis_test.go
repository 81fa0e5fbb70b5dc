package chaos

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
)

// The phases in which a replica can be killed, as sync_leases.progress tells them.
var phases = []string{"login", "inbound", "cases", "reconciliation", "idle"}

// A nemesis does to the world what machines, kernels and networks do, and counts.
type nemesis struct {
	world  *world
	seed   uint64
	random *rand.Rand

	troubles []trouble // that go on

	kills                     map[string]int // of replicas, by phase
	cuts                      map[string]int // of networks, by what they suffered
	deaf                      map[string]int // listeners, by what they suffered
	pauses, backends, servers int
}

// A trouble lasts for a while, and others come while it does.
type trouble struct {
	ends time.Time
	end  func()
}

func newNemesis(w *world, seed uint64) *nemesis {
	if seed == 0 {
		seed = rand.Uint64N(1_000_000) + 1
	}
	return &nemesis{
		world: w, seed: seed, random: rand.New(rand.NewPCG(seed, 0)), kills: make(map[string]int), cuts: make(map[string]int), deaf: make(map[string]int),
	}
}

// killed is how many replicas were killed.
func (n *nemesis) killed() int {
	sum := 0
	for _, count := range n.kills {
		sum += count
	}
	return sum
}

func (n *nemesis) String() string {
	return fmt.Sprintf("%d kill -9 (%s), PostgreSQL: %d connections and %d servers, %d replicas stopped for longer than a lease, networks: %s, listeners: %s",
		n.killed(), counts(n.kills, phases), n.backends, n.servers, n.pauses, counts(n.cuts, faults), counts(n.deaf, deafness))
}

// counts lists what was counted, in the order of the names.
func counts(of map[string]int, names []string) string {
	words := make([]string, len(names))
	for i, name := range names {
		words[i] = fmt.Sprintf("%s %d", name, of[name])
	}
	return strings.Join(words, ", ")
}

// rage attacks until it is enough. All that it broke works again when it returns.
func (n *nemesis) rage(t *testing.T, enough func() bool) {
	t.Helper()
	for !enough() {
		n.relieve()
		switch die := n.random.IntN(20); {
		case n.backends+n.servers < (n.killed()+1)/5: // a fifth of the kills, with the next one
			n.hitDatabase(t)
		case die < 13:
			n.kill(t)
		case die < 15:
			n.hitDatabase(t)
		case die < 17:
			n.pause(t)
		default:
			n.cut(t)
		}
		if n.random.IntN(2) == 0 {
			n.deafen(t)
		}
	}
	for len(n.troubles) > 0 {
		pause(t.Context(), pollPause)
		n.relieve()
	}
}

// last keeps a trouble up for a while.
func (n *nemesis) last(d time.Duration, end func()) {
	n.troubles = append(n.troubles, trouble{time.Now().Add(d), end})
}

// relieve ends the troubles whose time is over.
func (n *nemesis) relieve() {
	n.troubles = slices.DeleteFunc(n.troubles, func(t trouble) bool {
		over := time.Now().After(t.ends)
		if over {
			t.end()
		}
		return over
	})
}

// A leased is a sync that a process works on.
type leased struct {
	hold
	Worker, Phase, Step string
}

// phase is the one of phases that the work is in. The calendar that a full sync
// fetches for all of its phases is inbound's.
func (l leased) phase() string {
	switch {
	case l.Step == "login" || l.Phase == "": // before the first report there is the login
		return "login"
	case l.Phase == "full":
		return "inbound"
	default:
		return l.Phase
	}
}

// work are the syncs that processes work on now.
func (w *world) work(t *testing.T) []leased {
	t.Helper()
	return collect(t, w.database, pgx.RowToStructByPos[leased], `
		select audit_id::text, attempt, worker, coalesce(progress ->> 'phase', ''), coalesce(progress ->> 'step', '')
		from sync_leases where expires_at > clock_timestamp()`)
}

// of are those of one process.
func of(worker string, all []leased) []leased {
	var found []leased
	for _, l := range all {
		if l.Worker == worker {
			found = append(found, l)
		}
	}
	return found
}

// kill kills a replica in the phase that was hit least, if one gets there soon, and
// starts it again.
func (n *nemesis) kill(t *testing.T) {
	t.Helper()
	wanted := phases[0]
	for _, phase := range phases {
		if n.kills[phase] < n.kills[wanted] {
			wanted = phase
		}
	}
	if wanted == "login" {
		n.expireSessions()
	}
	victim, work := n.find(t, wanted)
	victim.kill()
	phase := "idle"
	for _, l := range work {
		if phase = l.phase(); phase == wanted {
			break
		}
	}
	n.kills[phase]++
	n.world.watch.add(holds(work)...)
	victim.start(t)
}

// expireSessions makes the next syncs log in.
func (n *nemesis) expireSessions() {
	for _, p := range n.world.practices {
		p.ExpireSessions()
	}
}

// find looks for a replica that works in a phase, or is idle; after a while it takes
// any. It returns what the replica works on.
func (n *nemesis) find(t *testing.T, wanted string) (*replica, []leased) {
	t.Helper()
	patience := time.Now().Add(3 * time.Second)
	for {
		all := n.world.work(t)
		for _, i := range n.random.Perm(replicas) {
			r := n.world.replicas[i]
			work := of(r.name, all)
			if wanted == "idle" && len(work) == 0 || time.Now().After(patience) {
				return r, work
			}
			for _, l := range work {
				if l.phase() == wanted {
					return r, work
				}
			}
		}
		pause(t.Context(), 2*time.Millisecond)
	}
}

func holds(work []leased) []hold {
	var all []hold
	for _, l := range work {
		all = append(all, l.hold)
	}
	return all
}

// hitDatabase ends connections of the replicas, or now and then the whole server.
func (n *nemesis) hitDatabase(t *testing.T) {
	t.Helper()
	if n.random.IntN(5) > 0 {
		if n.world.database.terminate(t, 1+n.random.IntN(5)) > 0 {
			n.backends++
		}
		return
	}
	n.world.watch.add(holds(n.world.work(t))...)
	n.world.database.crash(t, []syscall.Signal{syscall.SIGQUIT, syscall.SIGKILL}[n.random.IntN(2)])
	n.servers++
}

// pause stops a replica for longer than its leases and lets it go on, as a machine
// that was suspended does.
func (n *nemesis) pause(t *testing.T) {
	t.Helper()
	victim := n.world.replicas[n.random.IntN(replicas)]
	n.world.watch.add(holds(of(victim.name, n.world.work(t)))...)
	victim.signal(syscall.SIGSTOP)
	n.last(lease+n.upTo(2*time.Second), func() { victim.signal(syscall.SIGCONT) })
	n.pauses++
}

// upTo is a length of time below a limit.
func (n *nemesis) upTo(limit time.Duration) time.Duration {
	return time.Duration(n.random.Int64N(int64(limit)))
}

// The faults of a practice's network, and those of its Neo.
var (
	faults    = []string{"refused", "reset", "silent", "torn", "late", "trickle", "unavailable", "truncated", "halved", "hanging"}
	neoFaults = map[string]neosim.Kind{
		"unavailable": neosim.FaultStatus, "truncated": neosim.FaultTruncated,
		"halved": neosim.FaultDisconnect, "hanging": neosim.FaultHang,
	}
	deafness = append([]string{"refused", "reset", "silent", "torn", "late", "trickle"}, listenerFaults...)
)

// cut takes a practice's network away for a moment, or its Neo.
func (n *nemesis) cut(t *testing.T) {
	t.Helper()
	p := n.world.practices[n.random.IntN(clinics)]
	fault := faults[n.random.IntN(len(faults))]
	mend := func() { p.network.heal(t) }
	switch kind, ofNeo := neoFaults[fault]; {
	case ofNeo:
		p.Fail(neosim.Fault{Kind: kind, Code: http.StatusServiceUnavailable, Count: neosim.Forever})
		mend = func() { p.ClearFaults() }
	case fault == "refused":
		p.network.cut()
	default:
		p.network.fail(t, fault)
	}
	n.last(n.moment(), mend)
	n.cuts[fault]++
}

// moment is how long a network or what it leads to is away.
func (n *nemesis) moment() time.Duration { return 100*time.Millisecond + n.upTo(900*time.Millisecond) }

// deafen takes a listener or its network away for a moment.
func (n *nemesis) deafen(t *testing.T) {
	t.Helper()
	l := n.world.listeners[n.random.IntN(len(n.world.listeners))]
	fault := deafness[n.random.IntN(len(deafness))]
	mend := func() { l.network.heal(t) }
	switch {
	case slices.Contains(listenerFaults, fault):
		l.fail(fault)
		mend = l.mend
	case fault == "refused":
		l.network.cut()
	default:
		l.network.fail(t, fault)
	}
	n.last(n.moment(), mend)
	n.deaf[fault]++
}
