// WebhookSecret: what posts to the webhook have shown of a signing secret.

package store

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"time"

	"hostaway-mcp/secret"
)

// WebhookSecret is one secret. VerifiedAt is when an event was last verified by it, nil:
// never. Refused counts the signed posts that were refused since then while it was in
// use; RefusedAt and Why are of the last of them.
type WebhookSecret struct {
	VerifiedAt, RefusedAt *time.Time
	Refused               int
	Why                   string

	hash []byte
}

// Of says whether it is about this signing secret.
func (w WebhookSecret) Of(webhookSecret secret.Text) bool {
	return bytes.Equal(w.hash, webhookSecretHash(webhookSecret))
}

// SawWebhookPosts adds what was seen of a secret since the last call: with a VerifiedAt
// it takes the place of what is known, without one its refusals are added to those.
func (s *Store) SawWebhookPosts(ctx context.Context, webhookSecret secret.Text, seen WebhookSecret) error {
	if webhookSecret.IsZero() {
		return &InputError{"webhook_secret", "it must not be empty"}
	}
	err := s.write(ctx, func(d systemDoor) error {
		return d.exec(ctx, sysSawWebhookPosts, args{
			webhookSecretHash(webhookSecret), timeOrNull(seen.VerifiedAt), seen.Refused, timeOrNull(seen.RefusedAt), short(seen.Why),
		})
	})
	if isChecked(err) {
		err = &InputError{"refused", "a refusal has a time, and only a refusal"}
	}
	if err != nil {
		return fmt.Errorf("keep what was seen of the webhook secret: %w", err)
	}
	return nil
}

// WebhookSecrets lists what is known of all secrets that were ever in use.
func (s *Store) WebhookSecrets(ctx context.Context) (all []WebhookSecret, err error) {
	err = s.read(ctx, func(d systemDoor) error {
		all, err = list(ctx, d.hands, sysListWebhookSecrets, nil, scanWebhookSecret)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the webhook secrets: %w", err)
	}
	return all, nil
}

func scanWebhookSecret(row *sql.Rows, w *WebhookSecret) error {
	var verified, refused sql.NullInt64
	err := row.Scan(&w.hash, &verified, &w.Refused, &refused, &w.Why)
	w.VerifiedAt, w.RefusedAt = fromNullMilli(verified), fromNullMilli(refused)
	return err
}
