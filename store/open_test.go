// Opening: versions, keys and disks that are not as they should be. These tests
// reach behind the doors to bring the file into such a state.

package store

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hostaway-mcp/secret"
)

func ringOf(t *testing.T, keys ...secret.Text) *secret.Keyring {
	t.Helper()
	texts := make([]string, len(keys))
	for i, k := range keys {
		texts[i] = k.Reveal()
	}
	ring, err := secret.ParseKeyring(strings.Join(texts, ","))
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// behind runs SQL on the file without any lock.
func behind(t *testing.T, path string, texts ...string) {
	t.Helper()
	db, err := openPlain(dsn(Config{Path: path, locks: locks{noForeignKeys: true}}))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, text := range texts {
		if _, err := db.ExecContext(t.Context(), text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
}

func tryOpen(t *testing.T, path string, ring *secret.Keyring) (hasSealed bool, err error) {
	t.Helper()
	st, err := Open(t.Context(), Config{
		Path: path, PasswordCost: PasswordCost{64, 1, 1},
		Keyring: func(_ context.Context, has bool) (*secret.Keyring, error) {
			hasSealed = has
			return ring, nil
		},
	})
	if err == nil {
		err = st.Close()
	}
	return hasSealed, err
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "new.db")
	ring := ringOf(t, secret.GenerateKey())
	if _, err := tryOpen(t, path, ring); err != nil {
		t.Fatal(err)
	}
	behind(t, path, `PRAGMA user_version = 99`)
	_, err := tryOpen(t, path, ring)
	var newer *NewerError
	if !errors.As(err, &newer) || newer.Have != 99 || newer.Want < 6 || !strings.Contains(err.Error(), "run the newer hostaway-mcp") {
		t.Errorf("Open() = %v, want a NewerError with the next step", err)
	}
}

func TestNotADatabaseIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := Open(t.Context(), Config{}); err == nil {
		t.Error("opened without a path")
	}
	if _, err := tryOpen(t, t.TempDir(), ringOf(t, secret.GenerateKey())); err == nil {
		t.Error("opened a folder")
	}
	wrong := errors.New("no key today")
	_, err := Open(t.Context(), Config{
		Path:    filepath.Join(t.TempDir(), "x.db"),
		Keyring: func(context.Context, bool) (*secret.Keyring, error) { return nil, wrong },
	})
	if !errors.Is(err, wrong) {
		t.Errorf("Open() = %v, want what the callback said", err)
	}
	if _, err := tryOpen(t, filepath.Join(t.TempDir(), "x.db"), nil); err == nil {
		t.Error("opened without a keyring")
	}
}

func TestCanaryNamesTheMissingKey(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "canary.db")
	first, second := secret.GenerateKey(), secret.GenerateKey()
	if has, err := tryOpen(t, path, ringOf(t, first)); err != nil || has {
		t.Fatalf("a fresh database: sealed %t, %v", has, err)
	}
	if has, err := tryOpen(t, path, ringOf(t, first)); err != nil || !has {
		t.Fatalf("the second start: sealed %t, %v", has, err)
	}
	_, err := tryOpen(t, path, ringOf(t, second))
	var unknown *secret.UnknownKeyError
	if id := ringOf(t, first).PrimaryID(); !errors.As(err, &unknown) || unknown.ID != id || !strings.Contains(err.Error(), "add the missing key") {
		t.Errorf("Open() with another key = %v, want the missing id %s and what to do", err, id)
	}
	if _, err := tryOpen(t, path, ringOf(t, second, first)); err != nil {
		t.Fatalf("the new key in front of the old one: %v", err)
	}
	behind(t, path, `UPDATE canaries SET envelope = CAST(substr(envelope, 1, 40) || zeroblob(60) AS BLOB)`)
	if _, err := tryOpen(t, path, ringOf(t, second, first)); !errors.Is(err, secret.ErrOpen) {
		t.Errorf("a changed canary: %v, want ErrOpen", err)
	}
}

