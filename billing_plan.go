// How an org's plan stands, put into the words of the pages. It is shown on every
// page, so it comes from the store alone.
package main

import (
	"cmp"
	"context"
	"errors"
	"time"

	"hostaway-mcp/billing"
	"hostaway-mcp/dashboard"
	"hostaway-mcp/hostaway"
	"hostaway-mcp/store"
)

// plans implements dashboard.Billing.
type plans struct {
	room     *billing.Billing
	hostaway interface {
		ClientFor(ctx context.Context, org *store.Org) (*hostaway.Client, error)
	}
	now func() time.Time
}

// stripeTrialing is Stripe's word for a subscription in its trial.
const stripeTrialing = "trialing"

// stripeCanceled is its word for one that has ended.
const stripeCanceled = "canceled"

// isDebt tells whether a subscription that goes on waits for a payment.
func isDebt(reason store.AccessReason, status string) bool {
	return status != stripeCanceled && (reason == store.ReasonPaymentFailed || reason == store.ReasonUnpaid)
}

// planState is what an org's access and its subscription come to.
func planState(a store.AccessState, status string) dashboard.BillingState {
	switch a.Access {
	case store.AccessExempt:
		return dashboard.BillingExempt
	case store.AccessTrial:
		if isDebt(a.Reason, status) { // to an owner the trial is a time of grace then
			return dashboard.BillingGrace
		}
		return dashboard.BillingTrial
	case store.AccessActive:
		if status == stripeTrialing {
			return dashboard.BillingTrialCard
		}
		return dashboard.BillingActive
	case store.AccessGrace:
		return dashboard.BillingGrace
	case store.AccessCanceled:
		return dashboard.BillingCanceled
	case store.AccessSuspended:
		switch {
		case a.Reason == store.ReasonPaused:
			return dashboard.BillingPaused
		case status == stripeCanceled: // by the store's clock alone: the state at Stripe is read soon
			return dashboard.BillingCanceled
		}
		return dashboard.BillingSuspended
	}
	switch a.Reason {
	case store.ReasonNotConnected:
		return dashboard.BillingNotConnected
	case store.ReasonPaymentPending:
		return dashboard.BillingUnconfirmed
	case store.ReasonTrialUsed:
		return dashboard.BillingNoTrial
	}
	return dashboard.BillingTrialOver
}

// Overview is how the org's plan stands.
func (p plans) Overview(ctx context.Context, org *store.Org) (dashboard.BillingOverview, error) {
	access := org.Access()
	account, err := org.Billing(ctx)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return dashboard.BillingOverview{}, err
	}
	o := dashboard.BillingOverview{
		State: planState(access, account.Status), Reason: access.Reason, UnitPrice: p.unitPrice(account),
		TrialEndsAt: account.TrialEndsAt, CancelAt: account.CancelAt, OverdueSince: account.OverdueSince,
		PeriodStart: account.PeriodStart, PeriodEnd: account.PeriodEnd, SyncedAt: account.SyncedAt,
		Doubled: access.Reason == store.ReasonTwoSubscriptions,
	}
	if o.CancelAt != nil && !p.now().Before(*o.CancelAt) {
		o.EndedAt, o.CancelAt = o.CancelAt, nil
	}
	switch o.State {
	case dashboard.BillingGrace:
		o.StopsAt = toolsStop(access)
	case dashboard.BillingCanceled:
		o.EndedAt, o.CancelAt = cmp.Or(account.CancelAt, account.PeriodEnd), nil
	case dashboard.BillingNotConnected:
		o.TrialDays = store.TrialDays
	}
	if account.LatestInvoiceStatus == string(dashboard.InvoiceOpen) {
		o.OpenInvoice = account.LatestInvoiceID
	}
	return o, errors.Join(p.addCount(ctx, org, &o), p.addConnection(ctx, org, &o))
}

// toolsStop is when a debt stops the tools: with the grace, or with the subscription if
// that ends before, or with our own trial where that runs longer.
func toolsStop(a store.AccessState) *time.Time {
	stops := a.GraceEndsAt
	if stops != nil && a.CancelAt != nil && a.CancelAt.Before(*stops) {
		stops = a.CancelAt
	}
	if a.Access == store.AccessTrial && a.TrialEndsAt != nil && (stops == nil || stops.Before(*a.TrialEndsAt)) {
		return a.TrialEndsAt
	}
	return stops
}

// unitPrice is what the org pays for a listing, or would.
func (p plans) unitPrice(account store.BillingAccount) dashboard.Money {
	if account.UnitAmount > 0 {
		return dashboard.Money{Minor: account.UnitAmount, Currency: account.Currency}
	}
	amount, currency := p.room.Price()
	return dashboard.Money{Minor: amount, Currency: currency}
}

// addCount adds what was counted, what is billed, and what is held.
func (p plans) addCount(ctx context.Context, org *store.Org, o *dashboard.BillingOverview) error {
	newest, err := org.NewestCompleteCount(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	o.Counted = &dashboard.ListingsCounted{Active: newest.Active, At: newest.CountedAt}
	desired, err := org.Desired(ctx)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if err == nil && isBilled(o.State) {
		o.Billed, o.AtStripe = &desired.Quantity, atStripe(desired)
	}
	o.Held = heldCount(desired)
	o.NextSyncAt, err = p.room.NextSyncAt(ctx, org)
	return err
}

// atStripe is what Stripe bills while it is another number, nil while it is not. Once
// Stripe has had the number that is due, another one there was set by somebody else.
func atStripe(q store.DesiredQuantity) *dashboard.StripeNumber {
	if q.AtStripe == nil || *q.AtStripe == q.Quantity {
		return nil
	}
	n := &dashboard.StripeNumber{Listings: *q.AtStripe, Then: dashboard.NumberFollows}
	switch hadIt := q.SyncedAt != nil && !q.SyncedAt.Before(q.ChangedAt); {
	case q.State == store.QuantityClean:
		n.Then = dashboard.NumberAsks
	case hadIt:
		n.Then = dashboard.NumberSetBack
	}
	return n
}

// isBilled tells whether a subscription bills the org.
func isBilled(s dashboard.BillingState) bool {
	switch s {
	case dashboard.BillingTrialCard, dashboard.BillingActive, dashboard.BillingGrace, dashboard.BillingSuspended, dashboard.BillingPaused:
		return true
	default:
		return false
	}
}

// heldCount is the count that waits, nil where none does.
func heldCount(q store.DesiredQuantity) *dashboard.HeldCount {
	if !q.Held() {
		return nil
	}
	held := &dashboard.HeldCount{Reason: dashboard.HoldReason(q.HoldReason), Listings: q.HeldQuantity, Billed: q.Quantity}
	if q.HeldSince != nil {
		held.Since = *q.HeldSince
	}
	if q.HoldReason == holdTenfold {
		held.Reason, held.NeedsOperator = dashboard.HoldSpike, true
	}
	return held
}

// holdTenfold is the room's word for a rise that only a person may let through; the
// others are the page's own.
const holdTenfold = "tenfold"

func (p plans) addConnection(ctx context.Context, org *store.Org, o *dashboard.BillingOverview) error {
	connection, err := org.Connection(ctx)
	if errors.Is(err, store.ErrNotFound) {
		o.Disconnected = true
		return nil
	}
	if connection.State == store.ConnectionRefused {
		o.CredentialsRefusedAt = connection.RefusedAt
	}
	return err
}
