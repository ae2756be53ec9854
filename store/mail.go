// Mail: the outbox. A mail is queued in the transaction of its cause, and somebody
// else sends it. What it says is sealed, for it may hold a link that lets people in,
// and is gone once the mail has ended.

package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"hostaway-mcp/secret"
)

const purposeMail = "mail"

// Recipient says to whom of an org a mail goes: a member's id, or one of these.
type Recipient string

// Owners and admins are the org's: each of them gets a mail. Operators are the
// server's, and get one together.
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

// NewUserMail is a mail to one person of the server; keys are those of all people.
type NewUserMail struct {
	UserID, Kind, DedupeKey string
	Payload                 []byte
}

// MailAddress is where a mail goes. Name may be "".
type MailAddress struct{ Email, Name string }

// Mail is a mail that waits to be sent. Org is nil for a person's mail. To is empty
// when the person is gone meanwhile: then give the mail up.
type Mail struct {
	ID, Kind  string
	Org       *Org
	To        []MailAddress
	Operators bool // they are the server's operators
	Payload   secret.Text
	Attempts  int
	CreatedAt time.Time

	nextTry int64
}

// EnqueueMails queues mails whose cause changed nothing of ours. Without mail it
// does nothing. Error: *InputError.
func (o *Org) EnqueueMails(ctx context.Context, mails ...NewMail) error {
	if err := o.write(ctx, func(d orgDoor) error { return d.enqueue(ctx, mails) }); err != nil {
		return fmt.Errorf("queue the mails: %w", err)
	}
	return nil
}

// EnqueueUserMail is the same for a person. Errors: ErrNotFound, *InputError.
func (s *Store) EnqueueUserMail(ctx context.Context, m NewUserMail) error {
	if err := s.write(ctx, func(d systemDoor) error { return d.enqueue(ctx, s, m) }); err != nil {
		return fmt.Errorf("queue the mail: %w", err)
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
		each, err := d.recipients(ctx, m)
		if err != nil {
			return err
		}
		for _, one := range each {
			if err := d.enqueueOne(ctx, one); err != nil {
				return err
			}
		}
	}
	return nil
}

// recipients makes a mail of its own for each member of a role, so that one address
// that fails keeps no other from its mail, and nobody gets it twice.
func (d orgDoor) recipients(ctx context.Context, m NewMail) (each []NewMail, err error) {
	roles := map[Recipient][]Role{ToOwners: {RoleOwner}, ToAdmins: {RoleOwner, RoleAdmin}}[m.To]
	if roles == nil {
		return []NewMail{m}, nil
	}
	members, err := list(ctx, d.hands, `SELECT id, role FROM members ORDER BY created_at, id`, nil,
		func(row *sql.Rows, to *Member) error { return row.Scan(&to.ID, &to.Role) })
	for _, member := range members {
		if slices.Contains(roles, member.Role) {
			each = append(each, NewMail{m.Kind, Recipient(member.ID), m.DedupeKey + "/" + member.ID, m.Payload})
		}
	}
	return each, err
}

func (d orgDoor) enqueueOne(ctx context.Context, m NewMail) error {
	var known int
	if err := d.get(ctx, `SELECT count(*) FROM mails WHERE dedupe_key = ?`, args{m.DedupeKey}, &known); err != nil || known > 0 {
		return err
	}
	id := newID("mail")
	sealed, err := d.seal(purposeMail, id, secret.New(string(m.Payload)))
	if err != nil {
		return fmt.Errorf("seal the mail: %w", err)
	}
	now := d.org.store.now().UnixMilli()
	d.org.store.outbox.queued.Store(true)
	return d.exec(ctx, `
INSERT INTO mails (org_id, id, kind, recipient, dedupe_key, payload, state, attempts, next_try_at, last_error, created_at)
VALUES (?, ?, ?, ?, ?, ?, 'queued', 0, ?, '', ?)`, args{d.org.id, id, m.Kind, m.To, m.DedupeKey, sealed, now, now})
}

