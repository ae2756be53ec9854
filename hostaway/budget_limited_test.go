package hostaway

// budget_limited_test.go sees what the budget makes of a 429.

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

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
