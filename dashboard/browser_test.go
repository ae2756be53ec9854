// A real browser looks at every page: light and dark, wide and narrow. axe finds no fault, the console stays clean (violations of the
// content policy arrive there), nothing scrolls sideways. With HMCP_SCREENSHOTS=folder the pictures are kept.
package dashboard

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// chrome starts the one browser of this package's tests, when the first test wants it.
var chrome struct {
	once   sync.Once
	ctx    context.Context
	cancel func()
	err    error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if chrome.cancel != nil {
		chrome.cancel()
	}
	os.Exit(code)
}

func startChrome() {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
			chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.WindowSize(1440, 900),
			chromedp.Flag("disable-site-isolation-trials", true)) // or each page starts in a process of its own
		allocator, stop := chromedp.NewExecAllocator(context.Background(), opts...)
		ctx, cancel := chromedp.NewContext(allocator)
		chrome.ctx, chrome.cancel = ctx, func() { cancel(); stop() }
		chrome.err = chromedp.Do(ctx)
		return
	}
	chrome.err = fmt.Errorf("no Chromium in PATH")
}

// window is a tab with an empty profile that fails the test on anything in the console.
type window struct {
	t      *testing.T
	w      *world
	ctx    context.Context
	opened atomic.Value // the address that was asked for last

	tolerate  atomic.Value  // a message with this text is no fault
	tolerated chan struct{} // gets a value for each of them
}

func (w *world) window(t *testing.T) *window {
	t.Helper()
	chrome.once.Do(startChrome)
	if chrome.err != nil {
		if os.Getenv("REQUIRE_BROWSER") == "1" || os.Getenv("CI") == "true" {
			t.Fatalf("the browser tests are required: %v", chrome.err)
		}
		t.Skipf("%v: install it, or set REQUIRE_BROWSER=1 to make this a failure", chrome.err)
	}
	tab := takeTab(t)
	ctx, stop := context.WithTimeout(tab.ctx, 2*time.Minute)
	x := &window{t: t, w: w, ctx: ctx, tolerated: make(chan struct{}, 100)}
	x.opened.Store("")
	x.tolerate.Store("")
	messages := chromedp.Console(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for m, err := range messages {
			if err != nil {
				return
			}
			if strings.HasPrefix(m.Text, "Failed to load resource: the server responded with a status of 4") && m.URL == x.opened.Load() {
				continue // the browser notes that the page itself is a problem page
			}
			if text, _ := x.tolerate.Load().(string); text != "" && strings.Contains(m.Text, text) {
				x.tolerated <- struct{}{}
				continue
			}
			if m.IsException() || m.Type == "error" || m.Type == "warning" {
				t.Errorf("console: %s %s:%d", m.Text, m.URL, m.Line)
			}
		}
	}()
	t.Cleanup(func() {
		stop()
		<-done
		leaveTab(t, tab, w.server.URL)
	})
	return x
}

func (x *window) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	x.t.Helper()
	if err := chromedp.Do(x.ctx, steps...); err != nil {
		x.t.Fatalf("%s: %v", what, err)
	}
}

func read[T any](x *window, js string) T {
	x.t.Helper()
	v, err := chromedp.Run(x.ctx, chromedp.Evaluate[T](js, chromedp.EvalAwaitPromise))
	if err != nil {
		x.t.Fatalf("evaluate %.80s: %v", js, err)
	}
	return v
}

func (x *window) open(path string) {
	x.t.Helper()
	x.opened.Store(x.w.server.URL + path)
	x.do("open "+path, chromedp.Navigate(x.w.server.URL+path), chromedp.WaitReady(chromedp.CSS("main")))
}

// await asks until the expression is true; that a page goes away in between is no fault.
func (x *window) await(what, js string) {
	x.t.Helper()
	var value bool
	var err error
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if value, err = chromedp.Run(x.ctx, chromedp.Evaluate[bool](`!!(`+js+`)`)); err == nil && value {
			return
		}
	}
	x.t.Fatalf("wait until %s: %v", what, err)
}

// look sets size and colours.
func (x *window) look(dark bool, width int) {
	x.t.Helper()
	scheme := map[bool]string{true: "dark", false: "light"}[dark]
	media := chromedp.Func(func(ctx context.Context, tg *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
		}})
		return err
	})
	size := chromedp.EmulateViewport(int64(width), 900)
	if width < 500 {
		size = chromedp.EmulateViewport(int64(width), 844, chromedp.EmulateMobile, chromedp.EmulateScale(2))
	}
	x.do("set the size", media, size)
}

// use takes over the cookies of a browser without a window.
func (x *window) use(b *browser) *window {
	x.t.Helper()
	base, err := url.Parse(x.w.server.URL)
	if err != nil {
		x.t.Fatal(err)
	}
	for _, cookie := range b.client.Jar.Cookies(base) {
		x.do("set a cookie", chromedp.Func(func(ctx context.Context, tg *chromedp.Target) error {
			_, err := chromedp.Call(ctx, network.SetCookie, network.SetCookieParams{Name: cookie.Name, Value: cookie.Value, URL: x.w.server.URL, HTTPOnly: new(true)})
			return err
		}))
	}
	return x
}

// picture keeps a screenshot where HMCP_SCREENSHOTS says.
func (x *window) picture(name string) {
	x.t.Helper()
	folder := os.Getenv("HMCP_SCREENSHOTS")
	if folder == "" {
		return
	}
	shoot := chromedp.FullScreenshot(100)
	if read[bool](x, `!!document.querySelector("dialog[open], :popover-open")`) {
		shoot = chromedp.CaptureScreenshot() // what floats belongs to the screen, not to the page
	}
	raw, err := chromedp.Run(x.ctx, shoot)
	if err != nil {
		x.t.Fatalf("take a picture of %s: %v", name, err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		x.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name+".png"), raw, 0o644); err != nil {
		x.t.Fatal(err)
	}
}

var axeSource = sync.OnceValues(func() (string, error) {
	raw, err := os.ReadFile("testdata/axe.min.js")
	return string(raw), err
})

// wantSound checks what must hold on every page: axe finds nothing, and nothing hangs over the side.
func (x *window) wantSound(name string) {
	x.t.Helper()
	source, err := axeSource()
	if err != nil {
		x.t.Fatal(err)
	}
	if !read[bool](x, `!!window.axe`) {
		x.do("load axe", chromedp.Evaluate[chromedp.Void](source))
	}
	// Dark differs from light in colours only, so there the rules about colours are the ones that can find something new.
	faults := read[[]string](x, `axe.run(document, {
		resultTypes: ["violations"], preload: false,
		...(matchMedia("(prefers-color-scheme: dark)").matches ? {runOnly: {type: "rule", values: ["color-contrast", "link-in-text-block"]}} : {}),
	}).then(r => r.violations.map(v => v.id + ": " + v.help + " " + v.nodes.map(n => n.target.join(" ") + " " + (n.any[0]?.message ?? "")).join(" | ")))`)
	for _, fault := range faults {
		x.t.Errorf("%s: axe: %s", name, fault)
	}
	x.wantNoSidewaysScroll(name)
}

func (x *window) wantNoSidewaysScroll(name string) {
	x.t.Helper()
	if over := read[int](x, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); over > 0 {
		wide := read[string](x, `[...document.querySelectorAll("main *")].filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1 && !e.closest(".scroll, pre, .tabs")).map(e => e.tagName + "." + e.className).slice(0, 5).join(", ")`)
		x.t.Errorf("%s: %d px hang over the side: %s", name, over, wide)
	}
}
