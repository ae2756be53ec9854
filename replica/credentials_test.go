package replica

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hostaway-mcp/replica/replicatest"
)

// TestWithoutCredentialsNobodyIsAsked: not the storage, and not a metadata address,
// which here would be counted too.
func TestWithoutCredentialsNobodyIsAsked(t *testing.T) {
	for _, line := range os.Environ() {
		if name, _, _ := strings.Cut(line, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "")
		}
	}
	empty := t.TempDir()
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(empty, "none"))
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(empty, "none"))
	st, metadata := replicatest.Start(t), replicatest.Start(t)
	t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.Endpoint())
	s := newServer(t, st.ReplicaURL("a"))
	s.options.Credentials, s.options.FirstStart = Credentials{}, true
	_, look := Look(t.Context(), s.options)
	_, restore := Restore(t.Context(), s.options, RestoreOptions{To: filepath.Join(empty, "back.db")})
	for _, err := range []error{s.open(), look, restore} {
		if kindOf(err) != BadSettings || !strings.Contains(err.Error(), "needs credentials, and none are set: set HMCP_REPLICA_ACCESS_KEY_ID") {
			t.Errorf("%v", err)
		}
	}
	if len(st.Calls()) > 0 || len(metadata.Calls()) > 0 {
		t.Errorf("asked: %v, %v", st.Calls(), metadata.Calls())
	}

	t.Setenv("AWS_ACCESS_KEY_ID", replicatest.AccessKeyID) // where the SDK looks by itself
	t.Setenv("AWS_SECRET_ACCESS_KEY", replicatest.SecretAccessKey)
	s.firstStart()
	s.write(3)
	s.synced()
	must(t, s.stop())
}
