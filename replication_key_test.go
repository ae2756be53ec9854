package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hostaway-mcp/secret"
)

// treeOf is every file below a folder with what is in it, but for the lock and the
// name that a refused start may leave.
func treeOf(t *testing.T, folder string) map[string]string {
	t.Helper()
	tree := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == folder || d.Name() == "serve.lock" || d.Name() == instanceFile {
			return err
		}
		name, _ := filepath.Rel(folder, path)
		if d.IsDir() {
			tree[name+"/"] = ""
			return nil
		}
		text, err := os.ReadFile(path)
		tree[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// refuses starts a server that must not begin, and must change nothing, here or there.
func (s copiedSite) refuses(environ []string, data string, says ...string) {
	s.t.Helper()
	here, there := treeOf(s.t, data), treeOf(s.t, s.replica)
	r := runCommand(s.t, environ, "serve")
	if r.code != exitMisused {
		s.t.Errorf("ended with %d: %s", r.code, r.errOut)
	}
	for _, want := range says {
		if !strings.Contains(r.errOut, want) {
			s.t.Errorf("it does not say %q:\n%s", want, r.errOut)
		}
	}
	for what, trees := range map[string][2]map[string]string{"the folder": {here, treeOf(s.t, data)}, "the replica": {there, treeOf(s.t, s.replica)}} {
		for name, before := range trees[0] {
			if after, ok := trees[1][name]; !ok || after != before {
				s.t.Errorf("%s: %s is gone or not as it was", what, name)
			}
		}
		for name := range trees[1] {
			if _, ok := trees[0][name]; !ok {
				s.t.Errorf("%s: %s is new", what, name)
			}
		}
	}
}

// TestAServerWithTheWrongKeyTakesNothingOver: it would never serve, so the replica,
// its lease and the database here stay as they are, and the server with the right
// key goes on with all that it has acknowledged.
func TestAServerWithTheWrongKeyTakesNothingOver(t *testing.T) {
	t.Parallel()
	s := newCopiedSite(t)
	first := t.TempDir()
	server := s.serves(first, "--first-start")
	s.makesOrg(first, "Acme")
	server.stop()

	wrong := s
	wrong.key = secret.GenerateKey().Reveal()
	says := "were sealed with the master key " + keyID(t, s.key) + ", which is not among the keys given"
	empty := t.TempDir()
	s.refuses(wrong.on(empty), empty, "the secrets in the replica (the folder "+s.replica+") "+says)
	s.refuses(wrong.on(first), first, "the secrets in "+first+" "+says)

	second := t.TempDir() // takes over, with the right key
	server = s.serves(second)
	s.makesOrg(second, "Bell")
	server.stop()
	s.refuses(wrong.on(first), first, "the secrets in "+first+" "+says) // and does not set its database aside

	// Nor does one whose key opens what is here, and no longer what is there.
	newer := s
	newer.key = secret.GenerateKey().Reveal() + "," + s.key
	server = newer.serves(second)
	if r := newer.run(second, "rotate-key"); r.code != exitOK {
		t.Fatalf("rotate-key: %+v", r)
	}
	server.stop()
	s.refuses(s.on(first), first, "the secrets in the replica (the folder "+s.replica+") were sealed with the master key "+keyID(t, newer.key))

	newer.serves(first)
	for _, org := range []string{"Acme", "Bell"} {
		if r := newer.run(first, "admin", "org", "list"); !strings.Contains(r.out, org) {
			t.Errorf("%s is gone: %+v", org, r)
		}
	}
	if aside, err := filepath.Glob(filepath.Join(first, "set-aside", "*-superseded", databaseFile)); err != nil || len(aside) != 1 {
		t.Errorf("set aside when the right key came: %q, %v", aside, err)
	}
}

func (s copiedSite) makesOrg(data, name string) {
	s.t.Helper()
	if r := s.run(data, "admin", "org", "create", name, strings.ToLower(name)+"@example.com"); r.code != exitOK {
		s.t.Fatalf("%+v", r)
	}
}

func keyID(t *testing.T, keys string) string {
	t.Helper()
	ring, err := secret.ParseKeyring(keys)
	if err != nil {
		t.Fatal(err)
	}
	return ring.PrimaryID()
}
