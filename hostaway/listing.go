package hostaway

// listing.go: the listings of an account (Hostaway docs, Listings, 2026-10).

import (
	"context"
	"time"

	"github.com/shopspring/decimal"
)

// Listing is one listing. Access secrets of a listing (door code, wifi name and password, key pick-up and special instructions)
// are left out on purpose. Unless noted, a nil field means that Hostaway sent nothing readable, and an empty text likewise.
type Listing struct {
	ID                  int64         `json:"id"`
	Name                string        `json:"name"`
	ExternalListingName string        `json:"externalListingName"`
	InternalListingName string        `json:"internalListingName"`
	Description         string        `json:"description"`
	PropertyTypeID      *int64        `json:"propertyTypeId"`
	ThumbnailURL        string        `json:"thumbnailUrl"`
	SpecialStatus       SpecialStatus `json:"specialStatus"` // "" for an active listing, "archived"
	CleannessStatus     string        `json:"cleannessStatus"`

	Country       string           `json:"country"`
	CountryCode   string           `json:"countryCode"` // ISO 3166-1 alpha-2
	State         string           `json:"state"`
	City          string           `json:"city"`
	Street        string           `json:"street"`
	Address       string           `json:"address"`
	PublicAddress string           `json:"publicAddress"`
	Zipcode       string           `json:"zipcode"`
	Lat           *decimal.Decimal `json:"lat"`
	Lng           *decimal.Decimal `json:"lng"`
	TimeZoneName  string           `json:"timeZoneName"` // IANA name

	PersonCapacity       *int64           `json:"personCapacity"`
	MaxChildrenAllowed   *int64           `json:"maxChildrenAllowed"`
	MaxInfantsAllowed    *int64           `json:"maxInfantsAllowed"`
	MaxPetsAllowed       *int64           `json:"maxPetsAllowed"`
	SquareMeters         *int64           `json:"squareMeters"`
	RoomType             RoomType         `json:"roomType"`
	BathroomType         string           `json:"bathroomType"`
	BedroomsNumber       *int64           `json:"bedroomsNumber"`
	BedsNumber           *int64           `json:"bedsNumber"`
	BathroomsNumber      *decimal.Decimal `json:"bathroomsNumber"` // halves occur
	GuestBathroomsNumber *decimal.Decimal `json:"guestBathroomsNumber"`
	StarRating           *decimal.Decimal `json:"starRating"`          // 0 to 5
	AverageReviewRating  *decimal.Decimal `json:"averageReviewRating"` // 0 to 10

	Price                   *decimal.Decimal `json:"price"`        // base price of a night, in CurrencyCode
	CurrencyCode            string           `json:"currencyCode"` // ISO 4217
	GuestsIncluded          *int64           `json:"guestsIncluded"`
	PriceForExtraPerson     *decimal.Decimal `json:"priceForExtraPerson"`
	CleaningFee             *decimal.Decimal `json:"cleaningFee"`
	CheckinFee              *decimal.Decimal `json:"checkinFee"`
	WeeklyDiscount          *decimal.Decimal `json:"weeklyDiscount"`  // a factor: 0.9 means the guest pays 90 %
	MonthlyDiscount         *decimal.Decimal `json:"monthlyDiscount"` // a factor
	RefundableDamageDeposit *decimal.Decimal `json:"refundableDamageDeposit"`
	AirbnbPetFeeAmount      *decimal.Decimal `json:"airbnbPetFeeAmount"`
	AverageNightlyPrice     *decimal.Decimal `json:"averageNightlyPrice"`

	MinNights               *int64 `json:"minNights"`
	MaxNights               *int64 `json:"maxNights"`
	CheckInTimeStart        *int64 `json:"checkInTimeStart"` // local hour, 0 to 23
	CheckInTimeEnd          *int64 `json:"checkInTimeEnd"`   // local hour, 0 to 23
	CheckOutTime            *int64 `json:"checkOutTime"`     // local hour, 0 to 23
	InstantBookable         *bool  `json:"instantBookable"`
	InstantBookableLeadTime *int64 `json:"instantBookableLeadTime"`
	AllowSameDayBooking     *int64 `json:"allowSameDayBooking"`
	SameDayBookingLeadTime  *int64 `json:"sameDayBookingLeadTime"`

	CancellationPolicy   CancellationPolicy `json:"cancellationPolicy"`
	CancellationPolicyID *int64             `json:"cancellationPolicyId"`
	HouseRules           string             `json:"houseRules"`
	Language             string             `json:"language"` // ISO 639-1

	ContactName    string `json:"contactName"`
	ContactSurName string `json:"contactSurName"`
	ContactPhone1  string `json:"contactPhone1"`
	ContactEmail   string `json:"contactEmail"`

	PropertyLicenseNumber         string `json:"propertyLicenseNumber"`
	PropertyLicenseType           string `json:"propertyLicenseType"`
	PropertyLicenseIssueDate      *Date  `json:"propertyLicenseIssueDate"`
	PropertyLicenseExpirationDate *Date  `json:"propertyLicenseExpirationDate"`

	AirbnbListingURL   string   `json:"airbnbListingUrl"`
	VrboListingURL     string   `json:"vrboListingUrl"`
	ExpediaListingURL  string   `json:"expediaListingUrl"`
	GoogleVrListingURL string   `json:"googleVrListingUrl"`
	BookingEngineURLs  []string `json:"bookingEngineUrls"` // only with IncludeBookingEngineURLs

	Amenities         []ListingAmenity   `json:"listingAmenities"`  // only with IncludeResources
	BedTypes          []ListingBedType   `json:"listingBedTypes"`   // only with IncludeResources
	Images            []ListingImage     `json:"listingImages"`     // only with IncludeResources
	Units             []ListingUnit      `json:"listingUnits"`      // only with IncludeResources
	CustomFieldValues []CustomFieldValue `json:"customFieldValues"` // only with IncludeResources

	LatestActivityOn *time.Time `json:"latestActivityOn"` // UTC
	InsertedOn       *time.Time `json:"insertedOn"`       // UTC
}

