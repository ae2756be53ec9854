// APIKey: what an assistant shows to act for an org. The secret is seen once, when
// it is made; kept are its SHA-256 and its last four characters.

package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"hostaway-mcp/secret"
)

const (
	keyPrefix = "hmcp_"
	keyTouch  = time.Minute // last used is written at most this often
)

// APIKey is a key as it may be shown.
type APIKey struct {
	ID, Name, Last4, CreatedBy string
	CreatedAt                  time.Time
	LastUsedAt, RevokedAt      *time.Time
}

// Mask shows which key it is: hmcp_…9fQ2.
func (k APIKey) Mask() string { return keyPrefix + "…" + k.Last4 }

// OrgByAPIKey opens the org of a key. Nothing is remembered between two calls: a
// revoked key ends with the next one. ErrNotFound: unknown, malformed and revoked
// alike. That the key was used is written later, at most once a minute.
func (s *Store) OrgByAPIKey(ctx context.Context, presented secret.Text) (*Org, APIKey, error) {
	o, key, err := s.orgByAPIKey(ctx, presented)
	if err != nil {
		return nil, APIKey{}, fmt.Errorf("find the API key: %w", err)
	}
	if now := s.now(); key.LastUsedAt == nil || now.Sub(*key.LastUsedAt) >= keyTouch {
		s.commits.later(touch{org: o.id, key: key.ID, at: now})
	}
	return o, key, nil
}

func (s *Store) orgByAPIKey(ctx context.Context, presented secret.Text) (*Org, APIKey, error) {
	hash, ok := hashToken(keyPrefix, presented)
	if !ok {
		return nil, APIKey{}, ErrNotFound
	}
	if err := ctx.Err(); err != nil {
		return nil, APIKey{}, err
	}
	o, k := &Org{store: s}, APIKey{}
	var row orgRow
	var created int64
	var used sql.NullInt64
	// The look-up takes microseconds: watching ctx would cost more than it does.
	ctx = context.WithoutCancel(ctx)
	err := s.read(ctx, func(d systemDoor) error {
		return d.get(ctx, sysKeyByHash, args{hash},
			append(row.into(o), &k.ID, &k.Name, &k.Last4, &k.CreatedBy, &created, &used)...)
	})
	if err != nil {
		return nil, APIKey{}, err
	}
	row.fill(o)
	k.CreatedAt, k.LastUsedAt = fromMilli(created), fromNullMilli(used)
	return o, k, nil
}

// CreateAPIKey makes a key; the secret is returned this once. The database keeps
// an org at five active keys. Errors: ErrLimit, *InputError, ErrNotReplicated (with
// the key and its secret).
func (o *Org) CreateAPIKey(ctx context.Context, by Actor, name string) (APIKey, secret.Text, error) {
	name, err := cleanName("name", name)
	if err != nil {
		return APIKey{}, secret.Text{}, err
	}
	token := newToken(keyPrefix)
	hash, _ := hashToken(keyPrefix, token)
	k := APIKey{ID: newID("key"), Name: name, Last4: last4(token), CreatedBy: by.label(), CreatedAt: o.store.now()}
	err = o.writeCritical(ctx, func(d orgDoor) error {
		// The lowest free slot; with none it is 6, which the table refuses.
		var slot int
		err := d.get(ctx, `
WITH RECURSIVE slots (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM slots WHERE n < 6)
SELECT min(n) FROM slots WHERE n NOT IN (SELECT slot FROM api_keys WHERE slot IS NOT NULL)`, nil, &slot)
		if err != nil {
			return err
		}
		err = d.exec(ctx, `
INSERT INTO api_keys (org_id, id, name, slot, hash, last4, created_by, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			args{o.id, k.ID, k.Name, slot, hash, k.Last4, k.CreatedBy, k.CreatedAt.UnixMilli()})
		if isChecked(err) {
			return fmt.Errorf("%w: five API keys are active; revoke one first", ErrLimit)
		}
		if err != nil {
			return err
		}
		return d.audit(ctx, by, Action{Name: "api_key.created", Target: k.ID, Detail: k.Name})
	})
	if undone(err) {
		return APIKey{}, secret.Text{}, fmt.Errorf("create the API key: %w", err)
	}
	return k, token, err
}

const keyColumns = `id, name, last4, created_by, created_at, last_used_at, revoked_at`

// ListAPIKeys lists the active keys, newest first, and then the revoked ones.
func (o *Org) ListAPIKeys(ctx context.Context) (all []APIKey, err error) {
	err = o.read(ctx, func(d orgDoor) error {
		all, err = list(ctx, d.hands,
			`SELECT `+keyColumns+` FROM api_keys ORDER BY revoked_at IS NOT NULL, created_at DESC, id DESC`, nil,
			func(row *sql.Rows, to *APIKey) error { return scanKey(row.Scan, to) })
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the API keys: %w", err)
	}
	return all, nil
}

func scanKey(scan func(...any) error, k *APIKey) error {
	var created int64
	var used, revoked sql.NullInt64
	err := scan(&k.ID, &k.Name, &k.Last4, &k.CreatedBy, &created, &used, &revoked)
	k.CreatedAt, k.LastUsedAt, k.RevokedAt = fromMilli(created), fromNullMilli(used), fromNullMilli(revoked)
	return err
}

// RegenerateAPIKey gives an active key a new secret, returned this once; the old
// one is dead at once. Errors: ErrNotFound, ErrNotReplicated (with the key and its
// secret).
func (o *Org) RegenerateAPIKey(ctx context.Context, by Actor, id string) (APIKey, secret.Text, error) {
	token := newToken(keyPrefix)
	hash, _ := hashToken(keyPrefix, token)
	var k APIKey
	err := o.writeCritical(ctx, func(d orgDoor) error {
		err := d.get(ctx, `
UPDATE api_keys SET hash = ?, last4 = ?, last_used_at = NULL WHERE id = ? AND revoked_at IS NULL RETURNING id`,
			args{hash, last4(token), id}, &id)
		if err != nil {
			return err
		}
		if k, err = d.key(ctx, id); err != nil {
			return err
		}
		return d.audit(ctx, by, Action{Name: "api_key.regenerated", Target: id, Detail: k.Name})
	})
	if undone(err) {
		return APIKey{}, secret.Text{}, fmt.Errorf("regenerate the API key: %w", err)
	}
	return k, token, err
}

func (d orgDoor) key(ctx context.Context, id string) (k APIKey, err error) {
	err = scanKey(func(dest ...any) error {
		return d.get(ctx, `SELECT `+keyColumns+` FROM api_keys WHERE id = ?`, args{id}, dest...)
	}, &k)
	return k, err
}

// RevokeAPIKey ends a key with the next call. Errors: ErrNotFound, also when it was
// revoked before; ErrNotReplicated.
func (o *Org) RevokeAPIKey(ctx context.Context, by Actor, id string) error {
	err := o.writeCritical(ctx, func(d orgDoor) error {
		var name string
		err := d.get(ctx, `
UPDATE api_keys SET slot = NULL, revoked_at = ? WHERE id = ? AND revoked_at IS NULL RETURNING name`,
			args{o.store.now().UnixMilli(), id}, &name)
		if err != nil {
			return err
		}
		return d.audit(ctx, by, Action{Name: "api_key.revoked", Target: id, Detail: name})
	})
	if err != nil {
		return fmt.Errorf("revoke the API key: %w", err)
	}
	return nil
}
