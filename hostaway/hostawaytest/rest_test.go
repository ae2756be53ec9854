package hostawaytest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
)

func TestReviews(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	everything := slices.Concat(get[[]row](k, "/reviews?limit=500&offset=0"), get[[]row](k, "/reviews?limit=500&offset=500"))
	a := k.call("GET", "/reviews?limit=5", nil)
	if a.Limit != nil || a.Offset != nil || a.Count == nil {
		t.Errorf("reviews carry only count and a null offset: %.200s", a.body[len(a.body)-60:])
	}
	name := ""
	for _, r := range everything {
		if name == "" {
			name = r["guestName"].(string)
		}
	}
	for filter, keep := range map[string]func(row) bool{
		"listingMapIds[]=40101":         func(r row) bool { return r["listingMapId"] == 40101.0 },
		"channelIds[]=2005":             func(r row) bool { return r["channelId"] == 2005.0 },
		"type=guest-to-host":            func(r row) bool { return r["type"] == "guest-to-host" },
		"statuses[]=awaiting":           func(r row) bool { return r["status"] == "awaiting" },
		"ratingMin=0&ratingMax=6":       func(r row) bool { return r["rating"] != nil && r["rating"].(float64) <= 6 },
		"hasHostReply=true":             func(r row) bool { return r["revieweeResponse"] != nil },
		"submittedAtStart=2026-02-01":   func(r row) bool { return text(r["submittedAt"]) >= "2026-02-01" },
		"submittedAtEnd=2025-06-01":     func(r row) bool { return r["submittedAt"] != nil && text(r["submittedAt"])[:10] <= "2025-06-01" },
		"departureDateStart=2026-03-01": func(r row) bool { return text(r["departureDate"]) >= "2026-03-01" },
		"departureDateEnd=2025-05-01":   func(r row) bool { return text(r["departureDate"])[:10] <= "2025-05-01" },
		"stayDateStart=2025-12-24&stayDateEnd=2025-12-26": func(r row) bool {
			return text(r["departureDate"])[:10] >= "2025-12-24" && text(r["arrivalDate"])[:10] <= "2025-12-26"
		},
		"guestName=" + strings.ToUpper(name[:3]): func(r row) bool {
			return strings.Contains(strings.ToLower(r["guestName"].(string)), strings.ToLower(name[:3]))
		},
	} {
		want := 0
		for _, r := range everything {
			if keep(r) {
				want++
			}
		}
		rows := get[[]row](k, "/reviews?limit=500&"+filter)
		if len(rows) != want || want == 0 || want == len(everything) || slices.ContainsFunc(rows, func(r row) bool { return !keep(r) }) {
			t.Errorf("%s: %d rows, want %d of %d", filter, len(rows), want, len(everything))
		}
	}
	rising := get[[]row](k, "/reviews?limit=500&type=guest-to-host&statuses[]=published&sortBy=rating&sortOrder=asc")
	if rising[0]["rating"].(float64) >= rising[len(rising)-1]["rating"].(float64) {
		t.Error("not sorted by rating")
	}
	one := get[row](k, fmt.Sprintf("/reviews/%d", id(rising[0], "id")))
	if one["publicReview"] == nil || len(one["reviewCategory"].([]any)) != 3 {
		t.Errorf("%v", one)
	}
	wantFail(t, k.call("GET", "/reviews/1", nil), 403, "Review not found.")
}

