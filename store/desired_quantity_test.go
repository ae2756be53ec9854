// The desired quantity: what a count changes is changed together, the newest count
// stands, and nobody writes over somebody else.

package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

// change bills the quantity from a time on.
func change(q store.DesiredQuantity, quantity int, at time.Time, mails ...store.NewMail) store.QuantityChange {
	q.Quantity, q.CountedAt, q.CountID, q.State = quantity, at, "", store.QuantityDirty
	return store.QuantityChange{
		Desired: &q, Mails: mails, Billable: []store.BillableChange{{EffectiveAt: at, Quantity: quantity, Reason: store.BillableCount}},
	}
}

func TestACountChangesEverythingOrNothing(t *testing.T) {
	t.Parallel()
	clock := clockAt(noon)
	st, f := billed(t, storetest.WithClock(clock))
	ctx := t.Context()
	state := func() string {
		t.Helper()
		counts := must[[]store.ListingCount](t)(f.Org.ListingCounts(ctx, noon.AddDate(-1, 0, 0), noon.AddDate(1, 0, 0)))
		billable := must[[]store.BillableChange](t)(f.Org.Billable(ctx, noon.AddDate(-1, 0, 0), noon.AddDate(1, 0, 0)))
		mails := must[[]store.Mail](t)(st.DueMails(ctx, noon.AddDate(1, 0, 0), 100))
		q, err := f.Org.Desired(ctx)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			t.Fatal(err)
		}
		return fmt.Sprintf("%d counts, %d billable, %d mails, quantity %d, version %d, log %d", len(counts), len(billable), len(mails), q.Quantity, q.Version, len(audited(t, f.Org, "billing.")))
	}
	mail := store.NewMail{Kind: "count_held", To: store.ToOwners, DedupeKey: "one", Payload: []byte(`{}`)}
	kept := must[store.ListingCount](t)(f.Org.RecordCount(ctx, f.By(), count(noon, 3), change(store.DesiredQuantity{}, 3, noon, mail)))
	q := must[store.DesiredQuantity](t)(f.Org.Desired(ctx))
	want := store.DesiredQuantity{Quantity: 3, CountedAt: noon, CountID: kept.ID, State: store.QuantityDirty, NextTry: time.UnixMilli(0).UTC(), ChangedAt: noon, Version: 1}
	if diff := cmp.Diff(want, q); diff != "" {
		t.Errorf("the quantity (-want +got):\n%s", diff)
	}
	rows := must[[]store.BillableChange](t)(f.Org.Billable(ctx, noon, noon.Add(1)))
	if len(rows) != 0 { // the period is empty in milliseconds
		t.Errorf("billed in no time: %+v", rows)
	}
	rows = must[[]store.BillableChange](t)(f.Org.Billable(ctx, noon, noon.Add(time.Hour)))
	if len(rows) != 1 || rows[0].CountID != kept.ID || rows[0].Quantity != 3 {
		t.Errorf("billed: %+v", rows)
	}
	good := state()
	later := noon.Add(time.Hour)
	for name, try := range map[string]struct {
		change store.QuantityChange
		want   error
	}{
		"as if nothing was counted": {change(store.DesiredQuantity{}, 5, later, mail), store.ErrConflict},
		"a version that is gone":    {change(store.DesiredQuantity{Version: 9}, 5, later, mail), store.ErrConflict},
		"an older count":            {change(q, 5, noon.Add(-time.Hour), mail), store.ErrOlderCount},
		"a count that does not exist": {store.QuantityChange{Desired: func() *store.DesiredQuantity {
			q := q
			q.CountID = "cnt_x"
			return &q
		}()}, store.ErrNotFound},
		"a mail to nobody": {change(q, 5, later, store.NewMail{Kind: "count_held"}), nil},
		"no such state": {func() store.QuantityChange {
			c := change(q, 5, later, mail)
			c.Desired.State = "grey"
			return c
		}(), nil},
		"a hold since never": {func() store.QuantityChange {
			c := change(q, 5, later, mail)
			c.Desired.HoldReason = "spike"
			return c
		}(), nil},
	} {
		_, err := f.Org.RecordCount(ctx, f.By(), count(later, 5), try.change)
		var input *store.InputError
		if try.want == nil && !errors.As(err, &input) || try.want != nil && !errors.Is(err, try.want) {
			t.Errorf("%s: %v, want %v", name, err, try.want)
		}
		if got := state(); got != good {
			t.Fatalf("%s: %s, want %s", name, got, good)
		}
	}
	if _, err := f.Org.RecordCount(ctx, f.By(), count(later, 5), change(q, 5, later)); err != nil {
		t.Error(err)
	}
	if got, want := state(), "2 counts, 2 billable, 1 mails, quantity 5, version 2, log 3"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestHoldsAreKeptAndToldInTheLog(t *testing.T) {
	t.Parallel()
	clock := clockAt(noon)
	st, f := billed(t, storetest.WithClock(clock))
	ctx := t.Context()
	must[store.ListingCount](t)(f.Org.RecordCount(ctx, f.By(), count(noon, 10), change(store.DesiredQuantity{}, 10, noon)))
	q := must[store.DesiredQuantity](t)(f.Org.Desired(ctx))
	q.State, q.SyncedAt = store.QuantityClean, ptr(noon)
	later := noon.Add(time.Hour)
	q.HoldReason, q.HeldQuantity, q.HeldSince = "ten times as many", 100, &later
	big := must[store.ListingCount](t)(f.Org.RecordCount(ctx, f.By(), count(later, 100), store.QuantityChange{
		Desired: &q, Billable: []store.BillableChange{{EffectiveAt: later, Quantity: 10, Reason: store.BillableHold}},
	}))
	held := must[store.DesiredQuantity](t)(f.Org.Desired(ctx))
	if !held.Held() || held.HeldCountID != big.ID || held.HeldQuantity != 100 || !held.HeldSince.Equal(later) || held.Quantity != 10 || held.State != store.QuantityClean {
		t.Errorf("held: %+v", held)
	}
	if orgs := must[[]*store.Org](t)(st.HeldQuantities(ctx, 10)); len(orgs) != 1 || orgs[0].ID() != f.Org.ID() || orgs[0].Access().Access != store.AccessTrial {
		t.Errorf("the orgs with a hold: %v", orgs)
	}
	// A person lets it go.
	held.HoldReason, held.Quantity, held.CountedAt, held.CountID, held.State = "", 100, later, big.ID, store.QuantityDirty
	by := store.Actor{Kind: store.ActorOperator, ID: "usr_1", Name: "Olga"}
	err := f.Org.SetDesired(ctx, by, store.QuantityChange{
		Desired: &held, Billable: []store.BillableChange{{EffectiveAt: later, Quantity: 100, Reason: store.BillableRelease, CountID: big.ID}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := must[store.DesiredQuantity](t)(f.Org.Desired(ctx)); got.Held() || got.HeldSince != nil || got.HeldQuantity != 0 || got.Quantity != 100 {
		t.Errorf("released: %+v", got)
	}
	if orgs := must[[]*store.Org](t)(st.HeldQuantities(ctx, 10)); len(orgs) != 0 {
		t.Errorf("the orgs with a hold: %v", orgs)
	}
	if rows := must[[]store.BillableChange](t)(f.Org.Billable(ctx, later, later.Add(time.Hour))); len(rows) != 1 || rows[0].Reason != store.BillableRelease {
		t.Errorf("in force: %+v", rows)
	}
	if diff := cmp.Diff([]string{
		"billing.quantity_changed 10 listings", "billing.count_held 100 listings were counted, 10 are billed: ten times as many",
		"billing.quantity_changed from 10 to 100 listings", "billing.hold_ended 100 listings are billed",
	}, audited(t, f.Org, "billing.")[1:]); diff != "" {
		t.Errorf("the log (-want +got):\n%s", diff)
	}
}

// Walks that end in any order, from several sides: the newest count stands, and the
// ledger ends as the quantity does.
func TestTheNewestCountStands(t *testing.T) {
	t.Parallel()
	_, f := billed(t)
	ctx := t.Context()
	var wg sync.WaitGroup
	for walk := 1; walk <= 25; walk++ {
		wg.Go(func() {
			at := noon.Add(time.Duration(walk) * time.Minute)
			for {
				q, err := f.Org.Desired(ctx)
				if errors.Is(err, store.ErrNotFound) {
					q, err = store.DesiredQuantity{}, nil
				}
				if err == nil {
					_, err = f.Org.RecordCount(ctx, f.By(), count(at, walk), change(q, walk, at))
				}
				if errors.Is(err, store.ErrOlderCount) {
					_, err = f.Org.RecordCount(ctx, f.By(), count(at, walk), store.QuantityChange{})
				}
				if err == nil {
					return
				}
				if !errors.Is(err, store.ErrConflict) {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	q := must[store.DesiredQuantity](t)(f.Org.Desired(ctx))
	rows := must[[]store.BillableChange](t)(f.Org.Billable(ctx, noon, noon.AddDate(1, 0, 0)))
	counts := must[[]store.ListingCount](t)(f.Org.ListingCounts(ctx, noon, noon.AddDate(1, 0, 0)))
	if q.Quantity != 25 || quantityAt(rows, noon.AddDate(1, 0, 0)) != 25 || len(counts) != 25 || int(q.Version) != len(rows) {
		t.Errorf("%d counts, %d rows, %+v", len(counts), len(rows), q)
	}
}

func TestDirtyQuantitiesComeWhenTheyAreDue(t *testing.T) {
	t.Parallel()
	st := storetest.Open(t, storetest.WithBilling())
	for i, due := range []int{3, 1, 2, 0} { // 0 is at once
		f := storetest.Org(t, st, fmt.Sprint(due))
		storetest.Connect(t, f.Org, int64(i+1), "a secret of Hostaway")
		c := change(store.DesiredQuantity{}, 1, noon)
		if due > 0 {
			c.Desired.NextTry = noon.Add(time.Duration(due) * time.Minute)
		}
		must[store.ListingCount](t)(f.Org.RecordCount(t.Context(), f.By(), count(noon, 1), c))
	}
	names := func(at time.Time, limit int) (got string) {
		t.Helper()
		for _, o := range must[[]*store.Org](t)(st.DirtyQuantities(t.Context(), at, limit)) {
			got += o.Name()
		}
		return got
	}
	for minutes, want := range map[int]string{0: "0", 1: "01", 2: "012", 9: "0123"} {
		if got := names(noon.Add(time.Duration(minutes)*time.Minute), 10); got != want {
			t.Errorf("after %d minutes: %q, want %q", minutes, got, want)
		}
	}
	due := must[[]*store.Org](t)(st.DirtyQuantities(t.Context(), noon.Add(time.Hour), 2))
	if len(due) != 2 {
		t.Fatalf("%d are due, want 2", len(due))
	}
	q := must[store.DesiredQuantity](t)(due[0].Desired(t.Context()))
	q.State, q.SyncedAt, q.Attempts, q.OperationKey, q.LastError = store.QuantityClean, ptr(noon), 2, "qty:1", "429"
	if err := due[0].SetDesired(t.Context(), store.Actor{}, store.QuantityChange{Desired: &q}); err != nil {
		t.Fatal(err)
	}
	got := must[store.DesiredQuantity](t)(due[0].Desired(t.Context()))
	q.Version++
	if diff := cmp.Diff(q, got); diff != "" {
		t.Errorf("after Stripe has it (-want +got):\n%s", diff)
	}
	if got := names(noon.Add(time.Hour), 10); got != "123" {
		t.Errorf("left are %q", got)
	}
}
