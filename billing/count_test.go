package billing

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hostaway-mcp/hostaway"
	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

func TestAFirstCountIsWrittenDownWithWhatFollows(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	org := o.org(t, 1, 84)
	r := o.count(t, org, 84)
	if r.Before != nil || r.Count.Active != 84 || r.Desired.Quantity != 84 || r.Desired.CountID != r.Count.ID || r.Desired.State != store.QuantityClean {
		t.Errorf("%+v", r)
	}
	want := []ledgerRow{{o.now(), 84, store.BillableTrial}}
	if diff := cmp.Diff(want, o.reasons(t, org)); diff != "" {
		t.Errorf("ledger (-want +got):\n%s", diff)
	}
	kept, err := org.ListingCount(t.Context(), r.Count.ID)
	if err != nil || len(kept.IDs) != 84 || !kept.Complete || kept.Source != store.CountDaily {
		t.Errorf("%+v, %v", kept, err)
	}
	o.stripe.Advance(24 * time.Hour)
	again := o.count(t, org, 84)
	if again.Desired.CountID != again.Count.ID || *again.Before != 84 || len(o.reasons(t, org)) != 1 {
		t.Errorf("the same number again: %+v, %+v", again, o.reasons(t, org))
	}
}

func TestOnlyACompleteWalkChangesWhatIsBilled(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	org, sub := o.subscriber(t, 1, 10)
	before, ledger := o.desired(t, org), o.reasons(t, org)
	for _, test := range []struct {
		name string
		ill  func()
		want error
	}{
		{"a walk that broke off", func() { o.hostaway.breakOff(org) }, ErrIncomplete},
		{"refused credentials", func() {
			o.hostaway.refuse(org, &hostaway.Error{Code: hostaway.CredentialsRefused})
			must(t, org.MarkConnectionRefused(t.Context(), 1, "refused"))
		}, ErrRefused},
		{"no connection", func() { o.hostaway.refuse(org, store.ErrNotFound) }, ErrNotConnected},
	} {
		test.ill()
		for range 2 { // told once, however often it happens
			if _, err := o.Count(t.Context(), org, store.CountDaily, system()); !errors.Is(err, test.want) {
				t.Errorf("%s: %v", test.name, err)
			}
			o.stripe.Advance(time.Hour)
		}
		if diff := cmp.Diff(before, o.desired(t, org)); diff != "" {
			t.Errorf("%s changed the quantity:\n%s", test.name, diff)
		}
		if diff := cmp.Diff(ledger, o.reasons(t, org)); diff != "" {
			t.Errorf("%s changed the ledger:\n%s", test.name, diff)
		}
	}
	if got := o.mails(t); got[store.MailCredentialsInvalid] != 1 {
		t.Errorf("mails %v", got)
	}
	counts, err := org.ListingCounts(t.Context(), time.Unix(0, 0).Add(time.Second), o.now())
	if err != nil {
		t.Fatal(err)
	}
	partial := 0
	for _, c := range counts {
		if !c.Complete && c.Problem != "" {
			partial++
		}
	}
	if partial != 4 {
		t.Errorf("%d counts that are not complete are on record, want 4", partial)
	}
	o.bills(t, sub, 10)
}

func TestAHoldIsToldAndExplainedAndLetThrough(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	org, sub := o.subscriber(t, 1, 90)
	o.stripe.Advance(24 * time.Hour)
	first := o.now()
	r := o.count(t, org, 0)
	if r.Desired.HoldReason != holdZero || r.Desired.Quantity != 90 || r.Desired.State != store.QuantityClean {
		t.Fatalf("a zero: %+v", r.Desired)
	}
	o.stripe.Advance(30 * time.Minute)
	o.count(t, org, 0)
	if got := o.mails(t); got[store.MailCountHeld] != 1 {
		t.Errorf("mails %v", got)
	}
	o.stripe.Advance(30 * time.Minute)
	o.count(t, org, 0)
	o.bring(t)
	if d := o.desired(t, org); d.Held() || d.Quantity != 0 || o.quantity(t, sub) != 0 {
		t.Fatalf("a second zero an hour later: Stripe bills %d, %+v", o.quantity(t, sub), d)
	}
	rows := o.reasons(t, org)
	if diff := cmp.Diff([]ledgerRow{{first, 90, store.BillableHold}, {first, 0, store.BillableRelease}}, rows[len(rows)-2:]); diff != "" {
		t.Errorf("the end of the ledger (-want +got):\n%s", diff)
	}
	o.stripe.Advance(40 * 24 * time.Hour)
	o.settlesExactly(t, org, sub)
}

