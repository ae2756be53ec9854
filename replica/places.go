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
	if err := o.checkCredentials(); err != nil {
		return err
	}
	return o.checkFolder()
}

// checkCredentials refuses two of them: those in the file or the address would be used,
// and the settings would be lost without a word.
func (o Options) checkCredentials() error {
	b, c := o.target.s3, o.Credentials
	if b == nil || (b.accessKeyID == "" && b.secretAccessKey == "") || (c.AccessKeyID == "" && c.SecretAccessKey.IsZero()) {
		return nil
	}
	if b.accessKeyID == c.AccessKeyID && b.secretAccessKey == c.SecretAccessKey.Reveal() {
		return nil
	}
	return &Problem{
		Kind: BadSettings, What: "the replica's credentials stand twice and differ: in its address or litestream.yml, and in HMCP_REPLICA_ACCESS_KEY_ID with HMCP_REPLICA_SECRET_ACCESS_KEY",
		Do: "keep the settings, and take them out of the address and the file",
	}
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
