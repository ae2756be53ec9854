// Signing up: a person makes an org of their own, with a link that is good once
// or, where the operator allows it, without.

package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hostaway-mcp/secret"
)

// SignUpKind is what a sign-up link is for.
type SignUpKind string

// SetUp makes the first org, and its owner the operator; Invite makes any other.
const (
	SetUp  SignUpKind = "setup"
	Invite SignUpKind = "invite"
)

const signUpPrefix = "hmcpu_"

// knownAfter is how soon a second sign-up with the same address counts as one.
const knownAfter = 10 * time.Minute

// SignUp is what somebody typed. Link may be zero where sign-up is open, which
// the caller decides.
type SignUp struct {
	OrgName, Email, MemberName string
	Password, Link             secret.Text
	IP, UserAgent              string
}

// CreateSignUpLink makes a link's secret, good once and for ttl. A new SetUp link
// replaces the unused ones from before: each start of a new server prints one.
func (s *Store) CreateSignUpLink(ctx context.Context, kind SignUpKind, ttl time.Duration, by Actor) (secret.Text, error) {
	if kind != SetUp && kind != Invite {
		return secret.Text{}, &InputError{"kind", "it must be setup or invite"}
	}
	link := newToken(signUpPrefix)
	hash, _ := hashToken(signUpPrefix, link)
	now := s.now()
	err := s.write(ctx, func(d systemDoor) error {
		if kind == SetUp {
			if err := d.exec(ctx, sysDropSetUpLinks, nil); err != nil {
				return err
			}
		}
		return d.exec(ctx, sysAddSignUpLink, args{hash, kind, by.label(), now.UnixMilli(), now.Add(ttl).UnixMilli()})
	})
	if err != nil {
		return secret.Text{}, fmt.Errorf("create the sign-up link: %w", err)
	}
	return link, nil
}

