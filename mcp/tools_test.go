// The kit of the tools' tests: the whole catalogue on the real frame, over real HTTP, against a Hostaway that keeps state.

package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"hostaway-mcp/hostaway"
	"hostaway-mcp/hostaway/hostawaytest"
	"hostaway-mcp/secret"
	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

const (
	toolAccount = 51777
	toolToday   = "2026-05-31"
)

// oneHostaway gives every org the same client.
type oneHostaway struct{ client *hostaway.Client }

func (h oneHostaway) ClientFor(context.Context, *store.Org) (*hostaway.Client, error) {
	return h.client, nil
}

type toolFrame struct {
	*frame
	sim     *hostawaytest.Server
	account *hostawaytest.Account
	client  *hostaway.Client
	key     secret.Text
	fixture storetest.Fixture
}

// newToolFrame starts everything; change may alter the account before it is made.
func newToolFrame(t testing.TB, change func(*hostawaytest.Account)) *toolFrame {
	t.Helper()
	// Limits so wide that they are never met, but named in a 429, for the client takes its own from there.
	wide := hostawaytest.Rate{Calls: 1 << 20, Per: time.Second}
	sim := hostawaytest.Start(hostawaytest.Options{ActivationDelay: -1, Limits: hostawaytest.Limits{Account: wide, IP: wide}})
	t.Cleanup(sim.Close)
	account := hostawaytest.Account{ID: toolAccount, Secret: "secret", Seed: 1, Today: toolToday}
	if change != nil {
		change(&account)
	}
	tf := &toolFrame{sim: sim, account: sim.AddAccount(account)}
	many := hostaway.Rate{Calls: 1 << 20, Per: time.Second}
	tf.client = hostaway.NewClient(hostaway.Config{
		BaseURL: sim.URL(), Credentials: hostaway.Credentials{AccountID: toolAccount, Secret: secret.New("secret")}, ActivationWait: -1,
		Budget: hostaway.NewBudget(hostaway.BudgetConfig{PerAccount: many, PerIP: many}),
	})
	tf.frame = newFrame(t, catalog("v1.2.3", "at http://127.0.0.1:8080/connection"), func(c *Config) {
		c.Hostaway, c.Now = oneHostaway{tf.client}, testNow
	})
	tf.fixture = tf.org("Casa Collective")
	tf.key = tf.fixture.APIKey
	return tf
}

// ask calls a tool and decodes its answer into out. Every answer is checked against the byte budget.
func (f *toolFrame) ask(tool string, arguments, out any) {
	f.t.Helper()
	raw := f.raw(tool, arguments)
	if raw.Result.IsError || raw.Error != nil {
		f.t.Fatalf("%s %v: %s %v", tool, arguments, raw.text(), raw.Error)
	}
	d := json.NewDecoder(strings.NewReader(string(raw.Result.Structured)))
	d.DisallowUnknownFields()
	if err := d.Decode(out); err != nil {
		f.t.Fatalf("%s: %v in %s", tool, err, raw.Result.Structured)
	}
}

// refused calls a tool and gives the words of its refusal.
func (f *toolFrame) refused(tool string, arguments any) string {
	f.t.Helper()
	raw := f.raw(tool, arguments)
	if !raw.Result.IsError {
		f.t.Fatalf("%s %v was not refused: %s", tool, arguments, raw.Result.Structured)
	}
	return raw.text()
}

func (f *toolFrame) raw(tool string, arguments any) toolResult {
	f.t.Helper()
	body, err := json.Marshal(arguments)
	if err != nil {
		f.t.Fatal(err)
	}
	got := f.post(f.key, callBody("1", tool, string(body)))
	if n := len(got.last()); n > answerBudget {
		f.t.Errorf("%s answered %d bytes", tool, n)
	}
	return got.tool(f.t)
}

// args are a tool's arguments as a model writes them.
type args map[string]any

func (a args) with(name string, value any) args {
	out := args{name: value}
	for k, v := range a {
		if k != name {
			out[k] = v
		}
	}
	return out
}

// walkPages asks for page after page, until there is no cursor, and gives them all.
func walkPages[Out any](f *toolFrame, tool string, arguments args, next func(Out) string) []Out {
	f.t.Helper()
	var pages []Out
	for range 1000 {
		var page Out
		f.ask(tool, arguments, &page)
		pages = append(pages, page)
		cursor := next(page)
		if cursor == "" {
			return pages
		}
		arguments = arguments.with("cursor", cursor)
	}
	f.t.Fatalf("%s: the pages don't end", tool)
	return nil
}

func wantWords(t testing.TB, text string, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("%q does not say %q", text, word)
		}
	}
}

