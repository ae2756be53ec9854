package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hostaway-mcp/replica/replicatest"
)

// exitMisused is the exit code of a server that was given something wrong.
const exitMisused = 78

// What was acknowledged while the storage was away is on the primary's disk alone. A second server with the wrong master key, which will never
// serve, must not become the replica's last writer: the primary would set its database aside, and the acknowledged change with it.
func TestAServerWithTheWrongKeyLeavesTheReplicaAlone(t *testing.T) {
	t.Parallel()
	storage := replicatest.Start(t)
	s := newReplicated(t, newUpstream(t, nil), storage.Proxy).run(t, firstStart)
	v, key := furnish(t, s)
	v.awaitCopied()
	storage.SetFault(replicatest.Always(replicatest.Refuse))
	if code, out, errOut := s.admin(t, "org", "create", "During outage", "during@alpha.example"); code != 0 {
		t.Fatalf("org create: %d %s%s", code, out, errOut)
	}
	s.kill()
	storage.SetFault(nil)

	wrong := "HMCP_MASTER_KEY=" + newMasterKey()
	storage.Forget()
	for name, env := range map[string][]string{"another machine": s.beside(t, storage.Proxy, wrong).env, "the same folder": append(s.env[:len(s.env):len(s.env)], wrong)} {
		code, _, errOut := finish(t, env, "serve")
		if code != exitMisused || !strings.Contains(errOut, "which is not among the keys given") {
			t.Errorf("%s: ended with %d: %s", name, code, clip(errOut))
		}
	}
	for _, c := range storage.Calls() {
		if c.Kind == replicatest.Put || c.Kind == replicatest.Delete {
			t.Errorf("a server with the wrong key wrote: %+v", c)
		}
	}

	s.run(t)
	if code, out, errOut := s.admin(t, "org", "list"); code != 0 || !strings.Contains(out, "During outage") {
		t.Errorf("an acknowledged org is gone: %d %s%s", code, out, errOut)
	}
	if _, err := os.Stat(filepath.Join(s.data, "set-aside")); err == nil {
		t.Error("the database was set aside")
	}
	newAssistant(s.base, key).must(t, "hostaway_list_properties", `{"limit":1}`)
	if code := s.stop(); code != 0 {
		t.Errorf("ended with %d", code)
	}
}
