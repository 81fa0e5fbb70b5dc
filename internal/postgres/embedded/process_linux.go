package embedded

import (
	"os/exec"
	"syscall"
)

// startBound starts cmd so that the kernel sends it SIGINT, PostgreSQL's fast
// shutdown, when the calling thread ends. release has to be called when it has
// ended.
func startBound(cmd *exec.Cmd) (release func(), err error) {
	cmd.SysProcAttr.Pdeathsig = syscall.SIGINT
	return func() {}, cmd.Start()
}
