package dashboard

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"hostaway-mcp/store/storetest"
)

func (x *window) press(keys ...string) {
	x.t.Helper()
	for _, key := range keys {
		x.do("press "+key, chromedp.KeyEvent(key))
	}
}

func (x *window) click(css string) {
	x.t.Helper()
	x.do("click "+css, chromedp.Click(chromedp.CSS(css), chromedp.NodeVisible))
}

// focused describes the element that has the focus.
func (x *window) focused() string {
	x.t.Helper()
	return read[string](x, `(e => e.id ? "#" + e.id : e.tagName + " " + e.textContent.trim().slice(0, 40))(document.activeElement)`)
}

// TestKeyJourney makes a key in the dialog, by keyboard, and watches its first request arrive.
func TestKeyJourney(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fix := storetest.Org(t, w.store, "Harbour Stays")
	x := w.window(t).use(w.owner(t, fix))
	x.look(false, 1440)
	x.open("/keys")
	x.click(`a[href="/keys/new"]`)
	x.await("the dialog is open with the focus in it", `document.querySelector("#dialog").open && document.activeElement.id === "key-name"`)
	x.wantSound("create dialog")
	x.picture("dialog-create-1440-light")
	x.press(kb.Escape)
	x.await("the dialog is closed", `!document.querySelector("#dialog").open`)
	if got := x.focused(); !strings.Contains(got, "Create key") {
		t.Errorf("the focus went to %q, want back to the opener", got)
	}
	x.press(kb.Enter)
	x.await("the dialog is open again", `document.activeElement.id === "key-name"`)
	x.press("Claude Code", kb.Enter)
	x.await("the key is shown", `!!document.querySelector("#key")`)
	key := read[string](x, `document.querySelector("#key").textContent`)
	if address := read[string](x, `location.href`); strings.Contains(address, key) || !strings.HasSuffix(address, "/keys") {
		t.Errorf("the page with the key is at %s", address)
	}
	for _, dark := range []bool{false, true} {
		for _, width := range []int{1440, 390} {
			x.look(dark, width)
			name := map[bool]string{true: "dark", false: "light"}[dark]
			x.wantSound("key-shown " + name)
			x.picture(strings.Join([]string{"key-shown", map[int]string{1440: "1440", 390: "390"}[width], name}, "-"))
		}
	}
	x.look(false, 1440)
	if _, _, err := w.store.OrgByAPIKey(t.Context(), secretOf(key)); err != nil {
		t.Fatal(err)
	}
	x.await("the first request is seen", `document.querySelector(".waiting.good")?.textContent.includes("Connected.")`)
	x.picture("key-connected-1440-light")
	if kept := read[string](x, `JSON.stringify(localStorage) + JSON.stringify(sessionStorage)`); strings.Contains(kept, key) {
		t.Error("the browser's storage has the key")
	}
}

// TestTabsAndCopy walks the set-ups with the arrow keys and copies one.
func TestTabsAndCopy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x := w.window(t).use(w.owner(t, storetest.Org(t, w.store, "Harbour Stays")))
	x.open("/keys?client=cursor")
	if got := read[string](x, `document.querySelector("[aria-selected=true]").textContent`); got != "Cursor" {
		t.Errorf("?client=cursor opens %q", got)
	}
	x.do("focus", chromedp.Focus(chromedp.CSS(`[aria-selected=true]`)))
	for _, step := range []struct{ key, want string }{{kb.ArrowRight, "VS Code"}, {kb.ArrowRight, "curl"}, {kb.ArrowRight, "Claude Code"}, {kb.ArrowLeft, "curl"}, {kb.Home, "Claude Code"}, {kb.End, "curl"}} {
		x.press(step.key)
		got := read[string](x, `document.activeElement.textContent + "|" + [...document.querySelectorAll("[role=tabpanel]:not([hidden])")].map(p => p.id)`)
		if !strings.HasPrefix(got, step.want+"|panel-") || strings.Contains(got, ",") {
			t.Errorf("after a key: %q, want %s alone", got, step.want)
		}
	}
	x.open("/keys")
	if got := read[string](x, `document.querySelector("[aria-selected=true]").textContent`); got != "curl" {
		t.Errorf("the last client is forgotten: %q", got)
	}
	x.do("catch the clipboard", chromedp.Evaluate[chromedp.Void](`navigator.clipboard.writeText = async (text) => { window.copied = text }; undefined`))
	x.click(`[data-copy="#s-curl"]`)
	x.await("the note about the copy", `document.querySelector(".toast")?.textContent === "Copied"`)
	if got := read[string](x, `window.copied`); !strings.HasPrefix(got, "curl -sS "+w.server.URL+"/mcp") {
		t.Errorf("copied %q", got)
	}
}

