package replica

import (
	"errors"
	"path/filepath"
	"testing"

	"hostaway-mcp/replica/replicatest"
)

const (
	storageKeyID  = replicatest.AccessKeyID
	storageSecret = replicatest.SecretAccessKey
)

// kindOf is the kind of a problem, "" for any other error.
func kindOf(err error) Kind {
	var p *Problem
	if errors.As(err, &p) {
		return p.Kind
	}
	return ""
}

// eachPlace runs a test on a folder and on a real S3 server.
func eachPlace(t *testing.T, test func(t *testing.T, url string)) {
	t.Run("folder", func(t *testing.T) {
		t.Parallel()
		test(t, folderURL(t))
	})
	t.Run("S3", func(t *testing.T) {
		t.Parallel()
		test(t, replicatest.Start(t).ReplicaURL("a/b"))
	})
}

func TestALostMachineComesBack(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, url string) {
		first := newServer(t, url)
		first.firstStart()
		rows := first.write(100)
		must(t, first.replica.Replicated(t.Context()))
		if got := first.replica.Status(); got.Critical.Confirmed != 1 || got.Critical.Missed != 0 {
			t.Errorf("critical writes: %+v", got.Critical)
		}
		first.crash()

		second := newServer(t, url)
		second.start()
		second.has(rows)
		more := second.write(50)
		must(t, second.stop())

		third := newServer(t, url)
		third.start()
		third.has(more)
		must(t, third.stop())
	})
}

// TestARestartCopiesWhatIsNew: Litestream alone copies the whole database at most
// starts, and until that is done nothing else is copied.
func TestARestartCopiesWhatIsNew(t *testing.T) {
	t.Parallel()
	copyTo := filepath.Join(t.TempDir(), "copy")
	s := newServer(t, "file://"+copyTo)
	files := func() map[string]int64 {
		found, err := filepath.Glob(filepath.Join(copyTo, "ltx", "0", "*.ltx"))
		must(t, err)
		sizes := map[string]int64{}
		for _, f := range found {
			sizes[filepath.Base(f)] = sizeOf(f)
		}
		return sizes
	}
	s.firstStart()
	s.write(3000)
	s.synced()
	for round := range 3 {
		must(t, s.stop())
		before := files()
		s.start()
		s.write(1)
		s.synced()
		for name, size := range files() {
			if _, old := before[name]; !old && size > sizeOf(s.options.Database)/10 {
				t.Errorf("restart %d: %s holds %d bytes, of a database of %d", round, name, size, sizeOf(s.options.Database))
			}
		}
	}
	must(t, s.stop())
}
