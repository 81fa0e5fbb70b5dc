package clinic

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/seal"
)

// A Store reads clinics.
type Store interface {
	// Clinic reads one clinic. The error is ErrNotFound where there is none.
	Clinic(ctx context.Context, id uuid.UUID) (Clinic, error)
}

// ConnectorOptions configure a Connector.
type ConnectorOptions struct {
	// Providers maps canonical names, in lower case, to providers.
	Providers map[string]pims.Provider

	Clinics     Store
	Credentials CredentialStore
	Sessions    SessionStore

	// Kept reads a clinic, its credential and its session together. The error is ErrNotFound
	// where there is no such clinic. Nil: the stores are asked one after another.
	Kept func(ctx context.Context, clinicID uuid.UUID) (Kept, error)

	Keyring *seal.Keyring
	Logger  *slog.Logger     // nil: none
	Now     func() time.Time // nil: time.Now

	// ObserveLogin is called after every login (docs/interface.md §Metrics,
	// pims_logins_total). The outcome is a word of pims.Kind. It may be nil.
	ObserveLogin func(provider, outcome string)
}

// A Connector opens clinics' sessions with their PIMS (W1 and 3). The Browser limits how
// many logins run at a time. A Connector is safe for concurrent use, of the same clinic
// too.
type Connector struct {
	o       ConnectorOptions
	aliases map[string]string // further names of providers, to their canonical names
	log     *slog.Logger
}

// NewConnector makes a Connector.
func NewConnector(o ConnectorOptions) *Connector {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.ObserveLogin == nil {
		o.ObserveLogin = func(string, string) {}
	}
	aliases := make(map[string]string)
	for name, provider := range o.Providers {
		for _, alias := range provider.Declaration().Aliases {
			aliases[alias] = name
		}
	}
	return &Connector{o: o, aliases: aliases, log: o.Logger.With("namespace", "pims-sync:provider")}
}

// CanonicalProvider returns the name under which a provider's records are stored. name is
// that name or an alias, in upper or lower case.
func (c *Connector) CanonicalProvider(name string) (string, error) {
	canonical := strings.ToLower(strings.TrimSpace(name))
	if target, ok := c.aliases[canonical]; ok {
		canonical = target
	}
	if _, ok := c.o.Providers[canonical]; !ok {
		known := slices.Sorted(maps.Keys(c.o.Providers))
		return "", fmt.Errorf("no PIMS provider is called %q; there is %s", name, strings.Join(known, ", "))
	}
	return canonical, nil
}

// NewCredential checks a clinic's credentials, adds the provider's defaults, and makes the
// row that stores them (R37). The error of a field that is missing, malformed or not
// declared is a *pims.FieldError.
func (c *Connector) NewCredential(clinicID uuid.UUID, provider string, credentials pims.Credentials) (StoredCredential, error) {
	name, err := c.CanonicalProvider(provider)
	if err != nil {
		return StoredCredential{}, err
	}
	declared := c.o.Providers[name].Declaration()
	if err := declared.CheckNames(credentials); err != nil {
		return StoredCredential{}, err
	}
	credentials = declared.Complete(credentials)
	if err := declared.Check(credentials); err != nil {
		return StoredCredential{}, err
	}
	return SealCredential(c.o.Keyring, clinicID, name, credentials)
}

// Declarations returns what the providers say of themselves, by name (R53).
func (c *Connector) Declarations() []pims.Declaration {
	var declared []pims.Declaration
	for _, name := range slices.Sorted(maps.Keys(c.o.Providers)) {
		declared = append(declared, c.o.Providers[name].Declaration())
	}
	return declared
}

// Precheck returns what prevents a connection to the clinic, as far as that is known
// without any request: the errors of Connect up to the login.
func (c *Connector) Precheck(ctx context.Context, clinicID uuid.UUID) error {
	_, err := c.access(ctx, clinicID)
	return err
}

