// The one wrapper around stripe-go: its client, and every call that we make. Each
// call has a context; each one that writes has an idempotency key, or it is not
// sent. stripe-go v76 speaks API version 2023-10-16; its telemetry, log and
// retries are off, and stripe_send.go has our own.

package billing

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v76"
	portalconfig "github.com/stripe/stripe-go/v76/billingportal/configuration"
	portalsession "github.com/stripe/stripe-go/v76/billingportal/session"
	"github.com/stripe/stripe-go/v76/charge"
	checkout "github.com/stripe/stripe-go/v76/checkout/session"
	"github.com/stripe/stripe-go/v76/customer"
	"github.com/stripe/stripe-go/v76/event"
	"github.com/stripe/stripe-go/v76/invoice"
	"github.com/stripe/stripe-go/v76/price"
	"github.com/stripe/stripe-go/v76/product"
	"github.com/stripe/stripe-go/v76/subscription"
	"github.com/stripe/stripe-go/v76/webhookendpoint"

	"hostaway-mcp/secret"
)

// callTimeout bounds one HTTP request to Stripe.
const callTimeout = 20 * time.Second

// pageSize is the most that Stripe gives at once (Stripe docs, Pagination).
const pageSize = 100

// stripeAPI holds the clients of the objects that we use.
type stripeAPI struct {
	customers      customer.Client
	subscriptions  subscription.Client
	invoices       invoice.Client
	charges        charge.Client
	events         event.Client
	prices         price.Client
	products       product.Client
	checkouts      checkout.Client
	portals        portalsession.Client
	portalConfigs  portalconfig.Client
	webhookTargets webhookendpoint.Client
}

func newStripeAPI(cfg Config) *stripeAPI {
	if cfg.URL == "" {
		cfg.URL = stripe.APIURL
	}
	b, key := newBackend(cfg), cfg.Key.Reveal()
	return &stripeAPI{
		customers:      customer.Client{B: b, Key: key},
		subscriptions:  subscription.Client{B: b, Key: key},
		invoices:       invoice.Client{B: b, Key: key},
		charges:        charge.Client{B: b, Key: key},
		events:         event.Client{B: b, Key: key},
		prices:         price.Client{B: b, Key: key},
		products:       product.Client{B: b, Key: key},
		checkouts:      checkout.Client{B: b, Key: key},
		portals:        portalsession.Client{B: b, Key: key},
		portalConfigs:  portalconfig.Client{B: b, Key: key},
		webhookTargets: webhookendpoint.Client{B: b, Key: key},
	}
}

// newBackend makes the backend of the API alone: those of uploads and Connect
// would go to Stripe's own addresses whatever URL says.
func newBackend(cfg Config) *backend {
	pause := cfg.Pause
	if pause == nil {
		pause = pauseFor
	}
	observe := cfg.Observe
	if observe == nil {
		observe = nobody{}
	}
	return &backend{pause: pause, observe: observe, inner: stripe.GetBackendWithConfig(stripe.APIBackend, &stripe.BackendConfig{
		URL:               stripe.String(cfg.URL),
		HTTPClient:        &http.Client{Timeout: callTimeout, Transport: newDoor(), CheckRedirect: noRedirect},
		EnableTelemetry:   stripe.Bool(false),
		LeveledLogger:     &stripe.LeveledLogger{Level: stripe.LevelNull},
		MaxNetworkRetries: stripe.Int64(0),
	})}
}

// modeOf is "live" or "test", or "" for what is no key of Stripe's.
func modeOf(key secret.Text) string {
	for _, kind := range []string{"sk_", "rk_"} {
		for _, mode := range []string{"live", "test"} {
			if rest, ok := strings.CutPrefix(key.Reveal(), kind+mode+"_"); ok && rest != "" {
				return mode
			}
		}
	}
	return ""
}

func liveKey(key secret.Text) bool { return modeOf(key) == "live" }

// checkAddress refuses to show a live key to anybody but Stripe, and any key to
// somebody who listens on the way.
func (c Config) checkAddress() error {
	if c.URL == "" || c.URL == stripe.APIURL {
		return nil
	}
	if liveKey(c.Key) {
		return errLiveElsewhere
	}
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return errAddress
	}
	return nil
}

// reading and writing are what every call carries.
func reading(ctx context.Context) stripe.Params { return stripe.Params{Context: ctx} }

func writing(ctx context.Context, key string) stripe.Params {
	return stripe.Params{Context: ctx, IdempotencyKey: stripe.String(key)}
}

func listing(ctx context.Context) stripe.ListParams {
	return stripe.ListParams{Context: ctx, Limit: stripe.Int64(pageSize)}
}

// onePage asks for one page of n that follows the object `after`; "" is the first.
func onePage(ctx context.Context, n int, after string) stripe.ListParams {
	p := stripe.ListParams{Context: ctx, Limit: stripe.Int64(int64(n)), Single: true}
	if after != "" {
		p.StartingAfter = stripe.String(after)
	}
	return p
}
