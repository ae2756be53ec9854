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
	return []command{billingSetupCommand(), billingCheckCommand()}
}

func billingSetupCommand() command {
	return command{
		path:  "billing setup",
		about: "Make or check product, price, portal and webhook endpoint in the Stripe account",
		more: "Run it once with the settings of the server (HMCP_BILLING_MODE=stripe, HMCP_STRIPE_KEY, HMCP_BASE_URL), and again\n" +
			"whenever in doubt: what is there stays. A new webhook endpoint's secret is printed this one time. It may come\n" +
			"before the first start: in an empty data folder it makes the database, unless there is a replica that may hold it.",
		prepare: func(flags *flag.FlagSet) action {
			var o setupOptions
			flags.StringVar(&o.amount, "amount", "", "`AMOUNT` of one listing a month, like 5.00; needed where there is no price yet")
			flags.StringVar(&o.currency, "currency", "", "`CURRENCY` of the amount (default: usd)")
			flags.BoolVar(&o.newEndpoint, "new-endpoint", false, "make another webhook endpoint and print its secret: for one whose secret was lost. What is there stays, until you disable it")
			flags.StringVar(&o.webhook, "webhook-url", "", "`ADDRESS` to which Stripe posts, without the path (default: HMCP_BASE_URL)")
			return firstAction(func(ctx context.Context, d desk, _ []string) error { return d.billingSetup(ctx, o) })
		},
	}
}

// setupOptions are what was chosen on the command line.
type setupOptions struct {
	amount, currency, webhook string
	newEndpoint               bool
}

func (d desk) billingSetup(ctx context.Context, o setupOptions) error {
	if err := d.needsBilling(); err != nil {
		return err
	}
	cfg := billing.SetupConfig{
		Store: d.store, Key: d.config.StripeKey, PriceLookup: d.config.StripePrice, BaseURL: d.baseURL(), Money: formatMoney,
		WebhookSecrets: d.config.StripeWebhookSecrets, NewEndpoint: o.newEndpoint,
	}
	if d.config.given("HMCP_STRIPE_URL") {
		cfg.URL = d.config.StripeURL
	}
	if o.webhook != "" {
		u, err := safeAddress(o.webhook)
		if err != nil || strings.Trim(u.Path, "/") != "" {
			return misused(fmt.Sprintf("--webhook-url %q is not the address of a server", o.webhook), "give it without a path, like https://mcp.example.com")
		}
		cfg.BaseURL = strings.TrimRight(u.String(), "/")
	}
	if err := o.price(&cfg); err != nil {
		return err
	}
	if cfg.UnitAmount != 0 {
		if err := d.printf("A listing is to cost %s a month.\n", formatMoney(cfg.UnitAmount, cfg.Currency)); err != nil {
			return err
		}
	}
	report, err := billing.Setup(ctx, cfg)
	for _, line := range report.Lines {
		if err := d.printf("  %s\n", printable(line)); err != nil {
			return err
		}
	}
	if err != nil {
		return d.stripeFailed(err, "setting Stripe up stopped", "; then run it again: what stands above was done and stays")
	}
	if err := d.printf("%s", setupDone(report)); err != nil || !report.SecretWrong {
		return err
	}
	return failed(nil, report.Doubt.What, report.Doubt.Do)
}

// price reads what a listing is to cost, if that was said.
func (o setupOptions) price(cfg *billing.SetupConfig) error {
	const like = "give the price of a listing for a month, like --amount 5.00 --currency usd"
	currency := strings.ToLower(o.currency)
	if o.amount == "" && currency == "" {
		return nil
	}
	if currency == "" {
		currency = "usd"
	}
	if err := knownCurrency(currency); err != nil {
		return misused("--currency "+err.Error(), "give its three letters, like usd or eur")
	}
	if o.amount == "" {
		return misused("--currency is given without --amount", like+", or neither to keep the price that is there")
	}
	minor, err := parseMoney(o.amount, currency)
	if err != nil {
		return misused("--amount "+err.Error(), like)
	}
	cfg.UnitAmount, cfg.Currency = minor, currency
	return nil
}

// setupDone says what is left to do.
func setupDone(report billing.SetupReport) string {
	var b strings.Builder
	switch {
	case !report.WebhookSecret.IsZero():
		fmt.Fprintf(&b, "\nThe endpoint's signing secret, which nobody can read again:\n\n  %s\n\n%s\n", report.WebhookSecret.Reveal(), secretToUse(report))
	case report.Changed:
		b.WriteString("\nThe rest was there already; the webhook endpoint keeps its secret.\n")
	default:
		b.WriteString("\nAll of it was there already.\n")
	}
	if p := report.Doubt; p != nil && !report.SecretWrong { // what is wrong is said at the end
		fmt.Fprintf(&b, "Beware: %s. To put it right, %s.\n", p.What, p.Do)
	}
	b.WriteString("In Stripe's dashboard, set failed payments to cancel the subscription after the last retry (docs/billing.md).\n")
	if !report.Live {
		b.WriteString("This is test mode: nobody is charged.\n")
	}
	return b.String()
}

// secretToUse says what to do with a new secret: beside one that works it is added, so
// that no event is refused meanwhile.
func secretToUse(report billing.SetupReport) string {
	const file = "or write it into the file that HMCP_STRIPE_WEBHOOK_SECRET_FILE names"
	others := strings.Join(report.Others, ", ")
	switch {
	case others == "":
		return "Set HMCP_STRIPE_WEBHOOK_SECRET to it, " + file + ", and start the server."
	case report.OtherInForce:
		return "Add it to HMCP_STRIPE_WEBHOOK_SECRET behind the one that is there and a comma, " + file + ", and restart the server: both are in force then.\n" +
			"Then disable " + others + " in Stripe's dashboard (Developers, Webhooks), and take the old secret out."
	}
	return "Set HMCP_STRIPE_WEBHOOK_SECRET to it, " + file + ", and restart the server.\n" +
		"Then disable " + others + " in Stripe's dashboard (Developers, Webhooks): what it sends is refused, since nobody has its secret."
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
	room, err := d.room()
	if err != nil {
		return err
	}
	found, err := room.Invariants(ctx)
	if err != nil {
		return d.stripeFailed(err, "the invariants can't be checked", "")
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

// stripeFailed tells a Stripe that is away from one that says no, and both from what
// is ours.
func (d desk) stripeFailed(err error, what, then string) error {
	told, do := stripeAdvice(err)
	do += then
	switch {
	case told == "":
		return d.problem(err)
	case stripeIsAway(err):
		return failed(err, what+": "+told, do)
	}
	return misused(what+": "+told, do)
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
	for n, f := range i.Broken {
		subject := f.Subject
		if name := names[f.OrgID]; name != "" {
			subject = fmt.Sprintf("%s (%s)", name, f.OrgID)
		}
		all = append(all, bad(i.ID, strings.TrimPrefix(subject+": "+f.Detail, ": "), ""))
		if n+1 == len(i.Broken) || i.Broken[n+1].Do != f.Do { // once for those that follow each other
			all[n].Do = f.Do
		}
	}
	all[0].Text = fmt.Sprintf("does not hold: %s. %s", i.Holds, all[0].Text)
	return all
}
