// ToolCall: one call of a tool by an assistant, in the audit log and in the usage
// counters of its day.

package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Outcome is how a call ended: it worked, it failed, or we refused to do it.
type Outcome string

// The outcomes of a tool call. What is not ok counts as failed in Usage.
const (
	OutcomeOK      Outcome = "ok"
	OutcomeError   Outcome = "error"
	OutcomeRefused Outcome = "refused"
)

// ToolCall is one call. Arguments are redacted by the caller; Duration is kept in
// microseconds; UpstreamCalls counts requests to Hostaway.
type ToolCall struct {
	KeyID, KeyName, ClientName, Tool string
	Arguments                        json.RawMessage
	Outcome                          Outcome
	ErrorCode                        string
	StartedAt                        time.Time
	Duration                         time.Duration
	UpstreamCalls, AnswerBytes       int
	RequestID, IP                    string
	// Changed says that the call has changed something outside. Where it can't be
	// recorded at once, it is kept in memory and recorded as soon as it can be.
	Changed bool
}

// RecordToolCall writes the call and counts it, and returns when both are
// committed. Calls that wait at the same time are committed together. When ctx
// ends while waiting, the call may still be recorded, as may a Changed one that was
// refused. Errors: *InputError, ErrDiskFull, ErrClosed.
func (o *Org) RecordToolCall(ctx context.Context, call ToolCall) error {
	switch call.Outcome {
	case OutcomeOK, OutcomeError, OutcomeRefused:
	default:
		return &InputError{"outcome", "it must be ok, error or refused"}
	}
	if call.Tool == "" {
		return &InputError{"tool", "it must not be empty"}
	}
	if err := o.store.commits.do(ctx, o.id, call); err != nil {
		return fmt.Errorf("record the tool call: %w", err)
	}
	return nil
}

// Action is something that a person did and that changed no row of ours.
type Action struct{ Name, Target, Detail string }

// RecordAction writes an action into the audit log. Error: *InputError.
func (o *Org) RecordAction(ctx context.Context, by Actor, action Action) error {
	if action.Name == "" {
		return &InputError{"action", "it must have a name"}
	}
	err := o.write(ctx, func(d orgDoor) error { return d.audit(ctx, by, action) })
	if err != nil {
		return fmt.Errorf("record the action: %w", err)
	}
	return nil
}
