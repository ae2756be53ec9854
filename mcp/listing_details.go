// One listing in full: grouped, without secrets, long texts only on request.

package mcp

import (
	"context"
	"errors"
	"fmt"

	"github.com/shopspring/decimal"

	"hostaway-mcp/hostaway"
)

type getPropertyDetailsIn struct {
	ListingID int64 `json:"listing_id" jsonschema:"id of the listing"`
	Detail    bool  `json:"detail,omitempty" jsonschema:"also description, house rules, images, units"`
}

type getPropertyDetailsOut struct {
	Listing listingDetails `json:"listing"`
	// Shortened is set when a long text or list did not fit.
	Shortened bool `json:"shortened,omitempty"`
}

type listingDetails struct {
	ID           int64           `json:"id"`
	Name         string          `json:"name"`
	InternalName string          `json:"internal_name,omitempty"`
	Active       bool            `json:"active"`
	Location     listingLocation `json:"location"`
	Rooms        listingRooms    `json:"rooms"`
	Prices       listingPrices   `json:"prices"`
	StayRules    listingRules    `json:"stay_rules"`
	License      *listingLicense `json:"license,omitempty"`
	Contact      *listingContact `json:"contact,omitempty"`
	Links        []string        `json:"links,omitempty"`
	Texts        *listingTexts   `json:"texts,omitempty"`
}

type listingLocation struct {
	Address   string           `json:"address,omitempty"`
	Street    string           `json:"street,omitempty"`
	City      string           `json:"city,omitempty"`
	State     string           `json:"state,omitempty"`
	Zipcode   string           `json:"zipcode,omitempty"`
	Country   string           `json:"country,omitempty"`
	Latitude  *decimal.Decimal `json:"latitude,omitempty"`
	Longitude *decimal.Decimal `json:"longitude,omitempty"`
	TimeZone  string           `json:"time_zone,omitempty"`
}

type listingRooms struct {
	Type          string           `json:"type,omitempty"`
	Capacity      *int64           `json:"capacity,omitempty"`
	MaxChildren   *int64           `json:"max_children,omitempty"`
	MaxInfants    *int64           `json:"max_infants,omitempty"`
	MaxPets       *int64           `json:"max_pets,omitempty"`
	Bedrooms      *int64           `json:"bedrooms,omitempty"`
	Beds          *int64           `json:"beds,omitempty"`
	Bathrooms     *decimal.Decimal `json:"bathrooms,omitempty"`
	SquareMeters  *int64           `json:"square_meters,omitempty"`
	AverageReview *decimal.Decimal `json:"average_review_of_10,omitempty"`
}

type listingPrices struct {
	Currency        string           `json:"currency,omitempty"`
	BaseNight       string           `json:"base_night,omitempty"`
	AverageNight    string           `json:"average_night,omitempty"`
	CleaningFee     string           `json:"cleaning_fee,omitempty"`
	GuestsIncluded  *int64           `json:"guests_included,omitempty"`
	ExtraGuest      string           `json:"extra_guest,omitempty"`
	Deposit         string           `json:"deposit,omitempty"`
	WeeklyDiscount  *decimal.Decimal `json:"weekly_factor,omitempty"`
	MonthlyDiscount *decimal.Decimal `json:"monthly_factor,omitempty"`
}

type listingRules struct {
	MinNights    *int64 `json:"min_nights,omitempty"`
	MaxNights    *int64 `json:"max_nights,omitempty"`
	CheckInFrom  *int64 `json:"check_in_from_hour,omitempty"`
	CheckInTo    *int64 `json:"check_in_to_hour,omitempty"`
	CheckOut     *int64 `json:"check_out_hour,omitempty"`
	InstantBook  *bool  `json:"instant_book,omitempty"`
	Cancellation string `json:"cancellation_policy,omitempty"`
}

type listingLicense struct {
	Number    string         `json:"number,omitempty"`
	Type      string         `json:"type,omitempty"`
	IssuedOn  *hostaway.Date `json:"issued_on,omitempty"`
	ExpiresOn *hostaway.Date `json:"expires_on,omitempty"`
}

type listingContact struct {
	Name  string `json:"name,omitempty"`
	Phone string `json:"phone,omitempty"`
	Email string `json:"email,omitempty"`
}

type listingTexts struct {
	Description string   `json:"description,omitempty"`
	HouseRules  string   `json:"house_rules,omitempty"`
	Amenities   int      `json:"amenity_count"`
	Units       []string `json:"units,omitempty"`
	ImageCount  int      `json:"image_count"`
	Images      []string `json:"images,omitempty"`
}

// shownImages bounds the links; the rest are only counted.
const shownImages = 20

