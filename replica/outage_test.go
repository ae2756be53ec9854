package replica

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"hostaway-mcp/replica/replicatest"
)

// TestTheServiceGoesOnWithoutTheStorage, whatever befalls it, and all is copied
// when it is back.
func TestTheServiceGoesOnWithoutTheStorage(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		trouble replicatest.Trouble
		says    string
	}{
		"cut off":           {replicatest.Refuse, "can't be reached"},
		"no answer":         {replicatest.Hang, ""},
		"errors":            {replicatest.Broken, "can't be reached"},
		"out of space":      {replicatest.Full, "is full"},
		"wrong credentials": {replicatest.Forbidden, "refuses the credentials"},
		"answers lost":      {replicatest.CutAfter, ""},
		"bodies cut":        {replicatest.CutBefore, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := replicatest.Start(t)
			s, _ := copying(t, st.ReplicaURL("a"), 20)
			st.SetFault(replicatest.Always(tt.trouble))
			s.write(100)
			eventually(t, "the status tells of it", func() bool {
				got := s.replica.Status()
				return (got.State == StateBehind || got.State == StateFenced) && len(got.Troubles) > 0 &&
					strings.Contains(got.Troubles[0].What, tt.says) && strings.Contains(got.Troubles[0].What, "stays on this disk alone") && got.Lag > 0
			})
			time.Sleep(s.pace.leaseTTL / 2)
			if tt.trouble == replicatest.Refuse { // also when the right has ended long ago
				time.Sleep(s.pace.leaseTTL)
			}
			s.write(100)
			healed := time.Now()
			st.SetFault(nil)
			rows := s.write(10)
			s.synced()
			if took := time.Since(healed); took > 10*time.Second {
				t.Errorf("caught up after %v", took)
			}
			eventually(t, "all is well again", func() bool {
				got := s.replica.Status()
				return got.State == StateCopying && len(got.Troubles) == 0 && got.Lag == 0
			})
			must(t, s.stop())
			comesBack(t, st.ReplicaURL("a"), rows)
		})
	}
}

func TestStoppingWithoutTheStorageTakesItsTimeAndNoLonger(t *testing.T) {
	t.Parallel()
	st := replicatest.Start(t)
	s, _ := copying(t, st.ReplicaURL("a"), 20)
	st.SetFault(replicatest.Always(replicatest.Hang))
	rows := s.write(20)
	began := time.Now()
	err := s.stop()
	if took := time.Since(began); took > 15*time.Second { // of which shutdown-sync-timeout is 5
		t.Errorf("it took %v", took)
	}
	if kindOf(err) != Unreachable || !strings.Contains(err.Error(), "they are safe on this disk and are copied after the next start") {
		t.Errorf("%v", err)
	}
	st.SetFault(nil)
	s.start()
	s.has(rows)
	s.synced()
	must(t, s.stop())
	comesBack(t, st.ReplicaURL("a"), rows)
}

func TestCriticalWritesWaitAsToldAndNoLonger(t *testing.T) {
	t.Parallel()
	for name, wait := range map[string]bool{"local": false, "wait": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := replicatest.Start(t)
			s := newServer(t, st.ReplicaURL("a"))
			s.options.Wait, s.options.CriticalWait = wait, 500*time.Millisecond
			s.firstStart()
			s.write(1)
			must(t, s.replica.Replicated(t.Context()))
			st.SetLatency(100 * time.Millisecond)
			s.write(1)
			must(t, s.replica.Replicated(t.Context()))
			if lag := s.replica.Status().Critical; lag.Confirmed != 2 || lag.Missed != 0 {
				t.Errorf("with a slow storage: %+v", lag)
			}
			st.SetLatency(0)

			st.SetFault(replicatest.Always(replicatest.Hang))
			s.write(1)
			began := time.Now()
			err := s.replica.Replicated(t.Context())
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("waited for %v", took)
			}
			if (wait && !errors.Is(err, ErrNotReplicated)) || (!wait && err != nil) {
				t.Errorf("without the storage: %v", err)
			}
			if got := s.replica.Status().Critical; got.Missed != 1 || got.MissedAt.IsZero() {
				t.Errorf("not noted: %+v", got)
			}
			if !wait { // once it is known, nobody waits
				eventually(t, "it is known", func() bool { return s.replica.failing() || s.replica.fence.mayWrite() != nil })
				began = time.Now()
				must(t, s.replica.Replicated(t.Context()))
				if took := time.Since(began); took >= s.options.CriticalWait {
					t.Errorf("waited again, for %v", took)
				}
			}
			st.SetFault(nil)
			if wait { // the same request again finishes it
				eventually(t, "it is confirmed", func() bool { return s.replica.Replicated(t.Context()) == nil })
			}
			must(t, s.stop())
		})
	}
}

