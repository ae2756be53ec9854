package main

import (
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

// site is a data folder whose store stays open, as under a running server.
type site struct {
	t       *testing.T
	data    string
	environ []string
	store   *store.Store
	acme    storetest.Fixture
	price   string // of a listing for a month, where orgs pay
}

func newSite(t *testing.T, settings ...string) *site {
	t.Helper()
	s := &site{t: t, data: t.TempDir()}
	key := secret.GenerateKey().Reveal()
	writeFile(t, filepath.Join(s.data, masterKeyFile), key+"\n")
	ring, err := secret.ParseKeyring(key)
	if err != nil {
		t.Fatal(err)
	}
	s.store = storetest.Open(t, storetest.WithPath(filepath.Join(s.data, databaseFile)), storetest.WithKeyring(ring))
	s.acme = storetest.Org(t, s.store, "Acme")
	s.environ = append([]string{"HMCP_DATA_DIR=" + s.data, "HMCP_BASE_URL=https://mcp.example.com", "HMCP_LOG_LEVEL=error"}, settings...)
	return s
}

// does runs an admin command that must work, and returns what it prints.
func (s *site) does(args ...string) string {
	s.t.Helper()
	r := runCommand(s.t, s.environ, append([]string{"admin"}, args...)...)
	if r.code != exitOK {
		s.t.Fatalf("admin %q: code %d: %s", args, r.code, r.errOut)
	}
	return r.out
}

// refuses runs an admin command that must not work, and returns what it says.
func (s *site) refuses(code int, args ...string) string {
	s.t.Helper()
	r := runCommand(s.t, s.environ, append([]string{"admin"}, args...)...)
	if r.code != code || r.out != "" || strings.Count(r.errOut, "\n") != 1 {
		s.t.Errorf("admin %q: code %d, want %d; out %q; said %q", args, r.code, code, r.out, r.errOut)
	}
	return r.errOut
}

func (s *site) says(text, want string) {
	s.t.Helper()
	if !regexp.MustCompile(want).MatchString(text) {
		s.t.Errorf("%s is not in\n%s", want, text)
	}
}

func TestAdminOrg(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	made := s.does("org", "create", "Beach Homes", "ben@beach.example", "--owner", "Ben")
	link := regexp.MustCompile(`https://mcp\.example\.com/reset/(\S+)`).FindStringSubmatch(made)
	if link == nil {
		t.Fatalf("no link in %s", made)
	}
	if email, err := s.store.CheckPasswordReset(t.Context(), secret.New(link[1])); err != nil || email != "ben@beach.example" {
		t.Errorf("the link is for %q: %v", email, err)
	}
	storetest.Connect(t, s.acme.Org, 4711, "secret")
	list := s.does("org", "list")
	s.says(list, `Acme +1 +1 +4711 connected`)
	s.says(list, `Beach Homes +1 +0 +not connected`)
	s.does("org", "rename", "beach homes", "Harbour Homes")
	s.says(s.does("org", "list"), `Harbour Homes`)
	s.does("org", "rename", "Harbour Homes", "Acme")
	s.says(s.refuses(exitFailed, "key", "list", "acme"), `2 orgs are called "acme": name one by its id`)
	s.does("key", "list", s.acme.Org.ID())
	s.says(s.refuses(exitFailed, "org", "rename", "Nobody", "X"), `there is no org "Nobody"`)
	s.says(s.refuses(exitFailed, "org", "create", "Again", "ben@beach.example"), `take another address`)
	s.says(s.refuses(exitMisused, "org", "create", "Bad", "no address"), `the email can't be taken`)
	s.says(s.refuses(exitMisused, "org", "rename", s.acme.Org.ID(), " "), `the \w+ can't be taken`)
}

func TestAdminMember(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.says(s.does("member", "add", "Acme", "cleo@acme.example", "--name", "Cleo", "--role", "admin"), `as admin.*(\n.*)*https://mcp\.example\.com/reset/`)
	s.says(s.does("member", "list", "Acme"), `cleo@acme\.example +Cleo +admin`)
	s.does("member", "role", "Acme", "CLEO@acme.example", "member")
	s.says(s.does("member", "list", "Acme"), `cleo@acme\.example +Cleo +member`)
	s.says(s.refuses(exitFailed, "member", "add", "Acme", "cleo@acme.example"), `is a member already`)
	s.says(s.refuses(exitFailed, "member", "role", "Acme", s.acme.Email, "member"), `without an owner: make somebody else`)
	s.says(s.refuses(exitFailed, "member", "remove", "Acme", s.acme.Email), `without an owner`)
	s.says(s.refuses(exitMisused, "member", "role", "Acme", s.acme.Email, "king"), `choose owner, admin or member`)
	s.says(s.refuses(exitMisused, "member", "add", "Acme", "x@acme.example", "--role", "king"), `there is no role`)
	s.does("member", "remove", "Acme", "cleo@acme.example")
	s.says(s.refuses(exitFailed, "member", "remove", "Acme", "cleo@acme.example"), `has no member`)
	for _, args := range [][]string{{"list", "X"}, {"add", "X", "a@b.example"}, {"role", "X", "a@b.example", "member"}, {"remove", "X", "a@b.example"}} {
		s.says(s.refuses(exitFailed, append([]string{"member"}, args...)...), `there is no org "X"`)
	}
}

func TestAdminKey(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for range 4 { // the fixture has one
		key := strings.TrimSpace(s.does("key", "create", "Acme", "Script"))
		if org, _, err := s.store.OrgByAPIKey(t.Context(), secret.New(key)); err != nil || org.ID() != s.acme.Org.ID() {
			t.Fatalf("the printed key opens nothing: %v", err)
		}
	}
	s.says(s.refuses(exitFailed, "key", "create", "Acme", "Sixth"), `five active API keys.*revoke one`)
	s.does("key", "revoke", "Acme", s.acme.Key.ID)
	if _, _, err := s.store.OrgByAPIKey(t.Context(), s.acme.APIKey); err == nil {
		t.Error("the revoked key still opens the door")
	}
	s.says(s.refuses(exitFailed, "key", "revoke", "Acme", s.acme.Key.ID), `no active API key`)
	s.says(s.does("key", "list", "Acme"), s.acme.Key.ID+` +Claude +hmcp_….{4} .*revoked 20`)
	for _, args := range [][]string{{"list", "X"}, {"create", "X", "n"}, {"revoke", "X", "n"}} {
		s.says(s.refuses(exitFailed, append([]string{"key"}, args...)...), `there is no org "X"`)
	}
}

func TestAdminOperator(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if list := s.does("operator", "list"); strings.Contains(list, "@") {
		t.Errorf("operators before any was made:\n%s", list)
	}
	s.does("operator", "add", s.acme.Email)
	s.says(s.does("operator", "list"), regexp.QuoteMeta(s.acme.Email))
	s.does("operator", "remove", s.acme.Email)
	if list := s.does("operator", "list"); strings.Contains(list, "@") {
		t.Errorf("operators after the last was removed:\n%s", list)
	}
	s.says(s.refuses(exitFailed, "operator", "add", "nobody@example.com"), `nobody signs in with`)
}

func TestAdminLinks(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := runCommand(t, s.environ, "admin", "invite")
	if !strings.Contains(r.errOut, "sign-up is closed") {
		t.Errorf("nobody is told that the link does not work yet: %s", r.errOut)
	}
	s.environ = append(s.environ, "HMCP_SIGNUP=invite")
	address, err := url.Parse(strings.TrimSpace(s.does("invite", "--days", "2")))
	if err != nil || address.Host != "mcp.example.com" || address.Path != "/signup" {
		t.Fatalf("%v %v", address, err)
	}
	if kind, err := s.store.CheckSignUpLink(t.Context(), secret.New(address.Query().Get("link"))); err != nil || kind != store.Invite {
		t.Errorf("%v %v", kind, err)
	}
	s.says(s.refuses(exitMisused, "invite", "--days", "365"), `choose 1 to 90`)
	reset := strings.TrimSpace(s.does("reset-password", s.acme.Email))
	if email, err := s.store.CheckPasswordReset(t.Context(), secret.New(strings.TrimPrefix(reset, "https://mcp.example.com/reset/"))); err != nil || email != s.acme.Email {
		t.Errorf("%s is for %q: %v", reset, email, err)
	}
	s.says(s.refuses(exitFailed, "reset-password", "nobody@example.com"), `nobody signs in with`)
}

// A wrong data folder is told, and nothing is made there.
func TestAdminNeedsADatabase(t *testing.T) {
	t.Parallel()
	empty := t.TempDir()
	for _, line := range [][]string{{"admin", "org", "list"}, {"rotate-key"}} {
		r := runCommand(t, []string{"HMCP_DATA_DIR=" + empty}, line...)
		if r.code != exitFailed || !strings.Contains(r.errOut, "there is no database in "+empty) {
			t.Errorf("%v: %+v", line, r)
		}
	}
	if entries, _ := os.ReadDir(empty); len(entries) > 0 {
		t.Errorf("made %v", entries)
	}
	if r := runCommand(t, []string{"HMCP_SIGNUP=x"}, "admin", "org", "list"); r.code != exitMisused {
		t.Errorf("%+v", r)
	}
}

func TestRotateKeyWithAFile(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	storetest.Connect(t, s.acme.Org, 4711, "sealed secret")
	path := filepath.Join(s.data, masterKeyFile)
	before := s.read(path)
	r := runCommand(t, s.environ, "rotate-key")
	if r.code != exitOK {
		t.Fatalf("%+v", r)
	}
	s.says(r.out, `sealed again with the key \w+: 1\.`)
	after := s.read(path)
	if len(strings.Fields(after)) != 2 || !strings.HasSuffix(after, before) || strings.Contains(r.out+r.errOut, strings.Fields(after)[0]) {
		t.Errorf("master.key, before:\n%safter:\n%sprinted:\n%s", before, after, r.out)
	}
	// The new key alone opens everything now.
	s.opensWith(strings.Fields(after)[0])
	writeFile(t, path, after)
	if r := runCommand(t, s.environ, "rotate-key"); r.code != exitOK || len(strings.Fields(s.read(path))) != 3 {
		t.Errorf("rotating again: %+v", r)
	}
}

// The power failed after the new key was written: the next run goes on, and
// makes no third key.
func TestRotateKeyGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	storetest.Connect(t, s.acme.Org, 4711, "sealed secret")
	path := filepath.Join(s.data, masterKeyFile)
	ring := secret.GenerateKey().Reveal() + "\n" + s.read(path)
	writeFile(t, path, ring)
	r := runCommand(t, s.environ, "rotate-key")
	if r.code != exitOK || s.read(path) != ring {
		t.Fatalf("%+v", r)
	}
	s.says(r.out, `sealed again with the key \w+: 1\.`)
	s.opensWith(strings.Fields(ring)[0])
}

