// The log of calls: what came in, in order, and a way to wait for it.
package hostawaytest

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Call is one request that arrived.
type Call struct {
	Number    int // 1 for the first
	At        time.Time
	Method    string
	Path      string // with /v1
	Query     url.Values
	Body      string
	AccountID int64 // of the token; 0 while unanswered or without a usable token
	Status    int   // 0 while unanswered, or when the connection was dropped
}

// keptCalls bounds the log of a long-running demo.
const keptCalls = 10000

type callLog struct {
	mu      sync.Mutex
	total   int
	list    []*Call
	changed chan struct{}
}

type callEntry struct {
	log  *callLog
	call *Call
}

func (l *callLog) begin(now time.Time, r *http.Request, body []byte) callEntry {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total++
	c := &Call{Number: l.total, At: now, Method: r.Method, Path: r.URL.Path, Query: r.URL.Query(), Body: string(body)}
	if len(l.list) == keptCalls {
		l.list = append(l.list[:0:0], l.list[keptCalls/2:]...)
	}
	l.list = append(l.list, c)
	close(l.changed)
	l.changed = make(chan struct{})
	return callEntry{log: l, call: c}
}

func (e callEntry) finish(status int, account *Account) {
	e.log.mu.Lock()
	defer e.log.mu.Unlock()
	e.call.Status = status
	if account != nil {
		e.call.AccountID = account.ID
	}
}

// Calls gives the calls so far, oldest first; of very many only the last thousands.
func (s *Server) Calls() []Call {
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	out := make([]Call, len(s.calls.list))
	for i, c := range s.calls.list {
		out[i] = *c
	}
	return out
}

// ResetCalls forgets the calls so far.
func (s *Server) ResetCalls() {
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	s.calls.list, s.calls.total = nil, 0
}

// CountCalls counts the calls with this method and path pattern (see Fault); empty means any.
func (s *Server) CountCalls(method, path string) int {
	n := 0
	for _, c := range s.Calls() {
		if (method == "" || method == c.Method) && matchPath(path, c.Path) {
			n++
		}
	}
	return n
}

// WaitForCalls waits until at least n such calls have arrived, answered or not, or the context ends.
func (s *Server) WaitForCalls(ctx context.Context, method, path string, n int) error {
	for {
		s.calls.mu.Lock()
		changed := s.calls.changed
		s.calls.mu.Unlock()
		if have := s.CountCalls(method, path); have >= n {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for %d calls of %s %s: %w", n, method, path, ctx.Err())
		}
	}
}
