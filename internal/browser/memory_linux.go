package browser

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// A fat is a process of a browser that needs too much memory.
type fat struct {
	pid      int
	renderer bool // it shows one login's page, and nothing of others'
}

// fatIn finds a process of a group that has more than limit bytes of memory of its own.
func fatIn(group int, limit int64) (fat, bool) {
	names, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return fat{}, false
	}
	for _, name := range names {
		pid, err := strconv.Atoi(filepath.Base(name))
		if err != nil {
			continue
		}
		if of, err := syscall.Getpgid(pid); err != nil || of != group || ownMemory(name) <= limit {
			continue
		}
		command, err := os.ReadFile(name + "/cmdline")
		return fat{pid: pid, renderer: err == nil && bytes.Contains(command, []byte("--type=renderer"))}, true
	}
	return fat{}, false
}

// ownMemory returns the resident memory of a process that is no file's, in bytes; 0 where it
// has ended.
func ownMemory(process string) int64 {
	statm, err := os.ReadFile(process + "/statm")
	if err != nil {
		return 0
	}
	var size, resident, shared int64
	if _, err := fmt.Fscan(strings.NewReader(string(statm)), &size, &resident, &shared); err != nil {
		return 0
	}
	return (resident - shared) * int64(os.Getpagesize())
}
