package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

func TestDeleteOrgCommand(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	beach := storetest.Org(t, s.store, "Beach Homes")
	storetest.Connect(t, s.acme.Org, 4711, "sealed secret")
	mirror := filepath.Join(s.data, mirrorFolder)
	if err := os.MkdirAll(mirror, folderRights); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{s.acme.Org.ID() + ".db", s.acme.Org.ID() + ".db-wal", beach.Org.ID() + ".db"} {
		writeFile(t, filepath.Join(mirror, name), "x")
	}
	for line, want := range map[string]string{
		"delete-org acme":                `this would delete Acme \(org_\w+\) for good: members: 1, API keys: 1.*nothing was deleted.*then repeat this with --yes "Acme"`,
		"delete-org acme --yes acme":     `--yes "acme" is not the name.*nothing was deleted`,
		"delete-org acme --yes Beach":    `nothing was deleted`,
		"delete-org Nobody --yes Nobody": `there is no org`,
	} {
		r := runCommand(t, s.environ, strings.Fields(line)...)
		if s.says(r.errOut, want); r.code == exitOK || r.out != "" {
			t.Errorf("%s: %+v", line, r)
		}
	}
	if _, _, err := s.store.OrgByAPIKey(t.Context(), s.acme.APIKey); err != nil {
		t.Fatalf("something was deleted: %v", err)
	}
	r := runCommand(t, s.environ, "delete-org", "acme", "--yes", "Acme", "--rewrite")
	if r.code != exitOK || r.errOut != "" {
		t.Fatalf("%+v", r)
	}
	for _, want := range []string{
		`Deleted Acme`, `api_keys +1\n`, `members +1\n`, `orgs +1\n`, `people +1\n`, `files +2\n`, `are overwritten in the database file`, `exports and copies made by hand\n +until you delete them`,
	} {
		s.says(r.out, want)
	}
	// The server that ran all the time refuses the key with the next call, and goes on for everybody else.
	if _, _, err := s.store.OrgByAPIKey(t.Context(), s.acme.APIKey); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the deleted org's key: %v", err)
	}
	if _, _, err := beach.Org.CreateConfirmation(t.Context(), store.Confirmation{KeyID: beach.Key.ID, Tool: "x", ArgumentsHash: []byte{1}}); err != nil {
		t.Errorf("the other org: %v", err)
	}
	if got := listFolder(t, mirror); got != "["+beach.Org.ID()+".db]" {
		t.Errorf("left in the mirror's folder: %s", got)
	}
	s.says(s.does("org", "list"), `Beach Homes`)
}

// Where the copy can't be reached, the org is deleted all the same, and that is said.
func TestDeleteOrgSaysWhatTheCopyLacks(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	away := func(c *store.Config) {
		c.ReplicaOwnsCheckpoints = true
		c.Replicated = func(context.Context) error { return errors.New("away") }
	}
	r := runWith(t, away, s.environ, "delete-org", s.acme.Org.ID(), "--yes", "Acme")
	s.says(r.out, `^Deleting Acme \(org_\w+\)(.|\n)*Deleted Acme(.|\n)*hostaway-mcp\.db\n +until the server's next checkpoint(.|\n)*--rewrite leaves none(.|\n)*hostaway-mcp\.db-wal\n +until the server has written as much again`)
	s.says(r.errOut, `the copy on another machine does not have it yet`)
	if r.code != exitFailed {
		t.Errorf("%+v", r)
	}
}

// TestDeleteOrgNamesEveryPlaceThatKeepsCopies, and until when.
func TestDeleteOrgNamesEveryPlaceThatKeepsCopies(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	aside := filepath.Join(s.data, "set-aside", "2026-08-01T00-00-00-superseded")
	if err := os.MkdirAll(aside, folderRights); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(aside, databaseFile), "a database of before")
	away := func(c *store.Config) { c.ReplicaOwnsCheckpoints = true }
	own := filepath.Join(t.TempDir(), "litestream.yml")
	writeFile(t, own, "dbs:\n  - path: ${HMCP_DATA_DIR}/hostaway-mcp.db\n    replica: {url: \"${HMCP_REPLICA_URL}\"}\nretention: {enabled: false}\n")
	began := time.Now()
	for name, more := range map[string][]string{"its own retention": nil, "the bucket's": {"HMCP_LITESTREAM_CONFIG=" + own}} {
		org := storetest.Org(t, s.store, name).Org.ID()
		r := runWith(t, away, append(append(s.environ, "HMCP_REPLICA_URL=s3://bucket/path"), more...), "delete-org", org, "--yes", name, "--rewrite")
		if r.code != exitOK || strings.Contains(r.out, "--rewrite leaves none") {
			t.Errorf("%+v", r)
		}
		for _, want := range []string{
			filepath.Join(s.data, databaseFile) + "-wal\n", filepath.Join(s.data, ".hostaway-mcp.db-litestream") + "\n", aside + "\n    until you delete it", "s3://bucket/path\n",
		} {
			if !strings.Contains(r.out, want) {
				t.Errorf("%s: it does not say %q:\n%s", name, want, r.out)
			}
		}
		if more != nil {
			s.says(r.out, `for as long as the storage keeps files`)
			continue
		}
		found := regexp.MustCompile(`s3://bucket/path\n +until (\S+) at the latest, while a server runs: .*old versions`).FindStringSubmatch(r.out)
		if found == nil {
			t.Fatalf("%s: no date:\n%s", name, r.out)
		}
		until, err := time.Parse(time.RFC3339, found[1])
		if kept := until.Sub(began).Round(time.Hour); err != nil || kept != (7*24+12)*time.Hour { // litestream.yml: 168h, and twice the 6h between copies of the whole
			t.Errorf("kept for %s (%v)", kept, err)
		}
	}
}
