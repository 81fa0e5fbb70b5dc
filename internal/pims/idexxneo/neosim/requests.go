package neosim

import (
	"net/http"
	"slices"
	"sync"
	"time"
)

// keptRequests bounds the log; counts and marks go on beyond it.
const keptRequests = 5000

// Request is one entry of the request log.
type Request struct {
	Op        Op
	Method    string
	Path      string
	Query     string
	UserAgent string
	// At is the Sim's clock when it came in.
	At time.Time
	// Status is 0 while the request runs, or when it was cut off without an answer.
	Status int
}

// requestLog counts what comes in.
type requestLog struct {
	mu      sync.Mutex
	entries []*Request
	counts  map[Op]int
	running map[Op]int
	peaks   map[Op]int
}

func newRequestLog() *requestLog {
	l := &requestLog{}
	l.reset()
	return l
}

func (l *requestLog) reset() {
	l.entries, l.counts, l.running, l.peaks = nil, map[Op]int{}, map[Op]int{}, map[Op]int{}
}

func (l *requestLog) begin(op Op, r *http.Request, at time.Time) *Request {
	entry := &Request{Op: op, Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, UserAgent: r.UserAgent(), At: at}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.entries) == keptRequests {
		l.entries = append([]*Request(nil), l.entries[keptRequests/2:]...)
	}
	l.entries = append(l.entries, entry)
	l.counts[op]++
	l.running[op]++
	l.peaks[op] = max(l.peaks[op], l.running[op])
	return entry
}

func (l *requestLog) end(entry *Request, status int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	entry.Status = status
	l.running[entry.Op]--
}

// Requests lists what came in, oldest first: of the operations named, or all. Only the latest few thousand are kept.
func (s *Sim) Requests(ops ...Op) []Request {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	var found []Request
	for _, e := range s.log.entries {
		if len(ops) == 0 || slices.Contains(ops, e.Op) {
			found = append(found, *e)
		}
	}
	return found
}

// Count is how many requests of the operation came in.
func (s *Sim) Count(op Op) int {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return s.log.counts[op]
}

// Peak is the most requests of the operation that ran at one time.
func (s *Sim) Peak(op Op) int {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return s.log.peaks[op]
}

// Order lists the operations as they came in, oldest first.
func (s *Sim) Order() []Op {
	var ops []Op
	for _, r := range s.Requests() {
		ops = append(ops, r.Op)
	}
	return ops
}

// ResetRequests forgets the request log and its counts; requests that still run are counted on.
func (s *Sim) ResetRequests() {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	running := s.log.running
	s.log.reset()
	s.log.running = running
}

// Logins counts what happened at the login page.
type Logins struct {
	// Pages is how often the login page was shown, Accepted how often a login passed, Refused how often a wrong name,
	// password or company id was sent.
	Pages    int `json:"pages"`
	Accepted int `json:"accepted"`
	Refused  int `json:"refused"`
}

// Logins are the counts since the Sim was made.
func (s *Sim) Logins() Logins {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts
}
