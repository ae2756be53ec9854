// The archive of an org: a zip with a README, and nothing that opens after a failure.

package store

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestExport(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	st := openAt(t, &now)
	p := newParty(t, st, "Acme", 710001)
	newParty(t, st, victim, 820002)
	o := &Org{store: st, id: p.org, name: "Acme"}
	var raw bytes.Buffer
	files, err := o.Export(t.Context(), &raw, "the test")
	if err != nil {
		t.Fatal(err)
	}
	archive, err := zip.NewReader(bytes.NewReader(raw.Bytes()), int64(raw.Len()))
	if err != nil {
		t.Fatal(err)
	}
	_, plain := exportOf(t, o)
	var names []string
	for _, f := range archive.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil || !f.Modified.Equal(now) {
			t.Errorf("%s, of %s: %v", f.Name, f.Modified, err)
		}
		names = append(names, f.Name)
		if f.Name != "README.txt" && string(text) != plain[f.Name] {
			t.Errorf("%s differs:\n%s\n%s", f.Name, text, plain[f.Name])
			continue
		}
		for _, f := range files {
			if names[len(names)-1] == "README.txt" && !strings.Contains(string(text), f.Name) {
				t.Errorf("the README does not tell of %s", f.Name)
			}
		}
	}
	var promised []string
	for _, f := range ExportContents() {
		if f.About == "" || f.Rows != 0 {
			t.Errorf("%+v", f)
		}
		promised = append(promised, f.Name)
	}
	if !slices.Equal(names, append(promised, "README.txt")) || len(files) != len(promised) {
		t.Errorf("the archive holds %v, promised are %v", names, promised)
	}
}

// cutting takes so many bytes and then fails.
type cutting struct {
	bytes.Buffer
	most int
}

var errCut = errors.New("the line is cut")

func (c *cutting) Write(p []byte) (int, error) {
	if c.Len()+len(p) > c.most {
		return 0, errCut
	}
	return c.Buffer.Write(p)
}

// Wherever it breaks off, what was written is no archive.
func TestABrokenExportIsNoArchive(t *testing.T) {
	t.Parallel()
	st := freshStore(t)
	p := newParty(t, st, "Acme", 1)
	fill(t, st, p.org, 3000, time.Now())
	o := &Org{store: st, id: p.org}
	var whole bytes.Buffer
	if _, err := o.Export(t.Context(), &whole, "the test"); err != nil {
		t.Fatal(err)
	}
	for most := 0; most < whole.Len(); most += max(1, whole.Len()/40) {
		c := &cutting{most: most}
		if _, err := o.Export(t.Context(), c, "the test"); !errors.Is(err, errCut) {
			t.Fatalf("cut after %d of %d bytes: %v", most, whole.Len(), err)
		}
		if _, err := zip.NewReader(bytes.NewReader(c.Bytes()), int64(c.Len())); err == nil {
			t.Errorf("what was written up to %d of %d bytes opens as an archive", c.Len(), whole.Len())
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var begun bytes.Buffer
	if _, err := o.Export(ctx, &begun, "the test"); !errors.Is(err, context.Canceled) || begun.Len() > 0 {
		t.Errorf("for nobody: %v, %d bytes", err, begun.Len())
	}
}
