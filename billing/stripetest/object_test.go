// Everything else a client asks for: lists, expansion, prices, portal, account.
package stripetest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-go/v76"

	"hostaway-mcp/billing/stripetest"
)

func TestListsComeInPages(t *testing.T) {
	t.Parallel()
	a := newAccount(t, stripetest.Options{})
	for i := range 24 {
		must(a.api.Customers.New(&stripe.CustomerParams{Email: stripe.String(fmt.Sprintf("c%d@example.com", i))}))(t)
	}
	a.ResetCalls()
	all := a.api.Customers.List(&stripe.CustomerListParams{ListParams: stripe.ListParams{Limit: stripe.Int64(10)}})
	var emails []string
	for all.Next() {
		emails = append(emails, all.Customer().Email)
	}
	succeed(t, all.Err())
	if len(emails) != 25 || emails[0] != "c23@example.com" || emails[24] != "owner@example.com" {
		t.Errorf("%d customers from %s", len(emails), emails[0])
	}
	if got := a.CallCounts()["GET /v1/customers"]; got != 3 {
		t.Errorf("%d calls", got)
	}
	first := a.Customers()[24].ID
	back := a.api.Customers.List(&stripe.CustomerListParams{ListParams: stripe.ListParams{EndingBefore: &first, Limit: stripe.Int64(2), Single: true}})
	var before []string
	for back.Next() {
		before = append(before, back.Customer().Email)
	}
	if diff := cmp.Diff([]string{"c0@example.com", "c1@example.com"}, before); diff != "" && len(before) != 2 {
		t.Error(diff)
	}
	recent := a.api.Customers.List(&stripe.CustomerListParams{CreatedRange: &stripe.RangeQueryParams{GreaterThan: a.Now().Unix()}})
	if recent.Next() {
		t.Error("a customer of the future")
	}
}

func TestManyLinesComeInPages(t *testing.T) {
	t.Parallel()
	a := newAccount(t, stripetest.Options{})
	x := a.subscribe(t, 3, 0)
	for n := range int64(20) {
		a.Advance(24 * time.Hour)
		must(a.setQuantity(x, 4+n%3, time.Time{}))(t)
	}
	upcoming := must(a.api.Invoices.Upcoming(&stripe.InvoiceUpcomingParams{Customer: stripe.String(a.customer)}))(t)
	lines := a.api.Invoices.UpcomingLines(&stripe.InvoiceUpcomingLinesParams{Customer: stripe.String(a.customer), Subscription: stripe.String(x.ID)})
	var sum int64
	n := 0
	for lines.Next() {
		sum += lines.InvoiceLineItem().Amount
		n++
	}
	succeed(t, lines.Err())
	if len(upcoming.Lines.Data) != 10 || !upcoming.Lines.HasMore || n != 41 || sum != upcoming.Total {
		t.Errorf("%d lines within, %d in pages over %d of %d", len(upcoming.Lines.Data), n, sum, upcoming.Total)
	}
	a.AdvanceTo(date("2026-02-10").Add(2 * time.Hour))
	renewal := a.Invoices(a.customer)[0]
	paged := a.api.Invoices.ListLines(&stripe.InvoiceListLinesParams{Invoice: stripe.String(renewal.ID)})
	n = 0
	for paged.Next() {
		n++
	}
	if renewal.Total != sum || n != 41 {
		t.Errorf("the renewal has %d lines over %d, the preview said %d", n, renewal.Total, sum)
	}
}

func TestExpansion(t *testing.T) {
	t.Parallel()
	a := newAccount(t, stripetest.Options{})
	x := a.subscribe(t, 1, 0)
	p := &stripe.SubscriptionParams{}
	for _, path := range []string{"latest_invoice.payment_intent", "customer", "items.data.price.product"} {
		p.AddExpand(path)
	}
	full := must(a.api.Subscriptions.Get(x.ID, p))(t)
	if full.LatestInvoice.PaymentIntent.Status != "succeeded" || full.Customer.Email != "owner@example.com" || full.Items.Data[0].Price.Product.Name != "Active listing" {
		t.Errorf("expanded: %v, %s, %s", full.LatestInvoice.PaymentIntent, full.Customer.Email, full.Items.Data[0].Price.Product.Name)
	}
}

