package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
		`Deleted Acme`, `api_keys +1\n`, `members +1\n`, `orgs +1\n`, `people +1\n`, `files +2\n`, `are overwritten in the database file`, `replicas included, keep everything`,
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
	s.says(r.out, `^Deleting Acme \(org_\w+\)(.|\n)*Deleted Acme(.|\n)*with the next checkpoint of the server(.|\n)*the file and its -wal may still hold them(.|\n)*\.hostaway-mcp\.db-litestream(.|\n)*--rewrite leaves none`)
	s.says(r.errOut, `the copy on another machine does not have it yet`)
	if r.code != exitFailed {
		t.Errorf("%+v", r)
	}
}
