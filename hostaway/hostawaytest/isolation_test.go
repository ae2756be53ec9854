package hostawaytest

import (
	"fmt"
	"strings"
	"testing"
)

// twoAccounts gives two kits on one server whose accounts have the same size and other seeds.
func twoAccounts(t *testing.T) (a, b *kit) {
	t.Helper()
	a = newKit(t, func(_ *Options, acc *Account) { acc.Marker = "[amber]" })
	b = &kit{t: t, server: a.server}
	b.account = a.server.AddAccount(Account{ID: 202, Secret: "other", Seed: 2, Today: testToday, Marker: "[cobalt]"})
	b.token = b.fetchToken(202, "other")
	return a, b
}

// everyList are the lists that show all kinds of rows.
var everyList = []string{
	"/listings?includeResources=1&limit=500", "/reservations?limit=200&includeResources=1&includeCancellationPolicy=1&includePayments=1",
	"/conversations?limit=100&includeResources=1", "/reviews?limit=500", "/tasks?limit=500", "/expenses?limit=500", "/ownerStatements",
	"/users?includeResources=1", "/listings/40101/calendar?startDate=2026-03-01&endDate=2026-06-01&includeResources=1",
}

func TestAccountsOfOneSizeShareIdsAndSeeOnlyTheirOwnRows(t *testing.T) {
	t.Parallel()
	a, b := twoAccounts(t)
	for _, path := range everyList {
		x, y := a.call("GET", path, nil), b.call("GET", path, nil)
		if !strings.Contains(x.body, "[amber]") || strings.Contains(x.body, "[cobalt]") {
			t.Errorf("%s of a: own marker missing or foreign marker there", path)
		}
		if !strings.Contains(y.body, "[cobalt]") || strings.Contains(y.body, "[amber]") {
			t.Errorf("%s of b: own marker missing or foreign marker there", path)
		}
		if x, y := ids(t, a, x), ids(t, b, y); x != y {
			t.Errorf("%s: ids differ\n%s\n%s", path, x, y)
		}
	}
}

func ids(t *testing.T, k *kit, a answer) string {
	t.Helper()
	var out []string
	for _, r := range result[[]row](k, a) {
		out = append(out, fmt.Sprint(r["id"]))
	}
	return strings.Join(out, " ")
}

func TestForeignAndUnknownIdsAreNotFoundAlike(t *testing.T) {
	t.Parallel()
	a, b := twoAccounts(t)
	listing := a.account.Landmarks().GapListing
	mine := result[row](a, a.call("POST", "/reservations?forceOverbooking=1", row{
		"channelId": 2000, "listingMapId": listing, "arrivalDate": "2026-09-01", "departureDate": "2026-09-04", "totalPrice": 300,
	}))
	newListing := result[row](a, a.call("POST", "/listings", row{"name": "Mine alone"}))
	talk := get[[]row](a, fmt.Sprintf("/reservations/%d/conversations", id(mine, "id")))[0]
	for pattern := range routes {
		method, path, _ := strings.Cut(pattern, " ")
		own := map[string]int64{
			"/v1/listings/{id}": id(newListing, "id"), "/v1/listingUnits/{id}": id(newListing, "id"),
			"/v1/reservations/{id}": id(mine, "id"), "/v1/finance": id(mine, "id"), "/v1/conversations/{id}": id(talk, "id"),
		}
		for prefix, rowID := range own {
			if !strings.HasPrefix(path, prefix) || !strings.Contains(path, "{id}") {
				continue
			}
			fill := func(n int64) string {
				return strings.NewReplacer("/v1", "", "{id}", fmt.Sprint(n), "{field}", "1", "{message}", "1").Replace(path)
			}
			body := row{"name": "x", "body": "x", "cancelledBy": "host", "startDate": "2026-09-01", "endDate": "2026-09-02"}
			foreign, unknown, text := b.call(method, fill(rowID), body), b.call(method, fill(999999999), body), b.call(method, strings.Replace(fill(7), "/7", "/x7", 1), body)
			if foreign.code != 404 || foreign.body != unknown.body || foreign.code != unknown.code || text.body != unknown.body {
				t.Errorf("%s: foreign %d %s, unknown %d %s", pattern, foreign.code, foreign.body, unknown.code, unknown.body)
			}
		}
	}
	if got := get[row](a, fmt.Sprintf("/reservations/%d", id(mine, "id"))); got["status"] != "new" {
		t.Errorf("the row of a changed: %v", got["status"])
	}
}

func TestTokenOfOneAccountCannotRevokeThatOfAnother(t *testing.T) {
	t.Parallel()
	a, b := twoAccounts(t)
	b.call("DELETE", "/accessTokens?token="+a.token, nil)
	get[[]row](a, "/listings?limit=1")
}
