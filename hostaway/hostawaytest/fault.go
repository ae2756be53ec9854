// Faults on demand: what goes wrong between a client and the real Hostaway, by method, path and count.
package hostawaytest

import (
	"net/http"
	"path"
	"strings"
	"sync"
	"time"
)

// FaultKind says what goes wrong.
type FaultKind int

// The kinds of fault.
const (
	Status500HTML FaultKind = iota // HTTP 500 with an HTML page
	Status503                      // HTTP 503 with an empty body
	Slow                           // answers properly, after Delay or once Release is closed
	Drop                           // the connection is cut without an answer; net/http itself repeats a GET that meets this on a kept connection
	CutOff                         // the connection is cut in the middle of the answer
	DropAfter                      // the change happens, then the connection is cut
	TokenRevoked                   // the token of the call is revoked, which answers the OAuth 403 from now on
	RateLimit                      // 429 with the headers; the retry moment is Delay from now
	Forbidden                      // 403 with Text, which is not the OAuth sentence
	GarbageJSON                    // HTTP 200 with a body that breaks off
	FailIn200                      // HTTP 200, status fail, with Text
	Answer                         // HTTP 200 with Text as the whole body
)

// Fault is one thing to go wrong.
type Fault struct {
	Method  string          // empty: any
	Path    string          // path.Match pattern such as "/v1/listings/*", with or without /v1; a trailing "/..." matches everything below; empty: any
	Skip    int             // calls that match but pass before the fault begins
	Times   int             // how many calls fail; 0 means one, negative all
	Kind    FaultKind       //
	Delay   time.Duration   // for Slow and RateLimit
	Release <-chan struct{} // for Slow: answer when closed
	Text    string          // for Forbidden, FailIn200 and Answer
}

type faults struct {
	mu   sync.Mutex
	list []*Fault
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

// Heal removes all faults.
func (s *Server) Heal() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.list = nil
}

func (f *faults) take(r *http.Request) *Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, fault := range f.list {
		if fault.Times == 0 || (fault.Method != "" && fault.Method != r.Method) || !matchPath(fault.Path, r.URL.Path) {
			continue
		}
		if fault.Skip > 0 {
			fault.Skip--
			continue
		}
		if fault.Times > 0 {
			fault.Times--
		}
		hit := *fault
		return &hit
	}
	return nil
}

func matchPath(pattern, have string) bool {
	if pattern == "" {
		return true
	}
	pattern, have = strings.TrimPrefix(pattern, "/v1"), strings.TrimPrefix(have, "/v1")
	if below, ok := strings.CutSuffix(pattern, "/..."); ok {
		return strings.HasPrefix(have, below+"/")
	}
	matched, err := path.Match(pattern, have)
	return err == nil && matched
}

// inflict gives the faulty answer; done is false when the call goes on.
func (s *Server) inflict(w http.ResponseWriter, x *exchange, f *Fault) (reply, bool) {
	switch f.Kind {
	case Status500HTML:
		return html500(), true
	case Status503:
		return reply{status: http.StatusServiceUnavailable, raw: []byte{}, contentType: "text/plain"}, true
	case Slow:
		f.wait(x.request)
		return reply{}, false
	case Drop:
		panic(http.ErrAbortHandler)
	case CutOff:
		w.Header().Set("Content-Length", "4096")
		_, _ = w.Write([]byte(`{"status":"success","result":[`)) // cut off either way
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	case DropAfter:
		s.process(w, x)
		panic(http.ErrAbortHandler)
	case TokenRevoked:
		s.revokeCarried(x.request)
		return reply{}, false
	case RateLimit:
		return tooMany(w, "account", max(s.settings().Limits.Account.Calls, 1), s.now().Add(f.Delay)), true
	case Forbidden:
		return transportError(http.StatusForbidden, f.Text), true
	case GarbageJSON:
		return reply{status: http.StatusOK, raw: []byte(`{"status":"success","result":[{"id":4`), contentType: "application/json"}, true
	case FailIn200:
		return transportError(http.StatusOK, f.Text), true
	}
	return reply{status: http.StatusOK, raw: []byte(f.Text), contentType: "application/json"}, true
}

func html500() reply {
	page := "<!DOCTYPE html>\n<html><head><title>500 Internal Server Error</title></head><body><h1>Oops! An Error Occurred</h1></body></html>"
	return reply{status: http.StatusInternalServerError, raw: []byte(page), contentType: "text/html; charset=UTF-8"}
}

func (f *Fault) wait(r *http.Request) {
	var after <-chan time.Time
	if f.Delay > 0 {
		timer := time.NewTimer(f.Delay)
		defer timer.Stop()
		after = timer.C
	}
	if after == nil && f.Release == nil {
		return
	}
	select {
	case <-after:
	case <-f.Release:
	case <-r.Context().Done():
	}
}

// revokeCarried revokes the token that the request carries.
func (s *Server) revokeCarried(r *http.Request) {
	_, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.tokens[strings.TrimSpace(text)]; t != nil {
		t.revoked = true
	}
}
