// The billing account: read, compared and set; the audit log and the mails with it.

package store_test

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

// billed is a connected org of a store with billing and mail.
func billed(t *testing.T, opts ...storetest.Option) (*store.Store, storetest.Fixture) {
	t.Helper()
	st := storetest.Open(t, append([]storetest.Option{storetest.WithBilling(), storetest.WithMail()}, opts...)...)
	f := storetest.Org(t, st, "Acme")
	storetest.Connect(t, f.Org, 7, "a secret of Hostaway")
	return st, f
}

// audited lists the actions of the org's log, the oldest first, from the first one
// whose name begins with prefix.
func audited(t *testing.T, o *store.Org, prefix string) (actions []string) {
	t.Helper()
	entries := must[[]store.AuditEntry](t)(firstPage(t.Context(), o))
	for i := len(entries) - 1; i >= 0; i-- {
		if e := entries[i]; strings.HasPrefix(e.Action, prefix) {
			actions = append(actions, e.Action+" "+e.Detail)
		}
	}
	return actions
}

func TestBillingAccountIsKept(t *testing.T) {
	t.Parallel()
	_, f := billed(t, storetest.WithClock(clockAt(noon)))
	a := must[store.BillingAccount](t)(f.Org.Billing(t.Context()))
	want := store.BillingAccount{
		CustomerID: "cus_1", SubscriptionID: "sub_1", ItemID: "si_1", PriceID: "price_1", Currency: "usd", UnitAmount: 500, Status: "past_due",
		Access: store.AccessGrace, AccessReason: store.ReasonPaymentFailed,
		TrialEndsAt: a.TrialEndsAt, CancelAt: ptr(noon.Add(1 * time.Hour)), GraceEndsAt: ptr(noon.Add(2 * time.Hour)), OverdueSince: ptr(noon.Add(3 * time.Hour)),
		PeriodStart: ptr(noon.Add(4 * time.Hour)), PeriodEnd: ptr(noon.Add(5 * time.Hour)),
		LatestInvoiceID: "in_1", LatestInvoiceStatus: "open", CheckoutSession: "cs_1", Generation: 3, FormerCustomers: "cus_a cus_b", Returned: "in_0:refunded:in_1", SyncedAt: ptr(noon.Add(6 * time.Hour)), Version: a.Version,
	}
	saved := must[store.BillingAccount](t)(f.Org.SaveBilling(t.Context(), f.By(), want))
	want.Version++
	if diff := cmp.Diff(want, saved); diff != "" {
		t.Errorf("what is said to be saved (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, must[store.BillingAccount](t)(f.Org.Billing(t.Context()))); diff != "" {
		t.Errorf("what is saved (-want +got):\n%s", diff)
	}
	saved.CustomerID, saved.CancelAt = "", nil
	must[store.BillingAccount](t)(f.Org.SaveBilling(t.Context(), f.By(), saved))
	if got := must[store.BillingAccount](t)(f.Org.Billing(t.Context())); got.CustomerID != "" || got.CancelAt != nil {
		t.Errorf("what is unknown again: %+v", got)
	}
	if diff := cmp.Diff([]string{
		"billing.access_changed to trial", "billing.payment_refunded ", "billing.access_changed from trial to grace (payment failed)",
	}, audited(t, f.Org, "billing.")); diff != "" {
		t.Errorf("the log (-want +got):\n%s", diff)
	}
}

func TestABillingAccountIsNotWrittenOverAnother(t *testing.T) {
	t.Parallel()
	st, f := billed(t)
	other := storetest.Org(t, st, "Beach")
	storetest.Connect(t, other.Org, 8, "a secret of Hostaway")
	a := must[store.BillingAccount](t)(f.Org.Billing(t.Context()))
	a.CustomerID = "cus_1"
	saved := must[store.BillingAccount](t)(f.Org.SaveBilling(t.Context(), f.By(), a))
	mail := store.NewMail{Kind: "suspended", To: store.ToOwners, DedupeKey: "one"}
	for name, try := range map[string]struct {
		org  storetest.Fixture
		save func() store.BillingAccount
	}{
		"an older version":      {f, func() store.BillingAccount { return a }},
		"as if there were none": {f, func() store.BillingAccount { return store.BillingAccount{Access: store.AccessActive} }},
		"a newer version":       {f, func() store.BillingAccount { b := saved; b.Version += 7; return b }},
		"another org's customer": {other, func() store.BillingAccount {
			return store.BillingAccount{Version: 1, CustomerID: "cus_1", Access: store.AccessActive}
		}},
	} {
		if _, err := try.org.Org.SaveBilling(t.Context(), f.By(), try.save(), mail); !errors.Is(err, store.ErrConflict) {
			t.Errorf("%s: %v, want a conflict", name, err)
		}
	}
	saved.Access = "free for all"
	var input *store.InputError
	if _, err := f.Org.SaveBilling(t.Context(), f.By(), saved, mail); !errors.As(err, &input) {
		t.Errorf("an access that does not exist: %v", err)
	}
	saved.Access = store.AccessActive
	if _, err := f.Org.SaveBilling(t.Context(), f.By(), saved, store.NewMail{Kind: "suspended"}); !errors.As(err, &input) {
		t.Errorf("a mail to nobody: %v", err)
	}
	if got := must[store.BillingAccount](t)(f.Org.Billing(t.Context())); got.Access != store.AccessTrial {
		t.Errorf("what was refused is kept: %+v", got)
	}
	if due := must[[]store.Mail](t)(st.DueMails(t.Context(), time.Now().Add(time.Hour), 10)); len(due) > 0 {
		t.Errorf("mails of what was refused: %+v", due)
	}
	if o, err := st.OrgByStripeCustomer(t.Context(), "cus_1"); err != nil || o.ID() != f.Org.ID() {
		t.Errorf("the customer's org: %v, %v", o, err)
	}
	if _, err := st.OrgByStripeCustomer(t.Context(), ""); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("no customer: %v", err)
	}
}

