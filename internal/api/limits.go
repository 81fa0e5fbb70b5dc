package api

import (
	"net/netip"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/quota"
	"github.com/pims-sync/pims-sync/internal/web"
)

// Limits are how much callers may use of a replica (R38). Zero: no limit.
type Limits struct {
	PerSecond       float64 // requests of one key a second
	Burst           int     // requests of one key at once
	StartsPerMinute int     // syncs of one clinic that calls start, and logins that they test
	Waiting         int     // calls that wait for a sync or a change; one clinic or fleet key: a quarter
	Streams         int     // of events; one clinic or fleet key: a quarter
}

// DefaultLimits are those of serve and demo.
func DefaultLimits() Limits {
	return Limits{PerSecond: 10, Burst: 20, StartsPerMinute: 5, Waiting: 200, Streams: 200}
}

// A Limit is a limit that refused something. The words are a label of a metric.
type Limit string

// The limits.
const (
	LimitFailures Limit = "failures" // failed authentications of an address
	LimitRequests Limit = "requests"
	LimitStarts   Limit = "starts"
	LimitWaiting  Limit = "waiting"
	LimitStreams  Limit = "streams"
)

// limits counts what callers use.
type limits struct {
	failures *quota.Rate[netip.Addr]
	requests *quota.Rate[uuid.UUID] // of keys
	starts   *quota.Rate[uuid.UUID] // of clinics
	waiting  *quota.Places[uuid.UUID]
	streams  *quota.Places[uuid.UUID]
	observe  func(Limit)
}

func newLimits(l Limits, observe func(Limit)) *limits {
	if observe == nil {
		observe = func(Limit) {}
	}
	return &limits{
		failures: quota.NewRate[netip.Addr](1/failureInterval.Seconds(), failureBurst),
		requests: quota.NewRate[uuid.UUID](l.PerSecond, l.Burst),
		starts:   quota.NewRate[uuid.UUID](float64(l.StartsPerMinute)/60, l.StartsPerMinute),
		waiting:  quota.NewPlaces[uuid.UUID](l.Waiting),
		streams:  quota.NewPlaces[uuid.UUID](l.Streams),
		observe:  observe,
	}
}

// placeWait is after how many seconds to try again where no place was free.
const placeWait = 5 * time.Second

const (
	tooManyFailures = "too many requests with a missing or invalid API key came from this address; correct the key, and try again after the seconds in Retry-After"
	tooManyRequests = "this caller made too many requests; try again after the seconds in Retry-After"
	tooManyStarts   = "too many syncs or logins of this clinic were started by the API; try again after the seconds in Retry-After"
	tooManyWaiting  = "too many calls of this caller, or of all, are waiting; ask without wait, or try again after the seconds in Retry-After"
	tooManyStreams  = "too many event streams of this caller, or of all, are open; close some, or try again after the seconds in Retry-After"
)

// refuse returns the error of a caller that has to wait; nil where it has not.
func (l *limits) refuse(limit Limit, wait time.Duration, text string) error {
	if wait <= 0 {
		return nil
	}
	l.observe(limit)
	return web.RateLimited{Wait: wait, Text: text}
}

// countStart counts the start of a sync, or the test of a login, of the call's clinic. It
// returns an error where there were too many.
func (s *server) countStart(c *web.Call) error {
	return s.limits.refuse(LimitStarts, s.limits.starts.Take(c.ClinicID, s.o.Now()), tooManyStarts)
}

// tenant returns whose places a call takes: those of its clinic, or of a caller of many.
func tenant(caller *access.Caller) uuid.UUID {
	if id := caller.Clinic(); id != uuid.Nil {
		return id
	}
	return caller.ID
}