// enqueue queues a person's mail in the transaction of what it is about.
func (d systemDoor) enqueue(ctx context.Context, s *Store, m NewUserMail) error {
	if !s.mail {
		return nil
	}
	if m.Kind == "" || m.UserID == "" || m.DedupeKey == "" {
		return &InputError{"mail", "it must have a kind, a person and a key"}
	}
	id := newID("mail")
	sealed, err := s.ring.Seal(userMailRef(id), m.Payload)
	if err != nil {
		return fmt.Errorf("seal the mail: %w", err)
	}
	s.outbox.queued.Store(true)
	err = d.exec(ctx, sysAddUserMail, args{id, m.UserID, m.Kind, m.DedupeKey, sealed, s.now().UnixMilli()})
	if isDangling(err) {
		return ErrNotFound
	}
	return err
}

func userMailRef(id string) secret.Ref {
	return secret.Ref{Org: "server", Purpose: purposeMail, Record: id}
}

// outbox tells whoever sends mails that there are new ones.
type outbox struct {
	queued atomic.Bool // by the transaction that runs, or by one that was undone
	told   chan struct{}
}

// MailQueued gets a value when mails were queued since the last one was taken. It may
// get one for none.
func (s *Store) MailQueued() <-chan struct{} { return s.outbox.told }

// tell is called after each commit.
func (o *outbox) tell() {
	if o.queued.Load() && o.queued.Swap(false) {
		select {
		case o.told <- struct{}{}:
		default: // it has not been taken yet
		}
	}
}

