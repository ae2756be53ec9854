// The settings of litestream.yml: Litestream's own key names, as far as they
// matter for one database with one replica.

package replica

import (
	"time"

	"github.com/benbjohnson/litestream"
)

// Settings are what litestream.yml says. Their zero value is: no replica.
type Settings struct {
	file   *document
	target target
}

// Configured tells whether there is a replica at all.
func (s Settings) Configured() bool { return s.file != nil }

// Where names the replica's place, without credentials.
func (s Settings) Where() string { return s.target.String() }

// Folder is the replica's place when it is a folder, "" otherwise.
func (s Settings) Folder() string { return s.target.folder }

// DatabasePath is the database that the file names, as an absolute path.
func (s Settings) DatabasePath() string {
	if s.file == nil {
		return ""
	}
	return s.file.DBs[0].Path
}

// Keeps says for how long the replica may hold what was deleted from the database:
// copies of the whole database are looked through when a new one is made, and what
// comes before the oldest that is kept goes with the one before it. bounded is false
// where the file leaves deleting to the bucket.
func (s Settings) Keeps() (most time.Duration, bounded bool) {
	if s.file == nil || !or(s.file.Retention.Enabled, true) {
		return 0, false
	}
	return s.file.snapshotRetention() + 2*s.file.snapshotInterval(), true
}

// KeepsBeside says the same of the files beside the database.
func (s Settings) KeepsBeside() time.Duration {
	if s.file == nil {
		return 0
	}
	most := or(s.file.L0Retention, litestream.DefaultL0Retention) + or(s.file.L0RetentionCheckInterval, litestream.DefaultL0RetentionCheckInterval)
	if levels := s.file.levels(); len(levels) > 1 {
		most += levels[1].Interval
	}
	return most
}

// document is litestream.yml. Everything in it is Litestream's; a key that is not
// here is refused by name.
type document struct {
	replicaSettings `yaml:",inline"` // defaults for the replica

	Levels                   []level        `yaml:"levels"`
	Snapshot                 snapshot       `yaml:"snapshot"`
	Validation               validation     `yaml:"validation"`
	Retention                retention      `yaml:"retention"`
	L0Retention              *time.Duration `yaml:"l0-retention"`
	L0RetentionCheckInterval *time.Duration `yaml:"l0-retention-check-interval"`
	VerifyCompaction         bool           `yaml:"verify-compaction"`
	HeartbeatURL             string         `yaml:"heartbeat-url"`
	HeartbeatInterval        *time.Duration `yaml:"heartbeat-interval"`
	ShutdownSyncTimeout      *time.Duration `yaml:"shutdown-sync-timeout"`
	ShutdownSyncInterval     *time.Duration `yaml:"shutdown-sync-interval"`
	DBs                      []*database    `yaml:"dbs"`
}

type level struct {
	Interval time.Duration `yaml:"interval"`
}

type snapshot struct {
	Interval  *time.Duration `yaml:"interval"`
	Retention *time.Duration `yaml:"retention"`
}

type validation struct {
	Interval *time.Duration `yaml:"interval"`
}

type retention struct {
	Enabled *bool `yaml:"enabled"`
}

type database struct {
	Path                 string         `yaml:"path"`
	MetaPath             string         `yaml:"meta-path"`
	Snapshot             snapshot       `yaml:"snapshot"`
	MonitorInterval      *time.Duration `yaml:"monitor-interval"`
	CheckpointInterval   *time.Duration `yaml:"checkpoint-interval"`
	BusyTimeout          *time.Duration `yaml:"busy-timeout"`
	MinCheckpointPageN   *int           `yaml:"min-checkpoint-page-count"`
	TruncatePageN        *int           `yaml:"truncate-page-n"`
	MaxSyncWALBytes      *int64         `yaml:"max-sync-wal-bytes"`
	RestoreIfDBNotExists *bool          `yaml:"restore-if-db-not-exists"`
	Replica              *replicaConfig `yaml:"replica"`
}

type replicaConfig struct {
	replicaSettings `yaml:",inline"`

	Type string `yaml:"type"`
	Path string `yaml:"path"`
	URL  string `yaml:"url"`
}

// replicaSettings may stand at the replica, or at the top as defaults for it.
type replicaSettings struct {
	SyncInterval *time.Duration `yaml:"sync-interval"`
	AutoRecover  *bool          `yaml:"auto-recover"`

	AccessKeyID         string    `yaml:"access-key-id"`
	SecretAccessKey     string    `yaml:"secret-access-key"`
	Region              string    `yaml:"region"`
	Bucket              string    `yaml:"bucket"`
	Endpoint            string    `yaml:"endpoint"`
	ForcePathStyle      *bool     `yaml:"force-path-style"`
	SignPayload         *bool     `yaml:"sign-payload"`
	SignAcceptEncoding  *bool     `yaml:"sign-accept-encoding"`
	RequireContentMD5   *bool     `yaml:"require-content-md5"`
	PutObjectContentMD5 *bool     `yaml:"put-object-content-md5"`
	SkipVerify          bool      `yaml:"skip-verify"`
	StorageClass        string    `yaml:"storage-class"`
	PartSize            *byteSize `yaml:"part-size"`
	Concurrency         *int      `yaml:"concurrency"`

	SSECustomerAlgorithm string `yaml:"sse-customer-algorithm"`
	SSECustomerKey       string `yaml:"sse-customer-key"`
	SSECustomerKeyPath   string `yaml:"sse-customer-key-path"`
	SSEKMSKeyID          string `yaml:"sse-kms-key-id"`
}

// The values that Litestream itself uses where the file says nothing.
const (
	defaultSnapshotInterval  = 24 * time.Hour
	defaultSnapshotRetention = 24 * time.Hour
)

// or returns what the file says, else the default.
func or[T any](said *T, otherwise T) T {
	if said != nil {
		return *said
	}
	return otherwise
}

func (f *document) snapshotInterval() time.Duration {
	return or(f.Snapshot.Interval, or(f.DBs[0].Snapshot.Interval, defaultSnapshotInterval))
}

func (f *document) snapshotRetention() time.Duration {
	return or(f.Snapshot.Retention, or(f.DBs[0].Snapshot.Retention, defaultSnapshotRetention))
}

func (f *document) levels() litestream.CompactionLevels {
	if len(f.Levels) == 0 {
		return litestream.DefaultCompactionLevels
	}
	levels := litestream.CompactionLevels{{Level: 0}}
	for i, l := range f.Levels {
		levels = append(levels, &litestream.CompactionLevel{Level: i + 1, Interval: l.Interval})
	}
	return levels
}

func (f *document) monitorInterval() time.Duration {
	return or(f.DBs[0].MonitorInterval, litestream.DefaultMonitorInterval)
}

func (f *document) syncInterval() time.Duration {
	return or(f.DBs[0].Replica.SyncInterval, litestream.DefaultSyncInterval)
}

func (f *document) stopTimeout() time.Duration {
	return or(f.ShutdownSyncTimeout, litestream.DefaultShutdownSyncTimeout)
}