func day(t testing.TB, text string) hostaway.Date {
	t.Helper()
	d, err := hostaway.ParseDate(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// facts gives the truth by reservation id.
func (f *toolFrame) facts() map[int64]hostawaytest.Fact {
	out := map[int64]hostawaytest.Fact{}
	for _, fact := range f.account.Facts() {
		out[fact.ID] = fact
	}
	return out
}

func TestUnknownIDsSayWhereToFindThem(t *testing.T) {
	t.Parallel()
	f := newToolFrame(t, nil)
	for _, c := range []struct {
		tool  string
		args  args
		words []string
	}{
		{getPropertyDetailsTool, args{"listing_id": 99}, []string{"no listing 99", listPropertiesTool}},
		{checkAvailabilityTool, args{"listing_id": 99, "arrival": "2026-08-01", "departure": "2026-08-03"}, []string{"no listing 99", listPropertiesTool}},
		{searchBookingsTool, args{"listing_id": 99}, []string{"no listing 99", listPropertiesTool}},
		{getFinancialSummaryTool, args{"from": "2026-05-01", "to": "2026-05-31", "listing_ids": 99}, []string{"no listing 99", listPropertiesTool}},
		{getBookingDetailsTool, args{"reservation_id": 99}, []string{"no reservation 99", searchBookingsTool}},
		{getGuestInfoTool, args{"reservation_id": 99}, []string{"no reservation 99", searchBookingsTool}},
		{searchMessagesTool, args{"reservation_id": 99}, []string{"no reservation 99", searchBookingsTool}},
		{getConversationTool, args{"reservation_id": 99}, []string{"no reservation 99", searchBookingsTool}},
		{getConversationTool, args{"conversation_id": 99}, []string{"no conversation 99", searchMessagesTool}},
		{batchUpdateTool, args{"changes": []args{{"listing_ids": []int{99}, "price": 5}}}, []string{"Nothing would change", "99", listPropertiesTool}},
	} {
		wantWords(t, f.refused(c.tool, c.args), c.words...)
	}
}

func TestForeignCursorsAreRefused(t *testing.T) {
	t.Parallel()
	f := newToolFrame(t, nil)
	window := args{"from": "2026-05-01", "to": "2026-05-31"}
	stay := args{"arrival": "2026-08-01", "departure": "2026-08-03"}
	for tool, a := range map[string]args{
		listPropertiesTool: {}, searchBookingsTool: {}, checkAvailabilityTool: stay, getGuestInfoTool: {"guest_name": "a"},
		getFinancialReportsTool: window.with("report", "consolidated"), getFinancialSummaryTool: window, searchMessagesTool: window,
		getConversationTool: {"reservation_id": 1},
	} {
		foreign := sealCursor("another", "1", nil)
		wantWords(t, f.refused(tool, a.with("cursor", foreign)), "does not belong to this question")
	}
	wantWords(t, f.refused(checkAvailabilityTool, stay.with("listing_id", f.account.ListingIDs()[0]).with("cursor", "x")), "does not belong")
	damaged := sealCursor(listPropertiesTool, "rubbish", listPropertiesIn{Status: "active"})
	wantWords(t, f.refused(listPropertiesTool, args{"cursor": damaged}), "damaged")
}

func TestEveryToolPassesHostawaysTroubleOn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		fault hostawaytest.Fault
		words []string
	}{
		{"refusal", hostawaytest.Fault{Kind: hostawaytest.Forbidden, Text: "Not for you", Times: -1}, []string{"Not for you"}},
		{"rubbish", hostawaytest.Fault{Kind: hostawaytest.GarbageJSON, Times: -1}, []string{"Hostaway"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newToolFrame(t, nil)
			if _, err := f.client.Check(t.Context()); err != nil {
				t.Fatal(err)
			}
			f.sim.Fail(c.fault)
			window := args{"from": "2026-05-01", "to": "2026-05-31"}
			stay := args{"arrival": "2026-08-01", "departure": "2026-08-03"}
			for _, call := range []struct {
				tool string
				args args
			}{
				{listPropertiesTool, nil},
				{getPropertyDetailsTool, args{"listing_id": 40101}},
				{checkAvailabilityTool, stay},
				{checkAvailabilityTool, stay.with("listing_id", 40101)},
				{searchBookingsTool, nil},
				{getBookingDetailsTool, args{"reservation_id": 1}},
				{getGuestInfoTool, args{"email": "a@b.example"}},
				{getFinancialReportsTool, window.with("report", "consolidated")},
				{getFinancialSummaryTool, window},
				{getFinancialSummaryTool, window.with("date_basis", "booked")},
				{searchMessagesTool, window},
				{getConversationTool, args{"reservation_id": 1}},
				{getConversationTool, args{"conversation_id": 1}},
				{createListingTool, args{"name": "X"}},
				{batchUpdateTool, args{"changes": []args{{"listing_ids": []int{40101}, "price": 5}}}},
				{batchUpdateTool, args{"changes": []args{{"listing_ids": []int{1, 2, 3, 4, 5, 6}, "price": 5}}}},
			} {
				if call.args == nil {
					call.args = args{}
				}
				wantWords(t, f.refused(call.tool, call.args), c.words...)
			}
		})
	}
}

func TestAShortFaultIsSurvived(t *testing.T) {
	t.Parallel()
	f := newToolFrame(t, nil)
	for i, kind := range []hostawaytest.FaultKind{hostawaytest.Status500HTML, hostawaytest.Drop, hostawaytest.RateLimit, hostawaytest.TokenRevoked} {
		f.sim.Fail(hostawaytest.Fault{Path: "/listings", Kind: kind})
		var out listPropertiesOut
		f.ask(listPropertiesTool, args{"limit": i + 1}, &out)
		if len(out.Listings) != i+1 {
			t.Errorf("fault %d: %d listings, want %d", kind, len(out.Listings), i+1)
		}
	}
}

func ids[T any](rows []T, id func(T) int64) string {
	var b strings.Builder
	for _, row := range rows {
		fmt.Fprint(&b, id(row), " ")
	}
	return b.String()
}

func decimalOf(t testing.TB, text string) decimal.Decimal {
	t.Helper()
	d, err := decimal.NewFromString(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
