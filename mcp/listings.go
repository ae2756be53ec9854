// The listings: a paged list of summaries, and one listing in full.

package mcp

import (
	"context"
	"strings"

	"hostaway-mcp/hostaway"
)

const (
	listPropertiesTool     = "hostaway_list_properties"
	getPropertyDetailsTool = "hostaway_get_property_details"
)

func listingTools() []Tool {
	return []Tool{
		newTool(spec{
			Name:        listPropertiesTool,
			Title:       "List listings",
			Description: "Lists the account's listings (properties), active ones unless status says otherwise. price is the base price of a night.",
		}, listProperties),
		newTool(spec{
			Name:        getPropertyDetailsTool,
			Title:       "Get listing details",
			Description: "Shows one listing: address, rooms, prices, stay rules, licence, links. Never door codes, wifi or key instructions.",
		}, getPropertyDetails),
	}
}

type listPropertiesIn struct {
	Search  string `json:"search,omitempty" maxlen:"100" jsonschema:"part of name"`
	City    string `json:"city,omitempty" maxlen:"100" jsonschema:"exact city"`
	Country string `json:"country,omitempty" maxlen:"60" jsonschema:"name or ISO code"`
	Status  string `json:"status,omitempty" enum:"active,archived,all" default:"active" jsonschema:"which"`
	Guests  int64  `json:"guests,omitempty" min:"1" jsonschema:"least capacity"`
	Limit   int    `json:"limit,omitempty" min:"1" max:"100" default:"50" jsonschema:"rows"`
	Cursor  string `json:"cursor,omitempty" jsonschema:"last next_cursor"`
}

type listPropertiesOut struct {
	Listings []listingRow `json:"listings"`
	paged
}

type listingRow struct {
	ID       int64  `json:"id"`
	Name     string `json:"name"`
	City     string `json:"city,omitempty"`
	Country  string `json:"country,omitempty"`
	Capacity *int64 `json:"capacity,omitempty"`
	Bedrooms *int64 `json:"bedrooms,omitempty"`
	Price    string `json:"price,omitempty"`
	Currency string `json:"currency,omitempty"`
	Active   bool   `json:"active"`
}

func rowOfListing(l hostaway.Listing) listingRow {
	return listingRow{
		ID: l.ID, Name: listingName(l), City: clip(l.City, 80), Country: countryOf(l), Capacity: l.PersonCapacity,
		Bedrooms: l.BedroomsNumber, Price: moneyOrAbsent(l.Price, l.CurrencyCode), Currency: l.CurrencyCode, Active: !l.IsArchived(),
	}
}

// listingName prefers the public name; rows without any name exist.
func listingName(l hostaway.Listing) string {
	for _, name := range []string{l.Name, l.ExternalListingName, l.InternalListingName} {
		if name != "" {
			return clip(name, 120)
		}
	}
	return ""
}

func countryOf(l hostaway.Listing) string {
	if l.CountryCode != "" {
		return l.CountryCode
	}
	return clip(l.Country, 60)
}

func listProperties(ctx context.Context, c Caller, in listPropertiesIn) (listPropertiesOut, error) {
	query := in
	query.Cursor, query.Limit = "", 0
	from, err := startOf(listPropertiesTool, in.Cursor, query)
	if err != nil {
		return listPropertiesOut{}, err
	}
	// Hostaway can leave archived listings out, but cannot list them alone, nor filter by capacity without dates, and compares
	// the country with its name or its code, nobody says which: those are ours.
	filter := hostaway.ListingFilter{Match: in.Search, City: in.City, ActiveOnly: in.Status == "active"}
	found, err := scan(ctx, listingSource(c.Hostaway, filter), scanPlan[hostaway.Listing]{
		from: from, limit: in.Limit, keep: in.keeps, filters: in.Status == "archived" || in.Guests > 0 || in.Country != "",
		tell: func(pages int) { c.Progress(pages, 0, "searching listings") },
	})
	if err != nil {
		return listPropertiesOut{}, err
	}
	rows := make([]listingRow, len(found.rows))
	for i, l := range found.rows {
		rows[i] = rowOfListing(l)
	}
	n, pages := cut(listPropertiesTool, query, found, rows, nil)
	return listPropertiesOut{rows[:n], pages}, nil
}

func (in listPropertiesIn) keeps(l hostaway.Listing) bool {
	switch {
	case in.Status == "active" && l.IsArchived(), in.Status == "archived" && !l.IsArchived():
		return false
	case in.Country != "" && !strings.EqualFold(in.Country, l.Country) && !strings.EqualFold(in.Country, l.CountryCode):
		return false
	}
	return in.Guests == 0 || (l.PersonCapacity != nil && *l.PersonCapacity >= in.Guests)
}
