// Package quota bounds what one caller may use of a replica: how often it may ask, and how
// many places it may hold at the same time, so that no caller is slow because of another
// (R38). All counts are in the memory of this replica.
//
// It knows no HTTP and no clinic: a caller is any comparable value.
package quota

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxCallers is how many callers a Rate remembers.
const maxCallers = 10_000

// A Rate is a token bucket for each caller. It is safe for concurrent use.
type Rate[K comparable] struct {
	limit rate.Limit
	burst int

	mu      sync.Mutex
	buckets map[K]*rate.Limiter
}

// NewRate makes a Rate that lets each caller do burst things at once, and then so many a
// second. Zero a second: no limit.
func NewRate[K comparable](perSecond float64, burst int) *Rate[K] {
	return &Rate[K]{limit: rate.Limit(perSecond), burst: burst, buckets: map[K]*rate.Limiter{}}
}

// Take takes a token of a caller. Where there is none it returns how long to wait for one,
// else 0.
func (r *Rate[K]) Take(caller K, now time.Time) time.Duration {
	if r.limit == 0 {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	bucket, ok := r.buckets[caller]
	if !ok {
		if len(r.buckets) >= maxCallers {
			r.forget(now)
		}
		bucket = rate.NewLimiter(r.limit, r.burst)
		r.buckets[caller] = bucket
	}
	taken := bucket.ReserveN(now, 1)
	wait := taken.DelayFrom(now)
	if wait > 0 {
		taken.CancelAt(now)
	}
	return wait
}

// forget makes room: it removes full buckets, or all where that is not enough.
func (r *Rate[K]) forget(now time.Time) {
	for caller, bucket := range r.buckets {
		if bucket.TokensAt(now) >= float64(r.burst) {
			delete(r.buckets, caller)
		}
	}
	if len(r.buckets) > maxCallers/2 {
		clear(r.buckets)
	}
}

// share is the part of all places that one caller may hold.
const share = 4

// Places are places that callers hold for a while, such as event streams. One caller holds
// a quarter of them at most. They are safe for concurrent use.
type Places[K comparable] struct {
	total int

	mu   sync.Mutex
	held map[K]int
	all  int
}

// NewPlaces makes so many places. Zero: no limit.
func NewPlaces[K comparable](total int) *Places[K] {
	return &Places[K]{total: total, held: map[K]int{}}
}

// Take takes a place for a caller and returns a function that gives it back. It returns nil
// where none is free, or where the caller holds its share already.
func (p *Places[K]) Take(caller K) (giveBack func()) {
	if p.total == 0 {
		return func() {}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all >= p.total || p.held[caller] >= max(1, p.total/share) {
		return nil
	}
	p.all++
	p.held[caller]++
	return sync.OnceFunc(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.all--
		if p.held[caller]--; p.held[caller] == 0 {
			delete(p.held, caller)
		}
	})
}
