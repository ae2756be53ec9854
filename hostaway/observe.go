package hostaway

// observe.go: what the outside may see of the calls at work, for figures and traces that are made there.

import (
	"context"
	"errors"
	"strings"
	"time"
)

// Observe begins an exchange: one wait for a turn and, when it came, one HTTP request. endpoint is the path with {id} in place of
// every id, so there are as many as the API has endpoints. The exchange runs with the context that comes back, and ended is called
// exactly once. Nothing of the context is sent to Hostaway.
type Observe func(ctx context.Context, method, endpoint string) (inner context.Context, ended func(Exchanged))

// Exchanged is how an exchange ended.
type Exchanged struct {
	// Background says that the call let interactive ones go first.
	Background bool
	// Waited is how long its turn was waited for, whether or not it came.
	Waited time.Duration
	// Sent says that a request was made. Without one the turn did not come in time, or the caller went away.
	Sent bool
	// Took is the time of the request alone, to the end of its answer.
	Took time.Duration
	// Status is that of the answer; 0 when there was none.
	Status int
	// Code is the kind of failure; empty when there was none, or the caller went away.
	Code Code
	// Cancelled says that the caller went away.
	Cancelled bool
}

// observed is an exchange under observation; nil when nobody looks.
type observed struct {
	ended func(Exchanged)
	began time.Time
	is    Exchanged
}

func (c *Client) observe(ctx context.Context, what call) (context.Context, *observed) {
	if c.cfg.Observe == nil {
		return ctx, nil
	}
	o := &observed{began: time.Now(), is: Exchanged{Background: c.priority == background}}
	ctx, o.ended = c.cfg.Observe(ctx, what.method, endpointOf(what.path))
	return ctx, o
}

// turn notes that the wait for a turn is over.
func (o *observed) turn() {
	if o != nil {
		o.is.Waited = time.Since(o.began)
	}
}

// answered notes that a request was made, and how long it took.
func (o *observed) answered(took time.Duration) {
	if o != nil {
		o.is.Sent, o.is.Took = true, took
	}
}

func (o *observed) end(ans answer, fail *failure, err error) {
	if o == nil {
		return
	}
	o.is.Status = ans.status
	switch {
	case fail != nil:
		o.is.Code = fail.err.Code
		o.is.Cancelled = errors.Is(fail.err, context.Canceled)
	case err != nil:
		o.is.Code = CodeOf(err)
		o.is.Cancelled = errors.Is(err, context.Canceled)
	}
	if o.is.Cancelled {
		o.is.Code = ""
	}
	o.ended(o.is)
}

// endpointOf puts {id} in place of the ids of a path.
func endpointOf(path string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if s != "" && strings.Trim(s, "0123456789-") == "" {
			segments[i] = "{id}"
		}
	}
	return strings.Join(segments, "/")
}

// Waiting says how many calls wait for their turn: interactive ones, and those of Background clients.
func (b *Budget) Waiting() (inFront, behind int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.lines {
		inFront += len(l.queues[interactive])
		behind += len(l.queues[background])
	}
	return inFront, behind
}
