package billing

import (
	"strings"
	"testing"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
)

const goodPrice = `{"id":"price_1","object":"price","active":true,"billing_scheme":"per_unit","currency":"usd","lookup_key":"listing_v1",
"product":"prod_1","recurring":{"interval":"month","interval_count":1,"usage_type":"licensed"},"type":"recurring","unit_amount":500}`

func TestThePriceMustBeForEachListingAndMonth(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, old, replaced, says string }{
		{"the right one", "", "", ""},
		{"of a year", `"interval":"month"`, `"interval":"year"`, "every month"},
		{"of two months", `"interval_count":1`, `"interval_count":2`, "every month"},
		{"metered", "licensed", "metered", "each unit"},
		{"tiered", "per_unit", "tiered", "each unit"},
		{"in packs", `"product":"prod_1"`, `"product":"prod_1","transform_quantity":{"divide_by":10,"round":"up"}`, "each unit"},
		{"of fractions of a cent", `"unit_amount":500`, `"unit_amount":null,"unit_amount_decimal":"0.5"`, "whole amount"},
		{"archived", `"active":true`, `"active":false`, "billing setup"},
		{"another one", "listing_v1", "listing_v2", "billing setup"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			k := newBench(t)
			k.stripe.tell("/v1/prices", `{"object":"list","data":[`+strings.Replace(goodPrice, c.old, c.replaced, 1)+`]}`)
			err := k.Check(t.Context())
			if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("got %v, want something about %q", err, c.says)
			}
			if price, ok := k.knownPrice(); ok != (c.says == "") || ok && (price.UnitAmount != 500 || price.Currency != "usd") {
				t.Errorf("known is %+v, %v", price, ok)
			}
		})
	}
}

func TestASecretOfTheOtherModeIsRefused(t *testing.T) {
	t.Parallel()
	k := newBench(t)
	k.stripe.tell("/v1/prices", `{"object":"list","data":[`+goodPrice+`]}`)
	if err := k.store.SaveStripeSetup(t.Context(), secret.New("whsec_unrelated"), store.StripeSetup{Livemode: true}); err != nil {
		t.Fatal(err)
	}
	if err := k.Check(t.Context()); err != nil {
		t.Errorf("with the record of another secret: %v", err)
	}
	if err := k.store.SaveStripeSetup(t.Context(), secret.New(testSecret), store.StripeSetup{Livemode: true}); err != nil {
		t.Fatal(err)
	}
	if err := k.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "live mode") {
		t.Errorf("with a key of test mode and a secret of live mode: %v", err)
	}
}

func TestAStripeThatIsDownSaysNothingAboutTheSettings(t *testing.T) {
	t.Parallel()
	k := newBench(t)
	k.stripe.setDown(true)
	if err := k.Check(t.Context()); !outage(err) {
		t.Errorf("got %v, want an outage", err)
	}
}
