// User: a person's sign-in identity, which belongs to the server and not to an org.

package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// User is who signs in. Operator marks those who may run the server, Verified those
// whose address is known to be theirs.
type User struct {
	ID, Email, Name string
	Operator        bool
	Verified        bool
	CreatedAt       time.Time
}

// Users lists all sign-in identities by address, for the operator.
func (s *Store) Users(ctx context.Context) (all []User, err error) {
	err = s.read(ctx, func(d systemDoor) error {
		all, err = list(ctx, d.hands, sysListUsers, nil, func(row *sql.Rows, to *User) error {
			var created int64
			var verified sql.NullInt64
			err := row.Scan(&to.ID, &to.Email, &to.Name, &to.Operator, &verified, &created)
			to.Verified, to.CreatedAt = verified.Valid, fromMilli(created)
			return err
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the users: %w", err)
	}
	return all, nil
}

// SetOperator makes the user of this address an operator, or no longer.
// Errors: ErrNotFound, *InputError.
func (s *Store) SetOperator(ctx context.Context, email string, on bool) error {
	email, err := cleanEmail(email)
	if err != nil {
		return err
	}
	err = s.write(ctx, func(d systemDoor) error {
		var id string
		return d.get(ctx, sysSetOperator, args{on, email}, &id)
	})
	if err != nil {
		return fmt.Errorf("set the operator: %w", err)
	}
	return nil
}

// userByEmail returns the user and the password's hash. Error: ErrNotFound.
func (d systemDoor) userByEmail(ctx context.Context, email string) (u User, hash string, err error) {
	var created int64
	var verified sql.NullInt64
	err = d.get(ctx, sysUserByEmail, args{email}, &u.ID, &u.Email, &u.Name, &u.Operator, &verified, &created, &hash)
	u.Verified, u.CreatedAt = verified.Valid, fromMilli(created)
	return u, hash, err
}

func (d systemDoor) addUser(ctx context.Context, u User, hash string) error {
	var verified time.Time
	if u.Verified {
		verified = u.CreatedAt
	}
	err := d.exec(ctx, sysAddUser, args{u.ID, u.Email, u.Name, hash, u.Operator, milliOrNull(verified), u.CreatedAt.UnixMilli()})
	if isTaken(err) {
		return fmt.Errorf("%w: this address signs in already", ErrConflict)
	}
	return err
}
