// Counting the calls to the storage: they are what a replica costs.

package replica

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
)

// What is asked of the storage, and what becomes of it.
const (
	opList, opGet, opPut, opDelete = "list", "get", "put", "delete"
	callOK, callFailed, callFenced = "ok", "failed", "fenced"
)

type call struct{ operation, outcome string }

// calls counts. Litestream's own repeats within one call are not seen.
type calls struct {
	mu sync.Mutex
	n  map[call]int64
}

func (c *calls) count(operation string, err error) {
	outcome := callOK
	switch {
	case errors.Is(err, errFenced):
		outcome = callFenced
	case err != nil && !errors.Is(err, errNoObject) && !errors.Is(err, errConflict):
		outcome = callFailed
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = map[call]int64{}
	}
	c.n[call{operation, outcome}]++
}

func (c *calls) list() []CallCount {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []CallCount
	for k, n := range c.n {
		all = append(all, CallCount{Operation: k.operation, Outcome: k.outcome, N: n})
	}
	slices.SortFunc(all, func(a, b CallCount) int {
		return cmp.Or(cmp.Compare(a.Operation, b.Operation), cmp.Compare(a.Outcome, b.Outcome))
	})
	return all
}

// countedObjects counts what is asked of our small objects.
type countedObjects struct {
	objects
	calls *calls
}

func (o countedObjects) get(ctx context.Context, name string) (object, error) {
	found, err := o.objects.get(ctx, name)
	o.calls.count(opGet, err)
	return found, err
}

func (o countedObjects) put(ctx context.Context, name string, data []byte, on condition) (string, error) {
	version, err := o.objects.put(ctx, name, data, on)
	o.calls.count(opPut, err)
	return version, err
}
