package browser

import "syscall"

// processAttributes make the browser the leader of a group of its own, by which it
// is killed with its children, and let the kernel kill it when we die. The latter
// goes by the thread that started it: chromedp keeps that one for as long as the
// browser runs.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
