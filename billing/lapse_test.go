package billing

import (
	"encoding/json"
	"testing"
	"time"

	"hostaway-mcp/billing/stripetest"
	"hostaway-mcp/store"
)

func (k *town) lapse(t *testing.T) string {
	t.Helper()
	did, err := k.Lapse(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return did
}

func TestATrialThatEndsIsToldInTime(t *testing.T) {
	t.Parallel()
	k := newTown(t, stripetest.Options{})
	if err := k.Check(t.Context()); err != nil { // learns the price
		t.Fatal(err)
	}
	o := k.connected(t, "a", 1, 84)
	subscribed, _ := k.subscribed(t, "b", 2, 3)
	end := *k.account(t, o).TrialEndsAt
	for _, step := range []struct {
		left          time.Duration
		ending, ended int
		access        store.Access
	}{
		{4 * aDay, 0, 0, store.AccessTrial},
		{3*aDay - time.Hour, 1, 0, store.AccessTrial},
		{2 * aDay, 1, 0, store.AccessTrial},
		{aDay - time.Hour, 2, 0, store.AccessTrial},
		{time.Hour, 2, 0, store.AccessTrial},
		{-time.Minute, 2, 1, store.AccessNone},
		{-aDay, 2, 1, store.AccessNone},
	} {
		k.stripe.AdvanceTo(end.Add(-step.left))
		for range 2 {
			k.lapse(t)
		}
		if got := k.mails(t); got[store.MailTrialEnding] != step.ending || got[store.MailTrialEnded] != step.ended {
			t.Errorf("%s before the end: mails %v, want %d ending and %d ended", step.left, got, step.ending, step.ended)
		}
		if a := k.account(t, o); a.Access != step.access {
			t.Errorf("%s before the end: access %s is stored", step.left, a.Access)
		}
	}
	k.stands(t, subscribed, "subscribed", store.AccessActive, store.ReasonSubscribed)
	due, err := k.store.DueMails(t.Context(), k.stripe.Now(), 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range due {
		var p store.BillingMail
		if err := json.Unmarshal([]byte(m.Payload.Reveal()), &p); err != nil || p.Listings != 84 || p.UnitAmount != 500 || p.Currency != "usd" {
			t.Errorf("%s: %+v (%v)", m.Kind, p, err)
		}
	}
}

// TestAnOutageAtTheMomentOfALapse: what time takes is taken, and told when Stripe is back.
func TestAnOutageAtTheMomentOfALapse(t *testing.T) {
	t.Parallel()
	k := newTown(t, stripetest.Options{}, func(c *Config) { c.Grace = aDay })
	o := k.charged(t, "a", 1, 3)
	if err := k.stripe.SetCard(k.account(t, o).CustomerID, stripetest.CardDeclined); err != nil {
		t.Fatal(err)
	}
	k.stripe.AdvanceTo(k.account(t, o).PeriodEnd.Add(2 * time.Hour))
	k.settle(t)
	k.stands(t, o, "failed", store.AccessGrace, store.ReasonPaymentFailed)
	k.stripe.FailBy(func(stripetest.Call) stripetest.FaultKind { return stripetest.ResetBefore })
	k.stripe.Advance(aDay)
	k.lapse(t)
	k.stands(t, o, "grace over", store.AccessSuspended, store.ReasonPaymentFailed)
	if n := k.mails(t)[store.MailSuspended]; n != 0 {
		t.Errorf("%d mails while nobody knows what Stripe says", n)
	}
	k.stripe.Heal()
	k.lapse(t)
	if a := k.account(t, o); a.Access != store.AccessSuspended || k.mails(t)[store.MailSuspended] != 1 {
		t.Errorf("access %s is stored, mails %v", a.Access, k.mails(t))
	}
	if did := k.lapse(t); did != "" {
		t.Errorf("a further run: %s", did)
	}
}
