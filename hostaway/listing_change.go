package hostaway

// listing_change.go: creating and changing listings (Hostaway docs, Listings, 2026-10).

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"
)

// ListingChange holds the fields of a listing to write. A nil field is left out of the request, and Hostaway then keeps what it
// has; a field cannot be cleared by null. Sub-lists (amenities, beds, images, custom fields) can't be written here, because
// sending one replaces the stored rows and an empty one deletes them all.
type ListingChange struct {
	Name                *string `json:"name,omitempty"`
	InternalListingName *string `json:"internalListingName,omitempty"`
	Description         *string `json:"description,omitempty"`
	PropertyTypeID      *int64  `json:"propertyTypeId,omitempty"`

	CountryCode   *string          `json:"countryCode,omitempty"` // ISO 3166-1 alpha-2
	State         *string          `json:"state,omitempty"`
	City          *string          `json:"city,omitempty"`
	Street        *string          `json:"street,omitempty"`
	Address       *string          `json:"address,omitempty"`
	PublicAddress *string          `json:"publicAddress,omitempty"`
	Zipcode       *string          `json:"zipcode,omitempty"`
	Lat           *decimal.Decimal `json:"lat,omitempty"`
	Lng           *decimal.Decimal `json:"lng,omitempty"`
	TimeZoneName  *string          `json:"timeZoneName,omitempty"` // IANA name

	PersonCapacity  *int64           `json:"personCapacity,omitempty"`
	RoomType        *RoomType        `json:"roomType,omitempty"`
	BathroomType    *string          `json:"bathroomType,omitempty"`
	SquareMeters    *int64           `json:"squareMeters,omitempty"`
	BedroomsNumber  *int64           `json:"bedroomsNumber,omitempty"`
	BedsNumber      *int64           `json:"bedsNumber,omitempty"`
	BathroomsNumber *decimal.Decimal `json:"bathroomsNumber,omitempty"`

	Price                   *decimal.Decimal `json:"price,omitempty"`        // base price of a night
	CurrencyCode            *string          `json:"currencyCode,omitempty"` // ISO 4217
	GuestsIncluded          *int64           `json:"guestsIncluded,omitempty"`
	PriceForExtraPerson     *decimal.Decimal `json:"priceForExtraPerson,omitempty"`
	CleaningFee             *decimal.Decimal `json:"cleaningFee,omitempty"`
	WeeklyDiscount          *decimal.Decimal `json:"weeklyDiscount,omitempty"`  // a factor
	MonthlyDiscount         *decimal.Decimal `json:"monthlyDiscount,omitempty"` // a factor
	RefundableDamageDeposit *decimal.Decimal `json:"refundableDamageDeposit,omitempty"`

	MinNights          *int64              `json:"minNights,omitempty"`
	MaxNights          *int64              `json:"maxNights,omitempty"`
	CheckInTimeStart   *int64              `json:"checkInTimeStart,omitempty"` // local hour, 0 to 23
	CheckInTimeEnd     *int64              `json:"checkInTimeEnd,omitempty"`   // local hour, 0 to 23
	CheckOutTime       *int64              `json:"checkOutTime,omitempty"`     // local hour, 0 to 23
	InstantBookable    *bool               `json:"instantBookable,omitempty"`
	CancellationPolicy *CancellationPolicy `json:"cancellationPolicy,omitempty"`
	HouseRules         *string             `json:"houseRules,omitempty"`
	Language           *string             `json:"language,omitempty"` // ISO 639-1

	ContactName    *string `json:"contactName,omitempty"`
	ContactSurName *string `json:"contactSurName,omitempty"`
	ContactPhone1  *string `json:"contactPhone1,omitempty"`
	ContactEmail   *string `json:"contactEmail,omitempty"`
}

// ListingDifference is one field in which a listing differs from a change.
type ListingDifference struct {
	Field string // the API's name, e.g. "cleaningFee"
	Have  string // the listing's value as text; empty when unknown
	Want  string // the value in the change as text
}

