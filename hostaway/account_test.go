package hostaway_test

// account_test.go: the client against a whole Hostaway account that keeps state.

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"hostaway-mcp/hostaway"
	"hostaway-mcp/hostaway/hostawaytest"
)

// All shapes in which Hostaway has been seen to answer must give the same rows, pages and reasons.
func TestEveryShapeOfAnswerGivesTheSame(t *testing.T) {
	t.Parallel()
	shapes := map[string]hostawaytest.Options{
		"usual":            {},
		"page keys":        {Envelope: hostawaytest.Envelope{PageKeys: true}},
		"no count":         {Envelope: hostawaytest.Envelope{NoCount: true}},
		"count as text":    {Envelope: hostawaytest.Envelope{CountAsString: true}},
		"errors in result": {Envelope: hostawaytest.Envelope{ErrorsInResult: true}},
		"fail with 200":    {Envelope: hostawaytest.Envelope{FailWith200: true}},
		"wrapped token":    {WrapToken: true},
	}
	for name, options := range shapes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, account, client := newAccount(t, options)
			if want := account.ListingIDs(); len(want) != 12 {
				t.Fatalf("the account has listings %v", want)
			}
			var listings []int64
			walk, err := client.AllListings(t.Context(), hostaway.ListingFilter{}, 10, func(rows []hostaway.Listing) error {
				for _, row := range rows {
					listings = append(listings, row.ID)
				}
				return nil
			})
			slices.Sort(listings)
			if diff := cmp.Diff(account.ListingIDs(), listings); diff != "" || err != nil || !walk.Complete {
				t.Errorf("listings: %+v, %v (-want +got)\n%s", walk, err, diff)
			}
			counted := 0
			page, err := client.Reservations(t.Context(), hostaway.ReservationFilter{}, hostaway.PageRequest{})
			if err != nil || (page.Total == nil) != options.Envelope.NoCount {
				t.Fatalf("total %v, %v", page.Total, err)
			}
			all, err := client.AllReservations(t.Context(), hostaway.ReservationFilter{}, 100, func(rows []hostaway.Reservation) error {
				counted += len(rows)
				return nil
			})
			if err != nil || !all.Complete || counted != all.Rows || page.Total != nil && counted != *page.Total {
				t.Errorf("reservations: %+v, %d visited, %v", all, counted, err)
			}
			if active, err := client.CountActiveListings(t.Context()); err != nil || active != 11 {
				t.Errorf("%d active listings, %v", active, err)
			}
			_, err = client.UpdateListing(t.Context(), account.Landmarks().ArchivedListing, hostaway.ListingChange{Name: new("x")})
			if hostaway.CodeOf(err) != hostaway.Refused || !strings.Contains(strings.ToLower(err.Error()), "archived") {
				t.Errorf("changing an archived listing: %v", err)
			}
			if _, err := client.Listing(t.Context(), 1); hostaway.CodeOf(err) != hostaway.NotFound {
				t.Errorf("an unknown listing: %v", err)
			}
			_ = server
		})
	}
}

func TestMessyRowsKeepTheirPlace(t *testing.T) {
	t.Parallel()
	_, account, client := newAccount(t, hostawaytest.Options{})
	marks := account.Landmarks()
	get := func(id int64) hostaway.Reservation {
		t.Helper()
		r, err := client.Reservation(t.Context(), id)
		if err != nil || r.ID != id || r.ListingID == 0 || r.Status == "" || r.ArrivalDate == nil {
			t.Fatalf("reservation %d: %+v, %v", id, r, err)
		}
		return r
	}
	if r := get(marks.NoGuestName); r.GuestName != "" {
		t.Errorf("a missing guest name became %q", r.GuestName)
	}
	if r := get(marks.ZeroNights); r.Nights == nil || *r.Nights != 0 {
		t.Errorf("zero nights became %v", r.Nights)
	}
	if r := get(marks.NullMoney); r.TotalPrice != nil {
		t.Errorf("no price became %v", r.TotalPrice)
	}
	if r := get(marks.Quoted); r.Nights == nil || r.TotalPrice == nil || r.DepartureDate.Sub(*r.ArrivalDate) != int(*r.Nights) {
		t.Errorf("quoted numbers became %v nights, %v", r.Nights, r.TotalPrice)
	}
	if r := get(marks.OwnerStay); !r.Status.IsOwnerStay() || r.Status.Stands() {
		t.Errorf("the owner's stay has status %q", r.Status)
	}
	if r := get(marks.CancelledKept); !r.Status.IsCancelled() || r.CancelledBy == "" || r.CancellationDate == nil {
		t.Errorf("the cancelled reservation is %q by %q on %v", r.Status, r.CancelledBy, r.CancellationDate)
	}
	if r := get(marks.Inquiry); !r.Status.IsInquiry() {
		t.Errorf("the inquiry has status %q", r.Status)
	}
	listing, err := client.Listing(t.Context(), marks.MultiUnitListing, hostaway.IncludeResources)
	if err != nil || len(listing.Units) != 4 || len(listing.Amenities) == 0 || listing.TimeZoneName == "" {
		t.Errorf("the listing with units: %d units, %d amenities, %v", len(listing.Units), len(listing.Amenities), err)
	}
	bare, err := client.Listing(t.Context(), marks.BareListing)
	if err != nil || bare.Description != "" || bare.Name == "" {
		t.Errorf("the bare listing: %q, %v", bare.Description, err)
	}
}