func TestRotateKeyWithASetting(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	storetest.Connect(t, s.acme.Org, 4711, "sealed secret")
	path := filepath.Join(s.data, masterKeyFile)
	old := strings.TrimSpace(s.read(path))
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	first := runCommand(t, append(s.environ, "HMCP_MASTER_KEY="+old), "rotate-key")
	fresh := regexp.MustCompile(`(?m)^ +(\S{44})$`).FindStringSubmatch(first.out)
	if first.code != exitOK || fresh == nil || strings.Contains(first.out, old) {
		t.Fatalf("%+v", first)
	}
	s.says(first.out, `Nothing was changed`)
	second := runCommand(t, append(s.environ, "HMCP_MASTER_KEY="+fresh[1]+","+old), "rotate-key")
	if second.code != exitOK {
		t.Fatalf("%+v", second)
	}
	s.says(second.out, `sealed again with the key \w+: 1\.`)
	s.says(second.out, `may be taken out of HMCP_MASTER_KEY`)
	// Who keeps the old key for older copies of the database can rotate again all the same.
	third := runCommand(t, append(s.environ, "HMCP_MASTER_KEY="+fresh[1]+","+old), "rotate-key")
	next := regexp.MustCompile(`(?m)^ +(\S{44})$`).FindStringSubmatch(third.out)
	if third.code != exitOK || next == nil || next[1] == fresh[1] {
		t.Fatalf("%+v", third)
	}
	s.says(third.out, `Nothing is left under another`)
	fourth := runCommand(t, append(s.environ, "HMCP_MASTER_KEY="+next[1]+","+fresh[1]+","+old), "rotate-key")
	s.says(fourth.out, `sealed again with the key \w+: 1\.`)
	back := runCommand(t, append(s.environ, "HMCP_MASTER_KEY="+fresh[1]+","+next[1]+","+old), "rotate-key")
	s.says(back.out, `sealed again with the key \w+: 1\.`)
	if r := runCommand(t, append(s.environ, "HMCP_MASTER_KEY="+fresh[1]), "admin", "org", "list"); r.code != exitOK {
		t.Errorf("the new key alone: %+v", r)
	}
	if r := runCommand(t, append(s.environ, "HMCP_MASTER_KEY="+old), "admin", "org", "list"); r.code != exitMisused || !strings.Contains(r.errOut, "not among the keys given") {
		t.Errorf("the old key alone: %+v", r)
	}
}