// TestKeyboardWalk uses no pointer: skip link, shortcuts, their list, and the switch that turns them off.
func TestKeyboardWalk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fix := storetest.Org(t, w.store, "Harbour Stays")
	record(t, fix.Org, someCalls(fix.Key, 3))
	x := w.window(t).use(w.owner(t, fix))
	x.look(false, 1440)
	x.open("/")
	x.press(kb.Tab)
	if got := x.focused(); got != "A Skip to content" {
		t.Errorf("the first stop is %q", got)
	}
	x.press(kb.Enter, kb.Tab)
	if inMain := read[bool](x, `!!document.activeElement.closest("main")`); !inMain {
		t.Errorf("after skipping, the next stop is %q", x.focused())
	}
	for _, to := range []struct{ key, path string }{{"u", "/usage"}, {"k", "/keys"}, {"h", "/connection"}, {"o", "/"}} {
		x.press("g", to.key)
		x.await("g "+to.key+" leads to "+to.path, `location.pathname === "`+to.path+`" && document.readyState === "complete" && document.documentElement.classList.contains("js")`)
	}
	x.press("?")
	x.await("the list is open", `document.querySelector("#shortcuts").open`)
	x.wantSound("shortcuts")
	x.picture("dialog-shortcuts-1440-light")
	x.click("#shortcuts-on")
	x.press(kb.Escape)
	x.await("the list is closed", `!document.querySelector("#shortcuts").open`)
	x.press("?", "g", "u")
	if read[bool](x, `document.querySelector("#shortcuts").open || location.pathname === "/usage"`) {
		t.Error("shortcuts work although they are off")
	}
	x.open("/usage?days=7")
	x.do("focus the chart", chromedp.Focus(chromedp.CSS("[data-chart]")))
	x.press(kb.ArrowLeft, kb.ArrowLeft)
	if got := read[string](x, `document.querySelector(".tip:not([hidden])")?.textContent ?? ""`); !strings.HasPrefix(got, "Sun 22 Nov") {
		t.Errorf("the chart reads %q, want the day before today", got)
	}
	x.press(kb.Escape)
	if !read[bool](x, `document.querySelector(".tip").hidden`) {
		t.Error("Esc does not close the read-out")
	}
}

// TestRangeIsSwappedInPlace: the page is not loaded again, the address and the focus follow.
func TestRangeIsSwappedInPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fix := storetest.Org(t, w.store, "Harbour Stays")
	record(t, fix.Org, someCalls(fix.Key, 30))
	x := w.window(t).use(w.owner(t, fix))
	x.open("/usage")
	x.do("mark the page", chromedp.Evaluate[chromedp.Void](`window.same = true; undefined`))
	x.click("#range-7")
	x.await("seven days are shown", `document.querySelectorAll(".bar").length === 7 && location.search === "?days=7"`)
	if !read[bool](x, `window.same && document.querySelector("#range-7").ariaCurrent === "true" && document.activeElement.id === "range-7"`) {
		t.Errorf("the page was loaded anew, or the focus is lost: it is on %s", x.focused())
	}
	if got := read[string](x, `Object.keys(localStorage).join() + Object.keys(sessionStorage).join()`); strings.Contains(got, "htmx-history-cache") {
		t.Errorf("htmx keeps pages in the browser's storage: %s", got)
	}
	x.do("go back", chromedp.NavigateBack())
	x.await("the earlier range is back", `document.querySelectorAll(".bar").length === 30`)
}

// TestDialogThatCannotOpenSaysSo: the key was revoked elsewhere in the meantime.
func TestDialogThatCannotOpenSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fix := storetest.Org(t, w.store, "Harbour Stays")
	x := w.window(t).use(w.owner(t, fix))
	x.look(false, 1440)
	x.open("/keys")
	if err := fix.Org.RevokeAPIKey(t.Context(), fix.By(), fix.Key.ID); err != nil {
		t.Fatal(err)
	}
	x.tolerate.Store("404")
	x.click(`a[href$="/revoke"]`)
	x.await("a note", `document.querySelector(".toast")?.textContent.includes("Reload the page")`)
	if read[bool](x, `document.querySelector("#dialog").open`) {
		t.Error("an empty dialog is open")
	}
}

func TestThemeButtonStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x := w.window(t).use(w.owner(t, storetest.Org(t, w.store, "Harbour Stays")))
	x.look(false, 1440)
	x.open("/")
	background := `getComputedStyle(document.documentElement).colorScheme + getComputedStyle(document.querySelector(".card")).backgroundColor`
	light := read[string](x, background)
	x.click("[data-theme-toggle] button")
	dark := read[string](x, background)
	if light == dark || read[string](x, `location.pathname`) != "/" {
		t.Errorf("light is %s, dark is %s", light, dark)
	}
	x.open("/usage")
	if got := read[string](x, background); got != dark {
		t.Errorf("the next page is %s, want %s", got, dark)
	}
}

// TestPhoneMenu opens the navigation with a touch-sized button.
func TestPhoneMenu(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x := w.window(t).use(w.owner(t, storetest.Org(t, w.store, "Harbour Stays")))
	x.look(false, 390)
	x.open("/")
	if read[bool](x, `document.querySelector("#nav").checkVisibility()`) {
		t.Error("the menu covers the page from the start")
	}
	x.click(".topbar button")
	x.await("the menu is open", `document.querySelector("#nav").matches(":popover-open")`)
	x.wantSound("phone menu")
	x.picture("menu-390-light")
	if low := read[string](x, `[...document.querySelectorAll("#nav a, #nav button")].filter(e => e.checkVisibility() && e.getBoundingClientRect().height < 40).map(e => e.textContent).join()`); low != "" {
		t.Errorf("too low for a finger: %s", low)
	}
	x.click(`#nav a[href="/usage"]`)
	x.await("the usage page", `location.pathname === "/usage"`)
}

// TestDisconnectWantsTheNumberTyped in the dialog; the button wakes up with the right number only.
func TestDisconnectWantsTheNumberTyped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fix := storetest.Org(t, w.store, "Harbour Stays")
	storetest.Connect(t, fix.Org, 40160, accountSecret)
	x := w.window(t).use(w.owner(t, fix))
	x.look(true, 1440)
	x.open("/connection")
	x.click(`a[href="/connection/disconnect"]`)
	x.await("the dialog", `document.querySelector("#dialog").open && document.activeElement.id === "confirm"`)
	x.wantSound("disconnect dialog")
	x.picture("dialog-disconnect-1440-dark")
	disabled := `document.querySelector("#dialog .danger-fill").disabled`
	x.press("4016")
	if !read[bool](x, disabled) {
		t.Error("the button is on before the number is complete")
	}
	x.press("0")
	if read[bool](x, disabled) {
		t.Error("the button stays off")
	}
	x.press(kb.Enter)
	x.await("the page after it", `document.body.textContent.includes("its credentials are deleted")`)
}

// TestWithoutJavaScript looks at a page as a browser without scripts shows it: all set-ups one under the other, no dead buttons.
func TestWithoutJavaScript(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x := w.window(t).use(w.owner(t, storetest.Org(t, w.store, "Harbour Stays")))
	x.look(false, 1440)
	x.do("switch scripts off", chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}))
	x.open("/keys")
	if got := read[int](x, `[...document.querySelectorAll("[role=tabpanel]")].filter(p => p.checkVisibility()).length`); got != 5 {
		t.Errorf("%d set-ups are visible, want all 5", got)
	}
	if got := read[string](x, `[...document.querySelectorAll("[data-copy], [data-open], [role=tab]")].filter(b => b.checkVisibility()).map(b => b.outerHTML).join()`); got != "" {
		t.Errorf("dead buttons: %s", got)
	}
	x.picture("keys-without-js-1440-light")
	x.click(`a[href="/keys/new"]`)
	x.do("the form is a page", chromedp.WaitVisible(chromedp.CSS("#key-name")))
	x.press(kb.Tab)
}

// TestConsoleSeesViolations proves that the other tests would notice one: a page with an inline script is caught.
func TestConsoleSeesViolations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x := w.window(t)
	x.tolerate.Store("Content Security Policy")
	x.open("/login")
	x.do("break the policy", chromedp.Evaluate[chromedp.Void](`document.body.insertAdjacentHTML("beforeend", "<p style='color:red'>x</p>"); undefined`))
	if got := read[string](x, `getComputedStyle(document.body.lastElementChild).color`); got == "rgb(255, 0, 0)" {
		t.Error("an inline style works: the policy is not strict")
	}
	select {
	case <-x.tolerated:
	case <-time.After(5 * time.Second):
		t.Error("the console did not show the violation")
	}
}
