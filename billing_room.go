// The other half of dashboard.Billing: what members do with their plan, handed to the
// room, and what comes back or goes wrong put into the pages' words.
package main

import (
	"context"
	"errors"
	"time"

	"hostaway-mcp/billing"
	"hostaway-mcp/dashboard"
	"hostaway-mcp/store"
)

// faultOf puts what goes wrong into the pages' words. Both rooms name each fault by
// the same word.
func faultOf(err error) error {
	var fault *billing.Fault
	var early *billing.TooSoonError
	var stripe *billing.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &fault):
		return &dashboard.BillingError{Fault: dashboard.BillingFault(fault.Kind), RetryAt: fault.RetryAt, Err: err}
	case errors.As(err, &early):
		return &dashboard.BillingError{Fault: dashboard.FaultTooSoon, RetryAt: early.Next, Err: err}
	case errors.Is(err, billing.ErrNotConnected):
		return &dashboard.BillingError{Fault: dashboard.FaultNotConnected, Err: err}
	case errors.Is(err, billing.ErrRefused):
		return &dashboard.BillingError{Fault: dashboard.FaultRefused, Err: err}
	case errors.Is(err, billing.ErrIncomplete):
		return &dashboard.BillingError{Fault: dashboard.FaultIncomplete, Err: err}
	case errors.As(err, &stripe) && stripeIsAway(err):
		return &dashboard.BillingError{Fault: dashboard.FaultUnreachable, Err: err}
	}
	return err
}

// StartCheckout opens Stripe's page for subscribing.
func (p plans) StartCheckout(ctx context.Context, org *store.Org, by store.Actor) (string, error) {
	address, err := p.room.StartCheckout(ctx, org, by)
	return address, faultOf(err)
}

// Portal opens Stripe's page for cards and addresses.
func (p plans) Portal(ctx context.Context, org *store.Org, by store.Actor) (string, error) {
	address, err := p.room.Portal(ctx, org, by)
	return address, faultOf(err)
}

// Cancel ends the subscription with its period.
func (p plans) Cancel(ctx context.Context, org *store.Org, by store.Actor, reason string) error {
	return faultOf(p.room.Cancel(ctx, org, by, reason))
}

// Resume takes that back.
func (p plans) Resume(ctx context.Context, org *store.Org, by store.Actor) error {
	return faultOf(p.room.Resume(ctx, org, by))
}

// Refresh reads the org's state at Stripe.
func (p plans) Refresh(ctx context.Context, org *store.Org) error {
	return faultOf(p.room.Refresh(ctx, org))
}

// SyncNow counts the org's listings.
func (p plans) SyncNow(ctx context.Context, org *store.Org, by store.Actor) (dashboard.SyncResult, error) {
	found, err := p.room.SyncNow(ctx, org, by)
	if err != nil {
		return dashboard.SyncResult{}, faultOf(err)
	}
	r := dashboard.SyncResult{
		Listings: found.Count.Active, Before: found.Before, CountedAt: found.Count.CountedAt, Held: heldCount(found.Desired),
	}
	r.NextSyncAt, err = p.room.NextSyncAt(ctx, org)
	return r, err
}

// Projected is the next bill.
func (p plans) Projected(ctx context.Context, org *store.Org) (dashboard.ProjectedBill, error) {
	bill, err := p.room.Projected(ctx, org)
	if err != nil {
		return dashboard.ProjectedBill{}, faultOf(err)
	}
	shown := dashboard.ProjectedBill{
		Currency: bill.Currency, Estimate: bill.Estimate, First: bill.First, None: bill.None, DueAt: bill.DueAt, AsOf: bill.AsOf, Listings: bill.Listings,
		Regular: bill.Regular, Discount: bill.Discount, Tax: bill.Tax, Credit: bill.Credit, Carried: bill.Carried, Total: bill.Total,
	}
	for _, c := range bill.Changes {
		shown.Changes = append(shown.Changes, dashboard.BillChange(c))
	}
	return shown, nil
}

// Invoices is one page of them.
func (p plans) Invoices(ctx context.Context, org *store.Org, after string) (dashboard.InvoicePage, error) {
	found, err := p.room.Invoices(ctx, org, after)
	if err != nil {
		return dashboard.InvoicePage{}, faultOf(err)
	}
	page := dashboard.InvoicePage{Next: found.Next, Lost: found.Lost}
	for _, i := range found.Invoices {
		page.Invoices = append(page.Invoices, dashboard.Invoice{
			ID: i.ID, Number: i.Number, CreatedAt: i.CreatedAt, PeriodStart: i.PeriodStart, PeriodEnd: i.PeriodEnd, Listings: i.Listings,
			Total: dashboard.Money{Minor: i.Total, Currency: i.Currency}, Due: dashboard.Money{Minor: i.Due, Currency: i.Currency},
			Status: dashboard.InvoiceStatus(i.Status), HasPDF: i.HasPDF, HasPage: i.HasPage,
		})
	}
	return page, nil
}

// InvoiceAddress is where an invoice of this org can be seen now.
func (p plans) InvoiceAddress(ctx context.Context, org *store.Org, id string, form dashboard.InvoiceForm) (string, error) {
	address, err := p.room.InvoiceAddress(ctx, org, id, billing.InvoiceForm(form))
	return address, faultOf(err)
}

// withPlans gives the pages what there is of billing; without it they have none.
func (h *house) withPlans(db *store.Store, c dashboard.Config) dashboard.Config {
	if h.billed != nil {
		c.Billing, c.BillingOperator = h.billed.plans, billingOverseer{plans: h.billed.plans, store: db, jobs: h.overseer.jobs, stripe: func() []check { return h.billed.stripePart("billing") }, ask: h.askJob}
	}
	return c
}

// askJob has a job run now.
func (h *house) askJob(name string, apart time.Duration) (asking, error) {
	if h.jobs == nil {
		return "", errors.New("the jobs have not begun yet")
	}
	return h.jobs.ask(name, apart)
}

// CountConnected counts the listings of an org that has just connected Hostaway.
func (p plans) CountConnected(ctx context.Context, org *store.Org, by store.Actor) error {
	_, err := p.room.Count(ctx, org, store.CountConnect, by)
	return faultOf(err)
}
