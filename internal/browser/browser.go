package browser

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/pims"
)

var _ pims.Browser = (*Chromium)(nil)

// Options configure a Chromium. The zero value is usable.
type Options struct {
	// Path is the path or the name of the executable. Empty means the one that Find finds.
	// docs/interface.md §Environment, CHROMIUM_PATH.
	Path string

	// Visible shows the browser's window. docs/interface.md §Environment, HEADLESS=false.
	Visible bool

	// Env are the variables of the browser's process, in the form NAME=value. It inherits
	// none, so that no secret of ours reaches it. Only a visible browser needs any, such as
	// DISPLAY.
	Env []string

	// TempDir holds a private folder for each Chromium, with the profiles of its browsers.
	// New removes the folders that killed processes left there. Empty means the system's
	// folder for temporary files.
	TempDir string

	// Logger never receives anything that a page shows (R40). Nil logs nothing.
	Logger *slog.Logger

	MaxLogins    int           // logins at once; further ones wait. Zero: 3 (R36)
	RecycleAfter int           // logins before a browser is replaced. Zero: 100
	IdleTimeout  time.Duration // without logins before it is stopped. Zero: 5 min

	// LoginTimeout bounds one login, without the wait for its turn and for the browser's
	// start. A quarter of it bounds how long a loaded page may take to show its form. Zero
	// means 60 s.
	LoginTimeout time.Duration

	// HangTimeout is how long a browser may leave a command unanswered before it is killed
	// and replaced. Zero means 10 s.
	HangTimeout time.Duration

	resolver *net.Resolver        // of names; nil: the system's
	refused  func(address string) // is told which connections the proxies refuse
}

func (o Options) withDefaults() Options {
	if o.TempDir == "" {
		o.TempDir = filepath.Join(os.TempDir(), fmt.Sprintf("pims-sync-%d", os.Getuid()))
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.MaxLogins <= 0 {
		o.MaxLogins = 3
	}
	if o.RecycleAfter <= 0 {
		o.RecycleAfter = 100
	}
	if o.IdleTimeout <= 0 {
		o.IdleTimeout = 5 * time.Minute
	}
	if o.LoginTimeout <= 0 {
		o.LoginTimeout = time.Minute
	}
	if o.HangTimeout <= 0 {
		o.HangTimeout = 10 * time.Second
	}
	return o
}

// errClosed is the error of a Login after Close.
var errClosed = fmt.Errorf("the browser is closed: %w", pims.ErrBrowserUnavailable)

// Why a browser ends. These errors are logged, and returned to the logins in that browser.
var (
	errShutdown = errors.New("shut down")
	errIdle     = errors.New("idle")
	errRecycled = errors.New("recycled")
	errHung     = errors.New("it does not answer")
	errExited   = errors.New("it ended by itself")
	errBroken   = errors.New("an internal error ended it, the log tells more")
)

// A Chromium logs in with a headless browser. It is safe for concurrent use.
// Close it when done.
type Chromium struct {
	opts  Options
	log   *slog.Logger
	turns chan struct{} // one per login that may run

	lifetime context.Context // ends with Close; parent of all browser processes
	end      context.CancelCauseFunc
	running  sync.WaitGroup // logins and processes

	mu        sync.Mutex
	closed    bool
	folder    *folder
	folderErr error
	current   *process // takes the next login; nil: start one
	product   string   // see Product
}

// New makes a Chromium and removes what killed processes left in TempDir. It starts no
// browser. The first Login reports what is wrong with the options.
func New(options Options) *Chromium {
	options = options.withDefaults()
	c := &Chromium{
		opts:  options,
		log:   options.Logger,
		turns: make(chan struct{}, options.MaxLogins),
	}
	c.lifetime, c.end = context.WithCancelCause(context.Background())
	c.folder, c.folderErr = openFolder(options.TempDir, c.log)
	return c
}

// Close ends running logins with pims.ErrBrowserUnavailable, kills the browser and removes
// its files (R31). It returns when nothing is left.
func (c *Chromium) Close() {
	c.mu.Lock()
	c.closed = true
	c.current = nil
	c.mu.Unlock()

	c.end(errShutdown)
	c.running.Wait()

	c.mu.Lock()
	defer c.mu.Unlock()
	if c.folder == nil {
		return
	}
	if err := c.folder.remove(); err != nil {
		c.log.Warn("browser files are left behind", "error", err)
	}
	c.folder = nil
}

// Login implements [pims.Browser]. It waits for its turn. A cancelled context ends it at
// once, and its tab is closed afterwards. If its browser dies, the login is repeated once
// in a new browser, unless its form was already submitted: a form is never submitted twice.
func (c *Chromium) Login(ctx context.Context, form pims.LoginForm) (pims.BrowserSession, error) {
	if err := checkURL(form); err != nil {
		return pims.BrowserSession{}, err
	}
	if err := c.begin(ctx); err != nil {
		return pims.BrowserSession{}, err
	}
	type outcome struct {
		session pims.BrowserSession
		err     error
	}
	done := make(chan outcome, 1)
	panics.Go(func() {
		defer c.finish()
		session, err := c.login(ctx, form)
		done <- outcome{session, err}
	}, func(e *panics.Error) { done <- outcome{err: e} })
	select {
	case o := <-done:
		return o.session, o.err
	case <-ctx.Done():
		return pims.BrowserSession{}, ctx.Err()
	}
}

func checkURL(form pims.LoginForm) error {
	u, err := url.Parse(form.URL)
	if err != nil {
		return fmt.Errorf("the login page's URL is malformed: %w", pims.ErrHostNotAllowed)
	}
	return form.Hosts.CheckURL(u)
}

// begin waits for the login's turn.
func (c *Chromium) begin(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case c.turns <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	case <-c.lifetime.Done():
		return errClosed
	}
	if !c.track() {
		<-c.turns
		return errClosed
	}
	return nil
}

