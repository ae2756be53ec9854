// Idempotency keys: the first answer of a request that began to run is given again, a 500 too. Nothing is kept of requests
// that were refused before that, or because of a limit (Stripe docs, Idempotent requests).
package stripetest

import (
	"net/http"
	"time"
)

// answer is what the first request with a key got.
type answer struct {
	request string
	status  int
	body    []byte
	at      int64
}

// keptAnswers is how long a key is remembered: Stripe may forget it after 24 hours, and so does the fake.
const keptAnswers = int64(24 * time.Hour / time.Second)

func fingerprint(r *http.Request, body []byte) string {
	return r.Method + " " + r.URL.RequestURI() + " " + string(body)
}

// replay finds the answer of an earlier request with this key; nil means there was none.
func (s *Server) replay(key string, r *http.Request, body []byte) (*answer, error) {
	old := s.answers[key]
	if old == nil {
		return nil, nil
	}
	if old.at+keptAnswers <= s.clock.now {
		delete(s.answers, key)
		return nil, nil
	}
	if old.request != fingerprint(r, body) {
		return nil, &refusal{
			status: http.StatusBadRequest, kind: "idempotency_error",
			message: "Keys for idempotent requests can only be used with the same parameters they were first used with.",
		}
	}
	return old, nil
}
