// Faults on demand: what goes wrong between a client and the real Stripe.
package stripetest

import (
	"net/http"
	"path"
	"strings"
	"sync"
	"time"
)

// FaultKind says what goes wrong with one call.
type FaultKind int

// The kinds of fault. Of a 500 Stripe keeps the answer under the idempotency key, whether or not anything was done.
const (
	NoFault        FaultKind = iota
	RateLimited              // 429: too many requests
	LockTimeout              // 429: another request works on the same object
	Error500Before           // 500, nothing was done; kept
	Error500After            // 500, it was done; kept
	ResetBefore              // the connection is cut, nothing was done
	ResetAfter               // it was done, then the connection is cut
	Unavailable              // 503 before anything was done; not kept
	BadGateway               // 502 with an HTML page, as a proxy in between answers
	Forbidden                // 403: the restricted key may not do this
)

// Fault is one thing to go wrong.
type Fault struct {
	Method string        // empty: any
	Path   string        // path.Match pattern such as "/v1/subscriptions/*"; empty: any
	Skip   int           // calls that match but pass before the fault begins
	Times  int           // how many calls fail; 0 means one, negative all
	Kind   FaultKind     // NoFault with a Delay only slows the call down
	Delay  time.Duration // of the machine's time, before the call is handled
}

type faults struct {
	mu          sync.Mutex
	list        []*Fault
	choose      func(Call) FaultKind
	outageFrom  time.Time
	outageUntil time.Time
}

// Fail adds a fault. Faults are tried in the order they were added; one call meets at most one.
func (s *Server) Fail(f Fault) {
	if f.Times == 0 {
		f.Times = 1
	}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.list = append(s.faults.list, &f)
}

// FailBy asks for each call what goes wrong with it; nil ends that. Calls come one after the other.
func (s *Server) FailBy(choose func(Call) FaultKind) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.choose = choose
}

// Outage makes every call fail while the clock is in [from, until): with 503, cut connections and a proxy's page in turn.
// Webhooks wait until it is over.
func (s *Server) Outage(from, until time.Time) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.outageFrom, s.faults.outageUntil = from, until
}

// Heal removes all faults and ends an outage.
func (s *Server) Heal() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.list, s.faults.choose = nil, nil
	s.faults.outageFrom, s.faults.outageUntil = time.Time{}, time.Time{}
}

func (f *faults) down(now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.isDown(now)
}

func (f *faults) isDown(now time.Time) bool {
	return !now.Before(f.outageFrom) && now.Before(f.outageUntil)
}

func (f *faults) take(c Call, now time.Time) Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.isDown(now) {
		return Fault{Kind: []FaultKind{Unavailable, ResetBefore, BadGateway}[c.Number%3]}
	}
	for _, one := range f.list {
		if one.Times == 0 || one.Method != "" && one.Method != c.Method || !matches(one.Path, c.Path) {
			continue
		}
		if one.Skip > 0 {
			one.Skip--
			continue
		}
		if one.Times > 0 {
			one.Times--
		}
		return *one
	}
	if f.choose != nil {
		return Fault{Kind: f.choose(c)}
	}
	return Fault{}
}

func matches(pattern, have string) bool {
	if pattern == "" {
		return true
	}
	ok, err := path.Match(pattern, have)
	return err == nil && ok
}

// instead is the answer that a fault gives in place of Stripe's; status 0 when the call goes on. A cut connection shows
// nothing of it.
func (k FaultKind) instead() (status int, body []byte, contentType string) {
	switch k {
	case RateLimited:
		return http.StatusTooManyRequests, mustBody(tooMany("rate_limit", "Too many requests hit the API too quickly.")), ""
	case LockTimeout:
		return http.StatusTooManyRequests, mustBody(tooMany("lock_timeout", "This object cannot be accessed right now.")), ""
	case Unavailable:
		return http.StatusServiceUnavailable, errorBody("api_error", "Stripe is not available."), ""
	case BadGateway:
		return http.StatusBadGateway, []byte("<html><head><title>502</title></head><body>bad gateway" + strings.Repeat(" ", 600) + "</body></html>"), "text/html"
	case Forbidden:
		return http.StatusForbidden, mustBody(&refusal{kind: "invalid_request_error", message: "The provided key does not have the required permissions for this endpoint."}), ""
	case ResetBefore:
		return http.StatusInternalServerError, nil, ""
	}
	return 0, nil, ""
}

func pause(r *http.Request, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	}
}
