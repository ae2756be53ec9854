// The isolation cases of billing.

package store_test

import (
	"context"
	"errors"
	"maps"
	"time"

	"hostaway-mcp/store"
)

// newCount names a listing whose number is the account's.
func (s side) newCount() store.ListingCount {
	return store.ListingCount{
		CountedAt: noon, Active: 1, Total: 1, Pages: 1, Complete: true, ConnectionVersion: 1, Source: store.CountDaily, IDs: []int64{s.account},
	}
}

// eachOrgCase has a case for every method of an org.
func eachOrgCase() map[string]isolationCase {
	all := maps.Clone(orgCases)
	maps.Copy(all, billingCases)
	return all
}

var billingCases = map[string]isolationCase{
	"Access":  {noIDs: true, run: answer(func(_ context.Context, me, _ side) (store.AccessState, error) { return me.fix.Org.Access(), nil })},
	"Billing": {noIDs: true, run: answer(func(ctx context.Context, me, _ side) (store.BillingAccount, error) { return me.fix.Org.Billing(ctx) })},
	"SaveBilling": {noIDs: true, run: answer(func(ctx context.Context, me, target side) (store.BillingAccount, error) {
		a, err := me.fix.Org.Billing(ctx)
		if err != nil {
			return a, err
		}
		a.CustomerID = target.customer // Stripe's ids are one's own to know; that of another org is refused
		saved, err := me.fix.Org.SaveBilling(ctx, me.fix.By(), a)
		if err == nil {
			return a, errors.New("it took the customer of another org: " + target.customer)
		}
		return saved, err
	})},
	"StartTrial": {noIDs: true, run: failure(func(ctx context.Context, me, _ side) error { return me.fix.Org.StartTrial(ctx) })},
	"RecordCount": {run: failure(func(ctx context.Context, me, target side) error {
		c := me.newCount()
		c.Complete, c.Problem = false, "a page was refused"
		_, err := me.fix.Org.RecordCount(ctx, me.fix.By(), c, store.QuantityChange{
			Billable: []store.BillableChange{{EffectiveAt: noon, Quantity: 1, Reason: store.BillableCount, CountID: target.count.ID}},
		})
		return err
	})},
	"ListingCounts": {noIDs: true, run: answer(func(ctx context.Context, me, _ side) ([]store.ListingCount, error) {
		return me.fix.Org.ListingCounts(ctx, noon, noon.Add(time.Hour))
	})},
	"ListingCount": {run: answer(func(ctx context.Context, me, target side) (store.ListingCount, error) {
		return me.fix.Org.ListingCount(ctx, target.count.ID)
	})},
	"NewestCompleteCount": {noIDs: true, run: answer(func(ctx context.Context, me, _ side) (store.ListingCount, error) {
		return me.fix.Org.NewestCompleteCount(ctx)
	})},
	"NewestCount": {noIDs: true, run: answer(func(ctx context.Context, me, _ side) (store.ListingCount, error) {
		return me.fix.Org.NewestCount(ctx)
	})},
	"Billable": {noIDs: true, run: answer(func(ctx context.Context, me, _ side) ([]store.BillableChange, error) {
		return me.fix.Org.Billable(ctx, noon, noon.Add(time.Hour))
	})},
	"Desired": {noIDs: true, run: answer(func(ctx context.Context, me, _ side) (store.DesiredQuantity, error) { return me.fix.Org.Desired(ctx) })},
	"SetDesired": {run: failure(func(ctx context.Context, me, target side) error {
		q, err := me.fix.Org.Desired(ctx)
		if err != nil {
			return err
		}
		q.CountID = target.count.ID
		err = me.fix.Org.SetDesired(ctx, me.fix.By(), store.QuantityChange{Desired: &q})
		if errors.Is(err, store.ErrConflict) { // another caller of the parallel test was first
			return store.ErrNotFound
		}
		return err
	})},
	"EnqueueMails": {noIDs: true, run: failure(func(ctx context.Context, me, _ side) error {
		return me.fix.Org.EnqueueMails(ctx, store.NewMail{Kind: "count_held", To: store.ToOwners, DedupeKey: me.customer, Payload: []byte(me.customer)})
	})},
}
