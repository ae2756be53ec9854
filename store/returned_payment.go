// ReturnedPayment: a refund or a dispute that an org was told of.

package store

import (
	"context"
	"slices"
	"strings"
)

// ReturnedPayment is a payment that went back or is asked back. Kind is refunded or
// disputed, During the invoice that was the org's latest when that was seen, "" without
// one. Invoices are Stripe's ids.
type ReturnedPayment struct{ Invoice, Kind, During string }

func (r ReturnedPayment) String() string { return r.Invoice + ":" + r.Kind + ":" + r.During }

// ReturnedPayments are those that are known of the org, in the order in which they were seen.
func (a BillingAccount) ReturnedPayments() (all []ReturnedPayment) {
	for word := range strings.FieldsSeq(a.Returned) {
		invoice, rest, _ := strings.Cut(word, ":")
		kind, during, _ := strings.Cut(rest, ":")
		all = append(all, ReturnedPayment{invoice, kind, during})
	}
	return all
}

// auditReturned writes down each that the account did not have.
func (d orgDoor) auditReturned(ctx context.Context, by Actor, old, a BillingAccount) error {
	known := old.ReturnedPayments()
	for _, r := range a.ReturnedPayments() {
		if slices.Contains(known, r) {
			continue
		}
		if err := d.audit(ctx, by, Action{Name: "billing.payment_" + r.Kind, Target: r.Invoice}); err != nil {
			return err
		}
	}
	return nil
}
