package dashboard

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

// unpacked is an answer with the texts of the archive in place of its bytes, when it is one.
func unpacked(t *testing.T, p page) page {
	t.Helper()
	if p.Header.Get("Content-Type") != "application/zip" {
		return p
	}
	texts, err := storetest.ReadArchive([]byte(p.Body))
	if err != nil {
		t.Fatalf("the answer is no archive: %v", err)
	}
	var all strings.Builder
	for name, text := range texts {
		all.WriteString(name + "\n" + text)
	}
	p.Body = all.String()
	return p
}

// actionsOf are the names in the org's audit log, the newest first.
func actionsOf(t *testing.T, org *store.Org) (names []string) {
	t.Helper()
	entries, _, err := org.ListAudit(t.Context(), store.AuditFilter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Action)
	}
	return names
}

// TestAnOwnerTakesTheOrgsData: the archive is that of the store, named and audited, and holds nothing of the neighbour.
func TestAnOwnerTakesTheOrgsData(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := others(t, w)
	owner := w.owner(t, a)
	wantPage(t, owner.get("/export"), 200, "No secrets are in it", "members.json", "audit_log.json", "README.txt")
	p := owner.submit("/export", "/export", nil)
	for name, want := range map[string]string{
		"Content-Type": "application/zip", "Content-Disposition": `attachment; filename="harbour-stays-2026-11-23.zip"`, "Cache-Control": "no-store", "Content-Encoding": "", "Content-Length": "",
	} {
		if got := p.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	texts, err := storetest.ReadArchive([]byte(p.Body))
	if err != nil || p.StatusCode != 200 || len(texts) != len(store.ExportContents())+1 {
		t.Fatalf("%s, %d files, %v", p.Status, len(texts), err)
	}
	for name, want := range map[string]string{
		"README.txt": "org Harbour Stays (" + a.Org.ID() + ")", "members.json": a.Email, "api_keys.json": a.Key.ID, "connection.json": "99001", "audit_log.json": `"org.exported"`,
	} {
		if !strings.Contains(texts[name], want) {
			t.Errorf("%s lacks %q:\n%s", name, want, texts[name])
		}
	}
	wantNot(t, unpacked(t, p), marker, b.Org.ID(), b.Email, accountSecret, a.APIKey.Reveal(), a.Password.Reveal())
	entries, _, err := a.Org.ListAudit(t.Context(), store.AuditFilter{Limit: 1})
	if err != nil || entries[0].Action != "org.exported" || entries[0].Actor.Kind != store.ActorMember || entries[0].Actor.ID == "" || entries[0].Detail != "harbour-stays-2026-11-23.zip" {
		t.Errorf("the audit log: %+v, %v", entries, err)
	}
	wantPage(t, owner.get("/"), 200, "took the org&#39;s data along:")
	if got := actionsOf(t, b.Org); strings.Contains(strings.Join(got, " "), "export") {
		t.Errorf("the neighbour's log: %v", got)
	}
}

// TestExportWorksInEveryState of the plan, also where nobody pays, and without a connection.
func TestExportWorksInEveryState(t *testing.T) {
	t.Parallel()
	w, bills, _ := billed(t)
	fix := storetest.Org(t, w.store, "Öresund ☼") // never connected
	owner := w.owner(t, fix)
	for state := range planWords {
		bills.set(fix.Org, func(o *BillingOverview) { o.State = state })
		wantPage(t, owner.get("/export"), 200, "Download archive")
		p := owner.submit("/export", "/export", nil)
		wantPage(t, unpacked(t, p), 200, fix.Org.ID(), fix.Email)
		if got := p.Header.Get("Content-Disposition"); !strings.Contains(got, `filename="resund-2026-`) {
			t.Errorf("the file is %s", got)
		}
		w.clock.Advance(exportsWindow)
	}
}

// TestOnlyOwnersExport: not even an admin, who manages all the rest.
func TestOnlyOwnersExport(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fix := storetest.Org(t, w.store, "Harbour Stays")
	for _, role := range []store.Role{store.RoleAdmin, store.RoleMember} {
		b := w.member(t, fix, role)
		token := b.token("/keys")
		wantNot(t, b.get("/"), `href="/export"`)
		wantPage(t, b.get("/export"), 403, "Only owners of this org may do this.", "Ask an owner of the org.")
		wantPage(t, b.post("/export", url.Values{"csrf": {token}}), 403, "Only owners of this org may do this.")
	}
	if got := actionsOf(t, fix.Org); strings.Contains(strings.Join(got, " "), "export") {
		t.Errorf("the log: %v", got)
	}
	wantPage(t, w.owner(t, fix).get("/"), 200, `href="/export"`)
}

func TestExportsAreLimitedPerOrg(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := storetest.Org(t, w.store, "Harbour Stays"), storetest.Org(t, w.store, "Alpine Lets")
	owner := w.owner(t, a)
	token := url.Values{"csrf": {owner.token("/export")}}
	for range exportsMost {
		wantPage(t, unpacked(t, owner.post("/export", token)), 200)
		w.clock.Advance(time.Minute)
	}
	p := owner.post("/export", token)
	wantPage(t, p, 429, "Too many exports", "Wait 55 min", "Request id")
	if got := p.Header.Get("Retry-After"); got != "3300" {
		t.Errorf("Retry-After: %q", got)
	}
	if n := strings.Count(strings.Join(actionsOf(t, a.Org), " "), "org.exported"); n != exportsMost {
		t.Errorf("%d exports are in the log, and %d were made", n, exportsMost)
	}
	wantPage(t, unpacked(t, w.owner(t, b).submit("/export", "/export", nil)), 200)
	w.clock.Advance(55 * time.Minute)
	wantPage(t, unpacked(t, owner.post("/export", token)), 200)
}

// TestTurnsAreFewAtOnce: one of an org, and so many of all orgs together.
func TestTurnsAreFewAtOnce(t *testing.T) {
	t.Parallel()
	l := newExportTurns(func() time.Time { return noon })
	told := func(err error) string {
		var p *problem
		if !errors.As(err, &p) {
			return ""
		}
		return p.Message
	}
	for _, step := range []struct{ begin, end, want string }{
		{begin: "a"},
		{begin: "a", want: l.words.Running},
		{begin: "b"},
		{begin: "c", want: l.words.Busy},
		{end: "a"},
		{begin: "c"},
		{begin: "a", want: l.words.Busy},
		{end: "b"},
		{begin: "a"},
	} {
		if step.end != "" {
			l.end(step.end)
			continue
		}
		if got := told(l.begin(step.begin)); got != step.want {
			t.Errorf("%+v: told %q", step, got)
		}
	}
	if n := len(l.orgs["c"].begun); n != 1 {
		t.Errorf("a refused turn is counted: %d", n)
	}
}

// longLog fills the org's log until an archive is larger than all buffers on the way to its reader.
func longLog(t *testing.T, fix storetest.Fixture) {
	t.Helper()
	calls := someCalls(fix.Key, 100)
	for i := range calls {
		calls[i].Arguments = json.RawMessage(`"` + base64.RawURLEncoding.EncodeToString(randomBytes(1000)) + `"`) // does not compress
	}
	record(t, fix.Org, calls)
}

// smallWindow is a connection on which little is under way that was not read.
func smallWindow(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	tcp, _ := conn.(*net.TCPConn)
	return conn, tcp.SetReadBuffer(4 << 10)
}

// TestAnExportThatIsLeftEnds: its place is free again, and the log says that no whole archive was handed out.
func TestAnExportThatIsLeftEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fix := storetest.Org(t, w.store, "Harbour Stays")
	longLog(t, fix)
	owner := w.owner(t, fix)
	whole := owner.submit("/export", "/export", nil)
	wantPage(t, unpacked(t, whole), 200, fix.Org.ID())
	if len(whole.Body) < 1<<20 {
		t.Fatalf("%d bytes pass whether they are read or not", len(whole.Body))
	}
	ctx, leave := context.WithCancel(t.Context())
	form := url.Values{"csrf": {owner.token("/export")}}
	req, err := http.NewRequestWithContext(ctx, "POST", w.server.URL+"/export", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	slow := &http.Client{Jar: owner.client.Jar, Transport: &http.Transport{DialContext: smallWindow}}
	res, err := slow.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.ReadFull(res.Body, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	leave()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if got := actionsOf(t, fix.Org)[0]; got == "org.export_failed" {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("the newest entry is %s (%d bytes in all)", got, len(whole.Body))
		}
	}
	wantPage(t, unpacked(t, owner.submit("/export", "/export", nil)), 200, fix.Org.ID(), "org.export_failed")
	if log := w.log.String(); strings.Contains(log, "export failed") {
		t.Errorf("that a reader left is logged as an error: %s", log)
	}
}

// TestAnExportThatFailsIsSaidInWords as long as nothing was sent.
func TestAnExportThatFailsIsSaidInWords(t *testing.T) {
	t.Parallel()
	cause := errors.New("disk I/O error")
	for name, write := range map[string]func(io.Writer) error{
		"failed": func(io.Writer) error { return cause },
		"panic": func(io.Writer) (err error) {
			defer recovered(&err)
			panic(cause)
		},
	} {
		d := newDownload(write)
		if err := d.begun(); err == nil || !strings.Contains(err.Error(), cause.Error()) {
			t.Errorf("%s: %v", name, err)
		}
		<-d.done
	}
}

// TestBridgeBreaksOffWhatFailed: a stream that fails in the middle ends in an error for its reader, who would take a well ended part
// for the whole.
func TestBridgeBreaksOffWhatFailed(t *testing.T) {
	t.Parallel()
	app := newApp()
	app.Get("/:how", func(c *fiber.Ctx) error {
		whole := c.Params("how") == "whole"
		d := newDownload(func(w io.Writer) error {
			if _, err := w.Write(make([]byte, 3*pieceSize)); err != nil || whole {
				return err
			}
			return os.ErrDeadlineExceeded
		})
		if err := d.begun(); err != nil {
			return err
		}
		return c.SendStream(d)
	})
	srv := serveApp(t, app)
	srv.Config.ErrorLog = nil
	for how, want := range map[string]error{"whole": nil, "part": io.ErrUnexpectedEOF} {
		res, err := http.DefaultClient.Do(request(t, "GET", srv.URL+"/"+how, ""))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if !errors.Is(err, want) || len(body) != 3*pieceSize || res.StatusCode != 200 {
			t.Errorf("%s: %s, %d bytes, %v", how, res.Status, len(body), err)
		}
	}
}