func TestPricesAndProducts(t *testing.T) {
	t.Parallel()
	a := newAccount(t, stripetest.Options{})
	product := must(a.api.Products.New(&stripe.ProductParams{Name: stripe.String("Active listing"), Metadata: map[string]string{"made_by": "test"}}))(t)
	made := must(a.api.Prices.New(&stripe.PriceParams{
		Currency: stripe.String("eur"), UnitAmount: stripe.Int64(450), Product: stripe.String(product.ID), LookupKey: stripe.String("listing_v1"),
		TransferLookupKey: stripe.Bool(true), Recurring: &stripe.PriceRecurringParams{Interval: stripe.String("month")},
	}))(t)
	found := a.api.Prices.List(&stripe.PriceListParams{LookupKeys: stripe.StringSlice([]string{"listing_v1"}), Active: stripe.Bool(true)})
	if !found.Next() || found.Price().ID != made.ID || found.Price().Recurring.Interval != "month" || found.Next() {
		t.Errorf("the lookup key leads to %+v", found.Price())
	}
	must(a.api.Products.Update(product.ID, &stripe.ProductParams{Active: stripe.Bool(false)}))(t)
	if got := must(a.api.Products.Get(product.ID, nil))(t); got.Active {
		t.Error("the product is still active")
	}
	must(a.api.Prices.Update(made.ID, &stripe.PriceParams{Active: stripe.Bool(false), Metadata: map[string]string{"a": "b"}}))(t)
	if got := must(a.api.Prices.Get(made.ID, nil))(t); got.Active || got.Metadata["a"] != "b" {
		t.Errorf("the price: %v %v", got.Active, got.Metadata)
	}
	if list := a.api.Products.List(&stripe.ProductListParams{Active: stripe.Bool(false)}); !list.Next() {
		t.Error("no inactive product")
	}
}

func TestCards(t *testing.T) {
	t.Parallel()
	a := newAccount(t, stripetest.Options{})
	card := must(a.api.PaymentMethods.Attach("pm_card_visa", &stripe.PaymentMethodAttachParams{Customer: stripe.String(a.customer)}))(t)
	must(a.api.Customers.Update(a.customer, &stripe.CustomerParams{InvoiceSettings: &stripe.CustomerInvoiceSettingsParams{DefaultPaymentMethod: stripe.String(card.ID)}}))(t)
	if got := must(a.api.Customers.Get(a.customer, nil))(t); got.InvoiceSettings.DefaultPaymentMethod.ID != card.ID {
		t.Errorf("the default is %v", got.InvoiceSettings.DefaultPaymentMethod)
	}
	if got := must(a.api.PaymentMethods.Get(card.ID, nil))(t); got.Card.Last4 != "4242" {
		t.Errorf("the card is %+v", got.Card)
	}
	list := a.api.PaymentMethods.List(&stripe.PaymentMethodListParams{Customer: stripe.String(a.customer), Type: stripe.String("card")})
	n := 0
	for list.Next() {
		n++
	}
	must(a.api.PaymentMethods.Detach(card.ID, &stripe.PaymentMethodDetachParams{}))(t)
	if got := must(a.api.Customers.Get(a.customer, nil))(t); n != 2 || got.InvoiceSettings.DefaultPaymentMethod != nil {
		t.Errorf("%d cards, and %v after the default was detached", n, got.InvoiceSettings.DefaultPaymentMethod)
	}
}

func TestThePortal(t *testing.T) {
	t.Parallel()
	a := newAccount(t, stripetest.Options{})
	open := func() (*stripe.BillingPortalSession, error) {
		return a.api.BillingPortalSessions.New(&stripe.BillingPortalSessionParams{Customer: stripe.String(a.customer), ReturnURL: stripe.String("https://example.com/billing")})
	}
	if _, err := open(); statusOf(err) != 400 {
		t.Errorf("a portal that was never configured: %v", err)
	}
	made := must(a.api.BillingPortalConfigurations.New(&stripe.BillingPortalConfigurationParams{
		BusinessProfile: &stripe.BillingPortalConfigurationBusinessProfileParams{Headline: stripe.String("Your billing")},
		Features: &stripe.BillingPortalConfigurationFeaturesParams{
			InvoiceHistory:      &stripe.BillingPortalConfigurationFeaturesInvoiceHistoryParams{Enabled: stripe.Bool(true)},
			PaymentMethodUpdate: &stripe.BillingPortalConfigurationFeaturesPaymentMethodUpdateParams{Enabled: stripe.Bool(true)},
			CustomerUpdate:      &stripe.BillingPortalConfigurationFeaturesCustomerUpdateParams{Enabled: stripe.Bool(true), AllowedUpdates: stripe.StringSlice([]string{"email", "address"})},
			SubscriptionCancel:  &stripe.BillingPortalConfigurationFeaturesSubscriptionCancelParams{Enabled: stripe.Bool(true), Mode: stripe.String("at_period_end")},
		},
		Metadata: map[string]string{"made_by": "test"},
	}))(t)
	must(a.api.BillingPortalConfigurations.Update(made.ID, &stripe.BillingPortalConfigurationParams{DefaultReturnURL: stripe.String("https://example.com/")}))(t)
	list := a.api.BillingPortalConfigurations.List(&stripe.BillingPortalConfigurationListParams{Active: stripe.Bool(true)})
	if !list.Next() || !list.BillingPortalConfiguration().Features.SubscriptionCancel.Enabled || list.BillingPortalConfiguration().DefaultReturnURL == "" {
		t.Errorf("listed: %+v", list.BillingPortalConfiguration())
	}
	session := must(a.api.BillingPortalSessions.New(&stripe.BillingPortalSessionParams{
		Customer: stripe.String(a.customer), Configuration: stripe.String(made.ID), ReturnURL: stripe.String("https://example.com/billing"),
		FlowData: &stripe.BillingPortalSessionFlowDataParams{Type: stripe.String("payment_method_update")},
	}))(t)
	if !strings.HasPrefix(session.URL, a.URL()) || session.Flow.Type != "payment_method_update" {
		t.Errorf("the session: %s, %+v", session.URL, session.Flow)
	}
}

