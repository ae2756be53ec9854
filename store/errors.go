// What can go wrong, as values that the edges translate: sentinels for the plain
// cases, types where the edge needs a figure or a field to say what to do next.

package store

import (
	"errors"
	"fmt"
	"time"
)

var (
	// ErrNotFound: no such row for this org. An id of another org and an id of
	// nobody get this same answer.
	ErrNotFound = errors.New("not found")
	// ErrConflict: the change would break a rule between rows (an address or a
	// Hostaway account that is taken, the last owner).
	ErrConflict = errors.New("conflict")
	// ErrLimit: the org has as many as it may have (five active API keys).
	ErrLimit = errors.New("limit reached")
	// ErrDiskFull: the disk took no more; nothing of the change was kept.
	ErrDiskFull = errors.New("the disk is full: free some space and try again; nothing was changed")
	// ErrDamaged: the file is no database, or no longer a whole one.
	ErrDamaged = errors.New("the database is damaged")
	// ErrExpired: a link or confirm token that was good once, too late.
	ErrExpired = errors.New("expired")
	// ErrWrongPassword: address and password do not belong together.
	ErrWrongPassword = errors.New("wrong address or password")
)

// NewerError means that a newer hostaway-mcp wrote the database. Have is the
// database's version, Want the highest that this program knows.
type NewerError struct{ Have, Want int }

func (e *NewerError) Error() string {
	return fmt.Sprintf("the database is of version %d and this program knows versions up to %d: "+
		"run the newer hostaway-mcp that wrote it, or restore a copy from before the upgrade", e.Have, e.Want)
}

// AttemptsError means too many attempts for this address or from this network,
// or too many people signing in at this moment. The next one is taken after RetryAfter.
type AttemptsError struct{ RetryAfter time.Duration }

func (e *AttemptsError) Error() string {
	return fmt.Sprintf("too many attempts: try again in %s", e.RetryAfter.Round(time.Second))
}

// InputError means that one field can't be taken as it is. Problem is a plain
// sentence for the person who typed it.
type InputError struct{ Field, Problem string }

func (e *InputError) Error() string { return e.Field + ": " + e.Problem }
