// The keyring of an open store: the canaries that prove at the start that the
// master keys are the right ones, and the re-sealing after a key was added.

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"hostaway-mcp/secret"
)

const canaryText = "this value opens with the right master key"

func canaryRef(keyID string) secret.Ref {
	return secret.Ref{Org: "server", Purpose: "canary", Record: keyID}
}

type canary struct {
	keyID    string
	envelope []byte
}

func scanCanary(row *sql.Rows, to *canary) error { return row.Scan(&to.keyID, &to.envelope) }

// unlock asks for the keyring and makes sure that every canary opens; then the
// first key gets a canary if it has none.
func (s *Store) unlock(ctx context.Context, keyring func(context.Context, bool) (*secret.Keyring, error)) error {
	var sealed int
	var canaries []canary
	err := s.read(ctx, func(d systemDoor) (err error) {
		if err := d.get(ctx, sysCountSealed, nil, &sealed); err != nil {
			return err
		}
		canaries, err = list(ctx, d.hands, sysCanaries, nil, scanCanary)
		return err
	})
	if err != nil {
		return fmt.Errorf("read the canaries: %w", err)
	}
	ring, err := keyring(ctx, sealed > 0)
	if err != nil {
		return fmt.Errorf("read the master keys: %w", err)
	}
	if ring == nil {
		return errors.New("read the master keys: there are none")
	}
	// The store outlives the call that opens it.
	later := context.WithoutCancel(ctx)
	s.ring = newFreshRing(ring, func() (*secret.Keyring, error) { return keyring(later, true) }, s.log)
	fresh := true
	for _, c := range canaries {
		if err := c.open(s.ring.Open, s.ring.current()); err != nil {
			return err
		}
		fresh = fresh && c.keyID != ring.PrimaryID()
	}
	if !fresh {
		return nil
	}
	return s.addCanary(ctx)
}

// open proves that ring, by its method open, has the key that the canary was sealed with.
func (c canary) open(open func(secret.Ref, []byte) ([]byte, error), ring *secret.Keyring) error {
	value, err := open(canaryRef(c.keyID), c.envelope)
	var unknown *secret.UnknownKeyError
	if errors.As(err, &unknown) {
		return fmt.Errorf("check the master keys: secrets in this database are sealed with key %s, and the given keys are %s: "+
			"add the missing key behind the others: %w", unknown.ID, ring, err)
	}
	if err == nil && string(value) != canaryText {
		err = secret.ErrOpen
	}
	if err != nil {
		return fmt.Errorf("check the master keys: the canary of key %s was changed; restore the database from a good copy: %w", c.keyID, err)
	}
	return nil
}