// CreateListing creates a listing, of which at least the name must be given. It is not repeated after an unclear failure, because
// Hostaway has no way to tell the second of two equal requests: after TimedOut or Unreachable look whether the listing is there.
func (c *Client) CreateListing(ctx context.Context, change ListingChange) (Listing, error) {
	const op = "create listing"
	if change.Name == nil || strings.TrimSpace(*change.Name) == "" {
		return Listing{}, doing(op, badInput("a new listing needs a name"))
	}
	return c.writeListing(ctx, op, http.MethodPost, "/listings", change)
}

// UpdateListing changes fields of a listing and gives the listing as Hostaway then has it. Hostaway answers with success even if it
// ignored a field: compare with Diff. NotFound when the account has no such listing, Refused for archived ones.
func (c *Client) UpdateListing(ctx context.Context, id int64, change ListingChange) (Listing, error) {
	const op = "update listing"
	if id <= 0 {
		return Listing{}, doing(op, noSuchID())
	}
	if change.IsEmpty() {
		return Listing{}, doing(op, badInput("there is nothing to change: give at least one field"))
	}
	return c.writeListing(ctx, op, http.MethodPut, "/listings/"+itoa(id), change)
}

func (c *Client) writeListing(ctx context.Context, op, method, path string, change ListingChange) (Listing, error) {
	body, err := json.Marshal(change.body())
	if err != nil {
		return Listing{}, doing(op, badInput("the change can't be written as JSON"))
	}
	return fetchOne[Listing](ctx, c, call{
		op: op, method: method, path: path, query: newQuery(), body: body, contentType: "application/json",
	})
}

// IsEmpty tells whether no field is set.
func (l ListingChange) IsEmpty() bool { return len(l.body()) == 0 }

// body gives the set fields as the API takes them: booleans as 0 and 1, amounts as numbers with all their digits.
func (l ListingChange) body() map[string]any {
	body := map[string]any{}
	for name, value := range l.set() {
		switch v := value.Interface().(type) {
		case bool:
			body[name] = boolNumber(v)
		case decimal.Decimal:
			body[name] = json.Number(v.String())
		default:
			body[name] = v
		}
	}
	return body
}

// set gives the values of the set fields by their names in the API.
func (l ListingChange) set() map[string]reflect.Value {
	values := map[string]reflect.Value{}
	v := reflect.ValueOf(l)
	for i := range v.NumField() {
		if field := v.Field(i); !field.IsNil() {
			values[jsonName(v.Type().Field(i))] = field.Elem()
		}
	}
	return values
}

// Diff gives the set fields in which the listing differs from the change, in the order of the change's fields. Before a change it is
// what would change; after it, what Hostaway did not take over.
func (l ListingChange) Diff(listing Listing) []ListingDifference {
	have := map[string]reflect.Value{}
	v := reflect.ValueOf(listing)
	for i := range v.NumField() {
		have[jsonName(v.Type().Field(i))] = v.Field(i)
	}
	var differences []ListingDifference
	want := l.set()
	for i := range reflect.TypeFor[ListingChange]().NumField() {
		name := jsonName(reflect.TypeFor[ListingChange]().Field(i))
		wanted, ok := want[name]
		if !ok {
			continue
		}
		if d := (ListingDifference{Field: name, Have: plainText(have[name]), Want: plainText(wanted)}); d.Have != d.Want {
			differences = append(differences, d)
		}
	}
	return differences
}

func jsonName(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	return name
}

// plainText writes a field's value so that equal values are equal texts; nothing is the empty text.
func plainText(v reflect.Value) string {
	if !v.IsValid() {
		return ""
	}
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return ""
		}
		v = v.Elem()
	}
	if d, ok := v.Interface().(decimal.Decimal); ok {
		return d.String()
	}
	switch v.Kind() {
	case reflect.String:
		return v.String()
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case reflect.Int64:
		return itoa(v.Int())
	}
	return ""
}

func boolNumber(v bool) int {
	if v {
		return 1
	}
	return 0
}
