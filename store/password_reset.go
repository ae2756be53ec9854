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

// CheckPasswordReset says whose password an unused link resets, and does not use
// it. Errors: ErrNotFound, ErrExpired.
func (s *Store) CheckPasswordReset(ctx context.Context, link secret.Text) (email string, err error) {
	err = s.read(ctx, func(d systemDoor) error {
		_, email, err = s.passwordReset(ctx, d, link)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("check the password reset: %w", err)
	}
	return email, nil
}

func (s *Store) passwordReset(ctx context.Context, d systemDoor, link secret.Text) (userID, email string, err error) {
	hash, ok := hashToken(resetPrefix, link)
	if !ok {
		return "", "", ErrNotFound
	}
	var ends int64
	if err := d.get(ctx, sysPasswordReset, args{hash}, &userID, &email, &ends); err != nil {
		return "", "", err
	}
	if s.expired(ends) {
		return "", "", ErrExpired
	}
	return userID, email, nil
}

// ResetPassword sets the password, uses the link up and ends all sessions of the
// person. Wrong links are limited per IP.
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
		userID, _, err := s.passwordReset(ctx, d, link)
		if err != nil {
			return err
		}
		return errors.Join(
			d.get(ctx, sysSetPassword, args{hash, userID}, &email),
			d.exec(ctx, sysDropPasswordResets, args{userID}),
			d.exec(ctx, sysEndSessionsOf, args{userID}),
			d.forgive(ctx, append(counted, subjects("sign-in", email, ip)...), s.now()),
		)
	})
	if err != nil {
		return fmt.Errorf("reset the password: %w", err)
	}
	return nil
}
