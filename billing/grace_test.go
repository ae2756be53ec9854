package billing

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"hostaway-mcp/billing/stripetest"
	"hostaway-mcp/store"
)

// stops are the times at which the queued mails about a failed payment say that tools
// stop; zero for one that says that they have.
func (k *town) stops(t *testing.T) (all []time.Time) {
	t.Helper()
	due, err := k.store.DueMails(t.Context(), k.stripe.Now().Add(time.Hour), 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range due {
		var p store.BillingMail
		if m.Kind != store.MailPaymentFailed {
			continue
		}
		if err := json.Unmarshal([]byte(m.Payload.Reveal()), &p); err != nil {
			t.Fatal(err)
		}
		if p.StopsAt == nil {
			p.StopsAt = &time.Time{}
		}
		all = append(all, *p.StopsAt)
	}
	return all
}

// TestAnotherGraceCountsAtOnce: whoever owes something is judged by it at the start,
// and not at the next look at Stripe.
func TestAnotherGraceCountsAtOnce(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		before, after time.Duration
		was, is       store.Access
		changed       int
		mails         map[string]int // payment_failed and suspended, with those of before
	}{
		"less, and over":    {3 * aDay, time.Hour, store.AccessGrace, store.AccessSuspended, 1, map[string]int{store.MailPaymentFailed: 1, store.MailSuspended: 1}},
		"none any more":     {3 * aDay, 0, store.AccessGrace, store.AccessSuspended, 1, map[string]int{store.MailPaymentFailed: 1, store.MailSuspended: 1}},
		"less, some left":   {3 * aDay, 2 * aDay, store.AccessGrace, store.AccessGrace, 1, map[string]int{store.MailPaymentFailed: 2}},
		"more":              {3 * aDay, 5 * aDay, store.AccessGrace, store.AccessGrace, 1, map[string]int{store.MailPaymentFailed: 2}},
		"some at last":      {0, 3 * aDay, store.AccessSuspended, store.AccessGrace, 1, map[string]int{store.MailPaymentFailed: 2}},
		"more, yet over":    {0, time.Minute, store.AccessSuspended, store.AccessSuspended, 1, map[string]int{store.MailPaymentFailed: 1}},
		"the one of before": {3 * aDay, 3 * aDay, store.AccessGrace, store.AccessGrace, 0, map[string]int{store.MailPaymentFailed: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newTown(t, stripetest.Options{}, func(c *Config) { c.Grace = test.before })
			o := k.charged(t, "a", 1, 3)
			well := k.charged(t, "b", 2, 3)
			if err := k.stripe.SetCard(k.account(t, o).CustomerID, stripetest.CardDeclined); err != nil {
				t.Fatal(err)
			}
			k.stripe.AdvanceTo(k.account(t, o).PeriodEnd.Add(3 * time.Hour))
			k.settle(t)
			k.stands(t, o, "before", test.was, store.ReasonPaymentFailed)
			k.stripe.ResetCalls()
			k.cfg.Grace = test.after // as a server that starts with another one
			if n, err := k.ApplyGrace(t.Context()); err != nil || n != test.changed {
				t.Errorf("%d changed (%v), want %d", n, err, test.changed)
			}
			if n := len(k.stripe.Calls()); n != 0 {
				t.Errorf("Stripe was asked %d times", n)
			}
			k.stands(t, o, "at the start", test.is, store.ReasonPaymentFailed)
			k.stands(t, well, "at the start", store.AccessActive, store.ReasonSubscribed)
			end := k.account(t, o).OverdueSince.Add(test.after)
			if stops := k.stops(t); test.mails[store.MailPaymentFailed] == 2 && !slices.ContainsFunc(stops, end.Equal) {
				t.Errorf("mails say that tools stop at %v, not at %s", stops, end)
			}
			entries, _, err := o.ListAudit(t.Context(), store.AuditFilter{Limit: 1})
			want := "from " + string(test.was) + " (payment failed) to " + string(test.is) + " (payment failed)"
			if err != nil || len(entries) != 1 || (test.was != test.is) != (entries[0].Detail == want) {
				t.Errorf("the audit log says %+v (%v)", entries, err)
			}
			// A further start and the next look at Stripe find nothing more to say.
			if n, err := k.ApplyGrace(t.Context()); err != nil || n != 0 {
				t.Errorf("again: %d changed (%v)", n, err)
			}
			if err := k.Refresh(t.Context(), o); err != nil {
				t.Fatal(err)
			}
			k.stands(t, o, "after a look", test.is, store.ReasonPaymentFailed)
			for kind, n := range test.mails {
				if got := k.mails(t)[kind]; got != n {
					t.Errorf("%d mails %s, want %d", got, kind, n)
				}
			}
			if got := k.mails(t)[store.MailSuspended]; got != test.mails[store.MailSuspended] {
				t.Errorf("%d mails say that it is suspended", got)
			}
		})
	}
}

