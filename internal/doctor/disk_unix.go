//go:build linux || darwin

package doctor

import "syscall"

// freeBytes returns how many bytes this user may still write in a folder.
func freeBytes(folder string) (uint64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(folder, &s); err != nil {
		return 0, err
	}
	return s.Bavail * uint64(s.Bsize), nil //nolint:gosec // a block's size is positive
}

// writable returns an error where this user may not write in a folder. It writes nothing.
func writable(folder string) error {
	const write = 2 // W_OK
	return syscall.Access(folder, write)
}
