package neosim

import (
	"crypto/rand"
	"maps"
	"net/http"
	"sync"
	"time"
)

// Sim is one practice's IDEXX Neo in memory, as an [http.Handler]. All methods are safe for concurrent use.
type Sim struct {
	mux  *http.ServeMux
	book *book
	log  *requestLog
	key  string // signs CSRF tokens

	mu       sync.Mutex // guards what follows
	options  Options
	sessions map[string]*session
	faults   []*Fault
	other    *book // made when FaultOtherPractice first asks for it
	counts   Logins
}

// New makes a Sim with the realistic practice of the options' seed. Nothing is generated before it is asked for, so a
// Sim costs next to nothing.
func New(o Options) *Sim {
	o = o.withDefaults()
	s := &Sim{
		book:     newBook(newPractice(o)),
		log:      newRequestLog(),
		key:      rand.Text(),
		options:  o,
		sessions: map[string]*session{},
	}
	s.mux = s.routes()
	return s
}

// ServeHTTP responds as Neo would; see the package comment for the addresses.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

func (s *Sim) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /login", s.page(OpLoginPage, (*call).loginPage))
	mux.HandleFunc("POST /login", s.page(OpLogin, (*call).login))
	mux.HandleFunc("GET /mfa", s.page(OpMFA, (*call).mfaPage))
	mux.HandleFunc("GET /in-use", s.page(OpInUse, (*call).inUsePage))
	mux.HandleFunc("GET /welcome/{n}", s.page(OpStep, (*call).stepPage))
	mux.HandleFunc("GET /sso", s.page(OpRedirect, (*call).redirect))
	mux.HandleFunc("GET /dashboard", s.page(OpDashboard, (*call).dashboard))
	mux.HandleFunc("GET /logout", s.page(OpLogout, (*call).logout))
	mux.HandleFunc("POST /logout", s.page(OpLogout, (*call).logout))
	mux.HandleFunc("GET /{$}", s.page(OpDashboard, (*call).home))
	mux.HandleFunc("GET /users/providers", s.api(OpProviders, (*call).providers))
	mux.HandleFunc("GET /schedule/getScheduleConfigs", s.api(OpSchedule, (*call).scheduleConfigs))
	mux.HandleFunc("GET /appointments/getCalendarEventData", s.api(OpCalendar, (*call).calendar))
	mux.HandleFunc("GET /appointments/getAppointment", s.api(OpAppointment, (*call).appointment))
	mux.HandleFunc("GET /consultations/search", s.api(OpSearch, (*call).search))
	mux.HandleFunc("GET /consultations/{first}/{second}", s.consultation)
	mux.HandleFunc("/", s.page(OpUnknown, (*call).unknown))
	if s.options.Control {
		s.control(mux)
	}
	return mux
}

// consultation tells apart the two views, whose patterns a ServeMux cannot.
func (s *Sim) consultation(w http.ResponseWriter, r *http.Request) {
	first, second := r.PathValue("first"), r.PathValue("second")
	switch {
	case first == "view":
		s.api(OpView, func(c *call, w http.ResponseWriter, r *http.Request) { c.view(w, r, second) })(w, r)
	case second == "page-data":
		s.api(OpPageData, func(c *call, w http.ResponseWriter, r *http.Request) { c.pageData(w, r, first) })(w, r)
	default:
		s.page(OpUnknown, (*call).unknown)(w, r)
	}
}

// call is one request with the options, the data and the fault that hold for it.
type call struct {
	sim     *Sim
	op      Op
	options Options
	book    *book
	fault   Fault
}

type handler func(*call, http.ResponseWriter, *http.Request)

// page serves what a browser asks for; its faults come before anything else.
func (s *Sim) page(op Op, h handler) http.HandlerFunc {
	return s.counted(op, func(c *call, w http.ResponseWriter, r *http.Request) {
		c.fault = s.takeFault(op, r)
		if !c.failed(w, r) {
			h(c, w, r)
		}
	})
}

// api serves what needs a live session and is asked for as JSON by a script.
func (s *Sim) api(op Op, h handler) http.HandlerFunc {
	return s.counted(op, func(c *call, w http.ResponseWriter, r *http.Request) {
		if !s.alive(r) {
			c.expired(w, r)
			return
		}
		if !asksForJSON(r) {
			c.dashboard(w, r)
			return
		}
		c.fault = s.takeFault(op, r)
		if !c.failed(w, r) {
			h(c, w, r)
		}
	})
}

// counted logs the request, counts it while it runs, and lets the operation's latency pass.
func (s *Sim) counted(op Op, h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		o := s.Options()
		recorder := &statusRecorder{ResponseWriter: w}
		entry := s.log.begin(op, r, o.Now())
		defer func() { s.log.end(entry, recorder.status) }()
		if !pause(r, o.latency(op)) {
			return
		}
		h(&call{sim: s, op: op, options: o, book: s.book}, recorder, r)
	}
}

func (o Options) latency(op Op) time.Duration {
	if d, ok := o.Latencies[op]; ok {
		return d
	}
	switch {
	case op == OpLogin:
		return o.LoginLatency
	case op.isAPI():
		return o.Latency
	default:
		return 0
	}
}

// pause waits, and reports whether the client is still there.
func pause(r *http.Request, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

// Options are the present ones, defaults filled in.
func (s *Sim) Options() Options {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.options
}

// Configure changes options while the Sim runs. What belongs to the practice itself (seed, clock, zone, size) stays as it was.
func (s *Sim) Configure(change func(*Options)) {
	_ = s.configure(func(o *Options) error { change(o); return nil })
}

func (s *Sim) configure(change func(*Options) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.options
	next.Latencies = maps.Clone(next.Latencies) // readers may still hold the old one
	if err := change(&next); err != nil {
		return err
	}
	s.options = next.withDefaults()
	return nil
}

// otherBook is the practice that FaultOtherPractice shows by itself: the same size, the next seed.
func (s *Sim) otherBook() *book {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.other == nil {
		o := s.options
		o.Seed++
		s.other = newBook(newPractice(o))
	}
	return s.other
}

// statusRecorder remembers the status for the request log.
type statusRecorder struct {
	http.ResponseWriter
	status int
}

func (r *statusRecorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *statusRecorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *statusRecorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
