// The portal: the page at Stripe where people change their card and address, see
// invoices and cancel. The number of listings can't be changed there.

package billing

import (
	"context"
	"errors"
	"fmt"

	"github.com/stripe/stripe-go/v76"

	"hostaway-mcp/store"
)

// Portal returns the address of a page for the org's customer, good for a few minutes.
// Errors: *Fault of kind no customer, not set up or unreachable.
func (b *Billing) Portal(ctx context.Context, org *store.Org, by store.Actor) (address string, err error) {
	account, err := org.Billing(ctx)
	if errors.Is(err, store.ErrNotFound) || err == nil && account.CustomerID == "" {
		return "", &Fault{Kind: FaultNoCustomer}
	}
	if err != nil {
		return "", err
	}
	configuration, err := b.portalConfiguration(ctx)
	if err != nil {
		return "", asFault(err)
	}
	address, err = b.stripe.openPortal(ctx, account.CustomerID, configuration, b.cfg.BaseURL+"/billing", onceKey("portal", org.ID()))
	if kindOf(err) == KindNotFound {
		return "", &Fault{Kind: FaultNoCustomer, Err: err}
	}
	if configuration == "" && kindOf(err) == KindInvalid { // the account has none of its own either
		return "", &Fault{Kind: FaultNotSetUp, Err: fmt.Errorf("open the portal: it was never set up at Stripe; run `hostaway-mcp billing setup`: %w", err)}
	}
	if err != nil {
		return "", asFault(err)
	}
	return address, org.RecordAction(ctx, by, store.Action{Name: "billing.portal_opened", Target: account.CustomerID})
}

// portalConfiguration is the id of the one that setup made, "" without: then Stripe
// takes the account's own.
func (b *Billing) portalConfiguration(ctx context.Context) (string, error) {
	b.prices.mu.Lock()
	id := b.prices.portal
	b.prices.mu.Unlock()
	if id != "" {
		return id, nil
	}
	all, err := b.stripe.portalConfigurations(ctx)
	if err != nil {
		return "", err
	}
	for _, c := range all {
		if c.Ours {
			b.prices.mu.Lock()
			b.prices.portal = c.ID
			b.prices.mu.Unlock()
			return c.ID, nil
		}
	}
	return "", nil
}

type stripePortal struct {
	ID   string
	Ours bool
}

func readPortal(c *stripe.BillingPortalConfiguration) stripePortal {
	return stripePortal{ID: c.ID, Ours: c.Metadata[metadataMadeBy] == madeBy}
}

// portalConfigurations lists the active ones.
func (a *stripeAPI) portalConfigurations(ctx context.Context) ([]stripePortal, error) {
	it := a.portalConfigs.List(&stripe.BillingPortalConfigurationListParams{ListParams: listing(ctx), Active: stripe.Bool(true)})
	return all(walk(ctx, "list the portal configurations", it.Iter, readPortal))
}

func (a *stripeAPI) openPortal(ctx context.Context, customerID, configuration, back, key string) (string, error) {
	p := &stripe.BillingPortalSessionParams{Params: writing(ctx, key), Customer: stripe.String(customerID), ReturnURL: stripe.String(back)}
	if configuration != "" {
		p.Configuration = stripe.String(configuration)
	}
	s, err := a.portals.New(p)
	return one(ctx, "open the portal", s, err, func(s *stripe.BillingPortalSession) string { return s.URL })
}
