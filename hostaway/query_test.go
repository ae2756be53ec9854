package hostaway

import (
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestListingFilterInTheQuery(t *testing.T) {
	t.Parallel()
	day := NewDate(2026, 7, 1)
	tests := []struct {
		filter ListingFilter
		want   string
	}{
		{ListingFilter{}, ""},
		{ListingFilter{Match: "Villa & Sea ü"}, "match=Villa+%26+Sea+%C3%BC"},
		{ListingFilter{City: "Lisbon", Country: "Portugal", ContactName: "Ana"}, "city=Lisbon&contactName=Ana&country=Portugal"},
		{ListingFilter{PropertyTypeID: 3, UserID: 9}, "propertyTypeId=3&userId=9"},
		{ListingFilter{AvailableFrom: day, AvailableTo: day.Add(3), Guests: 4}, "availabilityDateEnd=2026-07-04&availabilityDateStart=2026-07-01&availabilityGuestNumber=4"},
		{ListingFilter{LatestActivityFrom: day, LatestActivityTo: day}, "latestActivityEnd=2026-07-01&latestActivityStart=2026-07-01"},
		{ListingFilter{OnBookingEngine: ptr(true)}, "isBookingEngineActive=1"},
		{ListingFilter{OnBookingEngine: ptr(false)}, "isBookingEngineActive=0"},
		{ListingFilter{ActiveOnly: true}, "specialStatus%5B%5D=active"},
		{ListingFilter{Sort: SortByLatestActivityNewest}, "sortOrder=latestActivityDesc"},
		{ListingFilter{IncludeResources: true}, "includeResources=1"},
	}
	for _, test := range tests {
		if got := test.filter.query().values.Encode(); got != test.want {
			t.Errorf("%+v\nis sent as %s\nwant       %s", test.filter, got, test.want)
		}
	}
}

func TestReservationFilterInTheQuery(t *testing.T) {
	t.Parallel()
	day := NewDate(2026, 7, 1)
	tests := []struct {
		filter ReservationFilter
		want   string
	}{
		{ReservationFilter{}, ""},
		{ReservationFilter{ListingID: 101, ChannelID: ChannelAirbnb, AssigneeUserID: 5}, "assigneeUserId=5&channelId=2018&listingId=101"},
		{ReservationFilter{Match: "Anna", GuestEmail: "a+b@guest.test"}, "guestEmail=a%2Bb%40guest.test&match=Anna"},
		{ReservationFilter{ArrivalFrom: day, ArrivalTo: day.Add(1)}, "arrivalEndDate=2026-07-02&arrivalStartDate=2026-07-01"},
		{ReservationFilter{DepartureFrom: day, DepartureTo: day.Add(1)}, "departureEndDate=2026-07-02&departureStartDate=2026-07-01"},
		{ReservationFilter{LatestActivityFrom: day}, "latestActivityStart=2026-07-01"},
		{ReservationFilter{LatestActivityTo: day}, "latestActivityEnd=2026-07-01"},
		{ReservationFilter{HasUnreadMessages: ptr(true), IsStarred: ptr(false)}, "hasUnreadConversationMessages=1&isStarred=0"},
		{ReservationFilter{IsArchived: ptr(true), IsPinned: ptr(true)}, "isArchived=1&isPinned=1"},
		{ReservationFilter{CustomerUserID: "c-1", ReservationAgreement: AgreementSigned}, "customerUserId=c-1&reservationAgreement=signed"},
		{ReservationFilter{Sort: SortByUpdatedOldest}, "sortOrder=updatedOn"},
		{ReservationFilter{IncludeResources: true, IncludeCancellationPolicy: true, IncludePayments: true}, "includeCancellationPolicy=1&includePayments=1&includeResources=1"},
	}
	for _, test := range tests {
		if got := test.filter.query().values.Encode(); got != test.want {
			t.Errorf("%+v\nis sent as %s\nwant       %s", test.filter, got, test.want)
		}
	}
}

// A filter field that is not sent would be ignored in silence, which is what these types are there to prevent; and no two may be sent
// under one name. Only names that the API documents may be used.
func TestEveryFilterFieldIsSentUnderADocumentedName(t *testing.T) {
	t.Parallel()
	listings := []string{
		"sortOrder", "city", "country", "contactName", "match", "propertyTypeId", "includeResources", "availabilityDateStart",
		"availabilityDateEnd", "availabilityGuestNumber", "userId", "latestActivityStart", "latestActivityEnd",
		"isBookingEngineActive", "specialStatus[]",
	}
	reservations := []string{
		"sortOrder", "channelId", "listingId", "assigneeUserId", "match", "guestEmail", "arrivalStartDate", "arrivalEndDate",
		"departureStartDate", "departureEndDate", "latestActivityStart", "latestActivityEnd", "hasUnreadConversationMessages",
		"isStarred", "isArchived", "isPinned", "customerUserId", "reservationAgreement", "includeResources",
		"includeCancellationPolicy", "includePayments",
	}
	checkNames(t, ListingFilter{}, listings, ListingFilter.query)
	checkNames(t, ReservationFilter{}, reservations, ReservationFilter.query)
}

func checkNames[F any](t *testing.T, empty F, documented []string, encode func(F) query) {
	t.Helper()
	used := map[string]string{}
	for i := range reflect.TypeFor[F]().NumField() {
		filter := empty
		field := reflect.TypeFor[F]().Field(i)
		fill(t, reflect.ValueOf(&filter).Elem().Field(i))
		values := encode(filter).values
		if len(values) != 1 {
			t.Errorf("%T.%s alone is sent as %q", empty, field.Name, values.Encode())
		}
		for name := range values {
			if other, twice := used[name]; twice {
				t.Errorf("%T: %s and %s are both sent as %s", empty, field.Name, other, name)
			}
			used[name] = field.Name
		}
	}
	left := map[string]bool{}
	for _, name := range documented {
		left[name] = true
	}
	for name := range used {
		if !left[name] {
			t.Errorf("%T sends %s, which is not documented", empty, name)
		}
		delete(left, name)
	}
	if diff := cmp.Diff(map[string]bool{}, left); diff != "" {
		t.Errorf("%T can't express (-want +got)\n%s", empty, diff)
	}
}

func fill(t *testing.T, v reflect.Value) {
	t.Helper()
	switch {
	case v.Type() == dateReflect:
		v.Set(reflect.ValueOf(NewDate(2026, 1, 1)))
	case v.Kind() == reflect.String:
		v.SetString("x")
	case v.Kind() == reflect.Int || v.Kind() == reflect.Int64:
		v.SetInt(1)
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
	default:
		t.Fatalf("a filter has a field of type %s", v.Type())
	}
}

func TestQueriesOfTheOtherCalls(t *testing.T) {
	t.Parallel()
	day := NewDate(2026, 7, 1)
	tests := []struct {
		want string
		call func(*Client) error
	}{
		{"/v1/listings?includeResources=1&limit=100", func(c *Client) error {
			_, err := c.Listings(t.Context(), ListingFilter{IncludeResources: true}, PageRequest{})
			return err
		}},
		{"/v1/listings?limit=500&offset=40", func(c *Client) error {
			_, err := c.Listings(t.Context(), ListingFilter{}, PageRequest{Limit: 9999, Cursor: CursorAt(40)})
			return err
		}},
		{"/v1/reservations?afterId=77&limit=200", func(c *Client) error {
			_, err := c.Reservations(t.Context(), ReservationFilter{}, PageRequest{Limit: 9999, Cursor: CursorAfter(77)})
			return err
		}},
		{"/v1/conversations?limit=20&reservationId=5", func(c *Client) error {
			_, err := c.Conversations(t.Context(), ConversationFilter{ReservationID: 5}, PageRequest{Limit: 20})
			return err
		}},
		{"/v1/conversations/5/messages?includeScheduledMessages=0&limit=100&offset=100", func(c *Client) error {
			_, err := c.Messages(t.Context(), 5, PageRequest{Limit: 101, Cursor: CursorAt(100)})
			return err
		}},
		{"/v1/reservations/5/conversations", func(c *Client) error { _, err := c.ReservationConversations(t.Context(), 5); return err }},
		{"/v1/listings/5?attachObjects%5B%5D=bookingEngineUrls&includeResources=1", func(c *Client) error {
			_, err := c.Listing(t.Context(), 5, IncludeResources, IncludeBookingEngineURLs)
			return err
		}},
		{"/v1/listings/5/calendar?endDate=2026-07-03&includeResources=1&startDate=2026-07-01", func(c *Client) error {
			_, err := c.Calendar(t.Context(), 5, day, day.Add(2), IncludeResources)
			return err
		}},
		{"/v1/reservations/5?includePayments=1&includeResources=1", func(c *Client) error { _, err := c.Reservation(t.Context(), 5); return err }},
		{"/v1/conversations/5?includeResources=1", func(c *Client) error {
			_, err := c.Conversation(t.Context(), 5, IncludeResources)
			return err
		}},
		{"/v1/financeField/5", func(c *Client) error { _, err := c.FinanceFields(t.Context(), 5); return err }},
		{"/v1/financeStandardField/reservation/5", func(c *Client) error { _, err := c.StandardFinance(t.Context(), 5); return err }},
	}
	for _, test := range tests {
		api := always(rows(`[]`))
		if err := test.call(api.client(t)); CodeOf(err) != "" && CodeOf(err) != NotFound {
			t.Errorf("%s: %v", test.want, err)
		}
		if got := api.made()[0].url.RequestURI(); got != test.want {
			t.Errorf("asked for %s\nwant      %s", got, test.want)
		}
	}
}

func TestWhatCannotBeAskedIsNotSent(t *testing.T) {
	t.Parallel()
	day := NewDate(2026, 7, 1)
	ctx := t.Context()
	tests := map[string]struct {
		code Code
		call func(*Client) error
	}{
		"half an availability window": {BadInput, func(c *Client) error {
			_, err := c.Listings(ctx, ListingFilter{AvailableFrom: day}, PageRequest{})
			return err
		}},
		"an availability window backwards": {BadInput, func(c *Client) error {
			_, err := c.Listings(ctx, ListingFilter{AvailableFrom: day, AvailableTo: day.Add(-1)}, PageRequest{})
			return err
		}},
		"fewer than no guests": {BadInput, func(c *Client) error { _, err := c.Listings(ctx, ListingFilter{Guests: -1}, PageRequest{}); return err }},
		"arrivals backwards": {BadInput, func(c *Client) error {
			_, err := c.Reservations(ctx, ReservationFilter{ArrivalFrom: day, ArrivalTo: day.Add(-1)}, PageRequest{})
			return err
		}},
		"a negative listing": {BadInput, func(c *Client) error {
			_, err := c.Reservations(ctx, ReservationFilter{ListingID: -1}, PageRequest{})
			return err
		}},
		"a negative reservation": {BadInput, func(c *Client) error {
			_, err := c.Conversations(ctx, ConversationFilter{ReservationID: -1}, PageRequest{})
			return err
		}},
		"a calendar backwards":      {BadInput, func(c *Client) error { _, err := c.Calendar(ctx, 1, day, day.Add(-1)); return err }},
		"a calendar without an end": {BadInput, func(c *Client) error { _, err := c.Calendar(ctx, 1, day, Date{}); return err }},
		"a calendar of decades":     {BadInput, func(c *Client) error { _, err := c.Calendar(ctx, 1, day, day.Add(9999)); return err }},
		"a report backwards": {BadInput, func(c *Client) error {
			_, err := c.Report(ctx, ReportStandard, ReportFilter{From: day, To: day.Add(-1)})
			return err
		}},
		"an unknown report":          {BadInput, func(c *Client) error { _, err := c.Report(ctx, "../users", ReportFilter{}); return err }},
		"a listing without a name":   {BadInput, func(c *Client) error { _, err := c.CreateListing(ctx, ListingChange{City: ptr("Rome")}); return err }},
		"a listing with a blank one": {BadInput, func(c *Client) error { _, err := c.CreateListing(ctx, ListingChange{Name: ptr(" ")}); return err }},
		"no change":                  {BadInput, func(c *Client) error { _, err := c.UpdateListing(ctx, 1, ListingChange{}); return err }},
		"a cursor of another list": {BadInput, func(c *Client) error {
			_, err := c.Listings(ctx, ListingFilter{}, PageRequest{Cursor: CursorAfter(5)})
			return err
		}},
		"listing 0":                 {NotFound, func(c *Client) error { _, err := c.Listing(ctx, 0); return err }},
		"changing listing 0":        {NotFound, func(c *Client) error { _, err := c.UpdateListing(ctx, 0, ListingChange{Name: ptr("x")}); return err }},
		"reservation -1":            {NotFound, func(c *Client) error { _, err := c.Reservation(ctx, -1); return err }},
		"the calendar of listing 0": {NotFound, func(c *Client) error { _, err := c.Calendar(ctx, 0, day, day); return err }},
		"fields of reservation 0":   {NotFound, func(c *Client) error { _, err := c.FinanceFields(ctx, 0); return err }},
		"standard finance of 0":     {NotFound, func(c *Client) error { _, err := c.StandardFinance(ctx, 0); return err }},
		"conversation 0":            {NotFound, func(c *Client) error { _, err := c.Conversation(ctx, 0); return err }},
		"conversations of 0":        {NotFound, func(c *Client) error { _, err := c.ReservationConversations(ctx, 0); return err }},
		"messages of 0":             {NotFound, func(c *Client) error { _, err := c.Messages(ctx, 0, PageRequest{}); return err }},
	}
	for name, test := range tests {
		api := always(rows(`[]`))
		err := test.call(api.client(t))
		wantCode(t, err, test.code)
		if n := len(api.seen); n != 0 {
			t.Errorf("%s: %d requests were sent", name, n)
		}
	}
}
