package replica

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// environment is a lookup of the given NAME=value pairs.
func environment(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for _, pair := range pairs {
			if key, value, ok := strings.Cut(pair, "="); ok && key == name {
				return value, true
			}
		}
		return "", false
	}
}

func shipped(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "litestream.yml"))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestTheShippedFileHoldsWhatWasDecided(t *testing.T) {
	t.Parallel()
	s, err := Read(shipped(t), environment("HMCP_DATA_DIR=/srv/data", "HMCP_REPLICA_URL=s3://copies/hostaway"))
	if err != nil {
		t.Fatal(err)
	}
	f := s.file
	got := map[string]time.Duration{
		"monitor": f.monitorInterval(), "sync": f.syncInterval(), "snapshots": f.snapshotInterval(), "kept": f.snapshotRetention(),
		"L0 check": or(f.L0RetentionCheckInterval, 0), "busy": or(f.DBs[0].BusyTimeout, 0),
	}
	want := map[string]time.Duration{
		"monitor": 100 * time.Millisecond, "sync": 250 * time.Millisecond, "snapshots": 6 * time.Hour, "kept": 168 * time.Hour,
		"L0 check": 15 * time.Minute, "busy": 5 * time.Second,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if s.DatabasePath() != "/srv/data/hostaway-mcp.db" || s.Where() != "s3://copies/hostaway" || !s.Configured() {
		t.Errorf("path %q, where %q, configured %v", s.DatabasePath(), s.Where(), s.Configured())
	}
}

func TestOnlyTheAddressOfTheReplicaMayBeUnset(t *testing.T) {
	t.Parallel()
	for _, env := range [][]string{{"HMCP_DATA_DIR=data"}, {"HMCP_DATA_DIR=data", "HMCP_REPLICA_URL="}} {
		s, err := Read(shipped(t), environment(env...))
		if err != nil || s.Configured() {
			t.Errorf("%q: configured %v, %v; want no replica and no error", env, s.Configured(), err)
		}
	}
	_, err := Read(shipped(t), environment("HMCP_REPLICA_URL=s3://a/b"))
	if err == nil || !strings.Contains(err.Error(), "HMCP_DATA_DIR, which is not set") {
		t.Errorf("without HMCP_DATA_DIR: %v", err)
	}
}

func TestWhatIsWrongWithAFileIsSaidByName(t *testing.T) {
	t.Parallel()
	const db = "dbs:\n  - path: /d/x.db\n"
	const good = db + "    replica: {url: 's3://b/p'}\n"
	cases := map[string]struct{ file, want string }{
		"misspelt key":             {good + "snapshots: {interval: 1h}\n", `line 4, has the key "snapshots", which Litestream does not know there: did you mean snapshot?`},
		"misspelt in replica":      {db + "    replica: {url: 's3://b/p', sync-intervall: 1s}\n", "did you mean sync-interval?"},
		"age":                      {db + "    replica: {url: 's3://b/p', age: {recipients: [a]}}\n", "Litestream can't encrypt any more"},
		"replicas":                 {db + "    replicas: [{url: 's3://b/p'}]\n", "write replica: with the one replica"},
		"dir":                      {"dbs: [{dir: /d, pattern: '*.db'}]\n", "exactly one database is copied"},
		"watch":                    {"dbs: [{path: /d, watch: true}]\n", "has the key watch"},
		"exec":                     {good + "exec: rm\n", "the server replicates by itself"},
		"socket":                   {good + "socket: {enabled: true}\n", "replica status"},
		"mcp-addr":                 {good + "mcp-addr: ':1'\n", "has the key mcp-addr"},
		"another storage":          {db + "    replica: {type: sftp, host: h}\n", "only s3 and file replicas are built in"},
		"another scheme":           {db + "    replica: {url: 'gs://b/p'}\n", `of the type "gs", which is not built in`},
		"two databases":            {good + "  - path: /d/y.db\n    replica: {url: 's3://b/q'}\n", "names 2 databases"},
		"no replica":               {db, "names no replica"},
		"auto-recover":             {db + "    replica: {url: 's3://b/p', auto-recover: true}\n", "auto-recover: true"},
		"negative duration":        {good + "l0-retention: -1s\n", "has l0-retention: -1s: it must be at least 0s"},
		"no duration":              {good + "l0-retention: soon\n", "holds a value that can't be read"},
		"part too small":           {db + "    replica: {url: 's3://b/p', part-size: 1MB}\n", "part-size: 1000000: it must be at least 5242880"},
		"no YAML":                  {"dbs: [", "is not YAML"},
		"twice":                    {good + "exec: a\nexec: b\n", "exec"},
		"empty":                    {"", "is empty"},
		"variable in a key":        {good + "$NAME: x\n", "variable NAME in the name of a key"},
		"dollar":                   {db + "    replica: {url: 's3://b/p', secret-access-key: 'a$1'}\n", "dollar sign"},
		"no bucket path":           {db + "    replica: {url: 's3://b'}\n", "names a bucket and no path"},
		"endpoint of another kind": {db + "    replica: {url: 's3://b/p?endpoint=ftp://x'}\n", "has an endpoint that begins with ftp://"},
		"endpoint by its key":      {db + "    replica: {bucket: b, path: p, type: s3, endpoint: 'ftp://x'}\n", "has an endpoint that begins with ftp://"},
		"misspelt query":           {db + "    replica: {url: 's3://b/p?endpont=https://x'}\n", `"endpont" after the question mark, which means nothing: did you mean endpoint?`},
		"a fragment":               {db + "    replica: {url: 's3://b/p#frag'}\n", "has a #, and what comes after it would be lost"},
		"a fragment of a folder":   {db + "    replica: {url: 'file:///r#frag'}\n", "has a #, and what comes after it would be lost"},
		"a query for a folder":     {db + "    replica: {url: 'file:///r?x=1'}\n", "means nothing for a folder"},
		"neither true nor false":   {db + "    replica: {url: 's3://b/p?forcePathStyle=maybe'}\n", "has a forcePathStyle that is neither true nor false"},
		"half of the credentials":  {db + "    replica: {url: 's3://u@b/p'}\n", "names half of the credentials"},
		"keys in the query":        {db + "    replica: {url: 's3://b/p?secret-access-key=hunter2'}\n", "HMCP_REPLICA_SECRET_ACCESS_KEY"},
		"encryption in query":      {db + "    replica: {url: 's3://b/p?sse-customer-key=hunter2'}\n", "name it in a litestream.yml of your own"},
		"url and bucket":           {db + "    replica: {url: 's3://b/p', bucket: c}\n", "stands twice"},
		"two slashes for a file":   {db + "    replica: {url: 'file://folder/x'}\n", "three slashes"},
		"restore forbidden":        {db + "    restore-if-db-not-exists: false\n    replica: {url: 's3://b/p'}\n", "always restored"},
		"heartbeat":                {good + "heartbeat-url: soon\n", "heartbeat-url"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Read([]byte(c.file), environment())
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v; want %q", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the message shows a secret: %v", err)
			}
		})
	}
}

