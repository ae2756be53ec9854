// Tabs of the browser go from test to test: a profile and a process for each window took longer than most tests.
package dashboard

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"
)

// tab has a profile of its own, so that tests beside each other don't share cookies.
type tab struct {
	ctx   context.Context
	close func()
}

// freeTabs are those that no test uses now.
var freeTabs struct {
	mu   sync.Mutex
	tabs []tab
}

// takeTab is a tab whose profile is empty.
func takeTab(t *testing.T) tab {
	t.Helper()
	if free, ok := nextFreeTab(); ok {
		return free
	}
	ctx, cancel := chromedp.NewContext(chrome.ctx, chromedp.WithNewBrowserContext())
	if err := chromedp.Do(ctx); err != nil { // opens it, for longer than this test
		cancel()
		t.Fatalf("open a tab: %v", err)
	}
	return tab{ctx, cancel}
}

func nextFreeTab() (tab, bool) {
	freeTabs.mu.Lock()
	defer freeTabs.mu.Unlock()
	last := len(freeTabs.tabs) - 1
	if last < 0 {
		return tab{}, false
	}
	free := freeTabs.tabs[last]
	freeTabs.tabs = freeTabs.tabs[:last]
	return free, true
}

// leaveTab makes the tab as it was before the test, which looked at pages of origin. One that can't be made so is closed.
func leaveTab(t *testing.T, used tab, origin string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(used.ctx, 20*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx,
		chromedp.Evaluate[chromedp.Void](`try { sessionStorage.clear() } catch {}; undefined`),
		chromedp.Navigate("about:blank"), // before the rest: a page that is still there could store something again
		with(storage.ClearDataForOrigin, storage.ClearDataForOriginParams{Origin: origin, StorageTypes: "all"}),
		with(network.ClearBrowserCookies, cdp.Empty{}),
		with(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{}),
		with(emulation.SetTouchEmulationEnabled, emulation.SetTouchEmulationEnabledParams{}),
		with(emulation.ClearDeviceMetricsOverride, cdp.Empty{}),
		with(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{}),
		with(cdppage.ResetNavigationHistory, cdp.Empty{}),
	); err != nil {
		used.close()
		if !t.Failed() {
			t.Errorf("clean up the tab: %v", err)
		}
		return
	}
	freeTabs.mu.Lock()
	defer freeTabs.mu.Unlock()
	freeTabs.tabs = append(freeTabs.tabs, used)
}

// with calls a command whose answer says nothing.
func with[P any](command cdp.Command[P, cdp.Empty], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, command, params)
		return err
	})
}
