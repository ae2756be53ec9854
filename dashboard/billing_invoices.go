// Invoices, and the way to each at Stripe: an address there grows old, so that a link of ours fetches a fresh one.
package dashboard

import (
	"errors"

	"github.com/gofiber/fiber/v2"

	"hostaway-mcp/store"
)

type invoicesData struct {
	Invoices []invoiceRow
	Next     string // address of the following page
	First    bool
	Lost     bool
	Trouble  *partTrouble
}

// invoiceRow is an invoice with its status in words.
type invoiceRow struct {
	Invoice
	Chip, Tone string
}

// invoiceWords are the statuses as people read them.
var invoiceWords = map[InvoiceStatus]struct{ chip, tone string }{
	InvoiceDraft:         {"Being prepared", "none"},
	InvoiceOpen:          {"To pay", "bad"},
	InvoicePaid:          {"Paid", "good"},
	InvoiceVoid:          {"Void", "none"},
	InvoiceUncollectible: {"Not collected", "bad"},
	InvoiceRefunded:      {"Refunded", "none"},
	InvoiceDisputed:      {"Disputed", "warn"},
}

// Payable is true while the invoice waits for money.
func (i invoiceRow) Payable() bool {
	return i.HasPage && (i.Status == InvoiceOpen || i.Status == InvoiceUncollectible)
}

// Amount is what the invoice asks for now, or asked for once: a credit of the org can make that less than its sum.
func (i invoiceRow) Amount() Money {
	if i.Less() {
		return i.Due
	}
	return i.Total
}

// Less is true while less than the sum is to pay.
func (i invoiceRow) Less() bool {
	return (i.Status == InvoiceOpen || i.Status == InvoiceUncollectible) && i.Due.Known() && i.Due.Minor < i.Total.Minor
}

func (d *Dashboard) billingInvoices(c *fiber.Ctx, v *visit) error {
	after := c.Query("after")
	page, err := d.cfg.Billing.Invoices(c.UserContext(), v.org, after)
	if errors.Is(err, store.ErrNotFound) { // nobody's invoice, or another org's
		return err
	}
	data := invoicesData{First: after == "", Lost: page.Lost}
	if !isFault(err, FaultNoCustomer) {
		data.Trouble = d.troubleWith(c, v, err)
	}
	for _, invoice := range page.Invoices {
		row := invoiceRow{Invoice: invoice, Chip: string(invoice.Status), Tone: "none"}
		if words, ok := invoiceWords[invoice.Status]; ok {
			row.Chip, row.Tone = words.chip, words.tone
		}
		data.Invoices = append(data.Invoices, row)
	}
	if page.Next != "" {
		data.Next = "/billing/invoices?" + queryOf("after", page.Next)
	}
	return d.show(c, v, shown{Page: "billing-invoices", Title: "Invoices", Current: billingHref, Data: data})
}

// openInvoice leads to one invoice at Stripe. It is a link and no form, so that the redirect is nothing our policy minds.
func (d *Dashboard) openInvoice(c *fiber.Ctx, v *visit) error {
	form := InvoiceForm(c.Params("form"))
	if form != InvoicePDF && form != InvoiceWeb {
		return errNotFound
	}
	address, err := d.cfg.Billing.InvoiceAddress(c.UserContext(), v.org, c.Params("id"), form)
	if err != nil {
		return d.backWith(c, err)
	}
	if err := checkOutside(address); err != nil {
		return err
	}
	c.Set(fiber.HeaderCacheControl, "no-store")
	return c.Redirect(address, fiber.StatusSeeOther)
}
