// The two ledgers: what goes in, what is refused, and that nothing is ever changed.

package store_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

// count is a complete count of n listings.
func count(at time.Time, n int) store.ListingCount {
	c := store.ListingCount{CountedAt: at, Active: n, Total: n + 1, Pages: 1, Complete: true, ConnectionVersion: 1, Source: store.CountDaily}
	for i := range n {
		c.IDs = append(c.IDs, int64(1000-i))
	}
	return c
}

func TestListingCountsAreKept(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 0))
	clock := clockAt(noon)
	_, f := billed(t, storetest.WithClock(clock))
	if _, err := f.Org.NewestCompleteCount(t.Context()); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("no count yet: %v", err)
	}
	var want []store.ListingCount
	for i := range 50 {
		at := noon.Add(time.Duration(i) * time.Hour)
		clock.Set(at.Add(time.Minute))
		c := count(at, 0)
		c.Source = []store.CountSource{store.CountDaily, store.CountManual, store.CountConnect, store.CountTrialEnd}[i%4]
		for range dice.IntN(300) {
			c.IDs = append(c.IDs, dice.Int64()>>dice.IntN(63))
		}
		slices.Sort(c.IDs)
		c.IDs = slices.Compact(c.IDs)
		c.Active, c.Total = len(c.IDs), len(c.IDs)+dice.IntN(10)
		dice.Shuffle(len(c.IDs), func(i, j int) { c.IDs[i], c.IDs[j] = c.IDs[j], c.IDs[i] })
		if i%10 == 9 {
			c.Complete, c.Problem, c.ConnectionVersion = false, "page 3 was refused", 99
		}
		kept := must[store.ListingCount](t)(f.Org.RecordCount(t.Context(), f.By(), c, store.QuantityChange{}))
		read := must[store.ListingCount](t)(f.Org.ListingCount(t.Context(), kept.ID))
		if diff := cmp.Diff(kept, read, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("count %d (-said +kept):\n%s", i, diff)
		}
		slices.Sort(c.IDs)
		if c.Complete && (!slices.Equal(c.IDs, read.IDs) || len(read.IDsHash) != 32) || !c.Complete && (read.IDs != nil || read.IDsHash != nil) || !read.RecordedAt.Equal(at.Add(time.Minute)) {
			t.Errorf("count %d: %+v is kept as %+v", i, c, read)
		}
		kept.IDs = nil
		want = append(want, kept)
	}
	got := must[[]store.ListingCount](t)(f.Org.ListingCounts(t.Context(), noon.Add(10*time.Hour), noon.Add(40*time.Hour)))
	if diff := cmp.Diff(want[10:40], got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("the counts of a period (-want +got):\n%s", diff)
	}
	if c := must[store.ListingCount](t)(f.Org.NewestCompleteCount(t.Context())); c.ID != want[48].ID || len(c.IDs) != c.Active {
		t.Errorf("the newest complete count is %+v, want %+v", c, want[48])
	}
	if c := must[store.ListingCount](t)(f.Org.NewestCount(t.Context())); c.ID != want[49].ID {
		t.Errorf("the newest count is %+v, want %+v", c, want[49])
	}
	if a, b := count(noon, 3), count(noon, 3); true {
		slices.Reverse(b.IDs)
		first := must[store.ListingCount](t)(f.Org.RecordCount(t.Context(), f.By(), a, store.QuantityChange{}))
		second := must[store.ListingCount](t)(f.Org.RecordCount(t.Context(), f.By(), b, store.QuantityChange{}))
		if !slices.Equal(first.IDsHash, second.IDsHash) || slices.Equal(first.IDsHash, want[0].IDsHash) {
			t.Error("the hash does not tell sets of listings apart, whatever their order")
		}
	}
}

