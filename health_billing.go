// What the health's list says of billing: whether Stripe answers, takes the settings and
// is believed, and what waits for a person.
package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"hostaway-mcp/billing"
	"hostaway-mcp/store"
)

// eventsLate is how long one of Stripe's events may wait before somebody should look.
const eventsLate = 10 * time.Minute

// part looks at billing. Nothing of it stops the service: whoever has access keeps
// it until Stripe says otherwise.
func (b *billed) part(ctx context.Context) []check {
	const name = "billing"
	warn := func(public, text, do string) check {
		return check{Name: name, State: stateWarn, Public: public, Text: text, Do: do}
	}
	checks := b.stripePart(name)
	f, err := b.figures(ctx)
	if err != nil {
		return append(checks, warn("billing can't be looked at", fmt.Sprintf("its figures can't be read (%v)", err), "look at the database"))
	}
	signatures, err := b.room.Signatures(ctx)
	if err != nil {
		return append(checks, warn("billing can't be looked at", fmt.Sprintf("what is known of the webhook secret can't be read (%v)", err), "look at the database"))
	}
	if doubt := signatureDoubt(name, signatures); doubt != nil {
		checks = append(checks, *doubt)
	}
	if f.OldestEvent != nil {
		if age := b.now().Sub(*f.OldestEvent); age > eventsLate {
			checks = append(checks, warn("payments are noticed late", fmt.Sprintf("events of Stripe that wait: %d, the oldest for %s", f.PendingEvents, age.Round(time.Second)),
				"they are tried again by themselves; look at the log for what keeps them"))
		}
	}
	if broken := brokenText(f.BrokenFindings); broken != "" {
		checks = append(checks, warn("billing needs attention", "does not hold: "+broken,
			fmt.Sprintf("look at the operator's page of billing, or run `%s billing check`", binaryName)))
	}
	if len(checks) > 0 {
		return checks
	}
	return []check{good(name, fmt.Sprintf("Stripe answers; %s; orgs by access: %s", provenText(signatures), accessText(f.Orgs)))}
}

// stripePart looks at Stripe itself: that it answers, and takes the settings. It is
// empty when all is well.
func (b *billed) stripePart(name string) []check {
	warn := func(public, text string) check {
		return check{Name: name, State: stateWarn, Public: public, Text: text, Do: "there is nothing to do at first: everybody keeps the access that they have, and what changes meanwhile is caught up with; " +
			"if it lasts, look at status.stripe.com and at this machine's network"}
	}
	var checks []check
	err, silent := b.lastLook(), b.answers.silentSince()
	away := err != nil && stripeIsAway(err)
	if !silent.IsZero() {
		checks = append(checks, warn("Stripe does not answer", "Stripe has not answered since "+minuteOf(silent)))
	} else if away {
		checks = append(checks, warn("Stripe can't be reached", fmt.Sprintf("Stripe can't be reached (%v)", err)))
	}
	if what, do := stripeAdvice(err); what != "" && !away {
		checks = append(checks, check{Name: name, State: stateFail, Public: "billing needs attention", Text: what, Do: do + "; then restart the server"})
	} else if err != nil && !away {
		checks = append(checks, check{Name: name, State: stateFail, Public: "billing needs attention", Text: err.Error(), Do: fmt.Sprintf("look at the log; `%s doctor` has the details", binaryName)})
	}
	return checks
}

// minuteOf writes a time for people.
func minuteOf(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04") + " UTC" }

// provenText says when an event last proved the webhook secret.
func provenText(s billing.Signatures) string {
	if s.VerifiedAt.IsZero() {
		return "no event has come yet"
	}
	return "an event was last verified at " + s.VerifiedAt.UTC().Format(time.RFC3339)
}

// signatureDoubt is the check of a webhook whose signed posts are refused, nil when
// there is no doubt.
func signatureDoubt(name string, s billing.Signatures) *check {
	if s.Doubt == billing.NoDoubt {
		return nil
	}
	reason := refusedReasons()[s.Why]
	text := fmt.Sprintf("posts to the webhook %s were refused: %d, the last at %s; ", reason.what, s.Refused, s.RefusedAt.UTC().Format(time.RFC3339))
	c := check{Name: name, State: stateWarn, Public: "some of Stripe's events are refused", Text: text + provenText(s), Do: reason.do}
	if s.Doubt == billing.AllRefused {
		c.State, c.Public, c.Text = stateFail, "Stripe's events are refused", text+"none was ever verified, so changes at Stripe are noticed within the hour instead of at once"
	}
	return &c
}

// refusedReason says what kind of posts was refused, and what a person does.
type refusedReason struct{ what, do string }

func refusedReasons() map[string]refusedReason {
	clock := fmt.Sprintf("see that this machine's clock is right: `%s doctor` compares it", binaryName)
	return map[string]refusedReason{
		"forged": {
			"that HMCP_STRIPE_WEBHOOK_SECRET did not sign",
			fmt.Sprintf("copy the signing secret of the endpoint that posts here from Stripe's dashboard (Developers, Webhooks) into HMCP_STRIPE_WEBHOOK_SECRET and restart the server; or delete that endpoint there and run `%s billing setup`, which makes one and prints its secret. Stripe comes again with what was refused, for three days", binaryName),
		},
		"of the other mode":  {"that are of the other mode than the key", "set HMCP_STRIPE_KEY and HMCP_STRIPE_WEBHOOK_SECRET of one mode, and restart the server"},
		"of another account": {"that are of an account which is connected to yours", fmt.Sprintf("delete the endpoint for events of connected accounts in Stripe's dashboard, and run `%s billing setup`, which makes one for your own", binaryName)},
		"stale":              {"that were signed more than five minutes before", clock},
		"of the future":      {"that were signed more than five minutes ahead", clock},
	}
}

// brokenText is like "I1 for 2, I4 for 1".
func brokenText(broken map[string]int) string {
	var all []string
	for _, rule := range billing.Rules() {
		if n := broken[rule.ID]; n > 0 {
			all = append(all, fmt.Sprintf("%s for %d", rule.ID, n))
		}
	}
	return strings.Join(all, ", ")
}

func accessText(orgs map[store.Access]int) string {
	var all []string
	for _, a := range accesses() {
		if n := orgs[a]; n > 0 {
			all = append(all, fmt.Sprintf("%s %d", a, n))
		}
	}
	return cmp.Or(strings.Join(all, ", "), "none yet")
}
