package clinic

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/pims"
)

// ErrNotRenewed means that the session is dead and was not replaced in this run. It wraps
// the reason, which is an error of the login, not of the record that was requested.
var ErrNotRenewed = errors.New("the PIMS session ended and was not renewed")

// A Connection is a clinic's session for one run. It renews a dead session once and repeats
// every call that failed because of it. If the session dies again, the error is
// pims.ErrSessionExpired (R36). An answer for one record that looks like a dead session is
// pims.ErrRecordRefused where a proof shows that the session is alive (R20), and so is one for
// a list after a login of this run. A Connection is safe for concurrent use.
//
// Besides the errors of pims.Session, a call may return ErrNotRenewed together with the
// errors of the renewal: those of pims.Provider.Login and of the credential
// (ErrCredentialsSuspended, …).
type Connection struct {
	connector *Connector
	access    access
	took      time.Duration // of the login that made it; 0: its session was kept

	// renewal has room for the one caller that proves or renews the session. It guards
	// spent and the proofs of the present login.
	renewal chan struct{}
	spent   error // what a further renewal returns; nil: none was made
	proofs  proofs

	begun atomic.Int64 // proofs

	mu      sync.Mutex
	present *login
	dead    bool      // present is
	fresh   bool      // any login was made
	usedAt  time.Time // when the PIMS last answered present
}

var _ pims.Session = (*Connection)(nil)

func newConnection(c *Connector, a access, present *login) *Connection {
	present.number = 1
	return &Connection{
		connector: c,
		access:    a,
		renewal:   make(chan struct{}, 1),
		present:   present,
		fresh:     present.fresh,
		usedAt:    present.stored.UsedAt,
		took:      present.took,
	}
}

// Provider returns the canonical name of the provider, which is stored with the cases.
func (c *Connection) Provider() string { return c.access.providerName }

// Clinic returns the clinic as it was when it was connected.
func (c *Connection) Clinic() Clinic { return c.access.clinic }

// Location returns the clinic's zone (R1). It is never nil.
func (c *Connection) Location() *time.Location { return c.access.account.Location }

// CorrectedFor returns for how many days after a visit the PIMS lets people correct its
// notes; 0 means that the provider does not tell (R19).
func (c *Connection) CorrectedFor() int { return c.access.provider.Declaration().CorrectedFor }

// Decides reports whether a field of the PIMS's answers decides identity, time or presence
// of appointments (R51).
func (c *Connection) Decides(endpoint, field string) bool {
	decides := c.access.provider.Declaration().Decides
	return decides != nil && decides(endpoint, field)
}

// Wire returns the words of the PIMS's answers.
func (c *Connection) Wire() pims.Wire { return c.access.provider.Declaration().Wire }

// Fresh reports whether this connection has logged in rather than used a kept session.
func (c *Connection) Fresh() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fresh
}

// Prove asks the PIMS whether the session is alive.
func (c *Connection) Prove(ctx context.Context) error {
	_, err := request(ctx, c, func(ctx context.Context, s pims.Session) (struct{}, error) {
		return struct{}{}, s.Prove(ctx)
	})
	return err
}

// Appointments fetches the calendar of a window; see pims.Session. Rows with a text that is
// too long are unusable (R57).
func (c *Connection) Appointments(ctx context.Context, window pims.Window) (pims.Snapshot, error) {
	snapshot, err := requestList(ctx, c, func(ctx context.Context, s pims.Session) (pims.Snapshot, error) {
		return s.Appointments(ctx, window)
	})
	snapshot.Bound()
	return snapshot, err
}

// SearchConsultations lists the consultations of a window; see pims.Session.
func (c *Connection) SearchConsultations(ctx context.Context, window pims.Window) ([]pims.ConsultationEntry, error) {
	return requestList(ctx, c, func(ctx context.Context, s pims.Session) ([]pims.ConsultationEntry, error) {
		return s.SearchConsultations(ctx, window)
	})
}

// Consultation fetches one consultation; see pims.Session. Parts that are too long are
// unusable, and so is a consultation with such an id (R57).
func (c *Connection) Consultation(ctx context.Context, id string) (pims.Consultation, error) {
	if err := pims.BoundID(id); err != nil { // the search's: no address holds it
		return pims.Consultation{}, err
	}
	read, err := requestRecord(ctx, c, func(ctx context.Context, s pims.Session) (pims.Consultation, error) {
		return s.Consultation(ctx, id)
	})
	if err != nil {
		return read, err
	}
	err = read.Bound()
	return read, err
}

// State returns the present session's state.
func (c *Connection) State() (pims.State, error) { return c.login().session.State() }

// Finder returns the PIMS's point lookup, where it has one (R22). It renews the
// session like every other call.
func (c *Connection) Finder() (pims.AppointmentFinder, bool) {
	if _, ok := c.login().session.(pims.AppointmentFinder); !ok {
		return nil, false
	}
	return finder{c}, true
}

type finder struct{ connection *Connection }

func (f finder) FindAppointment(ctx context.Context, id string) (pims.Appointment, error) {
	found, err := requestRecord(ctx, f.connection, func(ctx context.Context, s pims.Session) (pims.Appointment, error) {
		lookup, ok := s.(pims.AppointmentFinder)
		if !ok {
			return pims.Appointment{}, fmt.Errorf("the renewed session of %s cannot look an appointment up", f.connection.Provider())
		}
		return lookup.FindAppointment(ctx, id)
	})
	if err != nil {
		return found, err
	}
	err = found.Bound()
	return found, err
}

