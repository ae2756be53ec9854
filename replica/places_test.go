package replica

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestPlacesThatMakeTheCopyWorthlessAreRefused(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	data := filepath.Join(home, "data")
	must(t, os.MkdirAll(filepath.Join(data, "inner"), 0o700))
	must(t, os.Symlink(data, filepath.Join(home, "link")))
	must(t, os.Mkdir(filepath.Join(home, "a#b"), 0o700))
	for name, tt := range map[string]struct{ data, url, says string }{
		"inside":                   {data, "file://" + data + "/copy", "lies in the data folder"},
		"the same":                 {data, "file://" + data, "lies in the data folder"},
		"inside, by a link":        {data, "file://" + home + "/link/not/there/yet", "lies in the data folder"},
		"around":                   {data, "file://" + home, "holds the data folder"},
		"around, by a link":        {filepath.Join(home, "link", "inner"), "file://" + data, "holds the data folder"},
		"beside":                   {data, "file://" + home + "/data-copy", ""},
		"a path that is cut short": {filepath.Join(home, "a#b"), "file://" + home + "/copy", "holds #, ? or %"},
		"with a question mark":     {filepath.Join(home, "a?b"), "file://" + home + "/copy", "holds #, ? or %"},
		"with a percent sign":      {filepath.Join(home, "a%20b"), "file://" + home + "/copy", "holds #, ? or %"},
	} {
		must(t, os.MkdirAll(tt.data, 0o700))
		s := serverIn(t, tt.data, tt.url)
		err := s.options.check()
		if (err == nil) != (tt.says == "") || (err != nil && (kindOf(err) != BadSettings || !strings.Contains(err.Error(), tt.says))) {
			t.Errorf("%s: %v", name, err)
		}
		if _, look := Look(t.Context(), s.options); (kindOf(look) == BadSettings) != (tt.says != "") {
			t.Errorf("%s: looked at: %v", name, look)
		}
	}
}

func TestAFileThatCopiesAnotherDatabaseIsRefusedByTheCommandsToo(t *testing.T) {
	t.Parallel()
	s := newServer(t, "file://"+t.TempDir())
	other := filepath.Join(t.TempDir(), "other.db")
	s.options.Database = other
	_, look := Look(t.Context(), s.options)
	_, verify := Verify(t.Context(), s.options)
	_, restore := Restore(t.Context(), s.options, RestoreOptions{To: filepath.Join(t.TempDir(), "back.db")})
	for _, err := range []error{look, verify, restore, s.open()} {
		if kindOf(err) != BadSettings || !strings.Contains(err.Error(), other) || !strings.Contains(err.Error(), s.options.DatabasePath()) {
			t.Errorf("%v", err)
		}
	}
}

func TestAnEmptyFileIsNoDatabase(t *testing.T) {
	t.Parallel()
	url := folderURL(t)
	s, rows := copied(t, url, 50)
	must(t, os.WriteFile(s.options.Database, nil, 0o600))
	s.start()
	s.has(rows)
	must(t, s.stop())
}

// TestAForeignDatabaseDoesNotWait for the server of another installation to end.
func TestAForeignDatabaseDoesNotWait(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, url string) {
		s, _ := copying(t, url, 3)
		eventually(t, "its mark is there", func() bool {
			id, err := readInstallation(t.Context(), s.replica.storage.objects)
			return err == nil && id == testInstallation
		})
		stray := foreign(t, url)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if _, err := open(ctx, stray.options, stray.pace); kindOf(err) != WrongReplica || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		must(t, s.stop())
	})
}
