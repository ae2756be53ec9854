// Session: a person who is signed in, looking at one org. The browser holds the
// token, the store holds its hash.

package store

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"hostaway-mcp/secret"
)

const (
	sessionPrefix = "hmcps_"
	sessionIdle   = 14 * 24 * time.Hour
	sessionLong   = 30 * 24 * time.Hour // "keep me signed in"
	sessionShort  = 24 * time.Hour
	sessionTouch  = 5 * time.Minute // last seen is written at most this often
)

// Session is who is signed in, as a member of the org that the session looks at.
// CSRF belongs into the forms of this session; it tells nothing about the token.
type Session struct {
	ID                               string
	User                             User
	Member                           Member
	CreatedAt, LastSeenAt, ExpiresAt time.Time
	CSRF                             string
}

// Membership is one of the orgs that a person may look at.
type Membership struct {
	OrgID, OrgName string
	Role           Role
}

// OrgBySession opens the org that the session looks at; when that membership has
// ended, the person's oldest other one. ErrNotFound: unknown token, signed out,
// idle for more than 14 days, older than its end (30 days, or 24 hours when it
// was not to be kept), or no membership left.
func (s *Store) OrgBySession(ctx context.Context, token secret.Text) (*Org, Session, error) {
	o, session, err := s.session(ctx, token)
	if err != nil {
		return nil, Session{}, fmt.Errorf("open the session: %w", err)
	}
	if now := s.now(); now.Sub(session.LastSeenAt) > sessionTouch {
		s.commits.later(touch{session: session.ID, at: now})
	}
	return o, session, nil
}

func (s *Store) session(ctx context.Context, token secret.Text) (*Org, Session, error) {
	hash, ok := hashToken(sessionPrefix, token)
	if !ok {
		return nil, Session{}, ErrNotFound
	}
	var o *Org
	var session Session
	err := s.read(ctx, func(d systemDoor) (err error) {
		o, session, err = s.sessionByHash(ctx, d, hash)
		return err
	})
	if err != nil {
		return nil, Session{}, err
	}
	now := s.now()
	if !now.Before(session.ExpiresAt) || now.Sub(session.LastSeenAt) > sessionIdle {
		return nil, Session{}, ErrNotFound
	}
	session.CSRF = csrf(token)
	return o, session, nil
}

func (s *Store) sessionByHash(ctx context.Context, d systemDoor, hash []byte) (*Org, Session, error) {
	var v Session
	var created, seen, expires, userCreated, memberCreated int64
	var verified sql.NullInt64
	var org orgRow
	u, m, o := &v.User, &v.Member, &Org{store: s}
	err := d.get(ctx, sysSessionByToken, args{hash}, append(org.into(o),
		&v.ID, &created, &seen, &expires,
		&u.ID, &u.Email, &u.Name, &u.Operator, &verified, &userCreated,
		&m.ID, &m.UserID, &m.Email, &m.Name, &m.Role, &memberCreated)...)
	if err != nil {
		return nil, Session{}, err
	}
	v.CreatedAt, v.LastSeenAt, v.ExpiresAt = fromMilli(created), fromMilli(seen), fromMilli(expires)
	u.Verified, u.CreatedAt, m.CreatedAt = verified.Valid, fromMilli(userCreated), fromMilli(memberCreated)
	org.fill(o)
	return o, v, nil
}

// csrf derives the form token: only who holds the session token can make it.
func csrf(token secret.Text) string {
	mac := hmac.New(sha256.New, []byte(token.Reveal()))
	mac.Write([]byte("csrf"))
	return hex.EncodeToString(mac.Sum(nil))
}

// newSession is a session to be written, and its token.
type newSession struct {
	token         secret.Text
	userID, orgID string
	ip, userAgent string
	keep          bool
}

func (d systemDoor) addSession(ctx context.Context, n newSession, now time.Time) error {
	hash, _ := hashToken(sessionPrefix, n.token)
	ends := now.Add(sessionShort)
	if n.keep {
		ends = now.Add(sessionLong)
	}
	return d.exec(ctx, sysAddSession, args{
		newID("ses"), hash, n.userID, n.orgID, n.ip, n.userAgent,
		now.UnixMilli(), now.UnixMilli(), ends.UnixMilli(),
	})
}

// SignOut ends the session. A token of no session is no error: it is ended.
func (s *Store) SignOut(ctx context.Context, token secret.Text) error {
	hash, ok := hashToken(sessionPrefix, token)
	if !ok {
		return nil
	}
	if err := s.writeOnReserve(ctx, func(d systemDoor) error { return d.exec(ctx, sysEndSession, args{hash}) }); err != nil {
		return fmt.Errorf("sign out: %w", err)
	}
	return nil
}

// Memberships lists the orgs of the person who is signed in, by name.
// Error: ErrNotFound when the session has ended.
func (s *Store) Memberships(ctx context.Context, token secret.Text) ([]Membership, error) {
	_, session, err := s.session(ctx, token)
	if err != nil {
		return nil, fmt.Errorf("list the memberships: %w", err)
	}
	var all []Membership
	err = s.read(ctx, func(d systemDoor) error {
		all, err = d.memberships(ctx, session.User.ID)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the memberships: %w", err)
	}
	return all, nil
}

func (d systemDoor) memberships(ctx context.Context, userID string) ([]Membership, error) {
	return list(ctx, d.hands, sysMemberships, args{userID}, func(row *sql.Rows, to *Membership) error {
		return row.Scan(&to.OrgID, &to.OrgName, &to.Role)
	})
}

// SwitchOrg makes the session look at another org of the person.
// Error: ErrNotFound when the session has ended, and for every other org.
func (s *Store) SwitchOrg(ctx context.Context, token secret.Text, orgID string) error {
	_, session, err := s.session(ctx, token)
	if err != nil {
		return fmt.Errorf("switch the org: %w", err)
	}
	err = s.writeOnReserve(ctx, func(d systemDoor) error {
		mine, err := d.memberships(ctx, session.User.ID)
		if err != nil {
			return err
		}
		for _, m := range mine {
			if m.OrgID == orgID {
				hash, _ := hashToken(sessionPrefix, token)
				var id string
				return d.get(ctx, sysMoveSession, args{orgID, hash}, &id)
			}
		}
		return ErrNotFound
	})
	if err != nil {
		return fmt.Errorf("switch the org: %w", err)
	}
	return nil
}

// firstOrg is where a person's new session starts: the oldest membership, as in
// sysSessionByToken. An org that is called AAA does not get to be first.
func (d systemDoor) firstOrg(ctx context.Context, userID string) (orgID string, err error) {
	err = d.get(ctx, sysFirstOrg, args{userID}, &orgID)
	if errors.Is(err, ErrNotFound) {
		err = errors.New("this person is a member of no org any more")
	}
	return orgID, err
}
