package hostaway

// budget.go: the request budget of this process: who may call Hostaway next, and when.

import (
	"context"
	"errors"
	"sync"
	"time"
)

// BudgetConfig sets the limits of a Budget. Zero rates take the defaults, which are the smallest numbers that Hostaway's
// documentation has ever named; raise PerAccount and PerIP to 200 per 10 s for accounts on the limits of 2026-08
// (Hostaway docs, Rate limits).
type BudgetConfig struct {
	PerAccount Rate // of one Hostaway account; default 15 per 10 s
	PerIP      Rate // of this process, all accounts together; default 15 per 10 s

	// These have counters of their own per account, and calls to them do not count in the two above.
	MessageSends       Rate // default 30 per 60 s
	PriceDetails       Rate // default 400 per 10 s
	CreateReservations Rate // default 200 per 10 s

	// Recovery is the time without a 429 after which a lowered limit rises again by a tenth of its configured value;
	// default 5 minutes.
	Recovery time.Duration
	// Now is the clock by which Hostaway's absolute retry times are understood; default time.Now. Windows themselves are
	// measured by the monotonic clock.
	Now func() time.Time
}

// Budget holds calls back until Hostaway's rate limits have room for them. One Budget serves all clients of a process, because
// the accounts share the limit of its address. Waiting calls are served in turns over the accounts (and over the askers of clients
// that have one), first come first served within one, and interactive ones before background ones; of eight turns, waiting background calls get at least one.
//
// A 429 closes the limit that it names until the moment that it names, and lowers it if it was set too high.
type Budget struct {
	rates    map[gate]Rate
	recovery time.Duration
	now      func() time.Time

	mu     sync.Mutex
	ip     *pool
	lines  map[lineKey]*line
	passed int    // turns of interactive calls since a background call was last served, while one waited
	served uint64 // turns given so far
	timer  *time.Timer
}

// NewBudget makes the budget of a process.
func NewBudget(cfg BudgetConfig) *Budget {
	if cfg.Recovery <= 0 {
		cfg.Recovery = 5 * time.Minute
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Budget{
		rates: map[gate]Rate{
			gateGeneral:            cfg.PerAccount.or(Rate{15, 10 * time.Second}),
			gateMessageSends:       cfg.MessageSends.or(Rate{30, time.Minute}),
			gatePriceDetails:       cfg.PriceDetails.or(Rate{400, 10 * time.Second}),
			gateCreateReservations: cfg.CreateReservations.or(Rate{200, 10 * time.Second}),
		},
		recovery: cfg.Recovery,
		now:      cfg.Now,
		ip:       newPool(cfg.PerIP.or(Rate{15, 10 * time.Second})),
		lines:    map[lineKey]*line{},
	}
}

// acquire waits for a turn. It fails at once with RateLimited when the turn would come after the context's deadline or after
// until (zero: no such bound), and with the context's error when that ends while waiting.
func (b *Budget) acquire(ctx context.Context, key lineKey, p priority, until time.Time) (*slot, error) {
	if ctx.Err() != nil {
		return nil, contextError(ctx)
	}
	if deadline, ok := ctx.Deadline(); ok && (until.IsZero() || deadline.Before(until)) {
		until = deadline
	}
	w, err := b.join(key, p, until)
	if err != nil {
		return nil, err
	}
	var over <-chan time.Time
	if !until.IsZero() {
		timer := time.NewTimer(time.Until(until))
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-w.ready:
		return w.slot, nil
	case <-over:
	case <-ctx.Done():
	}
	return b.leave(ctx, w)
}

// join queues up a waiter, and serves it at once if there is room.
func (b *Budget) join(key lineKey, p priority, until time.Time) (*waiter, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.sweep(now)
	l := b.line(key)
	if at := b.estimate(l, p, now); !until.IsZero() && at.After(until) {
		return nil, b.tooLong(now, at)
	}
	w := &waiter{line: l, priority: p, ready: make(chan struct{})}
	l.queues[p] = append(l.queues[p], w)
	b.dispatch(now)
	return w, nil
}

// leave takes a waiter out of its queue whose time is over. A turn that came in the same moment is used, or handed back when the
// caller has gone.
func (b *Budget) leave(ctx context.Context, w *waiter) (*slot, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.sweep(now)
	b.dispatch(now)
	if w.slot != nil {
		if ctx.Err() == nil {
			return w.slot, nil
		}
		b.handBack(w.slot)
	} else {
		w.line.remove(w)
	}
	b.dispatch(now)
	if errors.Is(ctx.Err(), context.Canceled) {
		return nil, contextError(ctx)
	}
	return nil, b.tooLong(now, b.estimate(w.line, w.priority, now))
}

// done notes that the call was answered, from which on it counts.
func (s *slot) done() {
	s.budget.mu.Lock()
	defer s.budget.mu.Unlock()
	now := time.Now()
	s.counts = minTime(s.counts, now)
	s.budget.sweep(now)
	s.budget.dispatch(now)
}

// limited takes in a 429: the limit that it applied is closed until retry (by the budget's clock), and lowered to limit
// (0: unknown). Which limit it was stands in applied: account, ip, endpoint or provider (Hostaway docs, Rate limits, 2026-08).
func (s *slot) limited(applied string, limit int, retry time.Time) {
	b := s.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	until := now.Add(retry.Sub(b.now()))
	own := b.line(s.line.key) // the line may have been forgotten and made anew during a long call
	named := own.pool
	switch applied {
	case "ip", "provider": // the provider is the partner that the keys name, so all accounts at once
		named = b.ip
	case "account":
		general := s.line.key
		general.gate = gateGeneral
		named = b.line(general).pool
	}
	named.close(now, until, limit)
	if !own.passes(named, b.ip) {
		own.pool.close(now, until, 0)
	}
	b.sweep(now)
	b.dispatch(now)
}

func (b *Budget) handBack(s *slot) {
	s.line.pool.drop(s)
	b.ip.drop(s)
}

func (b *Budget) tooLong(now, at time.Time) error {
	return &Error{
		Code:       RateLimited,
		Message:    "Hostaway's request limit leaves no room for this call in time",
		RetryAfter: b.now().Add(max(0, at.Sub(now))),
	}
}
