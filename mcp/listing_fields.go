// The fields of a listing that may be written, under our names. What Hostaway ignores or computes itself is not among them, and
// sub-lists are not either: writing one replaces it whole.

package mcp

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"hostaway-mcp/hostaway"
)

// listingFields are the fields that a batch can change. A field left out stays as it is. Bounds are checked by check, to keep the
// schema short.
type listingFields struct {
	Name         *string          `json:"name,omitempty" jsonschema:"public"`
	InternalName *string          `json:"internal_name,omitempty" jsonschema:"team's"`
	Description  *string          `json:"description,omitempty" jsonschema:"text"`
	HouseRules   *string          `json:"house_rules,omitempty" jsonschema:"text"`
	Capacity     *int64           `json:"capacity,omitempty" jsonschema:"guests"`
	Bedrooms     *int64           `json:"bedrooms,omitempty" jsonschema:"number"`
	Beds         *int64           `json:"beds,omitempty" jsonschema:"number"`
	Bathrooms    *decimal.Decimal `json:"bathrooms,omitempty" jsonschema:"number"`
	Price        *decimal.Decimal `json:"price,omitempty" jsonschema:"base night"`
	Included     *int64           `json:"guests_included,omitempty" jsonschema:"in price"`
	ExtraGuest   *decimal.Decimal `json:"extra_guest_price,omitempty" jsonschema:"a night"`
	CleaningFee  *decimal.Decimal `json:"cleaning_fee,omitempty" jsonschema:"a stay"`
	MinNights    *int64           `json:"min_nights,omitempty" jsonschema:"least"`
	MaxNights    *int64           `json:"max_nights,omitempty" jsonschema:"most"`
	CheckIn      *int64           `json:"check_in_hour,omitempty" jsonschema:"0-23"`
	CheckOut     *int64           `json:"check_out_hour,omitempty" jsonschema:"0-23"`
	InstantBook  *bool            `json:"instant_book,omitempty" jsonschema:"on?"`
	Cancellation *string          `json:"cancellation_policy,omitempty" enum:"flexible,moderate,firm,strict,no_refund" jsonschema:"kind"`
}

func (f listingFields) change() hostaway.ListingChange {
	return hostaway.ListingChange{
		Name: f.Name, InternalListingName: f.InternalName, Description: f.Description, HouseRules: f.HouseRules, PersonCapacity: f.Capacity,
		BedroomsNumber: f.Bedrooms, BedsNumber: f.Beds, BathroomsNumber: f.Bathrooms, Price: f.Price, GuestsIncluded: f.Included,
		PriceForExtraPerson: f.ExtraGuest, CleaningFee: f.CleaningFee, MinNights: f.MinNights, MaxNights: f.MaxNights,
		CheckInTimeStart: f.CheckIn, CheckOutTime: f.CheckOut, InstantBookable: f.InstantBook,
		CancellationPolicy: (*hostaway.CancellationPolicy)(f.Cancellation),
	}
}

const (
	longestName = 200
	longestText = 8000
)

// check refuses values that no listing can have; Hostaway itself takes many of them.
func (f listingFields) check() error {
	for _, text := range []struct {
		name  string
		value *string
		most  int
		empty bool // allowed
	}{{"name", f.Name, longestName, false}, {"internal_name", f.InternalName, longestName, true}, {"description", f.Description, longestText, true}, {"house_rules", f.HouseRules, longestText, true}} {
		switch {
		case text.value == nil:
		case !text.empty && strings.TrimSpace(*text.value) == "":
			return refuseArgument("The "+text.name+" is empty.", "Give a "+text.name+", or leave it out to keep it.")
		case utf8.RuneCountInString(*text.value) > text.most:
			return refuseArgument(fmt.Sprintf("The %s is longer than %d characters.", text.name, text.most), "Shorten it.")
		}
	}
	for _, number := range []struct {
		name        string
		value       *int64
		least, most int64
	}{
		{"capacity", f.Capacity, 1, 1000},
		{"bedrooms", f.Bedrooms, 0, 1000},
		{"beds", f.Beds, 0, 1000},
		{"guests_included", f.Included, 0, 1000},
		{"min_nights", f.MinNights, 1, 1000},
		{"max_nights", f.MaxNights, 1, 10_000},
		{"check_in_hour", f.CheckIn, 0, 23},
		{"check_out_hour", f.CheckOut, 0, 23},
	} {
		if number.value != nil && (*number.value < number.least || *number.value > number.most) {
			return refuseArgument(fmt.Sprintf("The %s can't be %d.", number.name, *number.value), fmt.Sprintf("It must be from %d to %d.", number.least, number.most))
		}
	}
	if f.MinNights != nil && f.MaxNights != nil && *f.MinNights > *f.MaxNights {
		return refuseArgument(fmt.Sprintf("min_nights %d is above max_nights %d: nobody could book.", *f.MinNights, *f.MaxNights), "Give a max_nights of at least min_nights.")
	}
	return f.checkAmounts()
}

