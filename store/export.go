// Export: everything that the database holds of one org, as files that a person
// can read, without what would let anybody in.

package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// ExportedFile is one file of an export: a JSON list with an object for each row,
// and what is in it.
type ExportedFile struct {
	Name, About string
	Rows        int
}

// export is one tenant table as it is exported. Columns of the statement whose
// names end in at are times; arguments is JSON already. leftOut are the table's
// other columns: export_test.go wants each column in one of the two.
type export struct {
	table, file, about, text string
	leftOut                  []string
}

// exports has every tenant table; a test fails on one that is missing.
func (d orgDoor) exports() []export {
	return []export{
		{
			table: "orgs_all", file: "org.json", about: "the org itself; connections counts how often Hostaway was connected",
			text: `SELECT id, name, connections, created_at FROM orgs`,
		},
		{
			table: "members_all", file: "members.json", about: "its members with their roles", leftOut: []string{"org_id"},
			text: `SELECT id, user_id, email, name, role, created_at FROM members ORDER BY created_at, id`,
		},
		{
			table: "api_keys_all", file: "api_keys.json", about: "its API keys, active and revoked; slot is empty for a revoked one",
			leftOut: []string{"org_id", "hash"},
			text:    `SELECT id, name, slot, last4, created_by, created_at, last_used_at, revoked_at FROM api_keys ORDER BY created_at, id`,
		},
		{
			table: "connections_all", file: "connection.json", about: "its connection to Hostaway, without the secret and the access token",
			leftOut: []string{"org_id", "secret", "token"},
			text: `
SELECT id, account_id, secret_last4, state, detail, listing_count, version, token_issued_at, token_expires_at, created_at, counted_at, checked_at, refused_at
FROM connections`,
		},
		{
			table: "billing_accounts_all", file: "billing.json", about: "its subscription at Stripe and its access; unit_amount is in minor units of the currency",
			leftOut: []string{"org_id"},
			text: `
SELECT customer_id, subscription_id, item_id, price_id, currency, unit_amount, status, access, access_reason, trial_ends_at, cancel_at, grace_ends_at,
  overdue_since_at, period_start_at, period_end_at, latest_invoice_id, latest_invoice_status, checkout_session, generation, former_customers, returned, synced_at, version
FROM billing_accounts`,
		},
		{
			table: "listing_counts_all", file: "listing_counts.json", about: "every count of its active listings, with the listings' ids", leftOut: []string{"org_id"},
			text: `
SELECT id, counted_at, recorded_at, active, total, pages, complete, connection_version, source, ids_hash, ids, problem
FROM listing_counts ORDER BY counted_at, id`,
		},
		{
			table: "billable_changes_all", file: "billable.json", about: "how many listings are billed from when, until the next row", leftOut: []string{"org_id"},
			text: `SELECT id, effective_at, recorded_at, quantity, reason, count_id FROM billable_changes ORDER BY effective_at, id`,
		},
		{
			table: "desired_quantities_all", file: "billed_quantity.json", about: "how many listings Stripe is told to bill, and a count that is held", leftOut: []string{"org_id"},
			text: `
SELECT quantity, counted_at, count_id, state, hold_reason, held_quantity, held_since_at, held_count_id, attempts, next_try_at, operation_key,
  last_error, changed_at, synced_at, stripe_quantity, version FROM desired_quantities`,
		},
		{
			table: "mails_all", file: "mails.json", about: "mails to its people, of the last months, without their text", leftOut: []string{"org_id", "payload"},
			text: `SELECT id, kind, recipient, dedupe_key, state, attempts, next_try_at, last_error, created_at, ended_at FROM mails ORDER BY created_at, id`,
		},
		{
			table: "audit_all", file: "audit_log.json", about: "what assistants and people did, oldest first; duration_us is in microseconds", leftOut: []string{"org_id"},
			text: `
SELECT id, at, actor_kind, actor_id, actor_name, action, target, detail, outcome, error_code, client_name, arguments,
  duration_us, upstream_calls, answer_bytes, ip, user_agent, request_id
FROM audit ORDER BY id`,
		},
		{
			table: "usage_all", file: "usage.json", about: "tool calls by UTC day and tool; duration_us is their sum in microseconds", leftOut: []string{"org_id"},
			text: `SELECT day, tool, calls, failed, duration_us, last_call_at FROM usage ORDER BY day, tool`,
		},
		{
			table: "confirmations_all", file: "confirmations.json", about: "previews of changes that waited for a confirmation, of the last days",
			leftOut: []string{"org_id", "arguments_hash", "token_hash"},
			text:    `SELECT id, key_id, tool, created_at, expires_at, used_at FROM confirmations ORDER BY created_at, id`,
		},
	}
}

