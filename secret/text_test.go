// A secret that is printed in every way that Go knows.

package secret_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"hostaway-mcp/secret"
)

func TestTextNeverShowsItself(t *testing.T) {
	t.Parallel()
	const value = "hunter2-hunter2"
	text := secret.New(value)
	type holder struct {
		T secret.Text
		P *secret.Text
	}
	h := holder{text, &text}
	asJSON, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	slog.New(slog.NewTextHandler(&all, nil)).Info("x", "secret", text, "holder", h)
	slog.New(slog.NewJSONHandler(&all, nil)).Info("x", "secret", text, "holder", h)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T"} {
		fmt.Fprintf(&all, verb+"\n", text)
		fmt.Fprintf(&all, verb+"\n", &text)
		fmt.Fprintf(&all, verb+"\n", h)
	}
	all.Write(asJSON)
	for _, leak := range []string{value, fmt.Sprintf("%x", value), fmt.Sprintf("%X", value)} {
		if strings.Contains(all.String(), leak) {
			t.Errorf("%q shows in:\n%s", leak, all.String())
		}
	}
	if !strings.Contains(all.String(), "[redacted]") {
		t.Error("nothing says [redacted]")
	}
	if got := text.Reveal(); got != value {
		t.Errorf("Reveal() = %q", got)
	}
}

func TestZeroTextIsEmpty(t *testing.T) {
	t.Parallel()
	var zero secret.Text
	asJSON, err := json.Marshal(zero)
	if got := fmt.Sprintf("%v|%s|%q|%s", zero, zero, zero, asJSON); got != `||""|""` || err != nil {
		t.Errorf("zero prints as %s (%v)", got, err)
	}
	if !zero.IsZero() || secret.New("x").IsZero() {
		t.Error("IsZero is wrong")
	}
	if plain, err := secret.New("x").MarshalText(); err != nil || string(plain) != "[redacted]" {
		t.Errorf("MarshalText() = %q, %v", plain, err)
	}
}
