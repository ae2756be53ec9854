// Mail: the outbox. A mail is queued in the transaction of its cause, and somebody
// else sends it. What it says is sealed, for it may hold a link that lets people in,
// and is gone once it was sent.

package store

import (
	"context"
	"fmt"

	"hostaway-mcp/secret"
)

const purposeMail = "mail"

// Recipient says to whom of an org a mail goes: a member's id, or one of these.
type Recipient string

// Owners and admins are the org's; operators are the server's.
const (
	ToOwners    Recipient = "owners"
	ToAdmins    Recipient = "admins" // and owners
	ToOperators Recipient = "operators"
)

// NewMail is a mail to an org's people. Kind names the text. Of mails of an org with
// the same DedupeKey only the first is kept. Payload is what the text needs, as JSON.
type NewMail struct {
	Kind      string
	To        Recipient
	DedupeKey string
	Payload   []byte
}

// EnqueueMails queues mails whose cause changed nothing of ours. Without mail it
// does nothing.
func (o *Org) EnqueueMails(ctx context.Context, mails ...NewMail) error {
	if err := o.write(ctx, func(d orgDoor) error { return d.enqueue(ctx, mails) }); err != nil {
		return fmt.Errorf("queue the mails: %w", err)
	}
	return nil
}

// enqueue queues mails in the transaction of what they are about.
func (d orgDoor) enqueue(ctx context.Context, mails []NewMail) error {
	if !d.org.store.mail {
		return nil
	}
	for _, m := range mails {
		if m.Kind == "" || m.To == "" || m.DedupeKey == "" {
			return &InputError{"mail", "it must have a kind, a recipient and a key"}
		}
		var known int
		if err := d.get(ctx, `SELECT count(*) FROM mails WHERE dedupe_key = ?`, args{m.DedupeKey}, &known); err != nil {
			return err
		}
		if known > 0 {
			continue
		}
		id := newID("mail")
		sealed, err := d.seal(purposeMail, id, secret.New(string(m.Payload)))
		if err != nil {
			return fmt.Errorf("seal the mail: %w", err)
		}
		now := d.org.store.now().UnixMilli()
		err = d.exec(ctx, `
INSERT INTO mails (org_id, id, kind, recipient, dedupe_key, payload, state, attempts, next_try_at, last_error, created_at)
VALUES (?, ?, ?, ?, ?, ?, 'queued', 0, ?, '', ?)`, args{d.org.id, id, m.Kind, m.To, m.DedupeKey, sealed, now, now})
		if err != nil {
			return err
		}
	}
	return nil
}
