package mail

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

var update = flag.Bool("update", false, "write the golden files anew")

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// hostile is an org's name that the store takes.
const hostile = `<img src=x> & "Söhne" 民宿`

func in(d time.Duration) *time.Time { t := noon.Add(d); return &t }

// specimen is one mail of each kind, and of each state that a kind has words for.
type specimen struct {
	name, kind string
	operators  bool
	payload    any // store.MailedLink for a person's mail, store.BillingMail for an org's
}

func specimens() []specimen {
	link := store.MailedLink{Token: "hmcpx_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG", EndsAt: in(time.Hour)}
	bill := store.BillingMail{Listings: 84, UnitAmount: 500, Currency: "usd", EndsAt: in(3 * 24 * time.Hour)}
	trouble := func(reason store.AccessReason) store.BillingMail {
		b := bill
		b.Reason, b.StopsAt = string(reason), b.EndsAt
		if reason == store.ReasonPaymentFailed { // the grace goes on after the trial
			b.StopsAt = in(5 * 24 * time.Hour)
		}
		return b
	}
	due := store.BillingMail{Amount: 42000, Currency: "usd"}
	grace := due
	grace.StopsAt = in(72 * time.Hour)
	refused := store.BillingMail{AccountID: 40160, Listings: 84, UnitAmount: 500, Currency: "eur", Since: in(-14 * 24 * time.Hour)}
	held := func(reason string, found int) store.BillingMail {
		return store.BillingMail{Reason: reason, Found: found, Listings: 84}
	}
	return []specimen{
		{"verify-address", store.MailVerifyAddress, false, link},
		{"reset-password", store.MailResetPassword, false, link},
		{"password-changed", store.MailPasswordChanged, false, store.MailedLink{At: in(0)}},
		{"address-known", store.MailAddressKnown, false, store.MailedLink{}},
		{"payment-failed", store.MailPaymentFailed, false, due},
		{"payment-failed-grace", store.MailPaymentFailed, false, grace},
		{"suspended", store.MailSuspended, false, store.BillingMail{Reason: string(store.ReasonPaymentFailed)}},
		{"suspended-disputed", store.MailSuspended, false, store.BillingMail{Reason: string(store.ReasonDisputed)}},
		{"restored", store.MailRestored, false, store.BillingMail{}},
		{"trial-ending", store.MailTrialEnding, false, bill},
		{"trial-ending-unpaid", store.MailTrialEnding, false, trouble(store.ReasonUnpaid)},
		{"trial-ending-past-due", store.MailTrialEnding, false, trouble(store.ReasonPaymentFailed)},
		{"trial-ending-pending", store.MailTrialEnding, false, trouble(store.ReasonPaymentPending)},
		{"trial-ending-paused", store.MailTrialEnding, false, trouble(store.ReasonPaused)},
		{"trial-ending-canceled", store.MailTrialEnding, false, trouble(store.ReasonCanceled)},
		{"trial-ended", store.MailTrialEnded, false, bill},
		{"trial-ended-uncounted", store.MailTrialEnded, false, store.BillingMail{}},
		{"canceled", store.MailCanceled, false, bill},
		{"canceled-past", store.MailCanceled, false, store.BillingMail{EndsAt: in(-time.Hour)}},
		{"canceled-past-due", store.MailCanceled, false, store.BillingMail{EndsAt: in(20 * 24 * time.Hour), Reason: string(store.ReasonPaymentFailed), StopsAt: in(2 * 24 * time.Hour)}},
		{"canceled-suspended", store.MailCanceled, false, store.BillingMail{EndsAt: in(20 * 24 * time.Hour), Reason: string(store.ReasonPaymentFailed)}},
		{"canceled-paused", store.MailCanceled, false, store.BillingMail{EndsAt: in(20 * 24 * time.Hour), Reason: string(store.ReasonPaused)}},
		{"canceled-in-trial", store.MailCanceled, false, store.BillingMail{EndsAt: in(-time.Hour), Reason: string(store.ReasonPaymentFailed), StopsAt: in(9 * 24 * time.Hour)}},
		{"refunded", store.MailRefunded, false, due},
		{"refunded-operators", store.MailRefunded, true, due},
		{"refunded-switched-off", store.MailRefunded, false, store.BillingMail{Amount: due.Amount, Currency: due.Currency, Reason: string(store.ReasonCanceled)}},
		{"disputed", store.MailDisputed, false, due},
		{"two-subscriptions", store.MailTwoSubscriptions, false, due},
		{"credentials-invalid", store.MailCredentialsInvalid, false, refused},
		{"credentials-invalid-unbilled", store.MailCredentialsInvalid, false, store.BillingMail{AccountID: refused.AccountID}},
		{"credentials-decide", store.MailCredentialsDecide, true, refused},
		{"count-held-zero", store.MailCountHeld, false, held("zero", 0)},
		{"count-held-drop", store.MailCountHeld, false, held("drop", 1)},
		{"count-held-spike", store.MailCountHeld, false, held("spike", 1260)},
		{"count-held-tenfold", store.MailCountHeld, false, held("tenfold", 12600)},
		{"count-held-unpaid", store.MailCountHeld, false, held("unpaid", 60)},
	}
}

