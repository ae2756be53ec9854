// An org's archive: the exported files in a zip, with a README that says what they
// are. The command of the operator and the page of the owner both write this one.

package store

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"strings"
	"time"
)

// Export writes everything of the org to w as a zip archive, as of one moment, and
// tells what it wrote. madeBy names the program in the README. Memory stays small
// however much there is; while it runs, the -wal can't begin anew. After an error
// what was written lacks the list of files at its end, so that no program takes it
// for a whole archive.
func (o *Org) Export(ctx context.Context, w io.Writer, madeBy string) ([]ExportedFile, error) {
	archive, now := zip.NewWriter(w), o.store.now()
	create := func(name string) (io.Writer, error) {
		return archive.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: now})
	}
	files, err := o.exportFiles(ctx, create)
	if err != nil {
		return nil, err
	}
	about, err := create("README.txt")
	if err == nil {
		_, err = io.WriteString(about, exportReadme(o, files, madeBy, now))
	}
	if err == nil {
		err = archive.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("export the org: end the archive: %w", err)
	}
	return files, nil
}

// ExportContents lists the files of every export and what is in them, in their
// order and without numbers of rows.
func ExportContents() []ExportedFile {
	var files []ExportedFile
	for _, e := range (orgDoor{}).exports() {
		files = append(files, ExportedFile{Name: e.file, About: e.about})
	}
	return files
}

func exportReadme(org *Org, files []ExportedFile, madeBy string, now time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Everything that this server held of the org %s (%s)\nas of %s, written by %s.\n\n", org.Name(), org.ID(), now.Format(time.RFC3339), madeBy)
	b.WriteString("Each file is a JSON list with one object a line. Times are in UTC.\n\n")
	for _, f := range files {
		fmt.Fprintf(&b, "%-20s %7d rows   %s\n", f.Name, f.Rows, f.About)
	}
	b.WriteString("\nNot in here: the secrets of API keys (only their hashes were kept), the secret of the\n" +
		"Hostaway connection (sealed with the server's key), passwords and sessions, which belong\n" +
		"to people and not to the org. Data of Hostaway itself is not kept by the server; export it there.\n")
	return b.String()
}
