// Confirmation: a write shows first what it would change, and happens when the
// token that came with the preview is returned: once, soon, by the same key, for
// the same tool with the same arguments, through the same connection.

package store

import (
	"context"
	"fmt"
	"time"

	"hostaway-mcp/secret"
)

const (
	confirmPrefix = "confirm_"
	confirmTTL    = 10 * time.Minute
)

// Confirmation is what a token is bound to. A zero TTL is 10 minutes.
type Confirmation struct {
	KeyID, Tool   string
	ArgumentsHash []byte
	TTL           time.Duration
}

// CreateConfirmation makes a token and says when it ends. Error: ErrNotFound when
// the org has no such key.
func (o *Org) CreateConfirmation(ctx context.Context, c Confirmation) (secret.Text, time.Time, error) {
	if c.TTL == 0 {
		c.TTL = confirmTTL
	}
	token := newToken(confirmPrefix)
	hash, _ := hashToken(confirmPrefix, token)
	now := o.store.now()
	ends := now.Add(c.TTL)
	err := o.write(ctx, func(d orgDoor) error {
		err := d.exec(ctx, `
INSERT INTO confirmations (org_id, id, key_id, tool, arguments_hash, token_hash, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			args{o.id, newID("cnf"), c.KeyID, c.Tool, c.ArgumentsHash, hash, now.UnixMilli(), ends.UnixMilli()})
		if isDangling(err) {
			return ErrNotFound
		}
		return err
	})
	if err != nil {
		return secret.Text{}, time.Time{}, fmt.Errorf("create the confirm token: %w", err)
	}
	return token, ends, nil
}

// dropConfirmations ends the tokens that wait, when the connection changes: what
// their previews showed was another account.
func (d orgDoor) dropConfirmations(ctx context.Context) error {
	return d.exec(ctx, `DELETE FROM confirmations WHERE used_at IS NULL`, nil)
}

// UseConfirmation uses a token up. ErrNotFound: unknown, used, or made for another
// org, key, tool or other arguments; ErrExpired: too late.
func (o *Org) UseConfirmation(ctx context.Context, token secret.Text, keyID, tool string, argumentsHash []byte) error {
	hash, ok := hashToken(confirmPrefix, token)
	if !ok {
		return fmt.Errorf("use the confirm token: %w", ErrNotFound)
	}
	err := o.write(ctx, func(d orgDoor) error {
		var ends int64
		err := d.get(ctx, `
UPDATE confirmations SET used_at = ? WHERE token_hash = ? AND key_id = ? AND tool = ? AND arguments_hash = ? AND used_at IS NULL
RETURNING expires_at`, args{o.store.now().UnixMilli(), hash, keyID, tool, argumentsHash}, &ends)
		if err == nil && o.store.expired(ends) {
			return ErrExpired
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("use the confirm token: %w", err)
	}
	return nil
}
