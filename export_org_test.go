package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

func TestExportOrg(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	storetest.Connect(t, s.acme.Org, 4711, "sealed secret")
	other := storetest.Org(t, s.store, "MARKER of the other org")
	path := filepath.Join(t.TempDir(), "acme.zip")
	r := runCommand(t, s.environ, "export-org", "acme", "--to", path)
	if r.code != exitOK {
		t.Fatalf("%+v", r)
	}
	s.says(r.out, `Wrote \S+acme\.zip: Acme \(org_\w+\), 13 files, \d+ rows`)
	if info, err := os.Stat(path); err != nil || (runtime.GOOS != windowsGOOS && info.Mode().Perm() != 0o600) {
		t.Errorf("rights %v, %v", info.Mode(), err)
	}
	texts := unzip(t, path)
	for name, want := range map[string]string{
		"README.txt": "org Acme (" + s.acme.Org.ID() + ")", "members.json": s.acme.Email, "api_keys.json": `"Claude"`,
		"connection.json": `"account_id": 4711`, "audit_log.json": "org.exported",
	} {
		if !strings.Contains(texts[name], want) {
			t.Errorf("%s has no %s:\n%s", name, want, texts[name])
		}
	}
	for name, text := range texts {
		for _, bad := range []string{"sealed secret", "MARKER", other.Org.ID(), other.Email, s.acme.APIKey.Reveal()} {
			if strings.Contains(text, bad) {
				t.Errorf("%s holds %q", name, bad)
			}
		}
		if name != "README.txt" && !strings.Contains(texts["README.txt"], name) {
			t.Errorf("the README does not tell of %s", name)
		}
	}
	before := s.read(path)
	again := runCommand(t, s.environ, "export-org", s.acme.Org.ID(), "--to", path)
	if again.code != exitFailed || !strings.Contains(again.errOut, "exists already: name another file") || s.read(path) != before {
		t.Errorf("%+v", again)
	}
	nowhere := runCommand(t, s.environ, "export-org", "Acme", "--to", filepath.Join(t.TempDir(), "none", "x.zip"))
	if nowhere.code != exitFailed || !strings.Contains(nowhere.errOut, "can't be written (no such file") {
		t.Errorf("%+v", nowhere)
	}
	if r := runCommand(t, s.environ, "export-org", "Nobody"); r.code != exitFailed || !strings.Contains(r.errOut, "there is no org") {
		t.Errorf("%+v", r)
	}
	if begun := s.actions("org.exported"); begun != 1 {
		t.Errorf("%d exports are recorded, and one was made", begun)
	}
	page, _, err := s.acme.Org.ListAudit(t.Context(), store.AuditFilter{})
	if err != nil || page[0].Action != "org.exported" || page[0].Actor.Kind != store.ActorOperator {
		t.Errorf("the org does not see it: %+v, %v", page[0], err)
	}
}

// actions counts what the org's log says of one.
func (s *site) actions(name string) (n int) {
	s.t.Helper()
	page, _, err := s.acme.Org.ListAudit(s.t.Context(), store.AuditFilter{})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, entry := range page {
		if entry.Action == name {
			n++
		}
	}
	return n
}

func unzip(t *testing.T, path string) map[string]string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	texts, err := storetest.ReadArchive(raw)
	if err != nil {
		t.Fatal(err)
	}
	return texts
}
