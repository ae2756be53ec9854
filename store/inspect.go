// What can be learnt of a database without opening it as a store: for doctor,
// which changes nothing, and which also has to speak about a database that no
// store would open.

package store

import (
	"context"
	"database/sql"
	"fmt"
)

// Inspection is what a database file says of itself.
type Inspection struct {
	Version, Want int // its version, and the highest that this program knows
	// SealedBy counts the sealed values by the id of the key that sealed them, and
	// Canaries are the ids of the keys that Open asks for. Both are nil for a
	// database that is newer than this program.
	SealedBy map[string]int
	Canaries []string
	// StripeSetups and WebhookSecrets are what is known of billing's signing secrets;
	// nil for a database of another version than this program's.
	StripeSetups   []StripeSetup
	WebhookSecrets []WebhookSecret
}

// Inspect reads a database file that may be in use, and changes nothing.
// Errors: fs.ErrNotExist, ErrDamaged, ErrNotFound for a file that is no database of ours.
func Inspect(ctx context.Context, path string) (Inspection, error) {
	texts, err := migrationTexts()
	if err != nil {
		return Inspection{}, err
	}
	seen := Inspection{Want: len(texts)}
	err = readFile(ctx, path, func(h hands) error {
		if err := h.get(ctx, "PRAGMA user_version", nil, &seen.Version); err != nil {
			return err
		}
		switch {
		case seen.Version == 0:
			return ErrNotFound
		case seen.Version > seen.Want:
			return nil
		}
		if seen.SealedBy, err = sealedBy(ctx, h); err != nil {
			return err
		}
		seen.Canaries, err = list(ctx, h, sysCanaries, nil, func(row *sql.Rows, to *string) error { return row.Scan(to, new([]byte)) })
		if err != nil || seen.Version < seen.Want {
			return err
		}
		if seen.StripeSetups, err = list(ctx, h, sysListStripeSetups, nil, scanStripeSetup); err != nil {
			return err
		}
		seen.WebhookSecrets, err = list(ctx, h, sysListWebhookSecrets, nil, scanWebhookSecret)
		return err
	})
	if err != nil {
		return Inspection{}, fmt.Errorf("inspect %s: %w", path, err)
	}
	return seen, nil
}
