// The billing commands: set a Stripe account up, and see whether all bills are right.
package main

import (
	"context"
	"flag"
	"fmt"
	"strings"

	"hostaway-mcp/billing"
)

func billingCommands() []command {
	return []command{billingCheckCommand()}
}

func billingCheckCommand() command {
	return command{
		path:  "billing check",
		about: "Compare all orgs with Stripe, and say which invariants of billing don't hold",
		more: "It reads the database and Stripe and changes nothing; a server may run meanwhile. The exit code is 1\n" +
			"when an invariant is broken. docs/billing.md says what each one means.",
		prepare: func(flags *flag.FlagSet) action {
			asJSON := flags.Bool("json", false, "print the findings as JSON")
			return adminAction(func(ctx context.Context, d desk, _ []string) error { return d.billingCheck(ctx, *asJSON) })
		},
	}
}

// needsBilling refuses a command of billing where there is none.
func (d desk) needsBilling() error {
	if d.config.bills() {
		return nil
	}
	return misused("HMCP_BILLING_MODE is off", "set it to stripe, with the settings of the server; `"+binaryName+" config` lists them")
}

func (d desk) billingCheck(ctx context.Context, asJSON bool) error {
	if err := d.needsBilling(); err != nil {
		return err
	}
	c := d.config
	if err := c.readyToBill(); err != nil {
		return err
	}
	c.BaseURL = d.baseURL()
	log := newLogger(d.errOut, c)
	room, err := newRoom(billingConfig(c, d.store, newUpstream(c, d.now, log), d.now, log))
	if err != nil {
		return err
	}
	found, err := room.Invariants(ctx)
	if err != nil {
		return d.stripeFailed(err, "the invariants can't be checked")
	}
	names, err := d.orgNames(ctx)
	if err != nil {
		return err
	}
	checks := make([]check, 0, len(found))
	broken := 0
	for _, i := range found {
		if !i.OK() {
			broken++
		}
		checks = append(checks, invariantChecks(i, names)...)
	}
	if err := printChecks(d.out, checks, asJSON); err != nil || broken == 0 {
		return err
	}
	return failed(nil, fmt.Sprintf("broken invariants: %d of %d", broken, len(found)), "do what stands at each line that says fail; what heals by itself does so with the server's next hourly run")
}

// stripeFailed tells a Stripe that is away from one that says no.
func (d desk) stripeFailed(err error, what string) error {
	switch {
	case stripeIsAway(err):
		return failed(err, fmt.Sprintf("%s: %s", what, oneLine(err.Error())), "run it again when Stripe answers; look at this machine's network and at status.stripe.com")
	case isStripes(err):
		return misused(fmt.Sprintf("%s: %s", what, oneLine(err.Error())), "look at HMCP_STRIPE_KEY and at what it may do; docs/billing.md lists it")
	}
	return d.problem(err)
}

func (d desk) orgNames(ctx context.Context) (map[string]string, error) {
	names := map[string]string{}
	for org, err := range d.store.EachOrg(ctx) {
		if err != nil {
			return nil, d.problem(err)
		}
		names[org.ID()] = org.Name()
	}
	return names, nil
}

// invariantChecks is a line for an invariant that holds, and one for each subject of
// one that does not.
func invariantChecks(i billing.Invariant, names map[string]string) []check {
	if i.OK() {
		return []check{good(i.ID, i.Holds)}
	}
	var all []check
	for _, f := range i.Broken {
		subject := f.Subject
		if name := names[f.OrgID]; name != "" {
			subject = fmt.Sprintf("%s (%s)", name, f.OrgID)
		}
		all = append(all, bad(i.ID, strings.TrimPrefix(subject+": "+f.Detail, ": "), ""))
	}
	all[0].Text = fmt.Sprintf("does not hold: %s. %s", i.Holds, all[0].Text)
	all[len(all)-1].Do = i.Do
	return all
}
