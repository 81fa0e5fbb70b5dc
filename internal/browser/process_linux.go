package browser

import "syscall"

// processAttributes makes the browser the leader of its own process group, so that it can
// be killed with its children, and lets the kernel kill it when our process dies. The
// kernel does so when the thread that started the browser ends; chromedp keeps that thread
// as long as the browser runs.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
