package hostaway

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func general(account int64) lineKey { return lineKey{account: account, gate: gateGeneral} }

// order notes in which order named callers got their turn.
type order struct {
	mu    sync.Mutex
	names []string
}

func (o *order) add(name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.names = append(o.names, name)
}

// taken gives the names of those who had their turn so far.
func (o *order) taken() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.names)
}

// queueUp starts a caller that takes a turn, notes its name and finishes at once; it returns when the caller has its turn or waits.
func (o *order) queueUp(b *Budget, name string, key lineKey, p priority) {
	go func() {
		if turn, err := b.acquire(context.Background(), key, p, time.Time{}); err == nil {
			o.add(name)
			turn.done()
		}
	}()
	synctest.Wait()
}

// take takes n turns at once, and fails the test if there is no room for them.
func take(t *testing.T, b *Budget, key lineKey, n int) []*slot {
	t.Helper()
	var turns []*slot
	for range n {
		turn, err := b.acquire(t.Context(), key, interactive, time.Now())
		if err != nil {
			t.Fatalf("no room: %v", err)
		}
		turns = append(turns, turn)
	}
	return turns
}

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

func TestBudgetServesAccountsInTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(BudgetConfig{PerAccount: Rate{100, time.Second}, PerIP: Rate{1, time.Second}})
		take(t, b, general(9), 1)[0].done()
		var got order
		for i := range 4 { // account 1 comes first, with many calls
			got.queueUp(b, fmt.Sprintf("1.%d", i), general(1), interactive)
		}
		got.queueUp(b, "2.0", general(2), interactive)
		got.queueUp(b, "2.1", general(2), interactive)
		got.queueUp(b, "3.0", general(3), interactive)
		time.Sleep(time.Minute)
		want := []string{"1.0", "2.0", "3.0", "1.1", "2.1", "1.2", "1.3"}
		if diff := cmp.Diff(want, got.taken()); diff != "" {
			t.Errorf("turns (-want +got)\n%s", diff)
		}
	})
}

// Whoever tries credentials waits in a line of their own, whichever accounts they name, and however many.
func TestAskersDoNotHoldUpTheAccountsThatTheyClaim(t *testing.T) {
	t.Parallel()
	const victim = 7
	for name, claimed := range map[string]func(i int) int64{
		"the victim's account": func(int) int64 { return victim },
		"invented accounts":    func(i int) int64 { return int64(1000 + i) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := NewBudget(BudgetConfig{})
				line := func(account int64, asker string) lineKey {
					client := NewClient(Config{Credentials: Credentials{AccountID: account}, Budget: b, Asker: asker})
					return client.line(get("count listings", "/listings"))
				}
				var got order
				for i := range 60 {
					got.queueUp(b, "check", line(claimed(i), "org a"), interactive)
				}
				for range 3 {
					got.queueUp(b, "owner", line(victim, ""), interactive)
				}
				before := len(got.taken())
				time.Sleep(11 * time.Second) // one window
				owner := 0
				for _, name := range got.taken()[before:] {
					if name == "owner" {
						owner++
					}
				}
				if owner != 3 {
					t.Errorf("the owner of the account got %d of 3 turns in the next window", owner)
				}
				time.Sleep(time.Hour) // the others have their turn too
				if all := len(got.taken()); all != 63 {
					t.Errorf("%d of 63 had their turn", all)
				}
			})
		})
	}
}

// A 429 for somebody who only claims the account closes nothing of its owner's.
func TestALimitedCheckDoesNotCloseTheClaimedAccount(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(BudgetConfig{})
		check := take(t, b, lineKey{gate: gateGeneral, asker: "org a"}, 1)[0]
		check.limited("account", 1, time.Now().Add(time.Minute))
		check.done()
		take(t, b, general(1), 2)
		if _, err := b.acquire(t.Context(), check.line.key, interactive, time.Now()); CodeOf(err) != RateLimited {
			t.Errorf("the asker goes on: %v", err)
		}
	})
}

func TestAFullAccountDoesNotHoldUpOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(BudgetConfig{PerAccount: Rate{1, time.Hour}, PerIP: Rate{10, time.Second}})
		take(t, b, general(1), 1)[0].done()
		var got order
		got.queueUp(b, "waits", general(1), interactive)
		got.queueUp(b, "goes", general(2), interactive)
		if diff := cmp.Diff([]string{"goes"}, got.taken()); diff != "" {
			t.Errorf("turns (-want +got)\n%s", diff)
		}
		time.Sleep(2 * time.Hour)
	})
}

func TestInteractiveCallsGoFirstAndBackgroundIsNotStarved(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		cfg  BudgetConfig
		one  int64 // the account of the background calls
	}{
		{"the address is the bottleneck", BudgetConfig{PerAccount: Rate{100, time.Second}, PerIP: Rate{1, time.Second}}, 2},
		{"the account is the bottleneck", BudgetConfig{PerAccount: Rate{1, time.Second}, PerIP: Rate{100, time.Second}}, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := NewBudget(test.cfg)
				take(t, b, general(1), 1)[0].done()
				var got order
				for range 2 {
					got.queueUp(b, "background", general(test.one), background)
				}
				for range 20 {
					got.queueUp(b, "interactive", general(1), interactive)
				}
				time.Sleep(time.Minute)
				var places []int
				for i, name := range got.taken() {
					if name == "background" {
						places = append(places, i)
					}
				}
				if diff := cmp.Diff([]int{7, 15}, places); diff != "" || len(got.taken()) != 22 {
					t.Errorf("places of the background calls among %d (-want +got)\n%s", len(got.taken()), diff)
				}
			})
		})
	}
}

