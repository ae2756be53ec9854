// Verification: a person shows that the address is theirs, with a link that came to
// it by mail, good once and for a day.

package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"hostaway-mcp/secret"
)

const (
	verifyPrefix = "hmcpv_"
	verifyTTL    = 24 * time.Hour
	verifyEvery  = time.Minute // between two mails to one person
	verifyMost   = 5           // mails to one person in a day
)

// SendVerification queues a mail with a new link to the person; earlier links stay
// good, for their mail may be the one that is read. Without mail, and for an address
// that is verified, it does nothing.
// Errors: *AttemptsError (one a minute, five a day), ErrNotFound.
func (s *Store) SendVerification(ctx context.Context, userID string) error {
	if !s.mail {
		return nil
	}
	err := s.write(ctx, func(d systemDoor) error {
		var email string
		var verified sql.NullInt64
		if err := d.get(ctx, sysUserByID, args{userID}, &email, &verified); err != nil || verified.Valid {
			return err
		}
		if err := d.maySendVerification(ctx, userID, s.now()); err != nil {
			return err
		}
		return d.addVerification(ctx, s, userID)
	})
	if err != nil {
		return fmt.Errorf("send the verification: %w", err)
	}
	return nil
}

// NextVerification is when SendVerification may be called again for this person; a
// time that is past means now.
func (s *Store) NextVerification(ctx context.Context, userID string) (at time.Time, err error) {
	err = s.read(ctx, func(d systemDoor) error {
		at, err = d.nextVerification(ctx, userID, s.now())
		return err
	})
	if err != nil {
		return time.Time{}, fmt.Errorf("look when a verification may be sent: %w", err)
	}
	return at, nil
}

func (d systemDoor) nextVerification(ctx context.Context, userID string, now time.Time) (at time.Time, err error) {
	sent, err := list(ctx, d.hands, sysVerificationsOf, args{userID, now.Add(-verifyTTL).UnixMilli()},
		func(row *sql.Rows, to *int64) error { return row.Scan(to) })
	if err != nil || len(sent) == 0 {
		return now, err
	}
	at = fromMilli(sent[len(sent)-1]).Add(verifyEvery)
	if len(sent) >= verifyMost {
		at = fromMilli(sent[len(sent)-verifyMost]).Add(verifyTTL)
	}
	return at, nil
}

func (d systemDoor) maySendVerification(ctx context.Context, userID string, now time.Time) error {
	at, err := d.nextVerification(ctx, userID, now)
	if err == nil && at.After(now) {
		err = &AttemptsError{RetryAfter: at.Sub(now)}
	}
	return err
}

// addVerification makes a link and queues the mail with it.
func (d systemDoor) addVerification(ctx context.Context, s *Store, userID string) error {
	link, now := newToken(verifyPrefix), s.now()
	hash, _ := hashToken(verifyPrefix, link)
	ends := now.Add(verifyTTL)
	if err := d.exec(ctx, sysAddVerification, args{hash, userID, now.UnixMilli(), ends.UnixMilli()}); err != nil {
		return err
	}
	return d.enqueueLink(ctx, s, MailVerifyAddress, userID, hash, MailedLink{Token: link.Reveal(), EndsAt: &ends})
}

// enqueueLink queues a mail about a link that is known by its hash.
func (d systemDoor) enqueueLink(ctx context.Context, s *Store, kind, userID string, hash []byte, l MailedLink) error {
	payload, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("write the mail: %w", err)
	}
	return d.enqueue(ctx, s, NewUserMail{UserID: userID, Kind: kind, DedupeKey: kind + ":" + hex.EncodeToString(hash[:8]), Payload: payload})
}

// CheckVerification says whose address a link verifies, and does not use it.
// Errors: ErrNotFound, ErrExpired.
func (s *Store) CheckVerification(ctx context.Context, link secret.Text) (email string, err error) {
	err = s.read(ctx, func(d systemDoor) error {
		_, email, err = s.verification(ctx, d, link)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("check the verification: %w", err)
	}
	return email, nil
}

func (s *Store) verification(ctx context.Context, d systemDoor, link secret.Text) (userID, email string, err error) {
	hash, ok := hashToken(verifyPrefix, link)
	if !ok {
		return "", "", ErrNotFound
	}
	var ends int64
	if err := d.get(ctx, sysVerification, args{hash}, &userID, &email, &ends); err != nil {
		return "", "", err
	}
	if s.expired(ends) {
		return "", "", ErrExpired
	}
	return userID, email, nil
}

// Verify uses a link: the address is the person's from now on. Wrong links are
// limited per IP. Errors: ErrNotFound, ErrExpired, *AttemptsError.
func (s *Store) Verify(ctx context.Context, link secret.Text, ip string) (userID string, err error) {
	counted := subjects("verify-link", "", ip)
	if err := s.countAttempt(ctx, counted); err != nil {
		return "", fmt.Errorf("verify the address: %w", err)
	}
	err = s.write(ctx, func(d systemDoor) error {
		if userID, _, err = s.verification(ctx, d, link); err != nil {
			return err
		}
		return errors.Join(d.markVerified(ctx, userID, s.now()), d.forgive(ctx, counted, s.now()))
	})
	if err != nil {
		return "", fmt.Errorf("verify the address: %w", err)
	}
	return userID, nil
}

// markVerified notes it, unless it was noted before, and ends the person's links.
func (d systemDoor) markVerified(ctx context.Context, userID string, now time.Time) error {
	return errors.Join(d.exec(ctx, sysMarkVerified, args{now.UnixMilli(), userID}), d.exec(ctx, sysDropVerifyLinks, args{userID}))
}
