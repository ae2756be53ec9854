package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hostaway-mcp/replica"
	"hostaway-mcp/replica/replicatest"
	"hostaway-mcp/secret"
)

func TestReplicaIsComparedWithTheDatabaseHere(t *testing.T) {
	t.Parallel()
	now := newSteadyClock().now()
	well := replica.Overview{
		Where: "s3://bucket/path", Transaction: 7, NewestAt: now.Add(-2 * time.Hour), Installation: "ins_a", Holder: "here", Until: now.Add(time.Minute),
		Local: 7, LocalBytes: 1, LocalID: "ins_a",
	}
	with := func(change func(*replica.Overview)) replica.Overview {
		s := well
		change(&s)
		return s
	}
	older := &replica.Problem{Kind: replica.RolledBack, What: "the database is older", Do: "do something"}
	tests := map[string]struct {
		seen    replica.Overview
		running bool
		want    checkState
		text    string
	}{
		"running, and idle for hours": {well, true, stateOK, "holds everything"},
		"stopped":                     {well, false, stateOK, "holds everything"},
		"no database here yet":        {with(func(s *replica.Overview) { s.Local, s.LocalBytes, s.LocalID = 0, 0, "" }), false, stateOK, "holds everything"},
		"empty":                       {replica.Overview{Where: "s3://bucket/path", LocalBytes: 1, LocalID: "ins_a"}, false, stateWarn, "holds nothing yet"},
		"another's":                   {with(func(s *replica.Overview) { s.Installation = "ins_b" }), true, stateFail, "belongs to another installation"},
		"with a hole":                 {with(func(s *replica.Overview) { s.Gap = "it can be restored to 4 only" }), true, stateFail, "files are missing in s3://bucket/path: it can be restored to 4 only"},
		"written by another server":   {with(func(s *replica.Overview) { s.Holder = "there" }), false, stateWarn, "the server on there writes"},
		"given back by another":       {with(func(s *replica.Overview) { s.Holder, s.Released = "there", true }), false, stateOK, "holds everything"},
		"would be refused":            {with(func(s *replica.Overview) { s.Refusal = older }), false, stateFail, "the database is older"},
		"the same, while both change": {with(func(s *replica.Overview) { s.Refusal = older }), true, stateOK, "holds everything"},
		"emptied beside the server":   {with(func(s *replica.Overview) { s.Transaction, s.Refusal = 0, older }), true, stateFail, "the database is older"},
		"refused, another is at work": {with(func(s *replica.Overview) { s.Refusal, s.Holder = older, "there" }), false, stateWarn, "the server on there writes"},
		"another server wrote since":  {with(func(s *replica.Overview) { s.Transaction, s.Next = 9, replica.NextYields }), false, stateWarn, "another server wrote s3://bucket/path since"},
		"an empty file of a database": {with(func(s *replica.Overview) { s.Local, s.LocalBytes, s.LocalID = 9, 0, "" }), false, stateOK, "holds everything"},
		"never restored on trial":     {well, false, stateOK, "not restored on trial yet"},
		"restored on trial":           {with(func(s *replica.Overview) { s.DrilledAt = now.Add(-time.Hour) }), true, stateOK, "checked in full " + now.Add(-time.Hour).UTC().Format(time.RFC3339) + " (1h0m0s ago)"},
		"newer, while both change":    {with(func(s *replica.Overview) { s.Transaction = 9 }), true, stateOK, "holds everything"},
		"older, stopped":              {with(func(s *replica.Overview) { s.Local = 9 }), false, stateWarn, "lacks the last changes"},
		"older, and copying":          {with(func(s *replica.Overview) { s.Local, s.NewestAt = 9, now.Add(-time.Second) }), true, stateOK, "holds everything"},
		"older for hours":             {with(func(s *replica.Overview) { s.Local = 9 }), true, stateWarn, "lacks the changes of the last 2h0m0s"},
	}
	for name, tt := range tests {
		c := judgeReplica(tt.seen, tt.running, "here", now)
		if c.State != tt.want || !strings.Contains(c.Text, tt.text) || (c.Do == "") != (tt.want == stateOK) {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

// Against a real storage: well while the server runs and after it stopped, and
// what is wrong with the storage is said as it is.
func TestDoctorAsksTheStorage(t *testing.T) {
	t.Parallel()
	storage := replicatest.Start(t)
	data := filepath.Join(t.TempDir(), "data")
	environ := []string{
		"HMCP_DATA_DIR=" + data, "HMCP_LISTEN=127.0.0.1:0", "HMCP_MASTER_KEY=" + secret.GenerateKey().Reveal(), "HMCP_REPLICA_URL=" + storage.ReplicaURL("here"),
		"HMCP_REPLICA_ACCESS_KEY_ID=" + replicatest.AccessKeyID, "HMCP_REPLICA_SECRET_ACCESS_KEY=" + replicatest.SecretAccessKey,
	}
	look := func(environ []string) check {
		t.Helper()
		d := &doctor{process: &process{environ: environ, now: time.Now, web: nil}}
		var err error
		if d.config, err = loadConfig(environ, ""); err != nil {
			t.Fatal(err)
		}
		d.replica, d.badFile = d.replicaSettings(d.config)
		found := examineReplica(t.Context(), d)
		if len(found) != 1 {
			t.Fatalf("%+v", found)
		}
		return found[0]
	}
	if c := look(environ); c.State != stateWarn || !strings.Contains(c.Text, "holds nothing yet") {
		t.Errorf("before the first start: %+v", c)
	}
	r := startCommand(t, environ, "serve", "--first-start")
	address := r.waitFor(r.errOut, `msg=serving address=(\S+)`)
	beside := append([]string{}, environ...)
	beside[1] = "HMCP_LISTEN=" + address
	c := look(beside)
	for end := time.Now().Add(30 * time.Second); strings.Contains(c.Text, "holds nothing yet") && time.Now().Before(end); {
		c = look(beside) // it serves before the first copy is made
	}
	if c.State != stateOK {
		t.Errorf("beside the running server: %+v", c)
	}
	if code := r.stop(); code != exitOK {
		t.Fatalf("exit code %d: %s", code, r.errOut)
	}
	if c := look(environ); c.State != stateOK || !strings.Contains(c.Text, "holds everything") {
		t.Errorf("stopped: %+v", c)
	}
	if flaws, err := fileFlaws(data); err != nil || len(flaws) > 0 {
		t.Errorf("open to others: %v %v", flaws, err)
	}
	entries, err := os.ReadDir(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !ourFile(e.Name()) {
			t.Errorf("the server made %s, and does not know it as its own", e.Name())
		}
	}
	if c := look(append(environ, "HMCP_REPLICA_SECRET_ACCESS_KEY=another")); c.State != stateFail || !strings.Contains(c.Text, "refuses the credentials") {
		t.Errorf("wrong credentials: %+v", c)
	}
	if c := look(append(environ, "HMCP_REPLICA_URL=s3://bucket/x?endpoint=http://"+silent)); c.State != stateFail || !strings.Contains(c.Text, "can't be reached") {
		t.Errorf("no storage: %+v", c)
	}
}

// TestAfterRestoringAnOlderMomentAllSayTheSame: serve refuses to copy it over the newer
// state unasked, and doctor and status know that before.
func TestAfterRestoringAnOlderMomentAllSayTheSame(t *testing.T) {
	t.Parallel()
	s := newCopiedSite(t)
	data := t.TempDir()
	next := func(want string) {
		t.Helper()
		if r := s.run(data, "replica", "status"); r.code != exitOK || !strings.Contains(r.out, want) {
			t.Errorf("status lacks %q: %+v", want, r)
		}
	}
	server := s.serves(data, "--first-start")
	s.makesOrg(data, "Early")
	server.stop()
	next("goes on from what is here")
	moment := time.Now().UTC().Format(time.RFC3339Nano)
	server = s.serves(data)
	s.makesOrg(data, "Late")
	server.stop()
	setAside := func() {
		t.Helper()
		for _, name := range []string{databaseFile, databaseFile + "-wal", databaseFile + "-shm"} {
			if err := os.Remove(filepath.Join(data, name)); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
		}
	}
	setAside()
	next("restores the database")
	if r := s.run(data, "restore", "--at", moment); r.code != exitOK {
		t.Fatalf("%+v", r)
	}
	doctorAndServeSay(t, s.on(data), "is older than its replica")
	next("is refused: the database at " + filepath.Join(data, databaseFile) + " is older than its replica")
	next("start once with --accept-rollback")

	// An empty file, which a full disk or a slip of the hand leaves, is none at all.
	setAside()
	writeFile(t, filepath.Join(data, databaseFile), "")
	next("restores the database")
	d := &doctor{process: &process{environ: s.on(data), now: time.Now}}
	var err error
	if d.config, err = loadConfig(d.environ, ""); err != nil {
		t.Fatal(err)
	}
	d.replica, d.badFile = d.replicaSettings(d.config)
	for name, c := range map[string]check{"database": examineDatabase(t.Context(), d)[0], "replica": examineReplica(t.Context(), d)[0]} {
		if c.State == stateFail || strings.Contains(c.Text, "lacks") || (name == "database" && !strings.Contains(c.Do, "it sets the file aside and restores what the replica holds")) {
			t.Errorf("an empty file: %s: %+v", name, c)
		}
	}
	s.serves(data)
	if r := s.run(data, "admin", "org", "list"); !strings.Contains(r.out, "Late") {
		t.Errorf("%+v", r)
	}
}
