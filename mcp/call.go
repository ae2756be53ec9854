// Running calls: each has a number of ours, and can be cancelled by the key that made it and by nobody else.

package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"hostaway-mcp/store"
)

// call is one request while it runs.
type call struct {
	number    uint64
	requestID string
	id        json.RawMessage
	org       *store.Org
	key       store.APIKey
	tool      Tool
	arguments json.RawMessage
	started   time.Time
	listen    bool
	progress  *progress
	cancel    context.CancelCauseFunc

	// What became of it, filled in by the tool's run.
	ran      bool
	changing bool // the confirmed change was begun
	failure  *refusal
	upstream int
}

var (
	errClientCancelled = errors.New("cancelled by the client")
	errStopping        = errors.New("the server is stopping")
)

// registry knows the running calls.
type registry struct {
	mu       sync.Mutex
	last     uint64
	byNumber map[uint64]*call
	byID     map[clientID][]*call
	stopping bool
	idle     chan struct{} // closed when stopping and no call runs
}

// clientID names a request as its client does. Two clients may share a key and both count from 0, so it can be ambiguous.
type clientID struct{ keyID, id string }

func newRegistry() *registry {
	return &registry{byNumber: map[uint64]*call{}, byID: map[clientID][]*call{}, idle: make(chan struct{})}
}

// add numbers c and makes it known. It answers false when the server is stopping.
func (r *registry) add(c *call) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopping {
		return false
	}
	r.last++
	c.number = r.last
	r.byNumber[c.number] = c
	name := clientID{c.key.ID, string(c.id)}
	r.byID[name] = append(r.byID[name], c)
	return true
}

func (r *registry) remove(c *call) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.byNumber, c.number)
	name := clientID{c.key.ID, string(c.id)}
	left := r.byID[name][:0:0]
	for _, other := range r.byID[name] {
		if other != c {
			left = append(left, other)
		}
	}
	if len(left) == 0 {
		delete(r.byID, name)
	} else {
		r.byID[name] = left
	}
	if r.stopping && len(r.byNumber) == 0 {
		close(r.idle)
	}
}

func (r *registry) find(number uint64) *call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.byNumber[number]
}

// cancel ends the one running call that key made under id. Of two such calls neither is touched: which was meant is unknown.
func (r *registry) cancel(keyID string, id json.RawMessage) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if running := r.byID[clientID{keyID, string(id)}]; len(running) == 1 {
		running[0].cancel(errClientCancelled)
	}
}

// stop refuses new calls, ends the streams that would never end by themselves, and waits for the rest. When ctx ends first, the
// rest is cancelled too.
func (r *registry) stop(ctx context.Context) error {
	r.mu.Lock()
	if !r.stopping {
		r.stopping = true
		if len(r.byNumber) == 0 {
			close(r.idle)
		}
	}
	r.cancelRunning(func(c *call) bool { return c.listen })
	r.mu.Unlock()
	select {
	case <-r.idle:
		return nil
	case <-ctx.Done():
	}
	r.mu.Lock()
	r.cancelRunning(func(*call) bool { return true })
	r.mu.Unlock()
	return ctx.Err()
}

func (r *registry) cancelRunning(which func(*call) bool) {
	for _, c := range r.byNumber {
		if which(c) {
			c.cancel(errStopping)
		}
	}
}
