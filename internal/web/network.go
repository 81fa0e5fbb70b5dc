package web

import "net/netip"

// Network returns the network of one party: an IPv4 address, or the /64 of an IPv6 address.
func Network(address netip.Addr) netip.Addr {
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
