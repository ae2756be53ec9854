// The state of a connection that Hostaway's answers change: the access token, and
// whether the credentials were taken. Each change names the connection's version,
// so that what was asked with old credentials changes nothing of the new ones.

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// HostawayToken opens the stored access token; zero when there is none.
// Errors: ErrNotFound (no connection of this version), secret.ErrOpen,
// *secret.UnknownKeyError.
func (o *Org) HostawayToken(ctx context.Context, version int) (t HostawayToken, err error) {
	err = o.read(ctx, func(d orgDoor) error {
		var id string
		var sealed []byte
		var issued, expires sql.NullInt64
		err := d.get(ctx, `SELECT id, token, token_issued_at, token_expires_at FROM connections WHERE version = ?`,
			args{version}, &id, &sealed, &issued, &expires)
		if err != nil || sealed == nil {
			return err
		}
		if issued.Valid {
			t.IssuedAt = fromMilli(issued.Int64)
		}
		if expires.Valid {
			t.ExpiresAt = fromMilli(expires.Int64)
		}
		t.Value, err = d.open(purposeToken, id, sealed)
		return err
	})
	if err != nil {
		return HostawayToken{}, fmt.Errorf("read the Hostaway token: %w", err)
	}
	return t, nil
}

// SaveHostawayToken keeps a token, sealed; a zero one removes it.
// Error: ErrNotFound when the connection is no longer of this version.
func (o *Org) SaveHostawayToken(ctx context.Context, version int, token HostawayToken) error {
	err := o.writeOnReserve(ctx, func(d orgDoor) error {
		c, err := d.connectionOf(ctx, version)
		if err != nil {
			return err
		}
		var sealed any
		if !token.Value.IsZero() {
			if sealed, err = d.seal(purposeToken, c.ID, token.Value); err != nil {
				return err
			}
		}
		return d.exec(ctx, `UPDATE connections SET token = ?, token_issued_at = ?, token_expires_at = ?`,
			args{sealed, milliOrNull(token.IssuedAt), milliOrNull(token.ExpiresAt)})
	})
	if err != nil {
		return fmt.Errorf("save the Hostaway token: %w", err)
	}
	return nil
}

// connectionOf is the connection, if it is still of this version.
func (d orgDoor) connectionOf(ctx context.Context, version int) (Connection, error) {
	c, err := d.connection(ctx)
	if err == nil && c.Version != version {
		err = ErrNotFound
	}
	return c, err
}

// MarkConnectionRefused notes that Hostaway refused the credentials, forgets the
// token, and has the owners told, once for each version of the connection.
// Error: ErrNotFound when the connection is no longer of this version.
func (o *Org) MarkConnectionRefused(ctx context.Context, version int, detail string) error {
	err := o.write(ctx, func(d orgDoor) error {
		c, err := d.connectionOf(ctx, version)
		if err != nil {
			return err
		}
		err = d.exec(ctx, `
UPDATE connections SET state = ?, detail = ?, refused_at = ?, token = NULL, token_issued_at = NULL, token_expires_at = NULL`,
			args{ConnectionRefused, detail, o.store.now().UnixMilli()})
		if err != nil || c.State == ConnectionRefused {
			return err
		}
		if err := d.audit(ctx, Actor{Kind: ActorSystem, Name: "Hostaway"}, Action{Name: "connection.refused", Target: c.ID, Detail: detail}); err != nil {
			return err
		}
		return d.tellOfRefusal(ctx, c)
	})
	if err != nil {
		return fmt.Errorf("mark the connection as refused: %w", err)
	}
	return nil
}

// tellOfRefusal queues the mail to the owners, with what is billed until they mend it.
func (d orgDoor) tellOfRefusal(ctx context.Context, c Connection) error {
	if !d.org.store.mail {
		return nil
	}
	payload := BillingMail{AccountID: c.AccountID}
	if d.org.store.billing {
		account, err := d.billing(ctx)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		desired, err := d.desired(ctx)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		payload.Listings, payload.UnitAmount, payload.Currency = desired.Quantity, account.UnitAmount, account.Currency
	}
	mail, err := NewBillingMail(MailCredentialsInvalid, ToOwners, fmt.Sprintf("credentials_invalid:%d", c.Version), payload)
	if err != nil {
		return err
	}
	return d.enqueue(ctx, []NewMail{mail})
}

// MarkConnectionChecked notes that Hostaway took the credentials just now. A nil
// listing count leaves the one that is known, with its time; a zero countedAt is now.
// Error: ErrNotFound when the connection is no longer of this version.
func (o *Org) MarkConnectionChecked(ctx context.Context, version int, listingCount *int, countedAt time.Time) error {
	err := o.write(ctx, func(d orgDoor) error {
		if _, err := d.connectionOf(ctx, version); err != nil {
			return err
		}
		return d.exec(ctx, `
UPDATE connections SET state = ?, detail = '', refused_at = NULL, checked_at = ?,
  listing_count = coalesce(?, listing_count), counted_at = coalesce(?, counted_at)`,
			args{ConnectionConnected, o.store.now().UnixMilli(), orNull(listingCount), d.countedAt(listingCount, countedAt)})
	})
	if err != nil {
		return fmt.Errorf("mark the connection as checked: %w", err)
	}
	return nil
}

// countedAt is when a number of listings was counted, for its column; NULL without one.
func (d orgDoor) countedAt(count *int, at time.Time) any {
	switch {
	case count == nil:
		return nil
	case at.IsZero():
		at = d.org.store.now()
	}
	return at.UnixMilli()
}