// Close keeps the session for the next run, or drops it where it died. A failure is logged
// and costs the next run a login. The context must outlive a cancelled run: see
// context.WithoutCancel.
func (c *Connection) Close(ctx context.Context) {
	c.mu.Lock()
	last, dead := *c.present, c.dead
	last.stored.UsedAt = c.usedAt
	c.mu.Unlock()

	if dead {
		c.connector.drop(ctx, last.stored)
		return
	}
	c.connector.keep(ctx, c.access, &last, c.connector.o.Sessions.UpdateSession)
}

// request carries out a call of the session, and repeats it where a dead session was
// replaced. A run has one renewal, so a call is repeated at most once.
func request[T any](ctx context.Context, c *Connection, do func(context.Context, pims.Session) (T, error)) (T, error) {
	for present := c.login(); ; {
		answer, err := do(pims.InSession(ctx, present.number), present.session)
		if !errors.Is(err, pims.ErrSessionExpired) {
			c.used(present, err)
			return answer, err
		}
		if present, err = c.renew(ctx, present); err != nil {
			var none T
			return none, fmt.Errorf("%w: %w", ErrNotRenewed, err)
		}
	}
}

// requestRecord is request for one record. Where the answer looks like a dead session, it
// proves the session before it renews it.
func requestRecord[T any](ctx context.Context, c *Connection, do func(context.Context, pims.Session) (T, error)) (T, error) {
	return request(ctx, c, func(ctx context.Context, s pims.Session) (T, error) {
		asked := c.begun.Load()
		answer, err := do(ctx, s)
		if !errors.Is(err, pims.ErrSessionExpired) {
			return answer, err
		}
		return answer, c.explain(ctx, s, asked, err)
	})
}

// requestList is request for a calendar or a search. A session that was kept is renewed at
// once. Where the answer looks like a dead session although this run has logged in, it proves
// the session: a further login would change nothing.
func requestList[T any](ctx context.Context, c *Connection, do func(context.Context, pims.Session) (T, error)) (T, error) {
	return request(ctx, c, func(ctx context.Context, s pims.Session) (T, error) {
		asked := c.begun.Load()
		answer, err := do(ctx, s)
		if present := c.login(); !errors.Is(err, pims.ErrSessionExpired) || present.session != s || !present.fresh {
			return answer, err
		}
		return answer, c.explain(ctx, s, asked, err)
	})
}

// explain decides what an answer that looks like a dead session means. If the session is
// dead it returns the error as it is, else an error of the record.
func (c *Connection) explain(ctx context.Context, s pims.Session, asked int64, answer error) error {
	if err := c.lock(ctx); err != nil {
		return err
	}
	defer c.unlock()
	present := c.login()
	if present.session != s || c.isDead() {
		return answer // it is renewed, or was
	}
	if c.proofs.cover(asked) {
		return pims.ErrRecordRefused
	}
	number := c.begun.Add(1)
	switch err := s.Prove(ctx); {
	case err == nil:
		c.proofs.alive(number)
		c.used(present, nil)
		return pims.ErrRecordRefused
	case errors.Is(err, pims.ErrSessionExpired):
		c.died(present) // the records that wait for this proof need none of their own
		return answer
	default: // it cannot be told, so nothing is concluded
		return fmt.Errorf("proving the session after an answer that looks like its end: %w", err)
	}
}

// proofs are the proofs that found the session of one login alive. A proof covers every
// request that was made before the proof began. It also covers as many later refusals as
// there were before it: n refused records cost about log n proofs.
type proofs struct {
	last    int64 // the number of the latest
	refused int   // records, so far
	credit  int   // further records that need no proof
}

// cover reports whether a refused request needs no proof.
func (p *proofs) cover(asked int64) bool {
	switch {
	case asked < p.last:
	case p.credit > 0:
		p.credit--
	default:
		return false
	}
	p.refused++
	return true
}

func (p *proofs) alive(number int64) {
	p.last = number
	p.refused++
	p.credit = p.refused - 1
}

// lock waits until no other caller proves or renews the session.
func (c *Connection) lock(ctx context.Context) error {
	select {
	case c.renewal <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *Connection) unlock() { <-c.renewal }

// renew returns the login that replaces a dead one. Of many callers at once, one logs in
// and the others wait for it.
func (c *Connection) renew(ctx context.Context, dead *login) (*login, error) {
	if err := c.lock(ctx); err != nil {
		return nil, err
	}
	defer c.unlock()
	if !c.died(dead) {
		return c.login(), nil
	}
	if c.spent != nil {
		return nil, c.spent
	}
	var next *login
	err := panics.Catch(func() (err error) { // else every caller that waits would panic, too (R58)
		next, err = c.connector.renew(ctx, c.access, dead)
		return err
	})
	switch {
	case err == nil:
		c.spent = fmt.Errorf("the session was renewed once already: %w", pims.ErrSessionExpired)
		next.number = dead.number + 1
		c.replace(next)
		c.proofs = proofs{}
	case ctx.Err() == nil || panics.In(err) != nil:
		c.spent = err
	default: // this caller gave up, which is no answer for the others
	}
	return next, err
}

func (c *Connection) login() *login {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.present
}

// died records that a login is dead and reports whether it is still the present one.
func (c *Connection) died(dead *login) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.present != dead {
		return false
	}
	c.dead = true
	return true
}

func (c *Connection) isDead() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dead
}

func (c *Connection) replace(next *login) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.present, c.dead = next, false
	c.fresh = c.fresh || next.fresh
	c.usedAt = next.stored.UsedAt
}

// used stores when the PIMS last answered. The session's idle time counts from then.
func (c *Connection) used(l *login, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil && c.present == l {
		c.usedAt = c.connector.o.Now()
	}
}
