package e2e

import (
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hostaway-mcp/replica/replicatest"
)

// restoreAim is how long a start may take that brings back 1 GB, with its check.
const restoreAim = 20 * time.Second

// A database of 1 GB burns: how long until the service is back.
func TestALargeDatabaseComesBack(t *testing.T) {
	soakOnly(t)
	storage := replicatest.Start(t)
	s := newReplicated(t, newUpstream(t, nil), storage.Proxy).run(t, firstStart)
	v, key := furnish(t, s)
	newAssistant(s.base, key).must(t, "hostaway_whoami", `{}`)
	if code := s.stop(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	path := filepath.Join(s.data, databaseName)
	size := growDatabase(t, path, sized[int64](0, 100<<20, 1<<30))
	rows := openDatabase(t, path).number(t, `SELECT count(*) FROM audit_all`)

	began := time.Now()
	s.run(t)
	newAssistant(s.base, key).must(t, "hostaway_whoami", `{}`)
	t.Logf("%4.0f MB, %d rows: first answer %v after the start with what was changed while it was away", float64(size)/1e6, rows, time.Since(began).Round(time.Millisecond))
	if code := s.stop(); code != 0 {
		t.Fatalf("exit code %d\n%s", code, clip(s.errOut.String()))
	}
	began = time.Now()
	s.run(t)
	newAssistant(s.base, key).must(t, "hostaway_whoami", `{}`)
	t.Logf("first answer %v after a start with an existing database", time.Since(began).Round(time.Millisecond))
	if code := s.stop(); code != 0 {
		t.Fatalf("exit code %d", code)
	}

	must(t, os.RemoveAll(s.data))
	began = time.Now()
	s.run(t)
	newAssistant(s.base, key).must(t, "hostaway_whoami", `{}`)
	took := time.Since(began)
	db := openDatabase(t, path)
	db.intact(t)
	if back := db.number(t, `SELECT count(*) FROM audit_all`); back < rows {
		t.Errorf("%d rows came back of %d", back, rows)
	}
	t.Logf("restored, checked and answering after %v, with %d MB of memory", took.Round(time.Millisecond), s.memory(t)>>20)
	if took > restoreAim {
		t.Errorf("the restore took %v, more than %v", took, restoreAim)
	}
	v.moveTo(s.base)
	began = time.Now()
	v.awaitCopied()
	t.Logf("copied as a whole after another %v", time.Since(began).Round(time.Millisecond))
	if code := s.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// growDatabase adds tool calls to the audit log of a stopped server until its database has so many bytes: copies of a real row, each with an id
// and arguments of its own that no compression makes smaller.
func growDatabase(t *testing.T, path string, want int64) int64 {
	t.Helper()
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", OmitHost: true, Path: path}).String()+"?_pragma=synchronous(0)")
	must(t, err)
	db.SetMaxOpenConns(1)
	defer func() { _ = db.Close() }()
	columns := database{db}.texts(t, `SELECT name FROM pragma_table_info('audit_all') ORDER BY cid`)
	values := append([]string(nil), columns...)
	for i, c := range columns {
		switch c {
		case "id":
			values[i] = `substr(id, 1, length(id) - 10) || printf('%010d', n + ?)` // ids rise with time, and retention goes by them
		case "arguments":
			values[i] = `'{"cursor":"' || hex(randomblob(400)) || '"}'`
		case "request_id":
			values[i] = `'req_' || lower(hex(randomblob(10)))`
		}
	}
	const step = 20_000
	statement := fmt.Sprintf(`WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < %d)
INSERT INTO audit_all (%s) SELECT %s FROM n, (SELECT * FROM audit_all WHERE actor_kind = 'key' LIMIT 1)`,
		step, strings.Join(columns, ", "), strings.Join(values, ", "))
	for base := 0; ; base += step {
		_, err := db.Exec(statement, base)
		must(t, err)
		_, err = db.Exec(`PRAGMA wal_checkpoint(TRUNCATE)`)
		must(t, err)
		info, err := os.Stat(path)
		must(t, err)
		if info.Size() >= want {
			return info.Size()
		}
	}
}
