package hostawaytest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestListingFilters(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	m := k.account.Landmarks()
	first := get[row](k, "/listings/40101")
	for query, want := range map[string]int{
		"":                                12,
		"specialStatus[]=active":          11,
		"specialStatus%5B%5D=active":      11,
		"specialStatus[0]=active":         11,
		"specialStatus[]=sleeping":        12,
		"city=Lisbon":                     3,
		"city=lisbon&country=Portugal":    3,
		"country=US":                      3,
		"city=Paris":                      0,
		"contactName=rita":                12,
		"match=NoSuchName":                0,
		"match=PTLis-01":                  1,
		"isBookingEngineActive=1":         8,
		"isBookingEngineActive=false":     4,
		"latestActivityStart=2026-03-05":  5,
		"latestActivityEnd=2026-02-01":    0,
		"propertyTypeId=999":              0,
		"availabilityGuestNumber=100":     0,
		"availabilityDateStart=2026-03-1": 12, // one bound, and not even a date
	} {
		if a := k.call("GET", "/listings?"+query, nil); a.Count != float64(want) {
			t.Errorf("%q: %v, want %d", query, a.Count, want)
		}
	}
	if rows := get[[]row](k, "/listings?match="+strings.ReplaceAll(strings.ToUpper(first["name"].(string)), " ", "%20")); len(rows) != 1 {
		t.Errorf("match of a whole name: %d rows", len(rows))
	}
	archived := get[row](k, fmt.Sprintf("/listings/%d", m.ArchivedListing))
	if archived["specialStatus"] != "archived" || first["specialStatus"] != nil {
		t.Errorf("specialStatus %v and %v", archived["specialStatus"], first["specialStatus"])
	}
}

func TestListingsByAvailabilityAgreeWithTheCalendar(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	const from, to = "2026-03-12", "2026-03-15"
	free := get[[]row](k, "/listings?availabilityDateStart="+from+"&availabilityDateEnd="+to+"&availabilityGuestNumber=2")
	if len(free) == 0 || len(free) == 12 {
		t.Fatalf("%d listings are free: not an interesting question", len(free))
	}
	for _, listing := range k.account.ListingIDs() {
		open := true
		for _, d := range get[[]row](k, fmt.Sprintf("/listings/%d/calendar?startDate=%s&endDate=2026-03-14", listing, from)) {
			open = open && d["isAvailable"] == 1.0
		}
		if got := slices.ContainsFunc(free, func(r row) bool { return id(r, "id") == listing }); got != open {
			t.Errorf("listing %d: filter says %v, calendar %v", listing, got, open)
		}
	}
}

func TestListingOrders(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	names := func(query string) []string {
		var out []string
		for _, r := range get[[]row](k, "/listings?"+query) {
			out = append(out, r["name"].(string))
		}
		return out
	}
	rising, falling := names("sortOrder=name"), names("sortOrder=nameReversed")
	slices.Reverse(falling)
	if !slices.IsSorted(rising) || !slices.Equal(rising, falling) {
		t.Errorf("by name %v, reversed %v", rising, falling)
	}
	if slices.Equal(names("sortOrder=latestActivity"), names("sortOrder=latestActivityDesc")) {
		t.Error("latestActivityDesc is the same as latestActivity")
	}
	if !slices.Equal(names("sortOrder=nameDesc"), names("")) {
		t.Error("an unknown order is not ignored")
	}
}

func TestListingResourcesAndAttachments(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	multi := fmt.Sprintf("/listings/%d", k.account.Landmarks().MultiUnitListing)
	bare, full := get[row](k, multi), get[row](k, multi+"?includeResources=1&attachObjects[]=bookingEngineUrls")
	for _, name := range []string{"listingAmenities", "listingBedTypes", "listingImages", "customFieldValues", "listingUnits", "bookingEngineUrls"} {
		if len(bare[name].([]any)) != 0 || len(full[name].([]any)) == 0 {
			t.Errorf("%s: %v without, %v with", name, bare[name], full[name])
		}
	}
	if units := get[[]row](k, fmt.Sprintf("/listingUnits/%d", k.account.Landmarks().MultiUnitListing)); len(units) != 4 {
		t.Errorf("%d units", len(units))
	}
	if units := get[[]row](k, "/listingUnits/40101"); len(units) != 0 {
		t.Errorf("a plain listing has units: %v", units)
	}
}

