// What people type: names, addresses and roles, checked once, here.

package store

import (
	"fmt"
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"
)

const maxName = 100

// cleanName trims a name and refuses one that is empty, longer than 100
// characters or not printable. Error: *InputError for the field.
func cleanName(field, name string) (string, error) {
	name = strings.Join(strings.Fields(name), " ")
	switch {
	case name == "":
		return "", &InputError{field, "it must not be empty"}
	case utf8.RuneCountInString(name) > maxName:
		return "", &InputError{field, fmt.Sprintf("it must not be longer than %d characters", maxName)}
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return "", &InputError{field, "it holds characters that can't be shown"}
	}
	return name, nil
}

// cleanEmail normalises an address: trimmed, lower case, nothing but the
// address. Error: *InputError for email.
func cleanEmail(email string) (string, error) {
	email = strings.ToLower(strings.TrimSpace(email))
	addr, err := mail.ParseAddress(email)
	if err != nil || addr.Address != email || len(email) > 254 || !strings.Contains(email[strings.LastIndex(email, "@"):], ".") {
		return "", &InputError{"email", "it is not an e-mail address such as anna@example.com"}
	}
	return email, nil
}

func checkRole(role Role) error {
	switch role {
	case RoleOwner, RoleAdmin, RoleMember:
		return nil
	}
	return &InputError{"role", "it must be owner, admin or member"}
}
