// Holds the fake against Stripe's own OpenAPI description of 2023-10-16: requests go to stripe-mock first, in this process,
// and every answer and event is validated, with two rules of our own: no field that the description doesn't know, and none
// of a resource missing.
package stripetest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-mock/embedded"
	"github.com/stripe/stripe-mock/server"

	"hostaway-mcp/billing/stripetest"
)

// contract is Stripe's description, as a validator of answers and a stub that takes requests.
type contract struct {
	mu      sync.Mutex
	schemas openapi3.Schemas
	stub    *server.StubServer
}

// theContract is read once: it takes a second, and hundreds of megabytes.
var theContract = sync.OnceValues(func() (*contract, error) {
	document, err := openapi3.NewLoader().LoadFromData(embedded.OpenAPISpec)
	if err != nil {
		return nil, fmt.Errorf("read the description: %w", err)
	}
	c := &contract{schemas: document.Components.Schemas}
	err = quietly(func() error {
		spec, err := server.LoadSpec(embedded.OpenAPISpec, "")
		if err != nil {
			return err
		}
		fixtures, err := server.LoadFixtures(embedded.OpenAPIFixtures, "")
		if err != nil {
			return err
		}
		c.stub, err = server.NewStubServer(fixtures, spec, true, false)
		return err
	})
	return c, err
})

// quietly keeps what stripe-mock prints out of the tests' output. Only one call runs at a time.
func quietly(do func() error) error {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	before := os.Stdout
	os.Stdout = null
	defer func() { os.Stdout = before }()
	return do()
}

func readContract(t testing.TB) *contract {
	t.Helper()
	c, err := theContract()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *contract) check() stripetest.Check {
	return stripetest.Check{Request: c.request, Answer: c.answer}
}

// request asks stripe-mock, which refuses unknown parameters, wrong types and values, and other versions.
func (c *contract) request(method, uri string, header http.Header, body []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := httptest.NewRequest(method, uri, bytes.NewReader(body))
	r.Header = header.Clone()
	r.Header.Set("Authorization", "Bearer sk_test_123") // the only kind of key it takes
	w := httptest.NewRecorder()
	if err := quietly(func() error { c.stub.HandleRequest(w, r); return nil }); err != nil {
		return err
	}
	if w.Code >= http.StatusBadRequest {
		return fmt.Errorf("stripe-mock answers %d: %s", w.Code, w.Body)
	}
	return nil
}

func (c *contract) answer(body []byte) error {
	var value map[string]any
	if err := json.Unmarshal(body, &value); err != nil {
		return err
	}
	return c.resource(value, "")
}

// resource validates an object that says what it is.
func (c *contract) resource(value map[string]any, at string) error {
	kind, _ := value["object"].(string)
	if kind == "list" {
		return c.list(value, at)
	}
	name := kind
	if value["deleted"] == true {
		name = "deleted_" + kind
	}
	schema := c.schemas[name]
	if schema == nil {
		return fmt.Errorf("%s: no schema for the object %q", at, kind)
	}
	if err := schema.Value.VisitJSON(value); err != nil {
		return fmt.Errorf("%s%s: %w", at, kind, err)
	}
	for field := range schema.Value.Properties {
		if _, ok := value[field]; !ok && !slices.Contains(mayMiss()[kind], field) && name == kind {
			return fmt.Errorf("%s%s: the documented field %q is missing", at, kind, field)
		}
	}
	return c.known(schema, value, at+kind)
}

func (c *contract) list(value map[string]any, at string) error {
	for _, field := range []string{"object", "data", "has_more", "url"} {
		if _, ok := value[field]; !ok {
			return fmt.Errorf("%slist: %q is missing", at, field)
		}
	}
	if len(value) != 4 {
		return fmt.Errorf("%slist: more fields than four: %v", at, slices.Sorted(maps.Keys(value)))
	}
	for i, one := range value["data"].([]any) {
		if err := c.resource(one.(map[string]any), fmt.Sprintf("%s[%d] ", at, i)); err != nil {
			return err
		}
	}
	return nil
}

// known walks down an object and finds fields that the description doesn't have.
func (c *contract) known(schema *openapi3.SchemaRef, value map[string]any, at string) error {
	if len(schema.Value.Properties) == 0 {
		return nil // metadata, and what an event carries
	}
	for field, held := range value {
		inner := schema.Value.Properties[field]
		if inner == nil {
			return fmt.Errorf("%s: the description has no field %q", at, field)
		}
		if err := c.below(inner, held, at+"."+field); err != nil {
			return err
		}
	}
	return nil
}

