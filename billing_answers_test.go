package main

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hostaway-mcp/billing"
	"hostaway-mcp/store"
)

// calls tells the watch of one try after the other.
func calls(a *stripeAnswers, outcomes ...billing.Kind) {
	for _, outcome := range outcomes {
		a.StripeCalled("GET subscriptions", outcome, time.Millisecond)
	}
}

func TestAStripeThatFallsSilentIsTold(t *testing.T) {
	t.Parallel()
	const ok = billing.Kind("")
	for name, test := range map[string]struct {
		outcomes []billing.Kind
		silent   bool
	}{
		"nothing was asked yet":       {nil, false},
		"it answers":                  {[]billing.Kind{ok, ok}, false},
		"one call was given up":       {[]billing.Kind{ok, billing.KindUnreachable}, false},
		"it fails":                    {[]billing.Kind{ok, billing.KindFailed, billing.KindFailed, billing.KindFailed}, true},
		"it can't be reached":         {[]billing.Kind{billing.KindUnreachable, billing.KindFailed, billing.KindUnreachable, billing.KindUnreachable}, true},
		"it answers again":            {[]billing.Kind{billing.KindFailed, billing.KindFailed, billing.KindFailed, ok}, false},
		"a refusal is an answer":      {[]billing.Kind{billing.KindFailed, billing.KindFailed, billing.KindFailed, billing.KindInvalid}, false},
		"too many calls are answered": {[]billing.Kind{billing.KindBusy, billing.KindBusy, billing.KindBusy}, false},
	} {
		b, _ := billedWith(store.BillingFigures{}, nil)
		at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		b.answers.now = func() time.Time { return at }
		_ = b.look(t.Context())
		for _, outcome := range test.outcomes {
			calls(b.answers, outcome)
			if outcome == billing.KindFailed || outcome == billing.KindUnreachable {
				at = at.Add(time.Minute)
			}
		}
		found := b.part(t.Context())
		want, state := "Stripe answers", stateOK
		if test.silent {
			want, state = "Stripe has not answered since 1 Mar 2026, 12:00 UTC", stateWarn
		}
		if len(found) != 1 || found[0].State != state || !strings.Contains(found[0].Text, want) || found[0].Blocks || (found[0].Do == "") == test.silent {
			t.Errorf("%s: %+v, want %s %q", name, found, state, want)
		}
	}
}

// A look that finds Stripe away and the calls that see it too are one line.
func TestASilenceIsToldOnce(t *testing.T) {
	t.Parallel()
	b, _ := billedWith(store.BillingFigures{}, stripeSays(billing.KindUnreachable))
	_ = b.look(t.Context())
	calls(b.answers, billing.KindFailed, billing.KindFailed, billing.KindFailed)
	if found := b.part(t.Context()); len(found) != 1 || found[0].State != stateWarn || !strings.Contains(found[0].Text, "has not answered since") {
		t.Errorf("%+v", found)
	}
}

// While it is silent Stripe is looked at each minute, so that the warning goes soon.
func TestASilentStripeIsLookedAtOften(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, room := billedWith(store.BillingFigures{}, nil)
		if err := b.check(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.run(t.Context())
		defer b.close()
		time.Sleep(10*time.Minute + time.Second)
		if n := room.asked.Load(); n != 1 {
			t.Errorf("asked %d times while all was well", n)
		}
		calls(b.answers, billing.KindFailed, billing.KindFailed, billing.KindFailed)
		time.Sleep(stripeAgain)
		if n := room.asked.Load(); n != 2 {
			t.Errorf("asked %d times, a minute after Stripe fell silent", n)
		}
	})
}

type countedCalls struct{ calls, posts, changes int }

func (c *countedCalls) StripeCalled(string, billing.Kind, time.Duration) { c.calls++ }
func (c *countedCalls) EventPosted(string)                               { c.posts++ }
func (c *countedCalls) AccessChanged(string)                             { c.changes++ }

func TestTheFiguresStillHearOfCalls(t *testing.T) {
	t.Parallel()
	told := &countedCalls{}
	for _, next := range []billing.Observer{nil, told} {
		a := &stripeAnswers{next: next, now: time.Now}
		calls(a, "")
		a.EventPosted("taken")
		a.AccessChanged("active")
	}
	if *told != (countedCalls{1, 1, 1}) {
		t.Errorf("told %+v", *told)
	}
}
