package billing

// invariant.go names what must always hold of billing, and what to do where it does
// not. The checks themselves are in invariant_check.go.

// The invariants.
const (
	invQuantity = "I1"
	invOneSub   = "I2"
	invMirror   = "I3"
	invExact    = "I4"
	invKnown    = "I5"
	invEvents   = "I6"
	invAccess   = "I7"
	invStray    = "I8"
)

// ReconcilerSubject is the subject of a finding about the reconciler itself: it
// stopped, since it would have had to change too much.
const ReconcilerSubject = "reconciler"

// Invariant is one of them with what breaks it at the moment.
type Invariant struct {
	ID     string // I1 to I8
	Holds  string // what holds when it is well
	Do     string // what to do where it does not
	Broken []Finding
}

// OK tells whether it holds.
func (i Invariant) OK() bool { return len(i.Broken) == 0 }

// Finding is one subject for which an invariant does not hold: an org, or an object
// of Stripe's that belongs to none.
type Finding struct {
	Subject, OrgID, Detail string
}

// markIt is what a person does about the customer of an org that was deleted with
// --keep-stripe; its invoices stay for the books.
const markIt = "set the customer's metadata " + metadataLeft + " to " + marked + " in Stripe's dashboard"

// invariants is the list of all, none broken, in their order.
func invariants() []Invariant {
	return []Invariant{
		{ID: invQuantity, Holds: "Stripe bills the quantity that was counted, or is going to within two hours", Do: "It is set by itself; if it stays, look at the subscription and the reason given here."},
		{ID: invOneSub, Holds: "an org with access has one subscription, with one item of our price", Do: "Put the subscription right in Stripe's dashboard, or make the org exempt."},
		{ID: invMirror, Holds: "what is known here of a subscription is what Stripe says", Do: "It is read again by itself; if it comes back every hour, events do not arrive: check the webhook endpoint in Stripe's dashboard."},
		{ID: invExact, Holds: "the invoice lines of a closed period are the integral of the ledger", Do: "Compare the org's ledger (export-org) with the invoice, and credit or charge the difference in Stripe's dashboard."},
		{ID: invKnown, Holds: "every paid invoice belongs to an org, also one that left, and every org that is billed was counted within 26 hours", Do: "See why Hostaway can't be counted; the bill stays as it was. Of an invoice of nobody, see whose the customer is; if its org was deleted, " + markIt + "."},
		{ID: invEvents, Holds: "Stripe's events arrive and are worked off within ten minutes", Do: "Check the webhook endpoint in Stripe's dashboard: its address, its secret, and what the deliveries say."},
		{ID: invAccess, Holds: "nobody is suspended without an open invoice, and nobody has access with one that is overdue for longer than the grace", Do: "Read the org again (it is done by itself each hour) and look at its invoices in Stripe's dashboard."},
		{ID: invStray, Holds: "no org has two subscriptions, no customer is without its org unless that left, and no count is held for longer than 48 hours", Do: "Cancel and refund the younger subscription. Of a customer of nobody cancel what it still subscribes to; if its org was deleted, " + markIt + ". Release or correct what is held."},
	}
}

// Rules are all invariants in their order, with nothing examined.
func Rules() []Invariant { return invariants() }
