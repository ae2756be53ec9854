// What is in a database file, for comparing it with its copy: how new it is, and
// what each table holds. The files need not be open, and are only read.

package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strings"
)

// ReadNewest reads the id of the newest row that the audit log ever had, which rises
// with time; "" when there was none. A file in which it is less than it was is an
// older one. It costs one look for each org. Errors: fs.ErrNotExist, ErrDamaged.
func ReadNewest(ctx context.Context, path string) (newest string, err error) {
	err = readFile(ctx, path, func(h hands) error {
		var known int
		if err := h.get(ctx, `SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'audit_all'`, nil, &known); err != nil || known == 0 {
			return err
		}
		err := h.get(ctx, `SELECT coalesce(max((SELECT max(id) FROM audit_all WHERE org_id = orgs_all.id)), '') FROM orgs_all`, nil, &newest)
		if err != nil {
			return err
		}
		if err := h.get(ctx, `SELECT count(*) FROM pragma_table_info('installation') WHERE name = 'newest'`, nil, &known); err != nil || known == 0 {
			return err
		}
		var deleted string
		err = h.get(ctx, `SELECT newest FROM installation WHERE one = 1`, nil, &deleted)
		newest = max(newest, deleted)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("read what is newest in %s: %w", path, err)
	}
	return newest, nil
}

// ReadContents digests every table of a database file. Two files have the same
// digest for a table when they hold the same rows. It reads the whole file.
// Errors: fs.ErrNotExist, ErrDamaged.
func ReadContents(ctx context.Context, path string) (tables map[string]string, err error) {
	tables = map[string]string{}
	err = readFile(ctx, path, func(h hands) error {
		names, err := schemaOf(ctx, h)
		for _, name := range names {
			if err == nil {
				tables[name], err = digestTable(ctx, h, name)
			}
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read what is in %s: %w", path, err)
	}
	return tables, nil
}

// digestTable reads a table in the order in which it lies, which is that of its
// key. The name is the schema's own, so the text can't stand in the source whole.
func digestTable(ctx context.Context, h hands, name string) (digest string, err error) {
	text := strings.Join([]string{"SELECT", "*", "FROM", `"` + strings.ReplaceAll(name, `"`, `""`) + `"`}, " ")
	rows, err := h.st.QueryContext(ctx, text)
	if err != nil {
		return "", fmt.Errorf("read the table %s: %w", name, translate(err))
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	columns, err := rows.Columns()
	if err != nil {
		return "", translate(err)
	}
	values, into := make([]sql.RawBytes, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	sum := sha256.New()
	count := 0
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return "", fmt.Errorf("read a row of %s: %w", name, translate(err))
		}
		for _, value := range values {
			addValue(sum, value)
		}
		count++
	}
	return fmt.Sprintf("%d rows, %s", count, hex.EncodeToString(sum.Sum(nil))), translate(rows.Err())
}

// addValue writes a value with its length, so that no two rows look alike. NULL
// has a length that nothing else has.
func addValue(sum hash.Hash, value sql.RawBytes) {
	length := int64(len(value))
	if value == nil {
		length = -1
	}
	var prefix [8]byte
	binary.BigEndian.PutUint64(prefix[:], uint64(length))
	_, _ = sum.Write(prefix[:])
	_, _ = sum.Write(value)
}
