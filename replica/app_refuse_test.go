package replica

// app_refuse_test.go sees that a start that is refused changed nothing, here or there.

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
)

// seen is what stands in the replica, of a bucket our small objects only, and every
// file of the data folder. Not the lock, the test's own file, and the index of the log,
// which every reader makes anew.
func (s *server) seen() map[string]string {
	s.t.Helper()
	seen := map[string]string{}
	folders := map[string]string{"here": s.options.DataDir}
	if s.options.target.s3 == nil {
		folders["there"] = s.options.target.folder
	}
	for side, folder := range folders {
		_ = filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error { // there may be none
			if err == nil && entry.Type().IsRegular() && entry.Name() != lockFileName && entry.Name() != "node" && !strings.HasSuffix(path, "-shm") {
				text, err := os.ReadFile(path)
				must(s.t, err)
				seen[side+path] = string(text)
			}
			return nil
		})
	}
	objects := newStorage(s.options.Settings, s.options.Credentials).objects
	for _, name := range []string{leaseObject, installationObject} {
		found, err := objects.get(s.t.Context(), name)
		if err == nil {
			seen[name] = string(found.data)
		} else if !errors.Is(err, errNoObject) {
			break // the storage is away, which takes seconds to find out
		}
	}
	return seen
}

// refuses opens the replica, which must not begin, and must leave both sides as they
// were, and the lease.
func (s *server) refuses(kind Kind, says string) {
	s.t.Helper()
	before := s.seen()
	err := s.open()
	if err == nil {
		s.t.Fatal("it was opened")
	}
	if kindOf(err) != kind || !strings.Contains(err.Error(), says) {
		s.t.Errorf("refused with %v; want %s: %s", err, kind, says)
	}
	after := s.seen()
	if diff := cmp.Diff(slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(after))); diff != "" {
		s.t.Errorf("other files (-before +after):\n%s", diff)
	}
	for name, text := range after {
		if before[name] != text {
			s.t.Errorf("%s was changed", name)
		}
	}
}
