package store_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

// keyFile is a keyring that another process may rewrite.
type keyFile struct {
	mu   sync.Mutex
	text string
}

func (k *keyFile) set(text string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.text = text
}

func (k *keyFile) read(context.Context, bool) (*secret.Keyring, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.text == "" {
		return nil, errors.New("no such file")
	}
	return secret.ParseKeyring(k.text)
}

// One process puts a new key first and seals everything anew while another
// goes on: that one opens what is sealed anew, and seals with the new key too.
func TestKeysRotateBesideARunningStore(t *testing.T) {
	t.Parallel()
	ctx, path := t.Context(), filepath.Join(t.TempDir(), "x.db")
	old, fresh := secret.GenerateKey().Reveal(), secret.GenerateKey().Reveal()
	file := &keyFile{text: old}
	withFile := func(c *store.Config) { c.Path, c.Keyring = path, file.read }
	running := storetest.Open(t, withFile)
	f, other := storetest.Org(t, running, "Alpha"), storetest.Org(t, running, "Bravo")
	storetest.Connect(t, f.Org, 1, "sealed before")

	file.set(fresh + "\n" + old)
	rotating := storetest.Open(t, withFile)
	if done, left, err := rotating.Reseal(ctx, 10); done != 1 || left != 0 || err != nil {
		t.Fatalf("%d %d %v", done, left, err)
	}
	if c, err := f.Org.Credentials(ctx); err != nil || c.Secret.Reveal() != "sealed before" {
		t.Errorf("what was sealed anew does not open: %v", err)
	}
	storetest.Connect(t, other.Org, 2, "sealed after")
	by, err := running.SealedBy(ctx)
	if err != nil || len(by) != 1 {
		t.Errorf("sealed by %v, %v", by, err)
	}

	// Without the file, or with one that lacks our key, it goes on as before.
	for _, text := range []string{"", secret.GenerateKey().Reveal()} {
		file.set(text)
		if _, err := other.Org.Connect(ctx, other.By(), store.NewConnection{AccountID: 2, Secret: secret.New("later")}); err != nil {
			t.Errorf("sealing without the file: %v", err)
		}
		if c, err := other.Org.Credentials(ctx); err != nil || c.Secret.Reveal() != "later" {
			t.Errorf("opening without the file: %v", err)
		}
	}
}

// Several processes of one person start at once with a database that is not
// there yet.
func TestOpeningANewDatabaseAtOnce(t *testing.T) {
	t.Parallel()
	path, ring := filepath.Join(t.TempDir(), "x.db"), storetest.Keyring(t, 1)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			st, err := store.Open(t.Context(), store.Config{Path: path, Keyring: storetest.Fixed(ring), PasswordCost: storetest.CheapPasswords})
			if err != nil {
				t.Error(err)
				return
			}
			if err := st.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}
