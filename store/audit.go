// The audit log: what assistants and people did in an org, newest first.

package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"
)

// AuditEntry is one line of the log. Action is a tool's name for a tool call, and
// a word such as api_key.created for what a person did.
type AuditEntry struct {
	ID                         string
	At                         time.Time
	Actor                      Actor
	Action, Target, Detail     string
	ClientName                 string
	Arguments                  json.RawMessage
	Outcome                    Outcome
	ErrorCode                  string
	Duration                   time.Duration
	UpstreamCalls, AnswerBytes int
}

// AuditFilter picks a page: Limit entries (1 to 200, 0 is 50) that are older than
// the entry Before ("" is the newest page).
type AuditFilter struct {
	Before string
	Limit  int
}

const auditPage = 50

// ListAudit returns a page of the log and the Before of the next one, "" at the end.
func (o *Org) ListAudit(ctx context.Context, f AuditFilter) (page []AuditEntry, next string, err error) {
	limit := f.Limit
	if limit <= 0 || limit > 200 {
		limit = auditPage
	}
	before := f.Before
	if before == "" {
		before = "~" // sorts after every id
	}
	err = o.read(ctx, func(d orgDoor) error {
		page, err = list(ctx, d.hands, `
SELECT id, at, actor_kind, actor_id, actor_name, action, target, detail, outcome, error_code, client_name, arguments,
  duration_us, upstream_calls, answer_bytes, ip, user_agent, request_id
FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?`, args{before, limit + 1}, scanAudit)
		return err
	})
	if err != nil {
		return nil, "", fmt.Errorf("list the audit log: %w", err)
	}
	if len(page) > limit {
		page = page[:limit]
		next = page[limit-1].ID
	}
	return page, next, nil
}

func scanAudit(row *sql.Rows, e *AuditEntry) error {
	var at, micros int64
	var arguments string
	a := &e.Actor
	err := row.Scan(&e.ID, &at, &a.Kind, &a.ID, &a.Name, &e.Action, &e.Target, &e.Detail, &e.Outcome, &e.ErrorCode, &e.ClientName,
		&arguments, &micros, &e.UpstreamCalls, &e.AnswerBytes, &a.IP, &a.UserAgent, &a.RequestID)
	e.At, e.Duration = fromMilli(at), time.Duration(micros)*time.Microsecond
	if arguments != "" {
		e.Arguments = json.RawMessage(arguments)
	}
	return err
}

// audit writes an entry in the transaction of the change that it is about.
func (d orgDoor) audit(ctx context.Context, by Actor, a Action) error {
	if by.Kind == "" {
		by.Kind = ActorSystem
	}
	now := d.org.store.now()
	return d.exec(ctx, `
INSERT INTO audit (org_id, id, at, actor_kind, actor_id, actor_name, action, target, detail, outcome, error_code, client_name,
  arguments, duration_us, upstream_calls, answer_bytes, ip, user_agent, request_id)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', '', '', 0, 0, 0, ?, ?, ?)`,
		args{
			d.org.id, d.org.store.auditIDs.next("aud", now), now.UnixMilli(), by.Kind, by.ID, by.Name, a.Name, a.Target, a.Detail,
			OutcomeOK, by.IP, by.UserAgent, by.RequestID,
		})
}
