// How a request to Stripe is sent: once, and again where that can do no harm. Each
// try of a write has the same key: when no whole answer came, the first one may have
// been done, and when too many came, Stripe has not looked at the key (Stripe docs,
// Advanced error handling: rate limits come before idempotency). With another key a
// try whose answer got lost would be done twice. After an answer that it failed
// nothing is tried, for Stripe repeats that answer for the key's whole life.

package billing

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/form"
)

const (
	maxTries      = 3
	firstPause    = 250 * time.Millisecond
	longestPause  = 5 * time.Second
	largestAnswer = 16 << 20
)

var (
	errLiveElsewhere = &SettingError{"another address than Stripe's own is set together with a live key, which belongs to Stripe alone", "leave HMCP_STRIPE_URL unset, or use a key of test mode"}
	errAddress       = &SettingError{"the address of the Stripe API is neither https nor on this machine", "set HMCP_STRIPE_URL to an https address, or leave it unset"}
	errRedirected    = errors.New("redirected")
	errNotUsed       = errors.New("not used here")
)

// backend is a stripe.Backend that demands context and key, and has our rules.
type backend struct {
	inner   stripe.Backend
	pause   func(context.Context, time.Duration) error
	observe Observer
}

// Call implements stripe.Backend.
func (b *backend) Call(method, path, key string, params stripe.ParamsContainer, v stripe.LastResponseSetter) error {
	if v := reflect.ValueOf(params); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return errIncomplete
	}
	values := &form.Values{}
	form.AppendTo(values, params)
	return b.CallRaw(method, path, key, values, params.GetParams(), v)
}

// CallRaw implements stripe.Backend.
func (b *backend) CallRaw(method, path, key string, values *form.Values, params *stripe.Params, v stripe.LastResponseSetter) error {
	write := method != http.MethodGet
	if params == nil || params.Context == nil || write && stripe.StringValue(params.IdempotencyKey) == "" {
		return errIncomplete
	}
	for try := 1; ; try++ {
		seen := &exchange{}
		one := *params
		one.Context = context.WithValue(params.Context, exchangeKey{}, seen)
		begun := time.Now()
		err := b.inner.CallRaw(method, path, key, values, &one, v)
		b.observe.StripeCalled(opOf(method, path), failureOf(err), time.Since(begun))
		if err == nil {
			return nil
		}
		if params.Context.Err() != nil {
			return err
		}
		if try == maxTries || !mayRepeat(write, err) {
			return err
		}
		wait := pauseBefore(try, seen.retryAfter)
		if wait > longestPause || b.pause(params.Context, wait) != nil {
			return err
		}
	}
}

// mayRepeat decides from the answer, or from there being none.
func mayRepeat(write bool, err error) bool {
	var answer *stripe.Error
	if !errors.As(err, &answer) {
		return true // no whole answer of Stripe's: a reset, a time-out, a proxy's page
	}
	switch {
	case answer.Code == stripe.ErrorCodeIdempotencyKeyInUse:
		return true // the first one still runs; its answer is what we want
	case answer.HTTPStatusCode == http.StatusTooManyRequests:
		return true
	default:
		return !write && (answer.HTTPStatusCode >= 500 || answer.HTTPStatusCode == http.StatusConflict)
	}
}

// pauseBefore doubles twice, with a quarter more or less, or is what Stripe asks for.
func pauseBefore(try int, asked time.Duration) time.Duration {
	wait := firstPause << (2 * (try - 1))
	wait += time.Duration(rand.Int64N(int64(wait/2))) - wait/4
	return max(wait, asked)
}

func pauseFor(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// opOf names a call without the ids in it: "POST subscriptions".
func opOf(method, path string) string {
	name := strings.TrimPrefix(path, "/v1/")
	name, _, _ = strings.Cut(name, "?")
	parts := strings.Split(name, "/")
	kept := parts[:0]
	for _, part := range parts {
		if part != "" && !strings.Contains(strings.TrimPrefix(part, "billing_"), "_") || part == "webhook_endpoints" {
			kept = append(kept, part)
		}
	}
	return method + " " + strings.Join(kept, "/")
}

func failureOf(err error) Kind {
	if err == nil {
		return ""
	}
	return kindOf(newError("", err, nil))
}

// CallStreaming implements stripe.Backend; we use no streams.
func (b *backend) CallStreaming(string, string, string, stripe.ParamsContainer, stripe.StreamingLastResponseSetter) error {
	return errNotUsed
}

// CallMultipart implements stripe.Backend; we upload nothing.
func (b *backend) CallMultipart(string, string, string, string, *bytes.Buffer, *stripe.Params, stripe.LastResponseSetter) error {
	return errNotUsed
}

// SetMaxNetworkRetries implements stripe.Backend; the rules here are ours.
func (b *backend) SetMaxNetworkRetries(int64) {}

// exchange is what stripe-go does not hand on of an answer.
type exchange struct{ retryAfter time.Duration }

type exchangeKey struct{}

// door is the transport: it bounds answers, follows no redirect with our key, and
// keeps the name of this machine, which stripe-go sends, to ourselves.
type door struct{ next http.RoundTripper }

func newDoor() *door {
	t := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: callTimeout,
		MaxIdleConnsPerHost:   8,
		IdleConnTimeout:       90 * time.Second,
		ForceAttemptHTTP2:     true,
	}
	return &door{next: t}
}

func (d *door) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("X-Stripe-Client-User-Agent", `{"bindings_version":"`+stripe.ClientVersion+`","lang":"go","publisher":"stripe"}`)
	answer, err := d.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if seen, ok := r.Context().Value(exchangeKey{}).(*exchange); ok {
		if s, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil && s > 0 {
			seen.retryAfter = time.Duration(s) * time.Second
		}
	}
	answer.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(answer.Body, largestAnswer), answer.Body}
	return answer, nil
}

func noRedirect(*http.Request, []*http.Request) error { return errRedirected }

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
