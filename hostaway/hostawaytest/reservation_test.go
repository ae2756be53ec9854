package hostawaytest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestReservationsComeNewestChangeFirst(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	rows := allReservations(k, "")
	if len(rows) != len(k.account.Facts()) {
		t.Errorf("%d rows, the world has %d", len(rows), len(k.account.Facts()))
	}
	ties := 0
	for i := 1; i < len(rows); i++ {
		a, b := rows[i-1], rows[i]
		x, y := a["updatedOn"].(string), b["updatedOn"].(string)
		if x < y || (x == y && id(a, "id") < id(b, "id")) {
			t.Fatalf("row %d (%s, %v) before row (%s, %v)", i-1, x, a["id"], y, b["id"])
		}
		if x == y {
			ties++
		}
	}
	if ties == 0 {
		t.Error("no two rows share updatedOn: the tie-break is untested")
	}
}

// allReservations walks the cursor to its end.
func allReservations(k *kit, filter string) []row {
	k.t.Helper()
	var out []row
	after := ""
	for {
		rows := get[[]row](k, "/reservations?limit=200"+filter+after)
		if len(rows) == 0 {
			return out
		}
		out = append(out, rows...)
		after = fmt.Sprintf("&afterId=%d", id(rows[len(rows)-1], "id"))
	}
}

func TestAfterIdFollowsTheOrderAndNotTheIds(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	rows := allReservations(k, "")
	seen, falling := map[int64]bool{}, true
	for i, r := range rows {
		if seen[id(r, "id")] {
			t.Fatalf("%d twice", id(r, "id"))
		}
		seen[id(r, "id")] = true
		falling = falling && (i == 0 || id(rows[i-1], "id") > id(r, "id"))
	}
	if falling {
		t.Error("ids are monotonic: a client could rely on that")
	}
	first := get[[]row](k, "/reservations?limit=3")
	next := k.call("GET", fmt.Sprintf("/reservations?limit=3&offset=50&afterId=%d", id(first[2], "id")), nil)
	if got := result[[]row](k, next); id(got[0], "id") != id(rows[3], "id") || next.Count != float64(len(rows)) {
		t.Errorf("offset beside afterId is not ignored, or count %v is not the total", next.Count)
	}
	if got := get[[]row](k, "/reservations?afterId=5"); len(got) != 0 {
		t.Errorf("unknown afterId: %d rows", len(got))
	}
	other := get[[]row](k, fmt.Sprintf("/reservations?listingId=40101&afterId=%d", id(rows[100], "id")))
	if len(other) == 0 || other[0]["updatedOn"].(string) > rows[100]["updatedOn"].(string) {
		t.Error("a cursor row outside the filter does not position")
	}
	if got := get[[]row](k, "/reservations?limit=2&offset=3"); id(got[0], "id") != id(rows[3], "id") {
		t.Error("the deprecated offset does not work")
	}
}

func TestReservationFilters(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	guest := get[row](k, fmt.Sprintf("/reservations/%d", k.account.Landmarks().ArrivesToday))
	k.call("PUT", fmt.Sprintf("/reservations/%d", id(guest, "id")), row{"assigneeUserId": 1203, "customerUserId": "cu_7"})
	day := func(key, low, high string) func(row) bool {
		return func(r row) bool { return r[key].(string)[:10] >= low && r[key].(string)[:10] <= high }
	}
	email := guest["guestEmail"].(string)
	everything := allReservations(k, "")
	for filter, keep := range map[string]func(row) bool{
		"listingId=40103": func(r row) bool { return r["listingMapId"] == 40103.0 || r["listingMapId"] == "40103" },
		"channelId=2005":  func(r row) bool { return r["channelId"] == 2005.0 },
		"match=SoF": func(r row) bool {
			name, _ := r["guestName"].(string)
			return strings.Contains(strings.ToLower(name), "sof")
		},
		"guestEmail=" + strings.ToUpper(email):                        func(r row) bool { return r["guestEmail"] == email },
		"arrivalStartDate=2026-03-10&arrivalEndDate=2026-03-11":       day("arrivalDate", "2026-03-10", "2026-03-11"),
		"departureStartDate=2026-03-10&departureEndDate=2026-03-10":   day("departureDate", "2026-03-10", "2026-03-10"),
		"latestActivityStart=2026-03-08&latestActivityEnd=2026-03-09": day("latestActivityOn", "2026-03-08", "2026-03-09"),
		"isStarred=1":         func(r row) bool { return r["isStarred"] == 1.0 || r["isStarred"] == true },
		"isArchived=1":        func(r row) bool { return r["isArchived"] == 1.0 || r["isArchived"] == true },
		"isPinned=true":       func(r row) bool { return r["isPinned"] == 1.0 || r["isPinned"] == true },
		"assigneeUserId=1203": func(r row) bool { return r["assigneeUserId"] == 1203.0 },
		"customerUserId=cu_7": func(r row) bool { return r["customerUserId"] == "cu_7" },
		"hasUnreadConversationMessages=1": func(r row) bool {
			return r["hasUnreadConversationMessages"] == 1.0 || r["hasUnreadConversationMessages"] == true
		},
		"reservationAgreement=not_signed": func(r row) bool { return r["reservationAgreement"] == "not_signed" },
	} {
		t.Run(filter, func(t *testing.T) {
			rows := allReservations(k, "&"+filter)
			want := 0
			for _, r := range everything {
				if keep(r) {
					want++
				}
			}
			if len(rows) != want || want == 0 || slices.ContainsFunc(rows, func(r row) bool { return !keep(r) }) {
				t.Errorf("%d rows, want %d, all of them matching", len(rows), want)
			}
		})
	}
}

