// What happens to every request before a room sees it: it gets an id, the
// address of the client behind our proxies, and a line in the log.
package main

import (
	"crypto/rand"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"
)

const requestIDHeader = "X-Request-Id"

// withRequestID gives each request an id of ours. One that came from outside
// is not taken: it would let a client write into our log.
func withRequestID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := "req_" + strings.ToLower(rand.Text()[:20])
		r.Header.Set(requestIDHeader, id)
		w.Header().Set(requestIDHeader, id)
		next.ServeHTTP(w, r.WithContext(withRequest(r.Context(), id)))
	})
}

// withClientAddress replaces the peer's address by the client's when the peer
// is a proxy that we trust, so that every room sees one address only. No room
// sees what proxies, or people who pose as one, say besides: which scheme and
// host people use is a setting (HMCP_BASE_URL), and nothing that requests tell.
func withClientAddress(proxies []netip.Prefix, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if client := clientAddress(r, proxies); client.IsValid() {
			_, port, _ := net.SplitHostPort(r.RemoteAddr)
			r.RemoteAddr = net.JoinHostPort(client.String(), port)
		}
		for name := range r.Header {
			if forwarding(name) {
				r.Header.Del(name)
			}
		}
		next.ServeHTTP(w, r)
	})
}

// forwarding tells whether a header is about the way that a request took.
func forwarding(name string) bool {
	return strings.HasPrefix(name, "X-Forwarded-") || name == "Forwarded" || name == "X-Real-Ip"
}

// clientAddress walks X-Forwarded-For from the right, past our own proxies;
// what stands further left was written by whoever called, and proves nothing.
// It returns the zero address when the peer itself counts.
func clientAddress(r *http.Request, proxies []netip.Prefix) netip.Addr {
	trusted := func(a netip.Addr) bool {
		return slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(a) })
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !trusted(peer.Addr().Unmap()) {
		return netip.Addr{}
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	var client netip.Addr
	for _, hop := range slices.Backward(hops) {
		address, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			return client
		}
		if client = address.Unmap(); !trusted(client) {
			return client
		}
	}
	return client
}

// withRequestLog sees each request to its end, and writes one line for it. Query
// texts, headers and bodies never appear: all three may hold secrets.
func withRequestLog(eyes watch, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := &answerWatch{ResponseWriter: w, status: http.StatusOK}
		began := time.Now()
		r, ended := eyes.request(r)
		defer func() {
			took := time.Since(began)
			logRequest(eyes.log, r, seen, took)
			ended(seen.status, took)
		}()
		next.ServeHTTP(seen, r)
	})
}

func logRequest(log *slog.Logger, r *http.Request, seen *answerWatch, took time.Duration) {
	log.LogAttrs(r.Context(), requestLevel(r.URL.Path), "request",
		slog.String(requestIDField, r.Header.Get(requestIDHeader)), slog.String("method", r.Method),
		slog.String("path", pathForLog(r.URL.Path)), slog.Int("status", seen.status),
		slog.Int64("bytes", seen.bytes), slog.Duration("took", took.Round(time.Microsecond)),
		slog.String("ip", hostOf(r.RemoteAddr)))
}

func requestLevel(path string) slog.Level {
	if strings.HasPrefix(path, "/assets/") || path == "/livez" || path == "/readyz" { // asked for all the time
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

func hostOf(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return host
}

const longestSegment = 40 // our own ids are shorter; links' tokens are longer

// pathForLog hides the parts of a path that may be a token: what follows
// /reset/, whatever begins like a key, and whatever is too long for an id.
func pathForLog(path string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		after := i > 0 && (segments[i-1] == "reset" || segments[i-1] == "setup")
		if s != "" && (after || len(s) > longestSegment || strings.Contains(s, "hmcp_")) {
			segments[i] = "[hidden]"
		}
	}
	return strings.Join(segments, "/")
}

// answerWatch remembers the status and the size of an answer as it passes.
type answerWatch struct {
	http.ResponseWriter
	status int
	bytes  int64
	begun  bool
}

func (a *answerWatch) WriteHeader(status int) {
	if !a.begun && status >= http.StatusOK {
		a.status, a.begun = status, true
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answerWatch) Write(b []byte) (int, error) {
	a.begun = true
	n, err := a.ResponseWriter.Write(b)
	a.bytes += int64(n)
	return n, err
}

// Flush and Unwrap keep streams streaming: a plain Flusher is what libraries
// look for, http.ResponseController finds the rest through Unwrap.
func (a *answerWatch) Flush() { _ = http.NewResponseController(a.ResponseWriter).Flush() }

func (a *answerWatch) Unwrap() http.ResponseWriter { return a.ResponseWriter }