// IsArchived tells whether the listing was archived in Hostaway's dashboard: it can be read, but nothing linked to it changed.
func (l Listing) IsArchived() bool { return !l.SpecialStatus.IsActive() }

// IsMultiUnit tells whether the listing has units; it needs IncludeResources to know.
func (l Listing) IsMultiUnit() bool { return len(l.Units) > 0 }

// ListingAmenity is one amenity of a listing.
type ListingAmenity struct {
	ID        *int64 `json:"id"`
	AmenityID *int64 `json:"amenityId"`
}

// ListingBedType is one kind of bed in a listing.
type ListingBedType struct {
	ID        *int64 `json:"id"`
	BedTypeID *int64 `json:"bedTypeId"`
	Quantity  *int64 `json:"quantity"`
}

// ListingImage is one picture of a listing.
type ListingImage struct {
	ID        *int64 `json:"id"`
	Caption   string `json:"caption"`
	URL       string `json:"url"`
	SortOrder *int64 `json:"sortOrder"`
}

// ListingUnit is one unit of a multi-unit listing.
type ListingUnit struct {
	ID         *int64 `json:"id"`
	Name       string `json:"name"`
	UnitNumber string `json:"unitNumber"`
}

// CustomFieldValue is the value of one custom field of a listing or reservation.
type CustomFieldValue struct {
	CustomFieldID *int64 `json:"customFieldId"`
	Value         string `json:"value"`
}

// SpecialStatus is the only life-cycle marker of a listing (Hostaway docs, Listings, 2025-11).
type SpecialStatus string

// The known special statuses; an active listing has none.
const (
	ListingActive   SpecialStatus = ""
	ListingArchived SpecialStatus = "archived"
)

// IsActive is what an active listing is, for what is shown, counted and billed alike: one that was not archived. A status that is
// not known yet counts as active, a listing without channels too, and one with many units is one.
func (s SpecialStatus) IsActive() bool { return s != ListingArchived }

// isKnown tells whether the status is one of those above.
func (s SpecialStatus) isKnown() bool { return s == ListingActive || s == ListingArchived }

// RoomType tells what part of a building a listing is. Unknown values are kept as they are.
type RoomType string

// The documented room types.
const (
	EntireHome  RoomType = "entire_home"
	PrivateRoom RoomType = "private_room"
	SharedRoom  RoomType = "shared_room"
)

// CancellationPolicy is the general policy of a listing. Unknown values are kept as they are.
type CancellationPolicy string

// The documented cancellation policies (Hostaway docs, Listings, 2026-09).
const (
	PolicyFlexible CancellationPolicy = "flexible"
	PolicyModerate CancellationPolicy = "moderate"
	PolicyFirm     CancellationPolicy = "firm"
	PolicyStrict   CancellationPolicy = "strict"
	PolicyNoRefund CancellationPolicy = "no_refund"
)

