// Auth: who is asking. A key comes in X-API-Key or as a bearer token, never in the address; without a good one nothing is read.

package mcp

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
)

// presentedKey takes the key from the headers; zero when there is none.
func presentedKey(h http.Header) secret.Text {
	if key := strings.TrimSpace(h.Get("X-Api-Key")); key != "" {
		return secret.New(key)
	}
	if scheme, token, ok := strings.Cut(h.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "bearer") {
		return secret.New(strings.TrimSpace(token))
	}
	return secret.Text{}
}

// authenticate finds the org of the presented key, or writes the refusal and answers false.
func (s *Server) authenticate(w http.ResponseWriter, r *http.Request) (*store.Org, store.APIKey, bool) {
	presented := presentedKey(r.Header)
	if presented.IsZero() {
		s.observer.KeyChecked(KeyMissing, 0)
		s.replyError(w, nil, rpcError{
			status: http.StatusUnauthorized, code: rpcUnauthorized, message: "An API key is missing.",
			next: "Send it in the header X-API-Key (or as Authorization: Bearer); keys are made at " + s.dashboard(keysPath) + ".",
		})
		return nil, store.APIKey{}, false
	}
	asked := time.Now()
	org, key, err := s.cfg.Store.OrgByAPIKey(r.Context(), presented)
	took := time.Since(asked)
	switch {
	case err == nil:
		s.observer.KeyChecked(KeyOK, took)
		return org, key, true
	case errors.Is(err, store.ErrNotFound):
		s.observer.KeyChecked(KeyUnknown, took)
		s.replyError(w, nil, rpcError{
			status: http.StatusUnauthorized, code: rpcUnauthorized, message: "The API key is not valid: it is unknown or was revoked.",
			next: "Make a new one at " + s.dashboard(keysPath) + " and put it into the client's configuration.",
		})
	case r.Context().Err() != nil: // the client is gone
	default:
		s.observer.KeyChecked(KeyFailed, took)
		s.log.ErrorContext(r.Context(), "check API key", "error", err, "request_id", w.Header().Get(requestIDHeader))
		s.replyError(w, nil, internalRPCError(w.Header().Get(requestIDHeader)))
	}
	return nil, store.APIKey{}, false
}