func TestFiltersFilter(t *testing.T) {
	t.Parallel()
	_, account, client := newAccount(t, hostawaytest.Options{})
	listing := account.ListingIDs()[0]
	from, to := hostaway.NewDate(2026, 9, 1), hostaway.NewDate(2026, 9, 30)
	page, err := client.Reservations(t.Context(), hostaway.ReservationFilter{ListingID: listing, ArrivalFrom: from, ArrivalTo: to}, hostaway.PageRequest{})
	if err != nil || len(page.Items) == 0 || !page.Next.IsZero() {
		t.Fatalf("%d reservations, next %q, %v", len(page.Items), page.Next, err)
	}
	for _, r := range page.Items {
		if r.ListingID != listing || r.ArrivalDate.Before(from) || r.ArrivalDate.After(to) {
			t.Errorf("reservation %d of listing %d arrives on %v", r.ID, r.ListingID, r.ArrivalDate)
		}
	}
	unread, err := client.Reservations(t.Context(), hostaway.ReservationFilter{HasUnreadMessages: new(true)}, hostaway.PageRequest{Limit: 5})
	if err != nil || unread.Total == nil || *unread.Total == 0 {
		t.Errorf("unread: %v, %v", unread.Total, err)
	}
	everything, err := client.Reservations(t.Context(), hostaway.ReservationFilter{}, hostaway.PageRequest{Limit: 1})
	if err != nil || *everything.Total <= *unread.Total {
		t.Errorf("all: %v, %v", everything.Total, err)
	}
}

