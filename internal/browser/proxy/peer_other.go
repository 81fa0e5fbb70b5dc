//go:build !linux

package proxy

import "net/netip"

// PeerInGroup returns a Peer that accepts every local process: only Linux tells whose a
// socket is.
func PeerInGroup(int) func(client, proxy netip.AddrPort) bool { return nil }
