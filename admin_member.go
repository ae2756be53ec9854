// admin member: list, add, remove the members of an org, and change roles.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
)

func adminMemberCommands() []command {
	return []command{
		{path: "admin member list", args: []string{"ORG"}, about: "List the members of an org", prepare: plainAction(listMembers)},
		{
			path: "admin member add", args: []string{"ORG", "EMAIL"},
			about:   "Add a member, and print the link for choosing a password",
			prepare: prepareAddMember,
		},
		{path: "admin member role", args: []string{"ORG", "EMAIL", "ROLE"}, about: "Make a member owner, admin or member", prepare: plainAction(setRole)},
		{path: "admin member remove", args: []string{"ORG", "EMAIL"}, about: "Remove a member from an org", prepare: plainAction(removeMember)},
	}
}

func listMembers(ctx context.Context, d desk, words []string) error {
	org, err := d.org(ctx, words[0])
	if err != nil {
		return err
	}
	members, err := org.Members(ctx)
	if err != nil {
		return d.problem(err)
	}
	rows := [][]string{{"ID", "EMAIL", "NAME", "ROLE", "SINCE"}}
	for _, m := range members {
		rows = append(rows, []string{m.ID, m.Email, m.Name, string(m.Role), day(m.CreatedAt)})
	}
	return printTable(d.out, rows)
}

func prepareAddMember(flags *flag.FlagSet) action {
	name := flags.String("name", "", "the member's `NAME` (default: the e-mail address)")
	role := flags.String("role", string(store.RoleMember), "`ROLE`: owner, admin or member")
	return adminAction(func(ctx context.Context, d desk, words []string) error {
		wanted, err := parseRole(*role)
		if err != nil {
			return err
		}
		org, err := d.org(ctx, words[0])
		if err != nil {
			return err
		}
		email := words[1]
		if *name == "" {
			*name = email
		}
		member, err := org.AddMember(ctx, operator(), email, *name, wanted, secret.New(rand.Text()))
		err, note := kept(err)
		if err != nil {
			return d.say(err, store.ErrConflict, fmt.Sprintf("%q is a member already", email), fmt.Sprintf("see `%s admin member list %s`", binaryName, org.ID()))
		}
		link, err := d.passwordLink(ctx, member.Email)
		if err != nil {
			return err
		}
		return errors.Join(d.printf("Added %s to %s as %s. They choose a password here (good once), unless they have one:\n\n  %s\n",
			member.Email, org.Name(), member.Role, link), note)
	})
}

func parseRole(word string) (store.Role, error) {
	roles := []store.Role{store.RoleOwner, store.RoleAdmin, store.RoleMember}
	for _, r := range roles {
		if string(r) == word {
			return r, nil
		}
	}
	return "", misused(fmt.Sprintf("there is no role %q", word), "choose owner, admin or member")
}

func setRole(ctx context.Context, d desk, words []string) error {
	role, err := parseRole(words[2])
	if err != nil {
		return err
	}
	org, err := d.org(ctx, words[0])
	if err != nil {
		return err
	}
	member, err := d.member(ctx, org, words[1])
	if err != nil {
		return err
	}
	err, note := kept(org.SetRole(ctx, operator(), member.ID, role))
	if err != nil {
		return d.lastOwner(err, org)
	}
	return errors.Join(d.printf("%s is now %s of %s.\n", member.Email, role, org.Name()), note)
}

func removeMember(ctx context.Context, d desk, words []string) error {
	org, err := d.org(ctx, words[0])
	if err != nil {
		return err
	}
	member, err := d.member(ctx, org, words[1])
	if err != nil {
		return err
	}
	err, note := kept(org.RemoveMember(ctx, operator(), member.ID))
	if err != nil {
		return d.lastOwner(err, org)
	}
	return errors.Join(d.printf("Removed %s from %s.\n", member.Email, org.Name()), note)
}

func (d desk) lastOwner(err error, org *store.Org) error {
	return d.say(err, store.ErrConflict, fmt.Sprintf("%s would be left without an owner", org.Name()), "make somebody else an owner first")
}
