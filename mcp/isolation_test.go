// Isolation: two orgs whose Hostaway accounts use the same ids. No answer to one may hold anything of the other, whatever ids, keys,
// cursors and tokens are mixed, in both protocol eras, under a hundred callers at once. A tool without a case fails the test.

package mcp

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hostaway-mcp/hostaway"
	"hostaway-mcp/hostaway/hostawaytest"
	"hostaway-mcp/secret"
	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

// accounts gives each org the client of its own account, made from the credentials in its own connection.
type accounts struct {
	url    string
	budget *hostaway.Budget
	mu     sync.Mutex
	byOrg  map[string]*hostaway.Client
}

func (a *accounts) ClientFor(ctx context.Context, org *store.Org) (*hostaway.Client, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if client := a.byOrg[org.ID()]; client != nil {
		return client, nil
	}
	credentials, err := org.Credentials(ctx)
	if err != nil {
		return nil, err
	}
	client := hostaway.NewClient(hostaway.Config{
		BaseURL: a.url, Budget: a.budget, ActivationWait: -1,
		Credentials: hostaway.Credentials{AccountID: credentials.AccountID, Secret: credentials.Secret},
	})
	a.byOrg[org.ID()] = client
	return client, nil
}

// side is one of the two orgs, with everything by which it could be recognised.
type side struct {
	storetest.Fixture
	account *hostawaytest.Account
	marker  string
}

type twoOrgs struct {
	*frame
	a, b *side
}

func newTwoOrgs(t *testing.T) *twoOrgs {
	t.Helper()
	sim := hostawaytest.Start(hostawaytest.Options{ActivationDelay: -1})
	t.Cleanup(sim.Close)
	many := hostaway.Rate{Calls: 1 << 20, Per: time.Second}
	clients := &accounts{url: sim.URL(), budget: hostaway.NewBudget(hostaway.BudgetConfig{PerAccount: many, PerIP: many}), byOrg: map[string]*hostaway.Client{}}
	two := &twoOrgs{frame: newFrame(t, catalog("v1.2.3", "at http://127.0.0.1:8080/connection"), func(c *Config) { c.Hostaway, c.Now = clients, testNow })}
	make := func(id int64, marker string) *side {
		s := &side{Fixture: two.org("Org " + marker), marker: marker}
		s.account = sim.AddAccount(hostawaytest.Account{ID: id, Secret: "secret-" + marker, Seed: id, Today: "2026-05-31", Marker: marker})
		storetest.Connect(t, s.Org, id, "secret-"+marker)
		return s
	}
	two.a, two.b = make(60001, "Qalpha"), make(60002, "Qbravo")
	return two
}

// isolationCases are, for every tool, arguments that are good for both orgs: with colliding ids they reach rows of both accounts.
// $listing, $reservation and $conversation stand for such ids.
func isolationCases() map[string][]string {
	const change = `{"changes":[{"listing_ids":[$listing],"price":"123.45"}]%s}`
	return map[string][]string{
		"hostaway_whoami":                {`{}`},
		"hostaway_list_properties":       {`{}`, `{"limit":3}`},
		"hostaway_get_property_details":  {`{"listing_id":$listing}`, `{"listing_id":"$listing","detail":true}`},
		"hostaway_check_availability":    {`{"arrival":"2026-09-01","departure":"2026-09-04"}`, `{"listing_id":$listing,"arrival":"2026-09-01","departure":"2026-09-04"}`},
		"hostaway_search_bookings":       {`{"limit":10}`, `{"listing_id":$listing,"limit":10}`, `{"guest_name":"a","arrival_from":"2026-05-01","arrival_to":"2026-06-01"}`},
		"hostaway_get_booking_details":   {`{"reservation_id":$reservation}`},
		"hostaway_get_guest_info":        {`{"reservation_id":$reservation}`},
		"hostaway_get_financial_reports": {`{"report":"standard","from":"2026-05-01","to":"2026-05-15"}`, `{"report":"listing_financials","from":"2026-05-01","to":"2026-06-01"}`},
		"hostaway_get_financial_summary": {`{"from":"2026-05-01","to":"2026-06-01"}`, `{"from":"2026-05-01","to":"2026-06-01","date_basis":"nights","listing_ids":[$listing]}`},
		"hostaway_search_messages":       {`{"reservation_id":$reservation}`},
		"hostaway_get_conversation":      {`{"reservation_id":$reservation}`, `{"conversation_id":$conversation}`},
		"hostaway_create_listing":        {`{"name":"New house","city":"Lisbon"}`},
		"hostaway_batch_update_listings": {fmt.Sprintf(change, "")},
	}
}