func TestDateTypeFiltersAreAFeaturePerAccount(t *testing.T) {
	t.Parallel()
	k := newKit(t, func(_ *Options, a *Account) { a.DateTypeFilters = true })
	all := k.call("GET", "/reservations?limit=1", nil).Count
	count := func(filter string) int {
		return int(k.call("GET", "/reservations?limit=1&"+filter, nil).Count.(float64))
	}
	facts := k.account.Facts()
	want := func(keep func(Fact) bool) int {
		n := 0
		for _, f := range facts {
			if keep(f) {
				n++
			}
		}
		return n
	}
	for filter, n := range map[string]int{
		"dateType=arrival&startDate=2026-03-10&endDate=2026-03-12": want(func(f Fact) bool { return f.Arrival >= "2026-03-10" && f.Arrival <= "2026-03-12" }),
		"dateType=departure&endDate=2025-06-01":                    want(func(f Fact) bool { return f.Departure <= "2025-06-01" }),
		"dateType=creation&startDate=2026-03-09":                   want(func(f Fact) bool { return !f.Booked.Before(time.Date(2026, 3, 9, 0, 0, 0, 0, time.UTC)) }),
		"dateType=cancellation":                                    want(func(f Fact) bool { return f.Status == "cancelled" }),
		"dateType=nothing&startDate=2030-01-01":                    len(facts),
		"startDate=2030-01-01":                                     len(facts),
		"dateType=arrival&startDate=2030-01-01&endDate=2029-01-01": 0,
	} {
		if got := count(filter); got != n {
			t.Errorf("%s: %d, want %d", filter, got, n)
		}
	}
	k.account.SetDateTypeFilters(false)
	if got := k.call("GET", "/reservations?limit=1&dateType=arrival&startDate=2030-01-01", nil).Count; got != all {
		t.Errorf("switched off it still filters: %v", got)
	}
}

func TestReservationOrders(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	for order, key := range map[string]string{"arrivalDate": "arrivalDate", "arrivalDateDesc": "arrivalDate", "latestActivity": "latestActivityOn", "updatedOn": "updatedOn"} {
		rows := allReservations(k, "&channelId=2000&sortOrder="+order)
		if want := k.call("GET", "/reservations?limit=1&channelId=2000", nil).Count; float64(len(rows)) != want {
			t.Errorf("%s with a cursor: %d rows, want %v", order, len(rows), want)
		}
		texts := make([]string, len(rows))
		for i, r := range rows {
			texts[i] = r[key].(string)
		}
		if strings.HasSuffix(order, "Desc") {
			slices.Reverse(texts)
		}
		if !slices.IsSorted(texts) {
			t.Errorf("%s is not sorted", order)
		}
	}
	received := get[[]row](k, "/reservations?limit=1&sortOrder=lastConversationMessageReceivedDesc")[0]
	talks := get[[]row](k, "/conversations?limit=100")
	latest := slices.MaxFunc(talks, func(a, b row) int { return strings.Compare(text(a["messageReceivedOn"]), text(b["messageReceivedOn"])) })
	if received["id"] != latest["reservationId"] {
		t.Errorf("last received: %v, want %v", received["id"], latest["reservationId"])
	}
	sent := get[[]row](k, "/reservations?limit=1&sortOrder=lastConversationMessageSentDesc")
	if len(sent) != 1 {
		t.Error("no row by last sent message")
	}
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

func TestReservationIncludes(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	find := func(query string) row {
		for _, r := range get[[]row](k, fmt.Sprintf("/reservations?listingId=%d%s", k.account.Landmarks().MultiUnitListing, query)) {
			if r["status"] == "new" {
				return r
			}
		}
		t.Fatal("no reservation")
		return nil
	}
	plain, full := find(""), find("&includeResources=1&includeCancellationPolicy=1&includePayments=1")
	for _, name := range []string{"customFieldValues", "reservationUnit", "financeField"} {
		if len(plain[name].([]any)) != 0 || len(full[name].([]any)) == 0 {
			t.Errorf("%s: %v without, %v with", name, plain[name], full[name])
		}
	}
	if plain["hostProxyEmail"] != nil || full["hostProxyEmail"] == nil {
		t.Errorf("hostProxyEmail %v and %v", plain["hostProxyEmail"], full["hostProxyEmail"])
	}
	for _, name := range []string{"cancellationPolicyDetails", "remainingBalance"} {
		if _, there := plain[name]; there {
			t.Errorf("%s is there without being asked for", name)
		}
		if _, there := full[name]; !there {
			t.Errorf("%s is missing", name)
		}
	}
	one := get[row](k, fmt.Sprintf("/reservations/%d", id(plain, "id")))
	if one["cancellationPolicyDetails"] == nil || one["hostProxyEmail"] == nil || one["remainingBalance"] != nil {
		t.Error("GET one lacks policy or proxy address, or has an unasked balance")
	}
}
