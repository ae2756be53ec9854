// Signing in: address and password become a session.

package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"hostaway-mcp/secret"
)

// SignIn is what somebody typed, and from where. Keep makes the session last up
// to 30 days instead of 24 hours.
type SignIn struct {
	Email         string
	Password      secret.Text
	IP, UserAgent string
	Keep          bool
}

// SignIn checks the password and starts a session; the token goes to the browser
// and is not kept. An unknown address, a wrong password and a person without an
// org get ErrWrongPassword after the same time. Error also: *AttemptsError.
func (s *Store) SignIn(ctx context.Context, in SignIn) (secret.Text, Session, error) {
	email := strings.ToLower(strings.TrimSpace(in.Email))
	counted := subjects("sign-in", email, in.IP)
	if err := s.countAttempt(ctx, counted); err != nil {
		return secret.Text{}, Session{}, fmt.Errorf("sign in: %w", err)
	}
	user, renew, err := s.checkPassword(ctx, email, in.Password)
	if err != nil {
		return secret.Text{}, Session{}, fmt.Errorf("sign in: %w", err)
	}
	n := newSession{token: newToken(sessionPrefix), userID: user.ID, ip: in.IP, userAgent: in.UserAgent, keep: in.Keep}
	err = s.writeOnReserve(ctx, func(d systemDoor) error {
		if err := d.forgive(ctx, counted, s.now()); err != nil {
			return err
		}
		if renew.to != "" {
			if err := d.exec(ctx, sysRenewPassword, args{renew.to, user.ID, renew.from}); err != nil {
				return err
			}
		}
		if n.orgID, err = d.firstOrg(ctx, user.ID); err != nil {
			return fmt.Errorf("%w (%w)", ErrWrongPassword, err)
		}
		return d.addSession(ctx, n, s.now())
	})
	if err != nil {
		return secret.Text{}, Session{}, fmt.Errorf("sign in: %w", err)
	}
	return s.started(ctx, n.token)
}

// started returns a session that was written just now.
func (s *Store) started(ctx context.Context, token secret.Text) (secret.Text, Session, error) {
	_, session, err := s.session(ctx, token)
	if err != nil {
		return secret.Text{}, Session{}, fmt.Errorf("start the session: %w", err)
	}
	return token, session, nil
}

// renewal replaces a hash that was made at another cost.
type renewal struct{ from, to string }

func (s *Store) checkPassword(ctx context.Context, email string, password secret.Text) (user User, r renewal, err error) {
	var hash string
	err = s.read(ctx, func(d systemDoor) error {
		user, hash, err = d.userByEmail(ctx, email)
		return err
	})
	if err != nil && !errors.Is(err, ErrNotFound) {
		return User{}, r, err
	}
	if len(password.Reveal()) > passwordMax {
		password = secret.Text{} // nobody has such a password; hash something short
	}
	ok, old, err := s.passwords.verify(ctx, password, hash)
	if err != nil {
		return User{}, r, err
	}
	if !ok {
		return User{}, r, ErrWrongPassword
	}
	if old {
		r.from = hash
		if r.to, err = s.passwords.hash(ctx, password); err != nil {
			return User{}, r, err
		}
	}
	return user, r, nil
}

// expired says whether a link that ends at this time has ended.
func (s *Store) expired(endsMilli int64) bool { return !s.now().Before(time.UnixMilli(endsMilli)) }
