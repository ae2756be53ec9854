// The queue of those whose passwords are judged is short, and being sent away from it counts as no guess.

package store

import (
	"errors"
	"path/filepath"
	"runtime"
	"testing"

	"hostaway-mcp/secret"
)

func TestTooManyPasswordsAtOnceAreSentAway(t *testing.T) {
	t.Parallel()
	st := openInside(t, filepath.Join(t.TempDir(), "data.db"), ringOf(t, secret.GenerateKey()), locks{})
	defer closeStore(t, st)
	p := st.passwords
	for range hashesAtOnce {
		p.slots <- struct{}{} // the hashes take very long
	}
	done := make(chan error)
	for range hashesQueued + hashesAtOnce {
		go func() {
			_, err := p.hash(t.Context(), secret.New("some password or other"))
			done <- err
		}()
	}
	for !p.full() {
		select {
		case err := <-done:
			t.Fatalf("sent away before the queue was full: %v", err)
		default:
			runtime.Gosched()
		}
	}
	var busy *AttemptsError
	if _, err := p.hash(t.Context(), secret.New("one too many")); !errors.As(err, &busy) || busy.RetryAfter != hashesWait {
		t.Errorf("one too many: %v", err)
	}
	in := SignIn{Email: "ann@example.com", Password: secret.New("wrong-wrong-wrong"), IP: "192.0.2.1"}
	for range 3 * attemptsFreeNetwork {
		if _, _, err := st.SignIn(t.Context(), in); !errors.As(err, &busy) || busy.RetryAfter != hashesWait {
			t.Fatalf("sign in meanwhile: %v", err)
		}
	}
	for range hashesAtOnce {
		<-p.slots
	}
	for range hashesQueued + hashesAtOnce {
		if err := <-done; err != nil {
			t.Errorf("one who waited: %v", err)
		}
	}
	if _, _, err := st.SignIn(t.Context(), in); !errors.Is(err, ErrWrongPassword) {
		t.Errorf("sign in afterwards: %v, want it judged", err)
	}
}
