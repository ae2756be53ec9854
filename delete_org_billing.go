// The part of delete-org that is about money: nothing may go on billing an org that
// is gone.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"hostaway-mcp/billing"
	"hostaway-mcp/store"
)

// leaveStripe ends the org's subscription and marks its customer as left, before
// anything is deleted. Where Stripe can't be asked nothing is deleted, unless keep
// says that a person sees to it: then the customer is marked if that is possible, and
// what remains at Stripe is said.
func (d desk) leaveStripe(ctx context.Context, org *store.Org, keep bool) error {
	account, err := org.Billing(ctx)
	if errors.Is(err, store.ErrNotFound) || err == nil && account.CustomerID == "" {
		return nil
	}
	if err != nil {
		return d.problem(err)
	}
	if !d.config.bills() {
		return d.printf("%s", leftUnmarked(account.CustomerID, "billing is off"))
	}
	room, err := d.room()
	if keep {
		return d.leaveToPerson(ctx, org, account.CustomerID, room, err)
	}
	if err != nil {
		return err
	}
	ended, err := room.Leave(ctx, org)
	if len(ended) > 0 {
		if err := d.printf("Ended at Stripe, at once and without giving anything back: %s\n", strings.Join(ended, ", ")); err != nil {
			return err
		}
	}
	if err != nil {
		what, do := stripeAdvice(err)
		if what == "" {
			return d.problem(err)
		}
		return failed(err, fmt.Sprintf("Stripe could not be told that %s leaves (%s): a subscription of it may go on; nothing was deleted", org.Name(), what),
			fmt.Sprintf("%s; or repeat this with --keep-stripe, and cancel the subscription of the customer %s in Stripe's dashboard yourself", do, account.CustomerID))
	}
	return d.printf("What stays at Stripe: the customer %s, marked as one whose org left, and its invoices.\n%s", account.CustomerID, owedText(ctx, room, org, account.CustomerID))
}

// room is billing as this command's settings have it.
func (d desk) room() (*billing.Billing, error) {
	c := d.config
	if err := c.readyToBill(); err != nil {
		return nil, err
	}
	c.BaseURL = d.baseURL()
	log := newLogger(d.errOut, c)
	return newRoom(billingConfig(c, d.store, newUpstream(c, d.now, log), d.now, log))
}

// markPatience is how long a Stripe that nobody insists on may take.
const markPatience = 10 * time.Second

// leaveToPerson marks the customer if Stripe lets it, and says what a person has to do.
func (d desk) leaveToPerson(ctx context.Context, org *store.Org, customer string, room *billing.Billing, err error) error {
	var goOn []string
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, markPatience)
		defer cancel()
		goOn, err = room.MarkLeft(ctx, org)
	}
	if err != nil {
		why, _ := stripeAdvice(err)
		return d.printf("%s", leftUnmarked(customer, cmp.Or(why, oneLine(err.Error()))))
	}
	text := fmt.Sprintf("What stays at Stripe: the customer %s, marked as one whose org left, and its invoices.\n%s", customer, owedText(ctx, room, org, customer))
	if len(goOn) > 0 {
		text += fmt.Sprintf("It goes on being billed: cancel %s in Stripe's dashboard. Until then `%s billing check` tells of it.\n", strings.Join(goOn, ", "), binaryName)
	}
	return d.printf("%s", text)
}

// owedText names the invoices that stay open: ending a subscription neither collects nor
// voids them. That they can't be read is no reason to stop: what ends has ended.
func owedText(ctx context.Context, room *billing.Billing, org *store.Org, customer string) string {
	open, err := room.OpenInvoices(ctx, org)
	if err != nil {
		return fmt.Sprintf("Whether an invoice of it is open could not be read: look at the customer %s in Stripe's dashboard, and have what is open paid, or void it.\n", customer)
	}
	if len(open) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("Still open, neither paid nor voided by this:\n")
	for _, i := range open {
		name := i.ID
		if i.Number != "" {
			name += " (" + printable(i.Number) + ")"
		}
		fmt.Fprintf(&b, "  invoice %s: %s\n", name, formatMoney(i.Remaining, i.Currency))
	}
	b.WriteString("Have it paid by the page that Stripe's dashboard links from the invoice, or void it there: nothing here collects it, and `" + binaryName + " billing check` does not tell of it.\n")
	return b.String()
}

// leftUnmarked says what a person has to do about a customer that Stripe was not told of.
func leftUnmarked(customer, why string) string {
	return fmt.Sprintf("Stripe was not told (%s). In Stripe's dashboard, cancel what the customer %s subscribes to, and set its metadata %s to %s;\n"+
		"until then `%s billing check` tells of it. The customer and its invoices stay there.\n", oneLine(why), customer, billing.LeftMark, billing.LeftValue, binaryName)
}
