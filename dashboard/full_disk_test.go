package dashboard

import (
	"net/url"
	"testing"

	"hostaway-mcp/store/storetest"
)

// TestOnAFullDiskPagesGoOn and changes are refused in words, until there is room.
func TestOnAFullDiskPagesGoOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fix := storetest.Org(t, w.store, "Harbour Stays")
	storetest.Connect(t, fix.Org, 40160, accountSecret)
	b := w.owner(t, fix)
	w.disk.Fill()
	for _, path := range []string{"/", "/keys", "/usage", "/connection", "/keys/new", "/api/api-keys", "/api/usage"} {
		wantPage(t, b.get(path), 200)
	}
	const words = "disk is full"
	for from, change := range map[string]struct {
		to   string
		form url.Values
	}{
		"/keys/new":                           {"/keys", url.Values{"name": {"More"}, "once": {"form-1"}}},
		"/keys/" + fix.Key.ID + "/revoke":     {"/keys/" + fix.Key.ID + "/revoke", nil},
		"/connection/disconnect":              {"/connection/disconnect", url.Values{"account": {"40160"}}},
		"/keys/" + fix.Key.ID + "/regenerate": {"/keys/" + fix.Key.ID + "/regenerate", url.Values{"once": {"form-2"}}},
	} {
		p := b.submit(from, change.to, change.form)
		wantPage(t, p, 503, words, "Nothing was changed", "Request id")
		if p.Header.Get("Retry-After") != "60" {
			t.Errorf("%s: Retry-After %q", change.to, p.Header.Get("Retry-After"))
		}
	}
	wantPage(t, b.submit("/connection/secret", "/connection/secret", url.Values{"secret": {"next"}}), 422, words)
	wantPage(t, w.browser(t).submit("/login", "/login", url.Values{"email": {fix.Email}, "password": {fix.Password.Reveal()}}), 503, words)
	token := "X-CSRF-Token: " + b.get("/api/api-keys").Header.Get("X-CSRF-Token")
	wantPage(t, b.do("POST", "/api/api-keys/generate", `{"name":"Script"}`, "Content-Type: application/json", token), 503, `"code":"disk_full"`)

	w.disk.Free()
	revealed(t, b.submit("/keys/new", "/keys", url.Values{"name": {"More"}, "once": {"form-1"}})) // the same form again
	wantRedirect(t, b.submit("/connection/disconnect", "/connection/disconnect", url.Values{"account": {"40160"}}), "/connection")
}
