// BillingAccount: what we know of an org at Stripe, as it was read there the last
// time, and the access that follows from it.

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// BillingAccount is an org's one row. Ids, Status and LatestInvoiceStatus are
// Stripe's, "" until known; UnitAmount is in minor units of Currency, per listing and
// month. CancelAt is when a subscription ends that was canceled for later.
// OverdueSince is when the oldest open invoice fell due, and GraceEndsAt when tools
// end for it. Generation counts the org's customers at Stripe, and FormerCustomers are
// those that were deleted there and got a successor: ids, oldest first, with blanks
// between them. Returned is what ReturnedPayments reads. Version is compared and set: 0 means that there is no row yet.
type BillingAccount struct {
	CustomerID, SubscriptionID, ItemID, PriceID, Currency string
	UnitAmount                                            int64
	Status                                                string
	Access                                                Access
	AccessReason                                          AccessReason
	TrialEndsAt, CancelAt, GraceEndsAt, OverdueSince      *time.Time
	PeriodStart, PeriodEnd                                *time.Time
	LatestInvoiceID, LatestInvoiceStatus                  string
	CheckoutSession                                       string
	Generation                                            int
	FormerCustomers                                       string
	Returned                                              string
	SyncedAt                                              *time.Time
	Version                                               int64
}

// Succeed makes id the org's customer, and remembers the one before it.
func (a *BillingAccount) Succeed(id string) {
	if a.CustomerID != "" && a.CustomerID != id {
		a.FormerCustomers = strings.TrimSpace(a.FormerCustomers + " " + a.CustomerID)
	}
	a.CustomerID = id
}

// Customers are all customers that the org had at Stripe, newest first.
func (a BillingAccount) Customers() []string {
	all := strings.Fields(a.FormerCustomers)
	if a.CustomerID != "" {
		all = append(all, a.CustomerID)
	}
	slices.Reverse(all)
	return all
}

// AccessAt is the access at a time, as Org.Access tells it.
func (a BillingAccount) AccessAt(now time.Time) AccessState {
	return a.state().at(now)
}

func (a BillingAccount) state() AccessState {
	return AccessState{Access: a.Access, Reason: a.AccessReason, TrialEndsAt: a.TrialEndsAt, CancelAt: a.CancelAt, GraceEndsAt: a.GraceEndsAt}
}

// Billing returns the org's account. ErrNotFound: it has none, for it has never
// been connected while billing was on.
func (o *Org) Billing(ctx context.Context) (a BillingAccount, err error) {
	err = o.read(ctx, func(d orgDoor) error {
		a, err = d.billing(ctx)
		return err
	})
	if err != nil {
		return BillingAccount{}, fmt.Errorf("read the billing account: %w", err)
	}
	return a, nil
}

func (d orgDoor) billing(ctx context.Context) (a BillingAccount, err error) {
	var customer sql.NullString
	var trial, cancel, grace, overdue, start, end, synced sql.NullInt64
	err = d.get(ctx, `
SELECT customer_id, subscription_id, item_id, price_id, currency, unit_amount, status, access, access_reason,
  trial_ends_at, cancel_at, grace_ends_at, overdue_since_at, period_start_at, period_end_at,
  latest_invoice_id, latest_invoice_status, checkout_session, generation, former_customers, returned, synced_at, version
FROM billing_accounts`, nil,
		&customer, &a.SubscriptionID, &a.ItemID, &a.PriceID, &a.Currency, &a.UnitAmount, &a.Status, &a.Access, &a.AccessReason,
		&trial, &cancel, &grace, &overdue, &start, &end,
		&a.LatestInvoiceID, &a.LatestInvoiceStatus, &a.CheckoutSession, &a.Generation, &a.FormerCustomers, &a.Returned, &synced, &a.Version)
	a.CustomerID = customer.String
	a.TrialEndsAt, a.CancelAt, a.GraceEndsAt, a.OverdueSince = fromNullMilli(trial), fromNullMilli(cancel), fromNullMilli(grace), fromNullMilli(overdue)
	a.PeriodStart, a.PeriodEnd, a.SyncedAt = fromNullMilli(start), fromNullMilli(end), fromNullMilli(synced)
	return a, err
}

// SaveBilling writes the account if nobody has written it since it was read, and
// returns it with its new Version. A change of access is in the audit log, and the
// mails are queued with it: all of it, or nothing. That nothing was new but SyncedAt
// waits for no copy.
// Errors: ErrConflict (written meanwhile: read it again; or the customer is another
// org's), *InputError, ErrNotReplicated (with the account).
func (o *Org) SaveBilling(ctx context.Context, by Actor, a BillingAccount, mails ...NewMail) (BillingAccount, error) {
	var news bool
	err := o.write(ctx, func(d orgDoor) error {
		old, err := d.billing(ctx)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		news = old.news(a) || len(mails) > 0
		if err := d.saveBilling(ctx, by, old, a); err != nil {
			return err
		}
		return d.enqueue(ctx, mails)
	})
	if err != nil {
		return BillingAccount{}, fmt.Errorf("save the billing account: %w", err)
	}
	a.Version++
	if !news {
		return a, nil
	}
	return a, o.store.Replicated(ctx)
}