func TestTenTimesAsManyWaitForAPerson(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	org, sub := o.subscriber(t, 1, 10)
	o.stripe.Advance(24 * time.Hour)
	first := o.now()
	for range 3 {
		o.count(t, org, 100)
		o.stripe.Advance(24 * time.Hour)
	}
	o.bring(t)
	if d := o.desired(t, org); d.HoldReason != holdTenfold || o.quantity(t, sub) != 10 {
		t.Fatalf("Stripe bills %d, %+v", o.quantity(t, sub), d)
	}
	if got := o.mails(t); got[store.MailCountHeld] != 2 {
		t.Errorf("mails %v, want one to the owner and one to the operators", got)
	}
	by := store.Actor{Kind: store.ActorOperator, ID: "usr_1", Name: "Op"}
	if err := o.ReleaseHold(t.Context(), org, 99, by); !errors.Is(err, store.ErrConflict) {
		t.Errorf("released another number: %v", err)
	}
	must(t, o.ReleaseHold(t.Context(), org, 100, by))
	if err := o.ReleaseHold(t.Context(), org, 100, by); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("released twice: %v", err)
	}
	o.bring(t)
	rows := o.reasons(t, org)
	if last := rows[len(rows)-1]; !last.At.Equal(first) || last.Quantity != 100 || o.quantity(t, sub) != 100 {
		t.Errorf("Stripe bills %d, the ledger ends with %+v", o.quantity(t, sub), last)
	}
	o.stripe.Advance(40 * 24 * time.Hour)
	o.settlesExactly(t, org, sub)
}

func TestWhoAsksAtTheSameTimeShareOneWalk(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	org := o.org(t, 1, 10)
	walking, goOn := make(chan struct{}), make(chan struct{})
	o.hostaway.during = func(ctx context.Context, _ *store.Org) {
		close(walking)
		select {
		case <-goOn:
		case <-ctx.Done():
		}
	}
	impatient, leave := context.WithCancel(t.Context())
	results := make([]CountResult, 3)
	errs := make([]error, 3)
	var group sync.WaitGroup
	group.Go(func() { results[0], errs[0] = o.Count(impatient, org, store.CountDaily, system()) })
	<-walking
	for i := range 2 {
		group.Go(func() { results[i+1], errs[i+1] = o.SyncNow(t.Context(), org, system()) })
	}
	waitFor(t, func() bool {
		o.counts.mu.Lock()
		defer o.counts.mu.Unlock()
		return o.counts.running[org.ID()].waiting == 3
	})
	leave() // whoever began it goes: the others still get theirs
	waitFor(t, func() bool {
		o.counts.mu.Lock()
		defer o.counts.mu.Unlock()
		return o.counts.running[org.ID()].waiting == 2
	})
	close(goOn)
	group.Wait()
	if !errors.Is(errs[0], context.Canceled) || errs[1] != nil || errs[2] != nil {
		t.Fatalf("errors %v", errs)
	}
	if o.hostaway.walks != 1 || results[1].Count.ID != results[2].Count.ID || !results[1].Joined || !results[2].Joined {
		t.Errorf("%d walks, %+v", o.hostaway.walks, results)
	}
}

// TestNobodyWaitsSoNothingRuns: a count is broken off when the last who waits goes.
func TestNobodyWaitsSoNothingRuns(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	org := o.org(t, 1, 10)
	walking, ended := make(chan struct{}), make(chan struct{})
	o.hostaway.during = func(ctx context.Context, _ *store.Org) { close(walking); <-ctx.Done(); close(ended) }
	ctx, leave := context.WithCancel(t.Context())
	go func() { <-walking; leave() }()
	if _, err := o.Count(ctx, org, store.CountDaily, system()); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	<-ended
	waitFor(t, func() bool { return !o.counts.flies(org.ID()) })
	if _, err := org.NewestCount(t.Context()); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a count was recorded: %v", err)
	}
}

