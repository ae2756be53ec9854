// Looking at a replica without a server: for the commands, and for doctor. None of
// this takes the lease or writes to the storage.

package replica

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/benbjohnson/litestream"
	"github.com/superfly/ltx"
)

// visitor reads a replica.
type visitor struct {
	o       Options
	storage *storage
	fence   *fenced
}

// nobody never has the right to write.
type nobody struct{}

func (nobody) remaining() time.Duration { return 0 }

func visit(ctx context.Context, o Options) (*visitor, error) {
	o = o.withDefaults()
	if !o.Configured() {
		return nil, &Problem{Kind: BadSettings, What: "no replica is configured", Do: "set HMCP_REPLICA_URL"}
	}
	if err := o.checkPlaces(); err != nil {
		return nil, err
	}
	st := newStorage(o.Settings, o.Credentials)
	st.dropCABundle()
	if err := st.requireKeys(ctx, usualPace()); err != nil {
		return nil, err
	}
	return &visitor{o: o, storage: st, fence: st.fence(nobody{}, usualPace())}, nil
}

// Overview is what can be seen of a replica from outside.
type Overview struct {
	Where        string
	Transaction  uint64 // the newest it holds; zero: it is empty
	NewestAt     time.Time
	Files        int
	Bytes        int64
	Installation string
	Gap          string      // what is missing, so that it can't be restored as it should; "" when the files join up
	Oldest       time.Time   // the earliest moment that can be restored; zero: none
	Snapshots    []time.Time // copies of the whole database, the oldest first

	Holder   string    // the machine that may write it; "" when nobody ever did
	Until    time.Time // when its right ends unless renewed, by its own clock
	Released bool      // it gave the right back

	Local      uint64 // the newest transaction captured from the database here; zero: none
	LocalBytes int64  // size of the database here; zero: there is none
	LocalID    string // its installation

	// Next is what the server of this folder would do if it was started now, and
	// Refusal why it would not start; nil when it would. While one runs, both sides
	// move, and only an empty replica means something.
	Next    Next
	Refusal *Problem

	// DrilledAt is when a server of this folder last restored the replica and checked
	// it in full; zero: never, as far as is noted here.
	DrilledAt time.Time
}

// Next is what a start would do with the database here and the replica.
type Next string

// What a start may do.
const (
	NextUnknown  Next = ""         // it would be refused
	NextBegins   Next = "begins"   // a new replica
	NextGoesOn   Next = "goes on"  // from what is here
	NextRestores Next = "restores" // there is no database here
	NextYields   Next = "yields"   // another server wrote since: what is here is set aside
)

func (v verdict) next() Next {
	switch v {
	case begin, beginNew:
		return NextBegins
	case goOn, overrule:
		return NextGoesOn
	case restore:
		return NextRestores
	case yield:
		return NextYields
	}
	return NextUnknown
}

// Look asks the storage what the replica holds and who writes it.
// Errors: *Problem.
func Look(ctx context.Context, o Options) (Overview, error) {
	v, err := visit(ctx, o)
	if err != nil {
		return Overview{}, err
	}
	return v.look(ctx)
}

func (v *visitor) look(ctx context.Context) (Overview, error) {
	seen := Overview{Where: v.storage.where}
	facts, err := v.facts(ctx)
	if err != nil {
		return seen, awayProblem(v.storage.where, err)
	}
	seen.Gap = gapIn(facts.all)
	seen.Oldest, seen.Snapshots = moments(facts.all)
	seen.Transaction, seen.NewestAt, seen.Files, seen.Bytes = facts.transaction, facts.newestAt, facts.files, facts.bytes
	seen.Installation = facts.installation
	here, err := v.lookHere(ctx)
	seen.Local, seen.LocalID, seen.DrilledAt = here.local, here.installation, here.note.DrilledAt
	seen.LocalBytes = sizeOf(here.database)
	if err != nil {
		var p *Problem
		if errors.As(err, &p) && !here.here { // the note can't be read
			seen.Refusal = p
			return seen, nil
		}
		return seen, err
	}
	here.remote = facts
	record, there, err := v.holder(ctx)
	if err != nil {
		return seen, err
	}
	if there {
		seen.Holder, seen.Until, seen.Released = record.Host, record.ExpiresAt, record.Released
		here.lease = record
	}
	what, problem := judge(here, false, false)
	seen.Next, seen.Refusal = what.next(), problem
	return seen, nil
}

