// Changing listings: one new listing, or a batch of changes to existing ones. Both show a preview first.

package mcp

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // zones must be known on a machine without a zone database too

	"github.com/shopspring/decimal"
	"golang.org/x/text/currency"
	"golang.org/x/text/language"

	"hostaway-mcp/hostaway"
)

const (
	createListingTool = "hostaway_create_listing"
	batchUpdateTool   = "hostaway_batch_update_listings"
)

func listingChangeTools() []Tool {
	return []Tool{
		newWriteTool(spec{
			Name:        createListingTool,
			Title:       "Create a listing",
			Description: "Creates a listing; " + batchUpdateTool + " sets more fields. The first call only previews.",
			OnlyAdds:    true,
		}, previewCreation, applyCreation),
		newWriteTool(spec{
			Name:        batchUpdateTool,
			Title:       "Update listings",
			Description: "Changes fields of up to 50 listings; what is left out stays. The first call only previews. A failure doesn't stop the others: each is reported.",
		}, previewBatch, applyBatch),
	}
}

// createListingIn has what makes a listing complete; everything else can be changed afterwards.
type createListingIn struct {
	Name        string           `json:"name" jsonschema:"public"`
	Address     *string          `json:"address,omitempty" jsonschema:"full"`
	City        *string          `json:"city,omitempty" jsonschema:"city"`
	CountryCode *string          `json:"country_code,omitempty" jsonschema:"ISO"`
	TimeZone    *string          `json:"time_zone,omitempty" jsonschema:"IANA"`
	Capacity    *int64           `json:"capacity,omitempty" jsonschema:"guests"`
	Bedrooms    *int64           `json:"bedrooms,omitempty" jsonschema:"number"`
	Price       *decimal.Decimal `json:"price,omitempty" jsonschema:"base night"`
	Currency    *string          `json:"currency,omitempty" jsonschema:"ISO"`
	Included    *int64           `json:"guests_included,omitempty" jsonschema:"in price"`
	ExtraGuest  *decimal.Decimal `json:"extra_guest_price,omitempty" jsonschema:"a night"`
	CleaningFee *decimal.Decimal `json:"cleaning_fee,omitempty" jsonschema:"a stay"`
}

func (in createListingIn) change() (hostaway.ListingChange, error) {
	name := strings.TrimSpace(in.Name)
	fields := listingFields{
		Name: &name, Capacity: in.Capacity, Bedrooms: in.Bedrooms, Price: in.Price, Included: in.Included,
		ExtraGuest: in.ExtraGuest, CleaningFee: in.CleaningFee,
	}
	change := fields.change()
	change.Address, change.City, change.CountryCode = in.Address, in.City, upper(in.CountryCode)
	change.TimeZoneName, change.CurrencyCode = in.TimeZone, upper(in.Currency)
	switch {
	case name == "":
		return change, refuseArgument("The name is empty.", "Give the name that guests shall see.")
	case change.CountryCode != nil && !isCountry(*change.CountryCode):
		return change, refuseArgument("The country_code is not an ISO code.", "Give two letters, such as PT.")
	case change.CurrencyCode != nil && !isCurrency(*change.CurrencyCode):
		return change, refuseArgument("The currency is not an ISO code.", "Give three letters, such as EUR.")
	case in.TimeZone != nil && !isTimeZone(*in.TimeZone):
		return change, refuseArgument("The time_zone is not known.", "Give an IANA name, such as Europe/Lisbon.")
	}
	if err := fields.check(); err != nil {
		return change, err
	}
	if why := conflict(hostaway.Listing{}, change); why != "" {
		return change, refuseArgument("The values contradict each other: "+why+".", "Correct them.")
	}
	return change, nil
}

func isCountry(code string) bool {
	region, err := language.ParseRegion(code)
	return err == nil && len(code) == 2 && region.IsCountry()
}

func isCurrency(code string) bool {
	_, err := currency.ParseISO(code)
	return err == nil
}

func isTimeZone(name string) bool {
	_, err := time.LoadLocation(name)
	return err == nil && name != "" && name != "Local"
}

func upper(code *string) *string {
	if code == nil {
		return nil
	}
	u := strings.ToUpper(*code)
	return &u
}

type creationPreview struct {
	Fields []fieldChange `json:"fields"`
	// Missing names what Hostaway demands of a complete listing, without which no channel takes it.
	Missing []string `json:"missing_to_be_complete,omitempty"`
	// SameName holds listings that have this very name already.
	SameName []int64 `json:"same_name_already,omitempty"`
}

type creationResult struct {
	ListingID int64  `json:"listing_id"`
	Name      string `json:"name"`
	// Ignored names fields that Hostaway did not take over.
	Ignored []string `json:"ignored,omitempty"`
}

func previewCreation(ctx context.Context, c Caller, in createListingIn) (creationPreview, error) {
	change, err := in.change()
	if err != nil {
		return creationPreview{}, err
	}
	out := creationPreview{Fields: fieldChanges(change.Diff(hostaway.Listing{}), shownText)}
	for name, there := range map[string]bool{
		"address": in.Address != nil, "price": in.Price != nil, "currency": in.Currency != nil, "guests_included": in.Included != nil,
		"extra_guest_price": in.ExtraGuest != nil,
	} {
		if !there {
			out.Missing = append(out.Missing, name)
		}
	}
	slices.Sort(out.Missing)
	page, err := c.Hostaway.Listings(ctx, hostaway.ListingFilter{Match: *change.Name}, hostaway.PageRequest{})
	if err != nil {
		return creationPreview{}, err
	}
	for _, l := range page.Items {
		if strings.EqualFold(strings.TrimSpace(l.Name), *change.Name) && len(out.SameName) < 10 {
			out.SameName = append(out.SameName, l.ID)
		}
	}
	return out, nil
}

func applyCreation(ctx context.Context, c Caller, in createListingIn) (creationResult, error) {
	change, err := in.change()
	if err != nil {
		return creationResult{}, err
	}
	l, err := c.Hostaway.CreateListing(ctx, change)
	if err == nil {
		return creationResult{ListingID: l.ID, Name: listingName(l), Ignored: fieldNames(change.Diff(l))}, nil
	}
	if unclear(ctx, err) {
		// A second POST would make a second listing, and Hostaway has no way to tell.
		return creationResult{}, &refusal{
			what: "Hostaway did not answer clearly, so the listing may or may not have been created.",
			next: "Before trying again look for it: " + listPropertiesTool + " with search " + strconv.Quote(clip(*change.Name, 60)) + ".", code: codeUnclear,
		}
	}
	return creationResult{}, err
}

// unclear tells whether a write that failed may have been done all the same.
func unclear(ctx context.Context, err error) bool {
	switch hostaway.CodeOf(err) {
	case hostaway.TimedOut, hostaway.Unreachable, hostaway.Unavailable, hostaway.BadAnswer:
		return true
	}
	return ctx.Err() != nil
}