func TestBackgroundOfABusyAccountIsNotStarvedByAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(BudgetConfig{PerAccount: Rate{1, time.Second}, PerIP: Rate{100, time.Second}})
		take(t, b, general(1), 1)[0].done()
		take(t, b, general(2), 1)[0].done()
		var got order
		for range 30 {
			got.queueUp(b, "interactive", general(1), interactive)
			got.queueUp(b, "other", general(2), background)
		}
		got.queueUp(b, "wanted", general(1), background)
		time.Sleep(10*time.Second + time.Second/2)
		if !slices.Contains(got.taken(), "wanted") {
			t.Errorf("the background call of account 1 got no turn in 10 s: %v", got.taken())
		}
		time.Sleep(time.Hour)
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

func TestCancelledWaitersLeaveTheQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(BudgetConfig{PerAccount: Rate{1, 10 * time.Second}, PerIP: Rate{100, time.Second}})
		take(t, b, general(1), 1)[0].done()
		ctx, cancel := context.WithCancel(t.Context())
		failed := make(chan error, 1)
		go func() {
			_, err := b.acquire(ctx, general(1), interactive, time.Time{})
			failed <- err
		}()
		synctest.Wait()
		var got order
		got.queueUp(b, "behind", general(1), interactive)
		cancel()
		if err := <-failed; !errors.Is(err, context.Canceled) {
			t.Errorf("the cancelled caller got %v", err)
		}
		time.Sleep(11 * time.Second)
		if diff := cmp.Diff([]string{"behind"}, got.taken()); diff != "" {
			t.Errorf("turns (-want +got)\n%s", diff)
		}
		if _, err := b.acquire(ctx, general(1), interactive, time.Time{}); !errors.Is(err, context.Canceled) {
			t.Errorf("a caller that comes cancelled got %v", err)
		}
	})
}

func TestATurnThatComesTooLateIsHandedBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(BudgetConfig{PerAccount: Rate{1, time.Hour}, PerIP: Rate{1, time.Hour}})
		w, err := b.join(general(1), interactive, time.Time{})
		if err != nil || w.slot == nil {
			t.Fatalf("no turn: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := b.leave(ctx, w); !errors.Is(err, context.Canceled) {
			t.Errorf("the caller who had gone got %v", err)
		}
		take(t, b, general(2), 1)
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

func TestA429ClosesTheLimitItNames(t *testing.T) {
	t.Parallel()
	tests := []struct {
		applied                      string
		key                          lineKey
		own, other, messages, nobody bool // must wait after the 429
	}{
		{"account", general(1), true, false, false, false},
		{"ip", general(1), true, true, false, true},
		{"provider", general(1), true, true, false, true},
		{"", general(1), true, false, false, false},
		{"endpoint", lineKey{account: 1, gate: gateMessageSends}, false, false, true, false},
		{"account", lineKey{account: 1, gate: gateMessageSends}, true, false, true, false},
		{"ip", lineKey{account: 1, gate: gateMessageSends}, true, true, true, true},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%s at gate %d", test.applied, test.key.gate), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := NewBudget(BudgetConfig{PerAccount: Rate{100, 10 * time.Second}, PerIP: Rate{100, 10 * time.Second}})
				turn := take(t, b, test.key, 1)[0]
				turn.limited(test.applied, 0, time.Now().Add(4*time.Second))
				turn.done()
				for _, c := range []struct {
					key   lineKey
					waits bool
				}{
					{general(1), test.own},
					{general(2), test.other},
					{lineKey{account: 1, gate: gateMessageSends}, test.messages},
					{lineKey{account: 2, gate: gateMessageSends}, false},
					{general(3), test.nobody},
				} {
					_, err := b.acquire(t.Context(), c.key, interactive, time.Now().Add(3*time.Second))
					if waits := CodeOf(err) == RateLimited; waits != c.waits {
						t.Errorf("line %v waits: %v, want %v", c.key, waits, c.waits)
					}
				}
				if _, err := b.acquire(t.Context(), test.key, interactive, time.Now().Add(4*time.Second)); err != nil {
					t.Errorf("not open again at the named moment: %v", err)
				}
			})
		})
	}
}

func TestALoweredLimitRecoversSlowly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(BudgetConfig{PerAccount: Rate{200, 10 * time.Second}, PerIP: Rate{1000, 10 * time.Second}, Recovery: time.Minute})
		turn := take(t, b, general(1), 1)[0]
		turn.limited("account", 15, time.Now().Add(time.Second))
		turn.done()
		room := func() int {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.sweep(time.Now())
			return b.line(general(1)).pool.limit
		}
		var got []int
		for range 12 {
			got = append(got, room())
			time.Sleep(time.Minute)
		}
		want := []int{15, 35, 55, 75, 95, 115, 135, 155, 175, 195, 200, 200}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("limit, minute by minute (-want +got)\n%s", diff)
		}
		turn = take(t, b, general(1), 1)[0]
		turn.limited("account", 500, time.Now())
		if got := room(); got != 200 {
			t.Errorf("a larger limit on Hostaway's side raised ours to %d", got)
		}
	})
}

func TestARetryTimeFarAwayIsNotBelieved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(BudgetConfig{})
		turn := take(t, b, general(1), 1)[0]
		turn.limited("account", 0, time.Now().Add(24*time.Hour))
		turn.done()
		if _, err := b.acquire(t.Context(), general(1), interactive, time.Now().Add(maxClosed)); err != nil {
			t.Errorf("closed for longer than %v: %v", maxClosed, err)
		}
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
