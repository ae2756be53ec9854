package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func echoRooms() handlers {
	room := func(name string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, name+" "+r.RemoteAddr+" "+r.Header.Get(requestIDHeader))
		})
	}
	return handlers{mcp: room("mcp"), dashboard: room("dashboard"), live: room("live"), ready: room("ready")}
}

func get(t *testing.T, h http.Handler, method, target string, change func(*http.Request)) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// An unknown address is the same 404 for everybody, before any key is asked for.
func TestRoutes(t *testing.T) {
	t.Parallel()
	routes := newRoutes(echoRooms(), nil, watch{log: slog.New(slog.DiscardHandler)})
	tests := []struct{ path, want string }{
		{"/mcp", "mcp"},
		{"/mcp?x=1", "mcp"},
		{"/livez", "live"},
		{"/readyz", "ready"},
		{"/livez/", "404"},
		{"/readyz/x", "404"},
		{"/mcp/", "404"},
		{"/mcp/messages", "404"},
		{"/.well-known", "404"},
		{"/.well-known/oauth-authorization-server", "404"},
		{"/.well-known/oauth-protected-resource/mcp", "404"},
		{"/oauth", "404"},
		{"/oauth/token", "404"},
		{"/webhooks", "404"},
		{"/webhooks/hostaway", "404"},
		{"/", "dashboard"},
		{"/mcpx", "dashboard"},
		{"/api/usage", "dashboard"},
		{"/keys", "dashboard"},
	}
	for _, tt := range tests {
		for _, method := range []string{"GET", "POST", "DELETE"} {
			for _, key := range []string{"", "hmcp_whatever"} {
				w := get(t, routes, method, tt.path, func(r *http.Request) { r.Header.Set("X-API-Key", key) })
				if tt.want == "404" {
					if w.Code != http.StatusNotFound || w.Header().Get("Content-Type") != "application/json" || !strings.HasPrefix(w.Body.String(), `{"error":"`) {
						t.Errorf("%s %s: %d %s", method, tt.path, w.Code, w.Body)
					}
				} else if w.Code != http.StatusOK || !strings.HasPrefix(w.Body.String(), tt.want+" ") {
					t.Errorf("%s %s: %d %s", method, tt.path, w.Code, w.Body)
				}
			}
		}
	}
}

// Stripe has one address, by one method; without billing there is none.
func TestTheWebhookRoute(t *testing.T) {
	t.Parallel()
	rooms := echoRooms()
	off := newRoutes(rooms, nil, watch{log: slog.New(slog.DiscardHandler)})
	rooms.stripe = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "stripe %s", r.Header.Get(requestIDHeader))
	})
	on := newRoutes(rooms, nil, watch{log: slog.New(slog.DiscardHandler)})
	for _, test := range []struct {
		routes       http.Handler
		method, path string
		found        bool
	}{
		{on, "POST", "/webhooks/stripe", true},
		{on, "POST", "/webhooks/stripe?x=1", true},
		{on, "GET", "/webhooks/stripe", false},
		{on, "HEAD", "/webhooks/stripe", false},
		{on, "PUT", "/webhooks/stripe", false},
		{on, "POST", "/webhooks/stripe/", false},
		{on, "POST", "/webhooks/stripes", false},
		{on, "POST", "/webhooks/Stripe", false},
		{on, "POST", "/webhooks", false},
		{off, "POST", "/webhooks/stripe", false},
	} {
		w := get(t, test.routes, test.method, test.path, nil)
		if reached := w.Code == http.StatusOK && strings.HasPrefix(w.Body.String(), "stripe req_"); reached != test.found {
			t.Errorf("%s %s: %d %s", test.method, test.path, w.Code, w.Body)
		}
		if !test.found && (w.Code != http.StatusNotFound || w.Header().Get("Content-Type") != "application/json") {
			t.Errorf("%s %s: %d %s", test.method, test.path, w.Code, w.Body)
		}
		if len(w.Result().Cookies()) > 0 || w.Header().Get(requestIDHeader) == "" {
			t.Errorf("%s %s: headers %v", test.method, test.path, w.Header())
		}
	}
}

func TestEveryRequestGetsAnIDOfOurs(t *testing.T) {
	t.Parallel()
	routes := newRoutes(echoRooms(), nil, watch{log: slog.New(slog.DiscardHandler)})
	seen := map[string]bool{}
	for range 3 {
		w := get(t, routes, "GET", "/mcp", func(r *http.Request) { r.Header.Set(requestIDHeader, "mine\nforged") })
		id := w.Header().Get(requestIDHeader)
		if !strings.HasPrefix(id, "req_") || seen[id] || !strings.HasSuffix(w.Body.String(), id) {
			t.Errorf("id %q, answer %s", id, w.Body)
		}
		seen[id] = true
	}
}

