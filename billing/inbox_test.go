package billing

import (
	"context"
	"fmt"
	"testing"
	"time"

	"hostaway-mcp/store"
)

func TestAnEventSuspendsAndTheNextRestores(t *testing.T) {
	t.Parallel()
	k := newBench(t)
	o := k.org(t, "a")
	for i, step := range []struct {
		status  string
		overdue int
		access  store.Access
		reason  store.AccessReason
	}{
		{"active", 0, store.AccessActive, store.ReasonSubscribed},
		{"past_due", 1000, store.AccessSuspended, store.ReasonPaymentFailed},
		{"active", 1000, store.AccessSuspended, store.ReasonPaymentFailed}, // something else was paid
		{"active", 0, store.AccessActive, store.ReasonSubscribed},
		{"canceled", 0, store.AccessCanceled, store.ReasonCanceled},
	} {
		k.tellSubscription("a", step.status, step.overdue)
		k.stripe.tell("/v1/customers/cus_a", `{"id":"cus_a","object":"customer"}`)
		// The name of the event says nothing: it is the same every time.
		k.event(t, fmt.Sprintf("evt_%d", i), "invoice.payment_succeeded", "cus_a")
		if n := k.work(t); n != 1 || k.pending(t) != 0 {
			t.Errorf("step %d: took up %d, %d are pending", i, n, k.pending(t))
		}
		if a := k.account(t, o); a.Access != step.access || a.AccessReason != step.reason || a.SubscriptionID != "sub_a" {
			t.Errorf("step %d: access %s (%s) by %q", i, a.Access, a.AccessReason, a.SubscriptionID)
		}
		k.clock.Advance(time.Minute)
	}
	want := map[string]int{store.MailPaymentFailed: 1, store.MailRestored: 1, store.MailCanceled: 1}
	if got := k.mails(t); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("mails %v, want %v", got, want)
	}
}

func TestABurstIsReadOnce(t *testing.T) {
	t.Parallel()
	k := newBench(t)
	k.org(t, "a")
	k.tellSubscription("a", "active", 0)
	for i := range 20 {
		k.event(t, fmt.Sprintf("evt_%d", i), "customer.subscription.updated", "cus_a")
	}
	k.work(t)
	if n := k.stripe.times("GET /v1/subscriptions"); n != 1 || k.pending(t) != 0 {
		t.Errorf("20 events led to %d readings; %d are pending", n, k.pending(t))
	}
}

func TestAnOutageSuspendsNobodyAndLosesNothing(t *testing.T) {
	t.Parallel()
	k := newBench(t)
	o := k.org(t, "a")
	k.tellSubscription("a", "active", 0)
	k.event(t, "evt_1", "customer.subscription.created", "cus_a")
	k.work(t)
	k.tellSubscription("a", "past_due", 1000)
	k.stripe.setDown(true)
	k.event(t, "evt_2", "invoice.payment_failed", "cus_a")
	for range 24 {
		k.work(t)
		if a := k.account(t, o); a.Access != store.AccessActive {
			t.Fatalf("access %s while Stripe is down", a.Access)
		}
		k.clock.Advance(time.Hour)
	}
	if k.pending(t) != 1 {
		t.Fatalf("%d events are pending", k.pending(t))
	}
	k.stripe.setDown(false)
	k.work(t)
	if a := k.account(t, o); a.Access != store.AccessSuspended || k.pending(t) != 0 {
		t.Errorf("access %s after it, %d pending", a.Access, k.pending(t))
	}
}

func TestACustomerOfNobodyWaitsADay(t *testing.T) {
	t.Parallel()
	k := newBench(t)
	k.event(t, "evt_1", "customer.created", "cus_later")
	k.event(t, "evt_2", "customer.created", "cus_never")
	k.work(t)
	if k.pending(t) != 2 {
		t.Fatalf("%d pending, want both", k.pending(t))
	}
	o := k.org(t, "later")
	k.tellSubscription("later", "active", 0)
	k.clock.Advance(23 * time.Hour)
	k.work(t)
	if a := k.account(t, o); a.Access != store.AccessActive || k.pending(t) != 1 {
		t.Errorf("access %s, %d pending", a.Access, k.pending(t))
	}
	k.clock.Advance(2 * time.Hour)
	k.work(t)
	if k.pending(t) != 0 {
		t.Errorf("after a day %d are pending", k.pending(t))
	}
}

