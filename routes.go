// Routes: what answers under which path, and what stands before all of it.
package main

import (
	"encoding/json"
	"net/http"
	"net/netip"
)

// handlers are what the routes lead to.
type handlers struct {
	mcp         http.Handler
	dashboard   http.Handler
	live, ready http.Handler
	stripe      http.Handler // takes Stripe's events; nil without billing
}

// stripeWebhookPath is where Stripe posts its events.
const stripeWebhookPath = "/webhooks/stripe"

// newRoutes leads /mcp to the MCP endpoint and everything that is not a
// machine's business to the dashboard. Below the machines' prefixes an unknown
// path is a JSON 404 before anybody asks for a key: a client that probes for
// OAuth must learn that there is none, and must never be sent a page.
func newRoutes(to handlers, proxies []netip.Prefix, w watch) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/mcp", to.mcp)
	mux.Handle("/livez", to.live)
	mux.Handle("/readyz", to.ready)
	if to.stripe != nil {
		mux.Handle("POST "+stripeWebhookPath, to.stripe)
	}
	for _, prefix := range []string{"/mcp/", "/livez/", "/readyz/", "/.well-known", "/.well-known/", "/oauth", "/oauth/", "/webhooks", "/webhooks/"} {
		mux.HandleFunc(prefix, nothingHere)
	}
	mux.Handle("/", to.dashboard)
	return withRequestID(withClientAddress(proxies, withRequestLog(w, mux)))
}

func nothingHere(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNotFound)
	_ = json.NewEncoder(w).Encode(struct {
		Error string `json:"error"`
	}{"there is nothing at this address: the MCP endpoint is /mcp"})
}