// ProveKeys finds out whether Open would take a database file with this keyring.
// The file may be in use, and nothing is changed. A file in which nothing was
// sealed yet opens with any key.
// Errors: fs.ErrNotExist, ErrDamaged, *NewerError, *secret.UnknownKeyError, secret.ErrOpen.
func ProveKeys(ctx context.Context, path string, ring *secret.Keyring) error {
	texts, err := migrationTexts()
	if err != nil {
		return err
	}
	err = readFile(ctx, path, func(h hands) error {
		var version int
		err := h.get(ctx, "PRAGMA user_version", nil, &version)
		switch {
		case err != nil:
			return err
		case version > len(texts):
			return &NewerError{Have: version, Want: len(texts)}
		case version == 0:
			return nil
		}
		canaries, err := list(ctx, h, sysCanaries, nil, scanCanary)
		for _, c := range canaries {
			err = errors.Join(err, c.open(ring.Open, ring))
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("prove the master keys on %s: %w", path, err)
	}
	return nil
}

func (s *Store) addCanary(ctx context.Context) error {
	ring := s.ring.current()
	id := ring.PrimaryID()
	envelope, err := ring.Seal(canaryRef(id), []byte(canaryText))
	if err == nil {
		err = s.write(ctx, func(d systemDoor) error {
			return d.exec(ctx, sysAddCanary, args{id, envelope, s.now().UnixMilli()})
		})
	}
	if err != nil {
		return fmt.Errorf("add the canary of key %s: %w", id, err)
	}
	return nil
}

// SealedBy counts the sealed values by the id of the key that sealed them. A key
// of the ring that is missing here is needed by nothing in this database; copies
// of older days may still need it.
func (s *Store) SealedBy(ctx context.Context) (by map[string]int, err error) {
	err = s.read(ctx, func(d systemDoor) (err error) {
		by, err = sealedBy(ctx, d.hands)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("count the sealed values: %w", err)
	}
	return by, nil
}

func sealedBy(ctx context.Context, h hands) (map[string]int, error) {
	type count struct {
		key string
		n   int
	}
	counts, err := list(ctx, h, sysSealedBy, nil, func(row *sql.Rows, to *count) error { return row.Scan(&to.key, &to.n) })
	by := map[string]int{}
	for _, c := range counts {
		by[c.key] = c.n
	}
	return by, err
}

// Reseal seals anew what up to batch orgs (at least 1) hold that was not sealed by
// the first key, and people's mails, and says of how many of these it did and how
// many are left. It may be broken
// off and called again at any time. When none is left, the canaries of the other
// keys go, so that those keys may be removed.
// Errors: *secret.UnknownKeyError, secret.ErrOpen.
func (s *Store) Reseal(ctx context.Context, batch int) (done, left int, err error) {
	var stale []*Org
	var total, mails, staleMails int
	batch = max(1, batch)
	ring := s.ring.renewed()
	primary := ring.PrimaryPrefix()
	err = s.transact(ctx, func(t *transaction) error {
		err := t.asSystem(func(d systemDoor) (err error) {
			stale, err = list(ctx, d.hands, sysStaleOrgs, args{primary, batch}, func(row *sql.Rows, to **Org) error {
				o, r := &Org{store: s}, orgRow{}
				err := row.Scan(append([]any{&total}, r.into(o)...)...)
				r.fill(o)
				*to = o
				return err
			})
			return err
		})
		for _, o := range stale {
			if err == nil {
				err = t.asOrg(o, func(d orgDoor) error { return d.reseal(ctx) })
			}
		}
		if err != nil {
			return err
		}
		err = t.asSystem(func(d systemDoor) (err error) {
			mails, staleMails, err = d.resealMails(ctx, s, primary, batch-len(stale))
			return err
		})
		if err != nil || len(stale)+mails < total+staleMails {
			return err
		}
		return t.asSystem(func(d systemDoor) error { return d.exec(ctx, sysDropCanaries, args{ring.PrimaryID()}) })
	})
	if err != nil {
		return 0, 0, fmt.Errorf("re-seal the secrets: %w", err)
	}
	done = len(stale) + mails
	return done, total + staleMails - done, nil
}

// reseal opens and seals what the org's connection and its waiting mails hold.
func (d orgDoor) reseal(ctx context.Context) error {
	var id string
	var sealed, token []byte
	err := d.get(ctx, `SELECT id, secret, token FROM connections`, nil, &id, &sealed, &token)
	if err == nil {
		err = d.resealConnection(ctx, id, sealed, token)
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	return d.resealMails(ctx)
}

func (d orgDoor) resealConnection(ctx context.Context, id string, sealed, token []byte) error {
	var n NewConnection
	var err error
	if n.Secret, err = d.open(purposeSecret, id, sealed); err != nil {
		return fmt.Errorf("connection %s: %w", id, err)
	}
	if token != nil {
		if n.Token.Value, err = d.open(purposeToken, id, token); err != nil {
			return fmt.Errorf("connection %s: %w", id, err)
		}
	}
	newSecret, newToken, err := d.sealConnection(id, n)
	if err != nil {
		return err
	}
	return d.exec(ctx, `UPDATE connections SET secret = ?, token = ?`, args{newSecret, newToken})
}
