package dashboard

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

const accountSecret = "hostaway-secret-Zk83"

func creds(account, apiSecret string) url.Values {
	return url.Values{"account": {account}, "secret": {apiSecret}}
}

// TestConnectTestReplaceDisconnect walks the whole life of a connection, and looks for the secret on every page.
func TestConnectTestReplaceDisconnect(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fix := storetest.Org(t, w.store, "Harbour Stays")
	b := w.owner(t, fix)
	wantPage(t, b.get("/connection"), 200, "Connect an account", "Where to find them")

	wantRedirect(t, b.submit("/connection", "/connection", creds("40160", accountSecret)), "/connection")
	p := b.get("/connection")
	wantPage(t, p, 200, "Account 40160", "Connected", "…Zk83", "84", "Hostaway is connected.")
	wantNot(t, p, accountSecret)
	saved, err := fix.Org.Credentials(t.Context())
	if err != nil || saved.AccountID != 40160 || saved.Secret.Reveal() != accountSecret {
		t.Fatalf("stored credentials: %+v, %v", saved, err)
	}
	if token, err := fix.Org.HostawayToken(t.Context(), saved.Version); err != nil || token.Value.Reveal() != "token-"+accountSecret {
		t.Errorf("the token of the check was not kept: %v", err)
	}

	wantRedirect(t, b.submit("/connection", "/connection/test", nil), "/connection")
	wantPage(t, b.get("/connection"), 200, "Hostaway accepted the credentials just now.")

	w.hostaway.fail(accountSecret, CheckRefused)
	wantRedirect(t, b.submit("/connection", "/connection/test", nil), "/connection")
	wantPage(t, b.get("/connection"), 200, "Credentials refused", "Replace the secret to go on.")
	wantPage(t, b.get("/keys"), 200, "Hostaway refuses the stored credentials, so tools can&#39;t answer.", "Reconnect")

	wantPage(t, b.get("/connection/secret"), 200, "Replace the secret", "40160")
	wantRedirect(t, b.submit("/connection/secret", "/connection/secret", url.Values{"secret": {"hostaway-secret-new-Qq11"}}), "/connection")
	p = b.get("/connection")
	wantPage(t, p, 200, "Connected", "…Qq11", "The new secret works and is stored.")
	wantNot(t, p, "hostaway-secret-new")

	wantPage(t, b.get("/connection/disconnect"), 200, "Type <b>40160</b> to confirm")
	wantPage(t, b.submit("/connection/disconnect", "/connection/disconnect", url.Values{"account": {"40161"}}), 422, "Type the account id exactly as shown.")
	wantRedirect(t, b.submit("/connection/disconnect", "/connection/disconnect", url.Values{"account": {"40160"}}), "/connection")
	wantPage(t, b.get("/connection"), 200, "Connect an account", "its credentials are deleted")
	if len(w.hostaway.forgot) < 4 {
		t.Errorf("cached clients were dropped %d times, want after each change", len(w.hostaway.forgot))
	}
	for _, path := range []string{"/connection/secret", "/connection/disconnect"} {
		wantPage(t, b.get(path), 404, "Request id")
	}
	wantPage(t, b.submit("/connection", "/connection/test", nil), 404)
	if strings.Contains(w.log.String(), accountSecret) {
		t.Error("the log has the secret")
	}
}

func TestConnectingGoesWrongInPlainWords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	taken, fix := storetest.Org(t, w.store, "Alpine Lets"), storetest.Org(t, w.store, "Harbour Stays")
	storetest.Connect(t, taken.Org, 51877, "somebody-elses-secret")
	for _, kind := range []CheckKind{CheckRefused, CheckUnreachable, CheckRateLimited, CheckOddAnswer} {
		w.hostaway.fail("secret that is "+string(kind), kind)
	}
	w.hostaway.failures["secret that breaks"] = fmt.Errorf("dial tcp 10.1.2.3: kaboom")
	b := w.owner(t, fix)
	for _, tc := range []struct {
		name, account, apiSecret string
		want                     []string
	}{
		{"nothing", "", "", []string{"Give the account id.", "Give the API secret.", "Please check the marked fields."}},
		{"no number", "forty", accountSecret, []string{"The account id is a number", `value="forty"`}},
		{"a negative number", "-5", accountSecret, []string{"The account id is a number"}},
		{"refused", "40160", "secret that is refused", []string{"Hostaway refused these credentials.", "Settings → Hostaway API", `value="40160"`}},
		{"unreachable", "40160", "secret that is unreachable", []string{"Hostaway could not be reached.", "Try again in a minute"}},
		{"rate limited", "40160", "secret that is rate limited", []string{"Hostaway is limiting calls", "Wait a minute"}},
		{"odd answer", "40160", "secret that is odd answer", []string{"an answer that we do not understand"}},
		{"another org's account", "51877", accountSecret, []string{"connected to another org on this server", "Disconnect it there first"}},
		{"our own fault", "40160", "secret that breaks", []string{"the fault is on our side", "request id req_"}},
	} {
		w.clock.Advance(checksWindow)
		p := b.submit("/connection", "/connection", creds(tc.account, tc.apiSecret))
		wantPage(t, p, 422, tc.want...)
		wantNot(t, p, "secret that", accountSecret, "somebody-elses", "Alpine Lets", "kaboom", "10.1.2.3")
		if _, err := fix.Org.Connection(t.Context()); err == nil {
			t.Errorf("%s: something was stored", tc.name)
		}
	}
	if !strings.Contains(w.log.String(), "kaboom") {
		t.Error("the log does not know the cause")
	}
}

// TestReplacingWithAWrongSecretKeepsTheOldOne also in the page without JavaScript.
func TestReplacingWithAWrongSecretKeepsTheOldOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fix := storetest.Org(t, w.store, "Harbour Stays")
	storetest.Connect(t, fix.Org, 40160, accountSecret)
	w.hostaway.fail("wrong-one", CheckRefused)
	b := w.owner(t, fix)
	for apiSecret, want := range map[string]string{"wrong-one": "Hostaway refused these credentials.", "": "Give the API secret."} {
		wantPage(t, b.submit("/connection/secret", "/connection/secret", url.Values{"secret": {apiSecret}}), 422, want)
	}
	if saved, err := fix.Org.Credentials(t.Context()); err != nil || saved.Secret.Reveal() != accountSecret {
		t.Errorf("the old secret is gone: %v", err)
	}
}

func TestTestingTellsEachOutcomeApart(t *testing.T) {
	t.Parallel()
	for kind, want := range map[CheckKind]string{
		CheckUnreachable: "Hostaway could not be reached. The stored credentials stay", CheckRateLimited: "limiting calls", CheckOddAnswer: "an answer that we do not understand",
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			fix := storetest.Org(t, w.store, "Harbour Stays")
			storetest.Connect(t, fix.Org, 40160, accountSecret)
			w.hostaway.fail(accountSecret, kind)
			b := w.owner(t, fix)
			wantRedirect(t, b.submit("/connection", "/connection/test", nil), "/connection")
			wantPage(t, b.get("/connection"), 200, want)
			if conn, err := fix.Org.Connection(t.Context()); err != nil || conn.State != store.ConnectionConnected {
				t.Errorf("state %q, %v: a disturbance is no refusal", conn.State, err)
			}
			wantPage(t, b.get("/"), 200, "tested the Hostaway connection:", string(kind))
		})
	}
}
