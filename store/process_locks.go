// File locks that hold: the ordinary ones of POSIX vanish as soon as anything
// in the process closes the database file.

package store

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
)

// UseProcessSafeLocks makes SQLite lock database files by open file description
// where the system can (Linux), so that another part of the program may open and
// close the file without dropping the locks. Call it before the first Open; where
// there are no such locks, or once a database is open, it changes nothing.
func UseProcessSafeLocks() error {
	_, err := sqlite.OFDLocking(true)
	if err != nil && !errors.Is(err, sqlite.ErrOFDLockingUnavailable) && !errors.Is(err, sqlite.ErrOFDLockingTooLate) {
		return fmt.Errorf("set up file locks: %w", err)
	}
	return nil
}
