// The billing page: what is paid for, why so much, and the way to Stripe. What Stripe has to be asked for comes afterwards, in
// parts that are pages of their own where there is no JavaScript.
package dashboard

import (
	"errors"
	"html/template"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"hostaway-mcp/store"
)

type billingData struct {
	Plan       plan
	Form       string // the id of this rendering, against sending a form twice
	Days       []ListingDay
	Chart      template.HTML
	Today      string
	Confirming *confirming
	Left       bool // came back from Checkout without subscribing
}

// Newest lists the days that are known from today back, for the table.
func (b billingData) Newest() []ListingDay { return newestDays(b.Days) }

// planOf reads the org's plan, once for a request: whoever changes it answers with a redirect.
func (d *Dashboard) planOf(c *fiber.Ctx, v *visit) (plan, error) {
	if v.plan == nil {
		o, err := d.cfg.Billing.Overview(c.UserContext(), v.org)
		if err != nil {
			return plan{}, err
		}
		p := newPlan(o, d.cfg.Now())
		v.plan = &p
	}
	return *v.plan, nil
}

func (d *Dashboard) billingPage(c *fiber.Ctx, v *visit) error {
	p, err := d.planOf(c, v)
	if err != nil {
		return err
	}
	from, to := dayWindow(d.cfg.Now(), usualRange)
	days, err := d.cfg.Billing.Days(c.UserContext(), v.org, from, to)
	if err != nil {
		return err
	}
	data := billingData{
		Plan: p, Form: formID(), Days: days, Today: d.today(), Chart: listingBars(days, d.today()),
		Left: c.Query("checkout") == "cancelled" && !p.Subscribed(),
	}
	if c.Query("checkout") == "done" {
		data.Confirming = &confirming{Since: d.cfg.Now().Unix(), Arrived: p.Subscribed()}
	}
	return d.show(c, v, shown{Page: "billing", Title: "Billing", Current: billingHref, Data: data})
}

func (d *Dashboard) today() string { return d.cfg.Now().UTC().Format(time.DateOnly) }

// confirming is the note after Checkout: the browser is back sooner than the state.
type confirming struct {
	Since   int64 // when the browser came back, in Unix seconds
	Arrived bool
	GaveUp  bool
}

const (
	confirmFor   = 30 * time.Second // how long the page goes on asking
	confirmEvery = 4 * time.Second  // between two looks at Stripe for one org
)

// billingConfirming looks whether what was done at Stripe has arrived. Without JavaScript it leads back to the page.
func (d *Dashboard) billingConfirming(c *fiber.Ctx, v *visit) error {
	var fault *BillingError
	if d.refreshes.allow(v.org.ID()) {
		err := d.cfg.Billing.Refresh(c.UserContext(), v.org)
		if err != nil && !errors.As(err, &fault) {
			return err
		}
	}
	p, err := d.planOf(c, v)
	if err != nil {
		return err
	}
	if p.Subscribed() {
		d.setFlash(c, "subscribed")
		return goTo(c, billingHref)
	}
	if !wantsPart(c) {
		return c.Redirect(billingHref+"?checkout=done", fiber.StatusSeeOther)
	}
	since, err := strconv.ParseInt(c.Query("since"), 10, 64)
	now := d.cfg.Now().Unix()
	if err != nil || since > now {
		since = now
	}
	note := confirming{Since: since, GaveUp: time.Duration(now-since)*time.Second >= confirmFor}
	return d.show(c, v, shown{Page: "billing-confirming", Title: "Billing", Current: billingHref, Data: note})
}

// goTo leads the whole page to an address of ours, from a part too.
func goTo(c *fiber.Ctx, to string) error {
	if wantsPart(c) {
		c.Set("HX-Redirect", to)
		return c.SendStatus(fiber.StatusNoContent)
	}
	return c.Redirect(to, fiber.StatusSeeOther)
}

// partTrouble is why a part of the page is missing.
type partTrouble struct{ What, Next string }

// troubleWith puts a failure into words that stand where the part would. What nobody can do anything about is logged.
func (d *Dashboard) troubleWith(c *fiber.Ctx, v *visit, err error) *partTrouble {
	if err == nil {
		return nil
	}
	var fault *BillingError
	if errors.As(err, &fault) && faultWords[fault.Fault] != nil {
		told := billingProblem(fault, d.cfg.Now())
		return &partTrouble{told.Message, told.Next}
	}
	d.logInternal(c, v, err)
	return &partTrouble{"This could not be loaded, and the fault is on our side.", "Try again; if it stays, give the request id " + v.requestID + " to the operator of this server."}
}

type projectedData struct {
	Plan    plan
	Bill    ProjectedBill
	Trouble *partTrouble
}

// Money writes an amount of the bill.
func (p projectedData) Money(minor int64) Money { return Money{minor, p.Bill.Currency} }

// Off is what is taken off, as a negative amount.
func (p projectedData) Off(minor int64) Money { return Money{-minor, p.Bill.Currency} }

// billingProjected is the next bill, with what led to it.
func (d *Dashboard) billingProjected(c *fiber.Ctx, v *visit) error {
	p, err := d.planOf(c, v)
	if err != nil {
		return err
	}
	bill, err := d.cfg.Billing.Projected(c.UserContext(), v.org)
	data := projectedData{p, bill, d.troubleWith(c, v, err)}
	return d.show(c, v, shown{Page: "billing-projected", Title: "Projected bill", Current: billingHref, Data: data})
}

type billedData struct {
	Plan    plan
	Billed  BilledListings
	Trouble *partTrouble
}

// Title says what the listings are: nothing is billed before there is a subscription.
func (b billedData) Title() string {
	if b.Plan.Subscribed() && b.Plan.Billed != nil {
		return "Billed listings"
	}
	return "Counted listings"
}

// billingListings are the very listings behind the number.
func (d *Dashboard) billingListings(c *fiber.Ctx, v *visit) error {
	p, err := d.planOf(c, v)
	if err != nil {
		return err
	}
	billed, err := d.cfg.Billing.Listings(c.UserContext(), v.org)
	if errors.Is(err, store.ErrNotFound) {
		err = &BillingError{Fault: FaultNotCounted}
	}
	data := billedData{p, billed, d.troubleWith(c, v, err)}
	return d.show(c, v, shown{Page: "billing-listings", Title: data.Title(), Current: billingHref, Data: data})
}
