package hostaway

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
)

func TestTheBodyOfAListingChange(t *testing.T) {
	t.Parallel()
	money := decimal.RequireFromString
	tests := []struct {
		change ListingChange
		want   string
	}{
		{ListingChange{Name: ptr("Sea view")}, `{"name":"Sea view"}`},
		{ListingChange{Price: ptr(money("129.90")), CleaningFee: ptr(money("0"))}, `{"cleaningFee":0,"price":129.9}`},
		{ListingChange{Price: ptr(money("9007199254740993.01"))}, `{"price":9007199254740993.01}`},
		{ListingChange{InstantBookable: ptr(false)}, `{"instantBookable":0}`},
		{ListingChange{InstantBookable: ptr(true), MinNights: ptr(int64(2))}, `{"instantBookable":1,"minNights":2}`},
		{ListingChange{Description: ptr("")}, `{"description":""}`},
		{ListingChange{CancellationPolicy: ptr(PolicyFirm), RoomType: ptr(EntireHome)}, `{"cancellationPolicy":"firm","roomType":"entire_home"}`},
	}
	for _, test := range tests {
		api := always(rows(`{"id":5}`))
		if _, err := api.client(t).UpdateListing(t.Context(), 5, test.change); err != nil {
			t.Fatal(err)
		}
		made := api.made()[0]
		if made.body != test.want || made.method != "PUT" || made.url.Path != "/v1/listings/5" || made.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s sent %s\nwant %s", made.method, made.url.Path, made.body, test.want)
		}
	}
}

// Lists can't be in a change: Hostaway replaces what it has by what it is sent, and deletes everything for an empty list.
func TestAListingChangeHoldsNoLists(t *testing.T) {
	t.Parallel()
	typ := reflect.TypeFor[ListingChange]()
	listing := map[string]reflect.Type{}
	for i := range reflect.TypeFor[Listing]().NumField() {
		field := reflect.TypeFor[Listing]().Field(i)
		listing[jsonName(field)] = field.Type
	}
	for i := range typ.NumField() {
		field := typ.Field(i)
		if field.Type.Kind() != reflect.Pointer || field.Type.Elem().Kind() == reflect.Slice {
			t.Errorf("%s is a %s", field.Name, field.Type)
		}
		have, ok := listing[jsonName(field)]
		if !ok {
			t.Errorf("%s is not a field of a listing, so nobody can see whether it was taken over", field.Name)
		} else if have != field.Type && have != field.Type.Elem() {
			t.Errorf("%s is a %s in a change and a %s in a listing", field.Name, field.Type, have)
		}
	}
}

func TestCreateListing(t *testing.T) {
	t.Parallel()
	api := always(rows(`{"id":"801","name":"Sea view","specialStatus":null}`))
	listing, err := api.client(t).CreateListing(t.Context(), ListingChange{Name: ptr("Sea view"), City: ptr("Porto")})
	if err != nil || listing.ID != 801 || listing.IsArchived() {
		t.Errorf("listing %+v, %v", listing, err)
	}
	made := api.made()[0]
	if made.method != "POST" || made.url.Path != "/v1/listings" || made.body != `{"city":"Porto","name":"Sea view"}` {
		t.Errorf("%s %s sent %s", made.method, made.url.Path, made.body)
	}
}

func TestDiffOfAListingChange(t *testing.T) {
	t.Parallel()
	var listing Listing
	if err := json.Unmarshal([]byte(`{"name":"Old","price":"100","instantBookable":false,"minNights":2,"cancellationPolicy":"firm"}`), &listing); err != nil {
		t.Fatal(err)
	}
	money := decimal.RequireFromString
	change := ListingChange{
		Name: ptr("New"), Price: ptr(money("100.00")), CleaningFee: ptr(money("35.5")), InstantBookable: ptr(true),
		MinNights: ptr(int64(3)), CancellationPolicy: ptr(PolicyFirm),
	}
	want := []ListingDifference{
		{"name", "Old", "New"}, {"cleaningFee", "", "35.5"}, {"minNights", "2", "3"}, {"instantBookable", "false", "true"},
	}
	if diff := cmp.Diff(want, change.Diff(listing)); diff != "" {
		t.Errorf("differences (-want +got)\n%s", diff)
	}
	if !(ListingChange{}).IsEmpty() || change.IsEmpty() {
		t.Error("IsEmpty is wrong")
	}
}
