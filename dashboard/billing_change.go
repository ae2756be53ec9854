// What an owner or admin changes about the plan: subscribe, go to Stripe's portal, cancel, resume, count now. A way to Stripe ends
// on a small page of ours: a redirect after a form would be stopped by our own content policy.
package dashboard

import (
	"context"
	"errors"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"

	"hostaway-mcp/store"
)

// opening is a method of Billing that opens a page at Stripe.
type opening func(ctx context.Context, org *store.Org, by store.Actor) (address string, err error)

// leavingData is the page between ours and Stripe's.
type leavingData struct{ Address, To string }

func (d *Dashboard) startCheckout(c *fiber.Ctx, v *visit) error {
	return d.leave(c, v, "Checkout", d.cfg.Billing.StartCheckout)
}

func (d *Dashboard) openPortal(c *fiber.Ctx, v *visit) error {
	return d.leave(c, v, "the customer portal", d.cfg.Billing.Portal)
}

// leave opens a page at Stripe and sends the browser there. No address is remembered, not even for a double click: the page behind
// it may be paid, closed or run out by the time the same form comes again, and only whoever asks Stripe knows that.
func (d *Dashboard) leave(c *fiber.Ctx, v *visit, to string, open opening) error {
	address, err := open(c.UserContext(), v.org, v.actor(c))
	if err != nil {
		return d.backWith(c, err)
	}
	if err := checkOutside(address); err != nil {
		return err
	}
	c.Set(fiber.HeaderCacheControl, "no-store")
	if wantsPart(c) {
		c.Set("HX-Redirect", address)
		return c.SendStatus(fiber.StatusNoContent)
	}
	return d.show(c, v, shown{Page: "leaving", Title: "On to Stripe", Current: billingHref, Refresh: address, Data: leavingData{address, to}})
}

// errOddAddress is for the log: the page that Stripe opened has an address that we don't send people to.
var errOddAddress = errors.New("an address to leave to is neither https nor on this machine")

// checkOutside lets people go to encrypted pages only, and to this machine.
func checkOutside(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return errOddAddress
	}
	if ip := net.ParseIP(u.Hostname()); u.Scheme == "https" || u.Scheme == "http" && (ip.IsLoopback() || u.Hostname() == "localhost") {
		return nil
	}
	return errOddAddress
}

// backWith leads back to the billing page with the words for a fault; anything else is an error as everywhere.
func (d *Dashboard) backWith(c *fiber.Ctx, err error) error {
	var fault *BillingError
	if errors.As(err, &fault) && faultWords[fault.Fault] != nil {
		if fault.Err != nil {
			d.cfg.Log.WarnContext(c.UserContext(), "a change of the plan failed", "route", c.Route().Path, "error", fault.Err, "request_id", d.visitOf(c).requestID)
		}
		return d.done(c, billingHref, "billing-"+faultWords[fault.Fault].Code)
	}
	return err
}

type cancelData struct {
	Plan    plan
	Form    form
	Longest int // of the reason, in characters
}

func (d *Dashboard) cancelPage(c *fiber.Ctx, v *visit) error {
	p, err := d.planOf(c, v)
	if err != nil {
		return err
	}
	if !p.Can.Cancel {
		return d.backWith(c, &BillingError{Fault: FaultNotSubscribed})
	}
	return d.showCancel(c, v, p, form{ID: formID()}, 0)
}

func (d *Dashboard) showCancel(c *fiber.Ctx, v *visit, p plan, f form, status int) error {
	return d.show(c, v, shown{
		Page: "billing-cancel", Title: "Cancel the subscription", Current: billingHref, Status: status, Data: cancelData{p, f, longestReason},
	})
}

// longestReason is how long a reason may be, in characters; a line's end is one.
const longestReason = 500

func (d *Dashboard) cancelPlan(c *fiber.Ctx, v *visit) error {
	f := readForm(c, "reason")
	reason := strings.ReplaceAll(f.Values["reason"], "\r\n", "\n") // as browsers send what they count as one
	if n := utf8.RuneCountInString(reason); n > longestReason {
		p, err := d.planOf(c, v)
		if err != nil {
			return err
		}
		f.Values["reason"] = reason
		f.Errors["reason"] = "It may have " + number(longestReason) + " characters, and has " + number(n) + ". Nothing was canceled."
		f.summarize()
		return d.showCancel(c, v, p, f, fiber.StatusUnprocessableEntity)
	}
	return d.change(c, v, "canceled", func() error { return d.cfg.Billing.Cancel(c.UserContext(), v.org, v.actor(c), reason) })
}

func (d *Dashboard) resumePlan(c *fiber.Ctx, v *visit) error {
	return d.change(c, v, "resumed", func() error { return d.cfg.Billing.Resume(c.UserContext(), v.org, v.actor(c)) })
}

func (d *Dashboard) syncListings(c *fiber.Ctx, v *visit) error {
	return d.change(c, v, "synced", func() error {
		_, err := d.cfg.Billing.SyncNow(c.UserContext(), v.org, v.actor(c))
		return err
	})
}

// change does what a form asks for, once, and leads back with a note. A form that failed may be sent again.
func (d *Dashboard) change(c *fiber.Ctx, v *visit, code string, do func() error) error {
	sent := posted(c, "once")
	if !d.once.first(v.org.ID(), sent) {
		return d.done(c, billingHref, "billing-repeated")
	}
	err := do()
	if err != nil && !errors.Is(err, store.ErrNotReplicated) {
		d.once.forget(v.org.ID(), sent)
		return d.backWith(c, err)
	}
	return d.whenCopied(c, v, err, d.ending(billingHref, code))
}

// paced lets each org do something once in a while.
type paced struct {
	now   func() time.Time
	every time.Duration
	mu    sync.Mutex
	last  map[string]time.Time
}

func newPaced(now func() time.Time, every time.Duration) *paced {
	return &paced{now: now, every: every, last: map[string]time.Time{}}
}

// allow is true when the org's last time is long enough ago.
func (p *paced) allow(orgID string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	for id, at := range p.last {
		if now.Sub(at) >= p.every {
			delete(p.last, id)
		}
	}
	if _, waits := p.last[orgID]; waits {
		return false
	}
	p.last[orgID] = now
	return true
}