// exportFiles writes the files as of one moment. create is called for each file in
// turn and takes its text until the next call.
func (o *Org) exportFiles(ctx context.Context, create func(name string) (io.Writer, error)) (files []ExportedFile, err error) {
	conn, err := enter(ctx, o.store.readers, scope{doorOrg, o.id})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	tx, err := conn.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, fmt.Errorf("export the org: %w", translate(err))
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	d := orgDoor{hands{tx}, o}
	for _, e := range d.exports() {
		w, err := create(e.file)
		if err != nil {
			return nil, fmt.Errorf("export the org: make %s: %w", e.file, err)
		}
		rows, err := d.export(ctx, e, w)
		if err != nil {
			return nil, fmt.Errorf("export the org: write %s: %w", e.file, err)
		}
		files = append(files, ExportedFile{e.file, e.about, rows})
	}
	return files, nil
}

// export writes one table as a JSON list, a row a line.
func (d orgDoor) export(ctx context.Context, e export, w io.Writer) (count int, err error) {
	rows, err := d.st.QueryContext(ctx, e.text)
	if err != nil {
		return 0, translate(err)
	}
	defer func() { err = errors.Join(err, translate(rows.Close())) }()
	columns, err := rows.Columns()
	if err != nil {
		return 0, err
	}
	values, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	var line bytes.Buffer
	for ; rows.Next(); count++ {
		if err := rows.Scan(into...); err != nil {
			return count, fmt.Errorf("read a row: %w", err)
		}
		line.Reset()
		line.WriteString(map[bool]string{true: "[\n  ", false: ",\n  "}[count == 0])
		if err := writeObject(&line, columns, values); err != nil {
			return count, err
		}
		if _, err := w.Write(line.Bytes()); err != nil {
			return count, err
		}
	}
	if err := rows.Err(); err != nil {
		return count, translate(err)
	}
	_, err = io.WriteString(w, map[bool]string{true: "[]\n", false: "\n]\n"}[count == 0])
	return count, err
}

// writeObject keeps the order of the columns.
func writeObject(to *bytes.Buffer, columns []string, values []any) error {
	for i, column := range columns {
		to.WriteString(map[bool]string{true: "{", false: ", "}[i == 0])
		text, err := json.Marshal(exported(column, values[i]))
		if err != nil {
			return fmt.Errorf("write %s: %w", column, err)
		}
		fmt.Fprintf(to, "%q: %s", column, text)
	}
	to.WriteString("}")
	return nil
}

// exported turns a stored value into one for people: times in words of RFC 3339,
// redacted arguments as the JSON that they are, listings as their ids.
func exported(column string, value any) any {
	switch v := value.(type) {
	case int64:
		if column == "at" || strings.HasSuffix(column, "_at") {
			return fromMilli(v).Format(time.RFC3339Nano)
		}
	case []byte:
		if column == "ids_hash" {
			return hex.EncodeToString(v)
		}
		if ids, err := unpackListingIDs(v); column == "ids" && err == nil {
			return ids
		}
	case string:
		if column == "arguments" && json.Valid([]byte(v)) {
			return json.RawMessage(v)
		}
	}
	return value
}
