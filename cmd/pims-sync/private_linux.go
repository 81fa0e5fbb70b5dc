package main

import "syscall"

// keepPrivate hides this process's environment and memory from other processes of the same
// user, among them the browser that runs the scripts of foreign pages. Only root, or a process
// that may trace others, reads them. It also means that the kernel writes no core dump.
func keepPrivate() {
	const dumpable = 4 // PR_SET_DUMPABLE
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, dumpable, 0, 0)
}