// DueMails lists up to limit mails that are to be sent at this time, the longest due
// first. One whose text can't be opened is given up.
func (s *Store) DueMails(ctx context.Context, now time.Time, limit int) (due []Mail, err error) {
	var sealed []sealedMail
	err = s.read(ctx, func(d systemDoor) error {
		sealed, err = d.dueMails(ctx, s, now, limit)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the mails to send: %w", err)
	}
	slices.SortStableFunc(sealed, func(a, b sealedMail) int { return int(a.nextTry - b.nextTry) })
	for _, m := range sealed[:min(limit, len(sealed))] {
		opened, err := s.ring.Open(m.ref(), m.envelope)
		if err != nil {
			s.log.ErrorContext(ctx, "a queued mail can't be opened", "error", err, "mail", m.ID)
			if err := s.GiveUpMail(ctx, m.Mail, "its text can't be opened"); err != nil {
				return nil, err
			}
			continue
		}
		m.Payload = secret.New(string(opened))
		due = append(due, m.Mail)
	}
	return due, nil
}

type sealedMail struct {
	Mail
	envelope []byte
}

func (m Mail) ref() secret.Ref {
	if m.Org == nil {
		return userMailRef(m.ID)
	}
	return secret.Ref{Org: m.Org.id, Purpose: purposeMail, Record: m.ID}
}

func (d systemDoor) dueMails(ctx context.Context, s *Store, now time.Time, limit int) ([]sealedMail, error) {
	operators, err := list(ctx, d.hands, sysOperators, nil, func(row *sql.Rows, to *MailAddress) error { return row.Scan(&to.Email, &to.Name) })
	if err != nil {
		return nil, err
	}
	scan := func(row *sql.Rows, m *sealedMail, more ...any) error {
		var created int64
		var email, name sql.NullString
		err := row.Scan(append(more, &m.ID, &m.Kind, &m.envelope, &m.Attempts, &created, &m.nextTry, &email, &name)...)
		m.CreatedAt = fromMilli(created)
		if email.Valid {
			m.To = []MailAddress{{email.String, name.String}}
		}
		return err
	}
	ofOrgs, err := list(ctx, d.hands, sysDueMails, args{now.UnixMilli(), limit}, func(row *sql.Rows, m *sealedMail) error {
		var to Recipient
		var r orgRow
		m.Org = &Org{store: s}
		err := scan(row, m, append(r.into(m.Org), &to)...)
		r.fill(m.Org)
		if m.Operators = to == ToOperators; m.Operators {
			m.To = operators
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	ofPeople, err := list(ctx, d.hands, sysDueUserMails, args{now.UnixMilli(), limit},
		func(row *sql.Rows, m *sealedMail) error { return scan(row, m) })
	return append(ofOrgs, ofPeople...), err
}

// FinishMail notes that the mail was sent.
func (s *Store) FinishMail(ctx context.Context, m Mail) error {
	return s.endMail(ctx, m, "sent", "")
}

// GiveUpMail notes that the mail will not be sent, and why.
func (s *Store) GiveUpMail(ctx context.Context, m Mail, problem string) error {
	return s.endMail(ctx, m, "failed", problem)
}

func (s *Store) endMail(ctx context.Context, m Mail, state, problem string) (err error) {
	values := args{state, short(problem), s.now().UnixMilli(), m.ID}
	if m.Org == nil {
		err = s.write(ctx, func(d systemDoor) error { return d.exec(ctx, sysEndUserMail, values) })
	} else {
		err = m.Org.write(ctx, func(d orgDoor) error {
			return d.exec(ctx, `
UPDATE mails SET state = ?, last_error = ?, ended_at = ?, attempts = attempts + 1, payload = NULL, next_try_at = NULL
WHERE id = ? AND state = 'queued'`, values)
		})
	}
	if err != nil {
		return fmt.Errorf("end the mail: %w", err)
	}
	return nil
}

// DeferMail has the mail tried again at a time, and counts the attempt.
func (s *Store) DeferMail(ctx context.Context, m Mail, next time.Time, problem string) (err error) {
	values := args{next.UnixMilli(), short(problem), m.ID}
	if m.Org == nil {
		err = s.write(ctx, func(d systemDoor) error { return d.exec(ctx, sysDeferUserMail, values) })
	} else {
		err = m.Org.write(ctx, func(d orgDoor) error {
			return d.exec(ctx, `UPDATE mails SET next_try_at = ?, last_error = ?, attempts = attempts + 1 WHERE id = ? AND state = 'queued'`, values)
		})
	}
	if err != nil {
		return fmt.Errorf("defer the mail: %w", err)
	}
	return nil
}

// resealMails seals the org's waiting mails anew.
func (d orgDoor) resealMails(ctx context.Context) error {
	waiting, err := list(ctx, d.hands, `SELECT id, payload FROM mails WHERE state = 'queued'`, nil, scanEnvelope)
	for _, m := range waiting {
		if err != nil {
			break
		}
		var text secret.Text
		if text, err = d.open(purposeMail, m.id, m.bytes); err != nil {
			return fmt.Errorf("mail %s: %w", m.id, err)
		}
		if m.bytes, err = d.seal(purposeMail, m.id, text); err == nil {
			err = d.exec(ctx, `UPDATE mails SET payload = ? WHERE id = ?`, args{m.bytes, m.id})
		}
	}
	return err
}

// resealMails seals people's waiting mails anew, up to batch of them, and says how
// many it did and how many there were.
func (d systemDoor) resealMails(ctx context.Context, s *Store, primary []byte, batch int) (done, stale int, err error) {
	if err := d.get(ctx, sysCountStaleUserMails, args{primary}, &stale); err != nil || stale == 0 {
		return 0, stale, err
	}
	waiting, err := list(ctx, d.hands, sysStaleUserMails, args{primary, batch}, scanEnvelope)
	for _, m := range waiting {
		if err != nil {
			break
		}
		var text []byte
		if text, err = s.ring.Open(userMailRef(m.id), m.bytes); err != nil {
			return done, stale, fmt.Errorf("mail %s: %w", m.id, err)
		}
		if m.bytes, err = s.ring.Seal(userMailRef(m.id), text); err == nil {
			err = d.exec(ctx, sysSetUserMail, args{m.bytes, m.id})
		}
		done++
	}
	return done, stale, err
}

type envelope struct {
	id    string
	bytes []byte
}

func scanEnvelope(row *sql.Rows, to *envelope) error { return row.Scan(&to.id, &to.bytes) }
