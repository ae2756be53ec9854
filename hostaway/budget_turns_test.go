package hostaway

// budget_turns_test.go sees who comes next where several wait for room.

import (
	"context"
	"errors"
	"fmt"
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
