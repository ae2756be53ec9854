// Whether the files of a replica join up: from a copy of the whole database, or
// from its beginning, to the newest change. A replica that was emptied or has lost
// a file in the middle takes what comes and can't be restored.

package replica

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/benbjohnson/litestream"
	"github.com/superfly/ltx"
)

// reach is how far the newest state that can be restored goes, zero when there is
// none, and the newest transaction that there is anything of.
func reach(files []*ltx.FileInfo) (restorable, newest uint64) {
	var changes []*ltx.FileInfo
	for _, info := range files {
		newest = max(newest, uint64(info.MaxTXID))
		if info.Level == litestream.SnapshotLevel {
			restorable = max(restorable, uint64(info.MaxTXID))
			continue
		}
		changes = append(changes, info)
	}
	slices.SortFunc(changes, func(a, b *ltx.FileInfo) int { return int(int64(a.MinTXID) - int64(b.MinTXID)) })
	for _, info := range changes {
		if uint64(info.MinTXID) <= restorable+1 {
			restorable = max(restorable, uint64(info.MaxTXID))
		}
	}
	return restorable, newest
}

// gapIn says what is missing, "" when nothing is.
func gapIn(files []*ltx.FileInfo) string {
	restorable, newest := reach(files)
	switch {
	case restorable >= newest:
		return ""
	case restorable == 0:
		return fmt.Sprintf("it holds changes up to transaction %d and no copy of the whole database that they belong to, so nothing can be restored", newest)
	}
	return fmt.Sprintf("files in its middle are missing: it holds changes up to transaction %d, and can be restored to %d only", newest, restorable)
}

// moments are the earliest one that can be restored, and those of the copies of the
// whole database, as far as the storage tells them.
func moments(files []*ltx.FileInfo) (oldest time.Time, snapshots []time.Time) {
	for _, info := range files {
		isSnapshot := info.Level == litestream.SnapshotLevel
		if isSnapshot {
			snapshots = append(snapshots, info.CreatedAt)
		}
		if (isSnapshot || info.MinTXID == 1) && (oldest.IsZero() || info.CreatedAt.Before(oldest)) {
			oldest = info.CreatedAt
		}
	}
	slices.SortFunc(snapshots, time.Time.Compare)
	return oldest, snapshots
}

// joins looks every now and then whether the files join up, and at once when a
// listing makes that doubtful. When they don't, the whole database is copied anew.
func (r *Replica) joins(ctx context.Context) {
	wait := r.pace.join
	for {
		select {
		case <-time.After(wait):
		case <-r.fence.doubt:
		case <-ctx.Done():
			return
		}
		wait = r.pace.join
		if r.fence.mayWrite() != nil || r.failing() {
			continue
		}
		gap, err := r.gap(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			r.log.Info("replica: whether its files join up can't be seen", "error", oneLine(err))
		case gap != "":
			r.log.Error("replica: files are missing; the whole database is copied anew", "where", r.storage.where, "gap", gap)
			r.noteDrill(DrillStatus{Text: gap})
			wait = r.mend(ctx, wait)
		}
	}
}

// gap lists the levels that are in use, and twice when something is missing: they
// change while they are listed.
func (r *Replica) gap(ctx context.Context) (found string, err error) {
	for range 2 {
		had := r.fence.replicated()
		var all []*ltx.FileInfo
		for _, level := range r.levels() {
			files, err := r.fence.list(ctx, level, 0, false)
			if err != nil {
				return "", err
			}
			all = append(all, files...)
		}
		found = gapIn(all)
		if _, newest := reach(all); found == "" && newest < had {
			found = fmt.Sprintf("its newest files are missing: transaction %d was copied, and there is nothing after %d", had, newest)
		}
		if found == "" {
			return "", nil
		}
	}
	return found, nil
}

// levels are those that Litestream writes to, the one that changes least first.
func (r *Replica) levels() []int {
	all := []int{litestream.SnapshotLevel}
	for level := len(r.o.file.levels()) - 1; level >= 0; level-- {
		all = append(all, level)
	}
	return all
}

// mistrust compares a listing that Litestream asked for with what was known: a
// level that has become shorter at its end was tampered with.
func (f *fenced) mistrust(level int, seek ltx.TXID, files []*ltx.FileInfo) {
	if seek != 0 || level == litestream.SnapshotLevel {
		return
	}
	var newest uint64
	for _, info := range files {
		newest = max(newest, uint64(info.MaxTXID))
	}
	f.mu.Lock()
	shorter := newest < f.listed[level]
	f.listed[level] = newest
	f.mu.Unlock()
	if shorter {
		select {
		case f.doubt <- struct{}{}:
		default: // somebody looks already
		}
	}
}
