package browser

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"

	"github.com/pims-sync/pims-sync/internal/browser/proxy"
	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/pims"
)

// startTimeout bounds the start of a browser. On an idle machine a first start takes a
// quarter of a second.
const startTimeout = 30 * time.Second

// A process is one browser with its children.
type process struct {
	opts   Options
	folder string // its profile is made in here

	// lifetime is the parent of all contexts in the browser. It belongs to no request: it
	// ends with the browser, and its cause says why.
	lifetime context.Context
	kill     context.CancelCauseFunc

	started  chan struct{} // closed when startErr, or what follows it, is set
	startErr error
	tabs     context.Context // chromedp's; the parent of each tab's
	agent    agent

	visits   atomic.Int32 // that run
	fattened atomic.Int64 // when a page's process was ended for its memory, in ns since 1970

	// Chromium counts the users and logins of its process, under its own lock.
	users, logins int
	idle          *time.Timer
}

func newProcess(parent context.Context, opts Options, folder string) *process {
	p := &process{opts: opts, folder: folder, started: make(chan struct{})}
	p.lifetime, p.kill = context.WithCancelCause(parent)
	return p
}

// ended reports whether the browser has ended or is about to end.
func (p *process) ended() bool { return p.lifetime.Err() != nil }

// run starts the browser, watches it, and returns when it and its files are gone.
func (p *process) run() {
	path, err := systemFinder(runtime.GOOS, p.opts.Visible).find(p.opts.Path)
	if err != nil {
		p.fail(err)
		return
	}
	profile, err := os.MkdirTemp(p.folder, "profile-")
	if err != nil {
		p.fail(fmt.Errorf("make a profile folder: %w: %w", err, pims.ErrBrowserUnavailable))
		return
	}
	p.runIn(profile, path)
	if err := removeAll(profile); err != nil {
		p.opts.Logger.Warn("a browser's profile is left behind", "error", err)
	}
}

func (p *process) fail(err error) {
	p.startErr = err
	p.kill(err)
	close(p.started)
}

// abandon ends a browser whose run panicked, and informs the logins that wait for it.
func (p *process) abandon() {
	p.kill(errBroken)
	select {
	case <-p.started:
	default:
		p.startErr = fmt.Errorf("%w: %w", errBroken, pims.ErrBrowserUnavailable)
		close(p.started)
	}
}

func (p *process) runIn(profile, path string) {
	// Logins have proxies of their own. What the browser itself asks for gets nowhere.
	nowhere, err := proxy.Listen(proxy.Options{Closed: true, Panicked: func(e *panics.Error) { p.kill(e) }})
	if err != nil {
		p.fail(fmt.Errorf("%w: %w", err, pims.ErrBrowserUnavailable))
		return
	}
	defer nowhere.Close()
	var command *exec.Cmd
	endMessages := func() {}
	defer func() { endMessages() }()
	options := append(p.allocatorOptions(profile, path, &command, &endMessages), chromedp.Flag("proxy-server", nowhere.URL()))
	allocator, closeAllocator := chromedp.NewExecAllocator(p.lifetime, options...)
	defer closeAllocator()

	// chromedp's log lines may contain what a page shows (R40).
	silent := func(string, ...any) {}
	tabs, closeTabs := chromedp.NewContext(allocator, chromedp.WithLogf(silent), chromedp.WithErrorf(silent))
	p.tabs = tabs
	var helpers sync.WaitGroup

	if p.startErr = p.start(path); p.startErr != nil {
		p.kill(p.startErr)
		close(p.started)
	} else {
		log := p.opts.Logger.With("pid", command.Process.Pid)
		log.Info("browser started", "version", p.agent.product)
		panics.GoIn(&helpers, func() { p.weigh(command.Process.Pid) }, func(e *panics.Error) { p.kill(e) })
		close(p.started)
		p.watch()
		p.kill(errExited)
		log.Info("browser stopped", "reason", context.Cause(p.lifetime))
	}

	helpers.Wait()
	closeTabs() // returns when the process has ended; where it died by itself, it has left children
	if command != nil && command.Process != nil {
		_ = killGroup(command.Process.Pid)
	}
}

