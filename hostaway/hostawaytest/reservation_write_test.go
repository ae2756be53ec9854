package hostawaytest

import (
	"fmt"
	"strings"
	"testing"
)

func booking(listing int64, from, to string, more ...any) row {
	r := row{"channelId": 2000, "listingMapId": listing, "arrivalDate": from, "departureDate": to, "guestName": "Ada Lund", "numberOfGuests": 2, "totalPrice": "512.35", "currency": "EUR"}
	for i := 0; i < len(more); i += 2 {
		r[more[i].(string)] = more[i+1]
	}
	return r
}

func TestReservationCreate(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	made := result[row](k, k.call("POST", "/reservations?provider=house-app", booking(40101, "2027-01-05", "2027-01-09", "hostNote", "VIP", "doorCode", 4711)))
	for key, want := range map[string]any{
		"nights": 4.0, "status": "new", "totalPrice": 512.35, "source": "house-app", "guestFirstName": "Ada", "guestLastName": "Lund", "adults": 2.0,
		"hostNote": "VIP", "doorCode": 4711.0, "reservationDate": "2026-03-10 09:00:00", "channelName": "direct",
	} {
		if made[key] != want {
			t.Errorf("%s is %v, want %v", key, made[key], want)
		}
	}
	if first := get[[]row](k, "/reservations?limit=1")[0]; first["id"] != made["id"] {
		t.Error("the new reservation is not the newest")
	}
	days := get[[]row](k, "/listings/40101/calendar?startDate=2027-01-04&endDate=2027-01-09&includeResources=1")
	for i, want := range []string{"available", "reserved", "reserved", "reserved", "reserved", "available"} {
		if days[i]["status"] != want {
			t.Errorf("%v is %v, want %s", days[i]["date"], days[i]["status"], want)
		}
	}
	if talks := get[[]row](k, fmt.Sprintf("/reservations/%d/conversations", id(made, "id"))); len(talks) != 1 || len(talks[0]["conversationMessages"].([]any)) != 0 {
		t.Errorf("its conversation: %v", talks)
	}
	owner := result[row](k, k.call("POST", "/reservations", booking(40101, "2027-02-05", "2027-02-09", "status", "ownerStay")))
	if owner["status"] != "ownerStay" || owner["totalPrice"] != 0.0 {
		t.Errorf("owner stay: %v, %v", owner["status"], owner["totalPrice"])
	}
}

func TestReservationCreateRefusals(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	result[row](k, k.call("POST", "/reservations", booking(40101, "2027-01-05", "2027-01-09")))
	for name, c := range map[string]struct {
		query string
		body  any
		code  int
		text  string
	}{
		"channel airbnb":    {"", booking(40101, "2027-03-01", "2027-03-02", "channelId", 2018), 400, "channelId: must be one of 2000, 2002, 2020"},
		"channel wordpress": {"", booking(40101, "2027-03-01", "2027-03-02", "channelId", 2017), 400, "channelId"},
		"no listing":        {"", booking(1, "2027-03-01", "2027-03-02"), 404, "Listing not found"},
		"no dates":          {"", row{"channelId": 2000, "listingMapId": 40101}, 400, "arrivalDate and departureDate are required"},
		"turned dates":      {"", booking(40101, "2027-03-05", "2027-03-02"), 400, "departureDate: must be after"},
		"long source":       {"?provider=" + strings.Repeat("x", 51), booking(40101, "2027-03-01", "2027-03-02"), 400, "50 characters"},
		"overbooking":       {"", booking(40101, "2027-01-08", "2027-01-12"), 400, "not available"},
		"no object":         {"", []int{1}, 400, "not valid JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			wantFail(t, k.call("POST", "/reservations"+c.query, c.body), c.code, c.text)
		})
	}
	result[row](k, k.call("POST", "/reservations?forceOverbooking=1", booking(40101, "2027-01-08", "2027-01-12")))
	result[row](k, k.call("POST", "/reservations", booking(40101, "2027-01-12", "2027-01-14"))) // arrives when the other leaves
	result[row](k, k.call("POST", "/reservations?provider="+strings.Repeat("é", 50), booking(40101, "2027-03-01", "2027-03-02")))
	for _, channel := range []int{2002, 2020} {
		result[row](k, k.call("POST", "/reservations", booking(40102, fmt.Sprintf("2027-%02d-01", channel%20+1), fmt.Sprintf("2027-%02d-03", channel%20+1), "channelId", channel)))
	}
}

