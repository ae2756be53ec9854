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
	answers    []error
	signatures billing.Signatures
	asked      atomic.Int64
	ended      atomic.Bool
	graced     atomic.Int64
}

func (r *scriptedRoom) Check(context.Context) error {
	n := int(r.asked.Add(1))
	return r.answers[min(n, len(r.answers))-1]
}

func (r *scriptedRoom) Run(ctx context.Context) {
	<-ctx.Done()
	r.ended.Store(true)
}

func (r *scriptedRoom) Signatures(context.Context) (billing.Signatures, error) {
	return r.signatures, nil
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
	denied := &billing.Error{Op: "list the prices", Kind: billing.KindKey, Denied: true}
	for name, test := range map[string]struct {
		err  error
		code int
		says string
	}{
		"all is well":   {nil, exitOK, ""},
		"unreachable":   {stripeSays(billing.KindUnreachable), exitOK, ""},
		"busy":          {stripeSays(billing.KindBusy), exitOK, ""},
		"a fault":       {stripeSays(billing.KindFailed), exitOK, ""},
		"no answer yet": {context.DeadlineExceeded, exitOK, ""},
		"key refused": {
			stripeSays(billing.KindKey), exitMisused,
			"billing can't start: Stripe refuses the key (HMCP_STRIPE_KEY): it is wrong, was revoked or has run out: make a new restricted key in Stripe's dashboard under Developers, API keys, " +
				"with the rights that docs/billing.md lists, and set HMCP_STRIPE_KEY to it; then start again",
		},
		"key may not": {
			fmt.Errorf("look: %w", denied), exitMisused,
			"billing can't start: the key (HMCP_STRIPE_KEY) may not do all that it must (list the prices: the key may not do this): give it the rights that docs/billing.md lists",
		},
		"a setting": {
			&billing.SettingError{What: "there is no price", Do: "run `hostaway-mcp billing setup`"}, exitMisused,
			"billing can't start: there is no price: run `hostaway-mcp billing setup`; then start again",
		},
		"nothing at all":  {stripeSays(billing.KindNotFound), exitMisused, "list prices: Stripe knows no such object in this mode: see that HMCP_STRIPE_URL, if it is set, is the address of the Stripe API"},
		"not as we write": {stripeSays(billing.KindInvalid), exitMisused, "Stripe does not take it like that: find the request in Stripe's dashboard under Developers, Logs"},
		"our own":         {errors.New("read the set-ups: the database is locked"), exitFailed, "billing can't start: read the set-ups: the database is locked: look at the log"},
	} {
		b, _ := billedWith(store.BillingFigures{}, test.err)
		var told strings.Builder
		if code := report(&told, b.check(t.Context())); code != test.code || !strings.Contains(told.String(), test.says) {
			t.Errorf("%s: exit code %d, %s", name, code, told.String())
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
		"no proof yet":       {store.BillingFigures{}, nil, stateOK, "no event has come yet"},
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

// A webhook secret that is wrong shows in the health's list, and what to do.
func TestTheHealthOfTheWebhookSecret(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		signatures billing.Signatures
		state      checkState
		says, do   string
	}{
		"verified":        {billing.Signatures{VerifiedAt: at}, stateOK, "an event was last verified at 2026-03-10T12:00:00Z", ""},
		"some are forged": {billing.Signatures{Doubt: billing.SomeDoubt, VerifiedAt: at, Refused: 2, RefusedAt: at.Add(time.Hour), Why: "forged"}, stateWarn, "did not sign were refused: 2, the last at 2026-03-10T13:00:00Z; an event was last verified at 2026-03-10T12:00:00Z", "copy the signing secret"},
		"all are forged":  {billing.Signatures{Doubt: billing.AllRefused, Refused: 3, RefusedAt: at, Why: "forged"}, stateFail, "none was ever verified", "copy the signing secret"},
		"the other mode":  {billing.Signatures{Doubt: billing.AllRefused, Refused: 3, RefusedAt: at, Why: "of the other mode"}, stateFail, "of the other mode than the key", "of one mode"},
		"another account": {billing.Signatures{Doubt: billing.AllRefused, Refused: 3, RefusedAt: at, Why: "of another account"}, stateFail, "connected to yours", "billing setup"},
		"late":            {billing.Signatures{Doubt: billing.SomeDoubt, VerifiedAt: at, Refused: 3, RefusedAt: at, Why: "stale"}, stateWarn, "more than five minutes before", "clock"},
		"early":           {billing.Signatures{Doubt: billing.SomeDoubt, VerifiedAt: at, Refused: 3, RefusedAt: at, Why: "of the future"}, stateWarn, "more than five minutes ahead", "clock"},
	} {
		b, room := billedWith(store.BillingFigures{}, nil)
		room.signatures = test.signatures
		found := b.part(t.Context())
		if len(found) != 1 || found[0].State != test.state || !strings.Contains(found[0].Text, test.says) || !strings.Contains(found[0].Do, test.do) || found[0].Blocks || (test.do != "") != (found[0].Public != "") {
			t.Errorf("%s: %+v", name, found)
		}
	}
}
