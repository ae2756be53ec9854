package mcp

// listing_creation_test.go creates listings, by preview and confirmation.

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"hostaway-mcp/hostaway/hostawaytest"
)

type creationAnswer = written[creationPreview, creationResult]

func TestCreateAListing(t *testing.T) {
	t.Parallel()
	f := newToolFrame(t, nil)
	a := args{"name": " Casa Nova ", "city": "Porto", "country_code": "pt", "currency": "eur", "price": "110.50", "capacity": 4, "time_zone": "Europe/Lisbon"}
	preview, result := confirm[creationPreview, creationResult](f, createListingTool, a)
	if diff := cmp.Diff([]string{"address", "extra_guest_price", "guests_included"}, preview.Missing); diff != "" || len(preview.SameName) != 0 {
		t.Error(diff, preview.SameName)
	}
	if len(preview.Fields) != 7 || preview.Fields[0] != (fieldChange{Field: "name", After: "Casa Nova"}) {
		t.Errorf("fields %+v", preview.Fields)
	}
	if len(result.Ignored) != 0 || result.Name != "Casa Nova" {
		t.Errorf("result %+v", result)
	}
	l, err := f.client.Listing(t.Context(), result.ListingID)
	if err != nil || l.Name != "Casa Nova" || l.CountryCode != "PT" || l.CurrencyCode != "EUR" || *l.PersonCapacity != 4 {
		t.Errorf("listing %+v: %v", l, err)
	}
	var again creationAnswer
	f.ask(createListingTool, a, &again)
	if diff := cmp.Diff([]int64{result.ListingID}, again.Preview.SameName); diff != "" {
		t.Error(diff)
	}
	for word, wrong := range map[string]args{
		"two letters": {"name": "X", "country_code": "PRT"}, "three letters": {"name": "X", "currency": "EU"}, "from 0 to": {"name": "X", "price": -3},
		"country_code": {"name": "X", "country_code": "ZZ"}, "currency": {"name": "X", "currency": "XXZ"}, "time_zone": {"name": "X", "time_zone": "Mars/X"},
		"more decimals than JPY": {"name": "X", "currency": "JPY", "price": "100.5"}, "guests_included would be 9": {"name": "X", "capacity": 4, "guests_included": 9},
		"that guests shall see": {"name": "  "},
	} {
		wantWords(t, f.refused(createListingTool, wrong), word)
	}
}

func TestAnUnclearCreationIsNotRepeated(t *testing.T) {
	t.Parallel()
	for _, kind := range []hostawaytest.FaultKind{hostawaytest.DropAfter, hostawaytest.Status500HTML, hostawaytest.GarbageJSON} {
		f := newToolFrame(t, nil)
		a := args{"name": "Casa Nova"}
		var preview creationAnswer
		f.ask(createListingTool, a, &preview)
		f.sim.Fail(hostawaytest.Fault{Method: "POST", Path: "/listings", Kind: kind, Times: -1})
		wantWords(t, f.refused(createListingTool, a.with("confirm_token", preview.ConfirmToken)), "may or may not have been created", listPropertiesTool, "Casa Nova")
		if calls := f.sim.CountCalls("POST", "/listings"); calls != 1 {
			t.Errorf("fault %d: %d attempts, want 1", kind, calls)
		}
	}
	f := newToolFrame(t, nil)
	a := args{"name": "Casa Nova"}
	var preview creationAnswer
	f.ask(createListingTool, a, &preview)
	f.sim.Fail(hostawaytest.Fault{Method: "POST", Path: "/listings", Kind: hostawaytest.FailIn200, Text: "Listing error: name: taken"})
	wantWords(t, f.refused(createListingTool, a.with("confirm_token", preview.ConfirmToken)), "name: taken")
}
