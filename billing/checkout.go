// Checkout: the page at Stripe where an org subscribes. Nothing is granted when people
// come back from it; the state is read again, as after any event.

package billing

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/stripe/stripe-go/v76"

	"hostaway-mcp/store"
)

const (
	// checkoutLife is how long a page is good for; Stripe takes 30 minutes to 24 hours.
	checkoutLife = time.Hour
	// shortestTrial is how far ahead Stripe wants the end of a trial to be when it is
	// given as a time (Stripe docs, Checkout Session, subscription_data.trial_end), and
	// the life of the page, in which it must not fall short of it.
	shortestTrial = 48*time.Hour + checkoutLife
	// reuseLeft is how long an open page must still be good to be given out again.
	reuseLeft = 15 * time.Minute
)

// StartCheckout returns the address of a page where the org subscribes to as many
// listings as the newest complete count found. Whoever asks twice gets the same page;
// one that no longer fits is closed, so that at most one can be paid.
// Errors: *Fault of kind subscribed (as Stripe says, whatever is stored), not
// connected, not counted, no listings or unreachable.
func (b *Billing) StartCheckout(ctx context.Context, org *store.Org, by store.Actor) (address string, err error) {
	count, err := b.countToBill(ctx, org)
	if err != nil {
		return "", err
	}
	release, err := b.orgs.hold(ctx, org.ID())
	if err != nil {
		return "", err
	}
	defer release()
	account, err := org.Billing(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return "", &Fault{Kind: FaultNotConnected}
	}
	if err != nil {
		return "", err
	}
	address, err = b.openCheckout(ctx, org, by, account, count.Active)
	return address, asFault(err)
}

// countToBill is the newest complete count of a connected org, of one listing at least.
func (b *Billing) countToBill(ctx context.Context, org *store.Org) (store.ListingCount, error) {
	if _, err := org.Connection(ctx); errors.Is(err, store.ErrNotFound) {
		return store.ListingCount{}, &Fault{Kind: FaultNotConnected}
	} else if err != nil {
		return store.ListingCount{}, err
	}
	count, err := org.NewestCompleteCount(ctx)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return count, &Fault{Kind: FaultNotCounted}
	case err != nil:
		return count, err
	case count.Active == 0:
		return count, &Fault{Kind: FaultNoListings}
	}
	return count, nil
}

func (b *Billing) openCheckout(ctx context.Context, org *store.Org, by store.Actor, account store.BillingAccount, quantity int) (string, error) {
	price, err := b.currentPrice(ctx)
	if err != nil {
		return "", err
	}
	if account, err = b.ensureCustomer(ctx, org, account); err != nil {
		return "", err
	}
	if err := b.refuseSecond(ctx, org, account); err != nil {
		return "", err
	}
	page := b.newPage(org, account, price, quantity)
	if account.CheckoutSession != "" {
		address, err := b.earlierPage(ctx, account, page)
		if err != nil || address != "" {
			return address, err
		}
		if err := b.refuseSecond(ctx, org, account); err != nil { // it may have been paid just now
			return "", err
		}
	}
	session, err := b.stripe.createCheckout(ctx, page)
	if err != nil {
		return "", err
	}
	account.CheckoutSession = session.ID
	if _, err := b.save(ctx, org, account); err != nil {
		return "", err
	}
	err = org.RecordAction(ctx, by, store.Action{Name: "billing.checkout_opened", Target: session.ID, Detail: fmt.Sprintf("%d listings", quantity)})
	return session.URL, err
}

// refuseSecond refuses when the customer has a subscription that has not ended. What
// it read is kept: the account did not know.
func (b *Billing) refuseSecond(ctx context.Context, org *store.Org, account store.BillingAccount) error {
	all, err := b.stripe.subscriptionsOf(ctx, account.CustomerID)
	if err != nil {
		return err
	}
	for _, s := range all {
		if ended(s.Status) {
			continue
		}
		if _, err := b.refreshHeld(ctx, org); err != nil {
			return err
		}
		return &Fault{Kind: FaultSubscribed}
	}
	return nil
}

// checkoutPage is what a page is made from.
type checkoutPage struct {
	orgID, customerID, priceID, key string
	quantity                        int
	trialEnd                        time.Time // zero: none, or given in days
	trialDays                       int64
	expiresAt                       time.Time
	success, cancel                 string
	tax, codes                      bool
}

func (b *Billing) newPage(org *store.Org, account store.BillingAccount, price stripePrice, quantity int) checkoutPage {
	now := b.now()
	p := checkoutPage{
		orgID: org.ID(), customerID: account.CustomerID, priceID: price.ID, quantity: quantity, expiresAt: now.Add(checkoutLife),
		key: onceKey("checkout", org.ID()), tax: b.cfg.Tax, codes: b.cfg.PromotionCodes,
		success: b.cfg.BaseURL + "/billing?checkout=done", cancel: b.cfg.BaseURL + "/billing?checkout=cancelled",
	}
	if account.TrialEndsAt != nil {
		p.trialEnd, p.trialDays = trialLeft(*account.TrialEndsAt, now)
	}
	return p
}