func TestCopiedSecretsDoNotOpen(t *testing.T) {
	t.Parallel()
	d := newDuel(t)
	behind(t, d.path,
		`UPDATE connections_all SET token = secret`, // another column
		`CREATE TEMP TABLE sealed AS SELECT secret FROM connections_all WHERE org_id = '`+d.b.org+`'`,
		`UPDATE connections_all SET secret = (SELECT secret FROM sealed) WHERE org_id = '`+d.a.org+`'`, // another org
	)
	st := openInside(t, d.path, d.ring, locks{})
	defer closeStore(t, st)
	a, b := &Org{store: st, id: d.a.org}, &Org{store: st, id: d.b.org}
	if c, err := a.Credentials(t.Context()); !errors.Is(err, secret.ErrOpen) {
		t.Errorf("the secret of B in A's row: %v, %v", c, err)
	}
	if _, err := b.Credentials(t.Context()); err != nil {
		t.Errorf("B's own: %v", err)
	}
	if c, err := b.HostawayToken(t.Context(), 1); !errors.Is(err, secret.ErrOpen) {
		t.Errorf("the secret in the token's column: %v, %v", c, err)
	}
	if _, _, err := st.Reseal(t.Context(), 10); err != nil {
		t.Errorf("nothing is stale: %v", err)
	}
	behind(t, d.path, `UPDATE connections_all SET id = 'con_other' WHERE org_id = '`+d.b.org+`'`)
	if c, err := b.Credentials(t.Context()); !errors.Is(err, secret.ErrOpen) {
		t.Errorf("the secret in another record: %v, %v", c, err)
	}
}

func TestResealGoesInBatchesAndMayBeBrokenOff(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "reseal.db")
	oldKey, newKey := secret.GenerateKey(), secret.GenerateKey()
	oldRing, both := ringOf(t, oldKey), ringOf(t, newKey, oldKey)
	st := openInside(t, path, oldRing, locks{})
	orgs := map[string]int64{}
	for i := range int64(5) {
		p := newParty(t, st, "Org"+string(rune('a'+i)), 100+i)
		orgs[p.org] = 100 + i
	}
	o := &Org{store: st, id: func() (id string) {
		for id = range orgs {
			break
		}
		return id
	}()}
	if err := o.SaveHostawayToken(t.Context(), 1, HostawayToken{Value: secret.New("token"), IssuedAt: time.UnixMilli(1).UTC()}); err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}

	st = openInside(t, path, both, locks{})
	by, err := st.SealedBy(t.Context())
	if err != nil || by[oldRing.PrimaryID()] != 6 || len(by) != 1 {
		t.Errorf("SealedBy() = %v, %v", by, err)
	}
	if done, left, err := st.Reseal(t.Context(), 2); err != nil || done != 2 || left != 3 {
		t.Errorf("Reseal(2) = %d, %d, %v", done, left, err)
	}
	if err := st.Close(); err != nil { // broken off: both keys are still needed
		t.Fatal(err)
	}
	if _, err := tryOpen(t, path, ringOf(t, newKey)); err == nil {
		t.Error("the old key is needed, and its canary is gone")
	}
	st = openInside(t, path, both, locks{})
	if done, left, err := st.Reseal(t.Context(), 100); err != nil || done != 3 || left != 0 {
		t.Errorf("Reseal(100) = %d, %d, %v", done, left, err)
	}
	if done, left, err := st.Reseal(t.Context(), 0); err != nil || done != 0 || left != 0 {
		t.Errorf("a finished Reseal = %d, %d, %v", done, left, err)
	}
	if by, err := st.SealedBy(t.Context()); err != nil || by[both.PrimaryID()] != 6 || len(by) != 1 {
		t.Errorf("SealedBy() = %v, %v", by, err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	st = openInside(t, path, ringOf(t, newKey), locks{}) // without the old key
	defer closeStore(t, st)
	for id, account := range orgs {
		c, err := (&Org{store: st, id: id}).Credentials(t.Context())
		if err != nil || c.AccountID != account || !strings.Contains(c.Secret.Reveal(), "secret of Hostaway") {
			t.Errorf("Credentials() = %v, %v", c, err)
		}
	}
	if token, err := (&Org{store: st, id: o.id}).HostawayToken(t.Context(), 1); err != nil || token.Value.Reveal() != "token" {
		t.Errorf("HostawayToken() = %v, %v", token, err)
	}
}

// One call that can't be written does not hurt the others of its batch.
func TestOneBadCallDoesNotSpoilTheBatch(t *testing.T) {
	t.Parallel()
	st := freshStore(t)
	p := newParty(t, st, "Acme", 1)
	good := func() *recording {
		return &recording{org: p.org, call: ToolCall{Tool: "x", Outcome: OutcomeOK, StartedAt: time.Now()}, done: make(chan error, 1)}
	}
	bad := &recording{org: "org_gone", call: ToolCall{Tool: "x", Outcome: OutcomeOK}, done: make(chan error, 1)}
	first, last := good(), good()
	st.commits.commit(t.Context(), []*recording{first, bad, last}, []touch{{org: p.org, key: p.key, at: time.Now()}, {session: "ses_gone", at: time.Now()}})
	for _, r := range []*recording{first, last} {
		if err := <-r.done; err != nil {
			t.Errorf("a good call: %v", err)
		}
	}
	if err := <-bad.done; err == nil {
		t.Error("a call of no org was written")
	}
	var used sql.NullInt64
	o := &Org{store: st, id: p.org}
	err := o.read(t.Context(), func(d orgDoor) error {
		return d.get(t.Context(), `SELECT last_used_at FROM api_keys WHERE id = ?`, args{p.key}, &used)
	})
	if err != nil || !used.Valid {
		t.Errorf("the key's use was lost with the batch: %v, %v", used, err)
	}
}

func TestMigrationsApplyOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "twice.db")
	var first []orgTable
	for range 2 {
		tables, err := migrate(t.Context(), Config{Path: path}, slog.New(slog.DiscardHandler))
		if err != nil || len(tables) != 12 {
			t.Fatalf("migrate() = %d tables, %v", len(tables), err)
		}
		first = tables
	}
	db, err := openPlain(dsn(Config{Path: path}))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	// A migration that fails half-way leaves neither its tables nor its number.
	have, err := version(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	if err := migrateTo(t.Context(), db, have+1, "CREATE TABLE half (a INTEGER) STRICT; CREATE TABLE users (a INTEGER);"); err == nil {
		t.Fatal("a broken migration went well")
	}
	var after, half int
	if err := db.QueryRowContext(t.Context(), `SELECT user_version, (SELECT count(*) FROM sqlite_schema WHERE name = 'half') FROM pragma_user_version`).Scan(&after, &half); err != nil || after != have || half != 0 {
		t.Errorf("version %d after %d, half a migration: %d tables (%v)", after, have, half, err)
	}
	if first[0].name != "api_keys_all" || first[0].view() != "api_keys" {
		t.Errorf("the first table is %+v", first[0])
	}
}

