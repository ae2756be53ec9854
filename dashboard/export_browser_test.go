package dashboard

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	chromium "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"hostaway-mcp/store/storetest"
)

// downloadsTo lets the browser keep what it downloads in a folder.
func (x *window) downloadsTo(folder string) {
	x.t.Helper()
	c := chromedp.FromContext(x.ctx)
	params := chromium.SetDownloadBehaviorParams{Behavior: chromium.SetDownloadBehaviorBehaviorAllow, BrowserContextID: c.BrowserContextID, DownloadPath: folder}
	if _, err := cdp.Call(x.ctx, c.Browser, chromium.SetDownloadBehavior, params); err != nil {
		x.t.Fatalf("let the browser download: %v", err)
	}
}

// downloaded waits for a whole file in the folder. A browser writes to another name until it has all.
func (x *window) downloaded(file string) []byte {
	x.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if raw, err := os.ReadFile(file); err == nil {
			return raw
		}
	}
	there, _ := filepath.Glob(filepath.Join(filepath.Dir(file), "*"))
	x.t.Fatalf("%s was not downloaded; there are %q", file, there)
	return nil
}

// TestExportByKeyboard: to the page, to the button, and the archive is there once, though the key was pressed twice. The page stays,
// and can be used again.
func TestExportByKeyboard(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fix := storetest.Org(t, w.store, "Harbour Stays")
	x, folder := w.window(t).use(w.owner(t, fix)), t.TempDir()
	x.downloadsTo(folder)
	x.look(false, 1440)
	x.open("/")
	x.press("g", "e")
	x.await("the page is there", `location.pathname === "/export" && document.readyState === "complete"`)
	x.do("start from the content", chromedp.Evaluate[chromedp.Void](`document.querySelector("#main").focus(); undefined`))
	x.press(kb.Tab)
	if got := x.focused(); !strings.Contains(got, "Download archive") {
		t.Fatalf("the focus is on %q, want the button", got)
	}
	x.press(kb.Enter, kb.Enter)
	texts, err := storetest.ReadArchive(x.downloaded(filepath.Join(folder, "harbour-stays-2026-11-23.zip")))
	if err != nil || !strings.Contains(texts["members.json"], fix.Email) {
		t.Errorf("%v, %v", texts["members.json"], err)
	}
	x.await("the button can be used again", `location.pathname === "/export" && !document.querySelector("[aria-busy]")`)
	if files, err := os.ReadDir(folder); err != nil || len(files) != 1 {
		t.Errorf("downloaded: %v, %v", files, err)
	}
	if n := strings.Count(strings.Join(actionsOf(t, fix.Org), " "), "export"); n != 1 {
		t.Errorf("%d entries in the log, want one", n)
	}
}
