// Verifying: the replica is restored, checked in full and compared with the database
// here, which a server may be writing.

package replica

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// What was written a moment ago is on its way to the replica: a difference counts
// when it is still there after that.
const (
	verifyTries = 3
	verifyRest  = 2 * time.Second
)

// Verify restores the replica into a temporary folder, checks it in full, and
// compares it with the database here, if there is one.
//
// Errors: *Problem.
func Verify(ctx context.Context, o Options) (Report, error) {
	v, err := visit(ctx, o)
	if err != nil {
		return Report{}, err
	}
	report := Report{Where: v.storage.where}
	here, err := v.belongsHere(ctx)
	if err != nil {
		return report, err
	}
	for try := 1; ; try++ {
		if err := v.verify(ctx, &report, here); err != nil {
			return report, err
		}
		if len(report.Differences) == 0 || report.Moving || report.Older || try == verifyTries {
			return report, nil
		}
		if !sleep(ctx, verifyRest) {
			return report, ctx.Err()
		}
	}
}

// belongsHere tells whether there is a database here to compare with, and refuses
// one of another installation before all of the replica is fetched.
func (v *visitor) belongsHere(ctx context.Context) (bool, error) {
	path := absolute(v.o.Database)
	if v.o.Contents == nil || sizeOf(path) == 0 {
		return false, nil
	}
	id, err := v.o.Installation(ctx, path)
	if err != nil {
		return false, unreadable(path, err)
	}
	f := facts{where: v.storage.where, database: path, installation: id}
	if f.remote.installation, err = readInstallation(ctx, v.storage.objects); err != nil {
		return false, awayProblem(v.storage.where, err)
	}
	if f.isForeign() {
		return false, wrongReplica(f)
	}
	return true, nil
}

func unreadable(path string, err error) *Problem {
	return &Problem{Kind: Damaged, Err: err, What: fmt.Sprintf("the database %s can't be read (%s)", path, oneLine(err)), Do: "run `doctor`; the replica may be the better copy"}
}

// verify restores, checks and compares once.
func (v *visitor) verify(ctx context.Context, report *Report, here bool) error {
	work, err := os.MkdirTemp(v.o.DataDir, "verify-*")
	if err != nil {
		return folderProblem(v.o.DataDir, err)
	}
	defer func() { _ = os.RemoveAll(work) }()
	path := filepath.Join(work, filepath.Base(v.o.Database))
	var before map[string]string
	if here {
		if before, err = v.contents(ctx, absolute(v.o.Database)); err != nil {
			return err
		}
	}
	got, err := restoreInto(ctx, v.fence, path, order{full: true}, quiet(v.o.Log))
	if err != nil {
		return restoreProblem(v.storage.where, time.Time{}, err)
	}
	report.Transaction, report.Bytes, report.Took = got.transaction, got.bytes, got.took
	if report.Installation, err = v.o.Installation(ctx, path); err != nil {
		return restoreProblem(v.storage.where, time.Time{}, err)
	}
	if !here {
		return nil
	}
	return v.compare(ctx, report, before, path)
}

// contents reads what is in a database, table by table.
func (v *visitor) contents(ctx context.Context, path string) (map[string]string, error) {
	tables, err := v.o.Contents(ctx, path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	return tables, nil
}

// compare tells what differs. The database may be written meanwhile: it is read
// before and after.
func (v *visitor) compare(ctx context.Context, report *Report, before map[string]string, restored string) error {
	here := absolute(v.o.Database)
	there, err := v.contents(ctx, restored)
	if err != nil {
		return err
	}
	after, err := v.contents(ctx, here)
	if err != nil {
		return err
	}
	if report.Older, err = v.isOlder(ctx, here, restored, report.Transaction); err != nil {
		return err
	}
	report.Tables, report.Differences = len(before), nil
	report.Moving = !maps.Equal(before, after)
	for table := range before {
		if there[table] != before[table] && there[table] != after[table] {
			report.Differences = append(report.Differences, table)
		}
	}
	slices.Sort(report.Differences)
	return nil
}

// isOlder tells whether the database here is from before what was restored. It is
// read last, so that a server that goes on is not mistaken.
func (v *visitor) isOlder(ctx context.Context, here, restored string, transaction uint64) (bool, error) {
	if local, _ := captured(metaOf(here, v.o.file.DBs[0].MetaPath)); local > 0 && local < transaction {
		return true, nil
	}
	if v.o.Newest == nil {
		return false, nil
	}
	there, err := v.o.Newest(ctx, restored)
	if err != nil {
		return false, unreadable(restored, err)
	}
	newest, err := v.o.Newest(ctx, here)
	if err != nil {
		return false, unreadable(here, err)
	}
	return newest < there, nil
}
