package web

import (
	"net"
	"net/netip"
	"sync"
)

// part is which part of the connections one caller leaves to the others: a quarter.
const part = 4

// shares count the open connections of each address, so that one cannot take them all (R38).
type shares struct {
	most    int // connections in all
	trusted proxies

	mu   sync.Mutex
	open map[netip.Addr]int
}

func newShares(most int, trusted []netip.Prefix) *shares {
	return &shares{most: most, trusted: trusted, open: make(map[netip.Addr]int)}
}

// take counts a connection, where it is one of so many that are open in all. It returns what
// ends that, or false: the address has its quarter, and the last quarter is for others.
func (s *shares) take(from net.Addr, open int) (giveBack func(), ok bool) {
	peer := parseAddress(from.String())
	if !peer.IsValid() || s.trusted.trusts(peer) { // before its network is taken, which no address of TRUSTED_PROXIES is
		return func() {}, true
	}
	address := Network(peer)
	s.mu.Lock()
	defer s.mu.Unlock()
	share := s.most / part
	if share > 0 && s.open[address] >= share && open > s.most-share {
		return nil, false
	}
	s.open[address]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.open[address]--; s.open[address] == 0 {
			delete(s.open, address)
		}
	}, true
}
