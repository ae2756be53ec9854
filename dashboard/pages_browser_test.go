package dashboard

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

// sight is one page as somebody sees it.
type sight struct {
	name string
	path string
	as   *browser
	prep string // script that brings the page into the state to look at
}

// TestEveryPageLooksRight looks at every page in light and dark, wide and narrow. People who look at the same time have a window each.
func TestEveryPageLooksRight(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *Config) {
		c.SignUp = "open"
		c.Demo = &DemoHint{"demo@example.com", "violet-harbour-28"}
	})
	byPerson := map[*browser][]sight{}
	for _, s := range w.sights(t) {
		byPerson[s.as] = append(byPerson[s.as], s)
	}
	for person, sights := range byPerson {
		t.Run(fmt.Sprintf("%s and %d more", sights[0].name, len(sights)-1), func(t *testing.T) {
			t.Parallel()
			x := w.window(t)
			if person != nil {
				x.use(person)
			}
			for _, s := range sights {
				x.inspect(s)
			}
		})
	}
}

// inspect opens one page and looks at it in four ways.
func (x *window) inspect(s sight) {
	x.t.Helper()
	x.look(false, 1440)
	x.open(s.path)
	if s.prep != "" {
		x.await(s.name+" is ready", s.prep)
	}
	for _, dark := range []bool{false, true} {
		for _, width := range []int{1440, 390} {
			x.look(dark, width)
			name := fmt.Sprintf("%s-%d-%s", s.name, width, map[bool]string{true: "dark", false: "light"}[dark])
			x.wantSound(name)
			x.picture(name)
		}
	}
	x.look(false, 320) // the narrowest phones, and 400 % zoom
	x.wantNoSidewaysScroll(s.name + "-320")
}

// sights lists every page, in its different states.
func (w *world) sights(t *testing.T) []sight {
	rich := storetest.Org(t, w.store, "Harbour Stays")
	w.enrich(t, rich)
	empty := storetest.Org(t, w.store, "Quiet Coast Rentals")
	if err := empty.Org.RevokeAPIKey(t.Context(), empty.By(), empty.Key.ID); err != nil {
		t.Fatal(err)
	}
	refused := storetest.Org(t, w.store, "Alpine Lets")
	conn := storetest.Connect(t, refused.Org, 51877, "refused-secret-Qx7p")
	if err := refused.Org.MarkConnectionRefused(t.Context(), conn.Version, "invalid_client"); err != nil {
		t.Fatal(err)
	}
	link, err := w.store.CreateSignUpLink(t.Context(), store.SetUp, time.Hour, store.Actor{Kind: store.ActorOperator, Name: "operator"})
	if err != nil {
		t.Fatal(err)
	}
	reset, err := w.store.CreatePasswordReset(t.Context(), rich.Email, store.Actor{Kind: store.ActorOperator, Name: "operator"})
	if err != nil {
		t.Fatal(err)
	}
	owner, newcomer, locked, reader := w.owner(t, rich), w.owner(t, empty), w.owner(t, refused), w.member(t, rich, store.RoleMember)
	key := "/keys/" + rich.Key.ID
	return []sight{
		{"login", "/login", nil, ""},
		{"setup", "/setup?link=" + link.Reveal(), nil, ""},
		{"signup", "/signup", nil, ""},
		{"forgot", "/forgot", nil, ""},
		{"reset", "/reset/" + reset.Reveal(), nil, ""},
		{"not-found-visitor", "/nothing-here", nil, ""},
		{"link-expired", "/reset/unknown", nil, ""},
		{"overview", "/", owner, ""},
		{"overview-new", "/", newcomer, ""},
		{"overview-refused", "/", locked, ""},
		{"usage", "/usage", owner, `!!(document.querySelector("details").open = true)`},
		{"usage-90", "/usage?days=90", owner, ""},
		{"usage-empty", "/usage", newcomer, ""},
		{"connection", "/connection", owner, ""},
		{"connection-none", "/connection", newcomer, ""},
		{"connection-refused", "/connection", locked, ""},
		{"connection-member", "/connection", reader, ""},
		{"replace-secret", "/connection/secret", owner, ""},
		{"disconnect", "/connection/disconnect", owner, ""},
		{"keys", "/keys", owner, ""},
		{"keys-empty", "/keys", newcomer, ""},
		{"keys-member", "/keys", reader, ""},
		{"new-key", "/keys/new", owner, ""},
		{"new-key-full", "/keys/new", locked, ""},
		{"regenerate-key", key + "/regenerate", owner, ""},
		{"revoke-key", key + "/revoke", owner, ""},
		{"waiting", key + "/waiting?since=1", owner, ""},
		{"export", "/export", owner, ""},
		{"export-not-owner", "/export", reader, ""},
		{"not-found", "/nothing-here", owner, ""},
		{"forbidden", "/keys/new", reader, ""},
	}
}

// enrich gives an org what a busy one has: a connection, keys, three months of calls.
func (w *world) enrich(t *testing.T, fix storetest.Fixture) {
	by := fix.By()
	by.Name = "Maya Lindqvist"
	count := 84
	if _, err := fix.Org.Connect(t.Context(), by, store.NewConnection{AccountID: 40160, Secret: secret.New("hostaway-secret-x9Qd"), ListingCount: &count}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Cursor – Jonas", "Night audit job"} {
		if _, _, err := fix.Org.CreateAPIKey(t.Context(), by, name); err != nil {
			t.Fatal(err)
		}
	}
	old, _, err := fix.Org.CreateAPIKey(t.Context(), by, "Old laptop")
	if err != nil {
		t.Fatal(err)
	}
	if err := fix.Org.RevokeAPIKey(t.Context(), by, old.ID); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.store.OrgByAPIKey(t.Context(), fix.APIKey); err != nil {
		t.Fatal(err)
	}
	record(t, fix.Org, someCalls(fix.Key, 90))
}

// someCalls are seeded tool calls over the last days.
func someCalls(key store.APIKey, days int) []store.ToolCall {
	random := rand.New(rand.NewPCG(7, 7))
	tools := []string{"hostaway_search_bookings", "hostaway_list_properties", "hostaway_check_availability", "hostaway_get_property_details", "hostaway_search_messages", "hostaway_get_financial_summary"}
	var calls []store.ToolCall
	for back := days - 1; back >= 0; back-- {
		for range 4 + random.IntN(20) {
			outcome := store.OutcomeOK
			if random.IntN(25) == 0 || (back == 8 && random.IntN(3) == 0) {
				outcome = store.OutcomeError
			}
			tool := tools[min(random.IntN(len(tools)), random.IntN(len(tools)))]
			calls = append(calls, store.ToolCall{
				KeyID: key.ID, KeyName: key.Name, ClientName: "claude-code", Tool: tool, Arguments: json.RawMessage(`{}`), Outcome: outcome,
				StartedAt: noon.AddDate(0, 0, -back).Add(-time.Duration(random.IntN(600)) * time.Minute), Duration: time.Duration(80+random.IntN(700)) * time.Millisecond, AnswerBytes: 900,
			})
		}
	}
	return calls
}