func (c *contract) below(schema *openapi3.SchemaRef, held any, at string) error {
	switch held := held.(type) {
	case []any:
		for _, one := range held {
			if schema.Value.Items != nil {
				if err := c.below(schema.Value.Items, one, at+"[]"); err != nil {
					return err
				}
			}
		}
	case map[string]any:
		if kind, _ := held["object"].(string); kind != "" {
			return c.resource(held, at+" ")
		}
		for _, choice := range append(openapi3.SchemaRefs{schema}, schema.Value.AnyOf...) {
			if len(choice.Value.Properties) > 0 && choice.Value.VisitJSON(held) == nil {
				return c.known(choice, held, at)
			}
		}
	}
	return nil
}

// mayMiss lists the documented fields that real answers leave out unless they are asked for or apply.
func mayMiss() map[string][]string {
	return map[string][]string{
		"account": {
			"business_profile", "business_type", "capabilities", "company", "controller", "external_accounts", "future_requirements",
			"individual", "metadata", "requirements", "settings", "tos_acceptance",
		},
		"balance":          {"connect_reserved", "instant_available", "issuing"},
		"charge":           {"transfer"},
		"checkout.session": {"line_items", "return_url"},
		"customer":         {"cash_balance", "invoice_credit_balance", "sources", "subscriptions", "tax", "tax_ids"},
		"dispute":          {"payment_method_details"},
		"event":            {"account"},
		"invoice":          {"id", "subscription_proration_date", "threshold_reason"},
		"line_item":        {"invoice_item", "subscription_item"},
		"payment_method":   cardOnly(),
		"price":            {"currency_options", "tiers"},
		"refund": {
			"description", "destination_details", "failure_balance_transaction", "failure_reason", "instructions_email", "next_action",
		},
		"webhook_endpoint": {"secret"},
	}
}

// cardOnly are the kinds of payment method that a card is not.
func cardOnly() []string {
	return strings.Fields(`acss_debit affirm afterpay_clearpay alipay au_becs_debit bacs_debit bancontact blik boleto card_present cashapp
		customer_balance eps fpx giropay grabpay ideal interac_present klarna konbini link oxxo p24 paynow paypal pix promptpay radar_options
		revolut_pay sepa_debit sofort swish us_bank_account wechat_pay zip`)
}

// TestContractHasTeeth proves that the check catches mistakes, each of which a client or the fake could make.
func TestContractHasTeeth(t *testing.T) {
	t.Parallel()
	c := readContract(t)
	var found []string
	s := stripetest.Start(t, stripetest.Options{Check: c.check(), OnViolation: func(what string) { found = append(found, what) }})
	api := newClient(s.URL(), "sk_test_1")
	caught := func(what string, err error) {
		t.Helper()
		if err == nil || len(found) != 1 {
			t.Errorf("%s: not caught (%v, %q)", what, err, found)
		}
		found = nil
	}
	unknown := &stripe.CustomerParams{}
	unknown.AddExtra("nonsense", "1")
	_, err := api.Customers.New(unknown)
	caught("an unknown parameter", err)
	_, err = api.Prices.New(&stripe.PriceParams{Currency: stripe.String("usd"), Product: stripe.String("prod_1"), Recurring: &stripe.PriceRecurringParams{Interval: stripe.String("fortnight")}})
	caught("a value that is not in the list", err)
	newer := &stripe.CustomerParams{}
	newer.Headers = http.Header{"Stripe-Version": {"2026-08-26.dahlia"}}
	_, err = api.Customers.New(newer)
	caught("another version", err)
	_, err = api.Coupons.New(&stripe.CouponParams{PercentOff: stripe.Float64(10), Duration: stripe.String("once")})
	caught("a route that the fake doesn't have", err)

	_, err = api.Customers.New(&stripe.CustomerParams{Email: stripe.String("a@example.com")})
	if err != nil || len(found) != 0 {
		t.Fatalf("a good request: %v, %q", err, found)
	}
	good, err := api.Customers.List(&stripe.CustomerListParams{}).CustomerList().LastResponse.RawJSON, error(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(map[string]any){
		"an invented field":            func(m map[string]any) { m["quota"] = 1 },
		"an invented field deeper":     func(m map[string]any) { m["invoice_settings"].(map[string]any)["colour"] = "red" },
		"a documented field missing":   func(m map[string]any) { delete(m, "balance") },
		"a wrong type":                 func(m map[string]any) { m["balance"] = "12" },
		"a value outside of the list":  func(m map[string]any) { m["tax_exempt"] = "maybe" },
		"null where something must be": func(m map[string]any) { m["created"] = nil },
	} {
		var list map[string]any
		if err := json.Unmarshal(good, &list); err != nil {
			t.Fatal(err)
		}
		spoil(list["data"].([]any)[0].(map[string]any))
		raw, err := json.Marshal(list)
		if err != nil {
			t.Fatal(err)
		}
		if c.answer(good) != nil || c.answer(raw) == nil {
			t.Errorf("%s: not caught, or the good one is", name)
		}
	}
}