// TestAValueCannotAddKeys: Litestream puts the environment into the text before it
// reads YAML, so that a line break in a value makes keys of it.
func TestAValueCannotAddKeys(t *testing.T) {
	t.Parallel()
	const text = "levels: [{interval: ${EVERY}}]\ndbs:\n  - path: /d/x.db # ${UNSET}\n    monitor-interval: \"${EVERY}\"\n    replica: {url: 's3://b/p', secret-access-key: ${SECRET}, access-key-id: x}\n"
	secret := "a: b\n    bucket: elsewhere # } $HOME"
	s, err := Read([]byte(text), environment("SECRET="+secret, "EVERY=30s"))
	if err != nil {
		t.Fatal(err)
	}
	if got := s.target.s3.secretAccessKey; got != secret || s.target.s3.name != "b" {
		t.Errorf("secret %q in bucket %q", got, s.target.s3.name)
	}
	if s.file.Levels[0].Interval != 30*time.Second || s.file.monitorInterval() != 30*time.Second {
		t.Errorf("levels %v, monitor %v", s.file.Levels, s.file.monitorInterval())
	}
	_, err = Read([]byte(strings.Replace(text, "monitor-interval", "busy-timeout", 1)), environment("SECRET=x", "EVERY=pass word"))
	if err == nil || strings.Contains(err.Error(), "pass word") {
		t.Errorf("a value that can't be read is shown, or accepted: %v", err)
	}
}

