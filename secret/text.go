// Package secret holds what must not be seen: a text that prints itself as
// [redacted], the keyring, and the sealing of single values for one org, one
// purpose and one record. It is a leaf: every room may import it.
package secret

import (
	"fmt"
	"log/slog"
)

const redacted = "[redacted]"

// Text is a secret in memory. However it is printed, logged or marshalled it
// says [redacted]; only Reveal gives the value. The zero Text is no secret at
// all and prints as the empty string.
type Text struct{ value string }

// New wraps s.
func New(s string) Text { return Text{value: s} }

// Reveal returns the secret itself. Every call is a place to review.
func (t Text) Reveal() string { return t.value }

// IsZero says that there is no secret.
func (t Text) IsZero() bool { return t.value == "" }

// String returns [redacted], or "" for the zero Text.
func (t Text) String() string {
	if t.IsZero() {
		return ""
	}
	return redacted
}

// GoString keeps %#v from showing the field.
func (t Text) GoString() string { return `secret.Text("` + t.String() + `")` }

// Format answers every verb, %x and %q included, which would otherwise reach
// the field by reflection.
func (t Text) Format(f fmt.State, verb rune) {
	text := t.String()
	switch verb {
	case 'q':
		text = `"` + text + `"`
	case 'v':
		if f.Flag('#') {
			text = t.GoString()
		}
	}
	// A failed write is the printer's to report; fmt.State has no way to.
	_, _ = f.Write([]byte(text))
}

// MarshalJSON writes "[redacted]", never the value.
func (t Text) MarshalJSON() ([]byte, error) { return []byte(`"` + t.String() + `"`), nil }

// MarshalText writes [redacted], never the value.
func (t Text) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// LogValue shows slog the same as everybody else.
func (t Text) LogValue() slog.Value { return slog.StringValue(t.String()) }
