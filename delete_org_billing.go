// The part of delete-org that is about money: nothing may go on billing an org that
// is gone.
package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"hostaway-mcp/store"
)

// leaveStripe ends the org's subscription and marks its customer as left, before
// anything is deleted. Where Stripe can't be asked nothing is deleted, unless keep
// says that a person sees to it.
func (d desk) leaveStripe(ctx context.Context, org *store.Org, keep bool) error {
	account, err := org.Billing(ctx)
	if errors.Is(err, store.ErrNotFound) || err == nil && account.CustomerID == "" {
		return nil
	}
	if err != nil {
		return d.problem(err)
	}
	if keep || !d.config.bills() {
		return d.printf("Stripe was not asked: see that no subscription of the customer %s goes on, in Stripe's dashboard.\n", account.CustomerID)
	}
	if err := d.config.readyToBill(); err != nil {
		return err
	}
	c := d.config
	c.BaseURL = d.baseURL()
	log := newLogger(d.errOut, c)
	room, err := newRoom(billingConfig(c, d.store, newUpstream(c, d.now, log), d.now, log))
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
		return failed(err, fmt.Sprintf("Stripe could not be told that %s leaves (%s): a subscription of it may go on; nothing was deleted", org.Name(), oneLine(err.Error())),
			fmt.Sprintf("run it again when Stripe answers, or cancel the subscription of the customer %s in Stripe's dashboard and repeat this with --keep-stripe", account.CustomerID))
	}
	return nil
}