func TestOnlyHoldingStatusesBlock(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	for status, blocks := range map[string]bool{
		"new": true, "modified": true, "ownerStay": true, "awaitingPayment": true, "awaitingGuestVerification": true,
		"pending": false, "unconfirmed": false, "cancelled": false, "declined": false, "expired": false, "inquiry": false, "inquiryPreapproved": false,
	} {
		held := k.account.AddReservation(Stay{ListingID: 40103, Status: status, Arrival: "2027-05-01", Departure: "2027-05-04"})
		a := k.call("POST", "/reservations", booking(40103, "2027-05-02", "2027-05-03"))
		if refused := a.Status == "fail"; refused != blocks {
			t.Errorf("%s: refused %v, want %v", status, refused, blocks)
		}
		if a.Status == "success" {
			k.account.DeleteReservation(id(result[row](k, a), "id"))
		}
		k.account.DeleteReservation(held)
	}
}

func TestReservationUpdate(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	made := result[row](k, k.call("POST", "/reservations", booking(40101, "2027-01-05", "2027-01-09")))
	path := fmt.Sprintf("/reservations/%d", id(made, "id"))
	after := result[row](k, k.call("PUT", path, row{
		"listingMapId": 40102, "status": "cancelled", "arrivalDate": "2027-01-04", "departureDate": "2027-01-10", "hostNote": "late", "isStarred": 1,
		"phone": "+1", "pets": 1, "customFieldValues": []row{{"customFieldId": 601, "value": "changed"}}, "guestName": nil,
	}))
	for key, want := range map[string]any{
		"listingMapId": 40101.0, "status": "modified", "nights": 6.0, "previousArrivalDate": "2027-01-05", "previousDepartureDate": "2027-01-09",
		"hostNote": "late", "isStarred": 1.0, "phone": "+1", "pets": 1.0, "guestName": "Ada Lund", "totalPrice": 512.35,
	} {
		if after[key] != want {
			t.Errorf("%s is %v, want %v", key, after[key], want)
		}
	}
	if strings.Contains(jsonText(after["customFieldValues"]), "changed") {
		t.Error("custom fields were kept: the real server answers success and forgets them")
	}
	k.account.AddReservation(Stay{ListingID: 40101, Arrival: "2027-01-12", Departure: "2027-01-15"})
	wantFail(t, k.call("PUT", path, row{"departureDate": "2027-01-13"}), 400, "not available")
	wantFail(t, k.call("PUT", path, row{"departureDate": "2027-01-01"}), 400, "must be after")
	result[row](k, k.call("PUT", path+"?forceOverbooking=1", row{"departureDate": "2027-01-13"}))
}

func TestChannelReservationsAreLockedWith403WithoutAuthWords(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	made := k.account.AddReservation(Stay{ListingID: 40101, ChannelID: 2018, Arrival: "2027-01-05", Departure: "2027-01-09", BaseRate: "100"})
	path := fmt.Sprintf("/reservations/%d", made)
	a := k.call("PUT", path, row{"departureDate": "2027-01-12"})
	wantFail(t, a, 403, "managed by its channel")
	if strings.Contains(a.body, "authorization") || strings.Contains(a.body, "denied") {
		t.Errorf("reads like a token denial: %s", a.body)
	}
	if after := result[row](k, k.call("PUT", path, row{"doorCode": "1234"})); after["doorCode"] != "1234" {
		t.Errorf("door code %v", after["doorCode"])
	}
}

