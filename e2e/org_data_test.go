package e2e

import (
	"archive/zip"
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// An org takes its data and goes, while both orgs call tools all the time: what it
// takes is complete, the other org notices nothing, and nothing of the leaver's
// secrets stays on the disk.
func TestAnOrgTakesItsDataAndGoes(t *testing.T) {
	t.Parallel()
	s, tenants := twoTenants(t)
	leaver, stayer := tenants[1], tenants[0] // the first one's owner is the operator, whose sign-in stays
	busy, stop := context.WithCancel(t.Context())
	defer stop()
	var group sync.WaitGroup
	var stayed atomic.Int64
	group.Go(func() { callOn(busy, leaver.assistant, func(toolAnswer) bool { return true }) })
	group.Go(func() {
		callOn(busy, stayer.assistant, func(a toolAnswer) bool {
			if !a.ok() || bytes.Contains(a.body, []byte(stayer.foreign)) {
				t.Errorf("the other org got %d %s", a.status, a.body)
				return false
			}
			stayed.Add(1)
			return true
		})
	})
	archive := filepath.Join(t.TempDir(), "leaver.zip")
	if code, out, errOut := finish(t, s.env, "export-org", other().org, "--to", archive); code != 0 || !strings.Contains(out, "Wrote ") {
		t.Fatalf("export: %d %s %s", code, out, errOut)
	}
	texts := readArchive(t, archive)
	for name, want := range map[string]string{"members.json": other().email, "audit_log.json": "hostaway_whoami", "api_keys.json": `"second"`, "connection.json": "51002"} {
		if !strings.Contains(texts[name], want) {
			t.Errorf("%s lacks %s", name, want)
		}
	}
	for name, text := range texts {
		if strings.Contains(text, otherSecret) || strings.Contains(text, leaver.key) || strings.Contains(text, owner().email) || strings.Contains(text, firstMarker) {
			t.Errorf("%s holds what it must not", name)
		}
	}
	code, out, errOut := finish(t, s.env, "delete-org", other().org, "--yes", other().org, "--rewrite")
	if code != 0 || !strings.Contains(out, "Deleted "+other().org) {
		t.Fatalf("delete: %d %s %s", code, out, errOut)
	}
	if a, err := leaver.call(t.Context(), "hostaway_whoami", `{}`); err != nil || a.status != http.StatusUnauthorized {
		t.Errorf("the leaver's key: %d %v %s", a.status, err, a.body)
	}
	if p := leaver.visitor.get("/"); p.path == "/" {
		t.Errorf("the leaver's session still opens a page: %s", clip(p.body))
	}
	before := stayed.Load()
	for stayed.Load() < before+3 && !t.Failed() { // it goes on
		stayer.must(t, "hostaway_whoami", `{}`)
	}
	stop()
	group.Wait()
	if code := s.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	for _, mark := range []string{other().email, other().org, other().name, otherMarker} {
		for name, content := range folderFiles(t, s.data) {
			if bytes.Contains(content, []byte(mark)) {
				t.Errorf("%s still holds %q", name, mark)
			}
		}
	}
	if content := folderFiles(t, s.data)["hostaway-mcp.db"]; !bytes.Contains(content, []byte(owner().email)) {
		t.Error("the search does not even find the org that stayed")
	}
}

// callOn calls until ctx ends or judge says that it is enough.
func callOn(ctx context.Context, a *assistant, judge func(toolAnswer) bool) {
	for ctx.Err() == nil {
		answer, err := a.call(ctx, "hostaway_whoami", `{}`)
		if err != nil || !judge(answer) {
			return
		}
	}
}

func readArchive(t *testing.T, path string) map[string]string {
	t.Helper()
	archive, err := zip.OpenReader(path)
	must(t, err)
	defer func() { _ = archive.Close() }()
	texts := map[string]string{}
	for _, f := range archive.File {
		r, err := f.Open()
		must(t, err)
		text, err := io.ReadAll(r)
		must(t, err)
		texts[f.Name] = string(text)
	}
	return texts
}

func folderFiles(t *testing.T, folder string) map[string][]byte {
	t.Helper()
	entries, err := os.ReadDir(folder)
	must(t, err)
	files := map[string][]byte{}
	for _, e := range entries {
		if e.Type().IsRegular() {
			content, err := os.ReadFile(filepath.Join(folder, e.Name()))
			must(t, err)
			files[e.Name()] = content
		}
	}
	return files
}

// The copy on another disk follows all of that: a large log, its deletion in steps,
// pages given back, the file written anew. What it restores is what is here. And a
// command that must wait for the copy does.
func TestTheCopyFollowsAnOrgThatGoes(t *testing.T) {
	t.Parallel()
	copies := t.TempDir()
	s := newServer(t, newUpstream(t, nil), "HMCP_SIGNUP=open", "HMCP_REPLICA_URL=file://"+copies, "HMCP_CRITICAL_WRITES=wait",
		"HMCP_MASTER_KEY=MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
	s.program = start(t, s.env, "serve", "--first-start")
	s.base = s.waitFor(s.errOut, `msg=serving .*url=(\S+)`)
	first := newVisitor(t, s.base)
	first.signUp(s.setUpLink(), owner())
	leaver := newVisitor(t, s.base)
	leaver.signUp("/signup", other())
	key := leaver.createKey("second")
	const calls, callers = 4000, 16
	var left atomic.Int64
	left.Store(calls)
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			callOn(t.Context(), newAssistant(s.base, key), func(a toolAnswer) bool { return a.ok() && left.Add(-1) > 0 })
		})
	}
	group.Wait()
	before := folderFiles(t, s.data)["hostaway-mcp.db"]
	same := func(when string) {
		t.Helper()
		var code int
		var out, errOut string
		for range 10 { // the copy is some tenths of a second behind
			if code, out, errOut = finish(t, s.env, "replica", "verify"); code == 0 && strings.Contains(out, "hold the same") {
				return
			}
		}
		t.Errorf("%s: %d %s %s", when, code, out, errOut)
	}
	same("after many calls")
	code, made, errOut := finish(t, s.env, "admin", "key", "create", owner().org, "by command")
	if code != 0 || !keyText.MatchString(made) {
		t.Errorf("a command that waits for the copy: %d %s", code, errOut)
	}
	for _, more := range []string{"--rewrite=false", "--rewrite=true"} {
		org := map[string]string{"--rewrite=false": other().org, "--rewrite=true": owner().org}[more]
		if code, _, errOut := finish(t, s.env, "delete-org", org, "--yes", org, more); code != 0 {
			t.Fatalf("delete-org %s: %d %s", more, code, errOut)
		}
		same("after delete-org " + more)
	}
	if code := s.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	same("after the end")
	if after := folderFiles(t, s.data)["hostaway-mcp.db"]; len(after) == 0 || len(after) > len(before)*3/4 {
		t.Errorf("the file had %d bytes and has %d: its space was not given back", len(before), len(after))
	}
}
