package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"hostaway-mcp/billing"
	"hostaway-mcp/secret"
	"hostaway-mcp/store"
)

// scriptedRoom answers each Check with the next of its answers, the last for good.
type scriptedRoom struct {
	answers []error
	asked   atomic.Int64
	ended   atomic.Bool
	graced  atomic.Int64
}

func (r *scriptedRoom) Check(context.Context) error {
	n := int(r.asked.Add(1))
	return r.answers[min(n, len(r.answers))-1]
}

func (r *scriptedRoom) Run(ctx context.Context) {
	<-ctx.Done()
	r.ended.Store(true)
}

func (r *scriptedRoom) CountDue(context.Context) (string, error)  { return "", nil }
func (r *scriptedRoom) Sweep(context.Context) (string, error)     { return "", nil }
func (r *scriptedRoom) Reconcile(context.Context) (string, error) { return "", nil }
func (r *scriptedRoom) ApplyGrace(context.Context) (int, error) {
	r.graced.Add(1)
	return 0, nil
}
func (r *scriptedRoom) Lapse(context.Context) (string, error) { return "", nil }

func billedWith(f store.BillingFigures, answers ...error) (*billed, *scriptedRoom) {
	room := &scriptedRoom{answers: answers}
	return &billed{
		room: room, answers: &stripeAnswers{now: time.Now}, now: time.Now, log: slog.New(slog.DiscardHandler),
		figures: func(context.Context) (store.BillingFigures, error) { return f, nil },
	}, room
}

func stripeSays(kind billing.Kind) error {
	return fmt.Errorf("look up the price: %w", &billing.Error{Op: "list prices", Kind: kind})
}

// What a person has to mend refuses the start; a Stripe that is away does not.
func TestWhatStripeSaysAtTheStart(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err  error
		code int
	}{
		"all is well":     {nil, exitOK},
		"unreachable":     {stripeSays(billing.KindUnreachable), exitOK},
		"busy":            {stripeSays(billing.KindBusy), exitOK},
		"a fault":         {stripeSays(billing.KindFailed), exitOK},
		"no answer yet":   {context.DeadlineExceeded, exitOK},
		"key refused":     {stripeSays(billing.KindKey), exitMisused},
		"another mode":    {errors.New("the price hostaway_mcp_listing_v1 is of live mode"), exitMisused},
		"nothing at all":  {stripeSays(billing.KindNotFound), exitMisused},
		"not as we write": {stripeSays(billing.KindInvalid), exitMisused},
	} {
		b, _ := billedWith(store.BillingFigures{}, test.err)
		var told strings.Builder
		if code := report(&told, b.check(t.Context())); code != test.code {
			t.Errorf("%s: exit code %d, %s", name, code, told.String())
		}
		if test.code == exitMisused && !strings.Contains(told.String(), "billing setup") {
			t.Errorf("%s: it does not say what to do: %s", name, told.String())
		}
	}
}

func TestAStripeThatIsAwayIsLookedForAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		away := stripeSays(billing.KindUnreachable)
		b, room := billedWith(store.BillingFigures{}, away, away, away, nil)
		if err := b.check(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.run(t.Context())
		time.Sleep(3*stripeAgain + time.Second)
		if n := room.asked.Load(); n != 4 || b.lastLook() != nil {
			t.Errorf("asked %d times, last found %v", n, b.lastLook())
		}
		time.Sleep(stripeLooks)
		if n := room.asked.Load(); n != 5 {
			t.Errorf("asked %d times an hour later", n)
		}
		b.close()
		if !room.ended.Load() {
			t.Error("close does not wait for the workers")
		}
	})
}

func TestTheHealthOfBilling(t *testing.T) {
	t.Parallel()
	ago := func(d time.Duration) *time.Time { at := time.Now().Add(-d); return &at }
	for name, test := range map[string]struct {
		figures store.BillingFigures
		stripe  error
		state   checkState
		says    string
	}{
		"well":               {store.BillingFigures{Orgs: map[store.Access]int{store.AccessTrial: 2, store.AccessActive: 40}}, nil, stateOK, "trial 2, active 40"},
		"nobody yet":         {store.BillingFigures{}, nil, stateOK, "none yet"},
		"an event in time":   {store.BillingFigures{PendingEvents: 1, OldestEvent: ago(9 * time.Minute)}, nil, stateOK, "Stripe answers"},
		"an event too late":  {store.BillingFigures{PendingEvents: 3, OldestEvent: ago(11 * time.Minute)}, nil, stateWarn, "events of Stripe that wait: 3, the oldest for 11m"},
		"broken":             {store.BillingFigures{BrokenFindings: map[string]int{"I4": 1, "I1": 2}}, nil, stateWarn, "does not hold: I1 for 2, I4 for 1"},
		"Stripe is away":     {store.BillingFigures{}, stripeSays(billing.KindUnreachable), stateWarn, "can't be reached"},
		"the price is gone":  {store.BillingFigures{}, errors.New("there is no price"), stateFail, "there is no price"},
		"the key is refused": {store.BillingFigures{}, stripeSays(billing.KindKey), stateFail, "refuses the key"},
	} {
		b, _ := billedWith(test.figures, test.stripe)
		_ = b.look(t.Context())
		found := b.part(t.Context())
		if len(found) != 1 || found[0].State != test.state || !strings.Contains(found[0].Text, test.says) {
			t.Errorf("%s: %+v", name, found)
		}
		if c := found[0]; c.Blocks || (c.State != stateOK) != (c.Public != "" && c.Do != "") {
			t.Errorf("%s: blocks %v, public %q, do %q", name, c.Blocks, c.Public, c.Do)
		}
	}
	b, _ := billedWith(store.BillingFigures{}, nil)
	b.figures = func(context.Context) (store.BillingFigures, error) {
		return store.BillingFigures{}, errors.New("no database")
	}
	if found := b.part(t.Context()); len(found) != 1 || found[0].State != stateWarn {
		t.Errorf("without figures: %+v", found)
	}
}

func TestNoWebhookSecretNoStart(t *testing.T) {
	t.Parallel()
	c := config{BillingMode: billingStripe}
	var told strings.Builder
	if code := report(&told, c.readyToBill()); code != exitMisused || !strings.Contains(told.String(), "HMCP_STRIPE_WEBHOOK_SECRET is not set") {
		t.Errorf("exit code %d, %s", code, told.String())
	}
	c.StripeWebhookSecrets = []secret.Text{secret.New("whsec_1")}
	if err := c.readyToBill(); err != nil {
		t.Error(err)
	}
	if err := (&config{BillingMode: billingOff}).readyToBill(); err != nil {
		t.Error(err)
	}
}
