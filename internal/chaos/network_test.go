package chaos

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
)

// A network lies between the replicas and a practice's Neo. Its faults are those of
// TCP connections, which the simulator cannot have; they fall upon connections that
// are open as upon new ones.
type network struct {
	proxy *toxiproxy.Proxy
}

// newNetwork leads to the address of a Neo.
func newNetwork(t *testing.T, upstream net.Addr) *network {
	t.Helper()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	n := &network{proxy: toxiproxy.NewProxy(server, "neo", "127.0.0.1:0", upstream.String())}
	require.NoError(t, n.proxy.Start())
	t.Cleanup(n.proxy.Stop)
	return n
}

// url is where Neo is for the replicas; it stays the same.
func (n *network) url() string { return "http://" + n.proxy.Listen }

// toxics are the faults of a network, in toxiproxy's words.
var toxics = map[string]string{
	"reset":   `{"type": "reset_peer", "attributes": {"timeout": 0}}`,
	"silent":  `{"type": "timeout", "attributes": {"timeout": 0}}`,
	"torn":    `{"type": "limit_data", "attributes": {"bytes": 700}}`,
	"late":    `{"type": "latency", "attributes": {"latency": 300, "jitter": 200}}`,
	"trickle": `{"type": "bandwidth", "attributes": {"rate": 2}}`,
}

// poison gives the network one of the toxics, unless it has it.
func (n *network) poison(t *testing.T, toxic string) {
	t.Helper()
	_, err := n.proxy.Toxics.AddToxicJson(strings.NewReader(toxics[toxic]))
	if !errors.Is(err, toxiproxy.ErrToxicAlreadyExists) {
		require.NoError(t, err, "the toxic %q", toxic)
	}
}

// cut breaks all connections off, and refuses new ones.
func (n *network) cut() { n.proxy.Stop() }

// heal ends what poison and cut began.
func (n *network) heal(t *testing.T) {
	t.Helper()
	n.proxy.Toxics.ResetToxics(context.Background())
	if !n.proxy.Enabled {
		// Another socket may have got its port for a moment.
		require.Eventually(t, func() bool { return n.proxy.Start() == nil }, recovery, pollPause, "%s is taken", n.proxy.Listen)
	}
}