// mail is the specimen as the outbox gives it.
func (s specimen) mail(t *testing.T, org *store.Org) store.Mail {
	t.Helper()
	body, err := json.Marshal(s.payload)
	if err != nil {
		t.Fatal(err)
	}
	m := store.Mail{ID: "mail_1", Kind: s.kind, Operators: s.operators, Payload: secret.New(string(body)), CreatedAt: noon, To: []store.MailAddress{{Email: "anna@example.com"}}}
	if _, personal := s.payload.(store.MailedLink); !personal {
		m.Org = org
	}
	return m
}

func letterWriter(t *testing.T) *Mail {
	t.Helper()
	m, err := New(Config{
		URL: secret.New("smtp://127.0.0.1:1"), From: "Hostaway MCP <hello@mail.example.com>", BaseURL: "https://mcp.example.com", Now: func() time.Time { return noon },
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestLetters(t *testing.T) {
	t.Parallel()
	m := letterWriter(t)
	org := storetest.Org(t, storetest.Open(t), hostile).Org
	for _, s := range specimens() {
		t.Run(s.name, func(t *testing.T) {
			got, err := m.write(s.mail(t, org))
			if err != nil {
				t.Fatal(err)
			}
			text := strings.ReplaceAll("Subject: "+got.subject+"\n\n"+got.plain, org.ID(), "org_1")
			golden(t, s.name+".txt", text)
			golden(t, s.name+".html", strings.ReplaceAll(got.html, org.ID(), "org_1"))
			wantSober(t, got)
		})
	}
}

// wantSober checks what holds of every letter.
func wantSober(t *testing.T, l letter) {
	t.Helper()
	if strings.ContainsAny(l.subject, "\r\n") || l.subject == "" || len(l.subject) > 200 {
		t.Errorf("the subject is %q", l.subject)
	}
	if strings.Contains(l.html, "<img") {
		t.Error("the HTML has what somebody typed as markup")
	}
	for _, of := range []string{"not known", "%!", "<no value>", "ZgotmplZ"} {
		if strings.Contains(l.plain+l.html, of) {
			t.Errorf("the letter says %q", of)
		}
	}
	if buttons := strings.Count(l.html, "display:inline-block"); buttons != 1 {
		t.Errorf("%d buttons", buttons)
	}
	for _, address := range strings.Split(l.html, `href="`)[1:] {
		if !strings.HasPrefix(address, "https://mcp.example.com") {
			t.Errorf("a link leads elsewhere: %.60s", address)
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "letters", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; write it with -update", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-golden +got; after looking, -update):\n%s", name, diff)
	}
}

// Every kind of mail that the store names has words and a specimen.
func TestEveryKindHasALetter(t *testing.T) {
	t.Parallel()
	named := map[string]bool{}
	for _, file := range []string{"mail_kind.go", "mail_link.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "store", file), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if spec, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(spec.Names[0].Name, "Mail") {
				kind, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				named[kind] = true
			}
			return true
		})
	}
	if len(named) < 16 {
		t.Fatalf("found %d kinds in the store", len(named))
	}
	for kind := range named {
		if (toPeople[kind] == nil) == (toOrgs[kind] == nil) {
			t.Errorf("%s: is a person's: %t, is an org's: %t; want one of them", kind, toPeople[kind] != nil, toOrgs[kind] != nil)
		}
		if !slices.ContainsFunc(specimens(), func(s specimen) bool { return s.kind == kind }) {
			t.Errorf("%s has no specimen in the golden test", kind)
		}
	}
	if len(toPeople)+len(toOrgs) != len(named) {
		t.Errorf("there are %d letters for %d kinds", len(toPeople)+len(toOrgs), len(named))
	}
}

