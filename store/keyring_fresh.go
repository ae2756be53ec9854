// A keyring that keeps up: another process may put a new master key first and
// seal with it (rotate-key), while this one goes on working.

package store

import (
	"errors"
	"log/slog"
	"slices"
	"sync"

	"hostaway-mcp/secret"
)

// freshRing is a keyring that is read anew when an envelope names a key that it
// lacks, and before anything is sealed: what is sealed with an old key after
// everything was sealed anew would need the old key for ever. Both are rare.
type freshRing struct {
	ask func() (*secret.Keyring, error)
	log *slog.Logger

	mu   sync.Mutex
	ring *secret.Keyring
}

func newFreshRing(ring *secret.Keyring, ask func() (*secret.Keyring, error), log *slog.Logger) *freshRing {
	return &freshRing{ask: ask, log: log, ring: ring}
}

func (f *freshRing) current() *secret.Keyring {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ring
}

// renewed asks for the keyring again. An answer that lacks a key of ours is not
// taken: something may be sealed with it.
func (f *freshRing) renewed() *secret.Keyring {
	f.mu.Lock()
	defer f.mu.Unlock()
	ring, err := f.ask()
	if err != nil || ring == nil {
		f.log.Error("the master keys can't be read again; going on with those read at the start", "error", err)
		return f.ring
	}
	if slices.Contains(ring.IDs(), f.ring.PrimaryID()) {
		f.ring = ring
	}
	return f.ring
}

// Seal seals with the key that is first now.
func (f *freshRing) Seal(ref secret.Ref, value []byte) ([]byte, error) {
	return f.renewed().Seal(ref, value)
}

// Open opens with whichever key the envelope names.
func (f *freshRing) Open(ref secret.Ref, envelope []byte) ([]byte, error) {
	value, err := f.current().Open(ref, envelope)
	var unknown *secret.UnknownKeyError
	if errors.As(err, &unknown) {
		return f.renewed().Open(ref, envelope)
	}
	return value, err
}
