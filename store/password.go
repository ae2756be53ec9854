// Passwords: argon2id in the PHC string format, so that each hash says what it
// cost and an older one can be renewed at the next sign-in.

package store

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"hostaway-mcp/secret"
)

// PasswordCost is what one argon2id hash costs: memory in KiB, passes over it,
// lanes. The zero value is the cost for production (64 MiB, 2 passes, 1 lane;
// RFC 9106 and OWASP's password storage sheet, 2024, both below it).
type PasswordCost struct {
	MemoryKiB uint32
	Passes    uint32
	Threads   uint8
}

const (
	passwordMin  = 12  // characters
	passwordMax  = 256 // bytes
	hashesAtOnce = 2   // bounds the memory: 2 x 64 MiB
	hashesQueued = 32  // wait for one of these; more are sent away
	hashesWait   = 2 * time.Second
	saltLen      = 16
	hashLen      = 32
)

//go:embed common_passwords.txt
var commonPasswords string

type passwords struct {
	cost   PasswordCost
	slots  chan struct{}
	queued chan struct{} // those who hash and those who wait to
}

func newPasswords(cost PasswordCost) *passwords {
	if cost == (PasswordCost{}) {
		cost = PasswordCost{MemoryKiB: 64 << 10, Passes: 2, Threads: 1}
	}
	return &passwords{cost: cost, slots: make(chan struct{}, hashesAtOnce), queued: make(chan struct{}, hashesAtOnce+hashesQueued)}
}

// full says whether one more caller would be sent away.
func (p *passwords) full() bool { return len(p.queued) == cap(p.queued) }

// newPassword checks a chosen password and hashes it. Error: *InputError.
func (s *Store) newPassword(ctx context.Context, email string, password secret.Text) (string, error) {
	text := password.Reveal()
	switch {
	case utf8.RuneCountInString(text) < passwordMin:
		return "", &InputError{"password", fmt.Sprintf("it must have at least %d characters; a few words in a row do well", passwordMin)}
	case len(text) > passwordMax:
		return "", &InputError{"password", fmt.Sprintf("it must not be longer than %d bytes", passwordMax)}
	case isCommon(text, email):
		return "", &InputError{"password", "it is too easy to guess; a few words in a row do well"}
	}
	return s.passwords.hash(ctx, password)
}

// isCommon: on the list, one character over and over, or the address itself.
func isCommon(text, email string) bool {
	text = strings.ToLower(text)
	if strings.Trim(text, text[:1]) == "" || text == email {
		return true
	}
	for line := range strings.Lines(commonPasswords) {
		if strings.TrimSpace(line) == text {
			return true
		}
	}
	return false
}

// derive runs argon2id. At most hashesAtOnce run at a time, hashesQueued wait,
// and a caller whose ctx ends stops waiting. Error: *AttemptsError when more come.
func (p *passwords) derive(ctx context.Context, password secret.Text, salt []byte, c PasswordCost) ([]byte, error) {
	select {
	case p.queued <- struct{}{}:
	default:
		return nil, &AttemptsError{RetryAfter: hashesWait}
	}
	defer func() { <-p.queued }()
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-p.slots }()
	return argon2.IDKey([]byte(password.Reveal()), salt, c.Passes, c.MemoryKiB, c.Threads, hashLen), nil
}

func (p *passwords) hash(ctx context.Context, password secret.Text) (string, error) {
	var salt [saltLen]byte
	rand.Read(salt[:])
	sum, err := p.derive(ctx, password, salt[:], p.cost)
	if err != nil {
		return "", err
	}
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		p.cost.MemoryKiB, p.cost.Passes, p.cost.Threads, b64.EncodeToString(salt[:]), b64.EncodeToString(sum)), nil
}

// verify says whether the password belongs to the PHC string, and whether that
// was made at another cost than today's. An empty string belongs to nobody and
// costs the same time.
func (p *passwords) verify(ctx context.Context, password secret.Text, phc string) (ok, renew bool, err error) {
	if phc == "" {
		_, err := p.derive(ctx, password, make([]byte, saltLen), p.cost)
		return false, false, err
	}
	cost, salt, want, err := parsePHC(phc)
	if err != nil {
		return false, false, err
	}
	sum, err := p.derive(ctx, password, salt, cost)
	if err != nil {
		return false, false, err
	}
	return subtle.ConstantTimeCompare(sum, want) == 1, cost != p.cost, nil
}

func parsePHC(phc string) (c PasswordCost, salt, sum []byte, err error) {
	bad := errors.New("read the password's hash: not an argon2id string")
	parts := strings.Split(phc, "$")
	if len(parts) != 6 || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return c, nil, nil, bad
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.MemoryKiB, &c.Passes, &c.Threads); err != nil {
		return c, nil, nil, bad
	}
	salt, saltErr := base64.RawStdEncoding.DecodeString(parts[4])
	sum, sumErr := base64.RawStdEncoding.DecodeString(parts[5])
	if saltErr != nil || sumErr != nil || len(sum) != hashLen || c.Passes == 0 || c.Threads == 0 {
		return c, nil, nil, bad
	}
	return c, salt, sum, nil
}
