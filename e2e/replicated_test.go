package e2e

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"hostaway-mcp/replica/replicatest"
)

// A server whose database is copied to a storage, and what a test does to the two.

const replicaPath = "e2e/main"

// firstStart is how an operator says that the replica is meant to be empty.
const firstStart = "--first-start"

// newReplicated prepares a server that copies to the storage behind the proxy. The master key is not in the data folder: that may burn.
func newReplicated(t *testing.T, up upstream, to *replicatest.Proxy, settings ...string) *server {
	t.Helper()
	return newServer(t, up, append(replicaSettings(to, newMasterKey()), settings...)...)
}

func replicaSettings(to *replicatest.Proxy, masterKey string) []string {
	return []string{
		"HMCP_REPLICA_URL=" + to.ReplicaURL(replicaPath), "HMCP_REPLICA_ACCESS_KEY_ID=" + replicatest.AccessKeyID,
		"HMCP_REPLICA_SECRET_ACCESS_KEY=" + replicatest.SecretAccessKey, "HMCP_MASTER_KEY=" + masterKey,
	}
}

func newMasterKey() string {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return base64.StdEncoding.EncodeToString(key)
}

// beside is another machine with the same settings: its own data folder and its own way to the storage.
func (s *server) beside(t *testing.T, to *replicatest.Proxy, settings ...string) *server {
	t.Helper()
	home := t.TempDir()
	env := append(environment(home), s.env[3:]...)
	return &server{env: append(env, append([]string{
		"HMCP_DATA_DIR=" + filepath.Join(home, "data"), "HMCP_REPLICA_URL=" + to.ReplicaURL(replicaPath),
	}, settings...)...), data: filepath.Join(home, "data")}
}

// burn is what happens to a machine: the server dies and its disk is gone.
func (s *server) burn(t *testing.T) {
	t.Helper()
	s.kill()
	must(t, os.RemoveAll(s.data))
}

// replicaHealth is what the operator is told about the replica.
type replicaHealth struct {
	State      string     `json:"state"`
	Word       string     `json:"word"`
	LagMS      int64      `json:"lag_ms"`
	LastSyncAt *time.Time `json:"last_sync_at"`
	Lease      string     `json:"lease"`
	Troubles   []struct {
		What  string `json:"what"`
		Do    string `json:"do"`
		Grave bool   `json:"grave"`
	} `json:"troubles"`
}

// replica asks for the operator's figures.
func (v *visitor) replica() replicaHealth {
	v.t.Helper()
	var health struct {
		Replica *replicaHealth `json:"replica"`
	}
	answer := v.get("/api/operator/health")
	if err := json.Unmarshal([]byte(answer.body), &health); err != nil || health.Replica == nil {
		v.t.Fatalf("health: %d %v %s", answer.status, err, clip(answer.body))
	}
	return *health.Replica
}

// awaitReplica asks until the figures are as wanted.
func (v *visitor) awaitReplica(wanted string, ok func(replicaHealth) bool) replicaHealth {
	v.t.Helper()
	deadline := time.Now().Add(2 * patience)
	for {
		r := v.replica()
		if ok(r) {
			return r
		}
		if time.Now().After(deadline) {
			v.t.Fatalf("the replica does not become %s; it is %+v", wanted, r)
		}
		rest(v.t.Context(), 50*time.Millisecond)
	}
}

// awaitCopied waits until the replica holds everything that was acknowledged before the call.
func (v *visitor) awaitCopied() {
	v.t.Helper()
	now := time.Now()
	v.awaitReplica("up to date", func(r replicaHealth) bool { return r.LastSyncAt != nil && r.LastSyncAt.After(now) })
}