// Connect opens a clinic's session: the kept one if it is young enough and proves alive,
// else a new login, which is then kept (R36). The caller closes the Connection.
//
// Errors before any request: ErrNotFound, ErrDisabled, ErrTimezoneMissing,
// ErrCredentialsMissing, ErrCredentialsSuspended, ErrCredentialsInvalid (which names the
// field), ErrKeyUnknown. After a request: those of pims.Provider.Login. A definite
// pims.ErrAuthRejected has suspended the credential (R32).
func (c *Connector) Connect(ctx context.Context, clinicID uuid.UUID) (*Connection, error) {
	a, err := c.access(ctx, clinicID)
	if err != nil {
		return nil, err
	}
	present, err := c.keptOrNew(ctx, a, a.session)
	if err != nil {
		return nil, err
	}
	return newConnection(c, a, present), nil
}

// Findings are the result of a test of a clinic's credentials.
type Findings struct {
	Provider     string
	Day          pims.Date // the clinic's today
	Appointments int       // on that day
	LoginTook    time.Duration
	FetchTook    time.Duration
}

// Test makes a new login, even where a session is kept, and reads today's calendar, for
// `credentials test`. Errors are those of Connect and pims.Session. A suspended credential
// is not tried. The outcome is stored with the credential, unless this machine caused the
// failure.
func (c *Connector) Test(ctx context.Context, clinicID uuid.UUID) (found Findings, err error) {
	began := c.o.Now()
	err = c.Examine(ctx, clinicID, func(ctx context.Context, connection *Connection) error {
		found, err = c.test(ctx, connection, began)
		return err
	})
	return found, err
}

// Examine makes a new login, even where a session is kept, and lets a function use it, for
// `clinic check`. Errors are those of Connect and of the function. A suspended credential is
// not tried. The outcome is stored with the credential as by Test.
func (c *Connector) Examine(ctx context.Context, clinicID uuid.UUID, examine func(context.Context, *Connection) error) error {
	a, err := c.access(ctx, clinicID)
	if err != nil {
		return err
	}
	err = c.examine(ctx, a, examine)
	ours := errors.Is(err, pims.ErrBrowserUnavailable) || errors.Is(err, pims.ErrHostNotAllowed)
	if ctx.Err() == nil && !ours { // else it says nothing about the credential
		if noteErr := c.o.Credentials.NoteTest(ctx, clinicID, a.credential.ID, pims.Kind(err), c.o.Now()); noteErr != nil {
			c.logger(a).WarnContext(ctx, "The test of the credentials could not be noted", "error", noteErr)
		}
	}
	return err
}

func (c *Connector) examine(ctx context.Context, a access, examine func(context.Context, *Connection) error) error {
	var fresh *login
	err := c.step(ctx, StepLogin, func() (err error) {
		fresh, err = c.logIn(ctx, a)
		return err
	})
	if err != nil {
		return err
	}
	connection := newConnection(c, a, fresh)
	defer connection.Close(context.WithoutCancel(ctx))
	return examine(ctx, connection)
}

// test reads the calendar of today by a login that has just been made.
func (c *Connector) test(ctx context.Context, connection *Connection, began time.Time) (Findings, error) {
	loggedIn := c.o.Now()
	today := pims.DateOf(began, connection.Location())
	window, err := pims.NewWindow(today, today, connection.Location())
	if err != nil {
		return Findings{}, err
	}
	if err := c.step(ctx, StepSession, func() error { return connection.Prove(ctx) }); err != nil {
		return Findings{}, fmt.Errorf("proving the session: %w", err)
	}
	var snapshot pims.Snapshot
	err = c.step(ctx, StepCalendar, func() (err error) {
		snapshot, err = connection.Appointments(ctx, window)
		return err
	})
	if err != nil {
		return Findings{}, fmt.Errorf("fetching the calendar of %s: %w", window, err)
	}
	return Findings{
		Provider:     connection.Provider(),
		Day:          today,
		Appointments: snapshot.Found(),
		LoginTook:    connection.took,
		FetchTook:    c.o.Now().Sub(loggedIn),
	}, nil
}

