//go:build unix && !linux

package browser

import "syscall"

// processAttributes make the browser the leader of a group of its own, by which it
// is killed with its children. When we die it ends by itself, because its command
// pipe ends.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