// TestADebtBehindOurTrialIsTold: tools answer for the trial, and the mails speak of the
// debt all the same: that the payment failed, when tools stop, and not to subscribe.
func TestADebtBehindOurTrialIsTold(t *testing.T) {
	t.Parallel()
	k := newTown(t, stripetest.Options{}, func(c *Config) { c.Grace = aDay })
	o := k.connected(t, "a", 1, 3)
	if _, err := k.StartCheckout(t.Context(), o, k.actor()); err != nil { // makes the customer
		t.Fatal(err)
	}
	customer := k.account(t, o).CustomerID
	if err := k.stripe.SetCard(customer, stripetest.CardGood); err != nil {
		t.Fatal(err)
	}
	sub, err := k.stripe.SubscribeByHand(customer, k.price, 3) // without a trial of Stripe's
	if err != nil {
		t.Fatal(err)
	}
	k.settle(t)
	k.stands(t, o, "subscribed by hand", store.AccessActive, store.ReasonSubscribed)
	if err := k.stripe.SetCard(customer, stripetest.CardDeclined); err != nil {
		t.Fatal(err)
	}
	a := k.account(t, o) // the trial is moved so that a renewal falls into it
	trial := a.PeriodEnd.Add(4 * aDay)
	a.TrialEndsAt = &trial
	if _, err := o.SaveBilling(t.Context(), system(), a); err != nil {
		t.Fatal(err)
	}
	k.stripe.AdvanceTo(a.PeriodEnd.Add(2 * time.Hour))
	k.settle(t)
	k.stands(t, o, "the renewal failed", store.AccessTrial, store.ReasonPaymentFailed)
	if stops := k.stops(t); len(stops) != 1 || !stops[0].Equal(trial) {
		t.Errorf("tools stop at %v by the mails, the trial ends at %s", stops, trial)
	}
	k.stripe.AdvanceTo(trial.Add(-2 * aDay))
	k.settle(t)
	k.lapse(t)
	if p := k.newest(t, store.MailTrialEnding); p.Reason != string(store.ReasonPaymentFailed) || p.StopsAt == nil || !p.StopsAt.Equal(trial) {
		t.Errorf("the mail about the trial says %+v", p)
	}
	if n := k.mails(t)[store.MailSuspended]; n != 0 {
		t.Errorf("%d mails say that it is suspended while tools answer", n)
	}
	k.stripe.AdvanceTo(trial.Add(time.Minute))
	k.lapse(t)
	k.stands(t, o, "the trial is over", store.AccessSuspended, store.ReasonPaymentFailed)
	if got := k.mails(t); got[store.MailSuspended] != 1 || got[store.MailTrialEnded] != 0 {
		t.Errorf("after the trial: %v", got)
	}
	if s, _ := k.stripe.Subscription(sub); s.Status != "past_due" {
		t.Errorf("the subscription is %s", s.Status)
	}
}

// TestAnEndInOurTrialIsToldTwice: when it comes, with how long tools go on, and when
// they stop.
func TestAnEndInOurTrialIsToldTwice(t *testing.T) {
	t.Parallel()
	k := newTown(t, stripetest.Options{})
	o, sub := k.subscribed(t, "a", 1, 3)
	trial := *k.account(t, o).TrialEndsAt
	if err := k.stripe.CancelByHand(sub, false); err != nil {
		t.Fatal(err)
	}
	k.settle(t)
	k.stands(t, o, "canceled", store.AccessTrial, store.ReasonCanceled)
	if p := k.newest(t, store.MailCanceled); p.StopsAt == nil || !p.StopsAt.Equal(trial) {
		t.Errorf("the mail says %+v", p)
	}
	k.stripe.AdvanceTo(trial.Add(-2 * aDay))
	k.lapse(t)
	if p := k.newest(t, store.MailTrialEnding); p.Reason != string(store.ReasonCanceled) {
		t.Errorf("the mail about the trial says %+v", p)
	}
	k.stripe.AdvanceTo(trial.Add(time.Minute))
	for range 2 {
		k.lapse(t)
	}
	k.stands(t, o, "the trial is over", store.AccessCanceled, store.ReasonCanceled)
	if p := k.newest(t, store.MailCanceled); p.StopsAt != nil || k.mails(t)[store.MailCanceled] != 2 {
		t.Errorf("%v, the last %+v", k.mails(t), p)
	}
}

// newest is the payload of the last mail of a kind.
func (k *town) newest(t *testing.T, kind string) (p store.BillingMail) {
	t.Helper()
	due, err := k.store.DueMails(t.Context(), k.stripe.Now().Add(time.Hour), 1000)
	if err != nil {
		t.Fatal(err)
	}
	var last time.Time
	for _, m := range due {
		if m.Kind != kind || m.CreatedAt.Before(last) {
			continue
		}
		last, p = m.CreatedAt, store.BillingMail{}
		if err := json.Unmarshal([]byte(m.Payload.Reveal()), &p); err != nil {
			t.Fatal(err)
		}
	}
	return p
}
