// Checking the values of litestream.yml, and filling in what the file leaves
// open.

package replica

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/benbjohnson/litestream"
	"github.com/dustin/go-humanize"
	"gopkg.in/yaml.v3"
)

// byteSize is a size such as 5MiB.
type byteSize int64

// UnmarshalYAML reads a size the way Litestream does.
func (b *byteSize) UnmarshalYAML(node *yaml.Node) error {
	size, err := humanize.ParseBytes(node.Value)
	if err != nil || size > 1<<40 {
		return fmt.Errorf("line %d: a size looks like 16MiB", node.Line)
	}
	*b = byteSize(size)
	return nil
}

// check finds values that can't mean anything. Every problem is found in one go.
func (f *document) check() error {
	var problems []error
	bad := func(what, do string) { problems = append(problems, badFile(0, what, do)) }
	if len(f.DBs) != 1 || f.DBs[0] == nil {
		bad(fmt.Sprintf("names %d databases", len(f.DBs)), "name exactly one under dbs")
		return errors.Join(problems...)
	}
	db := f.DBs[0]
	if db.Path == "" {
		bad("names no path for the database", "write path: ${HMCP_DATA_DIR}/hostaway-mcp.db")
	}
	if db.Replica == nil {
		bad("names no replica", "write replica: with url: ${HMCP_REPLICA_URL}")
		return errors.Join(problems...)
	}
	if db.RestoreIfDBNotExists != nil && !*db.RestoreIfDBNotExists {
		bad("forbids to restore a missing database", "take restore-if-db-not-exists out; a database that is missing is always restored")
	}
	if or(db.Replica.AutoRecover, or(f.AutoRecover, false)) {
		bad("has auto-recover: true, which throws away what is not copied yet", "take it out")
	}
	for _, rule := range f.durations() {
		if rule.value != nil && *rule.value < rule.least {
			bad(fmt.Sprintf("has %s: %v", rule.key, *rule.value), fmt.Sprintf("it must be at least %v", rule.least))
		}
	}
	for _, rule := range f.counts() {
		if rule.value != nil && *rule.value < rule.least {
			bad(fmt.Sprintf("has %s: %d", rule.key, *rule.value), fmt.Sprintf("it must be at least %d", rule.least))
		}
	}
	if u, err := url.Parse(f.HeartbeatURL); f.HeartbeatURL != "" && (err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https")) {
		bad("has a heartbeat-url that is no address", "write one that begins with https://")
	}
	return errors.Join(problems...)
}

type durationRule struct {
	key   string
	value *time.Duration
	least time.Duration
}

func (f *document) durations() []durationRule {
	const some = time.Millisecond
	db := f.DBs[0]
	rules := []durationRule{
		{"snapshot.interval", f.Snapshot.Interval, time.Minute},
		{"snapshot.retention", f.Snapshot.Retention, time.Minute},
		{"snapshot.interval", db.Snapshot.Interval, time.Minute},
		{"snapshot.retention", db.Snapshot.Retention, time.Minute},
		{"validation.interval", f.Validation.Interval, time.Minute},
		{"l0-retention", f.L0Retention, 0},
		{"l0-retention-check-interval", f.L0RetentionCheckInterval, time.Second},
		{"heartbeat-interval", f.HeartbeatInterval, litestream.MinHeartbeatInterval},
		{"shutdown-sync-timeout", f.ShutdownSyncTimeout, some},
		{"shutdown-sync-interval", f.ShutdownSyncInterval, some},
		{"monitor-interval", db.MonitorInterval, 10 * some},
		{"checkpoint-interval", db.CheckpointInterval, 0},
		{"busy-timeout", db.BusyTimeout, some},
		{"sync-interval", f.SyncInterval, 10 * some},
		{"sync-interval", db.Replica.SyncInterval, 10 * some},
	}
	for i := range f.Levels {
		rules = append(rules, durationRule{fmt.Sprintf("levels[%d].interval", i), &f.Levels[i].Interval, time.Second})
	}
	return rules
}

type countRule struct {
	key   string
	value *int64
	least int64
}

func (f *document) counts() []countRule {
	db := f.DBs[0]
	wide := func(n *int) *int64 {
		if n == nil {
			return nil
		}
		w := int64(*n)
		return &w
	}
	const leastPart = 5 << 20 // S3 takes no smaller part but the last
	return []countRule{
		{"min-checkpoint-page-count", wide(db.MinCheckpointPageN), 1},
		{"truncate-page-n", wide(db.TruncatePageN), 0},
		{"max-sync-wal-bytes", db.MaxSyncWALBytes, 0},
		{"concurrency", wide(f.Concurrency), 1},
		{"concurrency", wide(db.Replica.Concurrency), 1},
		{"part-size", (*int64)(f.PartSize), leastPart},
		{"part-size", (*int64)(db.Replica.PartSize), leastPart},
	}
}

// applyDefaults hands the settings at the top of the file down to the replica,
// and makes paths absolute.
func (f *document) applyDefaults() {
	db := f.DBs[0]
	db.Path, db.MetaPath = absolute(db.Path), absolute(db.MetaPath)
	r, top := &db.Replica.replicaSettings, &f.replicaSettings
	for _, text := range []struct{ to, from *string }{
		{&r.AccessKeyID, &top.AccessKeyID},
		{&r.SecretAccessKey, &top.SecretAccessKey},
		{&r.Region, &top.Region},
		{&r.Bucket, &top.Bucket},
		{&r.Endpoint, &top.Endpoint},
		{&r.StorageClass, &top.StorageClass},
		{&r.SSECustomerAlgorithm, &top.SSECustomerAlgorithm},
		{&r.SSECustomerKey, &top.SSECustomerKey},
		{&r.SSECustomerKeyPath, &top.SSECustomerKeyPath},
		{&r.SSEKMSKeyID, &top.SSEKMSKeyID},
	} {
		if *text.to == "" {
			*text.to = *text.from
		}
	}
	for _, flag := range []struct{ to, from **bool }{
		{&r.ForcePathStyle, &top.ForcePathStyle},
		{&r.SignPayload, &top.SignPayload},
		{&r.SignAcceptEncoding, &top.SignAcceptEncoding},
		{&r.RequireContentMD5, &top.RequireContentMD5},
		{&r.PutObjectContentMD5, &top.PutObjectContentMD5},
	} {
		if *flag.to == nil {
			*flag.to = *flag.from
		}
	}
	if r.SyncInterval == nil {
		r.SyncInterval = top.SyncInterval
	}
	if r.PartSize == nil {
		r.PartSize = top.PartSize
	}
	if r.Concurrency == nil {
		r.Concurrency = top.Concurrency
	}
	r.SkipVerify = r.SkipVerify || top.SkipVerify
}

// absolute makes a path absolute the way Litestream does, ~ included.
func absolute(path string) string {
	if path == "" {
		return ""
	}
	path = strings.TrimPrefix(strings.TrimPrefix(path, "sqlite3://"), "sqlite://")
	if rest, ok := strings.CutPrefix(path, "~"+string(os.PathSeparator)); ok || path == "~" {
		if home, err := os.UserHomeDir(); err == nil {
			path = filepath.Join(home, rest)
		}
	}
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}
