// What an observer is told of the commits.

package store_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

type commitWitness struct {
	mu                     sync.Mutex
	begun, done            int
	failed                 []error
	calls, commits, broken int
}

func (w *commitWitness) Recording(context.Context) func(error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begun++
	return func(err error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.done++
		if err != nil {
			w.failed = append(w.failed, err)
		}
	}
}

func (w *commitWitness) Committed(calls int, took time.Duration, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if took <= 0 || err != nil {
		w.broken++
	}
	w.calls += calls
	w.commits++
}

func TestCommitsAreObserved(t *testing.T) {
	t.Parallel()
	w := &commitWitness{}
	st := storetest.Open(t, func(c *store.Config) { c.Observer = w })
	f := storetest.Org(t, st, "Acme")
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			for range 10 {
				if err := f.Org.RecordToolCall(t.Context(), toolCall(f, "x", noon)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Org.RecordToolCall(t.Context(), toolCall(f, "x", noon)); !errors.Is(err, store.ErrClosed) {
		t.Errorf("after closing: %v", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.begun != 201 || w.done != 201 || len(w.failed) != 1 || !errors.Is(w.failed[0], store.ErrClosed) {
		t.Errorf("%d began, %d ended, failures %v", w.begun, w.done, w.failed)
	}
	if w.calls != 200 || w.commits == 0 || w.commits > 200 || w.broken != 0 {
		t.Errorf("%d calls in %d commits, %d of them broken", w.calls, w.commits, w.broken)
	}
}