func TestSyncNowIsLimited(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	org := o.org(t, 1, 10)
	begin := o.now()
	ask := func() error {
		_, err := o.SyncNow(t.Context(), org, system())
		return err
	}
	var soon *TooSoonError
	for i := range syncDaily {
		if err := ask(); err != nil {
			t.Fatalf("the %d. time: %v", i+1, err)
		}
		if err := ask(); !errors.As(err, &soon) || !soon.Next.Equal(o.now().Add(10*time.Minute)) && i+1 < syncDaily {
			t.Fatalf("at once again: %v", err)
		}
		o.stripe.Advance(10 * time.Minute)
	}
	if err := ask(); !errors.As(err, &soon) || !soon.Next.Equal(begin.Add(24*time.Hour)) {
		t.Errorf("the 21st time in a day: %v", err)
	}
	o.stripe.AdvanceTo(begin.Add(24*time.Hour + time.Second))
	if err := ask(); err != nil {
		t.Errorf("a day later: %v", err)
	}
}

func TestDueFor(t *testing.T) {
	t.Parallel()
	hour := lastHourOf("org_1", time.Date(2026, 3, 10, 23, 59, 0, 0, time.UTC)) // the org's hour of that day
	ends := hour.Add(10 * 24 * time.Hour)
	at := func(d time.Duration) time.Time { return hour.Add(d) }
	for name, test := range map[string]struct {
		newest time.Time
		trial  *time.Time
		now    time.Time
		want   store.CountSource
	}{
		"never counted":                {time.Time{}, nil, at(0), store.CountDaily},
		"counted yesterday":            {at(-23 * time.Hour), nil, at(0), store.CountDaily},
		"counted in this day of its":   {at(0), nil, at(23 * time.Hour), ""},
		"just before its hour":         {at(-time.Minute), nil, at(-time.Second), ""},
		"its hour has come":            {at(-time.Minute), nil, at(0), store.CountDaily},
		"the trial is long":            {at(time.Hour), &ends, at(2 * time.Hour), ""},
		"three days before its end":    {ends.Add(-73 * time.Hour), &ends, ends.Add(-72 * time.Hour), store.CountTrialEnd},
		"done three days before":       {ends.Add(-72 * time.Hour), &ends, ends.Add(-71 * time.Hour), ""},
		"in the last night":            {ends.Add(-9 * time.Hour), &ends, ends.Add(-8 * time.Hour), store.CountTrialEnd},
		"done in the last night":       {ends.Add(-7 * time.Hour), &ends, ends.Add(-time.Hour), ""},
		"the trial has ended":          {ends.Add(time.Minute), &ends, ends.Add(time.Hour), ""},
		"not counted for three months": {at(-90 * 24 * time.Hour), nil, at(time.Hour), store.CountDaily},
	} {
		if got := dueFor("org_1", test.newest, test.trial, test.now); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
	hours := map[time.Time]int{}
	for i := range 2400 {
		hours[lastHourOf(string(rune('a'+i%26))+string(rune('a'+i/26%26))+string(rune('a'+i/676)), at(0))]++
	}
	for h, n := range hours {
		if n < 50 || n > 200 {
			t.Errorf("%d of 2400 orgs are counted at %s", n, h)
		}
	}
}

func TestEveryOrgIsCountedOnceADay(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	trial, paying, lapsed, offline := o.org(t, 1, 5), o.org(t, 2, 6), o.org(t, 3, 7), o.org(t, 4, 8)
	for _, org := range []*store.Org{paying, lapsed} {
		o.subscribe(t, org)
	}
	must(t, o.stripe.CancelByHand(o.account(t, lapsed).SubscriptionID, false))
	o.refresh(t, lapsed)
	ends := o.now()
	a := o.account(t, lapsed)
	a.TrialEndsAt, a.Access, a.AccessReason = &ends, store.AccessCanceled, store.ReasonCanceled
	if _, err := lapsed.SaveBilling(t.Context(), system(), a); err != nil {
		t.Fatal(err)
	}
	must(t, offline.Disconnect(t.Context(), system()))
	storetest.Org(t, o.store, "never connected")
	begin := o.now()
	for range 5 * 24 {
		o.stripe.Advance(time.Hour)
		if _, err := o.CountDue(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for name, org := range map[string]*store.Org{"trial": trial, "paying": paying, "lapsed": lapsed, "offline": offline} {
		counts, err := org.ListingCounts(t.Context(), begin.Add(time.Second), o.now().Add(time.Second))
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]int{"trial": 5, "paying": 5}[name]
		if len(counts) < want || len(counts) > want+1 || want == 0 && len(counts) > 0 {
			t.Errorf("%s: %d counts in 5 days", name, len(counts))
		}
	}
}
