//go:build unix && !linux

package browser

import "syscall"

// processAttributes makes the browser the leader of its own process group, so that it can
// be killed with its children. When our process dies, the browser ends by itself, because
// its command pipe closes.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
