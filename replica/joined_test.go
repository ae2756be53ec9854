package replica

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/benbjohnson/litestream"
	"github.com/superfly/ltx"
)

func TestFilesJoinUp(t *testing.T) {
	t.Parallel()
	file := func(level int, low, high ltx.TXID) *ltx.FileInfo {
		return &ltx.FileInfo{Level: level, MinTXID: low, MaxTXID: high}
	}
	whole := func(high ltx.TXID) *ltx.FileInfo { return file(litestream.SnapshotLevel, 1, high) }
	for name, tt := range map[string]struct {
		files              []*ltx.FileInfo
		restorable, newest uint64
		says               string
	}{
		"nothing":                        {nil, 0, 0, ""},
		"from the beginning":             {[]*ltx.FileInfo{file(0, 1, 1), file(0, 2, 2)}, 2, 2, ""},
		"a copy and what came after it":  {[]*ltx.FileInfo{whole(7), file(0, 8, 8), file(1, 5, 9), file(0, 10, 10)}, 10, 10, ""},
		"a copy alone":                   {[]*ltx.FileInfo{whole(7)}, 7, 7, ""},
		"a hole before the newest copy":  {[]*ltx.FileInfo{whole(3), whole(7), file(0, 1, 1), file(0, 5, 8)}, 8, 8, ""},
		"a coarse level reaches over it": {[]*ltx.FileInfo{file(0, 6, 6), file(2, 1, 5)}, 6, 6, ""},
		"without a beginning":            {[]*ltx.FileInfo{file(0, 5, 5), file(0, 6, 6)}, 0, 6, "nothing can be restored"},
		"a hole":                         {[]*ltx.FileInfo{whole(3), file(0, 4, 4), file(0, 6, 8)}, 4, 8, "can be restored to 4 only"},
		"nothing follows the copy":       {[]*ltx.FileInfo{whole(3), file(1, 5, 8)}, 3, 8, "can be restored to 3 only"},
	} {
		restorable, newest := reach(tt.files)
		if restorable != tt.restorable || newest != tt.newest {
			t.Errorf("%s: %d of %d, want %d of %d", name, restorable, newest, tt.restorable, tt.newest)
		}
		if got := gapIn(tt.files); (got == "") != (tt.says == "") || !strings.Contains(got, tt.says) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// TestAnEmptiedReplicaIsFilledAgain while nobody writes, and the next start goes on
// from it even after a crash.
func TestAnEmptiedReplicaIsFilledAgain(t *testing.T) {
	t.Parallel()
	copyTo := filepath.Join(t.TempDir(), "copy")
	s := newServer(t, "file://"+copyTo)
	s.pace.join = 200 * time.Millisecond
	s.firstStart()
	rows := s.write(50)
	s.synced()
	removeUnder(t, filepath.Join(copyTo, "ltx"))
	eventually(t, "it is filled", func() bool {
		seen, err := Look(t.Context(), s.options)
		return err == nil && seen.Transaction > 0 && seen.Gap == "" && s.replica.Status().Drill.OK
	})
	s.crash()
	s.start()
	must(t, s.stop())
	comesBack(t, "file://"+copyTo, rows)
}

// TestAHoleIsSeenFromOutside, and said before it is mended.
func TestAHoleIsSeenFromOutside(t *testing.T) {
	t.Parallel()
	copyTo := filepath.Join(t.TempDir(), "copy")
	s, _ := copying(t, "file://"+copyTo, 50)
	seen, err := Look(t.Context(), s.options)
	if err != nil || seen.Gap != "" || seen.Oldest.IsZero() {
		t.Errorf("before: %+v, %v", seen, err)
	}
	s.write(20)
	s.synced()
	must(t, s.stop()) // a running server would copy anew
	files, err := filepath.Glob(filepath.Join(copyTo, "ltx", "*", "*.ltx"))
	must(t, err)
	newest := slices.MaxFunc(files, func(a, b string) int { return strings.Compare(filepath.Base(a), filepath.Base(b)) })
	for _, file := range files {
		if file != newest {
			must(t, os.Remove(file))
		}
	}
	seen, err = Look(t.Context(), s.options)
	if err != nil || !strings.Contains(seen.Gap, "no copy of the whole database") {
		t.Errorf("after: %+v, %v", seen, err)
	}
	_, err = Restore(t.Context(), s.options, RestoreOptions{To: filepath.Join(t.TempDir(), "back.db")})
	if kindOf(err) != NothingThere || strings.Contains(err.Error(), "that time") || !strings.Contains(err.Error(), "no copy of the whole database") {
		t.Errorf("restored: %v", err)
	}
}

// TestAListingThatBecameShorterIsDoubted at once, however far the next look is.
func TestAListingThatBecameShorterIsDoubted(t *testing.T) {
	t.Parallel()
	f, _, _ := newFenced()
	files := []*ltx.FileInfo{{MinTXID: 1, MaxTXID: 7}}
	f.mistrust(1, 0, files)
	f.mistrust(1, 5, nil) // a part of the level tells nothing
	f.mistrust(1, 0, files)
	if len(f.doubt) > 0 {
		t.Error("doubted without reason")
	}
	f.mistrust(1, 0, nil)
	f.mistrust(0, 0, nil)
	if len(f.doubt) != 1 {
		t.Error("not doubted")
	}
}