func getPropertyDetails(ctx context.Context, c Caller, in getPropertyDetailsIn) (getPropertyDetailsOut, error) {
	l, err := readListing(ctx, c, in.ListingID, in.Detail)
	if err != nil {
		return getPropertyDetailsOut{}, err
	}
	out := getPropertyDetailsOut{Listing: detailsOf(l)}
	if in.Detail {
		out.Listing.Texts = textsOf(l)
		texts := out.Listing.Texts
		out.Shortened = shortenToFit(&out, &texts.Description, &texts.HouseRules)
	}
	return out, nil
}

// readListing reads one listing, or says how to find the right id.
func readListing(ctx context.Context, c Caller, id int64, all bool) (hostaway.Listing, error) {
	var include []hostaway.Include
	if all {
		include = []hostaway.Include{hostaway.IncludeResources, hostaway.IncludeBookingEngineURLs}
	}
	l, err := c.Hostaway.Listing(ctx, id, include...)
	if errors.Is(err, &hostaway.Error{Code: hostaway.NotFound}) {
		return l, noSuchListing(id)
	}
	return l, err
}

func noSuchListing(id int64) error {
	return &refusal{
		what: fmt.Sprintf("There is no listing %d in this account.", id),
		next: "Find the id with " + listPropertiesTool + ".", code: codeNotFound,
	}
}

func detailsOf(l hostaway.Listing) listingDetails {
	money := func(d *decimal.Decimal) string { return moneyOrAbsent(d, l.CurrencyCode) }
	return listingDetails{
		ID: l.ID, Name: listingName(l), InternalName: clip(l.InternalListingName, 120), Active: !l.IsArchived(),
		Location: listingLocation{
			Address: clip(l.Address, 300), Street: clip(l.Street, 150), City: clip(l.City, 80), State: clip(l.State, 80),
			Zipcode: clip(l.Zipcode, 20), Country: countryOf(l), Latitude: l.Lat, Longitude: l.Lng, TimeZone: clip(l.TimeZoneName, 60),
		},
		Rooms: listingRooms{
			Type: string(l.RoomType), Capacity: l.PersonCapacity, MaxChildren: l.MaxChildrenAllowed, MaxInfants: l.MaxInfantsAllowed,
			MaxPets: l.MaxPetsAllowed, Bedrooms: l.BedroomsNumber, Beds: l.BedsNumber, Bathrooms: l.BathroomsNumber,
			SquareMeters: l.SquareMeters, AverageReview: l.AverageReviewRating,
		},
		Prices: listingPrices{
			Currency: l.CurrencyCode, BaseNight: money(l.Price), AverageNight: money(l.AverageNightlyPrice), CleaningFee: money(l.CleaningFee),
			GuestsIncluded: l.GuestsIncluded, ExtraGuest: money(l.PriceForExtraPerson), Deposit: money(l.RefundableDamageDeposit),
			WeeklyDiscount: l.WeeklyDiscount, MonthlyDiscount: l.MonthlyDiscount,
		},
		StayRules: listingRules{
			MinNights: l.MinNights, MaxNights: l.MaxNights, CheckInFrom: l.CheckInTimeStart, CheckInTo: l.CheckInTimeEnd,
			CheckOut: l.CheckOutTime, InstantBook: l.InstantBookable, Cancellation: string(l.CancellationPolicy),
		},
		License: licenseOf(l), Contact: contactOf(l), Links: linksOf(l),
	}
}

func licenseOf(l hostaway.Listing) *listingLicense {
	license := listingLicense{
		clip(l.PropertyLicenseNumber, 60), clip(l.PropertyLicenseType, 60), l.PropertyLicenseIssueDate, l.PropertyLicenseExpirationDate,
	}
	if license == (listingLicense{}) {
		return nil
	}
	return &license
}

func contactOf(l hostaway.Listing) *listingContact {
	contact := listingContact{clip(joinWords(l.ContactName, l.ContactSurName), 120), clip(l.ContactPhone1, 40), clip(l.ContactEmail, 120)}
	if contact == (listingContact{}) {
		return nil
	}
	return &contact
}

func linksOf(l hostaway.Listing) []string {
	var links []string
	for _, link := range append([]string{l.AirbnbListingURL, l.VrboListingURL, l.ExpediaListingURL, l.GoogleVrListingURL}, l.BookingEngineURLs...) {
		if link != "" && len(links) < 10 {
			links = append(links, clip(link, 300))
		}
	}
	return links
}

func textsOf(l hostaway.Listing) *listingTexts {
	texts := &listingTexts{
		Description: l.Description, HouseRules: l.HouseRules, Amenities: len(l.Amenities), ImageCount: len(l.Images),
	}
	for _, image := range l.Images[:min(len(l.Images), shownImages)] {
		texts.Images = append(texts.Images, clip(image.URL, 200))
	}
	for _, unit := range l.Units[:min(len(l.Units), 50)] {
		texts.Units = append(texts.Units, clip(unit.Name, 60))
	}
	return texts
}