// news says whether b tells more than a, besides that it was read again.
func (a BillingAccount) news(b BillingAccount) bool {
	for _, pair := range [][2]**time.Time{
		{&a.TrialEndsAt, &b.TrialEndsAt},
		{&a.CancelAt, &b.CancelAt},
		{&a.GraceEndsAt, &b.GraceEndsAt},
		{&a.OverdueSince, &b.OverdueSince},
		{&a.PeriodStart, &b.PeriodStart},
		{&a.PeriodEnd, &b.PeriodEnd},
	} {
		x, y := *pair[0], *pair[1]
		if (x == nil) != (y == nil) || x != nil && x.UnixMilli() != y.UnixMilli() {
			return true
		}
		*pair[0] = y
	}
	a.SyncedAt = b.SyncedAt
	return a != b
}

func (d orgDoor) saveBilling(ctx context.Context, by Actor, old, a BillingAccount) error {
	if old.Version != a.Version {
		return fmt.Errorf("%w: the billing account was changed meanwhile", ErrConflict)
	}
	var customer any
	if a.CustomerID != "" {
		customer = a.CustomerID
	}
	row := args{
		customer, a.SubscriptionID, a.ItemID, a.PriceID, a.Currency, a.UnitAmount, a.Status, a.Access, a.AccessReason,
		timeOrNull(a.TrialEndsAt), timeOrNull(a.CancelAt), timeOrNull(a.GraceEndsAt), timeOrNull(a.OverdueSince),
		timeOrNull(a.PeriodStart), timeOrNull(a.PeriodEnd),
		a.LatestInvoiceID, a.LatestInvoiceStatus, a.CheckoutSession, a.Generation, a.FormerCustomers, a.Returned, timeOrNull(a.SyncedAt), a.Version + 1,
	}
	var err error
	if a.Version > 0 {
		err = d.exec(ctx, `
UPDATE billing_accounts SET customer_id = ?, subscription_id = ?, item_id = ?, price_id = ?, currency = ?, unit_amount = ?, status = ?,
  access = ?, access_reason = ?, trial_ends_at = ?, cancel_at = ?, grace_ends_at = ?, overdue_since_at = ?, period_start_at = ?, period_end_at = ?,
  latest_invoice_id = ?, latest_invoice_status = ?, checkout_session = ?, generation = ?, former_customers = ?, returned = ?, synced_at = ?, version = ?`, row)
	} else {
		err = d.exec(ctx, `
INSERT INTO billing_accounts (customer_id, subscription_id, item_id, price_id, currency, unit_amount, status,
  access, access_reason, trial_ends_at, cancel_at, grace_ends_at, overdue_since_at, period_start_at, period_end_at,
  latest_invoice_id, latest_invoice_status, checkout_session, generation, former_customers, returned, synced_at, version, org_id)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, append(row, d.org.id))
	}
	switch {
	case isTaken(err):
		return fmt.Errorf("%w: this Stripe customer belongs to another org", ErrConflict)
	case isChecked(err):
		return &InputError{"access", "it must be exempt, trial, active, grace, suspended, canceled or none"}
	case err != nil:
		return err
	}
	if err := d.auditReturned(ctx, by, old, a); err != nil {
		return err
	}
	return d.auditAccess(ctx, by, old, a)
}

func (d orgDoor) auditAccess(ctx context.Context, by Actor, old, a BillingAccount) error {
	if old.Access == a.Access && old.AccessReason == a.AccessReason {
		return nil
	}
	detail := "to " + a.accessInWords()
	if old.Version > 0 {
		detail = "from " + old.accessInWords() + " " + detail
	}
	return d.audit(ctx, by, Action{Name: "billing.access_changed", Target: a.SubscriptionID, Detail: detail})
}

// accessInWords is the access with its reason, where that tells more.
func (a BillingAccount) accessInWords() string {
	reason := strings.ReplaceAll(string(a.AccessReason), "_", " ")
	if reason == "" || reason == string(a.Access) {
		return string(a.Access)
	}
	return string(a.Access) + " (" + reason + ")"
}

func timeOrNull(t *time.Time) any {
	if t == nil {
		return nil
	}
	return milliOrNull(*t)
}

// OrgByStripeCustomer opens the org of a customer at Stripe. Error: ErrNotFound.
func (s *Store) OrgByStripeCustomer(ctx context.Context, id string) (o *Org, err error) {
	err = s.read(ctx, func(d systemDoor) error {
		found, err := list(ctx, d.hands, sysOrgByStripeCustomer, args{id}, s.scanOrg)
		if err == nil && len(found) == 0 {
			err = ErrNotFound
		}
		if err == nil {
			o = found[0]
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find the org of the Stripe customer: %w", err)
	}
	return o, nil
}
