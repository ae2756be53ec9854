// Settings of billing and mail, and their checks. Billing is turned on by its
// own word: a key alone never charges anybody.
package main

import (
	"errors"
	"net"
	"net/mail"
	"net/url"
	"strings"
	"time"

	"hostaway-mcp/secret"
)

const (
	billingOff    = "off"
	billingStripe = "stripe"
)

func billingSettings() []setting {
	return []setting{
		{
			name: "HMCP_BILLING_MODE", defaultValue: billingOff, set: oneOf(func(c *config) *string { return &c.BillingMode }, billingOff, billingStripe),
			help: "Whether orgs pay for their active listings: `off`, or `stripe`.",
		},
		{
			name: "HMCP_STRIPE_KEY", secret: true, set: setStripeKey, defaultNote: "none",
			help: "Secret or restricted key of the Stripe account, `rk_live_…`; one of test mode (`rk_test_…`) charges nobody.",
		},
		{
			name: "HMCP_STRIPE_WEBHOOK_SECRET", secret: true, set: setWebhookSecrets, defaultNote: "none",
			help: "Signing secret of the webhook endpoint, `whsec_…`, which `billing setup` prints; two separated by a comma while it is changed.",
		},
		{
			name: "HMCP_STRIPE_PRICE", defaultValue: "hostaway_mcp_listing_v1", set: setLookupKey,
			help: "Lookup key of the price of one active listing for a month.",
		},
		{
			name: "HMCP_STRIPE_URL", defaultValue: "https://api.stripe.com", set: setStripeURL,
			help: "Address of the Stripe API; another one is refused with a live key.",
		},
		{
			name: "HMCP_BILLING_GRACE", defaultValue: "0s", set: setGrace,
			help: "How long tools go on after a payment failed, like `72h`; at most 30 days.",
		},
		{
			name: "HMCP_BILLING_TAX", defaultValue: "off", set: onOff(func(c *config) *bool { return &c.BillingTax }),
			help: "Have Stripe work out and add tax: `on` or `off`.",
		},
		{
			name: "HMCP_BILLING_PROMOTION_CODES", defaultValue: "off", set: onOff(func(c *config) *bool { return &c.PromotionCodes }),
			help: "Take promotion codes when an org subscribes: `on` or `off`.",
		},
		{
			name: "HMCP_SMTP_URL", secret: true, set: setSMTPURL, defaultNote: "none",
			help: "Mail server: `smtp://USER:PASSWORD@HOST:587` (STARTTLS) or `smtps://…:465`; without one no mail is sent, and people see links in the dashboard.",
		},
		{
			name: "HMCP_MAIL_FROM", set: setMailFrom, defaultNote: "none",
			help: "Sender of mails, like `Hostaway MCP <hello@example.com>`.",
		},
	}
}

func onOff(field func(*config) *bool) func(*config, string) error {
	return func(c *config, s string) error {
		if s != "on" && s != "off" {
			return errors.New("on or off")
		}
		*field(c) = s == "on"
		return nil
	}
}

func setStripeKey(c *config, s string) error {
	for _, kind := range []string{"sk_live_", "rk_live_", "sk_test_", "rk_test_"} {
		if rest, ok := strings.CutPrefix(s, kind); ok && rest != "" && !strings.ContainsAny(s, " \t\r\n,") {
			c.StripeKey = secret.New(s)
			return nil
		}
	}
	return errors.New("a secret or restricted key of Stripe, which begins with sk_live_, rk_live_, sk_test_ or rk_test_")
}

func setWebhookSecrets(c *config, s string) error {
	c.StripeWebhookSecrets = nil
	for one := range strings.SplitSeq(s, ",") {
		one = strings.TrimSpace(one)
		if rest, ok := strings.CutPrefix(one, "whsec_"); !ok || rest == "" || strings.ContainsAny(one, " \t\r\n") {
			return errors.New("signing secrets of the webhook endpoint, each beginning with whsec_, separated by commas")
		}
		c.StripeWebhookSecrets = append(c.StripeWebhookSecrets, secret.New(one))
	}
	return nil
}

func setLookupKey(c *config, s string) error {
	if s == "" || len(s) > 200 || strings.ContainsAny(s, " \t\r\n\x00") {
		return errors.New("a lookup key of at most 200 characters, without spaces")
	}
	c.StripePrice = s
	return nil
}

func setStripeURL(c *config, s string) error {
	u, err := safeAddress(s)
	if err != nil || strings.Trim(u.Path, "/") != "" {
		return errors.New(`an https address without a path, like "https://api.stripe.com"`)
	}
	c.StripeURL = strings.TrimRight(u.String(), "/")
	return nil
}

func setGrace(c *config, s string) error {
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 || d > 30*24*time.Hour {
		return errors.New(`a time from 0s to 720h, like "72h"`)
	}
	c.BillingGrace = d
	return nil
}

// setSMTPURL takes a password only where it travels encrypted, or stays on this
// machine.
func setSMTPURL(c *config, s string) error {
	problem := errors.New(`the address of a mail server, like "smtp://user:password@mail.example.com:587"`)
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return problem
	}
	if u.Port() != "" {
		if _, err := net.LookupPort("tcp", u.Port()); err != nil {
			return problem
		}
	}
	c.SMTPURL = secret.New(s)
	return nil
}

func setMailFrom(c *config, s string) error {
	if a, err := mail.ParseAddress(s); err != nil || !strings.Contains(a.Address, ".") {
		return errors.New(`an address, like "Hostaway MCP <hello@example.com>"`)
	}
	c.MailFrom = s
	return nil
}

// billingTogether refuses what would charge nobody, or the wrong people.
func (c *config) billingTogether() []error {
	var problems []error
	if c.SMTPURL.IsZero() != (c.MailFrom == "") {
		problems = append(problems, misused("of HMCP_SMTP_URL and HMCP_MAIL_FROM only one is set", "set both to send mail, or neither"))
	}
	if c.BillingMode != billingStripe {
		return problems
	}
	if c.StripeKey.IsZero() {
		problems = append(problems, misused("HMCP_BILLING_MODE is stripe and HMCP_STRIPE_KEY is not set",
			"make a restricted key in Stripe's dashboard, or set HMCP_BILLING_MODE=off"))
	}
	if !c.StripeKey.IsZero() && c.liveKey() && c.given("HMCP_STRIPE_URL") {
		problems = append(problems, misused("HMCP_STRIPE_URL is set together with a live key, which belongs to Stripe alone",
			"leave HMCP_STRIPE_URL unset, or use a key of test mode"))
	}
	return problems
}

// liveKey tells whether the key charges real cards.
func (c *config) liveKey() bool {
	return strings.HasPrefix(c.StripeKey.Reveal()[2:], "_live_")
}

// bills tells whether orgs pay here.
func (c *config) bills() bool { return c.BillingMode == billingStripe }

// mails tells whether mail can be sent.
func (c *config) mails() bool { return !c.SMTPURL.IsZero() }
