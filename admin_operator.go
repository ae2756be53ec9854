// admin operator, admin invite and admin reset-password: who runs this server,
// and links for people to come in with.
package main

import (
	"context"
	"flag"
	"fmt"
	"time"

	"hostaway-mcp/store"
)

func adminOperatorCommands() []command {
	return []command{
		{path: "admin operator list", about: "List the operators of this server", prepare: plainAction(listOperators)},
		{path: "admin operator add", args: []string{"EMAIL"}, about: "Make somebody who can sign in an operator", prepare: plainAction(setOperator(true))},
		{path: "admin operator remove", args: []string{"EMAIL"}, about: "Take the operator's rights away from somebody", prepare: plainAction(setOperator(false))},
	}
}

func listOperators(ctx context.Context, d desk, _ []string) error {
	users, err := d.store.Users(ctx)
	if err != nil {
		return d.problem(err)
	}
	rows := [][]string{{"EMAIL", "NAME", "SINCE"}}
	for _, u := range users {
		if u.Operator {
			rows = append(rows, []string{u.Email, u.Name, day(u.CreatedAt)})
		}
	}
	return printTable(d.out, rows)
}

func setOperator(on bool) func(context.Context, desk, []string) error {
	return func(ctx context.Context, d desk, words []string) error {
		if err := d.store.SetOperator(ctx, words[0], on); err != nil {
			return d.say(err, store.ErrNotFound, fmt.Sprintf("nobody signs in with %q", words[0]),
				fmt.Sprintf("add them to an org first: `%s admin member add ORG EMAIL`", binaryName))
		}
		if on {
			return d.printf("%s is now an operator.\n", words[0])
		}
		return d.printf("%s is no longer an operator.\n", words[0])
	}
}

func adminLinkCommands() []command {
	return []command{
		{path: "admin invite", about: "Print a link with which somebody signs up with an org of their own", prepare: prepareInvite},
		{path: "admin reset-password", args: []string{"EMAIL"}, about: "Print a link with which somebody chooses a new password", prepare: plainAction(resetPassword)},
	}
}

const (
	inviteDays     = 7
	mostInviteDays = 90
)

func prepareInvite(flags *flag.FlagSet) action {
	days := flags.Int("days", inviteDays, "`N` days, 1 to 90, until the link expires")
	return adminAction(func(ctx context.Context, d desk, _ []string) error {
		if *days < 1 || *days > mostInviteDays {
			return misused(fmt.Sprintf("--days %d is out of range", *days), fmt.Sprintf("choose 1 to %d", mostInviteDays))
		}
		if d.config.SignUp == "closed" {
			_, _ = fmt.Fprintln(d.errOut, "Note: sign-up is closed here (HMCP_SIGNUP); the link works once the server runs with invite or open.")
		}
		link, err := d.store.CreateSignUpLink(ctx, store.Invite, time.Duration(*days)*24*time.Hour, operator())
		if err != nil {
			return d.problem(err)
		}
		return d.printf("%s\n", inviteURL(d.baseURL(), link))
	})
}

func resetPassword(ctx context.Context, d desk, words []string) error {
	link, err := d.passwordLink(ctx, words[0])
	if err != nil {
		return err
	}
	return d.printf("%s\n", link)
}
