// Org: a customer, and the only way to a customer's rows (lock 1).

package store

import (
	"context"
	"fmt"
	"iter"
	"time"

	"hostaway-mcp/secret"
)

// Org is one customer. It comes from a door of the Store and can't be made
// outside of this package; every method of it sees this org's rows only.
type Org struct {
	store     *Store
	id, name  string
	createdAt time.Time
	access    AccessState // as it was stored when the door was entered
}

// ID is the org's id, org_…
func (o *Org) ID() string { return o.id }

// Name is the org's name when the door was entered.
func (o *Org) Name() string { return o.name }

// CreatedAt is when the org was made, UTC.
func (o *Org) CreatedAt() time.Time { return o.createdAt }

// NewOrg describes an org and its first owner.
type NewOrg struct {
	Name, Email, MemberName string
	Password                secret.Text
	Operator                bool // the owner is also the operator of this server
}

// CreateOrg makes an org with one owner, who can sign in. Whoever makes it answers for
// the owner's address.
// Errors: ErrConflict (the address signs in already), *InputError, ErrNotReplicated
// (with the org).
func (s *Store) CreateOrg(ctx context.Context, n NewOrg, by Actor) (*Org, Member, error) {
	d, err := s.prepareOrg(ctx, n)
	if err != nil {
		return nil, Member{}, err
	}
	err = s.transactCritical(ctx, func(t *transaction) error { return d.create(ctx, t, by) })
	if undone(err) {
		return nil, Member{}, fmt.Errorf("create the org: %w", err)
	}
	return d.org, d.owner, err
}

// orgDraft is an org that is checked and hashed, ready for a short transaction.
type orgDraft struct {
	org          *Org
	user         User
	owner        Member
	passwordHash string
}

func (s *Store) prepareOrg(ctx context.Context, n NewOrg) (*orgDraft, error) {
	orgName, err := cleanName("org_name", n.Name)
	if err != nil {
		return nil, err
	}
	memberName, err := cleanName("member_name", n.MemberName)
	if err != nil {
		return nil, err
	}
	email, err := cleanEmail(n.Email)
	if err != nil {
		return nil, err
	}
	hash, err := s.newPassword(ctx, email, n.Password)
	if err != nil {
		return nil, err
	}
	now := s.now()
	user := User{ID: newID("usr"), Email: email, Name: memberName, Operator: n.Operator, Verified: true, CreatedAt: now}
	return &orgDraft{
		org:          &Org{store: s, id: newID("org"), name: orgName, createdAt: now},
		user:         user,
		owner:        Member{ID: newID("mem"), UserID: user.ID, Email: email, Name: memberName, Role: RoleOwner, CreatedAt: now},
		passwordHash: hash,
	}, nil
}

// create writes the draft. A zero actor is the new owner.
func (d *orgDraft) create(ctx context.Context, t *transaction, by Actor) error {
	if by.Kind == "" {
		by.Kind, by.ID, by.Name = ActorMember, d.owner.ID, d.owner.Name
	}
	err := t.asSystem(func(sys systemDoor) error { return sys.addUser(ctx, d.user, d.passwordHash) })
	if err != nil {
		return err
	}
	return t.asOrg(d.org, func(o orgDoor) error {
		err := o.exec(ctx, `INSERT INTO orgs (id, name, connections, created_at) VALUES (?, ?, 0, ?)`,
			args{d.org.id, d.org.name, d.org.createdAt.UnixMilli()})
		if err != nil {
			return err
		}
		if err := o.addMember(ctx, d.owner); err != nil {
			return err
		}
		return o.audit(ctx, by, Action{Name: "org.created", Target: d.org.id, Detail: d.org.name})
	})
}

// Rename gives the org another name. This *Org keeps the name it was opened with.
func (o *Org) Rename(ctx context.Context, by Actor, name string) error {
	name, err := cleanName("org_name", name)
	if err != nil {
		return err
	}
	err = o.write(ctx, func(d orgDoor) error {
		var id string
		if err := d.get(ctx, `UPDATE orgs SET name = ? RETURNING id`, args{name}, &id); err != nil {
			return err
		}
		return d.audit(ctx, by, Action{Name: "org.renamed", Target: o.id, Detail: name})
	})
	if err != nil {
		return fmt.Errorf("rename the org: %w", err)
	}
	return nil
}

// CountOrgs says how many orgs the server has.
func (s *Store) CountOrgs(ctx context.Context) (n int, err error) {
	err = s.read(ctx, func(d systemDoor) error { return d.get(ctx, sysCountOrgs, nil, &n) })
	if err != nil {
		return 0, fmt.Errorf("count the orgs: %w", err)
	}
	return n, nil
}

// EachOrg walks all orgs by id, for jobs and for the operator's command line. An
// error ends the walk. Orgs that are made meanwhile may or may not come.
func (s *Store) EachOrg(ctx context.Context) iter.Seq2[*Org, error] {
	return func(yield func(*Org, error) bool) {
		for after := ""; ; {
			page, err := s.orgsAfter(ctx, after)
			if err != nil {
				yield(nil, fmt.Errorf("list the orgs: %w", err))
				return
			}
			for _, o := range page {
				if !yield(o, nil) {
					return
				}
				after = o.id
			}
			if len(page) == 0 {
				return
			}
		}
	}
}

func (s *Store) orgsAfter(ctx context.Context, after string) (page []*Org, err error) {
	err = s.read(ctx, func(d systemDoor) error {
		page, err = list(ctx, d.hands, sysOrgsAfter, args{after}, s.scanOrg)
		return err
	})
	return page, err
}
