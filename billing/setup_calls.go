// The calls to Stripe that set an account up.

package billing

import (
	"context"
	"iter"

	"github.com/stripe/stripe-go/v76"
)

func ours() map[string]string { return map[string]string{metadataMadeBy: madeBy} }

// eachProduct walks the active products.
func (a *stripeAPI) eachProduct(ctx context.Context) iter.Seq2[stripeProduct, error] {
	it := a.products.List(&stripe.ProductListParams{ListParams: listing(ctx), Active: stripe.Bool(true)})
	return walk(ctx, "list the products", it.Iter, readProduct)
}

func (a *stripeAPI) createProduct(ctx context.Context, key string) (stripeProduct, error) {
	p, err := a.products.New(&stripe.ProductParams{
		Params: writing(ctx, key), Name: stripe.String(productName), UnitLabel: stripe.String("listing"), Metadata: ours(),
	})
	return one(ctx, "make the product", p, err, readProduct)
}

func (a *stripeAPI) createPrice(ctx context.Context, productID, lookup string, unitAmount int64, currency, key string) (stripePrice, error) {
	p, err := a.prices.New(&stripe.PriceParams{
		Params: writing(ctx, key), Product: stripe.String(productID), LookupKey: stripe.String(lookup),
		UnitAmount: stripe.Int64(unitAmount), Currency: stripe.String(currency),
		Recurring: &stripe.PriceRecurringParams{Interval: stripe.String("month")}, Metadata: ours(),
	})
	return one(ctx, "make the price", p, err, readPrice)
}

// putPortal makes a portal configuration, or brings the one with that id up to date.
// Changing the quantity or the price is left out, which is how it is off: in this
// version of the API it can't be named without more (Stripe docs, 2023-10-16).
func (a *stripeAPI) putPortal(ctx context.Context, id, back, key string) (stripePortal, error) {
	on := stripe.Bool(true)
	p := &stripe.BillingPortalConfigurationParams{
		Params: writing(ctx, key), DefaultReturnURL: stripe.String(back), Metadata: ours(),
		Features: &stripe.BillingPortalConfigurationFeaturesParams{
			InvoiceHistory:      &stripe.BillingPortalConfigurationFeaturesInvoiceHistoryParams{Enabled: on},
			PaymentMethodUpdate: &stripe.BillingPortalConfigurationFeaturesPaymentMethodUpdateParams{Enabled: on},
			CustomerUpdate: &stripe.BillingPortalConfigurationFeaturesCustomerUpdateParams{
				Enabled: on, AllowedUpdates: stripe.StringSlice([]string{"email", "address", "name", "tax_id"}),
			},
			SubscriptionCancel: &stripe.BillingPortalConfigurationFeaturesSubscriptionCancelParams{
				Enabled: on, Mode: stripe.String("at_period_end"),
			},
		},
		// This version demands a profile, and one without a field is not sent at all.
		BusinessProfile: &stripe.BillingPortalConfigurationBusinessProfileParams{Headline: stripe.String("Your card, invoices and subscription")},
	}
	var c *stripe.BillingPortalConfiguration
	var err error
	if id == "" {
		c, err = a.portalConfigs.New(p)
	} else {
		c, err = a.portalConfigs.Update(id, p)
	}
	return one(ctx, "set up the portal", c, err, readPortal)
}

func (a *stripeAPI) endpoints(ctx context.Context) ([]stripeEndpoint, error) {
	it := a.webhookTargets.List(&stripe.WebhookEndpointListParams{ListParams: listing(ctx)})
	return all(walk(ctx, "list the webhook endpoints", it.Iter, readEndpoint))
}

func (a *stripeAPI) createEndpoint(ctx context.Context, address, key string) (stripeEndpoint, error) {
	e, err := a.webhookTargets.New(&stripe.WebhookEndpointParams{
		Params: writing(ctx, key), URL: stripe.String(address), APIVersion: stripe.String(stripe.APIVersion),
		EnabledEvents: stripe.StringSlice(subscribedEvents()), Description: stripe.String(madeBy), Metadata: ours(),
	})
	return one(ctx, "make the webhook endpoint", e, err, readEndpoint)
}

func (a *stripeAPI) setEvents(ctx context.Context, id string, kinds []string, key string) (stripeEndpoint, error) {
	e, err := a.webhookTargets.Update(id, &stripe.WebhookEndpointParams{Params: writing(ctx, key), EnabledEvents: stripe.StringSlice(kinds)})
	return one(ctx, "set the events of the webhook endpoint", e, err, readEndpoint)
}
