// The guard: before anything is copied, both sides are compared. Litestream takes
// whatever lies on this disk for the truth; a database that was put back from
// yesterday would be copied over today's, and a replica at a misspelt address
// would be taken for none.

package replica

import (
	"fmt"
	"time"

	"github.com/superfly/ltx"
)

// facts are what is known of both sides.
type facts struct {
	where    string // the replica's place
	database string // path

	here         bool   // there is a database on this disk
	installation string // its id; "" when it has none
	local        uint64 // the newest transaction captured from it
	newest       string // the newest thing in it, in its own terms

	remote remoteFacts
	lease  leaseRecord // as it was before we took it
	note   note
	node   string
}

// remoteFacts are what the storage tells.
type remoteFacts struct {
	transaction  uint64 // the newest; zero when there is none
	newest       uint64 // the newest of level 0, by which Litestream goes on
	installation string
	newestAt     time.Time
	bytes        int64
	files        int
	levels       []int           // that hold something
	files0       []*ltx.FileInfo // of level 0
	all          []*ltx.FileInfo
}

func (r remoteFacts) empty() bool { return r.transaction == 0 }

// verdict says what to do.
type verdict string

const (
	begin    verdict = "begin"     // make a new replica
	beginNew verdict = "begin new" // the same, although Litestream's own notes are of another one
	goOn     verdict = "go on"     // copy on from where it stands
	restore  verdict = "restore"   // bring the database back
	yield    verdict = "yield"     // another server wrote since: set the database aside and restore
	overrule verdict = "overrule"  // make the older database the truth
)

// judge decides by the facts alone; firstStart and acceptRollback are what the
// operator allows.
func judge(f facts, firstStart, acceptRollback bool) (verdict, *Problem) {
	switch {
	case !f.here && f.remote.empty() && !firstStart:
		return "", nothingAnywhere(f)
	case !f.here && f.remote.empty():
		return begin, nil
	case f.remote.newest < f.remote.transaction:
		return "", headless(f)
	case !f.here:
		return restore, nil
	case f.remote.empty():
		return judgeEmpty(f, firstStart)
	case f.isForeign():
		return "", wrongReplica(f)
	case f.anotherWrote():
		return yield, nil
	}
	why := f.olderBecause()
	switch {
	case why == "":
		return goOn, nil
	case acceptRollback:
		return overrule, nil
	}
	return "", rolledBack(f, why)
}

// judgeEmpty is about a database here and nothing in the replica: right for the
// first time only.
func judgeEmpty(f facts, firstStart bool) (verdict, *Problem) {
	known := f.note.Replicated > 0 || (f.local > 0 && f.note.Epoch == 0)
	switch {
	case !known:
		return begin, nil
	case firstStart:
		return beginNew, nil
	}
	return "", emptied(f)
}

// isForeign tells whether the replica is of another installation than the database.
func (f facts) isForeign() bool {
	return f.remote.installation != "" && f.installation != "" && f.remote.installation != f.installation
}

// anotherWrote tells whether another server took the replica over from this one
// and may have written it.
func (f facts) anotherWrote() bool {
	return f.note.Epoch > 0 && f.lease.Writer != "" && f.lease.Writer != f.node && f.lease.WriterEpoch > f.note.Epoch
}

// olderBecause says why the database is older than the replica; "" when it goes
// on from where the replica is.
func (f facts) olderBecause() string {
	noted := f.note.Replicated >= f.remote.newest && f.note.Epoch > 0
	switch {
	case f.local < f.remote.newest && (f.local > 0 || !noted):
		return fmt.Sprintf("the replica is at transaction %d and this database at %d", f.remote.newest, f.local)
	case f.lease.Writer == f.node && f.note.Epoch > 0 && f.lease.WriterEpoch > f.note.Epoch:
		return "a later run of this very server wrote the replica"
	case f.newest < f.note.Newest:
		return "what was written last is missing in it"
	case f.installation == "" && f.remote.installation != "":
		return "it is from before the replica was made"
	}
	return ""
}

func nothingAnywhere(f facts) *Problem {
	return &Problem{
		Kind: NothingThere, What: fmt.Sprintf("there is no database at %s, and nothing in the replica (%s)", f.database, f.where),
		Do: "check the replica's address first: a wrong bucket or path looks just like this; for the very first start, start once with --first-start",
	}
}

// headless is a replica that Litestream can restore and must not go on with: it
// counts on from the newest file of level 0, below what the other levels hold.
func headless(f facts) *Problem {
	return &Problem{
		Kind: Damaged, What: fmt.Sprintf("the newest files of the replica (%s) are gone: it can be restored, and can't be gone on with", f.where),
		Do: "check whether a rule of the bucket deletes files; restore it to a file with restore --to, put that in place of the database, and copy to a new path with --first-start",
	}
}

func emptied(f facts) *Problem {
	last := ""
	if !f.note.At.IsZero() {
		last = fmt.Sprintf(" (last to %s at %s)", f.note.Where, f.note.At.UTC().Format(time.RFC3339))
	}
	return &Problem{
		Kind: NothingThere, What: fmt.Sprintf("the replica (%s) is empty, although this database was copied before%s", f.where, last),
		Do: "check the replica's address, and who emptied it; if it is meant to be new, start once with --first-start",
	}
}

func wrongReplica(f facts) *Problem {
	return &Problem{
		Kind: WrongReplica, What: fmt.Sprintf("this replica (%s) belongs to another installation (%s; the database here is of %s)", f.where, f.remote.installation, f.installation),
		Do: "give each installation a path of its own in HMCP_REPLICA_URL, or put the right database back; nothing was changed",
	}
}

func rolledBack(f facts, why string) *Problem {
	return &Problem{
		Kind: RolledBack, What: fmt.Sprintf("the database at %s is older than its replica (%s): %s", f.database, f.where, why),
		Do: "to have the newest state back, move the database and its -wal away and start again: it is restored from the replica; to keep the older state and go on from it, start once with --accept-rollback",
	}
}