// allocatorOptions says how to start the browser. Its command, and what is to be called when
// it has ended, are set when it starts.
func (p *process) allocatorOptions(profile, path string, command **exec.Cmd, endMessages *func()) []chromedp.ExecAllocatorOption {
	return append(flags(p.opts.Visible),
		chromedp.ExecPath(path),
		chromedp.UserDataDir(profile),
		chromedp.NoInheritEnv,
		chromedp.Env("HOME="+profile, "TMPDIR="+profile),
		chromedp.Env(p.opts.Env...),
		chromedp.ModifyCmdFunc(func(cmd *exec.Cmd) {
			cmd.SysProcAttr = processAttributes()
			cmd.Cancel = func() error { // in a goroutine of os/exec
				return panics.Catch(func() error { return killGroup(cmd.Process.Pid) })
			}
			*command = cmd
			end, err := limitMessages(cmd, func(e *panics.Error) { p.kill(e) })
			if err != nil {
				p.kill(fmt.Errorf("%w: %w", err, pims.ErrBrowserUnavailable))
				return
			}
			*endMessages = end
		}),
	)
}

// start starts the browser and reads its version.
func (p *process) start(path string) error {
	timer := panics.AfterFunc(startTimeout, func() { p.kill(errHung) }, func(e *panics.Error) { p.kill(e) })
	defer timer.Stop()
	version, err := chromedp.CallBrowser(p.tabs, browser.GetVersion, cdp.Empty{})
	if err == nil {
		p.agent = newAgent(version)
		return nil
	}
	if cause := context.Cause(p.lifetime); cause != nil {
		err = cause
	}
	if errors.Is(err, pims.ErrBrowserUnavailable) {
		return err
	}
	return fmt.Errorf("start %s: %s: %w", path, oneLine(err), pims.ErrBrowserUnavailable)
}

// watch returns when the browser has ended or must end. A browser that responds to nothing
// within HangTimeout must end.
func (p *process) watch() {
	ticker := time.NewTicker(p.opts.HangTimeout / 2)
	defer ticker.Stop()
	for {
		select {
		case <-p.tabs.Done():
			return
		case <-ticker.C:
		}
		ctx, cancel := context.WithTimeout(p.tabs, p.opts.HangTimeout)
		_, err := chromedp.CallBrowser(ctx, browser.GetVersion, cdp.Empty{})
		cancel()
		if err != nil {
			p.kill(errHung)
			return
		}
	}
}

// bypassNothing makes a browser use its proxy for loopback, too.
const bypassNothing = "<-loopback>"

// flags makes the browser quiet: it contacts only the page's hosts, and these only through
// the login's proxy (R36).
func flags(visible bool) []chromedp.ExecAllocatorOption {
	options := []chromedp.ExecAllocatorOption{
		chromedp.NoFirstRun,
		chromedp.NoDefaultBrowserCheck,
		chromedp.Flag("blink-settings", "imagesEnabled=false"),
		chromedp.Flag("lang", "en-US"),
		chromedp.Flag("password-store", "basic"),
		chromedp.Flag("use-mock-keychain", true),
		chromedp.Flag("metrics-recording-only", true),
		chromedp.Flag("no-pings", true),
		chromedp.Flag("block-new-web-contents", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-backgrounding-occluded-windows", true),
		chromedp.Flag("disable-background-timer-throttling", true),
		chromedp.Flag("disable-breakpad", true),
		chromedp.Flag("disable-client-side-phishing-detection", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-crash-reporter", true),
		chromedp.Flag("disable-default-apps", true),
		chromedp.Flag("disable-dev-shm-usage", true), // /dev/shm is small in containers
		chromedp.Flag("disable-domain-reliability", true),
		chromedp.Flag("disable-extensions", true),
		chromedp.Flag("disable-features", "AutofillServerCommunication,HttpsUpgrades,MediaRouter,OptimizationHints,Translate"),
		chromedp.Flag("proxy-bypass-list", bypassNothing),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"), // the proxy resolves names
		chromedp.Flag("force-webrtc-ip-handling-policy", "disable_non_proxied_udp"),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-remote-fonts", true),
		chromedp.Flag("disable-renderer-backgrounding", true),
		chromedp.Flag("disable-sync", true),
	}
	if !visible {
		options = append(options, chromedp.Headless, chromedp.Flag("disable-gpu", true))
	}
	if !Sandboxed() {
		options = append(options, chromedp.NoSandbox)
	}
	return options
}

// Sandboxed reports whether the browser's processes are confined. Chromium refuses to run
// as root with its sandbox.
func Sandboxed() bool { return os.Geteuid() != 0 }

// killGroup kills a browser with all of its children, even where it is stopped.
func killGroup(pid int) error {
	if err := syscall.Kill(-pid, syscall.SIGKILL); !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return os.ErrProcessDone
}

// oneLine turns the last output of a browser into a text for an error. Such a browser has
// not loaded any page.
func oneLine(err error) string {
	const limit = 300
	text := strings.Join(strings.Fields(err.Error()), " ")
	if len(text) > limit {
		text = text[:limit] + "…"
	}
	return strings.ToValidUTF8(text, "")
}
