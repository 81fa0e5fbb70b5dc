package api

import (
	"net/netip"
	"sync"
	"time"
)

// How many failed authentications of one address are answered as such.
const (
	failureBurst    = 10              // at once
	failureInterval = 6 * time.Second // then one in this time
	maxAddresses    = 10_000          // that are remembered
)

// A limiter is a token bucket for each address, in the memory of this replica. A bucket is
// stored as the time at which it will be full again.
type limiter struct {
	mu   sync.Mutex
	full map[netip.Addr]time.Time
}

func newLimiter() *limiter { return &limiter{full: map[netip.Addr]time.Time{}} }

// take takes a token of an address. Where there is none it returns how long to wait for
// one, else 0.
func (l *limiter) take(address netip.Addr, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	address = network(address)

	full := l.full[address]
	if full.Before(now) {
		full = now
	}
	full = full.Add(failureInterval)
	if over := full.Sub(now) - failureBurst*failureInterval; over > 0 {
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
func (l *limiter) forget(now time.Time) {
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
