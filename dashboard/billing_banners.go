// What every page says of the plan while tools don't answer, or soon won't.
package dashboard

import "time"

// trialNotice is how long before its end a trial is spoken of on every page.
const trialNotice = 7 * 24 * time.Hour

// planBanners are what every page says of the plan: stopped is about tools that don't answer, or soon won't; soon is less urgent.
// Members are told whom to ask, and nothing about money.
func planBanners(p plan, manages bool) (stopped, soon *banner) {
	to := func(kind, text, action string) *banner {
		if !manages {
			return &banner{Kind: kind, Text: text + " Ask an owner or admin of the org."}
		}
		return &banner{kind, text, billingHref, action}
	}
	switch {
	case p.State == BillingSuspended:
		stopped = to("bad", "A payment is overdue, so tools answer with an error.", payAction(p))
	case p.Stopped():
		stopped = to("bad", map[BillingState]string{
			BillingUnconfirmed: "The first payment is not confirmed, so tools answer with an error.",
			BillingPaused:      "The subscription is paused, so tools answer with an error.",
			BillingTrialOver:   "The trial is over, so tools answer with an error.",
			BillingNoTrial:     "There is no subscription yet, so tools answer with an error.",
			BillingCanceled:    "The subscription has ended, so tools answer with an error.",
		}[p.State], "Open billing")
	case p.State == BillingGrace:
		stopped = to("bad", "A payment failed. Tools stop answering on "+atTime(p.StopsAt)+" unless it is paid.", payAction(p))
	}
	switch {
	case p.State == BillingTrial && p.TrialEndsAt != nil && p.TrialEndsAt.Sub(p.now) <= trialNotice:
		action := "Subscribe"
		if p.Can.Subscribe == "" { // it has a subscription, which must be put right
			action = "Open billing"
		}
		soon = to("warn", "The trial ends in "+left(p.TrialEndsAt.Sub(p.now))+"; tools stop answering then.", action)
	case p.Held != nil && manages:
		soon = to("warn", "The last count found "+plural(p.Held.Listings, "listing")+" and waits before it is billed; "+number(p.Held.Billed)+" are billed meanwhile.", "See why")
	}
	return stopped, soon
}

// payAction does not promise a button that is not there.
func payAction(p plan) string {
	if p.Can.Pay {
		return "Pay now"
	}
	return "Open billing"
}
