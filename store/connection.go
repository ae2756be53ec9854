// Connection: how an org reaches its Hostaway account. The account's secret and
// the access token are sealed for this org and this row.

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"hostaway-mcp/secret"
)

// ConnectionState says whether Hostaway takes the credentials.
type ConnectionState string

// Hostaway took the credentials the last time, or refused them.
const (
	ConnectionConnected ConnectionState = "connected"
	ConnectionRefused   ConnectionState = "refused"
)

const (
	purposeSecret = "hostaway-secret"
	purposeToken  = "hostaway-token"
)

// Connection is the org's one connection, without its secrets. Version rises with
// every Connect, also over a Disconnect, and never comes twice for an org.
// ListingCount is nil while it is not known; CountedAt is when it was counted, and
// CheckedAt when Hostaway took the credentials the last time.
type Connection struct {
	ID                   string
	AccountID            int64
	SecretLast4          string
	State                ConnectionState
	Detail               string
	ListingCount         *int
	Version              int
	CreatedAt            time.Time
	CountedAt            *time.Time
	CheckedAt, RefusedAt *time.Time
}

// NewConnection is what Hostaway has accepted a moment ago. Token may be zero; a zero
// CountedAt is now.
type NewConnection struct {
	AccountID    int64
	Secret       secret.Text
	ListingCount *int
	CountedAt    time.Time
	Token        HostawayToken
}

// Credentials open a Hostaway account.
type Credentials struct {
	AccountID int64
	Secret    secret.Text
	Version   int
}

// HostawayToken is an access token of Hostaway; zero when there is none.
type HostawayToken struct {
	Value               secret.Text
	IssuedAt, ExpiresAt time.Time
}

const connectionColumns = `id, account_id, secret_last4, state, detail, listing_count, version, created_at, counted_at, checked_at, refused_at`

// Connection returns the org's connection. Error: ErrNotFound.
func (o *Org) Connection(ctx context.Context) (c Connection, err error) {
	err = o.read(ctx, func(d orgDoor) error {
		c, err = d.connection(ctx)
		return err
	})
	if err != nil {
		return Connection{}, fmt.Errorf("read the connection: %w", err)
	}
	return c, nil
}

func (d orgDoor) connection(ctx context.Context) (c Connection, err error) {
	var created int64
	var count, counted, checked, refused sql.NullInt64
	err = d.get(ctx, `SELECT `+connectionColumns+` FROM connections`, nil,
		&c.ID, &c.AccountID, &c.SecretLast4, &c.State, &c.Detail, &count, &c.Version, &created, &counted, &checked, &refused)
	c.CreatedAt, c.CountedAt, c.CheckedAt, c.RefusedAt = fromMilli(created), fromNullMilli(counted), fromNullMilli(checked), fromNullMilli(refused)
	if count.Valid {
		n := int(count.Int64)
		c.ListingCount = &n
	}
	return c, err
}

// Connect makes the org's connection, or replaces account and secret of the one
// it has. With billing, the account's first connection starts its trial.
// Errors: ErrConflict (the account belongs to another org), *InputError,
// ErrNotReplicated (with the connection).
func (o *Org) Connect(ctx context.Context, by Actor, n NewConnection) (c Connection, err error) {
	if n.AccountID <= 0 {
		return c, &InputError{"account_id", "it must be the number that Hostaway shows as account id"}
	}
	if n.Secret.IsZero() {
		return c, &InputError{"secret", "it must not be empty"}
	}
	err = o.store.transactCritical(ctx, func(t *transaction) error {
		err := t.asOrg(o, func(d orgDoor) (err error) {
			c, err = d.connect(ctx, by, n)
			return err
		})
		if err != nil {
			return err
		}
		return t.startTrial(ctx, o, n.AccountID)
	})
	if undone(err) {
		return Connection{}, fmt.Errorf("connect Hostaway: %w", err)
	}
	return c, err
}

func (d orgDoor) connect(ctx context.Context, by Actor, n NewConnection) (c Connection, err error) {
	old, err := d.connection(ctx)
	known := err == nil
	if err != nil && !errors.Is(err, ErrNotFound) {
		return c, err
	}
	if err := d.putConnection(ctx, n, old.ID, known); err != nil {
		return c, err
	}
	if c, err = d.connection(ctx); err != nil {
		return c, err
	}
	action := Action{Name: "connection.connected", Target: c.ID, Detail: fmt.Sprintf("account %d", c.AccountID)}
	if known {
		action.Name = "connection.replaced"
	}
	return c, d.audit(ctx, by, action)
}