func TestClientAddressBehindProxies(t *testing.T) {
	t.Parallel()
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	tests := []struct {
		peer      string
		forwarded []string
		want      string
	}{
		{"203.0.113.9:5", []string{"198.51.100.1"}, "203.0.113.9:5"}, // not our proxy
		{"10.0.0.1:5", nil, "10.0.0.1:5"},
		{"10.0.0.1:5", []string{"198.51.100.1"}, "198.51.100.1:5"},
		{"10.0.0.1:5", []string{"1.2.3.4, 198.51.100.1, 10.9.9.9"}, "198.51.100.1:5"},
		{"10.0.0.1:5", []string{"1.2.3.4", "198.51.100.1"}, "198.51.100.1:5"},
		{"10.0.0.1:5", []string{"198.51.100.1, nonsense"}, "10.0.0.1:5"},
		{"10.0.0.1:5", []string{"10.1.1.1"}, "10.1.1.1:5"},
		{"[::1]:5", []string{"2001:db8::7"}, "[2001:db8::7]:5"},
		{"[::ffff:10.0.0.1]:5", []string{"::ffff:198.51.100.1"}, "198.51.100.1:5"},
	}
	routes := newRoutes(echoRooms(), proxies, watch{log: slog.New(slog.DiscardHandler)})
	for _, tt := range tests {
		w := get(t, routes, "GET", "/", func(r *http.Request) {
			r.RemoteAddr = tt.peer
			r.Header["X-Forwarded-For"] = tt.forwarded
		})
		if got := strings.Fields(w.Body.String())[1]; got != tt.want {
			t.Errorf("peer %s, forwarded %q: %s, want %s", tt.peer, tt.forwarded, got, tt.want)
		}
	}
}

// Scheme and host are settings: what requests say of them reaches no room, not
// even from a proxy that we trust.
func TestNoRoomSeesWhatProxiesSay(t *testing.T) {
	t.Parallel()
	var seen http.Header
	room := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.Header })
	for _, proxies := range [][]netip.Prefix{nil, {netip.MustParsePrefix("10.0.0.0/8")}} {
		get(t, withClientAddress(proxies, room), "GET", "/", func(r *http.Request) {
			r.RemoteAddr = "10.0.0.1:5"
			for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "x-forwarded-port", "Forwarded", "X-Real-IP"} {
				r.Header.Set(name, "evil.example")
			}
			r.Header.Set("Accept", "text/html")
		})
		if len(seen) != 1 || seen.Get("Accept") == "" {
			t.Errorf("with proxies %v the room saw %v", proxies, seen)
		}
	}
}

func TestRequestLogHoldsNoSecrets(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	routes := newRoutes(echoRooms(), nil, watch{log: slog.New(slog.NewJSONHandler(&log, nil))})
	for _, target := range []string{"/setup?link=topsecret", "/reset/topsecret", "/x/hmcp_topsecret", "/" + strings.Repeat("topsecret", 9)} {
		get(t, routes, "POST", target, func(r *http.Request) {
			r.Header.Set("Authorization", "Bearer topsecret")
			r.Body = io.NopCloser(strings.NewReader("topsecret"))
		})
	}
	if strings.Contains(log.String(), "topsecret") {
		t.Errorf("the log shows a secret:\n%s", log.String())
	}
	for _, want := range []string{`"path":"/reset/[hidden]"`, `"method":"POST"`, `"status":200`, `"request_id":"req_`, `"ip":"192.0.2.1"`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%s is not in\n%s", want, log.String())
		}
	}
	if got := pathForLog("/keys/key_0123456789abcdef/revoke"); got != "/keys/key_0123456789abcdef/revoke" {
		t.Errorf("an ordinary path is hidden: %s", got)
	}
	if requestLevel("/assets/app.css") != slog.LevelDebug {
		t.Error("assets fill the log")
	}
}

// Streams must pass through what watches them.
func TestAnswersStillStream(t *testing.T) {
	t.Parallel()
	sent := make(chan struct{})
	room := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, "first")
		w.(http.Flusher).Flush()
		select {
		case <-sent:
		case <-r.Context().Done():
		}
	})
	var log bytes.Buffer
	server := httptest.NewServer(newRoutes(handlers{mcp: room, dashboard: room, live: room, ready: room}, nil, watch{log: slog.New(slog.NewTextHandler(&log, nil))}))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/mcp", nil)
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	text := make([]byte, 5)
	if _, err := io.ReadFull(w.Body, text); err != nil || string(text) != "first" {
		t.Fatalf("%q %v", text, err)
	}
	close(sent)
	_ = w.Body.Close()
	server.Close()
	if !strings.Contains(log.String(), "status=202") {
		t.Errorf("log: %s", log.String())
	}
}
