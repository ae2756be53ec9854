//go:build !windows

package replica

import (
	"errors"
	"os"
	"syscall"
)

// LockFile takes the one lock of a file, or answers with ErrLocked. The lock ends
// with the process at the latest, however that ends; the file stays.
func LockFile(path string) (unlock func() error, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = ErrLocked
		}
		return nil, errors.Join(err, f.Close())
	}
	// The lock is the open file's, which a child that is just being started may
	// share for a moment: so it is given back by itself.
	return func() error { return errors.Join(syscall.Flock(int(f.Fd()), syscall.LOCK_UN), f.Close()) }, nil
}
