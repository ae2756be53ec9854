package replica

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

func TestAProcessIsKnownToHaveEnded(t *testing.T) {
	t.Parallel()
	lock := filepath.Join(t.TempDir(), "lock")
	must(t, os.WriteFile(lock, nil, 0o600))
	me := thisProcess(lock)
	if me.Boot == "" || me.Space == "" || me.Started == "" || me.Lock == "" {
		t.Fatalf("of this process: %+v", me)
	}
	elsewhere := me
	elsewhere.Lock = "0:0"
	if elsewhere.ended(me) {
		t.Error("this very process is taken for ended")
	}
	if !me.ended(me) {
		t.Error("whoever held the lock that we hold has not ended")
	}

	child := exec.Command("sleep", "60")
	must(t, child.Start())
	mark := processMark{Boot: me.Boot, Space: me.Space, PID: child.Process.Pid, Started: startOf(strconv.Itoa(child.Process.Pid)), Lock: "1:1"}
	if mark.Started == "" || mark.ended(me) {
		t.Errorf("a running process is taken for ended: %+v", mark)
	}
	for name, other := range map[string]processMark{
		"of another machine":   {Boot: "other", Space: me.Space, PID: 1 << 30, Started: "1"},
		"of another container": {Boot: me.Boot, Space: "other", PID: 1 << 30, Started: "1"},
	} {
		if other.ended(me) {
			t.Errorf("a process %s is taken for ended", name)
		}
	}
	must(t, child.Process.Kill())
	eventually(t, "a killed process counts as ended before it is waited for", func() bool { return mark.ended(me) })
	_ = child.Wait()
	if !mark.ended(me) {
		t.Error("a process that is gone is not taken for ended")
	}
	again := mark
	again.PID = os.Getpid() // its number went to another process
	if !again.ended(me) {
		t.Error("a process with the number of an ended one is taken for it")
	}
}