// Nothing that a stranger typed reaches the owner of an address.
func TestLettersToAPersonHoldNothingTyped(t *testing.T) {
	t.Parallel()
	m := letterWriter(t)
	org := storetest.Org(t, storetest.Open(t), hostile).Org
	for _, s := range specimens() {
		one := s.mail(t, org)
		if one.Org != nil {
			continue
		}
		one.To[0].Name = "Call +1 555 0100 now"
		got, err := m.write(one)
		if err != nil || strings.Contains(got.subject+got.plain+got.html, "555") {
			t.Errorf("%s: %v\n%s", s.name, err, got.plain)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		"Harbour Stays":                          "Harbour Stays",
		"A\r\nBcc: eve@example.com\r\n\r\nHello": "A Bcc: eve@example.com Hello",
		"  spaced \t out\u2028here ":             "spaced out here",
		"right\u202eto left\u200b\x00\x07":       "rightto left",
		"\r\n":                                   "your org",
		strings.Repeat("é", 100):                 strings.Repeat("é", 79) + "…",
		"broken \xff byte":                       "broken \ufffd byte",
	} {
		if got := name(typed); got != want {
			t.Errorf("name(%q) = %q, want %q", typed, got, want)
		}
	}
	// And all the way to the wire, past everything that keeps such names out.
	s := newSink(t, sinkKind{})
	m := mailTo(t, "smtp://"+s.addr, s)
	text, err := m.views.render(m.countHeld(name("A\r\nBcc: eve@example.com\r\n\r\n<b>Hello"), store.BillingMail{Reason: "zero", Listings: 4}), "server", "https://mcp.example.com")
	if err == nil {
		err = m.send(context.WithoutCancel(t.Context()), envelope{id: "m", to: sample.to, mail: text})
	}
	if err != nil {
		t.Fatal(err)
	}
	h, parts := s.all()[0].read(t)
	if got := subject(t, h); got != "Please check the listings of A Bcc: eve@example.com <b>Hello" || h.Get("Bcc") != "" || s.all()[0].to != sample.to {
		t.Errorf("the subject is %q, Bcc is %q", got, h.Get("Bcc"))
	}
	if strings.Contains(parts["text/html"], "<b>Hello") {
		t.Error("the name is markup")
	}
}

func TestMoney(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		minor    int64
		currency string
		want     string
	}{
		{42000, "usd", "$420.00"},
		{5, "usd", "$0.05"},
		{123456789, "EUR", "€1,234,567.89"},
		{-8973, "gbp", "-£89.73"},
		{1500, "jpy", "1,500 JPY"},
		{1500, "kwd", "1.500 KWD"},
		{99, "chf", "0.99 CHF"},
		{-9223372036854775808, "chf", "-92,233,720,368,547,758.08 CHF"},
	} {
		if got := money(tc.minor, tc.currency); got != tc.want {
			t.Errorf("money(%d, %s) = %q, want %q", tc.minor, tc.currency, got, tc.want)
		}
	}
	for n, want := range map[int]string{0: "0 active listings", 1: "1 active listing", 1260: "1,260 active listings"} {
		if got := count(n); got != want {
			t.Errorf("count(%d) = %q", n, got)
		}
	}
}

func TestALetterThatCanNotBeWritten(t *testing.T) {
	t.Parallel()
	m := letterWriter(t)
	org := storetest.Org(t, storetest.Open(t), "Acme").Org
	for _, one := range []store.Mail{
		{Kind: "no_such_kind"},
		{Kind: store.MailRestored},                // an org's, without one
		{Kind: store.MailVerifyAddress, Org: org}, // a person's, with one
		{Kind: store.MailVerifyAddress, Payload: secret.New("a token that is no JSON")},
	} {
		if _, err := m.write(one); err == nil || strings.Contains(err.Error(), "a token") || !strings.Contains(err.Error(), one.Kind) {
			t.Errorf("%s: %v", fmt.Sprintf("%q", one.Kind), err)
		}
	}
}