func (c *Chromium) finish() {
	<-c.turns
	c.running.Done()
}

// track makes Close wait for one more goroutine. It returns false after Close was called.
func (c *Chromium) track() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.running.Add(1)
	return true
}

func (c *Chromium) login(ctx context.Context, form pims.LoginForm) (pims.BrowserSession, error) {
	session, err := c.attempt(ctx, form)
	if lost, ok := errors.AsType[*lostError](err); ok && !lost.submitted && c.lifetime.Err() == nil {
		c.log.Warn("the browser was lost before the form was submitted; trying once more")
		session, err = c.attempt(ctx, form)
	}
	return session, err
}

func (c *Chromium) attempt(ctx context.Context, form pims.LoginForm) (pims.BrowserSession, error) {
	p, err := c.acquire(ctx)
	if err != nil {
		return pims.BrowserSession{}, err
	}
	defer c.release(p)
	return p.login(ctx, form)
}

// Product names the browser that took the latest login and its version, such as
// "Chrome/141.0.7390.37"; empty: there was no login.
func (c *Chromium) Product() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.product
}

// acquire returns a running browser and starts one where there is none.
func (c *Chromium) acquire(ctx context.Context) (*process, error) {
	p, err := c.reserve()
	if err != nil {
		return nil, err
	}
	select {
	case <-p.started:
		err = p.startErr
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		c.release(p)
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.product = p.agent.product
	return p, nil
}

func (c *Chromium) reserve() (*process, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errClosed
	}
	if c.folderErr != nil {
		return nil, fmt.Errorf("prepare the browser's folder: %w: %w", c.folderErr, pims.ErrBrowserUnavailable)
	}
	p := c.current
	if p == nil || p.ended() {
		p = newProcess(c.lifetime, c.opts, c.folder.path)
		panics.GoIn(&c.running, func() { c.keep(p) }, c.logPanic)
	}
	c.current = p
	if p.idle != nil {
		p.idle.Stop()
	}
	p.users++
	if p.logins++; p.logins >= c.opts.RecycleAfter {
		c.current = nil // its last login; release ends it
	}
	return p, nil
}

// release gives a browser back. A browser that will get no further login ends now, any
// other when it has been idle for long enough.
func (c *Chromium) release(p *process) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.users--; p.users > 0 {
		return
	}
	if p != c.current {
		p.kill(errRecycled)
		return
	}
	p.idle = panics.AfterFunc(c.opts.IdleTimeout, func() { c.retire(p) }, c.logPanic)
}

// retire ends an idle browser.
func (c *Chromium) retire(p *process) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.users > 0 {
		return
	}
	if c.current == p {
		c.current = nil
	}
	p.kill(errIdle)
}

// keep runs a browser process from its start to its end. A panic ends the browser; its
// logins get an error of a lost browser (R58).
func (c *Chromium) keep(p *process) {
	err := panics.Catch(func() error {
		p.run()
		return nil
	})
	if e := panics.In(err); e != nil {
		c.logPanic(e)
		p.abandon()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current == p {
		c.current = nil
	}
	if p.idle != nil {
		p.idle.Stop()
	}
}

func (c *Chromium) logPanic(e *panics.Error) {
	c.log.Error("a panic ended a browser", e.Attrs()...)
}
