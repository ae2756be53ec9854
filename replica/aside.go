// What was set aside: nothing of it is ever deleted by this program.

package replica

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Aside is one folder of files that were set aside.
type Aside struct {
	Folder   string
	Bytes    int64
	Database bool // it holds a whole database, which may have what no other copy has
}

// SetAside lists what lies set aside in a data folder, the oldest first.
func SetAside(dataDir string) (all []Aside, err error) {
	root := filepath.Join(dataDir, asideFolder)
	folders, err := os.ReadDir(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, folder := range folders {
		a := Aside{Folder: filepath.Join(root, folder.Name())}
		err = errors.Join(err, filepath.WalkDir(a.Folder, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			info, err := entry.Info()
			if err == nil {
				a.Bytes += info.Size()
				a.Database = a.Database || (strings.HasSuffix(path, ".db") && info.Size() > 0)
			}
			return err
		}))
		all = append(all, a)
	}
	return all, err
}
