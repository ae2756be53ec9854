// Password resets: a link, good once and for one hour, that sets a new password
// and ends every session of the person.

package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hostaway-mcp/secret"
)

const (
	resetPrefix = "hmcpr_"
	resetTTL    = time.Hour
	resetMost   = 5 // unused links in mails to one person
)

// CreatePasswordReset makes the secret of a link for this address; an earlier one
// ends. Unless the operator or the system asks, it is limited per address and IP.
// Errors: ErrNotFound, *AttemptsError, *InputError.
func (s *Store) CreatePasswordReset(ctx context.Context, email string, by Actor) (secret.Text, error) {
	email, err := cleanEmail(email)
	if err != nil {
		return secret.Text{}, err
	}
	if by.Kind != ActorOperator && by.Kind != ActorSystem {
		if err := s.countAttempt(ctx, subjects("reset", email, by.IP)); err != nil {
			return secret.Text{}, fmt.Errorf("create the password reset: %w", err)
		}
	}
	link := newToken(resetPrefix)
	hash, _ := hashToken(resetPrefix, link)
	now := s.now()
	err = s.write(ctx, func(d systemDoor) error {
		user, _, err := d.userByEmail(ctx, email)
		if err != nil {
			return err
		}
		if err := d.exec(ctx, sysDropPasswordResets, args{user.ID}); err != nil {
			return err
		}
		return d.exec(ctx, sysAddPasswordReset, args{hash, user.ID, by.label(), now.UnixMilli(), now.Add(resetTTL).UnixMilli()})
	})
	if err != nil {
		return secret.Text{}, fmt.Errorf("create the password reset: %w", err)
	}
	return link, nil
}

// SendPasswordReset queues a mail with a link to this address, if it signs in here.
// Whether it does, neither the answer nor its time tells: both ways take the same
// attempts and one commit. Earlier links stay good until one is used, so that nobody
// can end a link that somebody else is about to open; of five that are unused,
// another ask sends none. Limited per address and IP.
// Errors: *AttemptsError, *InputError.
func (s *Store) SendPasswordReset(ctx context.Context, email, ip string) error {
	email, err := cleanEmail(email)
	if err != nil {
		return err
	}
	if err := s.countAttempt(ctx, subjects("reset", email, ip)); err != nil {
		return fmt.Errorf("send the password reset: %w", err)
	}
	link, now := newToken(resetPrefix), s.now()
	hash, _ := hashToken(resetPrefix, link)
	ends := now.Add(resetTTL)
	err = s.write(ctx, func(d systemDoor) error {
		if err := d.exec(ctx, sysProbe, nil); err != nil { // so that there is something to commit
			return err
		}
		user, _, err := d.userByEmail(ctx, email)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		var unused int
		if err := d.get(ctx, sysCountMailedResets, args{user.ID, now.UnixMilli()}, &unused); err != nil || unused >= resetMost {
			return err
		}
		if err := d.exec(ctx, sysAddMailedReset, args{hash, user.ID, "mail", now.UnixMilli(), ends.UnixMilli()}); err != nil {
			return err
		}
		return d.enqueueLink(ctx, s, MailResetPassword, user.ID, hash, MailedLink{Token: link.Reveal(), EndsAt: &ends})
	})
	if err != nil {
		return fmt.Errorf("send the password reset: %w", err)
	}
	return nil
}

// CheckPasswordReset says whose password an unused link resets, and does not use
// it. Errors: ErrNotFound, ErrExpired.
func (s *Store) CheckPasswordReset(ctx context.Context, link secret.Text) (email string, err error) {
	err = s.read(ctx, func(d systemDoor) error {
		r, err := s.passwordReset(ctx, d, link)
		email = r.email
		return err
	})
	if err != nil {
		return "", fmt.Errorf("check the password reset: %w", err)
	}
	return email, nil
}

// passwordReset is a link that can be used.
type passwordReset struct {
	hash          []byte
	userID, email string
	mailed        bool // it went to the address, so who has it reads that mail
}

func (s *Store) passwordReset(ctx context.Context, d systemDoor, link secret.Text) (r passwordReset, err error) {
	var ok bool
	if r.hash, ok = hashToken(resetPrefix, link); !ok {
		return r, ErrNotFound
	}
	var ends int64
	if err := d.get(ctx, sysPasswordReset, args{r.hash}, &r.userID, &r.email, &ends, &r.mailed); err != nil {
		return passwordReset{}, err
	}
	if s.expired(ends) {
		return passwordReset{}, ErrExpired
	}
	return r, nil
}

// ResetPassword sets the password, uses the link up and ends all sessions of the
// person, who gets a mail about it. A link that came by mail verifies the address too.
// Wrong links are limited per IP.
// Errors: ErrNotFound, ErrExpired, *InputError, *AttemptsError.
func (s *Store) ResetPassword(ctx context.Context, link, password secret.Text, ip string) error {
	counted := subjects("reset-link", "", ip)
	if err := s.countAttempt(ctx, counted); err != nil {
		return fmt.Errorf("reset the password: %w", err)
	}
	email, err := s.CheckPasswordReset(ctx, link)
	if err != nil {
		return err
	}
	hash, err := s.newPassword(ctx, email, password)
	if err != nil {
		return err
	}
	err = s.write(ctx, func(d systemDoor) error {
		r, err := s.passwordReset(ctx, d, link)
		if err != nil {
			return err
		}
		return errors.Join(s.useReset(ctx, d, r, hash), d.forgive(ctx, append(counted, subjects("sign-in", email, ip)...), s.now()))
	})
	if err != nil {
		return fmt.Errorf("reset the password: %w", err)
	}
	return nil
}

// useReset is all that follows from a link that is used.
func (s *Store) useReset(ctx context.Context, d systemDoor, r passwordReset, password string) error {
	now := s.now()
	err := errors.Join(
		d.get(ctx, sysSetPassword, args{password, r.userID}, &r.email),
		d.exec(ctx, sysDropPasswordResets, args{r.userID}),
		d.exec(ctx, sysEndSessionsOf, args{r.userID}),
		d.enqueueLink(ctx, s, MailPasswordChanged, r.userID, r.hash, MailedLink{At: &now}),
	)
	if err == nil && r.mailed {
		err = d.markVerified(ctx, r.userID, now)
	}
	return err
}