func TestADisputeIsFoundByItsCharge(t *testing.T) {
	t.Parallel()
	k := newBench(t)
	o := k.org(t, "a")
	k.tellSubscription("a", "active", 0)
	k.stripe.tell("/v1/invoices/in_a", `{"id":"in_a","object":"invoice","customer":"cus_a","subscription":"sub_a","status":"paid","currency":"usd","amount_paid":1000,"charge":"ch_1"}`)
	charge := `{"id":"ch_1","object":"charge","customer":"cus_a","invoice":"in_a","amount":1000,"disputed":true}`
	k.stripe.tell("/v1/charges/ch_1", charge)
	k.stripe.tell("/v1/charges", `{"object":"list","data":[`+charge+`]}`)
	body := `{"id":"evt_1","object":"event","type":"charge.dispute.created","api_version":"2023-10-16","created":1774000000,"livemode":false,
"data":{"object":{"id":"dp_1","object":"dispute","charge":"ch_1"}}}`
	if status := k.post(t, body, sign(body, testSecret, k.clock.Now())); status != 200 {
		t.Fatal(status)
	}
	k.work(t)
	if a := k.account(t, o); a.Access != store.AccessActive || a.AccessReason != store.ReasonDisputed || a.LatestInvoiceStatus != invoiceDisputed || k.pending(t) != 0 {
		t.Errorf("access %s (%s), invoice %s, %d pending", a.Access, a.AccessReason, a.LatestInvoiceStatus, k.pending(t))
	}
	if got := k.mails(t); got[store.MailDisputed] != 2 {
		t.Errorf("mails %v, want one to the owners and one to the operators", got)
	}
}

func TestSuspendedWithinSecondsOfTheEvent(t *testing.T) {
	t.Parallel()
	k := newBench(t)
	o := k.org(t, "a")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); k.Run(ctx) }()
	defer func() { cancel(); <-done }()
	k.tellSubscription("a", "past_due", 1000)
	begun := time.Now()
	k.event(t, "evt_1", "invoice.payment_failed", "cus_a")
	for k.account(t, o).Access != store.AccessSuspended {
		if time.Since(begun) > 5*time.Second {
			t.Fatal("not suspended after 5 s")
		}
		time.Sleep(time.Millisecond)
	}
	t.Logf("suspended %s after the event", time.Since(begun))
}

func TestAnExemptOrgStaysExempt(t *testing.T) {
	t.Parallel()
	k := newBench(t)
	o := k.org(t, "a")
	a := k.account(t, o)
	a.Access, a.AccessReason = store.AccessExempt, "complimentary"
	if _, err := o.SaveBilling(t.Context(), system(), a); err != nil {
		t.Fatal(err)
	}
	k.tellSubscription("a", "past_due", 1000)
	if err := k.Refresh(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if a := k.account(t, o); a.Access != store.AccessExempt || a.Status != "past_due" {
		t.Errorf("access %s, status %s", a.Access, a.Status)
	}
	k.stripe.mu.Lock()
	delete(k.stripe.answers, "/v1/subscriptions") // the customer is gone
	k.stripe.mu.Unlock()
	if err := k.Refresh(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if a := k.account(t, o); a.Access != store.AccessExempt || a.Status != "canceled" {
		t.Errorf("without a customer: access %s, status %s", a.Access, a.Status)
	}
}

func TestACustomerThatIsGoneEndsAccess(t *testing.T) {
	t.Parallel()
	k := newBench(t)
	o := k.org(t, "a")
	k.tellSubscription("a", "active", 0)
	if err := k.Refresh(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	k.stripe.mu.Lock()
	delete(k.stripe.answers, "/v1/subscriptions")
	k.stripe.mu.Unlock()
	if err := k.Refresh(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if a := k.account(t, o); a.Access != store.AccessCanceled || a.AccessReason != store.ReasonCustomerDeleted {
		t.Errorf("access %s (%s)", a.Access, a.AccessReason)
	}
}
