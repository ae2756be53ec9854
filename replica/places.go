// Where the database, the data folder and the replica lie: places that would make
// the copy worthless are refused before anything is begun.

package replica

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// checkPlaces finds what must not be. Errors: *Problem.
func (o Options) checkPlaces() error {
	database := absolute(o.Database)
	if o.DatabasePath() != database {
		return badFile(0, fmt.Sprintf("copies %s, and the database is %s", o.DatabasePath(), database), "write path: ${HMCP_DATA_DIR}/"+filepath.Base(o.Database))
	}
	// Litestream opens the file as an address, in which these begin something else.
	if strings.ContainsAny(database, "#?%") {
		return &Problem{
			Kind: BadSettings, What: fmt.Sprintf("the path of the database, %s, holds #, ? or %%, which Litestream can't open", database),
			Do: "keep the data folder under a path without these (HMCP_DATA_DIR)",
		}
	}
	return o.checkFolder()
}

// checkFolder keeps a replica that is a folder apart from the data folder.
func (o Options) checkFolder() error {
	if o.target.folder == "" {
		return nil
	}
	data, folder := resolved(absolute(o.DataDir)), resolved(o.target.folder)
	var why string
	switch {
	case isBelow(folder, data):
		why = "lies in the data folder"
	case isBelow(data, folder):
		why = "holds the data folder"
	default:
		return nil
	}
	return badAddress(fmt.Sprintf("%s (%s and %s), so it would be lost together with that", why, o.target.folder, o.DataDir),
		"name a folder on another disk, or better a bucket")
}

// isBelow tells whether a path is a folder, or somewhere in it.
func isBelow(path, folder string) bool {
	to, err := filepath.Rel(folder, path)
	return err == nil && to != ".." && !strings.HasPrefix(to, ".."+string(filepath.Separator))
}

// resolved is a path without symbolic links, as far as it is there.
func resolved(path string) string {
	real, err := filepath.EvalSymlinks(path)
	if err == nil {
		return real
	}
	parent := filepath.Dir(path)
	if parent == path {
		return path
	}
	return filepath.Join(resolved(parent), filepath.Base(path))
}

// check finds what main must have got wrong, too.
func (o Options) check() error {
	if err := o.checkPlaces(); err != nil {
		return err
	}
	if o.Node == "" || o.Installation == nil || o.Pause == nil {
		return errors.New("open the replica: Node, Installation and Pause are required")
	}
	return nil
}
