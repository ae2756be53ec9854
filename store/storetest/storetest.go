// Package storetest opens real stores for other rooms' tests: a file in the
// test's own folder, a cheap password cost, a clock that the test may move.
package storetest

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
)

// CheapPasswords is an argon2id cost for tests: it takes microseconds and
// protects nothing.
var CheapPasswords = store.PasswordCost{MemoryKiB: 64, Passes: 1, Threads: 1}

// Clock is a clock that stands still until the test moves it.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock starts a clock at the given time.
func NewClock(at time.Time) *Clock { return &Clock{now: at} }

// Now returns the clock's time. Give it to whatever wants a func() time.Time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Set moves the clock to a time.
func (c *Clock) Set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = at
}

// Advance moves the clock on.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Option changes how Open opens the store.
type Option func(*store.Config)

// WithClock makes the store read the time from clock; without it the store
// uses the real time.
func WithClock(clock *Clock) Option { return func(c *store.Config) { c.Now = clock.Now } }

// WithNow makes the store read the time from now.
func WithNow(now func() time.Time) Option { return func(c *store.Config) { c.Now = now } }

// WithPath puts the database file where the test wants it.
func WithPath(path string) Option { return func(c *store.Config) { c.Path = path } }

// WithKeyring gives the store a keyring of the test's own.
func WithKeyring(ring *secret.Keyring) Option {
	return func(c *store.Config) { c.Keyring = Fixed(ring) }
}

// WithBilling turns billing on: trials start, and access depends on them.
func WithBilling() Option { return func(c *store.Config) { c.Billing = true } }

// WithMail has mails queued.
func WithMail() Option { return func(c *store.Config) { c.Mail = true } }

// WithLog gives the store a log; without it nothing is logged.
func WithLog(log *slog.Logger) Option { return func(c *store.Config) { c.Log = log } }

// Disk is a disk that the test runs full and gives room again. Reads go on.
type Disk struct {
	full    atomic.Bool
	reserve string // the file, if the store keeps one
}

// Fill runs the disk full.
func (d *Disk) Fill() { d.full.Store(true) }

// Free gives it room.
func (d *Disk) Free() { d.full.Store(false) }

func (d *Disk) refuse() error {
	if !d.full.Load() || (d.reserve != "" && d.reserved() == 0) {
		return nil
	}
	return store.ErrDiskFull
}

// reserved is how many bytes the reserve has.
func (d *Disk) reserved() int64 {
	info, err := os.Stat(d.reserve)
	if err != nil {
		return -1
	}
	return info.Size()
}

func (d *Disk) free() (int64, error) {
	if d.full.Load() {
		return 0, nil
	}
	return 1 << 30, nil
}

// WithDisk puts the database on this disk.
func WithDisk(d *Disk) Option { return func(c *store.Config) { c.Refuse = d.refuse } }

// WithReservedDisk puts a server's database on this disk, with a reserve that never
// ends. It is made beside the start; wait for WholeReserve before filling the disk.
func WithReservedDisk(d *Disk) Option {
	return func(c *store.Config) {
		d.reserve = filepath.Join(filepath.Dir(c.Path), store.ReserveFile)
		c.Refuse, c.Serving, c.Reserve = d.refuse, true, store.Reserve{Bytes: 4096, Free: d.free}
	}
}

// WholeReserve waits until the reserve is there.
func (d *Disk) WholeReserve(tb testing.TB) {
	tb.Helper()
	for deadline := time.Now().Add(20 * time.Second); d.reserved() <= 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatal("no reserve is made")
		}
	}
}

// Fixed is a Config.Keyring that always answers with ring.
func Fixed(ring *secret.Keyring) func(context.Context, bool) (*secret.Keyring, error) {
	return func(context.Context, bool) (*secret.Keyring, error) { return ring, nil }
}

// Keyring makes a keyring of n new keys.
func Keyring(tb testing.TB, n int) *secret.Keyring {
	tb.Helper()
	keys := make([]string, n)
	for i := range keys {
		keys[i] = secret.GenerateKey().Reveal()
	}
	ring, err := secret.ParseKeyring(strings.Join(keys, ","))
	if err != nil {
		tb.Fatal(err)
	}
	return ring
}

