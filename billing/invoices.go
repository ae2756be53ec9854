// Invoices: the history of what an org was charged. It is read from Stripe each time;
// the addresses in it run out, so none is stored (Stripe docs, Hosted Invoice Page).

package billing

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"hostaway-mcp/store"
)

// invoicePage is how many invoices a page has.
const invoicePage = 24

// Invoice is one invoice, in minor units of Currency. Total is with tax and discounts,
// Due what is still to pay. Listings is nil where its lines don't tell.
type Invoice struct {
	ID, Number             string
	CreatedAt              time.Time
	PeriodStart, PeriodEnd *time.Time
	Listings               *int
	Currency               string
	Total, Due             int64
	Status                 string // Stripe's: draft, open, paid, uncollectible, void; or refunded, disputed
	HasPDF, HasPage        bool
}

// InvoicePage is a page of them. Next leads to the following one, "" on the last.
// Lost says that Stripe lists those of a deleted customer no more.
type InvoicePage struct {
	Invoices []Invoice
	Next     string
	Lost     bool
}

// InvoiceForm is a way to look at an invoice at Stripe.
type InvoiceForm string

// The forms: a document, and the page where it can be paid.
const (
	InvoicePDF InvoiceForm = "pdf"
	InvoiceWeb InvoiceForm = "page"
)

// Invoices is a page of the org's invoices, the newest first, with those of customers
// that were deleted at Stripe: their history stays there (Stripe docs, Delete a
// customer). after is "" or a Next.
// Errors: store.ErrNotFound (after is no invoice of this org), *Fault of kind unreachable.
func (b *Billing) Invoices(ctx context.Context, org *store.Org, after string) (InvoicePage, error) {
	account, err := org.Billing(ctx)
	if errors.Is(err, store.ErrNotFound) || err == nil && account.CustomerID == "" {
		if after != "" {
			return InvoicePage{}, store.ErrNotFound
		}
		return InvoicePage{}, nil
	}
	if err != nil {
		return InvoicePage{}, err
	}
	customers := account.Customers()
	if after != "" {
		last, err := b.ownInvoice(ctx, account, after)
		if err != nil {
			return InvoicePage{}, err
		}
		customers = customers[slices.Index(customers, last.CustomerID):]
	}
	return b.invoicesFrom(ctx, customers, after)
}

// invoicesFrom fills a page with the customers' invoices, one customer after the other:
// each had its last before the next one was made.
func (b *Billing) invoicesFrom(ctx context.Context, customers []string, after string) (page InvoicePage, err error) {
	for _, customer := range customers {
		room := invoicePage - len(page.Invoices)
		found, more, err := b.stripe.invoicesOf(ctx, customer, max(room, 1), after)
		if kindOf(err) == KindNotFound { // a deleted one, of which nothing is left
			page.Lost, after = true, ""
			continue
		}
		if err != nil {
			return InvoicePage{}, asFault(err)
		}
		for _, i := range found[:min(len(found), room)] {
			shown, err := b.shownInvoice(ctx, i)
			if err != nil {
				return InvoicePage{}, asFault(err)
			}
			page.Invoices = append(page.Invoices, shown)
		}
		if more || len(found) > room {
			page.Next = page.Invoices[len(page.Invoices)-1].ID
			return page, nil
		}
		after = ""
	}
	return page, nil
}

func (b *Billing) shownInvoice(ctx context.Context, i stripeInvoice) (Invoice, error) {
	listings, err := b.listingsOn(ctx, i)
	if err != nil {
		return Invoice{}, err
	}
	return Invoice{
		ID: i.ID, Number: i.Number, CreatedAt: i.CreatedAt, Listings: listings,
		PeriodStart: known(i.billedFrom()), PeriodEnd: known(i.billedTo()),
		Currency: i.Currency, Total: i.Total, Due: i.AmountRemaining, Status: latestStatus(i, i.Charge), HasPDF: i.PDF != "", HasPage: i.HostedURL != "",
	}, nil
}

// InvoiceAddress is the fresh address of an invoice of this org at Stripe.
// Errors: store.ErrNotFound (another org's, nobody's, or not in that form), *Fault of
// kind unreachable.
func (b *Billing) InvoiceAddress(ctx context.Context, org *store.Org, id string, form InvoiceForm) (string, error) {
	account, err := org.Billing(ctx)
	if err != nil {
		return "", err
	}
	i, err := b.ownInvoice(ctx, account, id)
	if err != nil {
		return "", err
	}
	address := i.HostedURL
	if form == InvoicePDF {
		address = i.PDF
	}
	if !b.leadsToStripe(address) {
		return "", store.ErrNotFound
	}
	return address, nil
}

// ownInvoice reads an invoice and answers for another customer's as for nobody's.
func (b *Billing) ownInvoice(ctx context.Context, account store.BillingAccount, id string) (stripeInvoice, error) {
	if account.CustomerID == "" || !strings.HasPrefix(id, "in_") || nameOnly(id) == "" {
		return stripeInvoice{}, store.ErrNotFound
	}
	i, err := b.stripe.invoice(ctx, id)
	switch {
	case kindOf(err) == KindNotFound || err == nil && !slices.Contains(account.Customers(), i.CustomerID):
		return stripeInvoice{}, store.ErrNotFound
	case err != nil:
		return stripeInvoice{}, asFault(err)
	}
	return i, nil
}

// leadsToStripe tells whether people may be sent there: over TLS, or to the Stripe of
// a test on this machine.
func (b *Billing) leadsToStripe(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return false
	}
	return u.Scheme == "https" || b.cfg.URL != "" && u.Scheme == "http" && loopback(u.Hostname())
}

// listingsOn is how many listings the invoice charges for its period: prorations of
// earlier changes apart. Stripe puts them first and shows ten lines with an invoice.
func (b *Billing) listingsOn(ctx context.Context, i stripeInvoice) (*int, error) {
	n, ok := regularQuantity(i.Lines)
	if !ok && i.MoreLines {
		lines, err := b.stripe.invoiceLines(ctx, i.ID)
		if err != nil {
			return nil, err
		}
		n, ok = regularQuantity(lines)
	}
	if !ok {
		return nil, nil //nolint:nilnil // an invoice over prorations alone has no number
	}
	return &n, nil
}

func regularQuantity(lines []stripeLine) (n int, ok bool) {
	for _, l := range lines {
		if !l.Proration && l.SubscriptionID != "" {
			n, ok = n+int(l.Quantity), true
		}
	}
	return n, ok
}

// billedFrom and billedTo are the period that the regular line is for; that of the
// invoice is the one before (Stripe docs, Invoice.period_start).
func (i stripeInvoice) billedFrom() time.Time {
	if l, ok := i.regular(); ok {
		return l.From
	}
	return i.PeriodStart
}

func (i stripeInvoice) billedTo() time.Time {
	if l, ok := i.regular(); ok {
		return l.To
	}
	return i.PeriodEnd
}

func (i stripeInvoice) regular() (stripeLine, bool) {
	for _, l := range i.Lines {
		if !l.Proration && l.SubscriptionID != "" {
			return l, true
		}
	}
	return stripeLine{}, false
}
