package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"hostaway-mcp/hostaway"
	"hostaway-mcp/hostaway/hostawaytest"
	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

// countingTest is an org whose account has so many listings.
func countingTest(t *testing.T, size hostawaytest.Size) (upstreamTest, storetest.Fixture) {
	t.Helper()
	u := newUpstreamTest(t)
	f := storetest.Org(t, u.store, "Counted")
	u.account = u.fake.AddAccount(hostawaytest.Account{ID: 61003, Secret: "counted", Seed: 3, Today: "2026-11-20", Size: size})
	storetest.Connect(t, f.Org, 61003, "counted")
	u.fake.ResetCalls()
	return u, f
}

func TestCountingTakesACallForEachPageAndOneForTheToken(t *testing.T) {
	t.Parallel()
	u, f := countingTest(t, 1203)
	gone := u.account.ListingIDs()[3]
	u.account.ArchiveListing(gone)
	for round, more := range []int{1, 0} { // the token is fetched once
		u.fake.ResetCalls()
		count, err := u.CountListings(t.Context(), f.Org)
		if err != nil || !count.Complete || count.Problem != "" || count.Pages != 3 || count.ConnectionVersion != 1 || count.CountedAt.IsZero() {
			t.Fatalf("%+v %v", count, err)
		}
		if calls := len(u.fake.Calls()); calls != count.Pages+more {
			t.Errorf("round %d: %d calls for %d pages", round, calls, count.Pages)
		}
		if count.Total != 1203 || count.Active != len(count.IDs) || count.Active >= 1203 || slices.Contains(count.IDs, gone) {
			t.Errorf("%d active of %d, %d ids", count.Active, count.Total, len(count.IDs))
		}
		if c, err := f.Org.Connection(t.Context()); err != nil || c.ListingCount == nil || *c.ListingCount != count.Active || c.CountedAt == nil || c.CountedAt.UnixMilli() != count.CountedAt.UnixMilli() {
			t.Errorf("the connection says %+v, %v", c, err)
		}
	}
}

// All ways in which this server counts active listings agree, units and unknown fields or not.
func TestAllCountsAgreeOnWhatIsActive(t *testing.T) {
	t.Parallel()
	u := newUpstreamTest(t)
	count, err := u.CountListings(t.Context(), u.alpha.Org)
	if err != nil || !count.Complete || count.Active != 11 {
		t.Fatalf("%+v %v", count, err)
	}
	client, err := u.ClientFor(t.Context(), u.alpha.Org)
	if err != nil {
		t.Fatal(err)
	}
	if shown, err := client.CountActiveListings(t.Context()); err != nil || shown != count.Active {
		t.Errorf("whoami shows %d, %v", shown, err)
	}
	var listed []int64
	_, err = client.AllListings(t.Context(), hostaway.ListingFilter{ActiveOnly: true}, 10, func(rows []hostaway.Listing) error {
		for _, row := range rows {
			listed = append(listed, row.ID)
		}
		return nil
	})
	if slices.Sort(listed); err != nil || !slices.Equal(listed, count.IDs) {
		t.Errorf("the list shows %v, the bill %v, %v", listed, count.IDs, err)
	}
	if !slices.Contains(count.IDs, u.account.Landmarks().MultiUnitListing) || slices.Contains(count.IDs, u.account.Landmarks().ArchivedListing) {
		t.Errorf("counted %v", count.IDs)
	}
}

func TestACountThatMayHaveMissedSomethingIsIncomplete(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		spoil func(t *testing.T, u upstreamTest, f storetest.Fixture)
		want  string
		pages int
	}{
		"an error on page 3": {
			func(_ *testing.T, u upstreamTest, _ storetest.Fixture) {
				u.fake.Fail(hostawaytest.Fault{Path: "/listings", Skip: 2, Kind: hostawaytest.Forbidden, Text: "no more for <you>", Times: -1})
			}, "Hostaway refused to list the listings (page 3 could not be read)", 2,
		},
		"garbage on page 2": {
			func(_ *testing.T, u upstreamTest, _ storetest.Fixture) {
				u.fake.Fail(hostawaytest.Fault{Path: "/listings", Skip: 1, Kind: hostawaytest.GarbageJSON, Times: -1})
			}, "Hostaway answered in a way that can't be understood (page 2 could not be read)", 1,
		},
		"the list moves": {
			func(t *testing.T, u upstreamTest, _ storetest.Fixture) {
				duringPage(t, u, 2, func() { u.account.DeleteListing(u.account.ListingIDs()[0]) })
			}, "the list moved while it was read", 3,
		},
		"another key of the same account": {
			func(t *testing.T, u upstreamTest, f storetest.Fixture) {
				duringPage(t, u, 2, func() { storetest.Connect(t, f.Org, 61003, "counted") })
			}, "the connection was changed", 3,
		},
		"disconnected": {
			func(t *testing.T, u upstreamTest, f storetest.Fixture) {
				duringPage(t, u, 2, func() {
					if err := f.Org.Disconnect(t.Context(), f.By()); err != nil {
						t.Error(err)
					}
				})
			}, "the connection was changed", 3,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u, f := countingTest(t, 1203)
			test.spoil(t, u, f)
			count, err := u.CountListings(t.Context(), f.Org)
			if err != nil || count.Complete || !strings.Contains(count.Problem, test.want) || count.Pages != test.pages {
				t.Errorf("complete %v, %d pages, problem %q, %v", count.Complete, count.Pages, count.Problem, err)
			}
			if c, err := f.Org.Connection(t.Context()); err == nil && c.ListingCount != nil {
				t.Errorf("the connection says %d listings", *c.ListingCount)
			}
		})
	}
}

// duringPage holds page n of the list back and does something meanwhile.
func duringPage(t *testing.T, u upstreamTest, n int, do func()) {
	t.Helper()
	release := make(chan struct{})
	u.fake.Fail(hostawaytest.Fault{Path: "/listings", Skip: n - 1, Kind: hostawaytest.Slow, Release: release})
	ctx := t.Context()
	done := make(chan struct{})
	t.Cleanup(func() { <-done })
	go func() {
		defer close(done)
		defer close(release)
		if err := u.fake.WaitForCalls(ctx, "GET", "/listings", n); err != nil {
			t.Errorf("page %d was not asked for: %v", n, err)
			return
		}
		do()
	}()
}

func TestARefusedKeyIsToldApart(t *testing.T) {
	t.Parallel()
	u, f := countingTest(t, hostawaytest.Rich)
	u.account.SetSecret("changed in Hostaway")
	for round := range 2 { // the second finds it in the store, and asks nobody
		count, err := u.CountListings(t.Context(), f.Org)
		if hostaway.CodeOf(err) != hostaway.CredentialsRefused || count.Complete {
			t.Errorf("round %d: %+v %v", round, count, err)
		}
		if count.ConnectionVersion != 1 || !strings.HasPrefix(count.Problem, "Hostaway refuses the credentials") {
			t.Errorf("round %d: version %d, problem %q", round, count.ConnectionVersion, count.Problem)
		}
	}
	if n := u.fake.CountCalls("POST", "/accessTokens"); n != 1 {
		t.Errorf("%d tokens were asked for", n)
	}
	if err := f.Org.Disconnect(t.Context(), f.By()); err != nil {
		t.Fatal(err)
	}
	if _, err := u.CountListings(t.Context(), f.Org); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("without a connection: %v", err)
	}
	told, stop := context.WithCancel(t.Context())
	stop()
	if count, err := u.CountListings(told, u.alpha.Org); !errors.Is(err, context.Canceled) || count.Complete {
		t.Errorf("told to stop: %+v %v", count, err)
	}
}
