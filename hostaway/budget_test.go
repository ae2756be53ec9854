package hostaway

// budget_test.go sees how much room there is, how long it is waited for, and that no limit is broken.

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestBudgetHoldsCallsBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(BudgetConfig{PerAccount: Rate{3, 10 * time.Second}, PerIP: Rate{100, time.Second}})
		start := time.Now()
		var at []time.Duration
		for range 7 {
			turn, err := b.acquire(t.Context(), general(1), interactive, time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			at = append(at, time.Since(start).Truncate(time.Second))
			turn.done()
		}
		want := []time.Duration{0, 0, 0, 10 * time.Second, 10 * time.Second, 10 * time.Second, 20 * time.Second}
		if diff := cmp.Diff(want, at); diff != "" {
			t.Errorf("moments of the turns (-want +got)\n%s", diff)
		}
	})
}

func TestSpecialEndpointsHaveTheirOwnRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(BudgetConfig{PerAccount: Rate{1, time.Hour}, PerIP: Rate{1, time.Hour}})
		take(t, b, general(1), 1)
		for key, n := range map[lineKey]int{
			{account: 1, gate: gateMessageSends}: 30, {account: 1, gate: gatePriceDetails}: 400, {account: 1, gate: gateCreateReservations}: 200, {account: 2, gate: gateMessageSends}: 30,
		} {
			take(t, b, key, n)
			if _, err := b.acquire(t.Context(), key, interactive, time.Now().Add(time.Second)); CodeOf(err) != RateLimited {
				t.Errorf("call %d at %v: %v, want RateLimited", n+1, key, err)
			}
		}
	})
}

func TestGateFor(t *testing.T) {
	t.Parallel()
	for call, want := range map[string]gate{
		"GET /reservations":                        gateGeneral,
		"POST /reservations":                       gateCreateReservations,
		"PUT /reservations/5":                      gateGeneral,
		"POST /conversations/5/messages":           gateMessageSends,
		"GET /conversations/5/messages":            gateGeneral,
		"POST /listings/5/calendar/priceDetails":   gatePriceDetails,
		"POST /listings":                           gateGeneral,
		"POST /accessTokens":                       gateGeneral,
		"POST /finance/report/consolidated":        gateGeneral,
		"PUT /listings/5/calendar":                 gateGeneral,
		"DELETE /reservations/5":                   gateGeneral,
		"PUT /reservations/5/statuses/cancelled":   gateGeneral,
		"POST /guestPayments/charges/5/6/refund":   gateGeneral,
		"POST /reservationCoupons":                 gateGeneral,
		"POST /webhooks/conversationMessages":      gateGeneral,
		"POST /listings/5/images":                  gateGeneral,
		"GET /listings/5/calendar/priceDetails":    gateGeneral,
		"POST /conversations/5/messages/unrelated": gateGeneral,
	} {
		var method, path string
		if _, err := fmt.Sscan(call, &method, &path); err != nil {
			t.Fatal(err)
		}
		if got := gateFor(method, path); got != want {
			t.Errorf("%s counts at gate %d, want %d", call, got, want)
		}
	}
}

func TestWaitingTooLongFailsAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(BudgetConfig{PerAccount: Rate{1, 10 * time.Second}, PerIP: Rate{100, time.Second}})
		take(t, b, general(1), 1)[0].done()
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 9*time.Second)
		defer cancel()
		_, err := b.acquire(ctx, general(1), interactive, time.Time{})
		e := errorWith(t, err, RateLimited)
		if waited := time.Since(start); waited != 0 {
			t.Errorf("it waited %v before failing", waited)
		}
		if in := e.RetryAfter.Sub(start).Round(time.Second); in != 10*time.Second {
			t.Errorf("RetryAfter is in %v, want 10 s", in)
		}
		if _, err := b.acquire(t.Context(), general(1), interactive, start.Add(11*time.Second)); err != nil {
			t.Errorf("a caller with time enough got %v", err)
		}
	})
}

func TestTheEstimateKnowsTheQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(BudgetConfig{PerAccount: Rate{2, 10 * time.Second}, PerIP: Rate{3, 10 * time.Second}})
		take(t, b, general(1), 2)[0].done()
		take(t, b, general(2), 1)[0].done()
		var got order
		for range 3 { // with the two of account 2 these fill the next window of the address and more
			got.queueUp(b, "1", general(1), interactive)
		}
		for range 2 {
			got.queueUp(b, "2", general(2), interactive)
		}
		b.mu.Lock()
		now := time.Now()
		in := map[string]time.Duration{
			"account 1":             b.estimate(b.line(general(1)), interactive, now).Sub(now).Truncate(time.Second),
			"account 2":             b.estimate(b.line(general(2)), interactive, now).Sub(now).Truncate(time.Second),
			"account 3":             b.estimate(b.line(general(3)), interactive, now).Sub(now).Truncate(time.Second),
			"background, account 3": b.estimate(b.line(general(3)), background, now).Sub(now).Truncate(time.Second),
			"messages, account 1":   b.estimate(b.line(lineKey{account: 1, gate: gateMessageSends}), interactive, now).Sub(now).Truncate(time.Second),
		}
		b.mu.Unlock()
		want := map[string]time.Duration{
			"account 1":             20 * time.Second, // 3 before it in its own line, 2 others
			"account 2":             20 * time.Second, // 2 of its own, 3 others
			"account 3":             10 * time.Second, // served in turn with the first of each
			"background, account 3": 20 * time.Second, // after all five
			"messages, account 1":   0,
		}
		if diff := cmp.Diff(want, in); diff != "" {
			t.Errorf("estimates (-want +got)\n%s", diff)
		}
		time.Sleep(time.Hour)
	})
}

func TestAWaiterOvertakenByOthersIsToldWhenToRetry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(BudgetConfig{PerAccount: Rate{1, 10 * time.Second}, PerIP: Rate{100, time.Second}})
		turn := take(t, b, general(1), 1)[0] // under way for long, so that the estimate is too kind
		go func() {
			time.Sleep(time.Minute)
			turn.done()
		}()
		start := time.Now()
		_, err := b.acquire(t.Context(), general(1), interactive, start.Add(11*time.Second))
		e := errorWith(t, err, RateLimited)
		if waited := time.Since(start); waited != 11*time.Second || !e.RetryAfter.After(time.Now()) {
			t.Errorf("failed after %v with RetryAfter %v", waited, e.RetryAfter)
		}
		time.Sleep(time.Hour)
	})
}

func TestIdleLinesAreForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(BudgetConfig{PerIP: Rate{1000, time.Second}})
		for account := range int64(100) {
			take(t, b, general(account), 1)[0].done()
		}
		time.Sleep(time.Minute)
		take(t, b, general(1), 1)[0].done()
		if n := len(b.lines); n != 1 {
			t.Errorf("%d lines are remembered, want 1", n)
		}
	})
}

// The promise of the budget: however callers come, whatever their calls take, and wherever in that time Hostaway counts them, no
// sliding window ever holds more calls than its limit, and all callers get their turn.
func TestNoWindowHoldsMoreThanItsLimit(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	for round := range uint64(5) {
		t.Run(fmt.Sprintf("seed %d", seed+round), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { stressBudget(t, rand.New(rand.NewPCG(seed, round))) })
		})
	}
}

type counted struct {
	at      time.Time
	account int64
}

func stressBudget(t *testing.T, dice *rand.Rand) {
	const callers = 300
	perAccount := Rate{1 + dice.IntN(8), time.Duration(1+dice.IntN(10)) * time.Second}
	perIP := Rate{1 + dice.IntN(20), time.Duration(1+dice.IntN(10)) * time.Second}
	b := NewBudget(BudgetConfig{PerAccount: perAccount, PerIP: perIP})
	var mu sync.Mutex
	var all []counted
	var wg sync.WaitGroup
	for range callers {
		start := time.Duration(dice.IntN(20_000)) * time.Millisecond
		arrives := time.Duration(dice.IntN(1500)) * time.Millisecond
		answers := time.Duration(dice.IntN(1500)) * time.Millisecond
		account, p := int64(1+dice.IntN(5)), priority(dice.IntN(2))
		gives := dice.IntN(10) == 0
		wg.Go(func() {
			time.Sleep(start)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			if gives {
				time.AfterFunc(arrives, cancel)
			}
			turn, err := b.acquire(ctx, general(account), p, time.Time{})
			if err != nil {
				if !gives {
					t.Errorf("a patient caller got %v", err)
				}
				return
			}
			defer turn.done()
			time.Sleep(arrives)
			mu.Lock()
			all = append(all, counted{time.Now(), account})
			mu.Unlock()
			time.Sleep(answers)
		})
	}
	wg.Wait()
	checkWindows(t, "address", all, perIP)
	for account := range int64(5) {
		own := slices.DeleteFunc(slices.Clone(all), func(c counted) bool { return c.account != account+1 })
		checkWindows(t, fmt.Sprintf("account %d", account+1), own, perAccount)
	}
}

func checkWindows(t *testing.T, name string, calls []counted, rate Rate) {
	t.Helper()
	slices.SortFunc(calls, func(a, b counted) int { return a.at.Compare(b.at) })
	for i := rate.Calls; i < len(calls); i++ {
		if apart := calls[i].at.Sub(calls[i-rate.Calls].at); apart < rate.Per {
			t.Fatalf("%s: %d calls within %v, the limit is %d in %v", name, rate.Calls+1, apart, rate.Calls, rate.Per)
		}
	}
}