// facts are asked for twice when something is missing: a server may be at work.
func (v *visitor) facts(ctx context.Context) (remoteFacts, error) {
	facts, err := look(ctx, v.fence, v.storage.objects)
	if err == nil && gapIn(facts.all) != "" {
		facts, err = look(ctx, v.fence, v.storage.objects)
	}
	return facts, err
}

// lookHere notes what is on this disk, as a server that starts does.
func (v *visitor) lookHere(ctx context.Context) (facts, error) {
	path := absolute(v.o.Database)
	f := facts{where: v.storage.where, database: path, node: v.o.Node}
	n, err := (&folder{path: v.o.DataDir}).readNote()
	if err != nil {
		return f, err
	}
	f.here = sizeOf(path) > 0
	newest, broken := captured(metaOf(path, v.o.file.DBs[0].MetaPath))
	f.note, f.local, _ = countable(n, newest, broken)
	if !f.here {
		return f, nil
	}
	if f.installation, err = v.o.Installation(ctx, path); err == nil && v.o.Newest != nil {
		f.newest, err = v.o.Newest(ctx, path)
	}
	if err != nil {
		return f, unreadable(path, err)
	}
	return f, nil
}

// countable says how far Litestream's files beside the database go, zero when they
// can't be gone on from; and what the note says, now that they are known. broken tells
// that the last of the files can't be read.
func countable(n note, newest uint64, broken bool) (_ note, local uint64, stray bool) {
	switch {
	case broken: // the number in its name is all that is left of it
		n.Replicated, n.Epoch = max(n.Replicated, newest), max(n.Epoch, 1)
		return n, 0, true
	case n.Uncounted:
		return n, 0, true
	}
	return n, newest, false
}

// captured is the newest transaction in Litestream's files beside a database.
// broken tells that its file can't be read.
func captured(meta string) (newest uint64, broken bool) {
	folder := filepath.FromSlash(litestream.LTXLevelDir(meta, 0))
	files, _ := os.ReadDir(folder) // there may be none
	name := ""
	for _, f := range files {
		if _, high, err := ltx.ParseFilename(f.Name()); err == nil && uint64(high) > newest {
			newest, name = uint64(high), f.Name()
		}
	}
	if name == "" {
		return 0, false
	}
	f, err := os.Open(filepath.Join(folder, name))
	if err != nil {
		return newest, !errors.Is(err, fs.ErrNotExist) // a server may be at work
	}
	defer func() { _ = f.Close() }()
	return newest, ltx.NewDecoder(f).Verify() != nil
}

// holder reads who may write the replica.
func (v *visitor) holder(ctx context.Context) (r leaseRecord, there bool, err error) {
	found, err := v.storage.objects.get(ctx, leaseObject)
	if errors.Is(err, errNoObject) {
		return r, false, nil
	}
	if err != nil {
		return r, false, awayProblem(v.storage.where, err)
	}
	if err := json.Unmarshal(found.data, &r); err != nil {
		return r, false, &Problem{Kind: Damaged, Err: err, What: leaseObject + " in the replica can't be read", Do: "delete that object while no server runs"}
	}
	return r, true, nil
}

// Probe asks whether the storage can be reached, and from when the newest thing in
// the replica is. The error says why not; a replica that holds nothing is no error.
func Probe(ctx context.Context, o Options) (reachable bool, newest time.Time, err error) {
	seen, err := Look(ctx, o)
	return err == nil, seen.NewestAt, err
}

// RestoreOptions say what to restore, and where to.
type RestoreOptions struct {
	To string    // the file to make, which must not exist; "" is the database's own place
	At time.Time // the moment to restore; zero is the newest
}

// Report tells what was restored.
type Report struct {
	Where        string
	Transaction  uint64
	Bytes        int64
	Took         time.Duration
	Installation string

	// Verify says more.
	Tables      int      // that were compared with the database here
	Differences []string // tables that are not the same; empty when all are
	Moving      bool     // the database here was written meanwhile, so differences are no fault
	Older       bool     // the database here is older than the replica
}

