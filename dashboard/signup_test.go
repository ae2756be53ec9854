package dashboard

import (
	"net/url"
	"testing"
	"time"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

var operator = store.Actor{Kind: store.ActorOperator, Name: "operator"}

func secretOf(s string) secret.Text { return secret.New(s) }

func (w *world) signUpLink(t *testing.T, kind store.SignUpKind) string {
	t.Helper()
	link, err := w.store.CreateSignUpLink(t.Context(), kind, time.Hour, operator)
	if err != nil {
		t.Fatal(err)
	}
	return link.Reveal()
}

func newcomer(change map[string]string) url.Values {
	in := url.Values{"org": {"Quiet Coast Rentals"}, "person": {"Jonas Weber"}, "email": {"jonas@example.com"}, "password": {"long-enough-words-9"}}
	for name, value := range change {
		in.Set(name, value)
	}
	return in
}

func TestSignUpFollowsTheServersMode(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		mode             string
		withLink         bool
		shows            string
		works            bool
		linkShownAtLogin bool
	}{
		{"closed", false, "Sign-up is closed", false, false},
		{"closed", true, "Sign-up is closed", false, false},
		{"invite", false, "By invitation", false, true},
		{"invite", true, "Create your org", true, true},
		{"open", false, "Create your org", true, true},
		{"open", true, "Create your org", true, true},
	} {
		name := tc.mode
		if tc.withLink {
			name += " with a link"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(c *Config) { c.SignUp = tc.mode })
			b, at, link := w.browser(t), "/signup", ""
			if tc.withLink {
				link = w.signUpLink(t, store.Invite)
				at += "?link=" + link
			}
			wantPage(t, b.get(at), 200, tc.shows)
			p := b.submit("/login", "/signup", newcomer(map[string]string{"link": link}))
			if tc.works {
				wantRedirect(t, p, "/")
				wantPage(t, b.get("/"), 200, "Quiet Coast Rentals", "Welcome.", "You are owner")
			} else {
				wantPage(t, p, 403, tc.shows)
			}
			if n, err := w.store.CountOrgs(t.Context()); err != nil || (n == 1) != tc.works {
				t.Errorf("%d orgs afterwards, %v", n, err)
			}
			if tc.linkShownAtLogin {
				wantPage(t, w.browser(t).get("/login"), 200, "Create your org")
			}
		})
	}
}

func TestSignUpProblemsStandAtTheirFields(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *Config) { c.SignUp = "open" })
	taken := storetest.Org(t, w.store, "Harbour Stays")
	b := w.browser(t)
	for _, tc := range []struct {
		name   string
		change map[string]string
		want   string
	}{
		{"nothing", map[string]string{"org": " ", "person": "", "email": "", "password": ""}, "Please check the marked fields."},
		{"a short password", map[string]string{"password": "short"}, "at least 12 characters"},
		{"no address", map[string]string{"email": "jonas"}, "not an e-mail address"},
		{"a taken address", map[string]string{"email": taken.Email}, "This address has an account here. Sign in instead."},
		{"a name that can’t be shown", map[string]string{"org": "Bad\x07Name"}, "can&#39;t be shown"},
	} {
		p := b.submit("/signup", "/signup", newcomer(tc.change))
		wantPage(t, p, 422, tc.want, `aria-invalid="true"`)
		wantNot(t, p, "long-enough-words-9")
		if tc.change["org"] != " " {
			wantPage(t, p, 422, "Jonas Weber") // what was typed stays
		}
	}
}

func TestSignUpLinksAreGoodOnceAndForTheirKind(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *Config) { c.SignUp = "invite" })
	invite, setUp := w.signUpLink(t, store.Invite), w.signUpLink(t, store.SetUp)
	b := w.browser(t)
	for _, at := range []string{"/signup?link=" + setUp, "/signup?link=nonsense", "/setup?link=" + invite, "/setup?link=nonsense", "/setup"} {
		wantPage(t, b.get(at), 410, "This link no longer works")
	}
	wantRedirect(t, b.submit("/signup?link="+invite, "/signup", newcomer(map[string]string{"link": invite})), "/")
	wantPage(t, w.browser(t).get("/signup?link="+invite), 410, "This link no longer works")
	again := w.browser(t).submit("/login", "/signup", newcomer(map[string]string{"link": invite, "email": "second@example.com"}))
	wantPage(t, again, 410, "Ask the operator")
	w.clock.Advance(2 * time.Hour)
	wantPage(t, b.get("/setup?link="+setUp), 410, "This link no longer works")
}