// sharedIDs are the same in both accounts.
type sharedIDs struct{ listing, reservation, conversation int64 }

func (i sharedIDs) fill(arguments string) string {
	return strings.NewReplacer("$listing", fmt.Sprint(i.listing), "$reservation", fmt.Sprint(i.reservation), "$conversation", fmt.Sprint(i.conversation)).Replace(arguments)
}

// collidingIDs picks ids that exist on both sides.
func (two *twoOrgs) collidingIDs() []sharedIDs {
	two.t.Helper()
	var both []sharedIDs
	facts := map[int64]bool{}
	for _, f := range two.b.account.Facts() {
		facts[f.ID] = true
	}
	conversations := two.conversationsOf(two.a)
	theirs := two.conversationsOf(two.b)
	for _, f := range two.a.account.Facts() {
		conversation := conversations[f.ID]
		if facts[f.ID] && conversation != 0 && theirs[f.ID] == conversation && slices.Contains(two.b.account.ListingIDs(), f.ListingID) {
			both = append(both, sharedIDs{f.ListingID, f.ID, conversation})
		}
	}
	if len(both) < 20 {
		two.t.Fatalf("only %d reservations have the same ids on both sides: the test needs collisions", len(both))
	}
	return both
}

func (two *twoOrgs) conversationsOf(s *side) map[int64]int64 {
	two.t.Helper()
	client, err := two.server.cfg.Hostaway.ClientFor(two.t.Context(), s.Org)
	if err != nil {
		two.t.Fatal(err)
	}
	found := map[int64]int64{}
	page, err := client.Conversations(two.t.Context(), hostaway.ConversationFilter{}, hostaway.PageRequest{Limit: 100})
	if err != nil {
		two.t.Fatal(err)
	}
	for _, c := range page.Items {
		if c.ReservationID != nil {
			found[*c.ReservationID] = c.ID
		}
	}
	return found
}

// ask calls as s, in the era, and checks that nothing of the other side is in the answer: body and headers.
func (two *twoOrgs) ask(s *side, newEra bool, tool, arguments string) toolResult {
	two.t.Helper()
	body, headers := callBody("7", tool, arguments), []string(nil)
	if newEra {
		body, headers = modern("7", "tools/call", `{"name":"`+tool+`","arguments":`+arguments+`}`)
	}
	response, err := two.send(two.t.Context(), s.APIKey, body, headers...)
	if err != nil {
		two.t.Error(err)
		return toolResult{}
	}
	got := two.read(response)
	two.checkOwn(s, tool+" "+arguments, got)
	return got.tool(two.t)
}

func (two *twoOrgs) checkOwn(s *side, what string, got answer) {
	two.t.Helper()
	other := two.b
	if s == two.b {
		other = two.a
	}
	whole := got.body + fmt.Sprint(got.header)
	for _, foreign := range []string{other.marker, other.Org.ID(), other.Key.ID, fmt.Sprint(other.account.ID), other.APIKey.Reveal(), other.Email} {
		if strings.Contains(whole, foreign) {
			two.t.Errorf("%s of %s: %q of the other org is in the answer: %.300s", what, s.marker, foreign, got.body)
		}
	}
}