func TestReservationCancel(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	made := result[row](k, k.call("POST", "/reservations", booking(40101, "2027-01-05", "2027-01-09")))
	path := fmt.Sprintf("/reservations/%d", id(made, "id"))
	wantFail(t, k.call("PUT", path+"/statuses/cancelled", row{}), 400, "cancelledBy")
	wantFail(t, k.call("PUT", path+"/statuses/cancelled", row{"cancelledBy": "cat"}), 400, "cancelledBy")
	got := result[row](k, k.call("PUT", path+"/statuses/cancelled", row{"cancelledBy": "guest"}))
	if got["status"] != "cancelled" || got["cancelledBy"] != "guest" || got["cancellationDate"] != "2026-03-10 09:00:00" {
		t.Errorf("%v by %v on %v", got["status"], got["cancelledBy"], got["cancellationDate"])
	}
	wantFail(t, k.call("PUT", path+"/statuses/cancelled", row{"cancelledBy": "guest"}), 400, "already cancelled")
	if days := get[[]row](k, "/listings/40101/calendar?startDate=2027-01-05&endDate=2027-01-08"); days[0]["isAvailable"] != 1.0 {
		t.Error("the calendar is not free again")
	}
}

func TestReservationDelete(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	total := k.call("GET", "/reservations?limit=1", nil).Count.(float64)
	victim := k.account.Landmarks().InHouse
	talk := get[[]row](k, fmt.Sprintf("/reservations/%d/conversations", victim))[0]
	path := fmt.Sprintf("/reservations/%d", victim)
	if a := k.call("DELETE", path, nil); a.Status != "success" {
		t.Fatalf("%s", a.body)
	}
	wantFail(t, k.call("GET", path, nil), 404, "Reservation not found")
	wantFail(t, k.call("GET", fmt.Sprintf("/conversations/%d", id(talk, "id")), nil), 404, "Conversation not found")
	if got := k.call("GET", "/reservations?limit=1", nil).Count; got != total-1 {
		t.Errorf("%v rows left of %v", got, total)
	}
}

func TestReservationLogs(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	made := result[row](k, k.call("POST", "/reservations", booking(40101, "2027-01-05", "2027-01-09")))
	path := fmt.Sprintf("/reservations/%d", id(made, "id"))
	if rows := get[[]row](k, path+"/logs"); len(rows) != 0 {
		t.Errorf("a fresh reservation has logs: %v", rows)
	}
	k.call("PUT", path, row{"arrivalDate": "2027-01-04"})
	k.call("PUT", path, row{"hostNote": "quiet please"})
	k.call("PUT", path+"/statuses/cancelled", row{"cancelledBy": "host"})
	a := k.call("GET", path+"/logs", nil)
	rows := result[[]row](k, a)
	if a.Count != nil || a.Offset != nil {
		t.Errorf("the whole trail carries count %v, offset %v", a.Count, a.Offset)
	}
	var got []string
	for _, r := range rows {
		got = append(got, fmt.Sprintf("%v:%v>%v", r["updatedField"], r["previousValue"], r["newValue"]))
	}
	want := "status:modified>cancelled cancelledBy:>host hostNote:>quiet please status:new>modified arrivalDate:2027-01-05>2027-01-04"
	if strings.Join(got, " ") != want {
		t.Errorf("trail\n%s, want newest first\n%s", strings.Join(got, " "), want)
	}
	a = k.call("GET", path+"/logs?limit=2&offset=1", nil)
	if rows := result[[]row](k, a); len(rows) != 2 || a.Count != 5.0 || rows[0]["updatedFieldLabel"] != "Cancelled by" {
		t.Errorf("a page of the trail: %v", a.body)
	}
	for _, r := range get[[]row](k, "/reservations?limit=200") {
		if r["status"] == "modified" {
			if rows := get[[]row](k, fmt.Sprintf("/reservations/%d/logs", id(r, "id"))); len(rows) == 0 {
				t.Error("a modified stay of the world has no trail")
			}
			break
		}
	}
}
