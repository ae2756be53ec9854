// The errors of the API.
package stripetest

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// refusal is an error answer.
type refusal struct {
	status                     int
	kind, code, message, param string
	declineCode                string
	committed                  bool // what was done before it stays done, and the answer is kept under the idempotency key
	loud                       bool // the fake has no answer of its own: the test must fail
}

func (r *refusal) Error() string { return r.message }

func (r *refusal) body() object {
	inner := object{"type": r.kind, "message": r.message}
	for key, value := range map[string]string{"code": r.code, "param": r.param, "decline_code": r.declineCode} {
		if value != "" {
			inner[key] = value
		}
	}
	return object{"error": inner}
}

func invalid(param, format string, args ...any) *refusal {
	return &refusal{status: http.StatusBadRequest, kind: "invalid_request_error", param: param, message: fmt.Sprintf(format, args...)}
}

func coded(code, param, format string, args ...any) *refusal {
	r := invalid(param, format, args...)
	r.code = code
	return r
}

// noSuch is the answer for an unknown id in the path.
func noSuch(kind, id string) *refusal {
	r := coded("resource_missing", "id", "No such %s: '%s'", kind, id)
	r.status = http.StatusNotFound
	return r
}

// noSuchParam is the answer for an unknown id in a parameter.
func noSuchParam(kind, param, id string) *refusal {
	return coded("resource_missing", param, "No such %s: '%s'", kind, id)
}

func tooMany(code, format string, args ...any) *refusal {
	r := coded(code, "", format, args...)
	r.status = http.StatusTooManyRequests
	return r
}

// unknown is the answer to what only the real Stripe could answer.
func unknown(format string, args ...any) *refusal {
	return &refusal{
		status: http.StatusNotImplemented, kind: "invalid_request_error", loud: true,
		message: "stripetest does not simulate " + fmt.Sprintf(format, args...),
	}
}

func declined() *refusal {
	return &refusal{
		status: http.StatusPaymentRequired, kind: "card_error", code: "card_declined", declineCode: "generic_decline",
		message: "Your card was declined.", committed: true,
	}
}

func mustBody(r *refusal) []byte {
	raw, err := json.Marshal(r.body())
	if err != nil {
		panic(fmt.Sprintf("stripetest: write an error: %v", err))
	}
	return raw
}
