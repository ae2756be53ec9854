package billing

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"hostaway-mcp/store"
)

// TestTimeDoesWhatANewLookWould: what is stored is compared with the clock on every
// call, so it has to come to what accessOf says at that time of the same facts. All
// states, with and without a trial of ours, and each grace.
func TestTimeDoesWhatANewLookWould(t *testing.T) {
	t.Parallel()
	now := noon(20)
	trials := map[string]*time.Time{"never": nil, "over": ptr(noon(19)), "until tomorrow": ptr(noon(21)), "for five days": ptr(noon(25))}
	compared, changed := 0, 0
	for _, c := range slices.Concat(trialCases(), payingCases(), debtCases(), endCases(), severalCases()) {
		for trial, ends := range trials {
			for _, grace := range []time.Duration{0, 3 * day, 30 * day} {
				f := c.f
				f.TrialEndsAt = ends
				v := accessOf(f, now, grace)
				stored := (&Billing{}).accountOf(store.BillingAccount{TrialEndsAt: ends}, v, f, now)
				f.OverdueSince = v.OverdueSince
				for _, later := range []time.Duration{0, time.Hour, day, 2 * day, 5 * day, 6 * day, 40 * day} {
					at := now.Add(later)
					if v.CancelAt != nil && !at.Before(*v.CancelAt) || f.Open != nil && f.Open[0].DueAt.After(now) {
						continue // Stripe's own state is another by then
					}
					want, got := accessOf(f, at, grace), stored.AccessAt(at)
					if compared++; got.Access != v.Access {
						changed++
					}
					if got.Access != want.Access || got.Reason != want.Reason {
						t.Errorf("%s, trial %s, grace %s, after %s: %s (%s), and a new look says %s (%s)",
							c.name, trial, grace, later, got.Access, got.Reason, want.Access, want.Reason)
					}
				}
			}
		}
	}
	if compared < 2000 || changed < 200 {
		t.Errorf("%d compared, %d changed by time", compared, changed)
	}
}

// TestAnEndThatComes: a subscription that ends on a day. Until Stripe is read again,
// the clock alone says what is left: our own trial, or nothing.
func TestAnEndThatComes(t *testing.T) {
	t.Parallel()
	for name, trial := range map[string]*time.Time{"without a trial": nil, "with one that is over": ptr(noon(15)), "with one that goes on": ptr(noon(28))} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			living := sub("sub_1", "active", 10, func(s *stripeSubscription) { s.CancelAt = noon(23) })
			f := facts{Subscriptions: []stripeSubscription{living}, TrialEndsAt: trial}
			stored := (&Billing{}).accountOf(store.BillingAccount{TrialEndsAt: trial}, accessOf(f, noon(20), 0), f, noon(20))
			f.Subscriptions[0].Status, f.Subscriptions[0].EndedAt, f.Subscriptions[0].CancelReason = "canceled", noon(23), "cancellation_requested"
			for _, day := range []int{23, 24, 28, 30} {
				want, got := accessOf(f, noon(day), 0), stored.AccessAt(noon(day))
				if fmt.Sprint(got.Access, got.Reason) != fmt.Sprint(want.Access, want.Reason) {
					t.Errorf("on %s: %s (%s), and a new look says %s (%s)", noon(day).Format(time.DateOnly), got.Access, got.Reason, want.Access, want.Reason)
				}
			}
		})
	}
}