// An access is what a login to a clinic's PIMS needs, decrypted and checked.
type access struct {
	clinic       Clinic
	credential   StoredCredential
	providerName string // canonical
	provider     pims.Provider
	account      pims.Account
	session      *StoredSession // nil: none
}

func (c *Connector) access(ctx context.Context, clinicID uuid.UUID) (access, error) {
	kept, err := c.keptOf(ctx, clinicID)
	if err != nil {
		return access{}, err
	}
	owner := kept.Clinic
	if !owner.Active {
		return access{}, ErrDisabled
	}
	location, err := owner.Location()
	if err != nil {
		return access{}, err
	}
	if kept.Credential == nil {
		return access{}, fmt.Errorf("reading the credentials: %w", ErrCredentialsMissing)
	}
	credential := *kept.Credential
	if credential.Suspended() {
		return access{}, ErrCredentialsSuspended
	}
	name, err := c.CanonicalProvider(credential.Provider)
	if err != nil {
		return access{}, fmt.Errorf("%w (%w)", ErrCredentialsInvalid, err)
	}
	opened, err := credential.Open(c.o.Keyring)
	if err != nil {
		return access{}, err
	}
	provider := c.o.Providers[name]
	declared := provider.Declaration()
	opened = declared.Complete(opened)
	if err := declared.Check(opened); err != nil {
		return access{}, fmt.Errorf("%w (%w)", ErrCredentialsInvalid, err)
	}
	account := pims.Account{Credentials: opened, Location: location}
	return access{owner, credential, name, provider, account, kept.Session}, nil
}

// credential reads the clinic's credential unless it is suspended.
func (c *Connector) credential(ctx context.Context, clinicID uuid.UUID) (StoredCredential, error) {
	credential, err := c.o.Credentials.Credential(ctx, clinicID)
	if err != nil {
		return StoredCredential{}, fmt.Errorf("reading the credentials: %w", err)
	}
	if credential.Suspended() {
		return StoredCredential{}, ErrCredentialsSuspended
	}
	return credential, nil
}

// renew replaces a login that died in the middle of a run. The run keeps its account: a
// credential that was replaced meanwhile may belong to another practice, so only the next
// run uses it.
func (c *Connector) renew(ctx context.Context, a access, dead *login) (*login, error) {
	c.drop(ctx, dead.stored)
	credential, err := c.credential(ctx, a.clinic.ID)
	if err != nil {
		return nil, err
	}
	if credential.ID != a.credential.ID {
		return nil, fmt.Errorf("the credentials were replaced during the run: %w", pims.ErrSessionExpired)
	}
	stored, err := c.o.Sessions.Session(ctx, a.clinic.ID)
	switch {
	case err == nil:
		return c.keptOrNew(ctx, a, &stored) // another run has logged in
	case errors.Is(err, ErrNoSession):
		return c.keptOrNew(ctx, a, nil)
	default:
		return nil, fmt.Errorf("reading the kept session: %w", err)
	}
}

// A login is a session and its stored row.
type login struct {
	session pims.Session
	number  int // see pims.InSession
	stored  StoredSession
	fresh   bool          // made just now, not taken from the store
	took    time.Duration // where it is fresh
}

// keptOrNew uses the stored session, or logs in where there is none or it cannot be used.
func (c *Connector) keptOrNew(ctx context.Context, a access, stored *StoredSession) (*login, error) {
	if stored == nil {
		return c.logIn(ctx, a)
	}
	kept, err := c.kept(ctx, a, *stored)
	if errors.Is(err, ErrNoSession) {
		return c.logIn(ctx, a)
	}
	return kept, err
}

