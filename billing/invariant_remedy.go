package billing

// invariant_remedy.go says what a person does about a finding: which page or command,
// what there, and what happens by itself. An invariant is broken in several ways, and
// what is right for one of them would be wrong for another, so each has its own words,
// found by a phrase of the finding.

import "strings"

// advice is what to do about findings of an invariant that have this phrase, and not
// the other, which says more.
type advice struct{ invariant, says, unless, do string }

// The phrases by which findings are told apart.
const (
	saysDueSince    = "are due since"
	saysStopped     = "would have their quantity set back"
	saysDue         = "are due"
	saysNoSub       = "Stripe has no live subscription"
	saysOneItem     = "must have one item"
	saysDecide      = "decide what to bill"
	saysRefused     = "Hostaway refuses the credentials"
	saysOldCount    = "the last complete count is of"
	saysPaidNobody  = "the invoice was paid by the customer"
	saysInbox       = "wait for more than ten minutes"
	saysUndelivered = "Stripe could not deliver"
	saysFetched     = "had not arrived and were fetched"
	saysNoInvoice   = "none of its invoices is open"
	saysOverdue     = "tools answer, and an invoice is overdue"
	saysSecond      = "is too many"
	saysStraySub    = "is of a customer that is no org's"
	saysStray       = "the customer was made for org"
	saysHeld        = "held since"
)

// Sentences that stand in several.
const (
	markIt  = "open the customer in Stripe's dashboard, and under Metadata set " + metadataLeft + " to " + marked
	logSays = " If it stays, the server's log says why that did not work."
)

func advices() []advice {
	return []advice{
		{invQuantity, saysDueSince, "", "It is tried again at least each hour. Do what the reason at its end says: `exactly one item` is put right as I2 says; a key that is refused is replaced (HMCP_STRIPE_KEY, then restart the server); for a Stripe that could not be reached there is nothing to do."},
		{invQuantity, saysStopped, "", "See who changes quantities: in Stripe's dashboard open one of the subscriptions that I1 names, and look at its events. Stop that; then set each quantity there to the number that is due (Update subscription, with proration). As soon as few enough differ, the next hourly run sets back the rest. Where the number that is due is the wrong one, have the org count anew first, with Sync now on its billing page."},
		{invQuantity, saysDue, saysDueSince, "The next hourly run sets it back. If it comes back, see in Stripe's dashboard, at the events of the subscription, who changes it there. If the reconciler has stopped, set it there yourself to the number that is due (Update subscription, with proration)."},
		{invOneSub, saysNoSub, "", "The org is read again by itself within the hour; its tools stop then, and it can subscribe again." + logSays},
		{invOneSub, saysOneItem, "", "In Stripe's dashboard open the subscription, choose Update subscription, keep one item with the price of a listing, and take all others out; its quantity is set by itself. If the org is not to be billed at all, cancel the subscription there."},
		{invKnown, saysDecide, "", "On the operator's page, under All billing, choose for this org: Wait two weeks, or Bill nothing. Its owners have to replace the secret on their Hostaway page, and were told so."},
		{invKnown, saysRefused, saysDecide, "There is nothing to do for you yet: its owners were told to replace the secret on their Hostaway page, and the bill stays at the last count. After 14 days you are asked what to bill."},
		{invKnown, saysOldCount, "", "It is counted again each hour, and the bill stays at the last count. See whether Hostaway answers; Sync now on the org's billing page says what is wrong, and `export-org` has the reason for each walk in listing_counts.json."},
		{invKnown, saysPaidNobody, "", "Open the customer in Stripe's dashboard. If its org was deleted here, or the customer is none of this server's, set " + metadataLeft + " to " + marked + " under Metadata. If somebody subscribed an org of this server by hand, cancel that subscription, refund the invoice, and let the org subscribe on its billing page."},
		{invEvents, saysInbox, "", "They are worked off by themselves as soon as the orgs can be read from Stripe. Look at status.stripe.com, and in the server's log for `could not be brought up to date`, which has the reason; a key that is refused is replaced (HMCP_STRIPE_KEY, then restart the server)."},
		{invEvents, saysUndelivered, "", "They are fetched each hour meanwhile. In Stripe's dashboard, under Developers, Webhooks, open the endpoint and one of its failed deliveries. An answer of 400: its signing secret is not in HMCP_STRIPE_WEBHOOK_SECRET (set it, then restart the server). None, 404 or a redirect: the address is wrong or can't be reached from outside; `doctor` says which it should be, and `billing setup` makes an endpoint that fits. The finding goes with the next event that arrives: Stripe tries again by itself for three days, and Resend, at a delivery there, does so at once."},
		{invEvents, saysFetched, "", "There is nothing to do. If it comes back each hour, events do not arrive: in Stripe's dashboard, under Developers, Webhooks, look at what became of the endpoint's deliveries."},
		{invAccess, saysNoInvoice, "", "The org is read again by itself within the hour. If it stays, its invoice was voided or written off, and Stripe goes on calling the subscription unpaid: cancel it in Stripe's dashboard, and the org subscribes again on its billing page."},
		{invAccess, saysOverdue, "", "The org is read again by itself within the hour, and its tools stop then." + logSays},
		{invStray, saysSecond, "", "In Stripe's dashboard cancel the subscription that is too many, immediately, and refund its last payment. Keep the other. The owners know that you do so."},
		{invStray, saysStraySub, "", "Open the subscription in Stripe's dashboard, see whose the customer is, and cancel it immediately: nobody here is served for it. If its org was deleted here, also " + markIt + ". If it was made by hand for an org of this server, refund its last payment, and let the org subscribe on its billing page."},
		{invStray, saysStray, "", "If that org was deleted here, or has another customer by now, " + markIt + "; its invoices stay. An org that has none here gets a new one when it subscribes."},
		{invStray, saysHeld, "", "On the operator's page, under All billing, look at the held count. If the number is right, choose Release. If it is not, the org puts its listings right in Hostaway and chooses Sync now on its billing page: a count like the billed one ends the hold."},
	}
}

// Remedy is what to do about a finding of an invariant, by what it says. One that was
// put together of several has the words of each.
func Remedy(invariant, detail string) string {
	var all []string
	for _, a := range advices() {
		if a.invariant == invariant && strings.Contains(detail, a.says) && (a.unless == "" || !strings.Contains(detail, a.unless)) {
			all = append(all, a.do)
		}
	}
	for _, rule := range invariants() {
		if rule.ID == invariant && len(all) == 0 {
			all = append(all, rule.Do)
		}
	}
	return strings.Join(all, " ")
}