func TestIsolation_HundredCallersOnCollidingIDs(t *testing.T) {
	t.Parallel()
	two := newTwoOrgs(t)
	cases, tools, both := isolationCases(), two.server.Tools(), two.collidingIDs()
	for _, tool := range tools {
		if len(cases[tool.Name]) == 0 {
			t.Errorf("%s has no case here: every tool must", tool.Name)
		}
	}
	var mu sync.Mutex
	said := map[string]bool{} // tool, side and era whose answer held the org's own marker
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			s, newEra := two.a, i/2%2 == 1
			if i%2 == 1 {
				s = two.b
			}
			for step := range 3 {
				tool := tools[(i+step*5)%len(tools)].Name
				choices := cases[tool]
				arguments := both[(i*7+step)%len(both)].fill(choices[(i/4+step)%len(choices)])
				got := two.ask(s, newEra, tool, arguments)
				if got.Result.IsError || got.Error != nil {
					t.Errorf("%s %s of %s failed: %s", tool, arguments, s.marker, got.text())
				}
				mu.Lock()
				said[fmt.Sprint(tool, " ", s.marker, " ", newEra)] = said[fmt.Sprint(tool, " ", s.marker, " ", newEra)] || strings.Contains(got.text(), s.marker)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if want := len(tools) * 4; len(said) != want {
		t.Errorf("%d combinations of tool, org and era were called, want %d", len(said), want)
	}
	// The test can only see a leak where rows carry their marker. These tools' answers hold no text of rows.
	withoutText := []string{"hostaway_create_listing", "hostaway_get_financial_reports"}
	for name, own := range said {
		tool, _, _ := strings.Cut(name, " ")
		if !own && !slices.Contains(withoutText, tool) {
			t.Errorf("%s: the org's own marker was never seen, so a foreign one could not be either", name)
		}
	}
	two.checkAudit()
}

// checkAudit looks at what was kept: only the org's own key, and nobody's marker.
func (two *twoOrgs) checkAudit() {
	two.t.Helper()
	for _, s := range []*side{two.a, two.b} {
		entries := two.audit(s.Fixture)
		if len(entries) < 100 {
			two.t.Errorf("%d calls of %s are in its audit log", len(entries), s.marker)
		}
		for _, e := range entries {
			if e.Actor.ID != s.Key.ID {
				two.t.Errorf("a call by %s is in the audit log of %s", e.Actor.ID, s.marker)
			}
		}
	}
}

// TestIsolation_ForeignIDsAndNobodys: an id that only the other org has and an id that nobody has get the same answer.
func TestIsolation_ForeignIDsAndNobodys(t *testing.T) {
	t.Parallel()
	two := newTwoOrgs(t)
	listing := two.b.account.ListingIDs()[0]
	for _, f := range two.a.account.Facts() {
		if f.ListingID == listing {
			two.a.account.DeleteReservation(f.ID)
		}
	}
	two.a.account.DeleteListing(listing) // only B has it now
	reservation := two.b.account.AddReservation(hostawaytest.Stay{ListingID: listing, Arrival: "2026-07-01", Departure: "2026-07-05", BaseRate: "500.00", Email: "guest@" + two.b.marker + ".example"})
	conversation := two.conversationsOf(two.b)[reservation]
	theirs, nobodys := sharedIDs{listing, reservation, conversation}, sharedIDs{99999991, 99999992, 99999993}
	more := map[string][]string{
		"hostaway_get_guest_info":        {`{"email":"guest@` + two.b.marker + `.example"}`, `{"guest_name":"` + two.b.marker + `"}`},
		"hostaway_search_bookings":       {`{"guest_name":"` + two.b.marker + `"}`, `{"email":"guest@` + two.b.marker + `.example"}`},
		"hostaway_list_properties":       {`{"search":"` + two.b.marker + `"}`},
		"hostaway_search_messages":       {`{"from":"2026-05-20","to":"2026-05-31","text":"` + two.b.marker + `"}`},
		"hostaway_batch_update_listings": {`{"changes":[{"listing_ids":[$listing],"price":"1"}]}`},
	}
	number := regexp.MustCompile(`\d{4,}`)
	for tool, choices := range isolationCases() {
		for _, newEra := range []bool{false, true} {
			for _, arguments := range choices {
				if !strings.Contains(arguments, "$") {
					continue
				}
				foreign, nobody := two.ask(two.a, newEra, tool, theirs.fill(arguments)), two.ask(two.a, newEra, tool, nobodys.fill(arguments))
				f, n := number.ReplaceAllString(foreign.text(), "N"), number.ReplaceAllString(nobody.text(), "N")
				if f != n || foreign.Result.IsError != nobody.Result.IsError {
					t.Errorf("%s %s tells an id of the other org from one of nobody:\n%s\n%s", tool, arguments, foreign.text(), nobody.text())
				}
			}
			for _, arguments := range more[tool] {
				// What B is called may be asked by A; the answer must not know it. The words of the question may come back.
				if got := two.post(two.a.APIKey, callBody("1", tool, theirs.fill(arguments))).tool(t); strings.Contains(strings.ReplaceAll(got.text(), arguments, ""), two.b.Org.ID()) {
					t.Errorf("%s %s: %s", tool, arguments, got.text())
				} else if strings.Contains(string(got.Result.Structured), two.b.marker) {
					t.Errorf("%s %s found rows of the other org: %s", tool, arguments, got.Result.Structured)
				}
			}
		}
	}
}

func TestIsolation_CursorsAndTokensOfTheOther(t *testing.T) {
	t.Parallel()
	two := newTwoOrgs(t)
	both := two.collidingIDs()[0]
	// A cursor says where to go on, never whose list it is.
	type paged struct {
		NextCursor string `json:"next_cursor"`
	}
	first := structured[paged](t, two.ask(two.a, false, "hostaway_search_bookings", `{"limit":5}`))
	if first.NextCursor == "" {
		t.Fatal("the list does not go on")
	}
	two.ask(two.b, false, "hostaway_search_bookings", fmt.Sprintf(`{"limit":5,"cursor":%q}`, first.NextCursor))

	for _, tool := range two.server.Tools() {
		if !tool.Writes {
			continue
		}
		arguments := both.fill(isolationCases()[tool.Name][0])
		token := structured[confirmAnswer](t, two.ask(two.a, false, tool.Name, arguments)).ConfirmToken
		with := func(token string) string {
			return strings.TrimSuffix(arguments, "}") + fmt.Sprintf(`,"confirm_token":%q}`, token)
		}
		foreign, invented := two.ask(two.b, false, tool.Name, with(token)), two.ask(two.b, false, tool.Name, with("invented"))
		if !foreign.Result.IsError || foreign.text() != invented.text() {
			t.Errorf("%s with a token of the other org: %s; with an invented one: %s", tool.Name, foreign.text(), invented.text())
		}
		if done := structured[confirmAnswer](t, two.ask(two.a, true, tool.Name, with(token))); done.Status != statusDone {
			t.Errorf("%s with its own token afterwards: %+v", tool.Name, done)
		}
	}
	// A key that was revoked is nobody's.
	if err := two.b.Org.RevokeAPIKey(t.Context(), two.b.By(), two.b.Key.ID); err != nil {
		t.Fatal(err)
	}
	revoked := two.post(two.b.APIKey, callBody("1", "hostaway_whoami", `{}`))
	unknown := two.post(secret.New("hmcp_"+strings.Repeat("0", 43)), callBody("1", "hostaway_whoami", `{}`))
	ignore := regexp.MustCompile(`req_[A-Z0-9]+`)
	if revoked.status != http.StatusUnauthorized || ignore.ReplaceAllString(revoked.body, "") != ignore.ReplaceAllString(unknown.body, "") {
		t.Errorf("a revoked key: HTTP %d %s; an unknown one: %s", revoked.status, revoked.body, unknown.body)
	}
}
