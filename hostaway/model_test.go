package hostaway

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestWhatReservationStatusesMean(t *testing.T) {
	t.Parallel()
	// The columns: Stands, BlocksCalendar, IsOwnerStay, IsCancelled, IsRequest, IsInquiry.
	want := map[ReservationStatus]string{
		"new": "sb....", "modified": "sb....", "confirmed": "sb....", "ownerStay": ".bo...", "pending": "....r.",
		"unconfirmed": "....r.", "awaitingPayment": ".b..r.", "awaitingGuestVerification": ".b..r.", "cancelled": "...c..",
		"declined": "......", "expired": "......", "inquiry": ".....i", "inquiryPreapproved": ".....i", "inquiryDenied": ".....i",
		"inquiryTimedout": ".....i", "inquiryTimeout": ".....i", "inquiryNotPossible": ".....i", "unknown": ".....i",
		"brandNew": "......", "": "......",
	}
	for status, marks := range want {
		got := []byte("......")
		for i, is := range []bool{status.Stands(), status.BlocksCalendar(), status.IsOwnerStay(), status.IsCancelled(), status.IsRequest(), status.IsInquiry()} {
			if is {
				got[i] = "sbocri"[i]
			}
		}
		if string(got) != marks {
			t.Errorf("%q means %s, want %s", status, got, marks)
		}
	}
	for _, status := range ReservationStatuses() {
		if _, known := want[status]; !known {
			t.Errorf("%q is listed without a meaning", status)
		}
	}
}

func TestChannelNames(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, channel := range Channels() {
		name := channel.String()
		if name == "" || seen[name] || strings.HasPrefix(name, "channel ") {
			t.Errorf("channel %d has no name of its own: %q", channel, name)
		}
		seen[name] = true
	}
	if got := []string{Channel(2018).String(), Channel(2001).String(), Channel(0).String()}; !cmp.Equal(got, []string{"Airbnb", "channel 2001", ""}) {
		t.Errorf("names %q", got)
	}
}

func TestIsADayFree(t *testing.T) {
	t.Parallel()
	tests := []struct {
		day         CalendarDay
		free, known bool
	}{
		{CalendarDay{IsAvailable: ptr(true), Status: DayAvailable}, true, true},
		{CalendarDay{IsAvailable: ptr(false), Status: DayReserved}, false, true},
		{CalendarDay{Status: DayAvailable}, true, true},
		{CalendarDay{Status: DayBlocked}, false, true},
		{CalendarDay{}, false, false},
		{CalendarDay{IsAvailable: ptr(true), DesiredUnitsToSell: ptr(int64(3)), AvailableUnitsToSell: ptr(int64(0))}, false, true},
		{CalendarDay{IsAvailable: ptr(true), DesiredUnitsToSell: ptr(int64(3)), AvailableUnitsToSell: ptr(int64(1))}, true, true},
	}
	for _, test := range tests {
		if free, known := test.day.Free(); free != test.free || known != test.known {
			t.Errorf("%+v is free %v, known %v", test.day, free, known)
		}
	}
}

func TestCalendarIsCutIntoYearsAndPutInOrder(t *testing.T) {
	t.Parallel()
	api := &fakeAPI{answer: func(r *http.Request, _ int) reply {
		q := r.URL.Query()
		from, _ := ParseDate(q.Get("startDate"))
		to, _ := ParseDate(q.Get("endDate"))
		list := []string{`{"date":"1999-01-01"}`, `{"date":null}`, fmt.Sprintf(`{"date":%q}`, to)} // a foreign day, none, and one twice
		for day := to; !day.Before(from); day = day.Add(-1) {
			list = append(list, fmt.Sprintf(`{"date":%q,"isAvailable":"1","price":null}`, day))
		}
		return rows("[" + strings.Join(list, ",") + "]")
	}}
	from, to := NewDate(2026, 1, 1), NewDate(2028, 3, 1)
	days, err := api.client(t).Calendar(t.Context(), 5, from, to)
	if err != nil {
		t.Fatal(err)
	}
	if n := to.Sub(from) + 1; len(days) != n || len(api.made()) != 3 {
		t.Errorf("%d days in %d calls, want %d in 3", len(days), len(api.made()), n)
	}
	for i, day := range days {
		if day.Date != from.Add(i) {
			t.Fatalf("day %d is %v, want %v", i, day.Date, from.Add(i))
		}
	}
}

func TestCalendarIsCompleteOrAnError(t *testing.T) {
	t.Parallel()
	api := inTurn(rows(`[{"date":"2026-01-01"}]`), reply{status: 404, body: `{"status":"fail","message":"Resource not found"}`})
	days, err := api.client(t).Calendar(t.Context(), 5, NewDate(2026, 1, 1), NewDate(2027, 6, 1))
	wantCode(t, err, NotFound)
	if days != nil {
		t.Errorf("%d days came with the error", len(days))
	}
}

func TestWhenAMessageWas(t *testing.T) {
	t.Parallel()
	first, second, third := time.Unix(1, 0), time.Unix(2, 0), time.Unix(3, 0)
	for _, test := range []struct {
		message Message
		want    time.Time
	}{
		{Message{Date: &first, SentChannelDate: &second, InsertedOn: &third}, first},
		{Message{SentChannelDate: &second, InsertedOn: &third}, second},
		{Message{InsertedOn: &third}, third},
		{Message{}, time.Time{}},
	} {
		if got := test.message.At(); !got.Equal(test.want) {
			t.Errorf("%+v was at %v, want %v", test.message, got, test.want)
		}
	}
}

func TestConversationWithReservation(t *testing.T) {
	t.Parallel()
	api := always(rows(`[{"id":9,"reservationId":"41","hasUnreadMessages":true,"messageReceivedOn":"2026-07-01 10:00:00","recipientEmail":"x@proxy.test",
		"conversationMessages":[{"id":1,"body":"Hi","isIncoming":1}],"Reservation":{"id":"41","guestName":"Anna"}}]`))
	got, err := api.client(t).ReservationConversations(t.Context(), 41)
	if err != nil || len(got) != 1 {
		t.Fatalf("%d conversations, %v", len(got), err)
	}
	c := got[0]
	if *c.ReservationID != 41 || !*c.HasUnreadMessages || c.Reservation.GuestName != "Anna" || c.LatestMessages[0].Body != "Hi" || !*c.LatestMessages[0].IsIncoming {
		t.Errorf("conversation %+v", c)
	}
}

func TestMultiUnit(t *testing.T) {
	t.Parallel()
	listing, err := always(rows(`{"id":5,"listingUnits":[{"id":1,"name":"A"}],"bookingEngineUrls":["https://book.test/5"]}`)).client(t).Listing(t.Context(), 5, IncludeResources)
	if err != nil || !listing.IsMultiUnit() || (Listing{}).IsMultiUnit() || listing.BookingEngineURLs[0] != "https://book.test/5" {
		t.Errorf("listing %+v, %v", listing, err)
	}
}