// kept returns the kept session if it is young enough and proves alive, else ErrNoSession.
// Where the PIMS cannot be reached, a login would fail too, so kept returns that error.
func (c *Connector) kept(ctx context.Context, a access, stored StoredSession) (*login, error) {
	if stored.CredentialID != a.credential.ID {
		c.drop(ctx, stored)
		return nil, ErrNoSession
	}
	session, err := c.open(a, stored)
	if err == nil {
		err = session.Prove(ctx)
	}
	switch {
	case errors.Is(err, errTooOld):
		c.drop(ctx, stored)
		return nil, ErrNoSession
	case err == nil:
		stored.UsedAt = c.o.Now()
		return &login{session: session, stored: stored}, nil
	case ctx.Err() != nil, errors.Is(err, pims.ErrUnreachable), errors.Is(err, pims.ErrRateLimited):
		return nil, fmt.Errorf("proving the kept session: %w", err)
	default:
		c.logger(a).InfoContext(ctx, "Kept PIMS session cannot be used, logging in", "outcome", pims.Kind(err))
		c.drop(ctx, stored)
		return nil, ErrNoSession
	}
}

// errTooOld means that a kept session is not worth trying (R36).
var errTooOld = errors.New("the kept session is too old")

func (c *Connector) open(a access, stored StoredSession) (pims.Session, error) {
	state, err := openState(c.o.Keyring, a.credential, stored.Sealed)
	if err != nil {
		return nil, err
	}
	if !state.Worth(c.o.Now(), stored.UsedAt) {
		return nil, errTooOld
	}
	return a.provider.Open(a.account, state)
}

// logIn logs in once and keeps the session.
func (c *Connector) logIn(ctx context.Context, a access) (*login, error) {
	began := c.o.Now()
	state, err := a.provider.Login(ctx, a.account)
	took := c.o.Now().Sub(began)
	c.o.ObserveLogin(a.providerName, pims.Kind(err))
	if errors.Is(err, pims.ErrAuthRejected) {
		c.suspend(ctx, a)
	}
	if err != nil {
		return nil, fmt.Errorf("logging in: %w", err)
	}
	c.logger(a).InfoContext(ctx, "Logged in to the PIMS", "duration_ms", took.Milliseconds())

	session, err := a.provider.Open(a.account, state)
	if err != nil {
		return nil, fmt.Errorf("opening the new session: %w", err)
	}
	at := c.o.Now().Truncate(time.Microsecond)
	fresh := &login{
		session: session,
		stored:  StoredSession{ClinicID: a.clinic.ID, CredentialID: a.credential.ID, LoggedInAt: at, UsedAt: at},
		fresh:   true,
		took:    took,
	}
	c.keep(ctx, a, fresh, c.o.Sessions.SaveSession)
	return fresh, nil
}

// suspend marks the credential as refused, even where the run was cancelled meanwhile: a
// second wrong login may lock the clinic's user out (R32).
func (c *Connector) suspend(ctx context.Context, a access) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err := c.o.Credentials.SuspendCredential(ctx, a.clinic.ID, a.credential.ID, pims.ErrAuthRejected.Error(), c.o.Now())
	if err != nil {
		c.logger(a).ErrorContext(ctx, "Credentials that the PIMS refused could not be suspended", "error", err)
		return
	}
	c.logger(a).WarnContext(ctx, "Credentials suspended because the PIMS refused them")
}

// keep writes a login's present state with one of the store's two methods. A failure costs
// the next run a login and does not affect this run.
func (c *Connector) keep(ctx context.Context, a access, l *login, write func(context.Context, StoredSession) error) {
	state, err := l.session.State()
	if err == nil {
		l.stored.Sealed, err = sealState(c.o.Keyring, a.credential, state)
	}
	if err == nil {
		err = write(ctx, l.stored)
	}
	if err != nil {
		c.logger(a).WarnContext(ctx, "PIMS session could not be kept", "error", err)
	}
}

// drop removes a login from the store. After a failure the next proof finds the dead
// session.
func (c *Connector) drop(ctx context.Context, stored StoredSession) {
	if err := c.o.Sessions.DropSession(ctx, stored); err != nil {
		c.log.WarnContext(ctx, "Dead PIMS session could not be dropped",
			"clinic_id", stored.ClinicID.String(), "error", err)
	}
}

func (c *Connector) logger(a access) *slog.Logger {
	return c.log.With("clinic_id", a.clinic.ID.String(), "provider", a.providerName)
}
