package dashboard

import (
	"fmt"
	"net/url"
	"sync"
	"testing"
	"time"

	"hostaway-mcp/store/storetest"
)

func TestChecksAreLimitedPerOrg(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fix, other := storetest.Org(t, w.store, "Harbour Stays"), storetest.Org(t, w.store, "Alpine Lets")
	storetest.Connect(t, fix.Org, 40160, accountSecret)
	w.hostaway.fail("wrong", CheckRefused)
	b := w.owner(t, fix)
	forms := []struct {
		from, to string
		fields   url.Values
	}{
		{"/connection/secret", "/connection", creds("40161", "wrong")},
		{"/connection/secret", "/connection/secret", creds("", "wrong")},
		{"/connection", "/connection/test", nil},
	}
	for i := range checksMost {
		form := forms[i%len(forms)]
		if p := b.submit(form.from, form.to, form.fields); p.StatusCode == 429 {
			t.Fatalf("check %d has to wait already", i+1)
		}
		w.clock.Advance(time.Second)
	}
	asked := len(w.hostaway.checked)
	for _, form := range forms {
		p := b.submit(form.from, form.to, form.fields)
		wantPage(t, p, 429, "Too many checks", "Nothing was stored.", "Wait 55 s", "Request id")
		if got := p.Header.Get("Retry-After"); got != "55" {
			t.Errorf("POST %s: Retry-After %q", form.to, got)
		}
	}
	if len(w.hostaway.checked) != asked {
		t.Error("Hostaway was asked by a check over the limit")
	}
	wantRedirect(t, w.owner(t, other).submit("/connection", "/connection", creds("51877", accountSecret)), "/connection")
	w.clock.Advance(56 * time.Second)
	wantRedirect(t, b.submit("/connection", "/connection/test", nil), "/connection")
}

func TestOneCheckAtATimePerOrg(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fix := storetest.Org(t, w.store, "Harbour Stays")
	b := w.owner(t, fix)
	token := b.token("/connection")
	w.hostaway.wait = make(chan struct{})
	const many = 20
	statuses := make(chan int, many)
	var group sync.WaitGroup
	for i := range many {
		group.Go(func() {
			form := creds(fmt.Sprint(40000+i), accountSecret)
			form.Set("csrf", token)
			p := b.post("/connection", form)
			statuses <- p.StatusCode
		})
	}
	for i := range many - 1 { // while the one that was first still waits for Hostaway
		if got := <-statuses; got != 429 {
			t.Errorf("check %d: %d", i, got)
		}
	}
	close(w.hostaway.wait)
	group.Wait()
	if got := <-statuses; got != 303 {
		t.Errorf("the first check: %d", got)
	}
	if len(w.hostaway.checked) != 1 {
		t.Errorf("Hostaway was asked %d times", len(w.hostaway.checked))
	}
	wantRedirect(t, b.submit("/connection", "/connection/test", nil), "/connection") // the place is free again
}
