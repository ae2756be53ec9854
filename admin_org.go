// admin org: list, create and rename orgs.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"strconv"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
)

func adminOrgCommands() []command {
	return []command{
		{path: "admin org list", about: "List the orgs with their members, keys and connection", prepare: plainAction(listOrgs)},
		{
			path: "admin org create", args: []string{"NAME", "EMAIL"},
			about:   "Create an org with its owner, and print the link for choosing a password",
			prepare: prepareCreateOrg,
		},
		{path: "admin org rename", args: []string{"ORG", "NAME"}, about: "Give an org another name", prepare: plainAction(renameOrg)},
	}
}

func listOrgs(ctx context.Context, d desk, _ []string) error {
	rows := [][]string{{"ID", "NAME", "MEMBERS", "KEYS", "HOSTAWAY", "CREATED"}}
	for org, err := range d.store.EachOrg(ctx) {
		if err != nil {
			return d.problem(err)
		}
		row, err := orgRow(ctx, org)
		if err != nil {
			return d.problem(err)
		}
		rows = append(rows, row)
	}
	return printTable(d.out, rows)
}

func orgRow(ctx context.Context, org *store.Org) ([]string, error) {
	members, err := org.Members(ctx)
	if err != nil {
		return nil, err
	}
	keys, err := org.ListAPIKeys(ctx)
	if err != nil {
		return nil, err
	}
	active := 0
	for _, k := range keys {
		if k.RevokedAt == nil {
			active++
		}
	}
	state := "not connected"
	connection, err := org.Connection(ctx)
	switch {
	case err == nil:
		state = fmt.Sprintf("%d %s", connection.AccountID, connection.State)
	case !errors.Is(err, store.ErrNotFound):
		return nil, err
	}
	return []string{org.ID(), org.Name(), strconv.Itoa(len(members)), strconv.Itoa(active), state, day(org.CreatedAt())}, nil
}

func prepareCreateOrg(flags *flag.FlagSet) action {
	owner := flags.String("owner", "", "`NAME` of the owner (default: the e-mail address)")
	return adminAction(func(ctx context.Context, d desk, words []string) error {
		name, email := words[0], words[1]
		if *owner == "" {
			*owner = email
		}
		org, member, err := d.store.CreateOrg(ctx, store.NewOrg{
			Name: name, Email: email, MemberName: *owner, Password: secret.New(rand.Text()),
		}, operator())
		err, note := kept(err)
		if err != nil {
			return d.say(err, store.ErrConflict, fmt.Sprintf("somebody signs in with %q already", email), "take another address")
		}
		link, err := d.passwordLink(ctx, member.Email)
		if err != nil {
			return err
		}
		return errors.Join(d.printf("Created %s (%s). %s chooses a password here (good once):\n\n  %s\n", org.Name(), org.ID(), member.Email, link), note)
	})
}

func renameOrg(ctx context.Context, d desk, words []string) error {
	org, err := d.org(ctx, words[0])
	if err != nil {
		return err
	}
	if err := org.Rename(ctx, operator(), words[1]); err != nil {
		return d.problem(err)
	}
	return d.printf("%s is now called %s.\n", org.ID(), words[1])
}