// ListingSort is an order of the list of listings.
type ListingSort string

// The documented orders.
const (
	SortByName                 ListingSort = "name"
	SortByNameReversed         ListingSort = "nameReversed"
	SortByOrder                ListingSort = "order"
	SortByOrderReversed        ListingSort = "orderReversed"
	SortByContactName          ListingSort = "contactName"
	SortByContactNameReversed  ListingSort = "contactNameReversed"
	SortByLatestActivity       ListingSort = "latestActivity"
	SortByLatestActivityNewest ListingSort = "latestActivityDesc"
)

// ListingFilter narrows the list of listings to what the API can filter by; zero fields do not filter
// (Hostaway docs, Listings, 2026-10).
type ListingFilter struct {
	// Match searches in the listing's name.
	Match string
	// City, Country and ContactName must be equal to the listing's.
	City        string
	Country     string
	ContactName string
	// PropertyTypeID is an id of the property type dictionary.
	PropertyTypeID int64
	// AvailableFrom and AvailableTo keep only listings that are free in the window; set both or neither.
	AvailableFrom Date
	AvailableTo   Date
	// Guests is the smallest person capacity.
	Guests int
	// UserID keeps the listings that a Hostaway user may see.
	UserID int64
	// LatestActivityFrom and LatestActivityTo bound the day of the last change.
	LatestActivityFrom Date
	LatestActivityTo   Date
	// OnBookingEngine keeps listings that are (or are not) on the direct booking website.
	OnBookingEngine *bool
	// ActiveOnly leaves archived listings out, by Hostaway's own filter; otherwise both are in the list.
	ActiveOnly bool
	// Sort is the order of the list; Hostaway's own when empty.
	Sort ListingSort
	// IncludeResources also fills the sub-lists of each listing (amenities, beds, images, units, custom fields).
	IncludeResources bool
}

// query gives the filter as the API reads it.
func (f ListingFilter) query() query {
	q := newQuery()
	q.text("match", f.Match)
	q.text("city", f.City)
	q.text("country", f.Country)
	q.text("contactName", f.ContactName)
	q.number("propertyTypeId", f.PropertyTypeID)
	q.date("availabilityDateStart", f.AvailableFrom)
	q.date("availabilityDateEnd", f.AvailableTo)
	q.number("availabilityGuestNumber", int64(f.Guests))
	q.number("userId", f.UserID)
	q.date("latestActivityStart", f.LatestActivityFrom)
	q.date("latestActivityEnd", f.LatestActivityTo)
	q.either("isBookingEngineActive", f.OnBookingEngine)
	if f.ActiveOnly {
		q.text("specialStatus[]", "active")
	}
	q.text("sortOrder", string(f.Sort))
	q.flag("includeResources", f.IncludeResources)
	return q
}

func (f ListingFilter) check() error {
	if f.AvailableFrom.IsZero() != f.AvailableTo.IsZero() {
		return badInput("an availability window needs both its first and its last day")
	}
	if f.AvailableTo.Before(f.AvailableFrom) {
		return badInput("the availability window ends before it begins")
	}
	if f.PropertyTypeID < 0 || f.Guests < 0 || f.UserID < 0 {
		return badInput("ids and numbers of guests can't be negative")
	}
	return nil
}

// Listings gets one page of the account's listings, archived ones included unless the filter leaves them out.
func (c *Client) Listings(ctx context.Context, filter ListingFilter, request PageRequest) (Page[Listing], error) {
	what := get("list listings", "/listings")
	if err := filter.check(); err != nil {
		return Page[Listing]{}, doing(what.op, err)
	}
	what.query = filter.query()
	return fetchPage(ctx, c, what, listingPaging, request, listingID)
}

// Listing gets one listing; NotFound when the account has none with this id.
func (c *Client) Listing(ctx context.Context, id int64, include ...Include) (Listing, error) {
	what := get("get listing", "/listings/"+itoa(id))
	what.query.include(include)
	if id <= 0 {
		return Listing{}, doing(what.op, noSuchID())
	}
	return fetchOne[Listing](ctx, c, what)
}

// noSuchID spares Hostaway a call for an id that can't be.
func noSuchID() error { return &Error{Code: NotFound, Message: "Hostaway has no such row"} }
