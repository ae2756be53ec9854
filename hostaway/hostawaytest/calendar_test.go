package hostawaytest

import (
	"fmt"
	"strings"
	"testing"
)

func days(k *kit, listing int64, from, to string) []row {
	k.t.Helper()
	return get[[]row](k, fmt.Sprintf("/listings/%d/calendar?startDate=%s&endDate=%s&includeResources=1", listing, from, to))
}

func TestCalendarDaysComeFromPriceSeasonAndReservations(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.account.SetListing(40104, "price", 200)
	k.account.AddReservation(Stay{ListingID: 40104, Arrival: "2027-07-05", Departure: "2027-07-07", GuestName: "Ada Lund"})
	k.account.AddReservation(Stay{ListingID: 40104, Arrival: "2027-07-10", Departure: "2027-07-11", Status: "pending"})
	k.account.AddReservation(Stay{ListingID: 40104, Arrival: "2027-07-11", Departure: "2027-07-12", Status: "inquiry"})
	got := days(k, 40104, "2027-07-04", "2027-07-11")
	want := []struct {
		date, status string
		price, open  float64
		stays        int
	}{
		{"2027-07-04", "available", 276, 1, 0}, // July costs 138 % of the base price
		{"2027-07-05", "reserved", 276, 0, 1},
		{"2027-07-06", "reserved", 276, 0, 1},
		{"2027-07-07", "available", 276, 1, 0},
		{"2027-07-08", "available", 276, 1, 0},
		{"2027-07-09", "available", 331, 1, 0}, // Friday and Saturday 120 % of that
		{"2027-07-10", "pending", 331, 1, 1},
		{"2027-07-11", "available", 276, 1, 0},
	}
	if len(got) != len(want) {
		t.Fatalf("%d days", len(got))
	}
	for i, w := range want {
		d := got[i]
		if d["date"] != w.date || d["status"] != w.status || d["price"] != w.price || d["isAvailable"] != w.open || len(d["reservations"].([]any)) != w.stays {
			t.Errorf("day %v, want %+v", d, w)
		}
	}
	if name := got[1]["reservations"].([]any)[0].(row)["guestName"]; name != "Ada Lund" {
		t.Errorf("guest in the calendar: %v", name)
	}
	plain := get[[]row](k, "/listings/40104/calendar?startDate=2027-07-05&endDate=2027-07-05")
	if len(plain[0]["reservations"].([]any)) != 0 {
		t.Error("reservations without includeResources")
	}
	if rows := get[[]row](k, "/listings/40104/calendar"); len(rows) != 61 || rows[0]["date"] != testToday {
		t.Errorf("default window: %d days from %v", len(rows), rows[0]["date"])
	}
}

func TestCalendarPutAppliesAndAnswersTheAffectedDays(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	path := "/listings/40104/calendar"
	got := result[[]row](k, k.call("PUT", path, row{
		"startDate": "2027-06-04", "endDate": "2027-06-06", "isAvailable": 0, "price": 99.5, "minimumStay": 3, "maximumStay": "9",
		"closedOnArrival": true, "closedOnDeparture": 1, "note": "painter",
	}))
	if len(got) != 3 {
		t.Fatalf("%d days", len(got))
	}
	for key, want := range map[string]any{
		"date": "2027-06-04", "status": "blocked", "isAvailable": 0.0, "price": 99.5, "minimumStay": 3.0, "maximumStay": 9.0,
		"closedOnArrival": 1.0, "closedOnDeparture": 1.0, "note": "painter",
	} {
		if got[0][key] != want {
			t.Errorf("%s is %v, want %v", key, got[0][key], want)
		}
	}
	wantFail(t, k.call("POST", "/reservations", booking(40104, "2027-06-03", "2027-06-05")), 400, "not available")
	k.call("PUT", path, row{"startDate": "2027-06-04", "endDate": "2027-06-04", "isAvailable": 1, "note": ""})
	after := days(k, 40104, "2027-06-04", "2027-06-05")
	if after[0]["status"] != "available" || after[0]["price"] != 99.5 || after[0]["note"] != nil || after[1]["status"] != "blocked" {
		t.Errorf("a second change did not merge: %v", after)
	}
}

