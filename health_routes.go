// /livez and /readyz: what machines ask, again and again, to learn whether the
// process answers and whether calls should be sent to it. Anybody may ask, so
// neither says anything about the orgs, the machine or the causes.
package main

import (
	"encoding/json"
	"net/http"
)

// liveness is the answer of /livez.
type liveness struct {
	Live bool `json:"live"`
	// Instance tells one data folder's server from another's: doctor compares it
	// with the folder's own, to see whether an address leads here.
	Instance string `json:"instance,omitempty"`
}

// readiness is the answer of /readyz: 200 with ready, 503 without.
type readiness struct {
	Ready  bool          `json:"ready"`
	Checks []publicCheck `json:"checks"`
}

type publicCheck struct {
	Name   string     `json:"name"`
	State  checkState `json:"state"`
	Reason string     `json:"reason,omitempty"`
}

func liveHandler(instance string) http.Handler {
	return liveNamed(func() string { return instance })
}

// liveNamed is for a server that may not have its name yet.
func liveNamed(instance func() string) http.Handler {
	return asked(func(*http.Request) (int, any) { return http.StatusOK, liveness{Live: true, Instance: instance()} })
}

func readyHandler(h *health) http.Handler {
	return asked(func(r *http.Request) (int, any) {
		checks := h.look(r.Context())
		answer := readiness{Ready: ready(checks), Checks: make([]publicCheck, len(checks))}
		for i, c := range checks {
			answer.Checks[i] = publicCheck{Name: c.Name, State: c.State, Reason: c.Public}
		}
		if !answer.Ready {
			return http.StatusServiceUnavailable, answer
		}
		return http.StatusOK, answer
	})
}

// asked answers GET and HEAD with JSON that nobody may keep.
func asked(answer func(*http.Request) (int, any)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			w.WriteHeader(http.StatusMethodNotAllowed)
			_ = json.NewEncoder(w).Encode(struct {
				Error string `json:"error"`
			}{"ask with GET or HEAD"})
			return
		}
		status, body := answer(r)
		w.WriteHeader(status)
		if r.Method == http.MethodGet {
			_ = json.NewEncoder(w).Encode(body)
		}
	})
}
