package embedded

import (
	"os/exec"
	"runtime"
)

// process is a running child that the system interrupts when we are gone.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended, after err is set
	err  error         // of exec.Cmd.Wait
}

// startProcess starts cmd as a process that does not outlive this one.
func startProcess(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// Linux signals the child when the thread that made it ends, so that
		// thread has to stay with this goroutine until the child has ended.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.done)
		release, err := startBound(cmd)
		started <- err
		if err == nil {
			p.err = cmd.Wait()
			release()
		}
	}()
	return p, <-started
}

// pid is the number of the process.
func (p *process) pid() int { return p.cmd.Process.Pid }