func (s *site) read(path string) string {
	s.t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

// opensWith tells whether the sealed secret opens with this key alone.
func (s *site) opensWith(key string) {
	s.t.Helper()
	writeFile(s.t, filepath.Join(s.data, masterKeyFile), key+"\n")
	ring, err := secret.ParseKeyring(key)
	if err != nil {
		s.t.Fatal(err)
	}
	db := storetest.Open(s.t, storetest.WithPath(filepath.Join(s.data, databaseFile)), storetest.WithKeyring(ring))
	org, _, err := db.OrgByAPIKey(s.t.Context(), s.acme.APIKey)
	if err != nil {
		s.t.Fatal(err)
	}
	if c, err := org.Credentials(s.t.Context()); err != nil || c.Secret.Reveal() != "sealed secret" {
		s.t.Errorf("the secret does not open: %v", err)
	}
}

// The copy can't be reached: each command does its work, says what it would have
// said, and adds that the copy lacks it.
func TestAdminCommandsSayWhatTheCopyLacks(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.does("member", "add", "Acme", "cleo@acme.example")
	away := func(c *store.Config) {
		c.Replicated = func(context.Context) error { return errors.New("no answer from the storage") }
	}
	for _, tt := range []struct{ line, out string }{
		{"org create Beach ben@beach.example", `Created Beach \(org_\w+\)`},
		{"member add Acme dora@acme.example", `Added dora@acme\.example`},
		{"member role Acme cleo@acme.example admin", `is now admin`},
		{"member remove Acme cleo@acme.example", `Removed cleo@acme\.example`},
		{"key create Acme Cursor", `^hmcp_\w+\n$`},
		{"key revoke Acme " + s.acme.Key.ID, `Revoked key_`},
	} {
		r := runWith(t, away, s.environ, append([]string{"admin"}, strings.Fields(tt.line)...)...)
		s.says(r.out, tt.out)
		s.says(r.errOut, `this is saved here, and the copy on another machine does not have it yet: don't do it again`)
		if r.code != exitFailed || strings.Contains(r.errOut, "no answer") {
			t.Errorf("%s: %+v", tt.line, r)
		}
	}
	if _, _, err := s.store.OrgByAPIKey(t.Context(), s.acme.APIKey); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the revoked key: %v", err)
	}
	s.says(s.does("key", "list", "Acme"), `Cursor +\S+ +\S+ +never +active`)
}