func TestListingUpdateIsPartialAndNullKeeps(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	before := get[row](k, "/listings/40101")
	after := result[row](k, k.call("PUT", "/listings/40101", row{
		"name": "New name", "price": "250.50", "instantBookable": true, "description": nil, "houseRules": "None", "bookingcomPropertyHasVat": 1,
	}))
	for key, want := range map[string]any{
		"name": "New name", "externalListingName": "New name", "price": 250.5, "instantBookable": 1.0, "description": before["description"],
		"houseRules": "None", "city": before["city"], "personCapacity": before["personCapacity"], "bookingcomPropertyHasVat": true,
	} {
		if after[key] != want {
			t.Errorf("%s is %v, want %v", key, after[key], want)
		}
	}
	if again := get[row](k, "/listings/40101"); again["latestActivityOn"] != "2026-03-10 09:00:00" {
		t.Errorf("latestActivityOn %v", again["latestActivityOn"])
	}
}

func TestReadOnlyListingFieldsAreIgnoredSilently(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	before := get[row](k, "/listings/40101")
	after := result[row](k, k.call("PUT", "/listings/40101", row{
		"id": 7, "specialStatus": "archived", "country": "Mars", "averageReviewRating": 10, "partnersListingMarkup": 3, "insertedOn": "2000-01-01 00:00:00",
		"bookingCancellationPolicyId": 4, "listingAgreementText": "text", "isRentalAgreementActive": true,
	}))
	for _, key := range []string{
		"id", "specialStatus", "country", "averageReviewRating", "partnersListingMarkup", "insertedOn", "bookingCancellationPolicyId",
		"listingAgreementText", "isRentalAgreementActive",
	} {
		if after[key] != before[key] {
			t.Errorf("%s changed from %v to %v", key, before[key], after[key])
		}
	}
}

func TestListingArraysAreReplacedAndEmptyOnesDeleteEvenInARejectedRequest(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	after := result[row](k, k.call("PUT", "/listings/40101", row{
		"listingAmenities": []row{{"amenityId": 77}, {"id": 5, "amenityId": 78}}, "customFieldValues": []row{{"customFieldId": 501, "value": "x"}},
	}))
	amenities := after["listingAmenities"].([]any)
	if len(amenities) != 2 || amenities[1].(row)["id"] != 5.0 || amenities[0].(row)["amenityId"] != 77.0 || amenities[0].(row)["id"] == nil {
		t.Errorf("amenities %v", amenities)
	}
	if len(after["listingImages"].([]any)) == 0 {
		t.Error("an array that was not sent is gone")
	}
	a := k.call("PUT", "/listings/40101", row{"name": "Not taken", "listingImages": []row{}, "listingAmenities": []row{{"amenityId": 1}}, "cancellationPolicy": "lenient"})
	wantFail(t, a, 200, "Listing error: cancellationPolicy: must be one of flexible, moderate, firm, strict, no_refund")
	now := get[row](k, "/listings/40101?includeResources=1")
	if len(now["listingImages"].([]any)) != 0 {
		t.Error("the emptied array survived the rejected request")
	}
	if now["name"] == "Not taken" || len(now["listingAmenities"].([]any)) != 2 {
		t.Error("the rest of the rejected request was applied")
	}
}

func TestBadListingBodiesAreRejected(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	for name, c := range map[string]struct {
		method, path, body string
		code               int
		text               string
	}{
		"no JSON":          {"PUT", "/listings/40101", `{"name"`, 400, "not valid JSON"},
		"an array":         {"PUT", "/listings/40101", `[1]`, 400, "not valid JSON"},
		"empty name":       {"PUT", "/listings/40101", `{"name":" "}`, 200, "name: can not be empty"},
		"price no number":  {"PUT", "/listings/40101", `{"price":"cheap"}`, 200, "price: must be a number"},
		"price hex":        {"PUT", "/listings/40101", `{"price":"0x10"}`, 200, "price: must be a number"},
		"amenities object": {"PUT", "/listings/40101", `{"listingAmenities":{"a":1}}`, 200, "must be an array"},
		"create no name":   {"POST", "/listings", `{"city":"Porto"}`, 200, "name: can not be empty"},
		"create bad":       {"POST", "/listings", `{"name":"x","cancellationPolicy":"no"}`, 200, "cancellationPolicy"},
	} {
		t.Run(name, func(t *testing.T) {
			wantFail(t, k.send(c.method, c.path, strings.NewReader(c.body), "application/json", k.token), c.code, c.text)
		})
	}
	if a := k.call("GET", "/listings", nil); a.Count != 12.0 {
		t.Errorf("%v listings after refused creations", a.Count)
	}
}

