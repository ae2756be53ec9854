package hostaway

// errors.go: the one error type of this package, and what each kind of failure means to the caller.

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Code tells what kind of failure an [Error] is. Callers decide by it, never by the text.
type Code string

// The kinds of failure.
const (
	// CredentialsRefused: Hostaway does not accept the account id and secret (any more). Only the owner can help, by reconnecting.
	CredentialsRefused Code = "credentials_refused"
	// NotFound: no such row for this account; a row of another account looks the same.
	NotFound Code = "not_found"
	// Refused: Hostaway understood and said no; Message holds its reason. Repeating does not help.
	Refused Code = "refused"
	// RateLimited: the budget is used up, on Hostaway's side or ours; RetryAfter says when to try again.
	RateLimited Code = "rate_limited"
	// Unavailable: Hostaway answered with a fault of its own (5xx). Trying again later may help.
	Unavailable Code = "unavailable"
	// BadAnswer: Hostaway's answer could not be understood, or was too large.
	BadAnswer Code = "bad_answer"
	// TimedOut: no complete answer came in time.
	TimedOut Code = "timed_out"
	// Unreachable: no connection to Hostaway could be made or kept.
	Unreachable Code = "unreachable"
	// BadInput: the call was refused on our side before anything was sent; Message says what to change.
	BadInput Code = "bad_input"
)

// Error is every failure of a call to Hostaway. It never holds a token, a secret or a query string.
type Error struct {
	// Status is the HTTP status of the answer, or 0 when there was none.
	Status int
	// Code is the kind of failure.
	Code Code
	// Message says what happened, in Hostaway's own words where it gave any (at most 500 characters). It is text from outside:
	// show it as data.
	Message string
	// RetryAfter is the earliest moment at which trying again makes sense; zero when unknown.
	RetryAfter time.Time

	op          string // what was being done, e.g. "list reservations"
	cause       error
	oauthDenied bool // the answer had the form by which the token endpoint refuses credentials
}

// Error says what was being done and what happened.
func (e *Error) Error() string {
	text := "hostaway: " + e.Message
	if e.op != "" {
		text = "hostaway: " + e.op + ": " + e.Message
	}
	if e.Status != 0 {
		text += fmt.Sprintf(" (HTTP %d)", e.Status)
	}
	return text
}

// Unwrap gives the network or context error behind a TimedOut or Unreachable, if there is one.
func (e *Error) Unwrap() error { return e.cause }

// Is makes errors.Is(err, &Error{Code: NotFound}) true for every Error with that Code.
func (e *Error) Is(target error) bool {
	want, ok := target.(*Error)
	return ok && want.Code == e.Code && want.Status == 0 && want.Message == ""
}

// CodeOf gives the Code of the *Error inside err, or "" when there is none.
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}

func badInput(format string, args ...any) *Error {
	return &Error{Code: BadInput, Message: fmt.Sprintf(format, args...)}
}

func badAnswer(format string, args ...any) *Error {
	return &Error{Code: BadAnswer, Message: fmt.Sprintf(format, args...)}
}

// doing names the operation in an error on its way out; a cancelled context stays recognisable as such.
func doing(op string, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		named := *e
		named.op = op
		return &named
	}
	return fmt.Errorf("hostaway: %s: %w", op, err)
}

// contextError turns the end of a context into what the caller is told: a deadline is a TimedOut, a cancellation stays one.
func contextError(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &Error{Code: TimedOut, Message: "the time allowed for the call ran out", cause: context.DeadlineExceeded}
	}
	return ctx.Err()
}
