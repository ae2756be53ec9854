package e2e

import (
	"context"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// chromium is shared by the tests that need one; it starts with the first.
var chromium struct {
	once  sync.Once
	ctx   context.Context
	close func()
	err   error
}

func closeBrowser() {
	if chromium.close != nil {
		chromium.close()
	}
}

// tab opens a private tab, and fails the test on any error in its console.
// Without Chromium the test is skipped, except where one is required.
func tab(t *testing.T) context.Context {
	t.Helper()
	return tabFor(t, patience)
}

// tabFor is a tab for a journey that takes longer.
func tabFor(t *testing.T, most time.Duration) context.Context {
	t.Helper()
	path := chromiumPath()
	if path == "" {
		if os.Getenv("REQUIRE_BROWSER") == "1" || os.Getenv("CI") == "true" {
			t.Fatal("no Chromium found, and this run requires one")
		}
		t.Skip("no Chromium found")
	}
	chromium.once.Do(func() { startBrowser(path) })
	if chromium.err != nil {
		t.Fatal(chromium.err)
	}
	ctx, cancel := chromedp.NewContext(chromium.ctx, chromedp.WithNewBrowserContext())
	ctx, cancelTime := context.WithTimeout(ctx, most)
	messages := chromedp.Console(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for m, err := range messages {
			if err != nil {
				return
			}
			if m.IsException() || m.Type == "error" {
				t.Errorf("console: %s %s:%d", m.Text, m.URL, m.Line)
			}
		}
	}()
	t.Cleanup(func() { cancelTime(); cancel(); <-done })
	return ctx
}

func chromiumPath() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

func startBrowser(path string) {
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WindowSize(1280, 900),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	allocator, endAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, endBrowser := chromedp.NewContext(allocator)
	chromium.ctx, chromium.err = ctx, chromedp.Do(ctx)
	chromium.close = func() { endBrowser(); endAllocator() }
}

// Sign up, connect, make a key, paste its curl line, and see the call.
func TestAPersonGetsGoingInABrowser(t *testing.T) {
	t.Parallel()
	ctx := tab(t)
	s := newServer(t, newUpstream(t, nil)).run(t)
	me := owner()
	steps(ctx, t, "sign up",
		chromedp.Navigate(s.setUpLink()),
		chromedp.SendKeys(chromedp.CSS(`input[name=org]`), me.org),
		chromedp.SendKeys(chromedp.CSS(`input[name=person]`), me.name),
		chromedp.SendKeys(chromedp.CSS(`input[name=email]`), me.email),
		chromedp.SendKeys(chromedp.CSS(`input[name=password]`), me.password),
		chromedp.Click(chromedp.CSS(`form button.primary`)),
		chromedp.WaitVisible(chromedp.CSS(`a[href="/connection"]`)),
	)
	steps(ctx, t, "connect",
		chromedp.Navigate(s.base+"/connection"),
		chromedp.SendKeys(chromedp.ID("account"), strconv.Itoa(firstAccount)),
		chromedp.SendKeys(chromedp.ID("secret"), firstSecret),
		chromedp.Click(chromedp.CSS(`form[action="/connection"] button.primary`)),
		chromedp.WaitVisible(chromedp.CSS(`span.state`)),
	)
	steps(ctx, t, "create a key",
		chromedp.Navigate(s.base+"/keys"),
		chromedp.Click(chromedp.CSS(`a[href="/keys/new"]`)),
		chromedp.WaitVisible(chromedp.ID("key-name")),
		chromedp.SendKeys(chromedp.ID("key-name"), "Laptop"),
		chromedp.Click(chromedp.CSS(`form[action="/keys"] button.primary`)),
		// The page before has a curl line too, without a key in it.
		chromedp.WaitReady(chromedp.CSS("#key")),
		chromedp.WaitReady(chromedp.ID("s-curl")),
	)
	line, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.querySelector("#s-curl").textContent`))
	must(t, err)
	out, err := exec.CommandContext(ctx, "bash", "-c", strings.TrimSpace(line)).CombinedOutput()
	if err != nil || !strings.Contains(string(out), me.org) {
		t.Fatalf("%s: %v %s", line, err, out)
	}
	steps(ctx, t, "see the call", chromedp.Navigate(s.base+"/usage"))
	body, err := chromedp.Run(ctx, chromedp.Text(chromedp.CSS("main")))
	if err != nil || !strings.Contains(body, "hostaway_whoami") {
		t.Errorf("the usage page does not show the call: %v %s", err, body)
	}
}

func steps(ctx context.Context, t *testing.T, what string, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, actions...); err != nil {
		body, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`document.body.innerText`))
		t.Fatalf("%s: %v\n%s", what, err, clip(body))
	}
}
