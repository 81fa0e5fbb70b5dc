package embedded

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"runtime"

	"github.com/pims-sync/pims-sync/internal/panics"
)

// errExited means that a process ended with success.
var errExited = errors.New("exit status 0")

// errUnknown means that the end of a process was not observed.
var errUnknown = errors.New("how it ended is not known")

// process is a running child that the system interrupts when our process ends.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended, after err is set
	err  error         // how it ended, never nil then
}

// startProcess starts cmd as a process that does not outlive this one.
func startProcess(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error, 2)
	panics.Go(func() {
		// Linux signals the child when the thread that started it ends, so that thread must
		// stay with this goroutine until the child has ended.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer p.ended()
		restore := heedInterrupts()
		release, err := startBound(cmd)
		restore()
		started <- err
		if err == nil {
			if p.err = cmd.Wait(); p.err == nil {
				p.err = errExited
			}
			release()
		}
	}, func(e *panics.Error) { started <- e })
	return p, <-started
}

// ended closes done. Where the end is not known, because of a panic, it says so.
func (p *process) ended() {
	if p.err == nil {
		p.err = errUnknown
	}
	close(p.done)
}

// heedInterrupts lets the children that are started before restore begin with
// SIGINT heeded. A shell script ignores it for its background commands, and
// they for their children, so a server that has not installed its handler yet
// would miss our end. An interrupt that we ignore stays without effect on us.
func heedInterrupts() (restore func()) {
	if !signal.Ignored(os.Interrupt) {
		return func() {}
	}
	unused := make(chan os.Signal, 1)
	signal.Notify(unused, os.Interrupt)
	return func() { signal.Stop(unused) }
}

// pid is the number of the process.
func (p *process) pid() int { return p.cmd.Process.Pid }
