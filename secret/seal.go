// Sealing: one value, for one org, one purpose and one record.
//
// The envelope is version (1 byte), key id (4), nonce (24, random), box (the
// value + 16). nacl/secretbox has no associated data, so what must be bound to
// the value is bound to the box's key instead: it is derived (HKDF-SHA256) from
// the master key with the header as salt and org, purpose and record, each with
// its length before it, as info. A box copied to another org, column or row
// does not open.

package secret

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"

	"golang.org/x/crypto/nacl/secretbox"
)

const (
	version     = 1
	headerLen   = 1 + keyIDLen
	nonceLen    = 24
	envelopeMin = headerLen + nonceLen + secretbox.Overhead
)

var (
	// ErrFormat means that the bytes are no envelope of a version we know.
	ErrFormat = errors.New("not a sealed value")
	// ErrOpen means that the box does not open: it belongs to another org,
	// purpose or record, or somebody changed it. Which of these is not said.
	ErrOpen = errors.New("the sealed value does not open")
)

// UnknownKeyError means that the value was sealed with a key that the keyring
// lacks. ID is the missing key's id, 8 hex digits.
type UnknownKeyError struct{ ID string }

func (e *UnknownKeyError) Error() string {
	return fmt.Sprintf("the keyring lacks master key %s; put that key back into the list", e.ID)
}

// Ref says what a secret is. All three are required and must never change for
// the record: ids, not names.
type Ref struct{ Org, Purpose, Record string }

func (r Ref) info() (string, error) {
	if r.Org == "" || r.Purpose == "" || r.Record == "" {
		return "", errors.New("seal: org, purpose and record are required")
	}
	info := []byte("hostaway-mcp/v1/seal")
	for _, part := range []string{r.Org, r.Purpose, r.Record} {
		info = binary.BigEndian.AppendUint32(info, uint32(len(part)))
		info = append(info, part...)
	}
	return string(info), nil
}

func (mk *masterKey) derive(ref Ref) (*[32]byte, error) {
	info, err := ref.info()
	if err != nil {
		return nil, err
	}
	salt := append([]byte{version}, mk.id[:]...)
	raw, err := hkdf.Key(sha256.New, mk.key[:], salt, info, 32)
	if err != nil {
		return nil, fmt.Errorf("derive the box key: %w", err)
	}
	box := [32]byte(raw)
	clear(raw)
	return &box, nil
}

// Seal encloses value for ref with the first key of the ring.
func (k *Keyring) Seal(ref Ref, value []byte) ([]byte, error) {
	mk := &k.keys[0]
	box, err := mk.derive(ref)
	if err != nil {
		return nil, err
	}
	defer clear(box[:])
	var nonce [nonceLen]byte
	rand.Read(nonce[:])
	out := make([]byte, 0, envelopeMin+len(value))
	out = append(out, version)
	out = append(out, mk.id[:]...)
	out = append(out, nonce[:]...)
	return secretbox.Seal(out, value, &nonce, box), nil
}

// Open returns the value of an envelope that was sealed for exactly this ref.
// Errors: ErrFormat, ErrOpen, *UnknownKeyError.
func (k *Keyring) Open(ref Ref, envelope []byte) ([]byte, error) {
	id, err := envelopeKey(envelope)
	if err != nil {
		return nil, err
	}
	mk := k.find(id)
	if mk == nil {
		return nil, &UnknownKeyError{ID: hex.EncodeToString(id[:])}
	}
	box, err := mk.derive(ref)
	if err != nil {
		return nil, err
	}
	defer clear(box[:])
	nonce := [nonceLen]byte(envelope[headerLen:])
	value, ok := secretbox.Open(nil, envelope[headerLen+nonceLen:], &nonce, box)
	if !ok {
		return nil, ErrOpen
	}
	return value, nil
}

// PrimaryPrefix is how every envelope begins that the first key sealed: version
// and key id. It lets a query find the others.
func (k *Keyring) PrimaryPrefix() []byte {
	return append([]byte{version}, k.keys[0].id[:]...)
}

func envelopeKey(envelope []byte) (id [keyIDLen]byte, err error) {
	if len(envelope) < envelopeMin || envelope[0] != version {
		return id, ErrFormat
	}
	return [keyIDLen]byte(envelope[1:headerLen]), nil
}
