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
	Do     string // what to do where it does not, and the finding has no words of its own
	Broken []Finding
}

// OK tells whether it holds.
func (i Invariant) OK() bool { return len(i.Broken) == 0 }

// Finding is one subject for which an invariant does not hold: an org, or an object
// of Stripe's that belongs to none.
type Finding struct {
	Subject, OrgID, Detail string
	Do                     string // what a person does about it
}

// invariants is the list of all, none broken, in their order. Do is for findings that
// have no words of their own.
func invariants() []Invariant {
	return []Invariant{
		{ID: invQuantity, Holds: "Stripe bills the quantity that was counted, or is going to within two hours", Do: "It is set by itself within the hour."},
		{ID: invOneSub, Holds: "an org with access has one subscription, with one item of our price", Do: "Look at the org's subscription in Stripe's dashboard: it must have one item, with the price of a listing."},
		{ID: invMirror, Holds: "what is known here of a subscription is what Stripe says", Do: "The org is read again by itself within the hour. If it comes back each hour, events do not arrive: in Stripe's dashboard, under Developers, Webhooks, see what became of the endpoint's deliveries, and run `doctor`, which says what is wrong with it."},
		{ID: invExact, Holds: "the invoice lines of a closed period are the integral of the ledger", Do: "Compare the org's ledger (`export-org`, billable.json) with the lines of that period in Stripe's dashboard, and find the day from which they differ; mostly somebody changed the subscription there. The whole period stands on the invoice at its beginning, and what changed within it on the invoice at its end. If too much was billed, issue a credit note for the invoice; if too little, make an invoice of its own for the customer. The finding goes when the next period has closed and is exact."},
		{ID: invKnown, Holds: "every paid invoice belongs to an org, also one that left, and every org that is billed was counted within 26 hours", Do: "See whose the invoice is, or why the org can't be counted; the bill stays as it was."},
		{ID: invEvents, Holds: "Stripe's events arrive and are worked off within ten minutes", Do: "In Stripe's dashboard, under Developers, Webhooks, see what became of the endpoint's deliveries."},
		{ID: invAccess, Holds: "nobody is suspended without an open invoice, and nobody has access with one that is overdue for longer than the grace", Do: "The org is read again by itself within the hour."},
		{ID: invStray, Holds: "no org has two subscriptions, no customer is without its org unless that left, and no count is held for longer than 48 hours", Do: "Look at the subscription or the customer in Stripe's dashboard, or at the held count on the operator's page."},
	}
}

// Rules are all invariants in their order, with nothing examined.
func Rules() []Invariant { return invariants() }