// press presses a button of one of Stripe's pages, without following where it leads.
func press(t *testing.T, page, button string) (status int, location string) {
	t.Helper()
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.PostForm(page, url.Values{"do": {button}})
	succeed(t, err)
	defer resp.Body.Close()
	return resp.StatusCode, resp.Header.Get("Location")
}

func look(t *testing.T, page string) string {
	t.Helper()
	resp, err := http.Get(page) //nolint:noctx // a test's own server
	succeed(t, err)
	defer resp.Body.Close()
	return string(must(io.ReadAll(resp.Body))(t))
}

func TestPagesForPeople(t *testing.T) {
	t.Parallel()
	a := newAccount(t, stripetest.Options{})
	session := a.checkout(t, nil)
	if got := look(t, session.URL); !strings.Contains(got, "2 × Active listing at 10.00 usd a month") {
		t.Errorf("Checkout shows %s", got)
	}
	press(t, session.URL, "decline")
	if len(a.Subscriptions(a.customer)) != 0 {
		t.Error("a declined card subscribed")
	}
	if _, to := press(t, session.URL, "pay"); to != "https://example.com/billing?session="+session.ID {
		t.Errorf("after paying people go to %s", to)
	}
	if status, _ := press(t, session.URL, "pay"); status != http.StatusConflict {
		t.Errorf("paying twice answers %d", status)
	}
	must(a.api.BillingPortalConfigurations.New(&stripe.BillingPortalConfigurationParams{
		BusinessProfile: &stripe.BillingPortalConfigurationBusinessProfileParams{Headline: stripe.String("Your billing")},
		Features:        &stripe.BillingPortalConfigurationFeaturesParams{InvoiceHistory: &stripe.BillingPortalConfigurationFeaturesInvoiceHistoryParams{Enabled: stripe.Bool(true)}},
	}))(t)
	portal := must(a.api.BillingPortalSessions.New(&stripe.BillingPortalSessionParams{
		Customer: stripe.String(a.customer), Configuration: stripe.String(must(a.configuration())(t)), ReturnURL: stripe.String("https://example.com/billing"),
	}))(t)
	press(t, portal.URL, "declined")
	a.AdvanceTo(date("2026-02-11"))
	if got := a.Subscriptions(a.customer)[0].Status; got != "past_due" || !strings.Contains(look(t, portal.URL), "past_due") {
		t.Errorf("with a declined card it is %s", got)
	}
	open := must(a.api.Invoices.Get(a.Invoices(a.customer)[0].ID, nil))(t)
	if got := look(t, open.HostedInvoiceURL); !strings.Contains(got, "20.00 usd, open") {
		t.Errorf("the invoice's page shows %s", got)
	}
	press(t, open.HostedInvoiceURL, "pay")
	press(t, portal.URL, "cancel")
	if got := a.Subscriptions(a.customer)[0]; got.Status != "active" || !got.CancelAtPeriodEnd {
		t.Errorf("paid and canceled it is %s, %v", got.Status, got.CancelAtPeriodEnd)
	}
	press(t, portal.URL, "resume")
	if got := a.Subscriptions(a.customer)[0]; got.CancelAtPeriodEnd || !strings.HasPrefix(look(t, open.InvoicePDF), "%PDF") {
		t.Error("not resumed, or the invoice has no PDF")
	}
}

func (a *account) configuration() (string, error) {
	list := a.api.BillingPortalConfigurations.List(&stripe.BillingPortalConfigurationListParams{})
	if !list.Next() {
		return "", list.Err()
	}
	return list.BillingPortalConfiguration().ID, nil
}

func TestAccountAndMode(t *testing.T) {
	t.Parallel()
	for _, live := range []bool{false, true} {
		s := stripetest.Start(t, stripetest.Options{Live: live, Check: readContract(t).check()})
		key := map[bool]string{false: "rk_test_1", true: "rk_live_1"}[live]
		api := newClient(s.URL(), key)
		if got := must(api.Balance.Get(nil))(t); got.Livemode != live {
			t.Errorf("livemode is %v", got.Livemode)
		}
		if got := must(api.Accounts.Get())(t); got.ID != "acct_stripetest" {
			t.Errorf("the account is %s", got.ID)
		}
	}
}
