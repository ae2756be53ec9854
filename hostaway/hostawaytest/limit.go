// Rate limits: sliding windows per address, per account and per endpoint. Only a 429 tells the client about them.
package hostawaytest

import (
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"
)

type limiter struct{ seen map[string][]time.Time }

func newLimiter() *limiter { return &limiter{seen: map[string][]time.Time{}} }

// take counts one call, or says when the window has room again. Refused calls do not count.
func (l *limiter) take(key string, rate Rate, now time.Time) (retry time.Time, refused bool) {
	if rate.Calls <= 0 || rate.Per <= 0 {
		return time.Time{}, false
	}
	times := l.seen[key]
	for len(times) > 0 && !times[0].After(now.Add(-rate.Per)) {
		times = times[1:]
	}
	if len(times) >= rate.Calls {
		l.seen[key] = times
		return times[len(times)-rate.Calls].Add(rate.Per), true
	}
	l.seen[key] = append(times, now)
	return time.Time{}, false
}

// own is the counter of an endpoint that does not use the general pools.
func (l Limits) own(pattern string) (string, Rate) {
	switch pattern {
	case "POST /v1/conversations/{id}/messages":
		return "messages", l.Messages
	case "POST /v1/reservations":
		return "reservations", l.CreateReservations
	}
	return "", Rate{}
}

func (s *Server) limited(w http.ResponseWriter, x *exchange, pattern string) (reply, bool) {
	account := s.accountOf(x.request)
	limits := s.settings().Limits
	if name, rate := limits.own(pattern); name != "" && rate.Calls > 0 && account != nil {
		return s.limit(w, fmt.Sprintf("endpoint %s %d", name, account.ID), "endpoint", rate)
	}
	if answer, refused := s.limitAddress(w, x.request); refused {
		return answer, true
	}
	if account == nil {
		return reply{}, false
	}
	return s.limit(w, fmt.Sprintf("account %d", account.ID), "account", limits.Account)
}

func (s *Server) limitAddress(w http.ResponseWriter, r *http.Request) (reply, bool) {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	return s.limit(w, "ip "+host, "ip", s.settings().Limits.IP)
}

func (s *Server) limit(w http.ResponseWriter, key, applied string, rate Rate) (reply, bool) {
	s.mu.Lock()
	retry, refused := s.limiter.take(key, rate, s.now())
	s.mu.Unlock()
	if !refused {
		return reply{}, false
	}
	return tooMany(w, applied, rate.Calls, retry), true
}

// tooMany sets the headers of the docs of 2026-08-20; the retry moment is an absolute Unix second, rounded up.
func tooMany(w http.ResponseWriter, applied string, limit int, retry time.Time) reply {
	h := w.Header()
	h.Set("X-RateLimit-Limit", strconv.Itoa(limit))
	h.Set("X-RateLimit-Remaining", "0")
	h.Set("X-RateLimit-Retry-After", strconv.FormatInt(retry.Add(time.Second-1).Unix(), 10))
	h.Set("X-RateLimit-Applied", applied)
	return transportError(http.StatusTooManyRequests, "Rate limit exceeded, please try again later.")
}
