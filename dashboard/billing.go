// What the pages know of billing: the interface that main implements, the figures it hands over, and the ways in which it fails.
// Nothing here knows Stripe; the room billing does.
package dashboard

import (
	"context"
	"time"

	"hostaway-mcp/store"
)

// Billing is the plan of each org. Main gives it; with nil there is no billing: no page, no route, no word about money.
// Whatever fails in a way that a person can do something about is a *BillingError; an id of another org is store.ErrNotFound.
// A method that changes something may be called twice by a double click or from two tabs, and then does it once.
type Billing interface {
	// Overview is asked on every page, so it reads the store alone.
	Overview(ctx context.Context, org *store.Org) (BillingOverview, error)
	// Days are the listings of each UTC day in [from, to), both YYYY-MM-DD, oldest first; from the store alone.
	Days(ctx context.Context, org *store.Org, from, to string) ([]ListingDay, error)
	// Listings are the very listings that are billed now. It may ask Hostaway for their names and does without them if that fails.
	Listings(ctx context.Context, org *store.Org) (BilledListings, error)
	// Projected is the next bill as Stripe works it out, or our own sum, marked so, when Stripe can't be reached.
	Projected(ctx context.Context, org *store.Org) (ProjectedBill, error)
	// StartCheckout and Portal open a page at Stripe and return its address. Both lead back to /billing, Checkout with
	// ?checkout=done or ?checkout=cancelled.
	StartCheckout(ctx context.Context, org *store.Org, by store.Actor) (address string, err error)
	Portal(ctx context.Context, org *store.Org, by store.Actor) (address string, err error)
	// Cancel ends the subscription with the period that is paid, Resume takes that back.
	Cancel(ctx context.Context, org *store.Org, by store.Actor, reason string) error
	Resume(ctx context.Context, org *store.Org, by store.Actor) error
	// Invoices is one page, the newest first; "" is the first page, then InvoicePage.Next.
	Invoices(ctx context.Context, org *store.Org, after string) (InvoicePage, error)
	// InvoiceAddress is the fresh address of an invoice of this org at Stripe: its PDF or the page where it can be paid.
	InvoiceAddress(ctx context.Context, org *store.Org, id string, form InvoiceForm) (address string, err error)
	// SyncNow counts the listings and brings the bill up to date. A running count is joined.
	SyncNow(ctx context.Context, org *store.Org, by store.Actor) (SyncResult, error)
	// CountConnected counts the listings right after Hostaway was connected, so that the sum is there to see. It takes no turn of SyncNow's.
	CountConnected(ctx context.Context, org *store.Org, by store.Actor) error
	// Refresh reads the org's state at Stripe again, after somebody came back from there.
	Refresh(ctx context.Context, org *store.Org) error
}

// Money is an amount in the smallest unit of its currency, such as cents; zero-decimal currencies count whole units. Currency is
// an ISO 4217 code in any case; "" means that the amount is not known.
type Money struct {
	Minor    int64
	Currency string
}

// BillingState is what an org's access rests on.
type BillingState string

// The states. In the first six the tools answer.
const (
	BillingExempt       BillingState = "complimentary" // nobody pays for it
	BillingTrial        BillingState = "trial"         // without a card
	BillingTrialCard    BillingState = "trial, subscribed"
	BillingActive       BillingState = "active"
	BillingGrace        BillingState = "past due" // a payment failed; tools stop at StopsAt
	BillingNotConnected BillingState = "not connected"
	BillingSuspended    BillingState = "suspended" // unpaid for too long
	BillingUnconfirmed  BillingState = "unconfirmed"
	BillingPaused       BillingState = "paused"
	BillingTrialOver    BillingState = "trial over"
	BillingNoTrial      BillingState = "no trial" // this Hostaway account had its trial; nothing is subscribed
	BillingCanceled     BillingState = "canceled"
)

// BillingOverview is what is known of an org's plan without asking anybody.
type BillingOverview struct {
	State BillingState
	// Reason is the store's word for why the state is what it is. The pages say more where it is a refund, a dispute, a deleted
	// customer or a collection that was given up.
	Reason    store.AccessReason
	Doubled   bool  // two subscriptions live at Stripe: two tabs paid, or a person made one by hand
	UnitPrice Money // of one listing for a month
	// Counted is the newest complete count, nil before the first. Billed is how many listings are billed now, nil before anything is.
	Counted *ListingsCounted
	Billed  *int
	Held    *HeldCount // a count that is not billed yet
	// Disconnected says that there is no connection to Hostaway any more, whatever the plan is: nothing can be counted.
	Disconnected bool
	// AtStripe is set while Stripe bills another number than Billed.
	AtStripe *StripeNumber

	TrialDays    int // of the trial that connecting Hostaway starts; 0 where there is none to have
	TrialEndsAt  *time.Time
	CancelAt     *time.Time // a person ended the subscription; it runs until then
	EndedAt      *time.Time // when the subscription ended
	OverdueSince *time.Time
	StopsAt      *time.Time // in BillingGrace: from when on tools are refused
	PeriodStart  *time.Time
	PeriodEnd    *time.Time
	// OpenInvoice is the id of the invoice that waits for payment, "" if none does or it is not known.
	OpenInvoice string

	CredentialsRefusedAt *time.Time // Hostaway refuses to be counted since then; the bill stays as it was
	NextSyncAt           *time.Time // nil: SyncNow may be asked at once
	SyncedAt             *time.Time // when the state was last read from Stripe
}

// ListingsCounted is a complete count of the active listings at Hostaway.
type ListingsCounted struct {
	Active int
	At     time.Time
}

// HoldReason says why a count is not billed.
type HoldReason string

