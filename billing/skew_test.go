// Clocks that differ: Stripe's may go before the server's, and what it says has happened all the same.

package billing

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"hostaway-mcp/billing/stripetest"
	"hostaway-mcp/store"
)

// ahead are by how much Stripe's clock goes before the server's. A second is common; an
// hour shows that nothing hangs on its being little.
func ahead() []time.Duration { return []time.Duration{time.Second, time.Hour} }

// TestADebtBeginsNoLaterThanNow: a payment that failed has failed, whatever the clock of
// who says so shows. Without grace tools stop, and a second look finds the same.
func TestADebtBeginsNoLaterThanNow(t *testing.T) {
	t.Parallel()
	now := noon(20)
	for _, skew := range ahead() {
		f := having(sub("sub_1", pastDue, 1)).owing(failed(20, func(i *stripeInvoice) { i.FinalizedAt = now.Add(skew) }))
		v := accessOf(f, now, 0)
		if v.Access != store.AccessSuspended || v.Overdue == nil || !v.OverdueSince.Equal(now) {
			t.Errorf("%s ahead, without grace: %s, overdue since %v", skew, v.Access, v.OverdueSince)
		}
		f.OverdueSince = v.OverdueSince
		if again := accessOf(f, now.Add(skew/2), 0); again.Access != store.AccessSuspended || !again.OverdueSince.Equal(now) {
			t.Errorf("%s ahead, a second look: %s, overdue since %v", skew, again.Access, again.OverdueSince)
		}
		if v := accessOf(f, now, 3*day); v.Access != store.AccessGrace || !v.GraceEndsAt.Equal(now.Add(3*day)) {
			t.Errorf("%s ahead, with grace: %s until %v", skew, v.Access, v.GraceEndsAt)
		}
		f.Open, f.OverdueSince = nil, ptr(now.Add(skew))
		if v := accessOf(f, now, 0); v.Access != store.AccessSuspended || !v.OverdueSince.Equal(now) {
			t.Errorf("%s ahead, written off: %s, overdue since %v", skew, v.Access, v.OverdueSince)
		}
	}
}

// TestWhatHasEndedDoesNotEndLater: canceled at once, ended by itself, or with a deleted
// customer: the mail and the account speak of an end that has come, whatever the clocks
// show, and a second look tells nothing new.
func TestWhatHasEndedDoesNotEndLater(t *testing.T) {
	t.Parallel()
	ways := map[string]func(k *town, customer, sub string) error{
		"canceled at once": func(k *town, _, sub string) error { return k.stripe.CancelByHand(sub, false) },
		"ended by itself": func(k *town, _, sub string) error {
			if err := k.stripe.CancelByHand(sub, true); err != nil {
				return err
			}
			seen, _ := k.stripe.Subscription(sub)
			k.stripe.AdvanceTo(seen.PeriodEnd.Add(time.Second))
			return nil
		},
		"customer deleted": func(k *town, customer, _ string) error { return k.stripe.DeleteCustomer(customer) },
	}
	for name, end := range ways {
		for _, skew := range ahead() {
			t.Run(fmt.Sprint(name, " ", skew), func(t *testing.T) {
				t.Parallel()
				var behind time.Duration
				k := newTown(t, stripetest.Options{}, func(c *Config) {
					now := c.Now
					c.Now = func() time.Time { return now().Add(-behind) }
				})
				o := k.charged(t, "a", 1, 3)
				a := k.account(t, o)
				behind = skew
				must(t, end(k, a.CustomerID, a.SubscriptionID))
				k.endedBy(t, o, k.now())
				if n := k.mails(t)[store.MailCanceled]; n == 0 {
					t.Error("nobody was told")
				}
				before, told := k.account(t, o), k.mails(t)
				must(t, k.Refresh(t.Context(), o))
				if after := k.account(t, o); !same(before, after) || fmt.Sprint(k.mails(t)) != fmt.Sprint(told) {
					t.Errorf("a second look: %+v after %+v, mails %v after %v", after, before, k.mails(t), told)
				}
			})
		}
	}
}

// endedBy settles, and fails the test unless the org's subscription has ended by that
// time in all that was stored and in the mail that says so.
func (k *town) endedBy(t *testing.T, o *store.Org, at time.Time) {
	t.Helper()
	k.settle(t)
	must(t, k.Refresh(t.Context(), o)) // an hour is more than a signature may be ahead
	a := k.account(t, o)
	if a.Access != store.AccessCanceled || a.CancelAt != nil && a.CancelAt.After(at) {
		t.Errorf("access %s, ended at %v, and it is %s", a.Access, a.CancelAt, at)
	}
	due, err := k.store.DueMails(t.Context(), k.stripe.Now().Add(time.Hour), 1000)
	must(t, err)
	said := false
	for _, m := range due {
		var payload store.BillingMail
		if m.Kind != store.MailCanceled {
			continue
		}
		must(t, json.Unmarshal([]byte(m.Payload.Reveal()), &payload))
		said = said || payload.EndsAt != nil && !payload.EndsAt.After(at)
	}
	if !said {
		t.Error("no mail says that it has ended")
	}
}