// mostAmount is far above any price of a night in any currency, and far below what would be a slip of the hand.
const mostAmount = 100_000_000

func (f listingFields) checkAmounts() error {
	for _, amount := range []struct {
		name        string
		value       *decimal.Decimal
		least, most int64
		decimals    int32
	}{
		{"bathrooms", f.Bathrooms, 0, 1000, 1},
		{"price", f.Price, 0, mostAmount, 3},
		{"extra_guest_price", f.ExtraGuest, 0, mostAmount, 3},
		{"cleaning_fee", f.CleaningFee, 0, mostAmount, 3},
	} {
		if amount.value == nil {
			continue
		}
		v, shown := *amount.value, clip(amount.value.String(), 40)
		switch {
		case v.LessThan(decimal.NewFromInt(amount.least)) || v.GreaterThan(decimal.NewFromInt(amount.most)):
			return refuseArgument(fmt.Sprintf("The %s can't be %s.", amount.name, shown), fmt.Sprintf("It must be from %d to %d.", amount.least, amount.most))
		case amount.name == "price" && v.IsZero():
			return refuseArgument("The price can't be 0: every night would be free.", "Give a price above 0, or leave it out to keep it.")
		case !v.Equal(v.Truncate(amount.decimals)):
			return refuseArgument(fmt.Sprintf("The %s %s has too many decimals.", amount.name, shown), fmt.Sprintf("Give at most %d.", amount.decimals))
		}
	}
	return nil
}

// conflict says why a listing as it is, with the change made, could not be booked or would make no sense; "" if it is sound. Hostaway
// takes such values without a word.
func conflict(l hostaway.Listing, change hostaway.ListingChange) string {
	minNights, maxNights := either(change.MinNights, l.MinNights), either(change.MaxNights, l.MaxNights)
	included, capacity := either(change.GuestsIncluded, l.GuestsIncluded), either(change.PersonCapacity, l.PersonCapacity)
	// A maximum of 0 is how Hostaway writes that there is none.
	if (change.MinNights != nil || change.MaxNights != nil) && minNights != nil && maxNights != nil && *maxNights > 0 && *minNights > *maxNights {
		return fmt.Sprintf("min_nights would be %d and max_nights %d: nobody could book", *minNights, *maxNights)
	}
	if (change.GuestsIncluded != nil || change.PersonCapacity != nil) && included != nil && capacity != nil && *included > *capacity {
		return fmt.Sprintf("guests_included would be %d and the capacity %d", *included, *capacity)
	}
	currency := l.CurrencyCode
	if change.CurrencyCode != nil {
		currency = *change.CurrencyCode
	}
	for _, amount := range []*decimal.Decimal{change.Price, change.PriceForExtraPerson, change.CleaningFee} {
		if currency != "" && amount != nil && !amount.Equal(amount.Truncate(minorDigits(currency))) {
			return fmt.Sprintf("%s has more decimals than %s", amount, currency)
		}
	}
	return ""
}

func either[T any](changed, current *T) *T {
	if changed != nil {
		return changed
	}
	return current
}

// fieldChange is one field before and after.
type fieldChange struct {
	Field  string `json:"field"`
	Before string `json:"before,omitempty"`
	After  string `json:"after"`
}

// fieldChanges tells which fields a change would alter, under our names, with texts of at most length characters.
func fieldChanges(differences []hostaway.ListingDifference, length int) []fieldChange {
	var out []fieldChange
	for _, d := range differences {
		out = append(out, fieldChange{fieldName(d.Field), clip(d.Have, length), clip(d.Want, length)})
	}
	return out
}

func fieldNames(differences []hostaway.ListingDifference) []string {
	var out []string
	for _, d := range differences {
		out = append(out, fieldName(d.Field))
	}
	return out
}

// fieldName gives our name of a field of Hostaway's.
func fieldName(theirs string) string {
	ours := map[string]string{
		"internalListingName": "internal_name", "personCapacity": "capacity", "bedroomsNumber": "bedrooms",
		"bedsNumber": "beds", "bathroomsNumber": "bathrooms",
		"priceForExtraPerson": "extra_guest_price", "checkInTimeStart": "check_in_hour",
		"checkOutTime": "check_out_hour", "instantBookable": "instant_book", "currencyCode": "currency", "timeZoneName": "time_zone",
	}[theirs]
	if ours != "" {
		return ours
	}
	var b strings.Builder
	for _, r := range theirs {
		if r >= 'A' && r <= 'Z' {
			b.WriteByte('_')
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}
