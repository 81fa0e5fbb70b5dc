package proxy

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// PeerInGroup returns a Peer that accepts the processes of one process group: a browser and
// its children. The kernel tells which socket is at the other end, and the group's processes
// which sockets they hold. Where they may not be asked, the socket's user must be ours.
func PeerInGroup(group int) func(client, proxy netip.AddrPort) bool {
	return func(client, proxy netip.AddrPort) bool {
		s, ok := findSocket(client, proxy)
		if !ok || s.user != os.Geteuid() {
			return false
		}
		held, sure := groupHolds(group, s.inode)
		return held || !sure
	}
}

// A socket is a line of the kernel's list of TCP connections.
type socket struct {
	user  int
	inode string
}

// findSocket finds a socket by its own and its peer's address.
func findSocket(local, remote netip.AddrPort) (socket, bool) {
	f, err := os.Open("/proc/self/net/tcp")
	if err != nil {
		return socket{}, false
	}
	defer func() { _ = f.Close() }()
	from, to := kernelAddress(local), kernelAddress(remote)
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		// sl, local, remote, st, queues, timer, retransmits, uid, timeout, inode
		columns := strings.Fields(lines.Text())
		if len(columns) < 10 || columns[1] != from || columns[2] != to {
			continue
		}
		user, err := strconv.Atoi(columns[7])
		return socket{user, columns[9]}, err == nil
	}
	return socket{}, false
}

// kernelAddress writes an IPv4 address as the kernel lists it: in the machine's byte order.
func kernelAddress(a netip.AddrPort) string {
	bytes := a.Addr().Unmap().As4()
	return fmt.Sprintf("%08X:%04X", binary.NativeEndian.Uint32(bytes[:]), a.Port())
}

// groupHolds reports whether a process of a group holds a socket. It is not sure where one
// of them may not be asked.
func groupHolds(group int, inode string) (held, sure bool) {
	sure = true
	names, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return false, false
	}
	for _, name := range names {
		pid, err := strconv.Atoi(filepath.Base(name))
		if err != nil {
			continue
		}
		if of, err := syscall.Getpgid(pid); err != nil || of != group {
			continue
		}
		holds, err := processHolds(name, inode)
		if holds {
			return true, true
		}
		sure = sure && (err == nil || os.IsNotExist(err))
	}
	return false, sure
}

func processHolds(process, inode string) (bool, error) {
	files, err := os.ReadDir(process + "/fd")
	if err != nil {
		return false, err
	}
	for _, file := range files {
		if target, err := os.Readlink(process + "/fd/" + file.Name()); err == nil && target == "socket:["+inode+"]" {
			return true, nil
		}
	}
	return false, nil
}
