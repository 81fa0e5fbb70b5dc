package browser

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// An inside is a service of this machine that no login page may reach: it counts who comes,
// by TCP and by UDP.
type inside struct {
	port    string
	came    atomic.Int32
	packets atomic.Int32
}

func newInside(t *testing.T) *inside {
	t.Helper()
	i := new(inside)
	l, err := net.Listen("tcp", ":0")
	require.NoError(t, err)
	_, i.port, _ = net.SplitHostPort(l.Addr().String())
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			i.came.Add(1)
			_ = c.Close()
		}
	}()
	u, err := net.ListenPacket("udp", ":"+i.port)
	require.NoError(t, err)
	go func() {
		for {
			if _, _, err := u.ReadFrom(make([]byte, 2000)); err != nil {
				return
			}
			i.packets.Add(1)
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		_ = u.Close()
	})
	return i
}

// attacks are what a login page does to reach the inside. In each, HOST is the inside's
// host:port and /worker.js runs the code of its query.
var attacks = map[string]string{
	"a script":            `<script src="http://HOST/x"></script>`,
	"a style":             `<style>@import "http://HOST/x";</style>`,
	"a frame":             `<iframe src="http://HOST/x"></iframe>`,
	"an object":           `<object data="http://HOST/x"></object>`,
	"fetch":               `<script>fetch("http://HOST/x", { mode: "no-cors" }).catch(() => 0)</script>`,
	"XMLHttpRequest":      `<script>{ const x = new XMLHttpRequest(); x.open("GET", "http://HOST/x"); x.send() }</script>`,
	"a beacon":            `<script>navigator.sendBeacon("http://HOST/x", "a")</script>`,
	"a WebSocket":         `<script>new WebSocket("ws://HOST/x")</script>`,
	"an event stream":     `<script>new EventSource("http://HOST/x")</script>`,
	"a worker":            `<script>new Worker("/worker.js?" + encodeURIComponent('fetch("http://HOST/x", { mode: "no-cors" })'))</script>`,
	"a shared worker":     `<script>new SharedWorker("/worker.js?" + encodeURIComponent('new WebSocket("ws://HOST/x")'))</script>`,
	"a service worker":    `<script>navigator.serviceWorker.register("/worker.js?" + encodeURIComponent('fetch("http://HOST/x", { mode: "no-cors" })'))</script>`,
	"a redirect":          `<script src="/to?http://HOST/x"></script>`,
	"a redirected frame":  `<iframe src="/to?http://HOST/x"></iframe>`,
	"a hint to prefetch":  `<link rel=prefetch href="http://HOST/x">`,
	"a module":            `<script type=module>import("http://HOST/x").catch(() => 0)</script>`,
	"a plain IPv6":        `<script src="http://[::1]:PORT/x"></script>`,
	"a mapped IPv6":       `<script src="http://[::ffff:127.0.0.1]:PORT/x"></script>`,
	"an unspecified IPv6": `<script src="http://[::]:PORT/x"></script>`,
	"a number":            `<script src="http://2130706433:PORT/x"></script>`,
	"a hex number":        `<script src="http://0x7f.1:PORT/x"></script>`,
	"an octal number":     `<script src="http://0177.0.0.1:PORT/x"></script>`,
	"no address":          `<script src="http://0.0.0.0:PORT/x"></script>`,
	"a local name":        `<script src="http://clinic.localhost:PORT/x"></script>`,
	"a name with a dot":   `<script src="http://localhost.:PORT/x"></script>`,
}

