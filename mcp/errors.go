// What a model is told when a call does not work: one table from cause to words, with a next step in every one of them.

package mcp

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"hostaway-mcp/hostaway"
	"hostaway-mcp/store"
)

// refusal is an error whose words are meant for the model: what happened, and what to do next.
type refusal struct {
	what, next string
	code       string // short and stable, for the audit log
}

func (r *refusal) Error() string { return r.what + " " + r.next }

// refuse makes the error a tool returns when it cannot do what was asked. what says what is wrong, next what to do about it;
// both are whole sentences and reach the model as they are.
func refuse(what, next string) error {
	return &refusal{what: what, next: next, code: codeRefused}
}

// Codes of the audit log.
const (
	codeRefused      = "refused"
	codeArguments    = "wrong_arguments"
	codeUnknownTool  = "unknown_tool"
	codeConfirmation = "confirmation"
	codeRateLimit    = "rate_limit"
	codeNotConnected = "not_connected"
	codeNoAccess     = "no_access" // billing: trial ended, payment failed, canceled …
	codeCredentials  = "credentials_refused"
	codeNotFound     = "not_found"
	codeUpstream     = "hostaway"
	codeUpstreamBusy = "hostaway_rate_limit"
	codeCancelled    = "cancelled"
	codeTooLarge     = "answer_too_large"
	codeUnclear      = "unclear" // a change that may or may not have been made
	codeInternal     = "internal"
)

// answerForError turns the error of a tool into the words for the model. internal is true when the cause must be logged and
// never told.
func answerForError(err error, requestID, howToConnect string) (r *refusal, internal bool) {
	var said *refusal
	var upstream *hostaway.Error
	switch {
	case errors.As(err, &said):
		return said, false
	case errors.As(err, &upstream):
		return upstreamRefusal(upstream, howToConnect), false
	case errors.Is(err, context.Canceled):
		return &refusal{"The call was cancelled.", "Call again if the answer is still wanted.", codeCancelled}, false
	case errors.Is(err, context.DeadlineExceeded):
		return &refusal{"The call took too long.", "Ask for less at once: a shorter period, fewer listings or a smaller limit.", codeUpstream}, false
	case errors.Is(err, store.ErrDiskFull):
		return &refusal{
			"The server's disk is full, so changes are refused for now, and nothing was changed.",
			"Tell the person that the operator of this server has to free some space. Tools that only read may still be called.", codeInternal,
		}, true
	}
	return internalRefusal(requestID), true
}

// outcome is how the audit log counts it: refused where we said no, error where something did not work.
func (r *refusal) outcome() store.Outcome {
	switch r.code {
	case codeUpstream, codeCredentials, codeInternal, codeCancelled, codeUpstreamBusy, codeUnclear:
		return store.OutcomeError
	}
	return store.OutcomeRefused
}

// upstreamRefusal says what Hostaway's failure means to the caller. Hostaway's own words are quoted where they help, as data.
func upstreamRefusal(e *hostaway.Error, howToConnect string) *refusal {
	switch e.Code {
	case hostaway.CredentialsRefused:
		return &refusal{"Hostaway refuses this connection's credentials.", "Ask the person to reconnect Hostaway " + howToConnect + ".", codeCredentials}
	case hostaway.NotFound:
		return &refusal{"Hostaway has nothing under this id in the connected account.", "Check the id: the list and search tools give the ids that exist.", codeNotFound}
	case hostaway.Refused:
		return &refusal{fmt.Sprintf("Hostaway refused this: %q.", clip(e.Message, 300)), "Change the arguments accordingly; the same call again would be refused again.", codeUpstream}
	case hostaway.BadInput:
		return &refusal{sentence(clip(e.Message, 300)), "Change the arguments and call again.", codeArguments}
	case hostaway.RateLimited:
		return &refusal{"Hostaway takes no more requests of this account at the moment.", "Wait " + waitText(e.RetryAfter) + ", then call again.", codeUpstreamBusy}
	case hostaway.TimedOut:
		return &refusal{"Hostaway did not answer in time.", "Try again, or ask for less at once.", codeUpstream}
	case hostaway.BadAnswer:
		return &refusal{"Hostaway answered with something that could not be understood.", "Try again later; other tools may work.", codeUpstream}
	}
	return &refusal{"Hostaway cannot be reached or has a fault of its own.", "Try again in a minute; nothing is wrong with the arguments.", codeUpstream}
}

func sentence(s string) string {
	s = strings.TrimSpace(s)
	if s == "" || strings.HasSuffix(s, ".") || strings.HasSuffix(s, "…") {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

// waitText says how long to wait for at, in words; the exact moment is Hostaway's, the clock ours.
func waitText(at time.Time) string {
	seconds := int(time.Until(at)/time.Second) + 1
	if at.IsZero() || seconds < 2 {
		return "a few seconds"
	}
	return strconv.Itoa(min(seconds, 3600)) + " seconds"
}

func internalRefusal(requestID string) *refusal {
	return &refusal{fmt.Sprintf("Internal error, request id %s.", requestID), "Try once more; if it stays, give the request id to the operator of this server.", codeInternal}
}

func internalRPCError(requestID string) rpcError {
	r := internalRefusal(requestID)
	return rpcError{status: 500, code: -32603, message: r.what, next: r.next}
}
