package e2e

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"
)

// takesData is an owner who downloads the org's archive, whatever is the matter with the org: it is theirs, and nothing of the org
// whose Hostaway account they have now is in it.
func (p *paying) takesData() {
	p.t.Helper()
	folder := p.t.TempDir()
	c := chromedp.FromContext(p.ctx)
	_, err := cdp.Call(p.ctx, c.Browser, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllow, BrowserContextID: c.BrowserContextID, DownloadPath: folder,
	})
	must(p.t, err)
	p.open("/export")
	p.picture("6-export")
	p.click(`form[action="/export"] button`)
	texts := readArchive(p.t, waitForFile(p.t, filepath.Join(folder, "bravo-homes-20??-??-??.zip")))
	for name, want := range map[string]string{
		"README.txt": other().org, "members.json": other().email, "billing.json": `"access": "suspended"`, "listing_counts.json": `"complete": 1`, "audit_log.json": `"org.exported"`,
	} {
		if !strings.Contains(texts[name], want) {
			p.t.Errorf("%s lacks %s: %s", name, want, clip(texts[name]))
		}
	}
	for name, text := range texts {
		for _, bad := range []string{owner().org, owner().email, owner().name, firstSecret, other().password, stripeKey, webhookSecret} {
			if strings.Contains(text, bad) {
				p.t.Errorf("%s holds %q", name, bad)
			}
		}
	}
}

// waitForFile waits until the browser has all of the one file of this form: until then it has another name.
func waitForFile(t *testing.T, pattern string) string {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		found, err := filepath.Glob(pattern)
		must(t, err)
		if len(found) == 1 {
			return found[0]
		}
	}
	there, _ := filepath.Glob(filepath.Join(filepath.Dir(pattern), "*"))
	t.Fatalf("%s was not downloaded; there are %q", filepath.Base(pattern), there)
	return ""
}
