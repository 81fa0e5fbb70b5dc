package replay

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/pims-sync/pims-sync/internal/drift"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/recordings"
)

// patience is how long an answer waits for those that ended before it in the recording. A
// program that sends other requests than the recorded one waits so long once.
const (
	patience  = 2 * time.Second
	hurry     = 10 * time.Millisecond // after the first wait in vain
	longRetry = 120                   // seconds; a client refuses to wait longer, see pimshttp
)

// A player returns what was recorded. It lets answers end in the order in which they ended
// then, and returns none of a session that has died in the next one. It is safe for
// concurrent use.
type player struct {
	mu      sync.Mutex
	plays   []play
	queues  map[string][]int // of a request, its exchanges that were not asked for
	latest  map[string]int   // the one that was asked for last
	changed chan struct{}    // closed at each change
	hurried bool

	patience time.Duration

	rehearsing bool        // a login before the run; nothing is used up
	end        func(error) // ends the run as it ended then
	endedBy    error       // nil: it ended by itself

	answered, repeated int
	missing            []string // endpoints that were asked for and are not recorded
}

type play struct {
	recordings.Exchange

	asked, over bool
}

func newPlayer(r *recordings.Recording) *player {
	p := &player{queues: make(map[string][]int), latest: make(map[string]int), changed: make(chan struct{}), endedBy: endOf(r), patience: patience}
	for i := range r.Exchanges {
		e := r.Exchanges[i]
		p.plays = append(p.plays, play{Exchange: e})
		key := keyOf(e.Method, e.URL, e.Form)
		p.queues[key] = append(p.queues[key], i)
	}
	return p
}

func keyOf(method, url, form string) string { return method + " " + url + "\n" + form }

// errNotRecorded is the answer to a request that the recording does not hold.
var errNotRecorded = errors.New("the recording holds no answer to this request")

// RoundTrip implements http.RoundTripper.
func (p *player) RoundTrip(r *http.Request) (*http.Response, error) {
	form, err := formOf(r)
	if err != nil {
		return nil, err
	}
	key := keyOf(r.Method, r.URL.String(), form)
	if p.rehearsing {
		return p.rehearse(r, key)
	}
	i, first := p.take(key, pims.SessionNumber(r.Context()))
	if i < 0 {
		return nil, p.notRecorded(r.Context(), r.URL.Path)
	}
	if first {
		p.wait(r.Context(), i)
	}
	e := &p.plays[i].Exchange
	done := func() { p.over(i) }
	if e.Fault != "" {
		defer done()
		return nil, p.fail(r.Context(), e.Fault)
	}
	return p.response(r, e, done), nil
}

func formOf(r *http.Request) (string, error) {
	if r.Body == nil {
		return "", nil
	}
	defer r.Body.Close()
	form, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	return string(form), err
}

// take returns the next exchange of a request, or again the last one; -1: there is none.
func (p *player) take(key string, session int) (i int, first bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forget(key, session)
	if queue := p.queues[key]; len(queue) > 0 {
		at := max(0, slices.IndexFunc(queue, func(i int) bool { return p.plays[i].Session == session }))
		i = queue[at]
		p.queues[key], p.latest[key], p.plays[i].asked = slices.Delete(queue, at, at+1), i, true
		p.answered++
		if p.plays[i].Withheld {
			p.plays[i].over = true
			p.tell()
			return -1, false
		}
		return i, true
	}
	if i, ok := p.latest[key]; ok && p.endedBy == nil {
		p.repeated++
		return i, false
	}
	return -1, false
}

// forget drops what was recorded of a request in earlier sessions, which are dead now. A
// request that was on its way when its session died may come only in the next one. The caller
// holds the lock.
func (p *player) forget(key string, session int) {
	earlier := func(i int) bool {
		of := p.plays[i].Session
		return 0 < of && of < session
	}
	for _, i := range p.queues[key] {
		if earlier(i) {
			p.plays[i].over = true
			p.tell()
		}
	}
	p.queues[key] = slices.DeleteFunc(p.queues[key], earlier)
	if i, ok := p.latest[key]; ok && earlier(i) {
		delete(p.latest, key)
	}
}

// notRecorded returns the error of a request that the recorded run did not send, or whose
// response was withheld. The recorded run may have ended before it sent the request, because
// another request of the same time failed. So it waits for that end, for a while.
func (p *player) notRecorded(ctx context.Context, path string) error {
	if p.endedBy != nil {
		p.miss(path)
		return p.ended(ctx)
	}
	p.mu.Lock()
	long := p.patience
	if p.hurried {
		long = hurry
	}
	p.mu.Unlock()
	timer := time.NewTimer(long)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		p.miss(path)
		return errNotRecorded
	}
}

// miss notes an endpoint that has no answer. It is waited for once only.
func (p *player) miss(path string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hurried = true
	p.missing = append(p.missing, drift.Endpoint(path))
}

