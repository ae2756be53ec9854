// The log of calls: what came in, and how often each route was asked.
package stripetest

import (
	"maps"
	"net/http"
	"sync"
	"time"
)

// Call is one request that arrived.
type Call struct {
	Number         int // 1 for the first
	At             time.Time
	Route          string // such as "POST /v1/subscriptions/{id}"; "" for an unknown one
	Method         string
	Path           string
	Body           string
	IdempotencyKey string
	Status         int // 0 while unanswered, or when the connection was cut
}

// keptCalls bounds the log of a long run; the counts by route go on.
const keptCalls = 5000

type callLog struct {
	mu     sync.Mutex
	total  int
	list   []*Call
	counts map[string]int
}

type callEntry struct {
	Call

	log *callLog
	at  *Call
}

func (l *callLog) begin(r *http.Request, route string, body []byte, now time.Time) callEntry {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total++
	c := &Call{
		Number: l.total, At: now, Route: route, Method: r.Method, Path: r.URL.Path, Body: string(body),
		IdempotencyKey: r.Header.Get("Idempotency-Key"),
	}
	if len(l.list) == keptCalls {
		l.list = append(l.list[:0:0], l.list[keptCalls/2:]...)
	}
	l.list = append(l.list, c)
	if l.counts == nil {
		l.counts = map[string]int{}
	}
	l.counts[route]++
	return callEntry{Call: *c, log: l, at: c}
}

func (e callEntry) finish(status int) {
	e.log.mu.Lock()
	defer e.log.mu.Unlock()
	e.at.Status = status
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

// CallCounts tells how often each route was called, by "POST /v1/subscriptions/{id}".
func (s *Server) CallCounts() map[string]int {
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	return maps.Clone(s.calls.counts)
}

// ResetCalls forgets the calls so far.
func (s *Server) ResetCalls() {
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	s.calls.list, s.calls.total, s.calls.counts = nil, 0, nil
}
