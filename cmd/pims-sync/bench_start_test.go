package main

import (
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkReady is how long `pims-sync serve` takes from its start until it is
// ready, on the embedded database.
func BenchmarkReady(b *testing.B) {
	b.Run("on an empty data directory beside 3 s", func(b *testing.B) {
		const rounds = 3
		c := comparison{bound: 1}
		for b.Loop() {
			for range rounds {
				newAccount(b).timeToReady(b, &c, 3*time.Second)
			}
		}
		c.report(b)
	})
	b.Run("on a warm data directory beside 1 s", func(b *testing.B) {
		c := comparison{bound: 1}
		a := newAccount(b)
		a.run(b, "", "migrate")
		for b.Loop() {
			a.timeToReady(b, &c, time.Second)
		}
		c.report(b)
	})
}

// timeToReady starts and stops a server.
func (a *account) timeToReady(b *testing.B, c *comparison, wished time.Duration) {
	b.Helper()
	var s *serving
	c.addTimes(took(func() {
		s = a.serve(b)
		s.requireReady(b)
	}), wished)
	s.signal(b, syscall.SIGTERM, time.Minute)
}

func (s *serving) requireReady(b *testing.B) {
	b.Helper()
	response, err := http.Get(s.URL() + "/ready")
	require.NoError(b, err)
	require.NoError(b, response.Body.Close())
	require.Equal(b, http.StatusOK, response.StatusCode)
}

// BenchmarkMemory is what the server's own process takes of memory, without the
// database and the browser.
func BenchmarkMemory(b *testing.B) {
	b.Run("idle beside 60 MiB", func(b *testing.B) {
		c := comparison{unit: "MiB", bound: 1}
		for b.Loop() {
			s := newAccount(b).serve(b)
			s.requireReady(b)
			c.add(s.memory(b, "VmRSS"), 60)
			s.signal(b, syscall.SIGTERM, time.Minute)
		}
		c.report(b)
	})
	b.Run("at most, for 100000 appointments twice, beside 256 MiB", func(b *testing.B) {
		c := comparison{unit: "MiB", bound: 1}
		sim := largeNeo(b)
		for b.Loop() {
			l := newLarge(b, sim)
			l.inbound(b, "casesCreated")
			l.inbound(b, "casesUnchanged")
			c.add(l.memory(b, "VmHWM"), 256)
		}
		c.report(b)
	})
}
