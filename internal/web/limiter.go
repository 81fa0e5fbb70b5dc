package web

import (
	"net/netip"
	"sync"
	"time"
)

// maxAddresses is how many addresses a Limiter remembers.
const maxAddresses = 10_000

// A Limiter is a token bucket for each address, in the memory of this replica. A bucket is
// stored as the time at which it will be full again. It is safe for concurrent use.
type Limiter struct {
	burst    time.Duration // how long an empty bucket takes to be full
	interval time.Duration // of one token

	mu   sync.Mutex
	full map[netip.Addr]time.Time
}

// NewLimiter makes a limiter that lets an address do burst things at once, and then one in
// each interval.
func NewLimiter(burst int, interval time.Duration) *Limiter {
	return &Limiter{burst: time.Duration(burst) * interval, interval: interval, full: map[netip.Addr]time.Time{}}
}

// Take takes a token of an address. Where there is none it returns how long to wait for
// one, else 0.
func (l *Limiter) Take(address netip.Addr, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	address = network(address)

	full := l.full[address]
	if full.Before(now) {
		full = now
	}
	full = full.Add(l.interval)
	if over := full.Sub(now) - l.burst; over > 0 {
		return over
	}
	if len(l.full) >= maxAddresses {
		l.forget(now)
	}
	l.full[address] = full
	return 0
}

// forget makes room: it removes full buckets, or all where that is not enough. A caller
// with that many addresses cannot be limited by address.
func (l *Limiter) forget(now time.Time) {
	for address, full := range l.full {
		if !full.After(now) {
			delete(l.full, address)
		}
	}
	if len(l.full) > maxAddresses/2 {
		clear(l.full)
	}
}

// network returns the network of one party: an IPv4 address, or the /64 of an IPv6 address.
func network(address netip.Addr) netip.Addr {
	address = address.Unmap()
	if !address.Is6() {
		return address
	}
	prefix, err := address.WithZone("").Prefix(64)
	if err != nil {
		return address
	}
	return prefix.Addr()
}