func TestAddressAndPartsLeadToTheSameStorage(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		url, parts string
		want       bucket
	}{
		"AWS": {
			"s3://b/p?region=eu-west-1", "bucket: b, path: p, region: eu-west-1",
			bucket{region: "eu-west-1", requireMD5: true},
		},
		"R2": {
			"s3://b/p?endpoint=https://id.r2.cloudflarestorage.com", "bucket: b, path: p, endpoint: 'https://id.r2.cloudflarestorage.com'",
			bucket{endpoint: "https://id.r2.cloudflarestorage.com", pathStyle: true, requireMD5: true, concurrency: 2},
		},
		"B2": {
			"s3://b/p?endpoint=s3.us-west-000.backblazeb2.com", "bucket: b, path: p, endpoint: 'https://s3.us-west-000.backblazeb2.com'",
			bucket{endpoint: "https://s3.us-west-000.backblazeb2.com", pathStyle: true, requireMD5: true},
		},
		"Tigris": {
			"s3://b/p?endpoint=fly.storage.tigris.dev", "bucket: b, path: p, endpoint: 'https://fly.storage.tigris.dev'",
			bucket{endpoint: "https://fly.storage.tigris.dev", pathStyle: true, concurrency: 2, partSize: 16 << 20},
		},
		"MinIO": {
			"s3://b/p?endpoint=http://10.0.0.1:9000&force-path-style=true", "bucket: b, path: p, endpoint: 'http://10.0.0.1:9000'",
			bucket{endpoint: "http://10.0.0.1:9000", pathStyle: true, requireMD5: true},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.want.name, c.want.path, c.want.signPayload, c.want.signAcceptEncoding = "b", "p", true, true
			for _, form := range []string{"url: '" + c.url + "'", "type: s3, " + c.parts} {
				s, err := Read([]byte("dbs: [{path: /d/x.db, replica: {"+form+"}}]"), environment())
				if err != nil {
					t.Fatalf("%s: %v", form, err)
				}
				if diff := cmp.Diff(c.want, *s.target.s3, cmp.AllowUnexported(bucket{})); diff != "" {
					t.Errorf("%s: %s", form, diff)
				}
			}
		})
	}
}

func TestAKeyOfTheFileWinsOverTheAddress(t *testing.T) {
	t.Parallel()
	s, err := Read([]byte(`
access-key-id: top
secret-access-key: below
sync-interval: 2s
dbs:
  - path: /d/x.db
    replica:
      url: s3://user:pass@b/p?endpoint=http://127.0.0.1:1&part-size=6000000&sign-payload=false
      access-key-id: own
      part-size: 16MiB
      sse-kms-key-id: k
`), environment())
	if err != nil {
		t.Fatal(err)
	}
	b := s.target.s3
	if b.accessKeyID != "own" || b.secretAccessKey != "below" || b.partSize != 16<<20 || b.signPayload || b.kmsKey != "k" || s.file.syncInterval() != 2*time.Second {
		t.Errorf("%+v", b)
	}
	if where := s.Where(); where != "s3://b/p at http://127.0.0.1:1" {
		t.Errorf("where: %q", where)
	}
}

func TestCredentialsInTheAddressAreUsedAndNeverShown(t *testing.T) {
	t.Parallel()
	s, err := Read(shipped(t), environment("HMCP_DATA_DIR=/d", "HMCP_REPLICA_URL=s3://AKID:hunter2%2F@b/p?endpoint=http://127.0.0.1:9"))
	if err != nil {
		t.Fatal(err)
	}
	if s.target.s3.accessKeyID != "AKID" || s.target.s3.secretAccessKey != "hunter2/" {
		t.Errorf("credentials %q, %q", s.target.s3.accessKeyID, s.target.s3.secretAccessKey)
	}
	if strings.Contains(s.Where(), "hunter2") || strings.Contains(s.Where(), "AKID") {
		t.Errorf("shown: %s", s.Where())
	}
}

func TestAFolderIsTheOneThatLitestreamWouldUse(t *testing.T) {
	t.Parallel()
	for form, want := range map[string]string{
		"url: 'file:///mnt/copies/hostaway/'": "/mnt/copies/hostaway",
		"path: /mnt/x":                        "/mnt/x",
		"type: file, path: /mnt/x":            "/mnt/x",
	} {
		s, err := Read([]byte("dbs: [{path: /d/x.db, replica: {"+form+"}}]"), environment())
		if err != nil || s.target.folder != want {
			t.Errorf("%s: %q, %v; want %q", form, s.target.folder, err, want)
		}
	}
}
