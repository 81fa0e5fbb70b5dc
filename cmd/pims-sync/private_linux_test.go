package main

import (
	"bufio"
	"fmt"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// The browser's user can be the service's own. The service's secrets are then still its own.
func TestAProcessOfTheSameUserReadsNoSecretOfOurs(t *testing.T) {
	t.Parallel()
	for name, a := range accounts(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if a.credential == nil && name == "root" {
				return // root reads everything
			}
			process := a.command("neosim", "--listen", "127.0.0.1:0")
			process.Env = append(process.Env, "ENCRYPTION_KEY=a key that nobody else may read")
			out, err := process.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, process.Start())
			t.Cleanup(func() {
				_ = process.Process.Kill()
				_ = process.Wait()
			})
			_, err = bufio.NewReader(out).ReadString('\n') // it runs
			require.NoError(t, err)
			for file, refused := range map[string]bool{"environ": true, "mem": true, "status": false} {
				read := exec.Command("head", "-c1", fmt.Sprintf("/proc/%d/%s", process.Process.Pid, file))
				read.SysProcAttr = &syscall.SysProcAttr{Credential: a.credential}
				said, err := read.CombinedOutput()
				if !refused {
					require.NoError(t, err, "%s", said)
					continue
				}
				require.Error(t, err, file)
				require.Contains(t, string(said), "Permission denied", file)
			}
		})
	}
}
