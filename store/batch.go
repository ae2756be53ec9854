// What a group commit writes: each tool call through its own org's views, then
// one update of the usage counters for each org, day and tool of the batch.

package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"time"
)

// batchWriter runs prepared statements on the write connection, inside a
// transaction that its caller holds.
type batchWriter struct {
	conn  *scopedConn
	open  map[string]*scopedStmt
	named []driver.NamedValue
}

// exec runs a statement within the scope.
func (w *batchWriter) exec(ctx context.Context, sc scope, text string, values ...driver.Value) error {
	st, err := w.bind(ctx, sc, text, values)
	if err != nil {
		return err
	}
	_, err = st.ExecContext(ctx, w.named)
	return err
}

// hit runs a statement within the scope and says whether it returned a row.
func (w *batchWriter) hit(ctx context.Context, sc scope, text string, values ...driver.Value) (hit bool, err error) {
	st, err := w.bind(ctx, sc, text, values)
	if err != nil {
		return false, err
	}
	rows, err := st.QueryContext(ctx, w.named)
	if err != nil {
		return false, err
	}
	row := make([]driver.Value, len(rows.Columns()))
	for err == nil { // to the end: only then is the statement done
		if err = rows.Next(row); err == nil {
			hit = true
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return hit, errors.Join(err, rows.Close())
}

// bind sets the scope and names the values.
func (w *batchWriter) bind(ctx context.Context, sc scope, text string, values []driver.Value) (*scopedStmt, error) {
	w.conn.scope = sc
	w.named = w.named[:0]
	for i, v := range values {
		w.named = append(w.named, driver.NamedValue{Ordinal: i + 1, Value: v})
	}
	return w.prepared(ctx, text)
}

func (w *batchWriter) prepared(ctx context.Context, text string) (*scopedStmt, error) {
	if st, ok := w.open[text]; ok {
		return st, nil
	}
	st, err := w.conn.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	if w.open == nil {
		w.open = map[string]*scopedStmt{}
	}
	w.open[text] = st.(*scopedStmt)
	return w.open[text], nil
}

// close gives the statements back to the connection.
func (w *batchWriter) close() error {
	var errs []error
	for _, st := range w.open {
		errs = append(errs, st.Close())
	}
	return errors.Join(errs...)
}

type usageKey struct{ org, day, tool string }

type usageSum struct {
	calls, failed, micros, last int64
}

func (w *batchWriter) calls(ctx context.Context, batch []*recording) error {
	sums := make(map[usageKey]usageSum, 4)
	for _, r := range batch {
		fresh, err := w.call(ctx, r)
		if err != nil {
			return err
		}
		if !fresh {
			continue
		}
		key := usageKey{r.org, r.call.StartedAt.UTC().Format(time.DateOnly), r.call.Tool}
		sum := sums[key]
		sum.calls++
		if r.call.Outcome != OutcomeOK {
			sum.failed++
		}
		sum.micros += r.call.Duration.Microseconds()
		sum.last = max(sum.last, r.call.StartedAt.UnixMilli())
		sums[key] = sum
	}
	for key, sum := range sums {
		if err := w.count(ctx, key, sum); err != nil {
			return err
		}
	}
	return nil
}

// call writes a row and says that it is new.
func (w *batchWriter) call(ctx context.Context, r *recording) (fresh bool, err error) {
	sc, c := scope{doorOrg, r.org}, &r.call
	if r.again {
		if there, err := w.hit(ctx, sc, `SELECT 1 FROM audit WHERE id = ?`, r.id); there || err != nil {
			return false, err
		}
	}
	return true, w.exec(ctx, sc, `
INSERT INTO audit (org_id, id, at, actor_kind, actor_id, actor_name, action, target, detail, outcome, error_code, client_name,
  arguments, duration_us, upstream_calls, answer_bytes, ip, user_agent, request_id)
VALUES (?, ?, ?, 'key', ?, ?, ?, '', '', ?, ?, ?, ?, ?, ?, ?, ?, '', ?)`,
		r.org, r.id, c.StartedAt.UnixMilli(), c.KeyID, c.KeyName, c.Tool,
		string(c.Outcome), c.ErrorCode, c.ClientName, string(c.Arguments), c.Duration.Microseconds(),
		int64(c.UpstreamCalls), int64(c.AnswerBytes), c.IP, c.RequestID)
}

func (w *batchWriter) count(ctx context.Context, key usageKey, sum usageSum) error {
	sc := scope{doorOrg, key.org}
	hit, err := w.hit(ctx, sc, `
UPDATE usage SET calls = calls + ?, failed = failed + ?, duration_us = duration_us + ?, last_call_at = max(last_call_at, ?)
WHERE day = ? AND tool = ? RETURNING 1`, sum.calls, sum.failed, sum.micros, sum.last, key.day, key.tool)
	if err != nil || hit {
		return err
	}
	return w.exec(ctx, sc, `INSERT INTO usage (org_id, day, tool, calls, failed, duration_us, last_call_at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		key.org, key.day, key.tool, sum.calls, sum.failed, sum.micros, sum.last)
}

func (w *batchWriter) touches(ctx context.Context, used []touch) error {
	for _, t := range used {
		var err error
		if t.key != "" {
			err = w.exec(ctx, scope{doorOrg, t.org}, `UPDATE api_keys SET last_used_at = max(coalesce(last_used_at, 0), ?) WHERE id = ?`,
				t.at.UnixMilli(), t.key)
		} else {
			err = w.exec(ctx, scope{door: doorSystem}, sysTouchSession, t.at.UnixMilli(), t.session)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
