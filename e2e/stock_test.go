package e2e

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"hostaway-mcp/replica/replicatest"
)

// Whoever has the storage, the key and the stock litestream can go on without this program: the command reads our litestream.yml, and what it
// restores is what our own restore restores, and what the server had when it stopped.
func TestTheStockLitestreamRestoresWhatWeWrote(t *testing.T) {
	t.Parallel()
	litestream := replicatest.Tool(t, "litestream", "litestream")
	storage := replicatest.Start(t)
	s := newReplicated(t, newUpstream(t, nil), storage.Proxy).run(t, firstStart)
	_, key := furnish(t, s)
	for range 20 {
		newAssistant(s.base, key).must(t, "hostaway_whoami", `{}`)
	}
	if code := s.stop(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	folder := t.TempDir()
	ours, stock := filepath.Join(folder, "ours.db"), filepath.Join(folder, "stock.db")
	code, out, errOut := finish(t, s.env, "restore", "--to", ours)
	if code != 0 {
		t.Fatalf("restore: %d %s%s", code, out, errOut)
	}
	t.Logf("$ hostaway-mcp restore --to ours.db\n%s%s", out, errOut)

	const config = "../litestream.yml"
	local := filepath.Join(s.data, databaseName)
	for _, args := range [][]string{
		{"databases", "-config", config},
		{"ltx", "-config", config, local},
		{"restore", "-config", config, "-integrity-check", "full", "-o", stock, local},
	} {
		cmd := exec.CommandContext(t.Context(), litestream, args...)
		cmd.Env = append(s.env, "LITESTREAM_ACCESS_KEY_ID="+replicatest.AccessKeyID, "LITESTREAM_SECRET_ACCESS_KEY="+replicatest.SecretAccessKey)
		said, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("litestream %s: %v\n%s", strings.Join(args, " "), err, said)
		}
		t.Logf("$ litestream %s\n%s", strings.Join(args, " "), said)
	}
	had := openDatabase(t, local).dump(t)
	for name, path := range map[string]string{"ours": ours, "stock": stock} {
		db := openDatabase(t, path)
		db.intact(t)
		if !bytes.Equal(db.dump(t), had) {
			t.Errorf("%s differs from what the server had", name)
		}
	}
}
