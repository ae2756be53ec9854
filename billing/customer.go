// The customer of an org at Stripe: made once, before the first Checkout, so that
// whatever is reported about it can be told to be this org's. A customer is never
// found by an address of mail.

package billing

import (
	"context"
	"fmt"
	"time"

	"github.com/stripe/stripe-go/v76"

	"hostaway-mcp/store"
)

// ensureCustomer returns the account with a customer that exists. The caller holds
// the org's lock. One that was deleted at Stripe gets a successor: Generation says
// which one it is, and stands in the key with which it is made, so that asking again
// after an answer that got lost finds the same customer.
func (b *Billing) ensureCustomer(ctx context.Context, org *store.Org, account store.BillingAccount) (store.BillingAccount, error) {
	if account.CustomerID != "" {
		c, err := b.stripe.customer(ctx, account.CustomerID)
		if err == nil && !c.Deleted {
			return account, nil
		}
		if err != nil && kindOf(err) != KindNotFound {
			return account, err
		}
	}
	members, err := org.Members(ctx)
	if err != nil {
		return account, err
	}
	made, err := b.newCustomer(ctx, org, ownersAddress(members), &account)
	if err != nil {
		return account, err
	}
	account.Succeed(made.ID)
	account.SubscriptionID, account.ItemID, account.CheckoutSession = "", "", ""
	return b.save(ctx, org, account)
}

// newCustomer makes the customer of the next generation. An answer that it failed is
// kept with the key, and the customer may be there all the same: then it is looked for,
// and where it is not, the generation has had its try.
func (b *Billing) newCustomer(ctx context.Context, org *store.Org, email string, account *store.BillingAccount) (stripeCustomer, error) {
	account.Generation++
	made, err := b.stripe.createCustomer(ctx, org.ID(), org.Name(), email, account.Generation)
	switch kindOf(err) {
	case KindFailed:
		found, lookErr := b.stripe.customerOfOrg(ctx, org.ID(), b.now().Add(-lostFor))
		if lookErr != nil || found.ID != "" {
			return found, lookErr
		}
	case KindConflict: // the key made one with another name of the org, whose answer got lost
	default:
		return made, err
	}
	spent := *account
	if _, saveErr := b.save(ctx, org, spent); saveErr != nil {
		return made, saveErr
	}
	account.Version++
	return made, err
}

// lostFor is how far back a customer is looked for whose answer got lost.
const lostFor = time.Hour

// customerOfOrg finds a customer that was made for the org since then, "" if there is
// none. A list shows what is there at once, a search does not (Stripe docs, Search).
func (a *stripeAPI) customerOfOrg(ctx context.Context, orgID string, since time.Time) (stripeCustomer, error) {
	p := &stripe.CustomerListParams{ListParams: listing(ctx), CreatedRange: &stripe.RangeQueryParams{GreaterThanOrEqual: since.Unix()}}
	for c, err := range walk(ctx, "look for the customer", a.customers.List(p).Iter, readCustomer) {
		if err != nil || c.OrgID == orgID {
			return c, err
		}
	}
	return stripeCustomer{}, nil
}

func ownersAddress(members []store.Member) string {
	for _, m := range members {
		if m.Role == store.RoleOwner {
			return m.Email
		}
	}
	return ""
}

func (a *stripeAPI) createCustomer(ctx context.Context, orgID, name, email string, generation int) (stripeCustomer, error) {
	p := &stripe.CustomerParams{
		Params: writing(ctx, fmt.Sprintf("cust:%s:%d", orgID, generation)), Name: stripe.String(name),
		Metadata: map[string]string{metadataOrg: orgID, metadataMadeBy: madeBy},
	}
	if email != "" {
		p.Email = stripe.String(email)
	}
	c, err := a.customers.New(p)
	return one(ctx, "make the customer", c, err, readCustomer)
}