func TestCalendarAndMoneyOfAnAccount(t *testing.T) {
	t.Parallel()
	_, account, client := newAccount(t, hostawaytest.Options{})
	id := account.AddReservation(hostawaytest.Stay{
		ListingID: account.ListingIDs()[0], ChannelID: 2018, Arrival: "2027-11-01", Departure: "2027-11-04", BaseRate: "840.50", CleaningFee: "60.25",
	})
	days, err := client.Calendar(t.Context(), account.ListingIDs()[0], hostaway.NewDate(2027, 10, 30), hostaway.NewDate(2027, 11, 5))
	if err != nil {
		t.Fatal(err)
	}
	var free []string
	for _, day := range days {
		if f, known := day.Free(); f && known {
			free = append(free, day.Date.String())
		}
	}
	if diff := cmp.Diff([]string{"2027-10-30", "2027-10-31", "2027-11-04", "2027-11-05"}, free); diff != "" || len(days) != 7 {
		t.Errorf("free nights among %d (-want +got)\n%s", len(days), diff)
	}
	fields, err := client.FinanceFields(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	sum := decimal.Zero
	for _, field := range fields {
		if field.Type == hostaway.FinanceAccommodation || field.Type == hostaway.FinanceFee {
			sum = sum.Add(*field.Total)
		}
	}
	if sum.String() != "900.75" {
		t.Errorf("accommodation and fees come to %s", sum)
	}
	standard, err := client.StandardFinance(t.Context(), id)
	if err != nil || standard.Amounts["baseRate"].String() != "840.5" {
		t.Errorf("standard finance %v, %v", standard.Amounts, err)
	}
	for _, kind := range []hostaway.ReportKind{hostaway.ReportStandard, hostaway.ReportCalculated, hostaway.ReportConsolidated, hostaway.ReportListingFinancials} {
		report, err := client.Report(t.Context(), kind, hostaway.ReportFilter{From: hostaway.NewDate(2026, 9, 1), To: hostaway.NewDate(2026, 9, 30), DateType: hostaway.ReportByArrival})
		if err != nil || len(report.Columns) == 0 || len(report.Rows) == 0 {
			t.Errorf("%s: %d columns, %d rows, %v", kind, len(report.Columns), len(report.Rows), err)
		}
	}
	account.SetReports(false)
	_, err = client.Report(t.Context(), hostaway.ReportConsolidated, hostaway.ReportFilter{})
	if err == nil {
		t.Error("a report came although reports are switched off")
	}
}

func TestConversationsOfAnAccount(t *testing.T) {
	t.Parallel()
	_, account, client := newAccount(t, hostawaytest.Options{})
	thread := account.Landmarks().HugeThread
	kinds := map[hostaway.CommunicationType]bool{}
	total := 0
	walk, err := client.AllMessages(t.Context(), thread, 20, func(rows []hostaway.Message) error {
		for _, m := range rows {
			if m.At().IsZero() || m.IsIncoming == nil || m.Status != hostaway.MessageSent {
				return fmt.Errorf("message %+v", m)
			}
			kinds[m.CommunicationType] = true
			total++
		}
		return nil
	})
	if err != nil || !walk.Complete || total <= 100 || walk.Pages < 2 {
		t.Errorf("%+v, %d messages, %v, %v", walk, total, slices.Collect(maps.Keys(kinds)), err)
	}
	conversation, err := client.Conversation(t.Context(), thread, hostaway.IncludeResources)
	if err != nil || conversation.Reservation == nil || len(conversation.LatestMessages) != 1 {
		t.Fatalf("%+v, %v", conversation, err)
	}
	same, err := client.ReservationConversations(t.Context(), *conversation.ReservationID)
	if err != nil || len(same) == 0 || same[0].ID != thread {
		t.Errorf("%d conversations of reservation %d, %v", len(same), *conversation.ReservationID, err)
	}
	page, err := client.Conversations(t.Context(), hostaway.ConversationFilter{ReservationID: *conversation.ReservationID}, hostaway.PageRequest{})
	if err != nil || len(page.Items) != len(same) {
		t.Errorf("%d conversations by filter, %v", len(page.Items), err)
	}
}

func TestChangingListings(t *testing.T) {
	t.Parallel()
	_, account, client := newAccount(t, hostawaytest.Options{})
	id := account.ListingIDs()[0]
	before, err := client.Listing(t.Context(), id, hostaway.IncludeResources)
	if err != nil {
		t.Fatal(err)
	}
	change := hostaway.ListingChange{Name: new("Renamed"), CleaningFee: new(decimal.RequireFromString("77.35")), InstantBookable: new(!*before.InstantBookable)}
	after, err := client.UpdateListing(t.Context(), id, change)
	if err != nil || len(change.Diff(after)) != 0 || len(change.Diff(before)) != 3 {
		t.Errorf("%v; not taken over: %v", err, change.Diff(after))
	}
	again, err := client.Listing(t.Context(), id, hostaway.IncludeResources)
	if err != nil || again.Name != "Renamed" || again.City != before.City || len(again.Images) != len(before.Images) || len(again.Amenities) != len(before.Amenities) {
		t.Errorf("the rest of the listing changed: %+v, %v", again, err)
	}
	_, err = client.UpdateListing(t.Context(), id, hostaway.ListingChange{CancellationPolicy: new(hostaway.CancellationPolicy("whatever"))})
	if hostaway.CodeOf(err) != hostaway.Refused || !strings.Contains(err.Error(), "cancellationPolicy") {
		t.Errorf("a bad policy: %v", err)
	}
	created, err := client.CreateListing(t.Context(), hostaway.ListingChange{Name: new("Brand new"), Price: new(decimal.NewFromInt(90))})
	if err != nil || !slices.Contains(account.ListingIDs(), created.ID) || created.Price.String() != "90" {
		t.Errorf("created %+v, %v", created, err)
	}
}
