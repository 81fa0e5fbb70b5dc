package main

import (
	"context"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
)

const (
	wrongKeysPerSecond = 1000
	wrongKeysRounds    = 3
	wrongKeysTime      = 10 * time.Second // of each round
)

// BenchmarkWrongKeys is the p99 of a caller with a right key while strangers present a
// thousand wrong ones a second, beside the same without them, by turns (R38, R39). Each
// stranger gets a 401 or a 429.
func BenchmarkWrongKeys(b *testing.B) {
	i := install(b)
	id := i.run(b, "", "clinic", "add", "--name", "Harbor Lights", "--timezone", "Europe/Berlin").text("id")
	right := make([]string, 5)
	for n := range right {
		right[n] = i.run(b, "", "keys", "create", "--clinic", id).text("key")
	}
	b.Run("beside none", func(b *testing.B) {
		db := pgtest.Open(b, i.database)
		work := func() (transactions, written int64) {
			require.NoError(b, db.Pool().QueryRow(b.Context(), `select xact_commit + xact_rollback, tup_inserted + tup_updated + tup_deleted
				from pg_stat_database where datname = current_database()`).Scan(&transactions, &written))
			return transactions, written
		}
		var alone, attacked []float64
		sent, transactions, written, cpu := 0, int64(0), int64(0), time.Duration(0)
		for b.Loop() {
			for range wrongKeysRounds {
				t0, w0 := work()
				c0 := i.cpu(b)
				alone = append(alone, i.callWith(b, right)...)
				t1, w1 := work()
				c1 := i.cpu(b)
				ctx, stop := context.WithCancel(b.Context())
				strangers := make(chan int, 1)
				go func() { strangers <- i.presentWrongKeys(ctx, b) }()
				attacked = append(attacked, i.callWith(b, right)...)
				stop()
				sent += <-strangers
				t2, w2 := work()
				cpu += i.cpu(b) - c1 - (c1 - c0)
				transactions, written = transactions+(t2-t1)-(t1-t0), written+(w2-w1)-(w1-w0)
			}
		}
		c := comparison{unit: "ms", bound: 2}
		c.add(p99(attacked), p99(alone))
		c.report(b)
		seconds := float64(b.N*wrongKeysRounds) * wrongKeysTime.Seconds()
		b.ReportMetric(float64(sent)/seconds, "keys/s")
		b.ReportMetric(float64(cpu.Microseconds())/float64(sent), "cpu-µs/key")
		b.ReportMetric(float64(transactions)/float64(sent), "transactions/key")
		b.ReportMetric(float64(written)/float64(sent), "rows-written/key")
	})
}

// callWith makes ten calls a second with each key, as many as it may, and returns what each
// took, in milliseconds.
func (i *installation) callWith(b *testing.B, keys []string) (times []float64) {
	b.Helper()
	tick := time.NewTicker(time.Second / time.Duration(10*len(keys)))
	defer tick.Stop()
	for begun := time.Now(); time.Since(begun) < wrongKeysTime; <-tick.C {
		times = append(times, milliseconds(took(func() {
			require.Equal(b, http.StatusOK, i.present(b.Context(), b, keys[len(times)%len(keys)]))
		})))
	}
	return times
}

// presentWrongKeys sends a thousand wrong keys a second until ctx ends, and returns how many
// it sent: of a clinic, of the fleet, of the specification's form, and mistyped ones.
func (i *installation) presentWrongKeys(ctx context.Context, b *testing.B) (sent int) {
	b.Helper()
	keys := make(chan string)
	var callers sync.WaitGroup
	for range 32 {
		callers.Go(func() {
			for key := range keys {
				if status := i.present(b.Context(), b, key); status != http.StatusUnauthorized && status != http.StatusTooManyRequests {
					b.Errorf("a wrong key got %d", status)
				}
			}
		})
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for begun := time.Now(); ctx.Err() == nil; <-tick.C {
		for float64(sent) < time.Since(begun).Seconds()*wrongKeysPerSecond && ctx.Err() == nil {
			wrong := clinic.GenerateKey()
			switch sent % 4 {
			case 1:
				wrong = clinic.GenerateKeyOf(clinic.KeyOfFleet)
			case 2:
				wrong = "odis_sk_" + wrong
			case 3:
				wrong = wrong[:len(wrong)-1] + "2"
			}
			keys <- wrong
			sent++
		}
	}
	close(keys)
	callers.Wait()
	return sent
}

// callers is a client that keeps as many connections as strangers need.
var callers = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}

// present makes a call with a key and returns its status.
func (i *installation) present(ctx context.Context, b *testing.B, key string) int {
	b.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, i.URL()+"/api/cases?limit=50", http.NoBody)
	if err != nil {
		b.Error(err)
		return 0
	}
	r.Header.Set("X-API-Key", key)
	response, err := callers.Do(r)
	if err != nil {
		b.Error(err)
		return 0
	}
	defer response.Body.Close()
	if _, err = io.Copy(io.Discard, response.Body); err != nil {
		b.Error(err)
	}
	return response.StatusCode
}
