// Money that went back, or may: refunds and disputes of any invoice. Stripe's charges
// are read for them, since neither an invoice nor a subscription shows them, and what
// was told of is kept with the account, so that each is told once.

package billing

import (
	"context"
	"slices"
	"strings"

	"hostaway-mcp/store"
)

// returned is a refund or a dispute of an invoice.
type returned struct {
	Invoice, Kind string // invoiceRefunded or invoiceDisputed
	During        string // the latest invoice when it was seen first: until the next one, the page speaks of it
	Charge        stripeCharge
}

// readReturned reads all charges of the customer. Where the key may not, refunds and
// disputes are not seen, and nothing else is wrong.
func (b *Billing) readReturned(ctx context.Context, f *facts, customerID string) error {
	charges, err := b.stripe.chargesOf(ctx, customerID)
	switch kindOf(err) {
	case KindKey, KindNotFound:
		b.log.WarnContext(ctx, "the Stripe key may not read charges, so refunds and disputes are not seen", "error", err)
		return nil
	case "":
		f.Charges = charges
	}
	return err
}

// returns adds to what was known of refunds and disputes what the charges show; news
// are those that were not known.
func (f facts) returns(latestInvoice string) (all, news []returned) {
	all = slices.Clone(f.Returned)
	for _, c := range f.Charges {
		for _, kind := range c.returned() {
			one := returned{Invoice: c.InvoiceID, Kind: kind, During: latestInvoice, Charge: c}
			if !slices.ContainsFunc(all, func(k returned) bool { return k.Invoice == one.Invoice && k.Kind == one.Kind }) {
				all, news = append(all, one), append(news, one)
			}
		}
	}
	return all, news
}

// returned are the kinds in which the money of the charge of an invoice went back.
func (c stripeCharge) returned() (kinds []string) {
	if c.InvoiceID == "" {
		return nil
	}
	if c.Disputed {
		kinds = append(kinds, invoiceDisputed)
	}
	if c.Amount > 0 && c.Refunded >= c.Amount {
		kinds = append(kinds, invoiceRefunded)
	}
	return kinds
}

// returnReason is why an org should hear of what went back since its latest invoice, ""
// when nothing did. A dispute weighs more: it is not settled.
func returnReason(all []returned, latestInvoice string) store.AccessReason {
	reason := store.AccessReason("")
	for _, r := range all {
		switch {
		case r.During != latestInvoice:
		case r.Kind == invoiceDisputed:
			return store.ReasonDisputed
		case r.Kind == invoiceRefunded:
			reason = store.ReasonRefunded
		}
	}
	return reason
}

// keptReturned is what an account has of them; wordsOf writes it.
func keptReturned(a store.BillingAccount) (all []returned) {
	for _, r := range a.ReturnedPayments() {
		all = append(all, returned{Invoice: r.Invoice, Kind: r.Kind, During: r.During})
	}
	return all
}

func wordsOf(all []returned) string {
	words := make([]string, len(all))
	for i, r := range all {
		words[i] = store.ReturnedPayment{Invoice: r.Invoice, Kind: r.Kind, During: r.During}.String()
	}
	return strings.Join(words, " ")
}