func TestPHCStrings(t *testing.T) {
	t.Parallel()
	p := newPasswords(PasswordCost{})
	if p.cost.MemoryKiB != 64<<10 || p.cost.Passes < 1 {
		t.Errorf("the cost for production is %+v", p.cost)
	}
	for _, bad := range []string{
		"x", "$argon2i$v=19$m=64,t=1,p=1$AAAA$AAAA", "$argon2id$v=18$m=64,t=1,p=1$AAAA$AAAA", "$argon2id$v=19$m=64$AAAA$AAAA",
		"$argon2id$v=19$m=64,t=0,p=1$AAAA$AAAA", "$argon2id$v=19$m=64,t=1,p=1$%%$AAAA",
	} {
		if _, _, err := p.verify(t.Context(), secret.New("x"), bad); err == nil {
			t.Errorf("%s is taken for a hash", bad)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range hashesAtOnce {
		p.slots <- struct{}{}
	}
	if _, err := p.hash(ctx, secret.New("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that went away still waits: %v", err)
	}
}

func TestPathsWithOddCharacters(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"with space", "what?", "100%", "a#b", "a&b=c", "ümlaut", "%41"} {
		path := filepath.Join(t.TempDir(), name, "data.db")
		ring := ringOf(t, secret.GenerateKey())
		for range 2 {
			if _, err := tryOpen(t, path, ring); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if info, err := os.Stat(path); err != nil || info.Size() == 0 {
			t.Errorf("%s: the database lies elsewhere: %v", name, err)
		}
	}
}

// What was acknowledged must survive a power cut: a revoked key that works
// again, or a used confirm token that is good again, would be the price.
func TestTheWriterWaitsForTheDisk(t *testing.T) {
	t.Parallel()
	ring := ringOf(t, secret.GenerateKey())
	st, err := Open(t.Context(), Config{
		Path: filepath.Join(t.TempDir(), "x.db"), PasswordCost: PasswordCost{64, 1, 1},
		Keyring: func(context.Context, bool) (*secret.Keyring, error) { return ring, nil },
		locks:   locks{noAuthorizer: true}, // it refuses every pragma
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	const full = 2 // PRAGMA synchronous, SQLite docs
	var level int
	if err := st.writer.QueryRowContext(t.Context(), "PRAGMA synchronous").Scan(&level); err != nil || level != full {
		t.Errorf("synchronous is %d, %v; want %d (FULL)", level, err, full)
	}
}
