package storetest

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
)

// ReadArchive gives the texts of an org's archive by the names of its files. It
// fails on an archive that is cut off.
func ReadArchive(raw []byte) (map[string]string, error) {
	archive, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		return nil, err
	}
	texts := map[string]string{}
	for _, f := range archive.File {
		r, err := f.Open()
		if err != nil {
			return nil, err
		}
		text, err := io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil {
			return nil, err
		}
		texts[f.Name] = string(text)
	}
	return texts, nil
}
