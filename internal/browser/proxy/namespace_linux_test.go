package proxy

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// namespaceVariable makes TestInANamespace do its work: this process has a network of its own.
const namespaceVariable = "PIMS_SYNC_TEST_NAMESPACE"

// inside are addresses that a browser must not reach, as they stand in the namespace: private
// ones, those of clouds' metadata, and a public one that is this machine's own.
var inside = []string{
	"10.1.2.3", "172.16.0.9", "192.168.1.1", "100.100.100.200", "169.254.169.254", "168.63.129.16", "192.0.0.192", "198.18.0.1",
	"9.9.9.9", "fd00:ec2::254", "fd12:3456::1", "2620:fe::9",
}

// Addresses that this machine does not have exist in a network namespace, where it may make
// one: as root, or where users may have namespaces of their own. Elsewhere the tests of
// loopback must do.
func TestNothingInsideIsReached(t *testing.T) {
	t.Parallel()
	if os.Getenv(namespaceVariable) != "" {
		reachNothingInside(t)
		return
	}
	self := exec.Command(os.Args[0], "-test.run=^TestNothingInsideIsReached$", "-test.v")
	self.Env = append(os.Environ(), namespaceVariable+"=1")
	self.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if os.Geteuid() != 0 {
		self.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		self.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
	}
	out, err := self.CombinedOutput()
	if noStart := (*os.PathError)(nil); errors.As(err, &noStart) {
		t.Logf("this machine permits no namespaces, so loopback must do: %v", err)
		reachNothing(t, []string{"127.0.0.1", "127.1.2.3"})
		return
	}
	require.NoError(t, err, "%s", out)
	t.Logf("%s", out)
}

func reachNothingInside(t *testing.T) {
	t.Helper()
	for _, arguments := range append(
		[][]string{{"link", "set", "lo", "up"}},
		addresses()...,
	) {
		if out, err := exec.Command("ip", arguments...).CombinedOutput(); err != nil {
			t.Logf("this namespace cannot have addresses, so loopback must do: %s", out)
			return // the tests of loopback run outside
		}
	}
	reachNothing(t, inside)
}

// addresses are the arguments of ip that make the addresses inside.
func addresses() (all [][]string) {
	for _, address := range inside {
		all = append(all, []string{"addr", "add", address, "dev", "lo"})
	}
	return all
}

// reachNothing asks for the same port of each address, without and with permission.
func reachNothing(t *testing.T, hosts []string) {
	t.Helper()
	e := newEcho(t, ":0")
	for _, host := range hosts {
		address := net.JoinHostPort(host, e.port())
		_, got := ask(t, listen(t, Options{}), address)
		require.Equal(t, replyNotAllowed, got, address)
	}
	require.Zero(t, e.came.Load())
	for _, host := range hosts {
		address := net.JoinHostPort(host, e.port())
		_, got := ask(t, listen(t, Options{Hosts: pims.HostPolicy{Named: []string{address}}}), address)
		require.Equal(t, replySucceeded, got, "%s is there", address)
	}
}