func TestManyCriticalWritesShareTheirRounds(t *testing.T) {
	t.Parallel()
	st := replicatest.Start(t)
	s, _ := copying(t, st.ReplicaURL("a"), 1)
	st.SetLatency(200 * time.Millisecond) // far longer than a write takes here
	st.Forget()
	const callers = 40
	done := make(chan error)
	for range callers {
		go func() {
			s.writing.Lock()
			_, err := s.db.Exec(`INSERT INTO things (body) VALUES ('x')`)
			s.writing.Unlock()
			if err == nil {
				err = s.replica.Replicated(t.Context())
			}
			done <- err
		}()
	}
	for range callers {
		must(t, <-done)
	}
	if puts := st.Counts()[replicatest.Put]; puts > callers/2 {
		t.Errorf("%d writes to the storage for %d callers", puts, callers)
	}
	must(t, s.stop())
}

// TestAnIdleServerAsksNothing of the storage but for its lease.
func TestAnIdleServerAsksNothing(t *testing.T) {
	t.Parallel()
	st := replicatest.Start(t)
	s, _ := copying(t, st.ReplicaURL("a"), 20)
	eventually(t, "the first snapshot is there", func() bool {
		for _, c := range st.Calls() {
			if c.Kind == replicatest.Put && strings.Contains(c.Key, "/0009/") {
				return true
			}
		}
		return false
	})
	var asked []replicatest.Call
	for range 3 { // what follows a snapshot may take the first of these stretches
		st.Forget()
		for range 30 {
			time.Sleep(100 * time.Millisecond)
			_ = s.replica.Status()
		}
		asked = slices.DeleteFunc(st.Calls(), func(c replicatest.Call) bool {
			return c.Kind == replicatest.Put && strings.HasSuffix(c.Key, leaseObject)
		})
		if len(asked) == 0 {
			break
		}
	}
	if len(asked) > 0 {
		t.Errorf("in each stretch of three seconds the storage was asked, last %+v", asked)
	}
	if got := s.replica.Status(); got.Lag != 0 || time.Since(got.LastSyncAt) > 5*time.Second {
		t.Errorf("status: %+v", got)
	}
	must(t, s.stop())
}

// TestNothingShowsCredentials: not the log, not the status, not an error.
func TestNothingShowsCredentials(t *testing.T) {
	t.Parallel()
	st := replicatest.Start(t)
	url := strings.Replace(st.ReplicaURL("a"), "s3://", "s3://"+storageKeyID+":hunter2secret@", 1)
	s := newServer(t, url)
	if s.options.target.s3.secretAccessKey != "hunter2secret" {
		t.Fatal("the address has no credentials")
	}
	s.options.FirstStart = true
	if err := s.open(); kindOf(err) != BadSettings || !strings.Contains(err.Error(), "credentials stand twice") || strings.Contains(err.Error(), "hunter2") {
		t.Fatalf("two kinds of credentials: %v", err)
	}
	s.options.Credentials = Credentials{}
	err := s.open() // they are wrong
	if kindOf(err) != Unreachable || !strings.Contains(err.Error(), "refuses the credentials") {
		t.Fatalf("%v", err)
	}
	_, look := Look(t.Context(), s.options)
	for _, text := range []string{err.Error(), look.Error(), s.log.text.String(), s.options.Where()} {
		if strings.Contains(text, "hunter2") {
			t.Errorf("it shows the secret: %s", text)
		}
	}
	s = newServer(t, st.ReplicaURL("a"))
	s.firstStart()
	s.write(5)
	st.SetFault(replicatest.Always(replicatest.Forbidden))
	eventually(t, "it fails", func() bool { return len(s.replica.Status().Troubles) > 0 })
	shown := s.log.text.String()
	for _, trouble := range s.replica.Status().Troubles {
		shown += trouble.What + trouble.Do
	}
	if strings.Contains(shown, storageSecret) {
		t.Error("the secret is shown")
	}
	st.SetFault(nil)
	must(t, s.stop())
}

// TestTheSDKsBundleIsDropped: with it, nothing works at all.
func TestTheSDKsBundleIsDropped(t *testing.T) {
	st := replicatest.Start(t)
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	must(t, os.WriteFile(bundle, []byte("none"), 0o600))
	t.Setenv("AWS_CA_BUNDLE", bundle)
	s, _ := copying(t, st.ReplicaURL("a"), 5)
	if !strings.Contains(s.log.text.String(), "name the certificates in SSL_CERT_FILE") {
		t.Error("not said")
	}
	must(t, s.stop())
}

// TestAStorageThatIgnoresConditionsIsUsedAndSaid: one server alone is safe there.
func TestAStorageThatIgnoresConditionsIsUsedAndSaid(t *testing.T) {
	t.Parallel()
	st := replicatest.Start(t)
	st.SetBlind(true)
	s, rows := copying(t, st.ReplicaURL("a"), 5)
	got := s.replica.Status()
	if got.Lease.Enforced || len(got.Troubles) != 1 || !strings.Contains(got.Troubles[0].What, "two servers on this replica can't be kept apart") {
		t.Errorf("status: %+v", got)
	}
	must(t, s.stop())
	comesBack(t, st.ReplicaURL("a"), rows)
}
