// Billing for scripts: the state, and counting now.
package dashboard

import (
	"time"

	"github.com/gofiber/fiber/v2"
)

// apiBilling is the plan as the API shows it; amounts are in the smallest unit of the currency.
type apiBilling struct {
	State           BillingState `json:"state"`
	ToolsAnswer     bool         `json:"tools_answer"`
	Currency        *string      `json:"currency"`
	UnitAmount      *int64       `json:"unit_amount"`
	ListingsCounted *int         `json:"listings_counted"`
	CountedAt       *time.Time   `json:"counted_at"`
	ListingsBilled  *int         `json:"listings_billed"`
	MonthlyAmount   *int64       `json:"monthly_amount"`
	Held            *apiHeld     `json:"held"`
	TrialEndsAt     *time.Time   `json:"trial_ends_at"`
	CancelAt        *time.Time   `json:"cancel_at"`
	StopsAt         *time.Time   `json:"stops_at"`
	PeriodStart     *time.Time   `json:"period_start"`
	PeriodEnd       *time.Time   `json:"period_end"`
	NextSyncAt      *time.Time   `json:"next_sync_at"`
}

type apiHeld struct {
	Reason   HoldReason `json:"reason"`
	Listings int        `json:"listings"`
	Billed   int        `json:"billed"`
	Since    time.Time  `json:"since"`
	Text     string     `json:"text"`
}

func newAPIHeld(h *HeldCount) *apiHeld {
	if h == nil {
		return nil
	}
	return &apiHeld{h.Reason, h.Listings, h.Billed, h.Since, heldText(*h)}
}

func newAPIBilling(p plan) apiBilling {
	out := apiBilling{
		State: p.State, ToolsAnswer: !p.Stopped() && p.State != BillingNotConnected, ListingsBilled: p.Billed, Held: newAPIHeld(p.Held), TrialEndsAt: p.TrialEndsAt, CancelAt: p.CancelAt,
		StopsAt: p.StopsAt, PeriodStart: p.PeriodStart, PeriodEnd: p.PeriodEnd, NextSyncAt: p.NextSyncAt,
	}
	if p.UnitPrice.Known() {
		out.Currency, out.UnitAmount = &p.UnitPrice.Currency, &p.UnitPrice.Minor
	}
	if p.Counted != nil {
		out.ListingsCounted, out.CountedAt = &p.Counted.Active, &p.Counted.At
	}
	if monthly := p.Monthly(); monthly.Known() {
		out.MonthlyAmount = &monthly.Minor
	}
	return out
}

func (d *Dashboard) apiBillingState(c *fiber.Ctx, v *visit) error {
	p, err := d.planOf(c, v)
	if err != nil {
		return err
	}
	return c.JSON(newAPIBilling(p))
}

// apiSynced is what a count brought.
type apiSynced struct {
	Listings   int        `json:"listings"`
	Before     *int       `json:"before"`
	CountedAt  time.Time  `json:"counted_at"`
	Held       *apiHeld   `json:"held"`
	NextSyncAt *time.Time `json:"next_sync_at"`
}

func (d *Dashboard) apiSync(c *fiber.Ctx, v *visit) error {
	r, err := d.cfg.Billing.SyncNow(c.UserContext(), v.org, v.actor(c))
	return d.whenCopied(c, v, err, func(c *fiber.Ctx, _ *visit) error {
		return c.JSON(apiSynced{r.Listings, r.Before, r.CountedAt, newAPIHeld(r.Held), r.NextSyncAt})
	})
}
