// Ids, tokens and times: how they are made and how they are written down.

package store

import (
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base32"
	"math/big"
	mathrand "math/rand/v2"
	"strings"
	"sync"
	"time"

	"hostaway-mcp/secret"
)

// idAlphabet sorts like the numbers it writes.
const idAlphabet = "0123456789abcdefghijklmnopqrstuv"

var idEncoding = base32.NewEncoding(idAlphabet).WithPadding(base32.NoPadding)

// newID makes an id such as key_5m2k…: 100 random bits in 20 characters.
func newID(kind string) string {
	var b [13]byte
	rand.Read(b[:])
	return kind + "_" + idEncoding.EncodeToString(b[:])[:20]
}

// risingIDs makes ids that sort by time: 10 characters of milliseconds, 4 that
// count within the millisecond, 6 random ones. A clock that is set back does not
// make them fall.
type risingIDs struct {
	mu    sync.Mutex
	milli int64
	count uint32
}

func (r *risingIDs) next(kind string, now time.Time) string {
	r.mu.Lock()
	if milli := now.UnixMilli(); milli > r.milli {
		r.milli, r.count = milli, 0
	} else if r.count++; r.count >= 1<<20 {
		r.milli, r.count = r.milli+1, 0
	}
	milli, count := uint64(r.milli), uint64(r.count)
	r.mu.Unlock()

	out := make([]byte, 0, len(kind)+21)
	out = append(append(out, kind...), '_')
	out = appendDigits(out, milli, 10)
	out = appendDigits(out, count, 4)
	return string(appendDigits(out, mathrand.Uint64(), 6))
}

// firstID sorts after every rising id from before at, and before all others.
func firstID(kind string, at time.Time) string {
	return string(appendDigits([]byte(kind+"_"), uint64(max(at.UnixMilli(), 0)), 10))
}

// appendDigits writes the low n*5 bits of v as n characters.
func appendDigits(out []byte, v uint64, n int) []byte {
	for i := n - 1; i >= 0; i-- {
		out = append(out, idAlphabet[v>>(5*i)&31])
	}
	return out
}

const (
	base62Alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	base62Width    = 43 // 62^43 > 2^256
)

// newToken makes a secret: the prefix and 32 random bytes in 43 characters of
// base62.
func newToken(prefix string) secret.Text {
	var raw [32]byte
	rand.Read(raw[:])
	n, base, digit := new(big.Int).SetBytes(raw[:]), big.NewInt(62), new(big.Int)
	var out [base62Width]byte
	for i := base62Width - 1; i >= 0; i-- {
		n.DivMod(n, base, digit)
		out[i] = base62Alphabet[digit.Int64()]
	}
	return secret.New(prefix + string(out[:]))
}

// hashToken is what is stored of a token: its SHA-256. Nothing more is needed
// for 256 random bits, and a look-up by hash tells nothing by its duration.
// ok is false when the text can't be a token of ours.
func hashToken(prefix string, token secret.Text) (hash []byte, ok bool) {
	text := token.Reveal()
	if len(text) != len(prefix)+base62Width || !strings.HasPrefix(text, prefix) {
		return nil, false
	}
	sum := sha256.Sum256([]byte(text))
	return sum[:], true
}

// last4 is what a mask shows of a secret. A short secret shows nothing.
func last4(t secret.Text) string {
	if r := []rune(t.Reveal()); len(r) >= 12 {
		return string(r[len(r)-4:])
	}
	return ""
}

// Times are stored as milliseconds since 1970 and returned in UTC.
func fromMilli(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

func fromNullMilli(ms sql.NullInt64) *time.Time {
	if !ms.Valid {
		return nil
	}
	t := fromMilli(ms.Int64)
	return &t
}

// milliOrNull writes the zero time as NULL.
func milliOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMilli()
}
