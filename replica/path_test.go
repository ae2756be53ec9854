package replica

import (
	"os"
	"path/filepath"
	"testing"
)

// TestAPathThatLitestreamMisreads: with one of these characters Litestream would copy a file of another name, without a word.
func TestAPathThatLitestreamMisreads(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a#1", "why?", "50%25"} {
		root := t.TempDir()
		folder := filepath.Join(root, name)
		must(t, os.Mkdir(folder, 0o700))
		s := serverIn(t, folder, folderURL(t))
		s.options.FirstStart = true
		if err := s.open(); kindOf(err) != BadSettings {
			t.Errorf("%s: %v", name, err)
			if err == nil {
				must(t, s.replica.Close(t.Context()))
			}
		}
		if entries, err := os.ReadDir(root); err != nil || len(entries) != 1 {
			t.Errorf("%s: beside the folder are %v (%v)", name, entries, err)
		}
	}
}
