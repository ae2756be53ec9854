// What an org without access is told, in every state that billing knows, on every way to a tool; and that nobody else notices.

package mcp

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"hostaway-mcp/hostaway"
	"hostaway-mcp/hostaway/hostawaytest"
	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

const billingLink = "http://127.0.0.1:8080/billing"

// setAccess gives a connected org what billing worked out.
func setAccess(t *testing.T, org *store.Org, change func(*store.BillingAccount)) {
	t.Helper()
	a, err := org.Billing(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	change(&a)
	if _, err := org.SaveBilling(t.Context(), store.Actor{Kind: store.ActorSystem, Name: "billing"}, a); err != nil {
		t.Fatal(err)
	}
}

// watched fails the test when Hostaway is asked for an org that has no access.
type watched struct {
	*accounts
	t        *testing.T
	shut     func(org *store.Org) bool
	asked    int
	inCourse chan struct{} // one at a time
}

func (w *watched) ClientFor(ctx context.Context, org *store.Org) (*hostaway.Client, error) {
	w.inCourse <- struct{}{}
	defer func() { <-w.inCourse }()
	w.asked++
	if w.shut(org) {
		w.t.Errorf("Hostaway was asked for %s, which has no access", org.Name())
	}
	return w.accounts.ClientFor(ctx, org)
}

// Org A's payment has failed, org B's has not: every tool, in both protocol eras, over HTTP and over the bridge.
func TestAnOrgWithoutAccessCallsNoTool(t *testing.T) {
	t.Parallel()
	n := newNeighbours(t)
	n.callsNoTool(t)
	n.mayAskWhatThereIs(t)
	n.isToldByABridge(t)
	before := n.hostaways.asked
	if got := n.call(n.b.APIKey, "hostaway_list_properties", `{}`); got.Result.IsError || n.hostaways.asked != before+1 {
		t.Errorf("the other org: %s", got.text())
	}
	if got := structured[whoamiOut](t, n.call(n.b.APIKey, "hostaway_whoami", `{}`)); got.Access != "trial" || got.NextStep != "" || got.ActiveListings == nil {
		t.Errorf("the other org: %+v", got)
	}
	// The very next call after the payment works.
	setAccess(t, n.a.Org, func(acc *store.BillingAccount) {
		acc.Access, acc.AccessReason = store.AccessActive, store.ReasonSubscribed
	})
	n.hostaways.shut = func(*store.Org) bool { return false }
	if got := n.call(n.a.APIKey, "hostaway_list_properties", `{}`); got.Result.IsError {
		t.Errorf("after the payment: %s", got.text())
	}
}

// neighbours are org A, which is suspended and for which nobody may ask Hostaway, and org B
// on its trial.
type neighbours struct {
	*frame
	a, b      storetest.Fixture
	hostaways *watched
}

func newNeighbours(t *testing.T) *neighbours {
	t.Helper()
	sim := hostawaytest.Start(hostawaytest.Options{ActivationDelay: -1})
	t.Cleanup(sim.Close)
	clock := storetest.NewClock(testNow())
	many := hostaway.Rate{Calls: 1 << 20, Per: time.Second}
	n := &neighbours{}
	n.hostaways = &watched{
		accounts: &accounts{url: sim.URL(), budget: hostaway.NewBudget(hostaway.BudgetConfig{PerAccount: many, PerIP: many}), byOrg: map[string]*hostaway.Client{}},
		t:        t, inCourse: make(chan struct{}, 1), shut: func(org *store.Org) bool { return org.ID() == n.a.Org.ID() },
	}
	n.frame = newFrameOn(t, storetest.Open(t, storetest.WithBilling(), storetest.WithClock(clock)),
		catalog("v1.2.3", "at http://127.0.0.1:8080/connection"), func(c *Config) { c.Hostaway, c.Now = n.hostaways, clock.Now })
	n.a, n.b = n.org("A"), n.org("B")
	for i, org := range []*store.Org{n.a.Org, n.b.Org} {
		sim.AddAccount(hostawaytest.Account{ID: int64(60001 + i), Secret: "secret of Hostaway", Seed: 1, Today: "2026-05-31"})
		storetest.Connect(t, org, int64(60001+i), "secret of Hostaway")
	}
	setAccess(t, n.a.Org, func(acc *store.BillingAccount) {
		acc.SubscriptionID, acc.Access, acc.AccessReason = "sub_a", store.AccessSuspended, store.ReasonPaymentFailed
	})
	return n
}

// callsNoTool calls every tool for org A, in both eras.
func (n *neighbours) callsNoTool(t *testing.T) {
	t.Helper()
	ids := sharedIDs{1, 2, 3}
	for tool, arguments := range isolationCases() {
		for _, args := range arguments {
			args = ids.fill(args)
			body, headers := modern("1", "tools/call", fmt.Sprintf(`{"name":%q,"arguments":%s}`, tool, args))
			n.isRefused(t, tool, n.post(n.a.APIKey, callBody("1", tool, args)))
			n.isRefused(t, tool, n.post(n.a.APIKey, body, headers...))
		}
	}
}

// isRefused fails the test unless org A was told why and where to pay, and its log has the
// newest call so. hostaway_whoami answers.
func (n *neighbours) isRefused(t *testing.T, tool string, got answer) {
	t.Helper()
	result := got.tool(t)
	wantError := tool != "hostaway_whoami"
	if got.status != http.StatusOK || result.Error != nil || result.Result.IsError != wantError ||
		!strings.Contains(result.text(), "A payment for this organization failed") || !strings.Contains(result.text(), billingLink) {
		t.Errorf("%s: HTTP %d %s", tool, got.status, got.body)
	}
	want := [2]string{string(store.OutcomeRefused), codeNoAccess}
	if !wantError {
		want = [2]string{string(store.OutcomeOK), ""}
	}
	entry := n.audit(n.a)[0]
	if have := [2]string{string(entry.Outcome), entry.ErrorCode}; have != want || entry.Action != tool || entry.UpstreamCalls != 0 {
		t.Errorf("%s: kept as %+v", tool, entry)
	}
}

func (n *neighbours) mayAskWhatThereIs(t *testing.T) {
	t.Helper()
	for method, says := range map[string]string{"initialize": `"protocolVersion"`, "tools/list": `"hostaway_list_properties"`, "ping": `"result":{}`} {
		body := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":%q}`, method)
		if method == "initialize" {
			body = initializeBody
		}
		if got := n.post(n.a.APIKey, body); got.status != http.StatusOK || !strings.Contains(got.body, says) {
			t.Errorf("%s of an org without access: HTTP %d %s", method, got.status, got.body)
		}
	}
}

func (n *neighbours) isToldByABridge(t *testing.T) {
	t.Helper()
	for name, cfg := range bridges(n.frame, n.a.APIKey) {
		c := startBridge(t, cfg)
		c.send(callBody("1", "hostaway_list_properties", `{}`))
		if line, got := c.next(); !got.Result.IsError || !strings.Contains(got.text(), billingLink) {
			t.Errorf("the bridge, %s: %s", name, line)
		}
		if err := c.end(); err != nil {
			t.Error(err)
		}
	}
}

// Time alone ends a trial, a time of grace and a canceled subscription, between two calls.
func TestAccessEndsAtItsMoment(t *testing.T) {
	t.Parallel()
	clock := storetest.NewClock(testNow())
	f := newFrameOn(t, storetest.Open(t, storetest.WithBilling(), storetest.WithClock(clock)), frameTools(), nil)
	ends := testNow().Add(14 * 24 * time.Hour)
	for i, c := range []struct {
		name   string
		change func(*store.BillingAccount)
		says   string
	}{
		{"trial", func(*store.BillingAccount) {}, "The free trial of this organization ended on 2026-06-14"},
		{"canceled", func(acc *store.BillingAccount) {
			acc.SubscriptionID, acc.Access, acc.AccessReason, acc.CancelAt = "sub", store.AccessActive, store.ReasonSubscribed, &ends
		}, "The subscription of this organization ended on 2026-06-14"},
		{"grace", func(acc *store.BillingAccount) {
			acc.SubscriptionID, acc.Access, acc.AccessReason, acc.GraceEndsAt = "sub", store.AccessGrace, store.ReasonPaymentFailed, &ends
		}, "A payment for this organization failed"},
	} {
		clock.Set(testNow())
		org := f.org(c.name)
		storetest.Connect(t, org.Org, int64(100+i), "secret of Hostaway")
		setAccess(t, org.Org, c.change)
		clock.Set(ends.Add(-time.Millisecond))
		if got := f.call(org.APIKey, "hostaway_echo", `{}`); got.Result.IsError {
			t.Errorf("%s, a moment before its end: %s", c.name, got.text())
		}
		clock.Set(ends)
		if got := f.call(org.APIKey, "hostaway_echo", `{}`); !got.Result.IsError || !strings.Contains(got.text(), c.says) || !strings.Contains(got.text(), billingLink) {
			t.Errorf("%s, at its end: %s", c.name, got.text())
		}
	}
}

// Every reason has words of its own with a next step; one that nobody has words for has some all the same.
func TestEveryReasonIsExplained(t *testing.T) {
	t.Parallel()
	f := newFrameOn(t, storetest.Open(t, storetest.WithBilling()), frameTools(), nil)
	org := f.org("A")
	if got := f.call(org.APIKey, "hostaway_echo", `{}`); !got.Result.IsError || !strings.Contains(got.text(), "free trial begins with the connection") || !strings.Contains(got.text(), "/connection") {
		t.Errorf("not connected: %s", got.text())
	}
	storetest.Connect(t, org.Org, 60001, "secret of Hostaway")
	said := map[string]store.AccessReason{}
	for _, reason := range []store.AccessReason{
		store.ReasonTrialEnded, store.ReasonTrialUsed, store.ReasonPaymentFailed, store.ReasonPaymentPending, store.ReasonUnpaid, store.ReasonPaused,
		store.ReasonCanceled, store.ReasonRefunded, store.ReasonDisputed, store.ReasonCustomerDeleted, "something_new",
	} {
		setAccess(t, org.Org, func(acc *store.BillingAccount) { acc.Access, acc.AccessReason = store.AccessSuspended, reason })
		got := f.call(org.APIKey, "hostaway_echo", `{}`)
		what, _, _ := strings.Cut(got.text(), ". ")
		if other, twice := said[what]; twice {
			t.Errorf("%s is told like %s: %s", reason, other, what)
		}
		said[what] = reason
		if !got.Result.IsError || !strings.Contains(got.text(), billingLink) || !strings.Contains(got.text(), " at ") || strings.Contains(got.text(), string(reason)) && strings.Contains(string(reason), "_") {
			t.Errorf("%s: %s", reason, got.text())
		}
	}
}

// Where nobody pays, nothing of this shows.
func TestWithoutBillingEverybodyHasAccess(t *testing.T) {
	t.Parallel()
	f := newFrame(t, frameTools(whoamiTools("v1", "here")...), nil)
	org := f.org("A")
	storetest.Connect(t, org.Org, 60001, "secret of Hostaway")
	if got := f.call(org.APIKey, "hostaway_echo", `{}`); got.Result.IsError {
		t.Errorf("without billing: %s", got.text())
	}
	if got := f.call(org.APIKey, "hostaway_whoami", `{}`); strings.Contains(got.text(), `"access"`) {
		t.Errorf("whoami without billing: %s", got.text())
	}
	if _, err := org.Org.Billing(t.Context()); err == nil {
		t.Error("a trial was started without billing")
	}
}