func TestACountThatContradictsItselfIsRefused(t *testing.T) {
	t.Parallel()
	_, f := billed(t)
	for name, spoil := range map[string]func(*store.ListingCount){
		"a listing twice":      func(c *store.ListingCount) { c.IDs[1] = c.IDs[0] },
		"fewer ids":            func(c *store.ListingCount) { c.IDs = c.IDs[1:] },
		"more than there are":  func(c *store.ListingCount) { c.Total = 2 },
		"complete, with a gap": func(c *store.ListingCount) { c.Problem = "page 3 was refused" },
		"no time":              func(c *store.ListingCount) { c.CountedAt = time.Time{} },
		"no such source":       func(c *store.ListingCount) { c.Source = "guess" },
		"pages below zero":     func(c *store.ListingCount) { c.Pages = -1 },
	} {
		c := count(noon, 3)
		spoil(&c)
		var input *store.InputError
		if _, err := f.Org.RecordCount(t.Context(), f.By(), c, store.QuantityChange{}); !errors.As(err, &input) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// What an older connection counted is another account's, or may be.
	c := count(noon, 3)
	c.ConnectionVersion = 2
	if _, err := f.Org.RecordCount(t.Context(), f.By(), c, store.QuantityChange{}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a count with another connection: %v", err)
	}
	if all := must[[]store.ListingCount](t)(f.Org.ListingCounts(t.Context(), time.UnixMilli(0), noon.AddDate(1, 0, 0))); len(all) > 0 {
		t.Errorf("what was refused is kept: %+v", all)
	}
}

// quantityAt is what the ledger bills at a time, by its own rule.
func quantityAt(rows []store.BillableChange, at time.Time) (quantity int) {
	for _, r := range rows {
		if !r.EffectiveAt.After(at) {
			quantity = r.Quantity
		}
	}
	return quantity
}

// Rows come in any order and several at one time; what is in force at each moment of
// a period is the same whether the whole ledger is read or that period alone.
func TestBillableOfAPeriod(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 0))
	_, f := billed(t)
	at := func(hour int) time.Time { return noon.Add(time.Duration(hour) * time.Hour) }
	kept := must[store.ListingCount](t)(f.Org.RecordCount(t.Context(), f.By(), count(noon, 1), store.QuantityChange{}))
	byHour := map[int]int{} // by a map: the last row of an hour stands
	for range 60 {
		hour, quantity := dice.IntN(40), dice.IntN(100)
		byHour[hour] = quantity
		err := f.Org.SetDesired(t.Context(), f.By(), store.QuantityChange{Billable: []store.BillableChange{
			{EffectiveAt: at(hour), Quantity: quantity, Reason: store.BillableCount, CountID: kept.ID},
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	for range 200 {
		from := dice.IntN(45) - 2
		to := from + dice.IntN(20)
		rows := must[[]store.BillableChange](t)(f.Org.Billable(t.Context(), at(from), at(to)))
		for hour, want := from, 0; hour < to; hour++ {
			for back := hour; back >= 0; back-- {
				if q, ok := byHour[back]; ok {
					want = q
					break
				}
			}
			if got := quantityAt(rows, at(hour)); got != want {
				t.Fatalf("in [%d, %d), at %d: %d, want %d\n%+v", from, to, hour, got, want, rows)
			}
		}
		for i, r := range rows {
			if !r.EffectiveAt.Before(at(to)) || i > 0 && !r.EffectiveAt.After(at(from)) || i > 0 && r.EffectiveAt.Before(rows[i-1].EffectiveAt) {
				t.Fatalf("in [%d, %d): row %d of %+v", from, to, i, rows)
			}
		}
	}
	for name, bad := range map[string]store.BillableChange{
		"below zero":     {EffectiveAt: noon, Quantity: -1, Reason: store.BillableCount},
		"no such reason": {EffectiveAt: noon, Reason: "mood"},
		"no time":        {Reason: store.BillableCount},
	} {
		var input *store.InputError
		if err := f.Org.SetDesired(t.Context(), f.By(), store.QuantityChange{Billable: []store.BillableChange{bad}}); !errors.As(err, &input) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
