package chaos

import (
	"net"
	"strings"
	"testing"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
)

// A network lies between the replicas and a practice's Neo. Its faults are those of
// TCP connections, which the simulator cannot have.
type network struct {
	server            *toxiproxy.ApiServer
	address, upstream string
	proxy             *toxiproxy.Proxy
}

// newNetwork leads to the address of a Neo.
func newNetwork(t *testing.T, upstream net.Addr) *network {
	t.Helper()
	n := &network{
		server:  toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop()),
		address: "127.0.0.1:0", upstream: upstream.String(),
	}
	n.open(t, "")
	n.address = n.proxy.Listen
	t.Cleanup(func() { n.cut() })
	return n
}

// url is where Neo is for the replicas; it stays the same.
func (n *network) url() string { return "http://" + n.address }

// toxics are the faults of connections, in toxiproxy's words.
var toxics = map[string]string{
	"reset":   `{"type": "reset_peer", "attributes": {"timeout": 0}}`,
	"silent":  `{"type": "timeout", "attributes": {"timeout": 0}}`,
	"torn":    `{"type": "limit_data", "attributes": {"bytes": 700}}`,
	"late":    `{"type": "latency", "attributes": {"latency": 300, "jitter": 200}}`,
	"trickle": `{"type": "bandwidth", "attributes": {"rate": 2}}`,
}

// cut breaks all connections off, and refuses new ones.
func (n *network) cut() { n.proxy.Stop() }

// fail breaks all connections off; what is connected then suffers from the toxic.
func (n *network) fail(t *testing.T, toxic string) {
	t.Helper()
	n.cut()
	n.open(t, toxics[toxic])
}

// heal ends what cut and fail began.
func (n *network) heal(t *testing.T) {
	t.Helper()
	n.cut()
	n.open(t, "")
}

// open lets connections through, under a toxic if one is given. Each time there is
// another proxy: toxiproxy may wait for ever where toxics come and go while data
// flows.
func (n *network) open(t *testing.T, toxic string) {
	t.Helper()
	n.proxy = toxiproxy.NewProxy(n.server, "neo", n.address, n.upstream)
	if toxic != "" {
		_, err := n.proxy.Toxics.AddToxicJson(strings.NewReader(toxic))
		require.NoError(t, err, toxic)
	}
	// Another socket may have got its port for a moment.
	require.Eventually(t, func() bool { return n.proxy.Start() == nil }, recovery, pollPause, "%s is taken", n.address)
}
