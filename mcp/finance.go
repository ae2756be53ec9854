// Money: Hostaway's own reports, and our sums over reservations.

package mcp

import (
	"hostaway-mcp/hostaway"
)

const (
	getFinancialReportsTool = "hostaway_get_financial_reports"
	getFinancialSummaryTool = "hostaway_get_financial_summary"
)

func financeTools() []Tool {
	return []Tool{
		newTool(spec{
			Name:  getFinancialReportsTool,
			Title: "Get financial reports",
			Description: "Hostaway's own reports, for accounts with financial reporting. Rows: standard and calculated per reservation and field, " +
				"consolidated per reservation, listing_financials per listing. Period [from, to). Empty columns are left out and named.",
		}, getFinancialReport),
		newTool(spec{
			Name:  getFinancialSummaryTool,
			Title: "Get financial summary",
			Description: "Exact sums per currency and by listing, of reservations whose arrival (see date_basis) is in [from, to). " +
				"revenue: guest totals of confirmed stays, taxes and fees included. Money kept from cancellations is apart. Owner stays count as owner_nights, without money. " +
				"average_nightly_rate: revenue / nights, of stays with an amount. parts: known for that many bookings. Currencies are never added together.",
		}, getFinancialSummary),
	}
}

// period reads [from, to), which may be at most mostDays long.
func period(from, to hostaway.Date, mostDays int) error {
	switch {
	case from.IsZero() || to.IsZero():
		return refuseArgument("The period is missing.", "Give from and to like 2026-05-31; to is the day after the last.")
	case !from.Before(to):
		return refuseArgument("The period is empty: to is the first day outside it.", "For one day, give the next day as to.")
	case to.Sub(from) > mostDays:
		return refuseArgument("The period is too long.", "Ask for at most "+daysText(mostDays)+" at once.")
	}
	return nil
}