// Restore writes the replica's database to a file and checks it. Into the
// database's own place it restores only while no server runs there, and what
// belonged to an earlier database is set aside.
//
// Errors: *Problem.
func Restore(ctx context.Context, o Options, what RestoreOptions) (Report, error) {
	v, err := visit(ctx, o)
	if err != nil {
		return Report{}, err
	}
	o = v.o
	own := what.To == "" || absolute(what.To) == absolute(o.Database)
	to := absolute(what.To)
	if own {
		to = absolute(o.Database)
	}
	if exists(to) {
		return Report{}, &Problem{Kind: InTheWay, What: to + " exists already; nothing is ever written over a database", Do: "name another file with --to, or move that one away first"}
	}
	home := filepath.Dir(to)
	if own {
		home = o.DataDir
	}
	f, err := v.destination(home, to, own)
	if err != nil {
		return Report{}, err
	}
	report := Report{Where: v.storage.where}
	_, err = restoreDatabase(ctx, v.fence, f, to, order{at: what.At}, quiet(o.Log), func(path string, got restored) error {
		report.Transaction, report.Bytes, report.Took = got.transaction, got.bytes, got.took
		if report.Installation, err = o.Installation(ctx, path); err != nil || !own {
			return err
		}
		return v.prepareOwn(ctx, f, what.At, got)
	})
	if err = errors.Join(err, f.close()); err != nil {
		return report, v.sayMoments(ctx, what.At, restoreProblem(v.storage.where, what.At, err))
	}
	return report, nil
}

// sayMoments adds from when on something can be restored, and says it when there is
// nothing at all.
func (v *visitor) sayMoments(ctx context.Context, at time.Time, err error) error {
	var p *Problem
	if !errors.As(err, &p) || p.Kind != NothingThere {
		return err
	}
	facts, lookErr := look(ctx, v.fence, v.storage.objects)
	if lookErr == nil && facts.empty() {
		return &Problem{
			Kind: NothingThere, Err: err, What: fmt.Sprintf("the replica (%s) is empty", v.storage.where),
			Do: "check the replica's address; a new server copies for the first time when it has served for a second",
		}
	}
	if at.IsZero() {
		return p
	}
	if oldest, _ := moments(facts.all); lookErr == nil && !oldest.IsZero() {
		p.Do = fmt.Sprintf("ask for a moment after %s, the earliest that can be restored", oldest.UTC().Format(time.RFC3339))
	}
	return p
}

// destination is the folder that is restored into: locked, when it is the data
// folder.
func (v *visitor) destination(home, to string, own bool) (*folder, error) {
	if _, err := os.Stat(home); !own && errors.Is(err, fs.ErrNotExist) {
		return nil, &Problem{Kind: BadSettings, Err: err, What: "there is no folder " + home, Do: "make it first, or name a file elsewhere with --to"}
	}
	if err := os.MkdirAll(home, 0o700); err != nil {
		return nil, folderProblem(home, err)
	}
	if own {
		return openFolder(home, to, v.o.file.DBs[0].MetaPath, v.o.Now)
	}
	return &folder{path: home, database: to, now: v.o.Now, unlock: func() error { return nil }}, nil
}

// prepareOwn makes the place of the database ready: what an earlier one left is
// set aside. The newest state is noted as such, so that the next start goes on
// from it; an older one is for the operator to accept.
func (v *visitor) prepareOwn(ctx context.Context, f *folder, at time.Time, got restored) error {
	if _, err := f.setAside(f.asideName("before-restore"), f.besides()...); err != nil {
		return err
	}
	if !at.IsZero() {
		return nil
	}
	n, err := f.readNote()
	if err != nil {
		return err
	}
	record, _, err := v.holder(ctx)
	if err != nil {
		return err
	}
	n.Where, n.Epoch, n.Replicated, n.Newest, n.At = v.storage.where, max(1, record.WriterEpoch), got.transaction, "", v.o.Now().UTC()
	return f.writeNote(n)
}