// CheckSignUpLink says what an unused link is for, and does not use it.
// Errors: ErrNotFound, ErrExpired.
func (s *Store) CheckSignUpLink(ctx context.Context, link secret.Text) (kind SignUpKind, err error) {
	err = s.read(ctx, func(d systemDoor) error {
		kind, err = s.signUpLink(ctx, d, sysSignUpLink, link)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("check the sign-up link: %w", err)
	}
	return kind, nil
}

// signUpLink runs one of the two statements that answer with kind and end.
func (s *Store) signUpLink(ctx context.Context, d systemDoor, text string, link secret.Text, before ...any) (kind SignUpKind, err error) {
	hash, ok := hashToken(signUpPrefix, link)
	if !ok {
		return "", ErrNotFound
	}
	var ends int64
	if err := d.get(ctx, text, append(before, hash), &kind, &ends); err != nil {
		return "", err
	}
	if s.expired(ends) {
		return "", ErrExpired
	}
	return kind, nil
}

// useSignUpLink uses a link up. A SetUp link is good only while there is no org:
// whoever finds an old one must not become operator.
func (s *Store) useSignUpLink(ctx context.Context, d systemDoor, link secret.Text) (SignUpKind, error) {
	kind, err := s.signUpLink(ctx, d, sysUseSignUpLink, link, s.now().UnixMilli())
	if err != nil || kind != SetUp {
		return kind, err
	}
	var orgs int
	if err := d.get(ctx, sysCountOrgs, nil, &orgs); err != nil {
		return "", err
	}
	if orgs > 0 {
		return "", ErrNotFound
	}
	return kind, nil
}

// SignUp makes an org with its owner and signs the owner in. A link is used up in
// the same transaction; SetUp makes the owner an operator. Look at the link first
// (CheckSignUpLink): here it is judged only after the password was hashed.
// Errors: ErrNotFound and ErrExpired for the link, ErrConflict (the address signs
// in already), *InputError, *AttemptsError (by IP), ErrNotReplicated (with the
// session).
func (s *Store) SignUp(ctx context.Context, in SignUp) (secret.Text, Session, error) {
	if err := s.countAttempt(ctx, subjects("sign-up", "", in.IP)); err != nil {
		return secret.Text{}, Session{}, fmt.Errorf("sign up: %w", err)
	}
	draft, err := s.prepareOrg(ctx, NewOrg{Name: in.OrgName, Email: in.Email, MemberName: in.MemberName, Password: in.Password})
	if err != nil {
		return secret.Text{}, Session{}, err
	}
	token := newToken(sessionPrefix)
	copied := s.transactCritical(ctx, func(t *transaction) error { return s.signUp(ctx, t, in, draft, token) })
	if undone(copied) {
		return secret.Text{}, Session{}, fmt.Errorf("sign up: %w", copied)
	}
	token, session, err := s.started(ctx, token)
	if err != nil {
		return secret.Text{}, Session{}, err
	}
	return token, session, copied
}

// SignUpToVerify makes an org with its owner, whose address is not verified, and sends
// a mail with a link that does. Nobody is signed in, and an address that signs in
// already gets a mail that says so: the answer is the same, and takes the same writes.
// A mail that repeats itself comes once a day.
// Errors: *InputError, *AttemptsError (by address and IP), ErrNotReplicated (all is done).
func (s *Store) SignUpToVerify(ctx context.Context, in SignUp) error {
	email, err := cleanEmail(in.Email)
	if err != nil {
		return err
	}
	if err := s.countAttempt(ctx, subjects("sign-up", email, in.IP)); err != nil {
		return fmt.Errorf("sign up: %w", err)
	}
	draft, err := s.prepareOrg(ctx, NewOrg{Name: in.OrgName, Email: email, MemberName: in.MemberName, Password: in.Password})
	if err != nil {
		return err
	}
	draft.user.Verified = false
	err = s.transactCritical(ctx, func(t *transaction) error {
		known, err := s.tellKnown(ctx, t, email)
		if err != nil || known {
			return err
		}
		if err := draft.create(ctx, t, Actor{IP: in.IP, UserAgent: in.UserAgent}); err != nil {
			return err
		}
		return t.asSystem(func(d systemDoor) error { return d.addVerification(ctx, s, draft.user.ID) })
	})
	if undone(err) {
		return fmt.Errorf("sign up: %w", err)
	}
	return err
}

// tellKnown writes to an address that signs in already.
func (s *Store) tellKnown(ctx context.Context, t *transaction, email string) (known bool, err error) {
	err = t.asSystem(func(d systemDoor) error {
		user, _, err := d.userByEmail(ctx, email)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		known = true
		if !user.Verified && s.now().Sub(user.CreatedAt) < knownAfter {
			return d.exec(ctx, sysProbe, nil) // the same person, who pressed the button twice
		}
		key := MailAddressKnown + ":" + user.ID + ":" + s.now().Format(time.DateOnly)
		return errors.Join(d.exec(ctx, sysProbe, nil), d.enqueue(ctx, s, NewUserMail{UserID: user.ID, Kind: MailAddressKnown, DedupeKey: key}))
	})
	return known, err
}

func (s *Store) signUp(ctx context.Context, t *transaction, in SignUp, draft *orgDraft, token secret.Text) error {
	if in.Link.IsZero() {
		draft.user.Verified = false
	} else {
		err := t.asSystem(func(d systemDoor) error {
			kind, err := s.useSignUpLink(ctx, d, in.Link)
			draft.user.Operator = kind == SetUp
			return err
		})
		if err != nil {
			return err
		}
	}
	if err := draft.create(ctx, t, Actor{IP: in.IP, UserAgent: in.UserAgent}); err != nil {
		return err
	}
	return t.asSystem(func(d systemDoor) error {
		n := newSession{token: token, userID: draft.user.ID, orgID: draft.org.id, ip: in.IP, userAgent: in.UserAgent}
		return errors.Join(d.addSession(ctx, n, s.now()), d.forgive(ctx, subjects("sign-up", "", in.IP), s.now()))
	})
}