// newDatabase is a database that nobody has written to yet, with the key that opens it.
type newDatabase struct {
	file []byte
	ring *secret.Keyring
}

// theNewDatabase is made once: migrating takes longer than many tests, above all under
// the race detector. Its stores share the key and the installation's id; a test that
// gives its own keyring gets a database of its own.
var theNewDatabase = sync.OnceValues(func() (made newDatabase, err error) {
	made.ring, err = secret.ParseKeyring(secret.GenerateKey().Reveal())
	if err != nil {
		return made, err
	}
	folder, err := os.MkdirTemp("", "storetest-")
	if err != nil {
		return made, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	path := filepath.Join(folder, "new.db")
	st, err := store.Open(context.Background(), store.Config{Path: path, PasswordCost: CheapPasswords, Keyring: Fixed(made.ring)})
	if err != nil {
		return made, err
	}
	if err := st.Close(); err != nil { // what is in the log comes into the file
		return made, err
	}
	made.file, err = os.ReadFile(path)
	return made, err
})

// prepare puts the new database at the path, unless the test has one there.
func prepare(tb testing.TB, cfg *store.Config) {
	tb.Helper()
	made, err := theNewDatabase()
	if err != nil {
		tb.Fatalf("make a new database: %v", err)
	}
	cfg.Keyring = Fixed(made.ring)
	if _, err := os.Stat(cfg.Path); err == nil {
		return
	}
	if err := os.MkdirAll(filepath.Dir(cfg.Path), 0o700); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(cfg.Path, made.file, 0o600); err != nil {
		tb.Fatal(err)
	}
}

// Open opens a fresh store and closes it when the test ends.
func Open(tb testing.TB, opts ...Option) *store.Store {
	tb.Helper()
	cfg := store.Config{
		Path:         filepath.Join(tb.TempDir(), "hostaway-mcp.db"),
		Log:          slog.New(slog.DiscardHandler),
		PasswordCost: CheapPasswords,
	}
	for _, opt := range opts {
		opt(&cfg)
	}
	if cfg.Keyring == nil {
		prepare(tb, &cfg)
	}
	st, err := store.Open(tb.Context(), cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := st.Close(); err != nil {
			tb.Errorf("close the store: %v", err)
		}
	})
	return st
}

// Fixture is an org that is ready for use: one owner who can sign in, and one
// API key.
type Fixture struct {
	Org              *store.Org
	Member           store.Member
	Email            string
	Password, APIKey secret.Text
	Key              store.APIKey
}

// By is the fixture's owner as an actor.
func (f Fixture) By() store.Actor {
	return store.Actor{Kind: store.ActorMember, ID: f.Member.ID, Name: f.Member.Name}
}

// Org creates an org of this name with an owner and an API key called
// "Claude". Several orgs of one store may have the same name.
func Org(tb testing.TB, st *store.Store, name string) Fixture {
	tb.Helper()
	fix := Fixture{
		Email:    "owner-" + strings.ToLower(secret.GenerateKey().Reveal()[:8]) + "@example.com",
		Password: secret.New("violet-harbour-28"),
	}
	fix.Email = strings.NewReplacer("+", "a", "/", "b").Replace(fix.Email)
	by := store.Actor{Kind: store.ActorSystem, Name: "storetest"}
	var err error
	fix.Org, fix.Member, err = st.CreateOrg(tb.Context(), store.NewOrg{
		Name: name, Email: fix.Email, MemberName: "Olive Owner", Password: fix.Password,
	}, by)
	if err != nil {
		tb.Fatal(err)
	}
	fix.Key, fix.APIKey, err = fix.Org.CreateAPIKey(tb.Context(), fix.By(), "Claude")
	if err != nil {
		tb.Fatal(err)
	}
	return fix
}

// Connect gives the org a Hostaway connection with this account.
func Connect(tb testing.TB, org *store.Org, accountID int64, accountSecret string) store.Connection {
	tb.Helper()
	c, err := org.Connect(tb.Context(), store.Actor{Kind: store.ActorSystem, Name: "storetest"},
		store.NewConnection{AccountID: accountID, Secret: secret.New(accountSecret)})
	if err != nil {
		tb.Fatal(err)
	}
	return c
}
