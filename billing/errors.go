// What can go wrong with Stripe, in our own words. What Stripe writes is meant for
// the account's owner and may name cards, keys and people: it is never kept.

package billing

import (
	"errors"
	"net/http"
	"strings"

	"github.com/stripe/stripe-go/v76"
)

// Kind says what kind of failure it was, and so what can be done.
type Kind string

// The kinds of failure.
const (
	// KindUnreachable: no whole answer came. Whether Stripe did what was asked is
	// not known: the same key asks for the same thing, or the state is read.
	KindUnreachable Kind = "unreachable"
	// KindBusy: too many calls (429); nothing was done.
	KindBusy Kind = "busy"
	// KindFailed: Stripe said that it failed (5xx). It may have done it all the same,
	// and says 5xx again for the same key: read the state, then use another key.
	KindFailed Kind = "failed"
	// KindKey: the key is wrong, revoked, or may not do this (401, 403).
	KindKey Kind = "key"
	// KindNotFound: there is no such object, or not in this mode.
	KindNotFound Kind = "not found"
	// KindDeclined: a card was declined (402).
	KindDeclined Kind = "declined"
	// KindConflict: it collides with something else that goes on (409), or the key
	// was used for something else.
	KindConflict Kind = "conflict"
	// KindInvalid: Stripe does not take it like that (other 4xx).
	KindInvalid Kind = "invalid"
)

// Error is a call to Stripe that failed. Code and Param are Stripe's names of what
// is wrong ("resource_missing", "line_items[0][quantity]"); RequestID finds the
// call in Stripe's own log. All three may be empty.
type Error struct {
	Op                     string
	Kind                   Kind
	Denied                 bool // of KindKey: the key is one, and may not do this (403)
	Code, Param, RequestID string
	cause                  error // of the context alone; Stripe's and the network's texts are dropped
}

func (e *Error) Error() string {
	var told []string
	for _, one := range []struct{ is, name string }{{"", e.Code}, {"parameter ", e.Param}, {"request ", e.RequestID}} {
		if one.name != "" {
			told = append(told, one.is+one.name)
		}
	}
	text := e.Op + ": " + kindText()[e.Kind]
	if e.Denied {
		text = e.Op + ": the key may not do this"
	}
	if len(told) > 0 {
		text += " (" + strings.Join(told, ", ") + ")"
	}
	return text
}

// Unwrap gives the context's error when that ended the call.
func (e *Error) Unwrap() error { return e.cause }

func kindText() map[Kind]string {
	return map[Kind]string{
		KindUnreachable: "Stripe could not be reached",
		KindBusy:        "Stripe takes no more calls at the moment",
		KindFailed:      "Stripe failed",
		KindKey:         "Stripe refuses the key",
		KindNotFound:    "Stripe knows no such object in this mode",
		KindDeclined:    "the card was declined",
		KindConflict:    "something else is being done to the same object",
		KindInvalid:     "Stripe does not take it like that",
	}
}

// SettingError is what a person has to change before anybody can be billed: what is
// wrong, and what to do about it.
type SettingError struct{ What, Do string }

func (e *SettingError) Error() string { return e.What + "; " + e.Do }

// kindOf is the kind of a failed call, "" for any other error.
func kindOf(err error) Kind {
	var failed *Error
	if errors.As(err, &failed) {
		return failed.Kind
	}
	return ""
}

// OutcomeUnknown tells whether Stripe may have done what was asked although the
// call failed: then the state is read before anything is tried again.
func OutcomeUnknown(err error) bool {
	kind := kindOf(err)
	return kind == KindUnreachable || kind == KindFailed
}

// outage tells whether a later try may go well without anybody changing anything.
func outage(err error) bool {
	switch kindOf(err) {
	case KindUnreachable, KindBusy, KindFailed, KindConflict:
		return true
	default:
		return false
	}
}

var errIncomplete = errors.New("a call to Stripe needs a context, and one that writes a key of its own")

// newError translates what stripe-go returned.
func newError(op string, err, ctxErr error) error {
	if errors.Is(err, errIncomplete) {
		return err
	}
	failed := &Error{Op: op, Kind: KindUnreachable, cause: ctxErr}
	var answer *stripe.Error
	if errors.As(err, &answer) {
		failed.Kind = kindOfAnswer(answer)
		failed.Denied = answer.HTTPStatusCode == http.StatusForbidden
		failed.Code, failed.Param, failed.RequestID = nameOnly(string(answer.Code)), nameOnly(answer.Param), nameOnly(answer.RequestID)
	}
	return failed
}

func kindOfAnswer(answer *stripe.Error) Kind {
	byStatus := map[int]Kind{401: KindKey, 402: KindDeclined, 403: KindKey, 404: KindNotFound, 409: KindConflict, 429: KindBusy}
	switch kind, ok := byStatus[answer.HTTPStatusCode]; {
	case answer.Type == stripe.ErrorTypeIdempotency:
		return KindConflict
	case ok:
		return kind
	case answer.HTTPStatusCode >= 500:
		return KindFailed
	case answer.Code == stripe.ErrorCodeResourceMissing:
		return KindNotFound
	default:
		return KindInvalid
	}
}

// nameOnly keeps an identifier and nothing that could be a sentence.
func nameOnly(s string) string {
	const punctuation = "_-.[]"
	foreign := func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && !strings.ContainsRune(punctuation, r)
	}
	if len(s) > 80 || strings.ContainsFunc(s, foreign) {
		return ""
	}
	return s
}