// trialLeft passes on what is left of our trial: its end, or, where that is too near
// for Stripe, whole days from the moment of subscribing, up to one more than was left.
func trialLeft(end, now time.Time) (at time.Time, days int64) {
	left := end.Sub(now)
	switch {
	case left <= 0:
		return time.Time{}, 0
	case left >= shortestTrial:
		return end, 0
	default:
		return time.Time{}, int64((left + 24*time.Hour - 1) / (24 * time.Hour))
	}
}

// fits tells whether an open page is for the same thing as a new one would be.
func (p checkoutPage) fits(s stripeCheckout, now time.Time) bool {
	return s.Status == string(stripe.CheckoutSessionStatusOpen) && s.URL != "" && s.CustomerID == p.customerID &&
		s.Terms == p.terms() && s.ExpiresAt.Sub(now) >= reuseLeft
}

// terms is what is subscribed to, in the page's metadata. The time of the trial's end
// is a part; whole days are not, since they begin with the subscription.
func (p checkoutPage) terms() string {
	trial := strconv.FormatInt(p.trialDays, 10)
	if !p.trialEnd.IsZero() {
		trial = p.trialEnd.UTC().Format(time.RFC3339)
	}
	return fmt.Sprintf("%s x %d, trial %s", p.priceID, p.quantity, trial)
}

// earlierPage returns the address of the page that was opened before, if it still
// fits, and closes it otherwise. "" and no error: there is none any more.
func (b *Billing) earlierPage(ctx context.Context, account store.BillingAccount, page checkoutPage) (string, error) {
	s, err := b.stripe.checkout(ctx, account.CheckoutSession)
	if kindOf(err) == KindNotFound {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if page.fits(s, b.now()) {
		return s.URL, nil
	}
	if s.Status != string(stripe.CheckoutSessionStatusOpen) {
		return "", nil
	}
	_, err = b.stripe.expireCheckout(ctx, s.ID, page.key+":close")
	if kindOf(err) == KindInvalid {
		return "", nil // it was paid, or ended by itself, a moment ago
	}
	return "", err
}

// onceKey is a new key for what somebody asks for now; the calls of one asking share
// its beginning. What must not be done twice is seen in Stripe's state before.
func onceKey(what, id string) string { return what + ":" + id + ":" + rand.Text() }

// save stores the account; that no copy has it yet is no reason to stop.
func (b *Billing) save(ctx context.Context, org *store.Org, account store.BillingAccount) (store.BillingAccount, error) {
	saved, err := org.SaveBilling(ctx, system(), account)
	if errors.Is(err, store.ErrNotReplicated) {
		err = nil
	}
	return saved, err
}

func (a *stripeAPI) checkout(ctx context.Context, id string) (stripeCheckout, error) {
	s, err := a.checkouts.Get(id, &stripe.CheckoutSessionParams{Params: reading(ctx)})
	return one(ctx, "read the Checkout page", s, err, readCheckout)
}

func (a *stripeAPI) expireCheckout(ctx context.Context, id, key string) (stripeCheckout, error) {
	s, err := a.checkouts.Expire(id, &stripe.CheckoutSessionExpireParams{Params: writing(ctx, key)})
	return one(ctx, "close the Checkout page", s, err, readCheckout)
}

func (a *stripeAPI) createCheckout(ctx context.Context, page checkoutPage) (stripeCheckout, error) {
	data := &stripe.CheckoutSessionSubscriptionDataParams{
		Metadata: map[string]string{metadataOrg: page.orgID, metadataMadeBy: madeBy},
	}
	if !page.trialEnd.IsZero() {
		data.TrialEnd = stripe.Int64(page.trialEnd.Unix())
	} else if page.trialDays > 0 {
		data.TrialPeriodDays = stripe.Int64(page.trialDays)
	}
	p := &stripe.CheckoutSessionParams{
		Params: writing(ctx, page.key), Mode: stripe.String(string(stripe.CheckoutSessionModeSubscription)),
		Customer: stripe.String(page.customerID), ClientReferenceID: stripe.String(page.orgID),
		LineItems:        []*stripe.CheckoutSessionLineItemParams{{Price: stripe.String(page.priceID), Quantity: stripe.Int64(int64(page.quantity))}},
		SubscriptionData: data, ExpiresAt: stripe.Int64(page.expiresAt.Unix()),
		SuccessURL: stripe.String(page.success), CancelURL: stripe.String(page.cancel),
		Metadata: map[string]string{metadataOrg: page.orgID, metadataTerms: page.terms()},
	}
	if page.codes {
		p.AllowPromotionCodes = stripe.Bool(true)
	}
	if page.tax {
		p.AutomaticTax = &stripe.CheckoutSessionAutomaticTaxParams{Enabled: stripe.Bool(true)}
		p.TaxIDCollection = &stripe.CheckoutSessionTaxIDCollectionParams{Enabled: stripe.Bool(true)}
		// With a customer that exists, Stripe wants to be told to keep what people type.
		p.CustomerUpdate = &stripe.CheckoutSessionCustomerUpdateParams{Address: stripe.String("auto"), Name: stripe.String("auto")}
	}
	s, err := a.checkouts.New(p)
	return one(ctx, "open the Checkout page", s, err, readCheckout)
}
