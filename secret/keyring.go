// The keyring: several 32-byte master keys, of which the first seals and all
// open. A key's id is computed from the key, so no operator can give two keys
// one name, and a sealed value names the key that it needs.

package secret

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

const (
	keyLen   = 32
	keyIDLen = 4
)

type masterKey struct {
	id  [keyIDLen]byte
	key [keyLen]byte
}

// Keyring holds the master keys. The first seals, all of them open. It is safe
// for use by several goroutines, since nothing changes after ParseKeyring.
type Keyring struct{ keys []masterKey }

// GenerateKey returns a new master key: 32 random bytes as standard base64.
func GenerateKey() Text {
	var k [keyLen]byte
	rand.Read(k[:]) // never fails since Go 1.24
	return New(base64.StdEncoding.EncodeToString(k[:]))
}

// ParseKeyring reads base64 keys of 32 bytes, separated by commas or line
// breaks; the first one seals. It refuses an empty list, a key of another
// length, a key of zeros only and a key that stands twice. No error repeats any
// part of a key.
func ParseKeyring(s string) (*Keyring, error) {
	fields := strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == '\n' || r == '\r' })
	ring := &Keyring{}
	for _, field := range fields {
		field = strings.TrimSpace(field)
		if field == "" {
			continue
		}
		mk, err := parseKey(field)
		if err != nil {
			return nil, fmt.Errorf("read master key %d: %w", len(ring.keys)+1, err)
		}
		if ring.find(mk.id) != nil {
			return nil, fmt.Errorf("read master key %d: it stands twice in the list; remove one", len(ring.keys)+1)
		}
		ring.keys = append(ring.keys, mk)
	}
	if len(ring.keys) == 0 {
		return nil, errors.New("read master keys: none given; make one with: openssl rand -base64 32")
	}
	return ring, nil
}

func parseKey(field string) (masterKey, error) {
	var mk masterKey
	raw, err := base64.StdEncoding.DecodeString(field)
	if err != nil || len(raw) != keyLen {
		return mk, errors.New("it must be 32 bytes in base64; make one with: openssl rand -base64 32")
	}
	copy(mk.key[:], raw)
	clear(raw)
	if mk.key == [keyLen]byte{} {
		return mk, errors.New("it is all zeros; make one with: openssl rand -base64 32")
	}
	id, err := hkdf.Key(sha256.New, mk.key[:], nil, "hostaway-mcp/v1/key-id", keyIDLen)
	if err != nil {
		return mk, fmt.Errorf("derive its id: %w", err)
	}
	copy(mk.id[:], id)
	return mk, nil
}

// PrimaryID is the id of the key that seals: 8 hex digits.
func (k *Keyring) PrimaryID() string { return hex.EncodeToString(k.keys[0].id[:]) }

// IDs lists the ids of all keys, the sealing one first.
func (k *Keyring) IDs() []string {
	ids := make([]string, len(k.keys))
	for i := range k.keys {
		ids[i] = hex.EncodeToString(k.keys[i].id[:])
	}
	return ids
}

// String names the keys and shows none of them.
func (k *Keyring) String() string { return "keyring " + strings.Join(k.IDs(), ",") }

// GoString keeps %#v from showing the keys.
func (k *Keyring) GoString() string { return k.String() }

func (k *Keyring) find(id [keyIDLen]byte) *masterKey {
	for i := range k.keys {
		if k.keys[i].id == id {
			return &k.keys[i]
		}
	}
	return nil
}
