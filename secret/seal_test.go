// Sealed values: for one place only, every byte authenticated, under several keys.

package secret_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"hostaway-mcp/secret"
)

func ring(t *testing.T, keys ...string) *secret.Keyring {
	t.Helper()
	k, err := secret.ParseKeyring(strings.Join(keys, ","))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

var (
	ref   = secret.Ref{Org: "org_1", Purpose: "hostaway-secret", Record: "con_9"}
	plain = []byte("the account's secret")
)

func seal(t *testing.T, k *secret.Keyring) []byte {
	t.Helper()
	envelope, err := k.Seal(ref, plain)
	if err != nil {
		t.Fatal(err)
	}
	return envelope
}

func TestSealedOpensForItsOwnRefOnly(t *testing.T) {
	t.Parallel()
	k := ring(t, secret.GenerateKey().Reveal())
	envelope := seal(t, k)
	if got, err := k.Open(ref, envelope); err != nil || !bytes.Equal(got, plain) {
		t.Fatalf("Open() = %q, %v", got, err)
	}
	if bytes.Contains(envelope, plain) {
		t.Error("the envelope shows the value")
	}
	if again := seal(t, k); bytes.Equal(again, envelope) {
		t.Error("the same value sealed twice gives the same envelope")
	}
	for _, other := range []secret.Ref{
		{Org: "org_2", Purpose: "hostaway-secret", Record: "con_9"},
		{Org: "org_1", Purpose: "hostaway-token", Record: "con_9"},
		{Org: "org_1", Purpose: "hostaway-secret", Record: "con_8"},
		{Org: "org_1h", Purpose: "ostaway-secret", Record: "con_9"}, // the same letters, cut elsewhere
	} {
		if _, err := k.Open(other, envelope); !errors.Is(err, secret.ErrOpen) {
			t.Errorf("Open(%v) = %v, want ErrOpen", other, err)
		}
	}
}

func TestEveryByteOfAnEnvelopeCounts(t *testing.T) {
	t.Parallel()
	k := ring(t, secret.GenerateKey().Reveal())
	envelope := seal(t, k)
	for i := range envelope {
		changed := bytes.Clone(envelope)
		changed[i] ^= 1
		if _, err := k.Open(ref, changed); err == nil {
			t.Errorf("byte %d changed, and it still opens", i)
		}
	}
	for n := range len(envelope) {
		if _, err := k.Open(ref, envelope[:n]); err == nil {
			t.Errorf("cut to %d bytes, and it still opens", n)
		}
	}
	if _, err := k.Open(ref, []byte("short")); !errors.Is(err, secret.ErrFormat) {
		t.Errorf("Open(short) = %v, want ErrFormat", err)
	}
}

func TestIncompleteRefIsRefused(t *testing.T) {
	t.Parallel()
	k := ring(t, secret.GenerateKey().Reveal())
	for _, r := range []secret.Ref{{}, {Org: "o", Purpose: "p"}, {Org: "o", Record: "r"}, {Purpose: "p", Record: "r"}} {
		if _, err := k.Seal(r, plain); err == nil {
			t.Errorf("Seal(%+v) went well", r)
		}
	}
	if _, err := k.Open(secret.Ref{}, seal(t, k)); err == nil {
		t.Error("Open without a ref went well")
	}
}

func TestKeyringRotates(t *testing.T) {
	t.Parallel()
	oldKey, newKey := secret.GenerateKey().Reveal(), secret.GenerateKey().Reveal()
	before := ring(t, oldKey)
	envelope := seal(t, before)
	both := ring(t, newKey, oldKey)
	if got, err := both.Open(ref, envelope); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("with the new key in front: %q, %v", got, err)
	}
	id := before.PrimaryID()
	if !slices.Equal(both.IDs(), []string{both.PrimaryID(), id}) {
		t.Errorf("ids %v", both.IDs())
	}
	if !bytes.HasPrefix(envelope, before.PrimaryPrefix()) || bytes.HasPrefix(envelope, both.PrimaryPrefix()) {
		t.Error("PrimaryPrefix does not tell the envelopes apart")
	}
	var unknown *secret.UnknownKeyError
	if _, err := ring(t, newKey).Open(ref, envelope); !errors.As(err, &unknown) || unknown.ID != id || !strings.Contains(err.Error(), id) {
		t.Errorf("without the old key: %v, want UnknownKeyError for %s", err, id)
	}
}

func TestParseKeyring(t *testing.T) {
	t.Parallel()
	a, b := secret.GenerateKey().Reveal(), secret.GenerateKey().Reveal()
	zeros := base64.StdEncoding.EncodeToString(make([]byte, 32))
	for name, c := range map[string]struct {
		in   string
		keys int
		says string
	}{
		"one":            {a, 1, ""},
		"commas":         {a + "," + b, 2, ""},
		"lines":          {a + "\r\n" + b + "\n", 2, ""},
		"spaces":         {"  " + a + " , " + b + " ", 2, ""},
		"nothing":        {" \n ", 0, "none given"},
		"the same twice": {a + "," + a, 0, "twice"},
		"short":          {"c2hvcnQ=", 0, "32 bytes"},
		"not base64":     {a + ",%%%" + b, 0, "key 2"},
		"zeros":          {zeros, 0, "zeros"},
	} {
		k, err := secret.ParseKeyring(c.in)
		if c.says != "" {
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: error %v, want one with %q", name, err, c.says)
			} else if strings.Contains(err.Error(), a) || strings.Contains(err.Error(), b) {
				t.Errorf("%s: the error shows a key: %v", name, err)
			}
			continue
		}
		if err != nil || len(k.IDs()) != c.keys {
			t.Errorf("%s: %v, %v", name, k, err)
		}
	}
	if s := fmt.Sprintf("%v %+v %#v", ring(t, a), ring(t, a), ring(t, a)); strings.Contains(s, a) || strings.Contains(s, "key:") {
		t.Errorf("a keyring shows its keys: %s", s)
	}
}

func BenchmarkSeal(b *testing.B) {
	k, err := secret.ParseKeyring(secret.GenerateKey().Reveal())
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := k.Seal(ref, plain); err != nil {
			b.Fatal(err)
		}
	}
}