func TestListingCreateAndDelete(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	made := result[row](k, k.call("POST", "/listings", row{
		"id": 1, "name": "Casa Nova", "city": "Porto", "price": 100, "currencyCode": "EUR", "personCapacity": 4, "timeZoneName": "Europe/Lisbon",
	}))
	path := fmt.Sprintf("/listings/%d", id(made, "id"))
	if id(made, "id") != 40113 || get[row](k, path)["name"] != "Casa Nova" {
		t.Errorf("created %v", made["id"])
	}
	if days := get[[]row](k, path+"/calendar?startDate=2026-03-10&endDate=2026-03-10"); days[0]["price"] != 95.0 || days[0]["status"] != "available" {
		t.Errorf("its calendar: %v", days)
	}
	elsewhere := result[row](k, k.call("POST", "/listings", row{"name": "Far away", "city": "Oslo"}))
	if elsewhere["specialStatus"] != nil || elsewhere["price"] != nil {
		t.Errorf("a listing of its name alone: %v", elsewhere)
	}
	if a := k.call("DELETE", path, nil); a.Status != "success" {
		t.Fatalf("delete: %s", a.body)
	}
	wantFail(t, k.call("GET", path, nil), 404, "Listing not found")
	if a := k.call("GET", "/listings", nil); a.Count != 13.0 {
		t.Errorf("%v listings", a.Count)
	}
}

func TestArchivedListingsRefuseEveryLinkedWriteAndStayReadable(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	const listing = 40101
	m := k.account.Landmarks()
	made := k.account.AddReservation(Stay{ListingID: listing, Arrival: "2026-11-01", Departure: "2026-11-05", BaseRate: "400"})
	talk := get[[]row](k, fmt.Sprintf("/reservations/%d/conversations", made))[0]
	field := get[[]row](k, fmt.Sprintf("/financeField/%d", made))[0]
	k.account.ArchiveListing(listing)
	for name, c := range map[string]struct {
		method, path string
		body         any
	}{
		"update":       {"PUT", fmt.Sprintf("/listings/%d", listing), row{"name": "x"}},
		"calendar":     {"PUT", fmt.Sprintf("/listings/%d/calendar", listing), row{"startDate": "2026-05-01", "endDate": "2026-05-02", "price": 1}},
		"intervals":    {"PUT", fmt.Sprintf("/listings/%d/calendarIntervals", listing), []row{}},
		"reservation":  {"POST", "/reservations", row{"channelId": 2000, "listingMapId": listing, "arrivalDate": "2026-12-01", "departureDate": "2026-12-02"}},
		"change":       {"PUT", fmt.Sprintf("/reservations/%d", made), row{"hostNote": "x"}},
		"cancellation": {"PUT", fmt.Sprintf("/reservations/%d/statuses/cancelled", made), row{"cancelledBy": "host"}},
		"deletion":     {"DELETE", fmt.Sprintf("/reservations/%d", made), nil},
		"finance":      {"PUT", fmt.Sprintf("/financeField/%d/%d", made, id(field, "id")), row{"value": 1}},
		"message":      {"POST", fmt.Sprintf("/conversations/%d/messages", id(talk, "id")), row{"body": "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			wantFail(t, k.call(c.method, c.path, c.body), 400, "is archived")
		})
	}
	if a := k.call("GET", "/listings?specialStatus[]=active", nil); a.Count != 10.0 {
		t.Errorf("%v active", a.Count)
	}
	get[row](k, fmt.Sprintf("/reservations/%d", made))
	get[[]row](k, fmt.Sprintf("/listings/%d/calendar", listing))
	k.account.RestoreListing(listing)
	result[row](k, k.call("PUT", fmt.Sprintf("/reservations/%d", made), row{"hostNote": "x"}))
	if get[row](k, fmt.Sprintf("/listings/%d", m.ArchivedListing))["specialStatus"] != "archived" {
		t.Error("the archived listing of the world came back")
	}
}

func TestDashboardChangesOfAListing(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.account.SetListing(40101, "name", "Renamed")
	k.account.SetListing(40101, "price", json.RawMessage("99.5"))
	k.account.DeleteListing(40102)
	got := get[row](k, "/listings/40101")
	if got["name"] != "Renamed" || got["price"] != 99.5 {
		t.Errorf("name %v, price %v", got["name"], got["price"])
	}
	wantFail(t, k.call("GET", "/listings/40102", nil), 404, "not found")
	defer func() {
		if recover() == nil {
			t.Error("an unknown listing did not panic")
		}
	}()
	k.account.ArchiveListing(1)
}
