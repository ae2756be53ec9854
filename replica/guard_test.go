package replica

import (
	"strings"
	"testing"
	"time"
)

// TestJudgement: each row is a state of both sides that was met, or that somebody
// will meet.
func TestJudgement(t *testing.T) {
	t.Parallel()
	noted := note{Where: "s3://b/p", Epoch: 3, Replicated: 40, Newest: "m", At: time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)}
	ours := leaseRecord{Node: "me", Writer: "me", WriterEpoch: 3, Epoch: 3}
	held := remoteFacts{transaction: 40, newest: 40, installation: "ins_1"}
	running := facts{where: "s3://b/p", here: true, installation: "ins_1", local: 41, newest: "n", remote: held, lease: ours, note: noted, node: "me"}
	with := func(change func(*facts)) facts {
		f := running
		change(&f)
		return f
	}
	cases := map[string]struct {
		facts         facts
		first, accept bool
		want          verdict
		kind          Kind
		says          string
	}{
		"goes on":                         {facts: running, want: goOn},
		"nothing new since":               {facts: with(func(f *facts) { f.local = 40 }), want: goOn},
		"goes on, with leave to be first": {facts: running, first: true, want: goOn},

		"nothing anywhere":              {facts: facts{node: "me"}, kind: NothingThere, says: "a wrong bucket or path looks just like this"},
		"nothing anywhere, first start": {facts: facts{node: "me"}, first: true, want: begin},
		"machine lost":                  {facts: facts{node: "new", remote: held, lease: ours}, want: restore},
		"machine lost, first start":     {facts: facts{node: "new", remote: held}, first: true, want: restore},
		"database lost, folder kept":    {facts: with(func(f *facts) { f.here, f.local, f.installation, f.newest = false, 0, "", "" }), want: restore},

		"replica for an old database": {facts: facts{here: true, installation: "ins_1", node: "me"}, want: begin},
		"begun, and crashed at once":  {facts: facts{here: true, local: 1, note: note{Epoch: 1}, node: "me"}, want: begin},
		"emptied":                     {facts: with(func(f *facts) { f.remote = remoteFacts{} }), kind: NothingThere, says: "although this database was copied before (last to s3://b/p at 2026-08-01T00:00:00Z)"},
		"emptied, told to begin":      {facts: with(func(f *facts) { f.remote = remoteFacts{} }), first: true, want: beginNew},
		"emptied, note lost":          {facts: with(func(f *facts) { f.remote, f.note = remoteFacts{}, note{} }), kind: NothingThere},

		"another installation":                  {facts: with(func(f *facts) { f.installation = "ins_2" }), kind: WrongReplica, says: "belongs to another installation (ins_1; the database here is of ins_2)"},
		"another installation, accept rollback": {facts: with(func(f *facts) { f.installation = "ins_2" }), accept: true, first: true, kind: WrongReplica},
		"a replica from before there were ids":  {facts: with(func(f *facts) { f.remote.installation = "" }), want: goOn},

		"folder put back":                  {facts: with(func(f *facts) { f.local = 30 }), kind: RolledBack, says: "the replica is at transaction 40 and this database at 30"},
		"folder put back, accepted":        {facts: with(func(f *facts) { f.local = 30 }), accept: true, want: overrule},
		"database file put back":           {facts: with(func(f *facts) { f.newest = "a" }), kind: RolledBack, says: "what was written last is missing"},
		"database file put back, accepted": {facts: with(func(f *facts) { f.newest = "a" }), accept: true, want: overrule},
		"machine put back with an unreplicated tail": {
			facts: with(func(f *facts) { f.note.Epoch, f.note.Replicated, f.local, f.lease.WriterEpoch = 2, 20, 60, 3 }),
			kind:  RolledBack, says: "a later run of this very server",
		},
		"database from before ids":            {facts: with(func(f *facts) { f.installation = "" }), kind: RolledBack, says: "from before the replica was made"},
		"Litestream's folder deleted":         {facts: with(func(f *facts) { f.local = 0 }), want: goOn},
		"all but the database lost":           {facts: with(func(f *facts) { f.local, f.note = 0, note{} }), kind: RolledBack},
		"restored by hand, the newest":        {facts: with(func(f *facts) { f.local, f.note = 0, note{Epoch: 3, Replicated: 40} }), want: goOn},
		"another server wrote":                {facts: with(func(f *facts) { f.lease.Writer, f.lease.WriterEpoch = "other", 4 }), want: yield},
		"another server wrote less than this": {facts: with(func(f *facts) { f.lease.Writer, f.lease.WriterEpoch, f.local = "other", 4, 90 }), want: yield},
		"another server only looked":          {facts: with(func(f *facts) { f.lease.Node, f.lease.Epoch = "other", 4 }), want: goOn},
		"another server wrote, before us":     {facts: with(func(f *facts) { f.lease.Writer, f.lease.WriterEpoch = "other", 2 }), want: goOn},
		"folder copied to a new machine":      {facts: with(func(f *facts) { f.node = "new" }), want: goOn},

		"a rule of the bucket deleted files": {facts: with(func(f *facts) { f.remote.newest = 0 }), kind: Damaged, says: "a rule of the bucket"},
		"a snapshot is ahead":                {facts: facts{node: "new", remote: remoteFacts{transaction: 50, newest: 40}}, kind: Damaged},
	}
	for name, tt := range cases {
		got, problem := judge(tt.facts, tt.first, tt.accept)
		switch {
		case tt.kind == "" && (problem != nil || got != tt.want):
			t.Errorf("%s: %q, %v; want %q", name, got, problem, tt.want)
		case tt.kind != "" && (problem == nil || problem.Kind != tt.kind || !strings.Contains(problem.Error(), tt.says) || problem.Do == ""):
			t.Errorf("%s: %q, %v; want %s: %s", name, got, problem, tt.kind, tt.says)
		}
	}
}