// The reasons.
const (
	HoldZero   HoldReason = "zero"   // no listing at all, which a second count has to confirm
	HoldDrop   HoldReason = "drop"   // far fewer than before
	HoldSpike  HoldReason = "spike"  // far more than before
	HoldUnpaid HoldReason = "unpaid" // fewer, while a payment is overdue
)

// HeldCount is a count that is not billed yet.
type HeldCount struct {
	Reason        HoldReason
	Listings      int // that were counted
	Billed        int // that are billed meanwhile
	Since         time.Time
	NeedsOperator bool // only the operator can release it; otherwise a second count does
}

// StripeNumber is how many listings Stripe bills while that is not the number that is due, and what becomes of it.
type StripeNumber struct {
	Listings int
	Then     NumberFate
}

// NumberFate says how the number at Stripe comes right.
type NumberFate string

// The fates.
const (
	NumberFollows NumberFate = "follows"  // a new count is on its way there
	NumberSetBack NumberFate = "set back" // somebody changed it there, and it is set back
	NumberAsks    NumberFate = "asks"     // it was changed there so often that the operator has to look
)

// ListingDay is one UTC day; a number that is not known is nil.
type ListingDay struct {
	Date            string // YYYY-MM-DD
	Counted, Billed *int
}

// BilledListings are the listings of one complete count. Names says whether names were found; those that were not are "".
type BilledListings struct {
	CountedAt time.Time
	Listings  []BilledListing
	Names     bool
}

// BilledListing is one of them, by Hostaway's id.
type BilledListing struct {
	ID   int64
	Name string
}

// ProjectedBill is the next invoice if nothing changes. All amounts are in the smallest unit of Currency.
type ProjectedBill struct {
	Currency string
	Estimate bool       // our own sum: Stripe could not be asked, or there is no subscription to ask for
	First    bool       // nothing is billed yet: this is what a month costs once there is a subscription
	None     bool       // no further invoice will come
	DueAt    *time.Time // when it is charged
	AsOf     time.Time
	Listings int   // of the coming period
	Regular  int64 // listings × price
	// Changes are this period's changes of the number, oldest first, each with what it adds or gives back for the rest of it.
	Changes  []BillChange
	Discount int64 // what promotion codes take off, as a positive amount
	Tax      int64
	Credit   int64 // what is taken from the org's credit, as a positive amount
	Carried  int64 // what is left over as credit for later bills, as a positive amount
	Total    int64 // what will be charged
}

// BillChange is one change of the number of listings within the period. Amount is the credit for the old number and the charge for the new one.
type BillChange struct {
	At            time.Time
	Before, After int
	Amount        int64
}

// InvoiceStatus is how an invoice stands.
type InvoiceStatus string

// The statuses, by Stripe's names; the last two are paid ones whose money went back, or may.
const (
	InvoiceDraft         InvoiceStatus = "draft"
	InvoiceOpen          InvoiceStatus = "open"
	InvoicePaid          InvoiceStatus = "paid"
	InvoiceVoid          InvoiceStatus = "void"
	InvoiceUncollectible InvoiceStatus = "uncollectible"
	InvoiceRefunded      InvoiceStatus = "refunded"
	InvoiceDisputed      InvoiceStatus = "disputed"
)

// Invoice is one invoice. Listings is nil where it can't be told from its lines; Total is its sum, Due what is still to pay.
type Invoice struct {
	ID, Number             string
	CreatedAt              time.Time
	PeriodStart, PeriodEnd *time.Time
	Listings               *int
	Total, Due             Money
	Status                 InvoiceStatus
	HasPDF, HasPage        bool
}

// InvoicePage is a page of the invoices. Next leads to the following one and is "" on the last. Lost says that there were earlier
// ones, of a customer record that was deleted at Stripe, which can't be listed any more.
type InvoicePage struct {
	Invoices []Invoice
	Next     string
	Lost     bool
}

// InvoiceForm is one of the two ways to look at an invoice.
type InvoiceForm string

// The forms.
const (
	InvoicePDF InvoiceForm = "pdf"
	InvoiceWeb InvoiceForm = "page"
)

// SyncResult is what a count brought. Before is how many were billed so far, nil if none.
type SyncResult struct {
	Listings   int
	Before     *int
	CountedAt  time.Time
	Held       *HeldCount
	NextSyncAt *time.Time
}

// BillingFault says in which way something about billing failed.
type BillingFault string

// The faults that a person can do something about.
const (
	FaultUnreachable   BillingFault = "unreachable"   // Stripe does not answer
	FaultSubscribed    BillingFault = "subscribed"    // there is a subscription already
	FaultNotSubscribed BillingFault = "no plan"       // there is none
	FaultNotConnected  BillingFault = "not connected" // no Hostaway account
	FaultNotCounted    BillingFault = "not counted"   // the listings were never counted
	FaultNoListings    BillingFault = "no listings"   // Checkout takes no subscription of nothing
	FaultTooSoon       BillingFault = "too soon"      // counting again has to wait until RetryAt
	FaultRefused       BillingFault = "refused"       // Hostaway refuses the credentials
	FaultIncomplete    BillingFault = "incomplete"    // Hostaway did not give all pages; nothing was changed
	FaultNotSetUp      BillingFault = "not set up"    // the portal was not set up at Stripe
	FaultNoCustomer    BillingFault = "no customer"   // nothing was ever paid: there is no portal yet
)

// BillingError is such a failure. RetryAt is set where it is known when trying again makes sense.
type BillingError struct {
	Fault   BillingFault
	RetryAt time.Time
	Err     error // for the log
}

func (e *BillingError) Error() string {
	if e.Err != nil {
		return "billing: " + string(e.Fault) + ": " + e.Err.Error()
	}
	return "billing: " + string(e.Fault)
}

func (e *BillingError) Unwrap() error { return e.Err }
