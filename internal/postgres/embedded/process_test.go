package embedded

import (
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

//nolint:paralleltest // what a process does with a signal is one for all its tests
func TestAChildHeedsInterruptsEvenIfWeIgnoreThem(t *testing.T) {
	signal.Ignore(os.Interrupt)
	defer signal.Reset(os.Interrupt)
	cmd := exec.Command("/bin/sh", "-c", "kill -INT $$")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}

	p, err := startProcess(cmd)
	require.NoError(t, err)
	<-p.done
	require.ErrorContains(t, p.err, "signal: interrupt")
}