func TestTasks(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	everything := get[[]row](k, "/tasks?limit=500")
	cleaned := map[any]bool{}
	var overdue, unassigned int
	for _, r := range everything {
		cleaned[r["reservationId"]] = true
		if r["status"] != "completed" && text(r["shouldEndBy"]) < testToday {
			overdue++
		}
		if r["assigneeUserId"] == nil {
			unassigned++
		}
	}
	forgotten := 0
	for _, f := range k.account.Facts() {
		if f.Status == "new" && f.Departure >= "2026-03-01" && f.Departure <= "2026-03-20" && !cleaned[float64(f.ID)] {
			forgotten++
		}
	}
	if overdue == 0 || unassigned == 0 || forgotten == 0 {
		t.Errorf("%d overdue, %d unassigned, %d departures without cleaning", overdue, unassigned, forgotten)
	}
	for filter, keep := range map[string]func(row) bool{
		"status=completed":             func(r row) bool { return r["status"] == "completed" },
		"match=CLEANING":               func(r row) bool { return strings.Contains(r["title"].(string), "Cleaning") },
		"canStartFromStart=2026-03-12": func(r row) bool { return text(r["canStartFrom"]) >= "2026-03-12" },
		"shouldEndByEnd=2026-03-05":    func(r row) bool { return text(r["shouldEndBy"])[:10] <= "2026-03-05" },
		"canStartFromEvent=departure":  func(r row) bool { return r["canStartFromEvent"] == "departure" },
		"channelId=2018":               func(r row) bool { return r["channelId"] == 2018.0 },
		fmt.Sprintf("reservationId=%d", k.account.Landmarks().DepartsToday): func(r row) bool {
			return r["reservationId"] == float64(k.account.Landmarks().DepartsToday)
		},
	} {
		rows := get[[]row](k, "/tasks?limit=500&"+filter)
		if len(rows) == 0 || len(rows) == len(everything) || slices.ContainsFunc(rows, func(r row) bool { return !keep(r) }) {
			t.Errorf("%s: %d of %d rows", filter, len(rows), len(everything))
		}
	}
	nashville := get[[]row](k, "/tasks?limit=500&match=cleaning")
	at := slices.IndexFunc(nashville, func(r row) bool { return r["listingMapId"] == 40104.0 })
	if r := nashville[at]; r["canStartFrom"] == r["canStartFromListingTime"] {
		t.Errorf("UTC %v and the listing's clock %v agree in Nashville", r["canStartFrom"], r["canStartFromListingTime"])
	}
	if one := get[row](k, fmt.Sprintf("/tasks/%d", id(everything[0], "id"))); one["title"] != everything[0]["title"] {
		t.Error("GET one differs")
	}
	wantFail(t, k.call("GET", "/tasks/1", nil), 404, "Task not found")
}

func TestExpensesAndStatements(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	kinds := map[any]int{}
	for _, e := range get[[]row](k, "/expenses?limit=500") {
		kinds[e["type"]]++
		if (e["type"] == "extra") != amount(t, e["amount"]).IsPositive() {
			t.Errorf("%v with the amount %v", e["type"], e["amount"])
		}
	}
	if kinds["extra"] == 0 || kinds["expense"] == 0 {
		t.Errorf("%v", kinds)
	}
	if lines := sheet(t, k.call("GET", "/expenses?format=csv&limit=10", nil).body, ','); len(lines) != 11 {
		t.Errorf("%d lines of CSV", len(lines))
	}
	wantFail(t, k.call("GET", "/expenses/1", nil), 404, "Expense not found")
	wantFail(t, k.call("GET", "/ownerStatement/1", nil), 404, "Owner statement not found")
	list := get[[]row](k, "/ownerStatements")
	if len(list) != 24 || len(list[0]) != 2 {
		t.Errorf("%d statements like %v", len(list), list[0])
	}
	s := get[row](k, fmt.Sprintf("/ownerStatement/%d", id(list[23], "id")))
	spent := decimal.Zero
	for _, e := range s["expenses"].([]any) {
		one := get[row](k, fmt.Sprintf("/expenses/%d", id(e.(row), "id")))
		if one["ownerStatementId"] != s["id"] {
			t.Errorf("expense %v belongs to %v", one["id"], one["ownerStatementId"])
		}
		spent = spent.Add(amount(t, one["amount"]))
	}
	grand := s["grandTotalJson"].(row)
	payout := amount(t, s["summaryDataJson"].([]any)[1].(row)["totalValue"])
	if !spent.Equal(amount(t, grand["expensesTotal"])) || !payout.Add(spent).Equal(amount(t, grand["grandTotalAmount"])) || payout.IsZero() {
		t.Errorf("spent %v, payout %v, totals %v", spent, payout, grand)
	}
	if _, isText := s["accountId"].(string); !isText {
		t.Error("accountId is not a string here")
	}
}

func TestPeopleAndDictionaries(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	users := get[[]row](k, "/users")
	if len(users) != 5 || users[0]["listingMapIds"] != nil {
		t.Errorf("%v", users)
	}
	one := get[[]row](k, fmt.Sprintf("/user/%d?includeResources=1", id(users[0], "id")))
	if len(one) != 1 || len(one[0]["listingMapIds"].([]any)) != 12 {
		t.Errorf("%v", one)
	}
	wantFail(t, k.call("GET", "/user/1", nil), 404, "User not found")
	for _, path := range []string{"/amenities", "/bedTypes", "/propertyTypes"} {
		if rows := get[[]row](k, path); rows[0]["id"] != 1.0 || rows[0]["name"] == "" {
			t.Errorf("%s: %v", path, rows)
		}
	}
	if methods := get[row](k, "/reservations/paymentMethods"); methods["vcc"] == nil {
		t.Errorf("%v", methods)
	}
	if statuses := get[[]string](k, "//dictionary/calendarDay"); !slices.Contains(statuses, "reserved") {
		t.Errorf("%v", statuses)
	}
}
