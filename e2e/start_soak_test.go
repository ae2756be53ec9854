package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

// startMost is how long it may take from the start of the program to its first answer to a tool call, with a database of 1 GB that was closed as
// it should. Where other work shares the processors, five times as much may pass.
const startMost = 300 * time.Millisecond

func TestStartWithALargeDatabase(t *testing.T) {
	soakOnly(t)
	masterKey := secret.GenerateKey()
	s, _, key := furnished(t, newUpstream(t, nil), "HMCP_MASTER_KEY="+masterKey.Reveal())
	if code := s.stop(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	size := fillAuditLog(t, filepath.Join(s.data, databaseName), masterKey, sized[int64](1<<20, 100<<20, 1<<30))
	var took []time.Duration
	for range 5 {
		began := time.Now()
		s.run(t)
		newAssistant(s.base, key).must(t, "hostaway_whoami", `{}`)
		took = append(took, time.Since(began))
		if code := s.stop(); code != 0 {
			t.Fatalf("exit code %d\n%s", code, clip(s.errOut.String()))
		}
	}
	slices.Sort(took)
	t.Logf("%.0f MB: first answer after %v, in five starts", mega(size), took)
	most := 5 * startMost
	if strict() {
		most = startMost
	}
	if median := took[len(took)/2]; median > most {
		t.Errorf("the first answer took %v, more than %v", median, most)
	}
}

// fillAuditLog records tool calls in the database of a stopped server until it has so many bytes.
func fillAuditLog(t *testing.T, path string, masterKey secret.Text, want int64) int64 {
	t.Helper()
	ring, err := secret.ParseKeyring(masterKey.Reveal())
	must(t, err)
	st := storetest.Open(t, storetest.WithPath(path), storetest.WithKeyring(ring))
	var org *store.Org
	for org, err = range st.EachOrg(t.Context()) {
		must(t, err)
		break
	}
	keys, err := org.ListAPIKeys(t.Context())
	must(t, err)
	arguments, err := json.Marshal(map[string]string{"text": strings.Repeat("what somebody asked for ", 170)})
	must(t, err)
	call := store.ToolCall{
		KeyID: keys[0].ID, KeyName: keys[0].Name, ClientName: "soak", Tool: "hostaway_whoami", Arguments: bytes.Clone(arguments),
		Outcome: store.OutcomeOK, StartedAt: time.Now(), Duration: time.Millisecond, RequestID: "req_soak", IP: "192.0.2.1",
	}
	size := func() int64 {
		info, err := os.Stat(path)
		must(t, err)
		return info.Size()
	}
	for size() < want {
		var callers sync.WaitGroup
		for range 128 {
			callers.Go(func() {
				for range 40 {
					if err := org.RecordToolCall(t.Context(), call); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		if callers.Wait(); t.Failed() {
			t.FailNow()
		}
	}
	must(t, st.Close())
	return size()
}
