package browser

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/pims-sync/pims-sync/internal/browser/proxy"
	"github.com/pims-sync/pims-sync/internal/pims"
)

// What a login page may use up. A login page of the largest kind needs a tenth of each.
const (
	maxMemory   = 512 << 20 // bytes of one process
	maxRequests = 5000
	maxDialogs  = 50
	maxSaid     = 4000    // bytes that are kept of a dialog
	maxCookies  = 1 << 20 // bytes of Set-Cookie lines

	// weighEvery is how often the processes' memory is looked at during logins.
	weighEvery = 100 * time.Millisecond
)

// hostile is the error of a login whose page uses up more than a login page needs.
func hostile(what string, arguments ...any) error {
	return fmt.Errorf("%w: %s; no login page needs that", pims.ErrLoginFormChanged, fmt.Sprintf(what, arguments...))
}

var (
	errFat      = hostile("it needs more than %d MiB of memory", maxMemory>>20)
	errFlood    = hostile("it makes more than %d requests", maxRequests)
	errDialogs  = hostile("it opens more than %d dialogs", maxDialogs)
	errTooLarge = hostile("%s", proxy.ErrTooMuch)
)

// weigh ends a process that needs too much memory while a login runs: a page's process alone,
// because other logins do not share it; with any other one the whole browser.
func (p *process) weigh(group int) {
	ticker := time.NewTicker(weighEvery)
	defer ticker.Stop()
	for {
		select {
		case <-p.lifetime.Done():
			return
		case <-ticker.C:
		}
		if p.visits.Load() == 0 {
			continue
		}
		found, ok := fatIn(group, maxMemory)
		switch {
		case !ok:
		case found.renderer:
			p.fattened.Store(time.Now().UnixNano())
			p.opts.Logger.Warn("a login page was ended", "reason", errFat)
			_ = syscall.Kill(found.pid, syscall.SIGKILL)
		default:
			p.kill(errors.New("it needs too much memory"))
			return
		}
	}
}

// crashed is why a page's process ended.
func (p *process) crashed() error {
	const soon = 5 * time.Second
	if at := p.fattened.Load(); at != 0 && time.Since(time.Unix(0, at)) < soon {
		return errFat
	}
	return errCrashed
}