func (d orgDoor) putConnection(ctx context.Context, n NewConnection, id string, known bool) error {
	if !known {
		id = newID("con")
	}
	now := d.org.store.now().UnixMilli()
	if err := d.dropConfirmations(ctx); err != nil {
		return err
	}
	var version int
	err := d.get(ctx, `UPDATE orgs SET connections = connections + 1 RETURNING connections`, nil, &version)
	if err != nil {
		return err
	}
	sealed, token, err := d.sealConnection(id, n)
	if err != nil {
		return err
	}
	row := args{
		n.AccountID, sealed, last4(n.Secret), ConnectionConnected, orNull(n.ListingCount), d.countedAt(n.ListingCount, n.CountedAt), version,
		token, milliOrNull(n.Token.IssuedAt), milliOrNull(n.Token.ExpiresAt), now,
	}
	if known {
		err = d.exec(ctx, `
UPDATE connections SET account_id = ?, secret = ?, secret_last4 = ?, state = ?, detail = '', listing_count = ?, counted_at = ?, version = ?,
  token = ?, token_issued_at = ?, token_expires_at = ?, checked_at = ?, refused_at = NULL`, row)
	} else {
		err = d.exec(ctx, `
INSERT INTO connections (account_id, secret, secret_last4, state, detail, listing_count, counted_at, version,
  token, token_issued_at, token_expires_at, checked_at, org_id, id, created_at)
VALUES (?, ?, ?, ?, '', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, append(row, d.org.id, id, now))
	}
	if isTaken(err) {
		return fmt.Errorf("%w: this Hostaway account is connected to another org of this server", ErrConflict)
	}
	return err
}

func orNull(n *int) any {
	if n == nil {
		return nil
	}
	return *n
}

// sealConnection seals the secret, and the token if there is one.
func (d orgDoor) sealConnection(id string, n NewConnection) (sealed, token any, err error) {
	if sealed, err = d.seal(purposeSecret, id, n.Secret); err != nil {
		return nil, nil, err
	}
	if n.Token.Value.IsZero() {
		return sealed, nil, nil
	}
	token, err = d.seal(purposeToken, id, n.Token.Value)
	return sealed, token, err
}

func (d orgDoor) seal(purpose, record string, value secret.Text) ([]byte, error) {
	return d.org.store.ring.Seal(secret.Ref{Org: d.org.id, Purpose: purpose, Record: record}, []byte(value.Reveal()))
}

func (d orgDoor) open(purpose, record string, envelope []byte) (secret.Text, error) {
	value, err := d.org.store.ring.Open(secret.Ref{Org: d.org.id, Purpose: purpose, Record: record}, envelope)
	if err != nil {
		return secret.Text{}, fmt.Errorf("open the %s: %w", purpose, err)
	}
	return secret.New(string(value)), nil
}

// Disconnect forgets the connection with its secret. Errors: ErrNotFound,
// ErrNotReplicated.
func (o *Org) Disconnect(ctx context.Context, by Actor) error {
	err := o.writeCritical(ctx, func(d orgDoor) error {
		var id string
		if err := d.get(ctx, `DELETE FROM connections RETURNING id`, nil, &id); err != nil {
			return err
		}
		if err := d.dropConfirmations(ctx); err != nil {
			return err
		}
		return d.audit(ctx, by, Action{Name: "connection.disconnected", Target: id})
	})
	if err != nil {
		return fmt.Errorf("disconnect Hostaway: %w", err)
	}
	return nil
}

// Credentials opens the account's secret.
// Errors: ErrNotFound, secret.ErrOpen, *secret.UnknownKeyError.
func (o *Org) Credentials(ctx context.Context) (c Credentials, err error) {
	err = o.read(ctx, func(d orgDoor) error {
		var id string
		var sealed []byte
		err := d.get(ctx, `SELECT id, account_id, secret, version FROM connections`, nil, &id, &c.AccountID, &sealed, &c.Version)
		if err != nil {
			return err
		}
		c.Secret, err = d.open(purposeSecret, id, sealed)
		return err
	})
	if err != nil {
		return Credentials{}, fmt.Errorf("read the credentials: %w", err)
	}
	return c, nil
}
