package hostaway

// finance.go: the price breakdown and the standard finance fields of a reservation (Hostaway docs, Finance fields and Financial
// reporting, 2026-10).

import (
	"context"
	"encoding/json"
	"time"

	"github.com/shopspring/decimal"
)

// FinanceField is one line of the price breakdown of a reservation.
type FinanceField struct {
	ID                     *int64           `json:"id"`
	Type                   FinanceType      `json:"type"`
	Name                   string           `json:"name"`  // the key, e.g. baseRate
	Title                  string           `json:"title"` // as shown to people
	Alias                  string           `json:"alias"`
	Quantity               *int64           `json:"quantity"`
	Value                  *decimal.Decimal `json:"value"`
	Total                  *decimal.Decimal `json:"total"` // the amount that counts; discounts are negative
	IsIncludedInTotalPrice *bool            `json:"isIncludedInTotalPrice"`
	IsOverriddenByUser     *bool            `json:"isOverriddenByUser"`
	IsMandatory            *bool            `json:"isMandatory"`
	IsDeleted              *bool            `json:"isDeleted"`
}

// FinanceType groups finance fields. Unknown values are kept as they are.
type FinanceType string

// The types met in the documentation and in live data. The documentation's other spelling of FinanceAccommodation is read as it,
// and so is the older "price".
const (
	FinanceAccommodation FinanceType = "accommodation"
	FinanceTotals        FinanceType = "totals"
	FinanceCommissions   FinanceType = "commissions"
	FinanceFee           FinanceType = "fee"
	FinanceTax           FinanceType = "tax"
	FinanceDiscount      FinanceType = "discount"
	FinanceOther         FinanceType = "other"
)

// StandardFinance holds the standard finance fields of one reservation. The account must have financial reporting switched on.
type StandardFinance struct {
	ID            *int64
	ListingID     *int64
	ChannelID     Channel
	ReservationID *int64
	// Amounts holds every money field that has a value, by its name in the API, e.g. "baseRate", "hostChannelFee", "cityTax".
	// The set is open: accounts may have more than the documented ones. A field without a value is absent.
	Amounts    map[string]decimal.Decimal
	InsertedOn *time.Time // UTC
	UpdatedOn  *time.Time // UTC
}

// FinanceFields gets the price breakdown of a reservation; NotFound when the account has none with this id.
func (c *Client) FinanceFields(ctx context.Context, reservationID int64) ([]FinanceField, error) {
	what := get("get finance fields", "/financeField/"+itoa(reservationID))
	if reservationID <= 0 {
		return nil, doing(what.op, noSuchID())
	}
	fields, err := fetchAll[FinanceField](ctx, c, what)
	for i := range fields {
		fields[i].Type = fields[i].Type.usual()
	}
	return fields, err
}

// usual maps the spellings of the documentation to the one in live data.
func (t FinanceType) usual() FinanceType {
	//nolint:misspell // the documentation's own spelling
	if t == "accomodation" || t == "price" {
		return FinanceAccommodation
	}
	return t
}

// StandardFinance gets the standard finance fields of a reservation; NotFound when the account has none with this id.
func (c *Client) StandardFinance(ctx context.Context, reservationID int64) (StandardFinance, error) {
	what := get("get standard finance fields", "/financeStandardField/reservation/"+itoa(reservationID))
	if reservationID <= 0 {
		return StandardFinance{}, doing(what.op, noSuchID())
	}
	env, err := c.get(ctx, what)
	if err != nil {
		return StandardFinance{}, err
	}
	head, err := decodeOne[standardFinanceHead](newRowReader(), env.result)
	if err != nil {
		return StandardFinance{}, doing(what.op, err)
	}
	return StandardFinance{
		ID: head.ID, ListingID: head.ListingID, ChannelID: head.ChannelID, ReservationID: head.ReservationID,
		InsertedOn: head.InsertedOn, UpdatedOn: head.UpdatedOn, Amounts: readAmounts(env.result),
	}, nil
}

type standardFinanceHead struct {
	ID            *int64     `json:"id"`
	ListingID     *int64     `json:"listingMapId"`
	ChannelID     Channel    `json:"channelId"`
	ReservationID *int64     `json:"reservationId"`
	InsertedOn    *time.Time `json:"insertedOn"`
	UpdatedOn     *time.Time `json:"updatedOn"`
}

// notAmounts are the fields of a standard finance row that may look like numbers and are no money.
var notAmounts = map[string]bool{
	"id": true, "accountId": true, "listingMapId": true, "channelId": true, "reservationId": true,
	"insertedOn": true, "updatedOn": true, "manuallySetFields": true, "customFeeValuesJson": true,
}

func readAmounts(result json.RawMessage) map[string]decimal.Decimal {
	amounts := map[string]decimal.Decimal{}
	list, _ := readList(result)
	if len(list) == 0 {
		return amounts
	}
	row, _ := readObject(list[0])
	for name, raw := range row {
		if amount, s := readDecimal(raw); s == isKnown && !notAmounts[name] {
			amounts[name] = amount
		}
	}
	return amounts
}