// wait returns when the exchanges that ended before this one are over.
func (p *player) wait(ctx context.Context, i int) {
	for {
		p.mu.Lock()
		turn, changed, long := p.turn(i), p.changed, p.patience
		if p.hurried {
			long = hurry
		}
		p.mu.Unlock()
		if turn {
			return
		}
		timer := time.NewTimer(long)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-changed:
		case <-timer.C:
			p.passOver(i)
		}
		timer.Stop()
	}
}

func (p *player) turn(i int) bool {
	for n := range i {
		if !p.plays[n].over {
			return false
		}
	}
	return true
}

// passOver gives up the exchanges before one that nobody asked for, unless an earlier one
// waits, too.
func (p *player) passOver(i int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for n := range i {
		if p.plays[n].asked && !p.plays[n].over {
			return
		}
	}
	for n := range i {
		p.plays[n].over = true
	}
	p.hurried = true
	p.tell()
}

// tell wakes those who wait. The caller holds the lock.
func (p *player) tell() {
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *player) over(i int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.plays[i].over {
		p.plays[i].over = true
		p.tell()
	}
}

// rehearse returns the last good answer to a request.
func (p *player) rehearse(r *http.Request, key string) (*http.Response, error) {
	queue := p.queues[key]
	for _, n := range slices.Backward(queue) {
		e := &p.plays[n].Exchange
		if e.Fault == "" && e.End == "" && e.Status == http.StatusOK && !e.Withheld {
			return p.response(r, e, func() {}), nil //nolint:bodyclose // the caller closes it
		}
	}
	return nil, errNotRecorded
}

func (p *player) response(r *http.Request, e *recordings.Exchange, done func()) *http.Response {
	header := make(http.Header)
	for name, value := range e.Header {
		header.Set(name, value)
	}
	if cookies := e.Header["Set-Cookie"]; cookies != "" {
		header.Del("Set-Cookie")
		for name := range strings.SplitSeq(cookies, ", ") {
			header.Add("Set-Cookie", name+"=recorded; Path=/")
		}
	}
	if seconds, err := strconv.Atoi(e.Header["Retry-After"]); err == nil && seconds <= longRetry {
		header.Set("Retry-After", "0") // the wait decides nothing
	}
	return &http.Response{
		Status: fmt.Sprintf("%d %s", e.Status, http.StatusText(e.Status)), StatusCode: e.Status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header, ContentLength: -1, Request: r,
		Body: &answer{Reader: e.Body.Open(), ctx: r.Context(), player: p, exchange: e, done: sync.OnceFunc(done)},
	}
}

// An answer is a recorded body.
type answer struct {
	io.Reader

	ctx      context.Context //nolint:containedctx // of the request
	player   *player
	exchange *recordings.Exchange
	done     func()
}

// Read implements io.Reader.
func (a *answer) Read(b []byte) (int, error) {
	n, err := a.Reader.Read(b)
	if n > 0 || err == nil || !errors.Is(err, io.EOF) {
		return n, nil // the next call has the error
	}
	switch {
	case a.exchange.End != "":
		return 0, a.player.fail(a.ctx, a.exchange.End)
	case a.exchange.Unread:
		return 0, io.ErrUnexpectedEOF
	default:
		return 0, io.EOF
	}
}

// Close implements io.Closer.
func (a *answer) Close() error {
	a.done()
	return nil
}

// faults are errors that the client takes for what was recorded.
var faults = map[recordings.Fault]error{
	recordings.FaultHost:        pims.ErrHostNotAllowed,
	recordings.FaultCertificate: &tls.CertificateVerificationError{Err: errors.New("as recorded")},
	recordings.FaultHeader:      errors.New("net/http: server response headers exceeded the limit, as recorded"),
	recordings.FaultTimeout:     timeout{},
	recordings.FaultTryTimeout:  pims.ErrTimedOut,
	recordings.FaultUnresolved:  &net.DNSError{Err: "as recorded"},
	recordings.FaultRefused:     syscall.ECONNREFUSED,
	recordings.FaultBroken:      io.ErrUnexpectedEOF,
	recordings.FaultFailed:      errors.New("the connection failed, as recorded"),
}

// A timeout is the error of a connection that took too long.
type timeout struct{}

func (timeout) Error() string   { return "timed out, as recorded" }
func (timeout) Timeout() bool   { return true }
func (timeout) Temporary() bool { return true }

func (p *player) fail(ctx context.Context, fault recordings.Fault) error {
	switch fault {
	case recordings.FaultEnded:
		return p.ended(ctx)
	case recordings.FaultCancelled:
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(p.patience): // it is wanted now
			return io.ErrUnexpectedEOF
		}
	default:
		if err := faults[fault]; err != nil {
			return err
		}
		return errNotRecorded
	}
}

// ended ends the run as it ended then.
func (p *player) ended(ctx context.Context) error {
	if p.end == nil {
		return errNotRecorded
	}
	p.end(p.endedBy)
	<-ctx.Done()
	return ctx.Err()
}

// unasked counts the exchanges that nobody asked for.
func (p *player) unasked() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.plays {
		if !p.plays[i].asked {
			n++
		}
	}
	return n
}
