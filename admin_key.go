// admin key: list, create and revoke the API keys of an org.
package main

import (
	"context"
	"errors"
	"fmt"

	"hostaway-mcp/store"
)

func adminKeyCommands() []command {
	return []command{
		{path: "admin key list", args: []string{"ORG"}, about: "List the API keys of an org", prepare: plainAction(listKeys)},
		{path: "admin key create", args: []string{"ORG", "NAME"}, about: "Create an API key, and print it this once", prepare: plainAction(createKey)},
		{path: "admin key revoke", args: []string{"ORG", "KEY"}, about: "Revoke an API key by its id; its next call is refused", prepare: plainAction(revokeKey)},
	}
}

func listKeys(ctx context.Context, d desk, words []string) error {
	org, err := d.org(ctx, words[0])
	if err != nil {
		return err
	}
	keys, err := org.ListAPIKeys(ctx)
	if err != nil {
		return d.problem(err)
	}
	rows := [][]string{{"ID", "NAME", "KEY", "CREATED", "LAST USED", "STATE"}}
	for _, k := range keys {
		state := "active"
		if k.RevokedAt != nil {
			state = "revoked " + day(*k.RevokedAt)
		}
		rows = append(rows, []string{k.ID, k.Name, k.Mask(), day(k.CreatedAt), minuteOr(k.LastUsedAt, "never"), state})
	}
	return printTable(d.out, rows)
}

// createKey prints the key alone on standard output, so that a script can take
// it; what it is about goes beside it.
func createKey(ctx context.Context, d desk, words []string) error {
	org, err := d.org(ctx, words[0])
	if err != nil {
		return err
	}
	key, text, err := org.CreateAPIKey(ctx, operator(), words[1])
	err, note := kept(err)
	if err != nil {
		return d.say(err, store.ErrLimit, fmt.Sprintf("%s has five active API keys, and there can't be more", org.Name()),
			fmt.Sprintf("revoke one: `%s admin key list %s`", binaryName, org.ID()))
	}
	_, _ = fmt.Fprintf(d.errOut, "Created %s (%s) for %s. Keep the key now: it is never shown again.\n", key.ID, key.Name, org.Name())
	return errors.Join(d.printf("%s\n", text.Reveal()), note)
}

func revokeKey(ctx context.Context, d desk, words []string) error {
	org, err := d.org(ctx, words[0])
	if err != nil {
		return err
	}
	err, note := kept(org.RevokeAPIKey(ctx, operator(), words[1]))
	if err != nil {
		return d.say(err, store.ErrNotFound, fmt.Sprintf("%s has no active API key %q", org.Name(), words[1]),
			fmt.Sprintf("see `%s admin key list %s`", binaryName, org.ID()))
	}
	return errors.Join(d.printf("Revoked %s.\n", words[1]), note)
}
