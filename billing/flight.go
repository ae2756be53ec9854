package billing

// flight.go lets those who ask for the same thing of an org at one time share one
// answer.

import (
	"context"
	"sync"
)

// flights are the counts that run, one an org at most.
type flights struct {
	mu      sync.Mutex
	running map[string]*flight
}

type flight struct {
	done    chan struct{}
	result  CountResult
	err     error
	waiting int
	stop    context.CancelFunc
}

// join runs fly for the org, or waits for the one that runs. What runs goes on as
// long as anybody waits for it, whoever began it.
func (f *flights) join(ctx context.Context, orgID string, fly func(context.Context) (CountResult, error)) (r CountResult, joined bool, err error) {
	f.mu.Lock()
	one, joined := f.running[orgID]
	if !joined {
		one = f.begin(ctx, orgID, fly)
	}
	one.waiting++
	f.mu.Unlock()
	select {
	case <-one.done:
		f.leave(one)
		return one.result, joined, one.err
	case <-ctx.Done():
		f.leave(one)
		return CountResult{}, joined, ctx.Err()
	}
}

func (f *flights) begin(ctx context.Context, orgID string, fly func(context.Context) (CountResult, error)) *flight {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	one := &flight{done: make(chan struct{}), stop: stop}
	if f.running == nil {
		f.running = map[string]*flight{}
	}
	f.running[orgID] = one
	go func() {
		defer stop()
		result, err := fly(ctx)
		f.mu.Lock()
		defer f.mu.Unlock()
		one.result, one.err = result, err
		delete(f.running, orgID)
		close(one.done)
	}()
	return one
}

// leave ends a flight that nobody waits for.
func (f *flights) leave(one *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if one.waiting--; one.waiting == 0 {
		one.stop()
	}
}

// flies tells whether the org is being counted.
func (f *flights) flies(orgID string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.running[orgID] != nil
}
