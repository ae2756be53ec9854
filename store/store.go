// Package store remembers everything of ours in one SQLite file: orgs and their
// members, API keys, Hostaway connections, the audit log and the usage counters.
//
// A customer's rows are reached through an *Org only, and an *Org comes from
// OrgByAPIKey, OrgBySession, EachOrg or CreateOrg. Below that, the connection
// itself keeps every statement inside its org: see scope.go.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"hostaway-mcp/secret"
)

// Config says where the store is and what it needs.
type Config struct {
	// Path of the database file. Its folder is made when it is missing.
	Path string
	// Keyring gives the master keys. hasSealed says that the database already
	// holds something sealed: then a new key would not open it.
	Keyring func(ctx context.Context, hasSealed bool) (*secret.Keyring, error)
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Log takes what went wrong in the background; nil drops it.
	Log *slog.Logger
	// Observer is told of the commits; nil tells nobody.
	Observer Observer
	// PasswordCost of new password hashes; zero is the cost for production.
	PasswordCost PasswordCost
	// Replicated is called after a change that must not get lost with this machine
	// was committed. It waits, for a bounded time, until a copy elsewhere has it; its
	// error means that it may not. Nil: there is no copy to wait for.
	Replicated func(ctx context.Context) error
	// ReplicaOwnsCheckpoints is set wherever a replica reads this database's -wal:
	// then no connection of ours makes checkpoints.
	ReplicaOwnsCheckpoints bool
	// Serving is set by a server, which uses the database until it calls Close. When
	// it ends without, as in a crash, the next one checks the file before it is used.
	Serving bool
	// Check asks for that check at any rate, as after a restore.
	Check bool
	// Billing makes an org's access depend on its trial and its subscription. Without
	// it every org has access, and no trial starts.
	Billing bool
	// Mail says that somebody sends mails. Without it none is queued.
	Mail bool
	// Reserve is kept by a server for the time in which the disk is full.
	Reserve Reserve
	// Refuse is asked before each write; its error refuses it. Nil: the disk alone
	// refuses. A test runs a disk full with it, at the moment that it wants.
	Refuse func() error

	locks locks
}

// Store is an open database. It is safe for use by several goroutines.
type Store struct {
	path       string
	clock      func() time.Time
	log        *slog.Logger
	observer   Observer
	ring       *freshRing
	passwords  *passwords
	auditIDs   risingIDs
	replicated func(context.Context) error
	refuse     func() error
	billing    bool
	mail       bool
	outbox     outbox

	replicaOwnsCheckpoints bool
	fullSince              atomic.Int64 // milliseconds; 0 when the disk is not full
	reserve                reserve
	endReserve             func()

	writer  *sql.DB // one connection: SQLite has one writer
	readers *sql.DB // query_only, for the orgs' doors
	system  *sql.DB // query_only, for the system door
	keeper  *sql.DB // one connection without scope, for pragmas alone
	commits *committer
	serving bool // Close has a mark to take away
}

// Open opens or creates the database, brings it to this program's version and
// checks that the keyring opens what is sealed in it.
//
// Errors: *NewerError, ErrDiskFull, ErrDamaged, *secret.UnknownKeyError and secret.ErrOpen
// (wrapped in what to do), and whatever Config.Keyring returns.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.Path == "" || cfg.Keyring == nil {
		return nil, errors.New("open the store: a path and a keyring are required")
	}
	s := &Store{
		path: cfg.Path, clock: cfg.Now, log: cfg.Log, observer: cfg.Observer, passwords: newPasswords(cfg.PasswordCost),
		replicated: cfg.Replicated, refuse: cfg.Refuse, replicaOwnsCheckpoints: cfg.ReplicaOwnsCheckpoints,
		billing: cfg.Billing, mail: cfg.Mail, outbox: outbox{told: make(chan struct{}, 1)},
	}
	if s.refuse == nil {
		s.refuse = func() error { return nil }
	}
	if s.clock == nil {
		s.clock = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.observer == nil {
		s.observer = nobody{}
	}
	if err := preparePath(cfg.Path); err != nil {
		return nil, fmt.Errorf("open the store: %w", err)
	}
	s.beginReserve(ctx, cfg)
	tables, err := migrate(ctx, cfg, s.log)
	if err != nil {
		return nil, fmt.Errorf("open the database %s: %w", cfg.Path, asDamage(err))
	}
	if err := s.openPools(cfg, tables); err != nil {
		return nil, fmt.Errorf("open the database %s: %w", cfg.Path, err)
	}
	err = s.unlock(ctx, cfg.Keyring)
	if err == nil && cfg.Serving {
		err = s.beginServing(ctx)
	}
	if err != nil {
		return nil, errors.Join(asDamage(err), s.closePools())
	}
	s.commits = newCommitter(ctx, s)
	s.endReserve = s.keepReserve(ctx)
	return s, nil
}

func (s *Store) openPools(cfg Config, tables []orgTable) (err error) {
	open := func(conns int, readOnly bool) *sql.DB {
		db := sql.OpenDB(&connector{dsn: dsn(cfg), tables: tables, readOnly: readOnly, locks: cfg.locks})
		db.SetMaxOpenConns(conns)
		db.SetMaxIdleConns(conns)
		return db
	}
	parallel := max(4, 2*runtime.GOMAXPROCS(0))
	if s.keeper, err = openPlain(dsn(cfg)); err != nil {
		return err
	}
	s.writer, s.readers, s.system = open(1, false), open(parallel, true), open(parallel, true)
	return nil
}

// Close finishes what is being recorded and closes the file. Callers that still
// wait get their answer first.
func (s *Store) Close() error {
	s.endReserve()
	s.commits.close()
	s.endServing(context.Background())
	return s.closePools()
}

func (s *Store) closePools() error {
	return errors.Join(s.readers.Close(), s.system.Close(), s.keeper.Close(), s.writer.Close())
}

// now is the clock in the precision that is stored.
func (s *Store) now() time.Time { return s.clock().UTC().Truncate(time.Millisecond) }

// dsn carries every pragma: one that is sent by Exec would reach one pooled
// connection only. busy_timeout stands first, since the others may wait.
// synchronous is FULL, for with NORMAL a power cut undoes the last commits: a
// revoked key would work again, and a used confirm token be good again.
// secure_delete overwrites what is deleted: a secret that was replaced, and an org
// that is gone, must not go on lying in the file.
func dsn(cfg Config, first ...string) string {
	foreignKeys := "1"
	if cfg.locks.noForeignKeys {
		foreignKeys = "0"
	}
	pragmas := append([]string{"busy_timeout(5000)"}, first...)
	pragmas = append(pragmas, "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys("+foreignKeys+")",
		"recursive_triggers(1)", "temp_store(MEMORY)", "cache_size(-16384)", "trusted_schema(1)", "secure_delete(1)")
	if cfg.ReplicaOwnsCheckpoints {
		pragmas = append(pragmas, "wal_autocheckpoint(0)")
	}
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(cfg.Path)}).EscapedPath()}
	return u.String() + "?_txlock=immediate&_dqs=0&_defensive=1&_pragma=" + strings.Join(pragmas, "&_pragma=")
}

// preparePath makes the folder, and the file with mode 0600 before SQLite would
// make it with the umask's; SQLite gives its side files the same mode. An
// existing file is not opened: closing it would drop SQLite's POSIX locks.
func preparePath(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) {
		if err := os.Chmod(path, 0o600); err != nil {
			return fmt.Errorf("protect the database file: %w", err)
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("make the database file: %w", err)
	}
	return f.Close()
}