func TestCalendarPutRefusals(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	for name, c := range map[string]struct{ body, text string }{
		"no dates":       {`{"price":5}`, "startDate and endDate are required"},
		"the docs' typo": {`{"starDate":"2027-06-04","endDate":"2027-06-05"}`, "startDate"},
		"turned":         {`{"startDate":"2027-06-05","endDate":"2027-06-04"}`, "endDate"},
		"negative price": {`{"startDate":"2027-06-04","endDate":"2027-06-05","price":-1}`, "price"},
		"price text":     {`{"startDate":"2027-06-04","endDate":"2027-06-05","price":"much"}`, "price"},
		"zero stay":      {`{"startDate":"2027-06-04","endDate":"2027-06-05","minimumStay":0}`, "minimumStay"},
		"not JSON":       {`{`, "not valid JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			wantFail(t, k.send("PUT", "/listings/40104/calendar", strings.NewReader(c.body), "application/json", k.token), 400, c.text)
		})
	}
	wantFail(t, k.call("GET", "/listings/40104/calendar?startDate=2027-06-05&endDate=2027-06-04", nil), 400, "endDate")
	wantFail(t, k.call("GET", "/listings/40104/calendar?startDate=2027-06-05&endDate=2090-06-04", nil), 400, "endDate")
}

func TestCalendarIntervalsTakeAtMost200(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	intervals := func(n int) []row {
		out := make([]row, n)
		for i := range out {
			d := (mustDay("2027-06-01") + day(i)).String()
			out[i] = row{"startDate": d, "endDate": d, "price": 50 + i}
		}
		return out
	}
	const path = "/listings/40104/calendarIntervals"
	wantFail(t, k.call("PUT", path, intervals(201)), 400, "200")
	if a := k.call("PUT", path, intervals(200)); a.Status != "success" || string(a.Result) != "[]" {
		t.Fatalf("%s", a.body)
	}
	got := days(k, 40104, "2027-06-01", "2027-06-03")
	if got[0]["price"] != 50.0 || got[2]["price"] != 52.0 {
		t.Errorf("prices %v %v", got[0]["price"], got[2]["price"])
	}
	wantFail(t, k.call("PUT", path, row{"startDate": "2027-06-01"}), 400, "array")
	bad := append(intervals(1), row{"startDate": "2027-06-02"})
	bad[0]["price"] = 777
	wantFail(t, k.call("PUT", path, bad), 400, "required")
	if got := days(k, 40104, "2027-06-01", "2027-06-01"); got[0]["price"] != 50.0 {
		t.Error("a refused batch was half applied")
	}
}

func TestMultiUnitCounters(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	multi := k.account.Landmarks().MultiUnitListing
	for range 2 {
		k.account.AddReservation(Stay{ListingID: multi, Arrival: "2027-06-01", Departure: "2027-06-03"})
	}
	k.account.AddReservation(Stay{ListingID: multi, Arrival: "2027-06-01", Departure: "2027-06-02", Status: "pending"})
	k.call("PUT", fmt.Sprintf("/listings/%d/calendar", multi), row{"startDate": "2027-06-02", "endDate": "2027-06-02", "desiredUnitsToSell": 1})
	k.call("PUT", fmt.Sprintf("/listings/%d/calendar", multi), row{"startDate": "2027-06-03", "endDate": "2027-06-03", "desiredUnitsToSell": 0})
	for i, want := range []string{
		"available open=1 units=4 left=2 held=2 pending=1 blocked=0", "available open=1 units=4 left=1 held=2 pending=0 blocked=1",
		"blocked open=0 units=4 left=0 held=0 pending=0 blocked=4",
	} {
		d := days(k, multi, "2027-06-01", "2027-06-03")[i]
		got := fmt.Sprintf("%v open=%v units=%v left=%v held=%v pending=%v blocked=%v", d["status"], d["isAvailable"], d["countAvailableUnits"],
			d["availableUnitsToSell"], d["countBlockingReservations"], d["countPendingUnits"], d["countBlockedUnits"])
		if got != want {
			t.Errorf("day %d: %s, want %s", i, got, want)
		}
	}
	for n := range 3 {
		a := k.call("POST", "/reservations", booking(multi, "2027-06-01", "2027-06-02"))
		if refused := a.Status == "fail"; refused != (n == 2) {
			t.Errorf("party %d: %s", n+3, a.Status)
		}
	}
}