// Twenty writers at once: each change is made on top of the one before, none is lost.
func TestBillingAccountsAreComparedAndSet(t *testing.T) {
	t.Parallel()
	_, f := billed(t)
	var wg sync.WaitGroup
	var conflicts atomic.Int64
	for range 20 {
		wg.Go(func() {
			for {
				a, err := f.Org.Billing(t.Context())
				if err == nil {
					a.Generation++
					_, err = f.Org.SaveBilling(t.Context(), f.By(), a)
				}
				if err == nil {
					return
				}
				if !errors.Is(err, store.ErrConflict) {
					t.Error(err)
					return
				}
				conflicts.Add(1)
			}
		})
	}
	wg.Wait()
	if got := must[store.BillingAccount](t)(f.Org.Billing(t.Context())); got.Generation != 20 || got.Version != 21 {
		t.Errorf("after 20 changes and %d conflicts: %+v", conflicts.Load(), got)
	}
}

// An hourly look that brings no news waits for no copy.
func TestOnlyNewsOfBillingWaitForTheCopy(t *testing.T) {
	t.Parallel()
	copied := &copyist{}
	_, f := billed(t, func(c *store.Config) { c.Replicated = copied.replicated })
	a := must[store.BillingAccount](t)(f.Org.Billing(t.Context()))
	for _, step := range []struct {
		what   string
		change func(*store.BillingAccount)
		waits  int
	}{
		{"a customer", func(a *store.BillingAccount) { a.CustomerID = "cus_1" }, 1},
		{"read again", func(a *store.BillingAccount) { a.SyncedAt = ptr(noon) }, 0},
		{"a time", func(a *store.BillingAccount) { a.PeriodEnd = ptr(noon) }, 1},
		{"the same time, told anew", func(a *store.BillingAccount) { a.PeriodEnd = ptr(noon.Add(100)) }, 0},
		{"no time", func(a *store.BillingAccount) { a.PeriodEnd = nil }, 1},
		{"a status", func(a *store.BillingAccount) { a.Status = "active" }, 1},
	} {
		before := copied.asked
		step.change(&a)
		a = must[store.BillingAccount](t)(f.Org.SaveBilling(t.Context(), f.By(), a))
		if got := copied.asked - before; got != step.waits {
			t.Errorf("%s: the copy was asked %d times, want %d", step.what, got, step.waits)
		}
	}
}
