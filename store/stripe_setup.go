// StripeSetup: what billing setup made in a Stripe account.

package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"time"

	"hostaway-mcp/secret"
)

// StripeSetup is what belongs to one signing secret of a webhook endpoint. Nothing
// in the secret says which account and mode it is of, so it is kept here beside its
// SHA-256.
type StripeSetup struct {
	AccountID                                 string
	Livemode                                  bool
	EndpointID, EndpointURL, APIVersion       string
	ProductID, PriceID, PortalConfigurationID string
	CreatedAt                                 time.Time

	secretHash []byte
}

// Of says whether the set-up belongs to this signing secret.
func (s StripeSetup) Of(webhookSecret secret.Text) bool {
	return bytes.Equal(s.secretHash, webhookSecretHash(webhookSecret))
}

func webhookSecretHash(t secret.Text) []byte {
	sum := sha256.Sum256([]byte(t.Reveal()))
	return sum[:]
}

// SaveStripeSetup keeps the set-up of a signing secret, over one that is known.
// Error: ErrNotReplicated.
func (s *Store) SaveStripeSetup(ctx context.Context, webhookSecret secret.Text, x StripeSetup) error {
	if webhookSecret.IsZero() {
		return &InputError{"webhook_secret", "it must not be empty"}
	}
	err := s.transactCritical(ctx, func(t *transaction) error {
		return t.asSystem(func(d systemDoor) error {
			return d.exec(ctx, sysSaveStripeSetup, args{
				webhookSecretHash(webhookSecret), x.AccountID, x.Livemode, x.EndpointID, x.EndpointURL,
				x.ProductID, x.PriceID, x.PortalConfigurationID, x.APIVersion, s.now().UnixMilli(),
			})
		})
	})
	if err != nil {
		return fmt.Errorf("save the Stripe set-up: %w", err)
	}
	return nil
}

// StripeSetups lists what was set up, the newest first.
func (s *Store) StripeSetups(ctx context.Context) (all []StripeSetup, err error) {
	err = s.read(ctx, func(d systemDoor) error {
		all, err = list(ctx, d.hands, sysListStripeSetups, nil, scanStripeSetup)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the Stripe set-ups: %w", err)
	}
	return all, nil
}

func scanStripeSetup(row *sql.Rows, x *StripeSetup) error {
	var created int64
	err := row.Scan(&x.secretHash, &x.AccountID, &x.Livemode, &x.EndpointID, &x.EndpointURL,
		&x.ProductID, &x.PriceID, &x.PortalConfigurationID, &x.APIVersion, &created)
	x.CreatedAt = fromMilli(created)
	return err
}
