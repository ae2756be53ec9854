// Member: a person's place in one org. What an org knows of its members stands in
// its own rows; it can't look at the server's users.

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"hostaway-mcp/secret"
)

// Role is what a member may do in the org.
type Role string

// The roles, from the most to the least.
const (
	RoleOwner  Role = "owner"
	RoleAdmin  Role = "admin"
	RoleMember Role = "member"
)

// Member is a person in an org. Name is what this org calls the person.
type Member struct {
	ID, UserID, Email, Name string
	Role                    Role
	CreatedAt               time.Time
}

// Members lists the org's members, the first one first.
func (o *Org) Members(ctx context.Context) (all []Member, err error) {
	err = o.read(ctx, func(d orgDoor) error {
		all, err = list(ctx, d.hands,
			`SELECT id, user_id, email, name, role, created_at FROM members ORDER BY created_at, id`, nil,
			func(row *sql.Rows, to *Member) error {
				var created int64
				err := row.Scan(&to.ID, &to.UserID, &to.Email, &to.Name, &to.Role, &created)
				to.CreatedAt = fromMilli(created)
				return err
			})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the members: %w", err)
	}
	return all, nil
}

// AddMember lets a person into the org. An address that already signs in on this
// server keeps its own password, and the answer does not tell.
// Errors: ErrConflict (a member already), *InputError, ErrNotReplicated (with the member).
func (o *Org) AddMember(ctx context.Context, by Actor, email, name string, role Role, password secret.Text) (Member, error) {
	m, hash, err := o.checkMember(ctx, email, name, role, password)
	if err != nil {
		return Member{}, err
	}
	err = o.store.transactCritical(ctx, func(t *transaction) error {
		err := t.asSystem(func(sys systemDoor) error {
			known, _, err := sys.userByEmail(ctx, m.Email)
			if errors.Is(err, ErrNotFound) {
				return sys.addUser(ctx, User{ID: m.UserID, Email: m.Email, Name: m.Name, Verified: true, CreatedAt: m.CreatedAt}, hash)
			}
			if err != nil {
				return err
			}
			m.UserID = known.ID
			return sys.markVerified(ctx, known.ID, m.CreatedAt) // who lets somebody in answers for the address
		})
		if err != nil {
			return err
		}
		return t.asOrg(o, func(d orgDoor) error {
			if err := d.addMember(ctx, m); err != nil {
				return err
			}
			return d.audit(ctx, by, Action{Name: "member.added", Target: m.ID, Detail: m.Name + ", " + string(role)})
		})
	})
	if undone(err) {
		return Member{}, fmt.Errorf("add the member: %w", err)
	}
	return m, err
}

func (o *Org) checkMember(ctx context.Context, email, name string, role Role, password secret.Text) (m Member, hash string, err error) {
	m = Member{ID: newID("mem"), UserID: newID("usr"), Role: role, CreatedAt: o.store.now()}
	if m.Email, err = cleanEmail(email); err != nil {
		return m, "", err
	}
	if m.Name, err = cleanName("member_name", name); err != nil {
		return m, "", err
	}
	if err := checkRole(role); err != nil {
		return m, "", err
	}
	hash, err = o.store.newPassword(ctx, m.Email, password)
	return m, hash, err
}

func (d orgDoor) addMember(ctx context.Context, m Member) error {
	err := d.exec(ctx, `INSERT INTO members (org_id, id, user_id, email, name, role, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		args{d.org.id, m.ID, m.UserID, m.Email, m.Name, m.Role, m.CreatedAt.UnixMilli()})
	if isTaken(err) {
		return fmt.Errorf("%w: this person is a member already", ErrConflict)
	}
	return err
}

// SetRole changes a member's role.
// Errors: ErrNotFound, ErrConflict (the last owner stays an owner), *InputError, ErrNotReplicated.
func (o *Org) SetRole(ctx context.Context, by Actor, memberID string, role Role) error {
	if err := checkRole(role); err != nil {
		return err
	}
	err := o.writeCritical(ctx, func(d orgDoor) error {
		if err := d.get(ctx, `UPDATE members SET role = ? WHERE id = ? RETURNING id`, args{role, memberID}, &memberID); err != nil {
			return err
		}
		if err := d.requireOwner(ctx); err != nil {
			return err
		}
		return d.audit(ctx, by, Action{Name: "member.role_changed", Target: memberID, Detail: string(role)})
	})
	if err != nil {
		return fmt.Errorf("change the member's role: %w", err)
	}
	return nil
}

// RemoveMember takes a person out of the org. The person's sessions lead into
// another org from then on, or nowhere.
// Errors: ErrNotFound, ErrConflict (the last owner stays), ErrNotReplicated.
func (o *Org) RemoveMember(ctx context.Context, by Actor, memberID string) error {
	err := o.writeCritical(ctx, func(d orgDoor) error {
		var name string
		if err := d.get(ctx, `DELETE FROM members WHERE id = ? RETURNING name`, args{memberID}, &name); err != nil {
			return err
		}
		if err := d.requireOwner(ctx); err != nil {
			return err
		}
		return d.audit(ctx, by, Action{Name: "member.removed", Target: memberID, Detail: name})
	})
	if err != nil {
		return fmt.Errorf("remove the member: %w", err)
	}
	return nil
}

// requireOwner fails the transaction that took away the last owner.
func (d orgDoor) requireOwner(ctx context.Context) error {
	var owners int
	if err := d.get(ctx, `SELECT count(*) FROM members WHERE role = ?`, args{RoleOwner}, &owners); err != nil {
		return err
	}
	if owners == 0 {
		return fmt.Errorf("%w: the org needs an owner; make somebody else owner first", ErrConflict)
	}
	return nil
}
