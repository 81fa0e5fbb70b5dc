package people

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/pims-sync/pims-sync/internal/syncs"
)

// How many sign-ins may fail, and how long the next one then waits (R43).
const (
	freeTries = 10
	firstWait = 30 * time.Second // after freeTries; each further failure doubles it
	maxWait   = time.Hour
	forgetOne = 15 * time.Minute // one failure is forgotten in this time
)

// Tries are the failed sign-ins of one account or of one address.
type Tries struct {
	Failed int
	Last   time.Time
}

// count returns how many failures still count.
func (t Tries) count(now time.Time) int {
	if t.Last.After(now) { // another replica's clock is ahead
		return t.Failed
	}
	return max(0, t.Failed-int(min(now.Sub(t.Last)/forgetOne, freeTries*10)))
}

// Wait returns how long the next try must wait; 0 means it need not.
func (t Tries) Wait(now time.Time) time.Duration {
	over := t.Failed - freeTries
	if over < 0 || t.count(now) == 0 {
		return 0
	}
	wait := maxWait
	if over < 7 { // 30 s · 2⁷ is more than an hour
		wait = firstWait << over
	}
	return max(0, t.Last.Add(wait).Sub(now))
}

// More returns the tries after one more.
func (t Tries) More(now time.Time) Tries { return Tries{Failed: t.count(now) + 1, Last: now} }

// Less returns the tries after one of them has turned out not to be a failure.
func (t Tries) Less() Tries { return Tries{Failed: max(0, t.Failed-1), Last: t.Last} }

// TooManyError means that a sign-in was refused without a look at the password.
type TooManyError struct{ Wait time.Duration }

func (e TooManyError) Error() string {
	return fmt.Sprintf("too many failed sign-ins; try again in %s", Rounded(e.Wait))
}

// Unwrap returns the failure for a log and an API.
func (e TooManyError) Unwrap() error { return syncs.Fail(codeRateLimited, "%s", e.Error()) }

// Rounded returns a wait in words, rounded up: "40 seconds", "2 minutes".
func Rounded(wait time.Duration) string {
	unit, word := time.Second, "second"
	if wait > 90*time.Second {
		unit, word = time.Minute, "minute"
	}
	n := max(1, (wait+unit-1)/unit)
	if n > 1 {
		word += "s"
	}
	return fmt.Sprintf("%d %s", n, word)
}

// tryKeys returns under which names a try is counted: the hash of the account and of the
// address. A typed account may be a mistyped password, so nobody stores it as it is.
func tryKeys(email string, from netip.Addr) (account, address []byte) {
	return hashToken("account " + email), hashToken("address " + network(from).String())
}

// network returns the network of one party: an IPv4 address, or the /64 of an IPv6 one.
func network(address netip.Addr) netip.Addr {
	address = address.Unmap().WithZone("")
	if prefix, err := address.Prefix(64); err == nil && address.Is6() {
		return prefix.Addr()
	}
	return address
}
