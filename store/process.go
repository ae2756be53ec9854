// What is set once for the whole process, before the first store is opened: how
// SQLite locks its files, and how it waits for the disk.

package store

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
)

// PrepareProcess sets two things up, each where the system can, and changes
// nothing elsewhere. Call it before the first Open.
//
// Files are locked by open file description: the ordinary locks of POSIX vanish
// as soon as anything in the process closes the database file. And a commit
// waits with fdatasync, which keeps all that fsync keeps but a file's times, and
// takes half as long on a journaling file system.
func PrepareProcess() error {
	_, err := sqlite.OFDLocking(true)
	if err != nil && !errors.Is(err, sqlite.ErrOFDLockingUnavailable) && !errors.Is(err, sqlite.ErrOFDLockingTooLate) {
		return fmt.Errorf("set up file locks: %w", err)
	}
	if _, err := sqlite.Fdatasync(true); err != nil && !errors.Is(err, sqlite.ErrFdatasyncUnavailable) {
		return fmt.Errorf("set up fdatasync: %w", err)
	}
	return nil
}
