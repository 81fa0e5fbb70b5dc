package embedded

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// openLock opens the lock file and makes it if it is missing. The lock itself
// lasts as long as any process has this open file, inherited copies included.
func openLock(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
}

// tryLock takes the lock for us alone and reports whether it got it.
func tryLock(file *os.File) (bool, error) {
	return flock(file, syscall.LOCK_EX)
}

// lockIsFree reports whether no process holds the lock.
func lockIsFree(file *os.File) (bool, error) {
	free, err := flock(file, syscall.LOCK_SH)
	if !free || err != nil {
		return false, err
	}
	return flock(file, syscall.LOCK_UN)
}

// flock does one flock operation without waiting.
func flock(file *os.File, how int) (bool, error) {
	for {
		err := syscall.Flock(int(file.Fd()), how|syscall.LOCK_NB)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, syscall.EWOULDBLOCK):
			return false, nil
		case !errors.Is(err, syscall.EINTR):
			return false, fmt.Errorf("lock %s: %w: set DATA_DIR to a local disk", file.Name(), err)
		}
	}
}
