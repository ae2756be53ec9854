package mcp

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hostaway-mcp/hostaway/hostawaytest"
)

func TestAllPagesOfFiveHundredListings(t *testing.T) {
	t.Parallel()
	f := newToolFrame(t, func(a *hostawaytest.Account) { a.Size = hostawaytest.S500 })
	want := f.account.ListingIDs()
	for _, c := range []struct {
		name  string
		args  args
		exact bool // the total is Hostaway's own, so it is there from the first page
	}{
		{"all", args{"status": "all", "limit": 100}, true},
		{"all, small pages", args{"status": "all", "limit": 17}, true},
		{"filtered by us", args{"status": "all", "guests": 1, "limit": 100}, false},
	} {
		var got []int64
		pages := walkPages(f, listPropertiesTool, c.args, func(p listPropertiesOut) string { return p.NextCursor })
		for i, page := range pages {
			for _, l := range page.Listings {
				got = append(got, l.ID)
			}
			if c.exact != (page.Searched == 0) {
				t.Errorf("%s: page %d says searched %d", c.name, i, page.Searched)
			}
			if (c.exact || i == len(pages)-1) && (page.Total == nil || *page.Total != len(want)) {
				t.Errorf("%s: page %d has total %v, want %d", c.name, i, page.Total, len(want))
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: listings lost or doubled (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestListPropertiesFilters(t *testing.T) {
	t.Parallel()
	f := newToolFrame(t, nil)
	archived := f.account.Landmarks().ArchivedListing
	var all listPropertiesOut
	f.ask(listPropertiesTool, args{"status": "all"}, &all)
	if len(all.Listings) != 12 {
		t.Fatalf("%d listings, want 12", len(all.Listings))
	}
	for _, c := range []struct {
		name  string
		args  args
		keeps func(listingRow) bool
	}{
		{"active by default", args{}, func(l listingRow) bool { return l.Active }},
		{"archived", args{"status": "archived"}, func(l listingRow) bool { return l.ID == archived }},
		{"city", args{"city": "Lisbon"}, func(l listingRow) bool { return l.Active && l.City == "Lisbon" }},
		{"country code", args{"country": "us"}, func(l listingRow) bool { return l.Active && l.Country == "US" }},
		{"country name", args{"country": "Spain"}, func(l listingRow) bool { return l.Active && l.Country == "ES" }},
		{"guests", args{"guests": 6}, func(l listingRow) bool { return l.Active && l.Capacity != nil && *l.Capacity >= 6 }},
		{"search", args{"search": all.Listings[0].Name}, func(l listingRow) bool { return l.Name == all.Listings[0].Name }},
		{"nothing", args{"city": "Atlantis"}, func(listingRow) bool { return false }},
	} {
		var got listPropertiesOut
		f.ask(listPropertiesTool, c.args, &got)
		want := slices.DeleteFunc(slices.Clone(all.Listings), func(l listingRow) bool { return !c.keeps(l) })
		if ids(got.Listings, func(l listingRow) int64 { return l.ID }) != ids(want, func(l listingRow) int64 { return l.ID }) {
			t.Errorf("%s: got %v, want %v", c.name, got.Listings, want)
		}
		if got.Total == nil || *got.Total != len(want) {
			t.Errorf("%s: total %v, want %d", c.name, got.Total, len(want))
		}
	}
}

func TestARowOfAListing(t *testing.T) {
	t.Parallel()
	f := newToolFrame(t, nil)
	id := f.account.ListingIDs()[0]
	for field, value := range map[string]any{"name": "Casa Azul", "city": "Lisbon", "personCapacity": 4, "bedroomsNumber": 2, "price": 99.5} {
		f.account.SetListing(id, field, value)
	}
	var got listPropertiesOut
	f.ask(listPropertiesTool, args{"search": "casa azul"}, &got)
	four, two, one := int64(4), int64(2), 1
	want := listPropertiesOut{
		Listings: []listingRow{{ID: id, Name: "Casa Azul", City: "Lisbon", Country: "PT", Capacity: &four, Bedrooms: &two, Price: "99.50", Currency: "EUR", Active: true}},
		paged:    paged{Total: &one},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(listPropertiesOut{})); diff != "" {
		t.Error(diff)
	}
}

func TestAnIgnoredArchiveFilterGivesNoWrongTotal(t *testing.T) {
	t.Parallel()
	f := newToolFrame(t, nil)
	// An older Hostaway ignores specialStatus[] and sends the archived one too.
	f.sim.Fail(hostawaytest.Fault{Path: "/listings", Kind: hostawaytest.Answer, Text: `{"status":"success","count":3,"limit":2,"offset":0,` +
		`"result":[{"id":1,"name":"A"},{"id":2,"name":"B","specialStatus":"archived"}]}`})
	f.sim.Fail(hostawaytest.Fault{Path: "/listings", Kind: hostawaytest.Answer, Text: `{"status":"success","count":3,"limit":2,"offset":2,"result":[{"id":3}]}`})
	var got listPropertiesOut
	f.ask(listPropertiesTool, args{"limit": 2}, &got)
	if len(got.Listings) != 2 || got.Listings[1].ID != 3 || got.Total == nil || *got.Total != 2 {
		t.Errorf("got %+v, want listings 1 and 3 and the total 2", got)
	}
}

func TestPropertyDetails(t *testing.T) {
	t.Parallel()
	f := newToolFrame(t, nil)
	id := f.account.ListingIDs()[0]
	for field, value := range map[string]any{
		"doorSecurityCode": "SECRET-1", "wifiUsername": "SECRET-2", "wifiPassword": "SECRET-3", "keyPickup": "SECRET-4",
		"specialInstruction": "SECRET-5", "description": "A quiet flat.", "cleaningFee": 45,
	} {
		f.account.SetListing(id, field, value)
	}
	raw := f.raw(getPropertyDetailsTool, args{"listing_id": id, "detail": true})
	if strings.Contains(string(raw.Result.Structured)+raw.text(), "SECRET") {
		t.Errorf("a secret is told: %s", raw.Result.Structured)
	}
	var got getPropertyDetailsOut
	f.ask(getPropertyDetailsTool, args{"listing_id": id, "detail": true}, &got)
	l := got.Listing
	if l.ID != id || !l.Active || l.Location.TimeZone != "Europe/Lisbon" || l.Prices.CleaningFee != "45.00" || l.StayRules.MinNights == nil || l.License == nil ||
		l.Contact == nil || l.Contact.Name != "Rita Campos" || len(l.Links) != 2 {
		t.Errorf("got %+v", l)
	}
	if l.Texts == nil || l.Texts.Description != "A quiet flat." || l.Texts.ImageCount == 0 || l.Texts.Amenities == 0 || len(l.Texts.Images) != l.Texts.ImageCount {
		t.Errorf("texts %+v", l.Texts)
	}
	var summary getPropertyDetailsOut
	f.ask(getPropertyDetailsTool, args{"listing_id": id}, &summary)
	if summary.Listing.Texts != nil {
		t.Error("a summary has the long texts")
	}
	var units getPropertyDetailsOut
	f.ask(getPropertyDetailsTool, args{"listing_id": f.account.Landmarks().MultiUnitListing, "detail": true}, &units)
	if len(units.Listing.Texts.Units) != 4 {
		t.Errorf("units %v, want 4", units.Listing.Texts.Units)
	}
	var archived getPropertyDetailsOut
	f.ask(getPropertyDetailsTool, args{"listing_id": f.account.Landmarks().ArchivedListing}, &archived)
	if archived.Listing.Active {
		t.Error("the archived listing is called active")
	}
}

func TestLongTextsAreShortenedNotRefused(t *testing.T) {
	t.Parallel()
	f := newToolFrame(t, nil)
	id := f.account.ListingIDs()[0]
	f.account.SetListing(id, "description", strings.Repeat("夏の家 \"\n", 5000))
	f.account.SetListing(id, "houseRules", "No parties.")
	var got getPropertyDetailsOut
	f.ask(getPropertyDetailsTool, args{"listing_id": id, "detail": true}, &got)
	if !got.Shortened || !strings.HasSuffix(got.Listing.Texts.Description, "…") || got.Listing.Texts.HouseRules != "No parties." {
		t.Errorf("shortened %v, rules %q", got.Shortened, got.Listing.Texts.HouseRules)
	}
}

func TestABareListingHasNoInventedValues(t *testing.T) {
	t.Parallel()
	f := newToolFrame(t, nil)
	f.sim.Fail(hostawaytest.Fault{Path: "/listings/77", Kind: hostawaytest.Answer, Text: `{"status":"success","result":{"id":77,"internalListingName":"LX-01","country":"Portugal","price":null}}`})
	raw := f.raw(getPropertyDetailsTool, args{"listing_id": 77})
	want := `{"listing":{"id":77,"name":"LX-01","internal_name":"LX-01","active":true,"location":{"country":"Portugal"},"rooms":{},"prices":{},"stay_rules":{}}}`
	if got := string(raw.Result.Structured); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}