// silentAttacks are never tried where the browser's own settings forbid them, or have no
// moment at which they have been tried.
var silentAttacks = map[string]string{
	"an image":                    `<img src="http://HOST/x">`,
	"a font":                      `<style>@font-face { font-family: f; src: url(http://HOST/x) }</style><p style="font-family:f">Biscuit</p>`,
	"a film":                      `<video src="http://HOST/x" autoplay></video>`,
	"a form in a frame":           `<iframe name=f></iframe><form method=post action="http://HOST/x" target=f><input name=a></form><script>document.currentScript.previousSibling.submit()</script>`,
	"a hint to connect":           `<link rel=preconnect href="http://HOST/">`,
	"speculation of a document":   `<script type=speculationrules>{"prefetch":[{"source":"list","urls":["http://HOST/x"],"eagerness":"immediate"}]}</script>`,
	"speculation through a proxy": `<script type=speculationrules>{"prefetch":[{"source":"list","urls":["https://HOST/x"],"requires":["anonymous-client-ip-when-cross-origin"],"eagerness":"immediate"}]}</script>`,
	"speculation of a page":       `<script type=speculationrules>{"prerender":[{"source":"list","urls":["/to?http://HOST/x"],"eagerness":"immediate"}]}</script>`,
	"WebRTC over UDP":             `<script>ice("stun:HOST")</script>`,
	"WebRTC over TCP":             `<script>ice("turn:HOST?transport=tcp")</script>`,
	"WebTransport":                `<script>try { new WebTransport("https://HOST/x").ready.catch(() => 0) } catch { }</script>`,
	"a window":                    `<script>open("http://HOST/x")</script>`,
	"a form in a window":          `<form method=post action="http://HOST/x" target=_blank><input name=a></form><script>document.currentScript.previousSibling.submit()</script>`,
	"a download":                  `<iframe srcdoc="<a id=a href='http://HOST/x' download></a><script>a.click()</script>"></iframe>`,
	"a ping":                      `<a href="#a" ping="http://HOST/x"></a><script>document.currentScript.previousSibling.click()</script>`,
	"an icon":                     `<link rel=icon href="http://HOST/x">`,
	"a manifest":                  `<link rel=manifest href="http://HOST/x">`,
	"a name to resolve":           `<link rel=dns-prefetch href="http://HOST/">`,
}

// attackScript is what the silent attacks need.
const attackScript = `<script>
	const ice = (urls) => {
		const c = new RTCPeerConnection({ iceServers: [{ urls, username: "a", credential: "a" }] });
		c.createDataChannel("a");
		c.createOffer().then((o) => c.setLocalDescription(o));
		c.onicecandidate = (e) => { if (e.candidate?.candidate) fetch("/candidate?" + encodeURIComponent(e.candidate.candidate)) };
	};
</script>`

func TestALoginPageReachesNothingInside(t *testing.T) {
	t.Parallel()
	refused := make(map[string]bool)
	var mu sync.Mutex
	c, _ := newChromium(t, Options{LoginTimeout: 40 * time.Second, refused: func(address string) {
		mu.Lock()
		defer mu.Unlock()
		_, port, _ := net.SplitHostPort(address)
		refused[port] = true
	}})

	var page strings.Builder
	page.WriteString(attackScript)
	all := make(map[string]*inside)
	for _, some := range []map[string]string{attacks, silentAttacks} {
		for name, code := range some {
			i := newInside(t)
			all[name] = i
			page.WriteString(strings.NewReplacer("HOST", "127.0.0.1:"+i.port, "PORT", i.port).Replace(code))
		}
	}
	tried := make(map[string]string) // by port
	for name := range attacks {
		tried[all[name].port] = name
	}
	// The login is accepted when all attacks that can be seen have been tried.
	left := func() (names []string) {
		mu.Lock()
		defer mu.Unlock()
		for port, name := range tried {
			if !refused[port] {
				names = append(names, name)
			}
		}
		return names
	}
	s := newSite(t, routes{
		"GET /login": html(scriptedForm + page.String()),
		"GET /worker.js": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/javascript")
			code, _ := url.QueryUnescape(r.URL.RawQuery)
			fmt.Fprint(w, code)
		},
		"GET /to": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.RawQuery, http.StatusFound) },
		"POST /session": func(w http.ResponseWriter, r *http.Request) {
			for deadline := time.Now().Add(20 * time.Second); len(left()) > 0 && time.Now().Before(deadline); {
				time.Sleep(10 * time.Millisecond) // the browser does not say when it has tried
			}
			(&site{}).accept(w, r)
		},
	})
	login(t, c, s.form())
	require.Empty(t, left(), "these attacks were not even tried")
	for name, i := range all {
		require.Zero(t, i.came.Load(), name)
		require.Zero(t, i.packets.Load(), name)
	}
	require.Zero(t, s.requests("/candidate"), "WebRTC learns no address")
}
