//go:build unix && !linux

package embedded

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// startBound starts cmd together with a guard: a shell that waits for the end
// of a pipe, which comes when we are gone, and then sends cmd SIGINT,
// PostgreSQL's fast shutdown. release ends the guard and has to be called when
// cmd has ended.
func startBound(cmd *exec.Cmd) (release func(), err error) {
	theirs, ours, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, theirs.Close(), ours.Close())
	}
	guard := exec.Command("/bin/sh", "-c", `read -r _; kill -INT "$0"`, strconv.Itoa(cmd.Process.Pid))
	guard.Stdin = theirs
	guard.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // not interrupted with us
	if err := guard.Start(); err != nil {
		return nil, errors.Join(err, cmd.Process.Kill(), cmd.Wait(), theirs.Close(), ours.Close())
	}
	return func() {
		_ = guard.Process.Kill() // before the pipe ends
		_ = guard.Wait()         // killed
		_ = theirs.Close()
		_ = ours.Close()
	}, nil
}
